// SPDX-License-Identifier: GPL-2.0-or-later
// What is around the services: VRRP groups, peers, BFD, routes of VIPs, interfaces; and what was dropped.
import {attr, by, el, Keyed, row, table, text} from "./dom.js";
import {count, kind, latency, short, since, span} from "./words.js";

const join = parts => parts.filter(Boolean).join("; ");

function group(g, now) {
	return {
		kind: "VRRP", name: g.name, state: g.state,
		text: join([`for ${span(since(g.since, now))}: ${g.why}`, g.fault, g.waits_for && `waits for ${g.waits_for}`,
			`priority ${g.priority}${g.priority === g.priority_configured ? "" : ` of ${g.priority_configured}`}`,
			g.active && g.state !== "active" && `active is ${g.active}`, g.addresses.join(", "),
			g.device && `${g.virtual_mac} on ${g.device}`, g.send_error, g.announce_error, g.address_error, g.device_error]),
	};
}

function peer(p, now) {
	const behind = p.records.exchanged && !p.records.ours.complete;

	return {
		kind: "peer", name: p.name, state: p.state,
		text: join([p.address, p.since && `for ${span(since(p.since, now))}`, p.state === "up" && latency(p.rtt_us),
			p.difference && `another configuration: ${p.difference}`,
			p.other_tables?.n && `other tables of ${p.other_tables.n} services`,
			p.disputes.length && `${p.disputes.length} backends disputed`,
			behind && `has ${p.records.ours.percent} % of the records`]),
	};
}

function session(b, now) {
	return {
		kind: "BFD", name: b.peer, state: b.state,
		text: join([`for ${span(since(b.since, now))}`, b.state !== "up" && b.reason,
			b.detection_ms && `detects in ${Math.round(b.detection_ms)} ms`, b.trouble]),
	};
}

const route = (v, now) => ({
	kind: "route", name: v.vip, state: v.announced ? "announced" : "not announced",
	text: join([`for ${span(since(v.since, now))}`, v.why]),
});

const link = i => ({
	kind: "interface", name: i.name, state: i.ifindex ? i.mode : "gone",
	text: i.ifindex ? `XDP ${i.attach === "link" ? "alone on the hook" : "behind the dispatcher"}` : "and the program with it",
});

function entries(doc) {
	return [
		...doc.vrrp.groups.map(g => group(g, doc.time)),
		...(doc.peers?.list ?? []).map(p => peer(p, doc.time)),
		...doc.bfd.sessions.map(b => session(b, doc.time)),
		...doc.anycast.vips.map(v => route(v, doc.time)),
		...doc.interfaces.map(link),
	];
}

function aroundRow() {
	const {node, cells: [name, state, more]} = row(["name", "", "more"]);
	const what = el("small", {});
	const title = el("span", {});
	const pill = el("span", {});

	name.append(title, what);
	state.append(pill);
	return {
		node,
		fill(e) {
			text(title, e.name);
			text(what, e.kind);
			text(pill, e.state);
			attr(pill, "class", `pill ${kind(e.state)}`);
			text(more, e.text);
		},
	};
}

function dropRow() {
	const {node, cells: [name, rate, all]} = row(["name", "number", "number"]);
	const title = el("span", {});
	const why = el("small", {});

	name.append(title, why);
	return {
		node,
		fill(d) {
			text(title, d.name.replace(/^drop_/, "").replaceAll("_", " "));
			text(why, d.text);
			text(rate, short(d.packets_per_s));
			text(all, count(d.packets));
		},
	};
}

export class Around {
	constructor() {
		const around = table("Roles and peers", [["Name"], ["State"], ["More"]]);
		const drops = table("Packets that were dropped, by reason", [["Reason"], ["Now /s", "number"], ["Ever", "number"]]);

		by("around").append(around.node);
		this.none = el("p", {class: "muted empty"}, "Nothing was dropped.");
		this.dropTable = drops.node;
		by("drops").append(drops.node, this.none);
		this.rows = new Keyed(around.body, aroundRow);
		this.drops = new Keyed(drops.body, dropRow);
	}

	fill(doc) {
		const drops = [...doc.drops].sort((a, b) => b.packets_per_s - a.packets_per_s || b.packets - a.packets);

		this.rows.update(entries(doc), e => `${e.kind} ${e.name}`);
		this.drops.update(drops, d => d.name);
		this.dropTable.hidden = !drops.length;
		this.none.hidden = drops.length > 0;
	}
}
