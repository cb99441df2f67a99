// SPDX-License-Identifier: GPL-2.0-or-later
// Sparklines and timelines, as SVG.
import {attr, svg, text} from "./dom.js";
import {percent} from "./words.js";

const WIDTH = 96;
const HEIGHT = 22;
const KEPT = 60;

// A rate over the last refreshes. It says nothing that the number beside it does not.
export class Sparkline {
	constructor() {
		this.values = [];
		this.line = svg("path", {class: "line"});
		this.area = svg("path", {class: "area"});
		this.node = svg("svg", {class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true",
			preserveAspectRatio: "none"}, this.area, this.line);
	}

	add(value) {
		this.values.push(value);
		if (this.values.length > KEPT)
			this.values.shift();
		this.draw();
	}

	draw() {
		const most = Math.max(1, ...this.values);
		const step = WIDTH / (KEPT - 1);
		const left = WIDTH - (this.values.length - 1) * step;
		const points = this.values.map((v, i) =>
			`${(left + i * step).toFixed(1)} ${(HEIGHT - 1 - v / most * (HEIGHT - 3)).toFixed(1)}`);
		const line = `M${points.join("L")}`;

		attr(this.line, "d", line);
		attr(this.area, "d", `${line}V${HEIGHT}H${left.toFixed(1)}Z`);
	}
}

// Its letters, and how high each stands: what is wrong is seen without colours, too.
const LETTERS = {
	u: ["u", 5, 8], s: ["s", 1, 16], d: ["d", 0, 18], o: ["o", 8, 5], "?": ["q", 10, 2],
};
const WORST = "ds";

// The states of a service or a backend over some hours, one letter for each part of them.
export class Timeline {
	constructor() {
		this.title = svg("title");
		this.bars = svg("g");
		this.node = svg("svg", {class: "timeline", role: "img", viewBox: "0 0 48 18", preserveAspectRatio: "none"},
			this.title, svg("rect", {class: "track", width: "100%", y: 8.5, height: 1}), this.bars);
	}

	// `now`: its letter at this moment; past: what /v1/timeline says of it, or nothing.
	fill(past, hours, now) {
		let cells = past ? past.cells : ".".repeat(47) + now;
		const share = past && past.percent !== null ? percent(Math.floor(past.percent * 100) / 100) : "unknown";
		const told = past ? `${hours} h: ${share} available, ${past.outages} ${past.outages === 1 ? "outage" : "outages"}`
			: "nothing is known of the past";

		if (WORST.includes(now) && cells.at(-1) !== "d")
			cells = cells.slice(0, -1) + now;
		text(this.title, told);
		attr(this.node, "aria-label", told);
		if (cells === this.cells)
			return;
		this.cells = cells;
		attr(this.node, "viewBox", `0 0 ${cells.length} 18`);
		this.bars.replaceChildren(...Timeline.#runs(cells));
	}

	static #runs(cells) {
		const bars = [];

		for (let i = 0, n; i < cells.length; i += n) {
			const shape = LETTERS[cells[i]];

			for (n = 1; cells[i + n] === cells[i]; n++)
				;
			if (shape)
				bars.push(svg("rect", {class: shape[0], x: i, width: n - 0.12, y: shape[1], height: shape[2]}));
		}
		return bars;
	}
}
