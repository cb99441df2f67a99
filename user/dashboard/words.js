// SPDX-License-Identifier: GPL-2.0-or-later
// Numbers, times and states as people read them.

const UNITS = ["", "k", "M", "G", "T"];

// 1234567 -> "1.23 M"; below a thousand as it is.
export function short(n) {
	let unit = 0;

	if (n < 1000)
		return String(Math.round(n));
	while (n >= 999.5 && unit < UNITS.length - 1) {
		n /= 1000;
		unit++;
	}
	return `${n.toPrecision(3)} ${UNITS[unit]}`;
}

export const bits = bytes => `${short(bytes * 8)}${bytes * 8 < 1000 ? " " : ""}bit/s`;
export const packets = n => `${short(n)}${n < 1000 ? " " : ""}pkt/s`;
export const count = n => n.toLocaleString("en").replaceAll(",", "\u202f");
export const percent = x => `${x >= 99.995 || x === 0 ? x.toFixed(0) : x.toFixed(2)} %`;

export function latency(us) {
	if (us < 1000)
		return `${us} µs`;
	return us < 100000 ? `${(us / 1000).toFixed(1)} ms` : `${Math.round(us / 1000)} ms`;
}

// How long, of two units at most: "3 d 4 h".
export function span(seconds) {
	const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
	const s = Math.max(0, Math.round(seconds));
	const first = parts.findIndex(([size]) => s >= size);
	const [size, unit] = parts[first < 0 ? 3 : first];
	const next = parts[first + 1];
	const more = next && first >= 0 ? Math.floor(s % size / next[0]) : 0;

	return `${Math.floor(s / size)} ${unit}${more ? ` ${more} ${next[1]}` : ""}`;
}

// Seconds since a time of the agent's, by its own clock.
export const since = (time, now) => (Date.parse(now) - Date.parse(time)) / 1000;

// A moment, with its day unless that is today.
export function clock(time) {
	const t = new Date(time);
	const day = t.toDateString() === new Date().toDateString() ? "" : `${t.toLocaleDateString("sv")} `;

	return day + t.toLocaleTimeString("sv");
}

const KINDS = {
	up: "ok", serving: "ok", active: "ok", announced: "ok", native: "ok", live: "ok",
	starting: "info", backup: "info", draining: "info", disabled: "info", leaving: "info", generic: "info",
	suspect: "warn", unknown: "warn", init: "warn", initialize: "warn", "below min_up": "warn", panic: "warn",
	disputed: "warn",
};

// How a state is coloured; what is not known is bad.
export const kind = state => KINDS[state] || "bad";
