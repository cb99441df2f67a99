# SPDX-License-Identifier: GPL-2.0-or-later
"""Metrics as Prometheus reads them."""
import re

SAMPLE = re.compile(r"(?P<name>[a-z_]+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"(?:,|$)')


class Metrics:
    """The samples of a text; a family's type by its name."""

    def __init__(self, text):
        self.text = text
        self.types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
        self.samples = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            m = SAMPLE.fullmatch(line)
            assert m, line
            key = (m["name"], frozenset(LABEL.findall(m["labels"] or "")))
            assert key not in self.samples, f"twice: {line}"
            self.samples[key] = float(m["value"])

    def get(self, name, **labels):
        """The value of one sample."""
        return self.samples[(name, frozenset(labels.items()))]

    def all(self, name):
        """[(labels, value)] of a family."""
        return [(dict(labels), v) for (n, labels), v in self.samples.items() if n == name]
