// SPDX-License-Identifier: GPL-2.0-or-later
// Asks the agent, and gives what it says to the parts of the page.
import {Around} from "./around.js";
import {Sparkline} from "./charts.js";
import {attr, by, el, text} from "./dom.js";
import {Events} from "./events.js";
import {Services} from "./services.js";
import {bits, clock, count, packets, short, span} from "./words.js";

const OFTEN_MS = 2000;
const SELDOM_MS = 10000; // with so many backends that an answer is work
const MANY = 512;
const PAST_MS = 60000;
const PAST_AGAIN_MS = 10000;
const SOON_MS = 300; // after an event: those that come together are one
const PATIENCE_MS = 8000;

class Page {
	constructor() {
		this.services = new Services(() => this.askDetails().catch(() => {}));
		this.around = new Around();
		this.events = new Events(() => this.soon());
		this.tiles = new Map();
		this.traffic = new Sparkline();
		by("hours").addEventListener("change", () => this.askPast());
		document.addEventListener("visibilitychange", () => document.hidden || this.ask());
		this.ask();
		this.askPast();
	}

	async get(path) {
		const answer = await fetch(path, {signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store"});

		if (!answer.ok)
			throw new Error(`${path}: ${answer.status}`);
		return answer.json();
	}

	soon() {
		clearTimeout(this.next);
		this.next = setTimeout(() => this.ask(), SOON_MS);
	}

	// The state, and then again after a while. A page that nobody looks at asks nothing.
	async ask() {
		clearTimeout(this.next);
		if (document.hidden)
			return;
		if (this.asking) {
			this.soon();
			return;
		}
		this.asking = true;
		try {
			this.show(await this.get("v1/overview"));
			await this.askDetails();
		} catch (e) {
			this.lost(e);
		}
		this.asking = false;
		clearTimeout(this.next);
		this.next = setTimeout(() => this.ask(), this.services.total > MANY ? SELDOM_MS : OFTEN_MS);
	}

	async askDetails() {
		for (const name of this.services.missing()) {
			const doc = await this.get(`v1/overview?service=${encodeURIComponent(name)}`);

			this.services.fillDetail(doc.services[0]);
		}
	}

	async askPast() {
		let wait = PAST_MS;

		clearTimeout(this.nextPast);
		if (!document.hidden) {
			const hours = Number(by("hours").value);

			try {
				const past = await this.get(`v1/timeline?hours=${hours}`);

				this.services.hours = hours;
				this.services.fillPast(past);
			} catch {
				// Too many ask for it at once; or there is no journal, or it can't be read now, as events say.
				wait = PAST_AGAIN_MS;
			}
		}
		this.nextPast = setTimeout(() => this.askPast(), wait);
	}

	show(doc) {
		const back = this.lostAt;

		if (this.version && doc.version !== this.version)
			location.reload(); // the page is of another version than the agent
		this.version = doc.version;
		this.lostAt = null;
		document.body.classList.remove("stale");
		text(by("link"), "live");
		attr(by("link"), "class", "pill ok");
		text(by("instance"), doc.instance);
		text(by("about"), `${doc.version}, for ${span(doc.uptime_s)}`);
		document.title = `${doc.instance} – fairlead`;
		this.showNotices(this.notices(doc));
		this.showTiles(doc);
		this.services.fill(doc);
		this.around.fill(doc);
		if (back) {
			this.events.resume();
			this.askPast();
		}
	}

	// What was shown last stays, and is said to be old.
	lost(why) {
		console.warn(why);
		this.lostAt ??= new Date();
		document.body.classList.add("stale");
		text(by("link"), "no answer");
		attr(by("link"), "class", "pill bad");
		this.showNotices([["bad", `The agent has not answered since ${clock(this.lostAt)}: what you see is of then. ` +
			"Packets go on by the last tables. Trying again."]]);
	}

	notices(doc) {
		const list = doc.problems.map(p => ["bad", `This machine is not fit to balance: ${p}.`]);

		if (doc.config.unconfirmed)
			list.push(["warn", "The configuration waits for its confirmation: without it, the one before comes back."]);
		if (doc.journal?.trouble)
			list.push(["warn", `The journal can't be written: ${doc.journal.trouble}`]);
		return list;
	}

	// role=alert reads what is new: so nothing is made anew that is the same.
	showNotices(list) {
		const key = JSON.stringify(list);

		if (key === this.noticed)
			return;
		this.noticed = key;
		by("notices").replaceChildren(...list.map(([kind, sentence]) => el("p", {class: `notice ${kind}`}, sentence)));
	}

	tile(name) {
		let t = this.tiles.get(name);

		if (!t) {
			t = {value: el("dd", {}), more: el("dd", {class: "muted"})};
			t.node = el("div", {}, el("dt", {}, name), t.value, t.more);
			this.tiles.set(name, t);
			by("tiles").append(t.node);
		}
		return t;
	}

	put(name, value, more, bad = false) {
		const t = this.tile(name);

		text(t.value, value);
		attr(t.value, "class", bad ? "bad" : null);
		text(t.more, more);
	}

	showTiles(doc) {
		const sum = key => doc.services.reduce((n, s) => n + key(s), 0);
		const n = doc.services.length;
		const serving = doc.services.filter(s => s.usable && s.enough && !s.slots_unserved).length;
		const usable = sum(s => s.usable);
		const configured = sum(s => s.configured);
		const moving = sum(s => s.transition.moving);
		const drops = doc.drops.reduce((all, d) => all + d.packets_per_s, 0);

		this.put("Traffic", packets(sum(s => s.packets_per_s)), bits(sum(s => s.bytes_per_s)));
		if (!this.traffic.node.isConnected)
			this.tile("Traffic").node.append(this.traffic.node);
		this.traffic.add(sum(s => s.packets_per_s));
		this.put("Services", `${serving} of ${n}`, "serving", serving < n);
		this.put("Backends", `${count(usable)} of ${count(configured)}`, "usable", usable < configured);
		this.put("Slots moving", count(moving), `${count(sum(s => s.transition.pinned))} pinned, ` +
			`${count(sum(s => s.transition.waiting))} waiting`);
		this.put("Records", count(doc.records.flows), `room for ${short(doc.records.room)}`);
		this.put("Drops", packets(drops), `${doc.drops.length} reasons ever`);
	}
}

new Page();
