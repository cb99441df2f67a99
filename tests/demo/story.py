# SPDX-License-Identifier: GPL-2.0-or-later
"""What the demos say, and what they promise."""


def say(text):
    """One line of the demo's story."""
    print(text, flush=True)


class Promises:
    """What was promised, what was measured, whether it held."""

    def __init__(self):
        self.rows = []

    def check(self, what, measured, holds):
        """Adds a row and says it at once."""
        self.rows.append((what, measured, holds))
        say(f"    {'ok  ' if holds else 'BROKEN'} {what}: {measured}")

    def table(self):
        """The summary."""
        wide = max(len(r[0]) for r in self.rows)
        mid = max(len(str(r[1])) for r in self.rows)
        say("\n" + f"{'promise':<{wide}}  {'measured':<{mid}}  held")
        say("-" * (wide + mid + 8))
        for what, measured, holds in self.rows:
            say(f"{what:<{wide}}  {measured:<{mid}}  {'yes' if holds else 'NO'}")
        return all(r[2] for r in self.rows)
