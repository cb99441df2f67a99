#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints the benchmark's results as a table and draws them.

usage: report.py RESULTS.json DRAWING.svg
"""
import json
import sys
from xml.sax.saxutils import escape

WIDTH = 900
LABELS = 300
ROW = 18
COLORS = {"path": "#3366aa", "step": "#cc8833", "curve": "#448855", "live": "#885599"}


def text_of(value):
    """A figure with about four digits."""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.2f}"


def cells(row):
    """Median, smallest and largest of a row, and its unit."""
    return (text_of(row["value"]), text_of(row["min"]), text_of(row["max"]), row["unit"])


def table(rows):
    """Every row of the results; a figure and what it is relative to something stand side by side."""
    verdict = {None: "", True: "holds", False: "MISSED"}
    lines = [("what", "median", "min", "max", "", "median", "min", "max", "", "goal", "")]
    for i, r in enumerate(rows):
        if i and rows[i - 1]["name"] == r["name"]:
            continue
        other = rows[i + 1] if i + 1 < len(rows) and rows[i + 1]["name"] == r["name"] else None
        judged = other if other and other["goal"] else r
        lines.append((r["name"],) + cells(r) + (cells(other) if other else ("",) * 4) +
                     (judged["goal"] or "", verdict[judged["holds"]]))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    section = None
    for line in lines:
        if line[0].partition(":")[0] != section:
            section = line[0].partition(":")[0]
            print()
        print("  ".join(cell.rjust(w) if i in (1, 2, 3, 5, 6, 7) else cell.ljust(w)
                        for i, (cell, w) in enumerate(zip(line, widths))).rstrip())
    goals = [r["holds"] for r in rows if r["goal"] is not None]
    print(f"\n{goals.count(True)} of {len(goals)} goals hold")


class Drawing:
    """Bars below each other, each section with a scale of its own."""

    def __init__(self):
        self.parts = []
        self.y = 10

    def text(self, x, words, anchor="start", size=12, weight="normal"):
        """Words at the current height."""
        self.parts.append(f'<text x="{x:.0f}" y="{self.y:.0f}" font-size="{size}" text-anchor="{anchor}" '
                          f'font-weight="{weight}">{escape(words)}</text>')

    def section(self, title, bars, color, goal=None):
        """bars: [(label, value, min, max)]; the thin line is the range of rounds."""
        self.y += 28
        self.text(10, title, size=14, weight="bold")
        scale = (WIDTH - LABELS - 90) / max(b[1] for b in bars)
        for label, value, low, high in bars:
            self.y += ROW
            self.text(LABELS - 8, label, "end")
            width = max(value, 0) * scale
            self.rect(LABELS, self.y - 11, width, 13, color)
            right = min(high * scale, WIDTH - LABELS - 60)
            self.rect(LABELS + max(low, 0) * scale, self.y - 5, max(right - max(low, 0) * scale, 1), 1, "#000")
            self.text(LABELS + max(width, right) + 6, text_of(value))
        if goal:
            x = LABELS + goal * scale
            height = len(bars) * ROW
            self.rect(x, self.y - height + 4, 1.5, height, "#cc2222")

    def rect(self, x, y, width, height, color):
        """A box."""
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                          f'fill="{color}"/>')

    def save(self, path):
        """Writes the file."""
        height = self.y + 20
        with open(path, "w", encoding="utf-8") as f:
            f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
                    f'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#fff"/>\n')
            f.write("\n".join(self.parts))
            f.write("\n</svg>\n")


def draw(rows, path):
    """One panel for each section of the results that has bars to show."""
    panels = (
        ("path", "ns", "Cost of a packet, ns net of an empty XDP_TX program", None),
        ("step", "ns", "What each step costs, ns", None),
        ("curve", "ns", "Cost against the number of services and backends, ns", None),
        ("live", "x MAC swap", "Rate on a veth pair, times that of swapping MAC addresses (red: goal)", 0.75),
    )
    drawing = Drawing()
    for section, unit, title, goal in panels:
        bars = []
        for r in rows:
            kind, _, what = r["name"].partition(": ")
            if kind == section and r["unit"] == unit:
                bars.append((what, r["value"], r["min"], r["max"]))
        if bars:
            drawing.section(title, bars, COLORS[section], goal)
    drawing.save(path)


def main(results, drawing):
    """Table on stdout, drawing in a file."""
    with open(results, encoding="utf-8") as f:
        rows = json.load(f)
    table(rows)
    draw(rows, drawing)
    print(f"{results} has the rows, {drawing} the drawing")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
