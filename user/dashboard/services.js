// SPDX-License-Identifier: GPL-2.0-or-later
// Services and their backends.
import {Sparkline, Timeline} from "./charts.js";
import {attr, by, el, Keyed, row, table, text} from "./dom.js";
import {bits, count, kind, latency, packets, percent, short, span} from "./words.js";

const OPEN_UNTIL = 64; // backends altogether: then services are open from the start
const ROWS = 100; // of a service, that are shown unasked
const TAKEN_OUT = ["draining", "disabled", "leaving"];
const WELL = ["up", "starting"];

const COLUMNS = [["Backend", "name"], ["State", "state"], ["Share", "number share"], ["Packets", "number"], ["Traffic", "number wide-only"],
	["Probe", "number"], ["Timeline", "past"], ["What was found", "more"]];

const letter = state => WELL.includes(state) ? "u" : TAKEN_OUT.includes(state) ? "o" : state === "unknown" ? "?" : "d";
const isWell = b => WELL.includes(b.state);

// What a service is, in a word.
function stateOf(s) {
	if (!s.usable)
		return "down";
	if (s.slots_unserved)
		return "incomplete";
	if (!s.enough)
		return "below min_up";
	return s.health.panic ? "panic" : "serving";
}

function notesOf(s) {
	const t = s.transition;
	const notes = [];

	if (t.moving)
		notes.push(`${count(t.moving)} slots moving`);
	if (t.pinned)
		notes.push(`${count(t.pinned)} pinned`);
	if (t.waiting)
		notes.push(`${count(t.waiting)} waiting, ${span(t.ramp_s)}`);
	if (t.records)
		notes.push(`${count(t.records)} records`);
	if ((t.moving || t.pinned) && t.clean_in_s)
		notes.push(`clean in ${span(t.clean_in_s)} at best`);
	if (s.health.backups)
		notes.push("backups called in");
	return notes.join(" · ");
}

function weightOf(b) {
	const parts = [`weight ${b.weight}`];

	if (b.parts_percent < 100)
		parts.push(`takes ${b.parts_percent} %`);
	if (b.backup)
		parts.push("backup");
	if (b.records)
		parts.push(`${count(b.records)} records`);
	return parts.join(", ");
}

class Backend {
	constructor() {
		const {node, cells} = row(COLUMNS.map(([, kinds]) => kinds));

		this.node = node;
		[this.name, this.state, this.share, this.packets, this.traffic, this.probe, this.past, this.more] = cells;
		this.id = el("span", {});
		this.address = el("small", {});
		this.pill = el("span", {});
		this.sinceText = el("small", {});
		this.part = el("span", {});
		this.leaving = el("small", {});
		this.timeline = new Timeline();
		this.name.append(this.id, this.address);
		this.state.append(this.pill, this.sinceText);
		this.share.append(this.part, this.leaving);
		this.past.append(this.timeline.node);
	}

	fill({backend: b, service, past, hours}) {
		text(this.id, b.id);
		text(this.address, b.address);
		attr(this.address, "title", weightOf(b));
		text(this.pill, b.disputed ? `${b.state}, disputed` : b.state);
		attr(this.pill, "class", `pill ${b.disputed ? "warn" : kind(b.state)}`);
		text(this.sinceText, span(b.state_s));
		text(this.part, percent(b.slots / service.slots * 100));
		text(this.leaving, b.slots_leaving ? `${short(b.slots_leaving)} slots leave` : "");
		text(this.packets, packets(b.packets_per_s));
		text(this.traffic, bits(b.bytes_per_s));
		text(this.probe, b.latency_us ? latency(b.latency_us) : "–");
		text(this.more, b.parts_percent < 100 && isWell(b) ? `${b.detail}; takes ${b.parts_percent} % of its weight` : b.detail);
		this.timeline.fill(past, hours, letter(b.state));
	}
}

class Service {
	constructor(service, view) {
		const id = `s-${view.number++}`;

		this.view = view;
		this.button = el("button", {type: "button", "aria-expanded": "false", "aria-controls": id});
		this.where = el("span", {class: "where"});
		this.pill = el("span", {});
		this.usable = el("span", {class: "number"});
		this.rate = el("span", {class: "number"});
		this.traffic = el("span", {class: "number"});
		this.spark = new Sparkline();
		this.timeline = new Timeline();
		this.notes = el("p", {class: "notes"});
		this.table = table(`Backends of ${service.name}`, COLUMNS);
		this.rows = new Keyed(this.table.body, () => new Backend());
		this.all = el("button", {type: "button", class: "plain", hidden: ""});
		this.body = el("div", {id, class: "body"}, this.notes, this.table.node, this.all);
		this.node = el("article", {class: "service"},
			el("div", {class: "head"}, el("h3", {}, this.button, this.where),
				el("span", {class: "state"}, this.pill, this.usable),
				el("span", {class: "rates"}, this.rate, this.traffic), this.spark.node, this.timeline.node),
			this.body);
		this.button.addEventListener("click", () => view.toggle(this.name));
		this.all.addEventListener("click", () => {
			this.showAll = true;
			view.draw();
		});
	}

	fill(s) {
		const open = this.view.isOpen(s.name);
		const state = stateOf(s);

		this.name = s.name;
		text(this.button, s.name);
		attr(this.button, "aria-expanded", String(open));
		text(this.where, `${s.vip} ${s.protocol}/${s.ports} ${s.forward}`);
		text(this.pill, state);
		attr(this.pill, "class", `pill ${kind(state)}`);
		text(this.usable, `${s.usable} of ${s.configured} usable`);
		text(this.rate, packets(s.packets_per_s));
		text(this.traffic, bits(s.bytes_per_s));
		text(this.notes, notesOf(s));
		this.notes.hidden = !this.notes.textContent;
		this.timeline.fill(this.view.past(s.name), this.view.hours, state === "serving" || state === "panic" ? "u" : "d");
		this.body.hidden = !open;
		if (open)
			this.fillRows(s, this.view.backendsOf(s));
	}

	fillRows(s, backends) {
		const many = backends.length > ROWS;
		// Of many, those that are not well come first: the rest is below the fold.
		const sorted = many ? [...backends.filter(b => !isWell(b)), ...backends.filter(isWell)] : backends;
		const shown = this.showAll ? sorted : sorted.slice(0, ROWS);

		this.rows.update(shown.map(b => ({backend: b, service: s, past: this.view.past(s.name, b.id),
			hours: this.view.hours})), item => item.backend.id);
		this.all.hidden = shown.length === sorted.length;
		text(this.all, `Show all ${sorted.length} backends`);
	}
}

export class Services {
	// wanted(): a service was opened whose backends have not been told.
	constructor(wanted) {
		this.wanted = wanted;
		this.number = 0;
		this.toggled = new Map();
		this.details = new Map();
		this.pasts = new Map();
		this.hours = 24;
		this.views = new Keyed(by("list"), s => new Service(s, this));
		this.filter = by("filter");
		this.unwell = by("unwell");
		this.filter.addEventListener("input", () => this.draw());
		this.unwell.addEventListener("change", () => this.draw());
	}

	isOpen(name) {
		return this.toggled.get(name) ?? this.total <= OPEN_UNTIL;
	}

	toggle(name) {
		this.toggled.set(name, !this.isOpen(name));
		this.draw();
		this.wanted();
	}

	// Those that are open and whose backends are to be asked for.
	missing() {
		return this.doc ? this.doc.services.filter(s => !s.backends && this.isOpen(s.name)).map(s => s.name) : [];
	}

	backendsOf(s) {
		const backends = s.backends ?? this.details.get(s.name) ?? [];
		const words = this.words();
		const all = !words || this.matchesSelf(s, words);

		return backends.filter(b => (all || `${b.id} ${b.address}`.toLowerCase().includes(words)) &&
			(!this.unwell.checked || !isWell(b)));
	}

	past(service, backend) {
		return this.pasts.get(backend === undefined ? service : `${service}\n${backend}`);
	}

	words() {
		return this.filter.value.trim().toLowerCase();
	}

	matchesSelf(s, words) {
		return `${s.name} ${s.vip} ${s.ports}`.toLowerCase().includes(words);
	}

	matches(s) {
		const words = this.words();
		const told = s.backends ?? this.details.get(s.name);

		if (this.unwell.checked && stateOf(s) === "serving" && s.usable === s.configured)
			return false;
		return !words || this.matchesSelf(s, words) ||
			Boolean(told?.some(b => `${b.id} ${b.address}`.toLowerCase().includes(words)));
	}

	fill(doc) {
		this.doc = doc;
		this.total = doc.services.reduce((n, s) => n + s.configured, 0);
		this.draw();
		for (const s of doc.services)
			this.views.views.get(s.name)?.spark.add(s.packets_per_s);
	}

	fillDetail(service) {
		this.details.set(service.name, service.backends);
		this.draw();
	}

	fillPast(timeline) {
		this.pasts.clear();
		for (const s of timeline.services) {
			this.pasts.set(s.name, s);
			for (const b of s.backends)
				this.pasts.set(`${s.name}\n${b.id}`, b);
		}
		this.draw();
	}

	draw() {
		if (!this.doc)
			return;
		const shown = this.doc.services.filter(s => this.matches(s));

		this.views.update(shown, s => s.name);
		by("none").hidden = shown.length > 0;
	}
}
