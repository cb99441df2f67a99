// SPDX-License-Identifier: GPL-2.0-or-later
// Elements. What comes from a configuration or from a backend becomes text or an attribute's value here, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const by = id => document.getElementById(id);

function fill(node, attributes, children) {
	for (const [name, value] of Object.entries(attributes))
		attr(node, name, value);
	node.append(...children);
	return node;
}

// An element; children are nodes, or strings that become text.
export function el(tag, attributes = {}, ...children) {
	return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
	return fill(document.createElementNS(SVG, tag), attributes, children);
}

// Sets an attribute if it is another one; null: it goes.
export function attr(node, name, value) {
	if (value === null || value === undefined || value === false)
		node.removeAttribute(name);
	else if (node.getAttribute(name) !== String(value))
		node.setAttribute(name, value);
}

// Sets a node's text if it is another one: screen readers and selections are left alone.
export function text(node, value) {
	const s = String(value ?? "");

	if (node.textContent !== s)
		node.textContent = s;
}

// Children of `parent`, one for each item: made once, filled each time, in the items' order.
export class Keyed {
	constructor(parent, make) {
		this.parent = parent;
		this.make = make;
		this.views = new Map();
	}

	// key(item) names it; a view has `node` and fill(item).
	update(items, key) {
		const seen = new Set();
		let at = this.parent.firstChild;

		for (const item of items) {
			const k = key(item);
			let view = this.views.get(k);

			if (seen.has(k))
				continue;
			seen.add(k);
			if (!view) {
				view = this.make(item);
				this.views.set(k, view);
			}
			view.fill(item);
			if (view.node === at)
				at = at.nextSibling;
			else
				this.parent.insertBefore(view.node, at);
		}
		for (const [k, view] of this.views) {
			if (seen.has(k))
				continue;
			view.node.remove();
			this.views.delete(k);
		}
	}
}

// A table for screen readers, too, where the style makes it something else: so roles are said.
export function table(caption, columns) {
	const body = el("tbody", {role: "rowgroup"});
	const heads = columns.map(([name, kind]) => el("th", {scope: "col", role: "columnheader", class: kind}, name));

	return {
		body,
		node: el("table", {role: "table"}, el("caption", {class: "unseen"}, caption),
			el("thead", {role: "rowgroup"}, el("tr", {role: "row"}, ...heads)), body),
	};
}

// A row of it: `head` is its header, cells follow; [class] of each.
export function row(kinds) {
	const cells = kinds.map((kind, i) => i ? el("td", {role: "cell", class: kind})
		: el("th", {role: "rowheader", scope: "row", class: kind}));

	return {node: el("tr", {role: "row"}, ...cells), cells};
}
