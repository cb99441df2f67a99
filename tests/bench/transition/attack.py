#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Spoofed packets at slots that are moving, beside connections that must not notice.

usage: attack.py BUILD RESULT.json

As tcp.py, with less going on: a third of the slots moves away from a backend and back, while SYNs,
ACKs, and SYNs followed by the ACK of a completed handshake, come in at the balancer's port; once from random
sources, once with the addresses of the connections themselves and every port that they may have. The
forged packets end behind the balancer: it is what is attacked. TRANSITION_PACKETS (10000000) of each of the
six kinds, TRANSITION_RATE (500000 a second).
"""
import json
import os
import sys
import time

import tcp
from lab import bpffs
from lab.topology import VIP4, v4

PACKETS = int(os.environ.get("TRANSITION_PACKETS", 10_000_000))
RATE = int(os.environ.get("TRANSITION_RATE", 500_000))
LONG = int(os.environ.get("TRANSITION_CONNECTIONS", 2000))
KINDS = [(kind, live) for live in (False, True) for kind in ("syn", "ack", "pair")]
FLOWS_MAX = 262144  # abi.h: FL_MAX_FLOWS


class Attack(tcp.Bench):
    """The network of tcp.py, and the flood program on the switch's end of the balancer's cable."""

    def flood(self, kind, live):
        """One flood; its report."""
        mac = self.lab.ip("lb", "link", "show", "eth0").split("link/ether ")[1].split()[0]
        aim = [tcp.SOURCES[0], str(len(tcp.SOURCES))] if live else []
        log = f"{self.lab.folder}/flood.log"
        open(log, "w", encoding="ascii").close()
        p = self.lab.procs.start(
            "flood", [f"{self.build}/tests/flood/flood", "to-lb", kind, str(PACKETS), str(RATE), VIP4,
                      str(tcp.PORT), mac, f"{v4('client')}/24", *aim], netns=self.lab.ns("sw"), log=log)
        peak = 0
        while p.poll() is None:
            peak = max(peak, self.records())
            time.sleep(0.2)
        with open(log, encoding="ascii") as f:
            return {**json.loads(f.read()), "peak": peak}

    def records(self):
        """Records, as the agent's last pass has counted them."""
        return self.lab.status()["records"]["flows"]

    def settle(self, moving):
        """Waits until slots of the service are moving, or none is, nor will be."""
        until = time.monotonic() + 6 * tcp.HOLD
        while True:
            now = self.lab.status()["services"][0]["transition"]
            # After a flood of handshakes slots count as full of connections, and move in waves.
            if now["moving"] if moving else not now["moving"] and not now["waiting"]:
                return
            if time.monotonic() > until:
                raise RuntimeError(f"slots do not {'begin' if moving else 'cease'} to move: {now}")
            time.sleep(0.2)

    def attack(self, talk):
        """Every kind, each while slots move; rows."""
        rows = []
        for kind, live in KINDS:
            if talk.poll() is not None:
                raise RuntimeError("the connections ended before the attacks")
            # What still moves would go back to its old owner, and be pinned.
            self.settle(False)
            self.drain("b3")
            self.settle(True)
            before = self.lab.counts("notes")
            report = self.flood(kind, live)
            after = self.lab.counts("notes")
            self.drain("b3")
            name = f"attack: {PACKETS / 1e6:g} M {kind}s, {'live' if live else 'random'} addresses"
            if kind != "ack" and after["tentative"] == before["tentative"]:
                raise RuntimeError(f"{name}: they have met no slot that moves")
            full = after.get("flows_full", 0) - before.get("flows_full", 0)
            rows += [tcp.row(f"{name}, rate", "Mpps", report["packets"] / report["seconds"] / 1e6),
                     tcp.row(f"{name}, records at their peak", "records", report["peak"], FLOWS_MAX / 2),
                     tcp.row(f"{name}, no room in flows", "packets", full, 0)]
        return rows


def main(build, path):
    """Exit 1 when a connection was broken or a goal missed."""
    tcp.LONG, tcp.SHORT = LONG, 2
    tcp.SECONDS = int(len(KINDS) * (PACKETS / RATE * 1.5 + 6 * tcp.HOLD))
    bench = Attack(build)
    bpffs.mount_if_missing(bench.lab.folder)
    try:
        bench.up()
        talk, said = bench.call()
        rows = bench.attack(talk)
        report = bench.report(talk, said)
    finally:
        bench.lab.down()
    rows += tcp.rows_of(report, f"attack: {LONG} connections, all floods", None)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    return any(r["holds"] is False for r in rows)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
