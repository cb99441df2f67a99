// SPDX-License-Identifier: GPL-2.0-or-later
// The journal's events, newest first, as they happen.
import {by, el, text} from "./dom.js";
import {clock, kind} from "./words.js";

const KEPT = 200;
const SETTLED_MS = 1500; // of silence: what was there already has come
const AGAIN_MS = 5000;
// They may change what else is shown.
const CHANGES = ["agent", "backend", "service", "panic", "vrrp", "bfd", "anycast", "peer", "config", "operator"];

function entry(e) {
	const line = el("li", {"data-id": e.id});
	const what = [e.service, e.backend, e.subject].filter(Boolean).join(" · ");

	line.append(el("time", {datetime: e.time, title: e.time}, clock(e.time)), el("span", {class: "kind"}, e.kind));
	if (what)
		line.append(el("b", {}, what));
	if (e.to)
		line.append(el("span", {class: "change"}, e.from ? `${e.from} → ` : "",
			el("span", {class: kind(e.to) === "bad" && e.kind !== "backend" && e.kind !== "service" ? "" : kind(e.to)}, e.to)));
	if (e.detail)
		line.append(el("span", {class: "detail"}, e.detail));
	if (e.actor)
		line.append(el("span", {class: "muted"}, `by ${e.actor}`));
	return line;
}

export class Events {
	// changed(): something has happened that other parts of the page show.
	constructor(changed) {
		this.list = by("events");
		this.note = by("no-events");
		this.changed = changed;
		this.last = 0;
		this.open();
	}

	open() {
		this.source?.close();
		clearTimeout(this.again);
		this.source = new EventSource(this.last ? `v1/events/stream?since=${this.last}` : "v1/events/stream?n=100");
		this.source.onopen = () => this.tell("");
		this.source.onmessage = message => this.add(JSON.parse(message.data));
		this.source.onerror = () => {
			// It tries again by itself, unless it was refused: then there is no journal, or its file can't be read.
			if (this.source.readyState !== EventSource.CLOSED)
				return;
			this.tell("The journal can't be read now, or is switched off: no events are told.");
			this.again = setTimeout(() => this.open(), AGAIN_MS);
		};
		this.settle();
	}

	// After the agent was away: at once, not when the browser thinks of it.
	resume() {
		if (this.source.readyState !== EventSource.OPEN)
			this.open();
	}

	tell(sentence) {
		text(this.note, sentence);
		this.note.hidden = !sentence;
	}

	// What was there when the page was opened is not read aloud.
	settle() {
		clearTimeout(this.quiet);
		this.quiet = setTimeout(() => this.list.setAttribute("aria-busy", "false"), SETTLED_MS);
	}

	add(event) {
		// Of a journal that was begun anew, numbers begin anew.
		if (event.id === this.last)
			return;
		this.last = event.id;
		this.list.prepend(entry(event));
		if (this.list.childElementCount > KEPT)
			this.list.lastElementChild.remove();
		if (this.list.getAttribute("aria-busy") === "true")
			this.settle();
		else if (CHANGES.includes(event.kind))
			this.changed();
	}
}
