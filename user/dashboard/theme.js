// SPDX-License-Identifier: GPL-2.0-or-later
// Light or dark, before anything is painted; kept by the browser where it may keep things.
"use strict";
(() => {
	const KEY = "fairlead-theme";
	const root = document.documentElement;

	function kept() {
		try {
			return localStorage.getItem(KEY) || "auto";
		} catch {
			return "auto";
		}
	}

	function set(theme) {
		if (theme === "light" || theme === "dark")
			root.dataset.theme = theme;
		else
			delete root.dataset.theme;
	}

	set(kept());
	document.addEventListener("DOMContentLoaded", () => {
		const choice = document.getElementById("theme");

		choice.value = root.dataset.theme || "auto";
		choice.addEventListener("change", () => {
			set(choice.value);
			try {
				localStorage.setItem(KEY, choice.value);
			} catch {
				// It holds until the page is left.
			}
		});
	});
})();
