#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a flood of spoofed packets does to established traffic, and what limits cost.

usage: flood.py BUILD RESULT.json

The lab's network in namespaces fl-flood-*. A client exchanges datagrams with a backend through the
balancer, while spoofed TCP packets from random sources come in on the same cable for the same VIP.
Service `web` (TCP) and service `echo` (UDP) have the same limits, each of its own.
"""
import json
import os
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
# pylint: disable=wrong-import-position
from lab import bpffs
from lab.lab import Lab
from lab.topology import VIP4, v4

PACKETS = int(os.environ.get("FLOOD_PACKETS", 10_000_000))
RATE = int(os.environ.get("FLOOD_RATE", 500_000))
STREAM = 5000  # packets a second, from one source
SHARE = 0.99
ROUNDS = 5
ROUND_PACKETS = 1_000_000
PORT = 5353
METERS = 65536  # abi.h: words in each of the sketch's two rows

# Per source: four times the stream's rate. Of the whole service: far less than the flood.
SYN = "{source_packets: 20000, source_connections: 100, connections: 10000, burst: 100ms}"
ACK = "{source_packets: 20000, burst: 100ms}"
OPEN = "{packets: 1000000000, source_packets: 1000000000, connections: 1000000000, " \
       "source_connections: 1000000000, burst: 10s}"
FIRING = "{connections: 1000, source_connections: 1, burst: 10ms, monitor: true}"
DROPPING = FIRING.replace(", monitor: true", "")


class Bench:
    """The lab, and the rows."""

    def __init__(self, build):
        self.lab = Lab("fl-flood", build, f"{build}/flood")
        self.rows = []

    def configure(self, limits):
        """Both services with these limits; None: without, and so without the gate."""
        lab = self.lab
        text = lab.head(events="{flows: 0, drops: 0}") + "services:\n"
        for name, port, protocol in (("web", 80, "tcp"), ("echo", PORT, "udp")):
            of_udp = ", ".join(p for p in (limits or "").strip("{}").split(", ")
                               if "connections" not in p)
            mine = limits if protocol == "tcp" else f"{{{of_udp}}}"
            text += (f"  - name: {name}\n    vip: {VIP4}\n    port: {port}\n"
                     f"    protocol: {protocol}\n    probe: {{port: 80}}\n" +
                     (f"    limits: {mine}\n" if limits else "") +
                     f"    backends: [{{id: b1, address: {v4('b1')}}}]\n")
        lab.configure(text)
        if lab.agent:
            lab.cli("config", "apply")
        else:
            lab.start_agent()
        for name in ("web", "echo"):
            lab.wait_state(name, "b1", "up", 10)
            lab.wait_for(lambda name=name: lab.backend(name, "b1")["slots"], 5, "slots")

    def flood(self, kind, packets, rate, alone=False):
        """The flood program on the switch's end of the balancer's cable; its report."""
        mac = self.lab.ip("lb", "link", "show", "eth0").split("link/ether ")[1].split()[0]
        # What is timed has a CPU to itself, whatever else the machine does.
        before = ["taskset", "-c", "0", "chrt", "-f", "50"] if alone else []
        return json.loads(self.lab.inside(
            "sw", *before, f"{self.lab.build}/tests/flood/flood", "to-lb", kind, str(packets), str(rate), VIP4,
            "80", mac, f"{v4('client')}/24"))

    def stream(self):
        """Starts the established traffic; SIGTERM ends it."""
        log = f"{self.lab.folder}/stream.log"
        open(log, "w", encoding="ascii").close()
        p = self.lab.procs.start("stream", [sys.executable, f"{ROOT}/tests/bench/flood/stream.py",
                                            "send", VIP4, str(PORT), str(STREAM)],
                                 netns=self.lab.ns("client"), log=log)
        return p, log

    def row(self, name, unit, values, goal=None):
        """A row as `make bench-packet` writes it; goal: (text, does the median hold it?)."""
        value = statistics.median(values)
        self.rows.append({"name": name, "unit": unit, "value": round(value, 3),
                          "min": round(min(values), 3), "max": round(max(values), 3),
                          "n": len(values), "goal": goal and goal[0],
                          "holds": goal and goal[1](value)})
        r = self.rows[-1]
        print(f"  {name}: {r['value']} {unit}" + (f" (goal {r['goal']})" if goal else ""), flush=True)

    def kept(self, kind, limits):
        """One flood beside the stream: what is left of the stream, and of the flood."""
        self.configure(limits)
        before = self.lab.counts()
        p, log = self.stream()
        self.lab.wait_for(lambda: self.lab.counts()["send_l2"] > before["send_l2"] + STREAM / 2, 5,
                          "the stream")
        report = self.flood(kind, PACKETS, RATE)
        if self.lab.procs.end(p):
            raise RuntimeError(f"the stream ended with {p.returncode}")
        with open(log, encoding="ascii") as f:
            sent, received = map(int, f.read().split())
        after = self.lab.counts()
        what = f"{PACKETS / 1e6:g} M {kind.upper()}s"
        self.row(f"flood: established traffic kept beside {what}, limits {limits}, sketch "
                 f"2 x {METERS}", "share", [received / sent],
                 (f">= {SHARE}", lambda v: v >= SHARE))
        self.row(f"flood: rate of the {what}", "Mpps", [report["packets"] / report["seconds"] / 1e6])
        self.row(f"flood: {what} that the balancer let through", "share",
                 [report["passed"] / report["packets"]])
        dropped = sum(after[v] - before[v] for v in after if v.startswith("drop_s"))
        self.row(f"flood: {what} dropped by limits", "share", [dropped / report["packets"]])

    def cost(self):
        """Time of the whole live path for a SYN: gate off, on, firing."""
        states = (("gate off", None), ("gate on, nothing over", OPEN),
                  ("firing, monitored", FIRING), ("firing, dropped", DROPPING))
        times = {name: [] for name, _ in states}
        for _ in range(ROUNDS):
            for name, limits in states:
                self.configure(limits)
                r = self.flood("syn", ROUND_PACKETS, 0, alone=True)
                times[name].append(r["seconds"] * 1e9 / r["packets"])
        for name, _ in states:
            self.row(f"limits: live path, SYNs of random sources, {name}", "ns", times[name])
        for name, _ in states[1:]:
            more = [t - off for t, off in zip(times[name], times["gate off"])]
            self.row(f"limits: over gate off, {name}", "ns", more)

    def run(self):
        """Everything, in a lab that is removed whatever happens."""
        lab = self.lab
        bpffs.mount_if_missing(lab.folder)
        try:
            lab.up()
            lab.start_nginx("b1")
            lab.procs.start("echo", [sys.executable, f"{ROOT}/tests/bench/flood/stream.py", "serve",
                                     VIP4, str(PORT)], netns=lab.ns("b1"))
            self.configure(None)
            self.kept("syn", SYN)
            self.kept("ack", ACK)
            self.cost()
        finally:
            lab.down()


def main(build, path):
    """Exit 1 when a goal is missed."""
    bench = Bench(os.path.abspath(build))
    bench.run()
    with open(path, "w", encoding="utf-8") as f:
        json.dump(bench.rows, f, indent=1)
        f.write("\n")
    return any(r["holds"] is False for r in bench.rows)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
