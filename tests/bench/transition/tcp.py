#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Long-lived TCP connections through the balancer while backends come, go and change weight.

usage: tcp.py BUILD RESULT.json [--kill]

The lab's network in namespaces FL_LAB-* (default fl-transition-*). Connections exchange a byte at random
intervals with servers that answer with their number; a script drains, flaps, removes, adds and
reweights backends, several of these at a time. With --kill the agent is killed (SIGKILL) and started
anew in between. Nothing may be reset, and nothing answered by another backend than before. Somebody
always takes new connections, so all have to open; of those that do not, unopened.py says why.
TRANSITION_SECONDS (180), TRANSITION_CONNECTIONS (10000), FL_SEED.
"""
import json
import os
import random
import signal
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
# pylint: disable=wrong-import-position
import unopened
from lab import bpffs
from lab.lab import Lab
from lab.topology import VIP4, v4

SECONDS = int(os.environ.get("TRANSITION_SECONDS", 180))
LONG = int(os.environ.get("TRANSITION_CONNECTIONS", 10000))
SHORT = max(LONG // 50, 2)
SEED = int(os.environ.get("FL_SEED", int(time.time())))
PORT, ALIVE = 7000, 7001  # of the servers; a probe's, that a flap closes
SOURCES = [f"10.77.0.{n}" for n in range(101, 107)]
# Several whole transitions fit in a run; connections speak in two seconds of every hold.
HOLD, MIN_MS, MAX_MS = 20, 1000, 7000
FLAP_S = 3


class Bench:
    """The lab, what is configured, and what has been done to it."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.lab = Lab(os.environ.get("FL_LAB", "fl-transition"), build, f"{build}/transition")
        self.talk = f"{self.build}/tests/transition/talk"
        self.rng = random.Random(SEED)
        self.weights = {b: 100 for b in self.lab.backends}
        self.drained, self.flapping = set(), {}
        self.alive = {}
        self.done = {}
        self.watch = None

    # --- the network --------------------------------------------------------------------------------

    def start_alive(self, b):
        """What the probe asks; without it the backend is down, and its connections live on."""
        self.alive[b] = self.lab.procs.start(f"alive-{b}", [self.talk, "serve", "0.0.0.0", str(ALIVE), "0"],
                                             netns=self.lab.ns(b), log=f"{self.lab.folder}/{b}.log")

    def up(self):
        """Network, servers, agent."""
        lab = self.lab
        lab.up()
        for source in SOURCES:
            lab.ip("client", "addr", "add", f"{source}/24", "dev", "eth0")
        lab.sysctl("client", ipv4__ip_local_port_range="1024 65535")
        for n, b in enumerate(lab.backends):
            lab.sysctl(b, core__somaxconn="8192", ipv4__tcp_max_syn_backlog="16384")
            lab.procs.start(f"serve-{b}", [self.talk, "serve", VIP4, str(PORT), str(n + 1)],
                            netns=lab.ns(b), log=f"{lab.folder}/{b}.log")
            self.start_alive(b)
        self.configure()
        lab.start_agent()
        for b in lab.backends:
            lab.wait_state("talk", b, "up", 10)
        lab.wait_for(lambda: all(lab.backend("talk", b)["slots"] for b in lab.backends), 10, "slots")

    def configure(self):
        """The file: backends that are in it, and their weights."""
        backends = ", ".join(f"{{id: {b}, address: {v4(b)}, weight: {w}}}"
                             for b, w in self.weights.items() if w)
        self.lab.configure(
            self.lab.head() + f"services:\n  - name: talk\n    vip: {VIP4}\n    port: {PORT}\n"
            f"    hold: {HOLD}s\n    idle: {2 * HOLD}s\n    slots: 4096\n"
            f"    probe: {{type: tcp, port: {ALIVE}, interval: 200ms, fast_interval: 50ms, "
            f"timeout: 100ms, rise: 2, fall: 2}}\n    backends: [{backends}]\n")

    # --- what happens to it ---------------------------------------------------------------------------

    def accepting(self):
        """Backends that take new connections, and will: the agent may know more than was asked of it."""
        status = self.lab.status()
        for b in status["services"][0]["backends"]:
            # One that left the file while it was drained comes back as it left.
            if b["state"] in ("up", "draining"):
                (self.drained.add if b["state"] == "draining" else self.drained.discard)(b["id"])
        return unopened.accepting(status) - set(self.flapping)

    def apply(self):
        """A changed file; the agent is asked, and may be between two lives."""
        self.configure()
        self.lab.cli("config", "apply")

    def drain(self, b):
        """Or undrain, if it is."""
        on = b not in self.drained
        self.lab.cli("drain" if on else "undrain", b, *(["--service", "talk"]))
        (self.drained.add if on else self.drained.discard)(b)
        return "drains" if on else "undrains"

    def flap(self, b):
        """Down for some seconds, for the agent."""
        self.lab.procs.end(self.alive[b], signal.SIGKILL)
        self.flapping[b] = time.monotonic() + FLAP_S
        return "flaps"

    def reweight(self, b):
        """Another share of the slots."""
        self.weights[b] = self.rng.choice([20, 50, 100, 200])
        self.apply()
        return "new weights"

    def remove(self, b):
        """Out of the file, or back in."""
        was = self.weights[b]
        self.weights[b] = 0 if was else 100
        self.apply()
        return "removals" if was else "additions"

    def mend(self):
        """Ends flaps that have lasted."""
        for b, until in list(self.flapping.items()):
            if time.monotonic() >= until:
                self.start_alive(b)
                del self.flapping[b]

    def change(self):
        """One change, unless nobody would be left."""
        b = self.rng.choice(self.lab.backends)
        what = self.rng.choice([self.drain, self.drain, self.flap, self.reweight, self.remove])
        accepting = self.accepting()
        takes_away = b in accepting and what != self.reweight
        if b in self.flapping or (takes_away and len(accepting) < 2):
            return
        if not self.weights[b] and what != self.remove:
            return
        name = what(b)
        self.done[name] = self.done.get(name, 0) + 1

    def kill(self):
        """No goodbye; the next one finds what is pinned."""
        self.lab.stop_agent(signal.SIGKILL)
        time.sleep(self.rng.uniform(0, 1))
        self.lab.start_agent()
        self.done["kills"] = self.done.get("kills", 0) + 1

    def call(self):
        """Starts the clients; their process, and what reads what they have said, once all talk."""
        lab, log = self.lab, f"{self.lab.folder}/call.log"
        open(log, "w", encoding="ascii").close()
        caller = lab.procs.start(
            "call", [self.talk, "call", VIP4, str(PORT), str(LONG), str(SHORT), str(SECONDS),
                     str(MIN_MS), str(MAX_MS), *SOURCES], netns=lab.ns("client"), log=log)

        def said():
            with open(log, encoding="ascii") as f:
                return f.read()
        self.watch = unopened.Watch(lab)
        self.watch.start()
        lab.wait_for(lambda: "ready" in said() or caller.poll() is not None, 120, "all connections")
        return caller, said

    def report(self, caller, said):
        """What the clients say at the end, and why some were not opened."""
        ended = caller.wait(SECONDS + 120)
        self.watch.end()
        if ended:
            raise RuntimeError(f"talk ended with {ended}: {said()}")
        report = json.loads(said().split("ready")[1])
        report["why"] = unopened.classes(self.watch, report)
        report["queue_drops"] = unopened.queue_drops(self.lab)
        return report

    def run(self, kills):
        """The report of the clients, after all changes."""
        caller, said = self.call()
        while caller.poll() is None:
            self.mend()
            self.change()
            if kills and self.rng.random() < 0.15:
                self.kill()
            # Often while others still move; sometimes long enough for a slot to become clean again.
            time.sleep(self.rng.choice([0.1, 0.3, 1, 1, 2, 4]))
        return self.report(caller, said)


def row(name, unit, value, most=None):
    """A row as the other benchmarks write it; most: the goal."""
    return {"name": name, "unit": unit, "value": round(value, 3), "min": round(value, 3),
            "max": round(value, 3), "n": 1, "goal": None if most is None else f"<= {most:g}",
            "holds": None if most is None else value <= most}


def rows_of(report, name, most=0):
    """What became of the connections; most: how many that were opened meanwhile may be lost."""
    return [row(f"{name}, exchanges", "count", report["exchanges"]),
            row(f"{name}, opened", "count", report["opened"]),
            row(f"{name}, resets", "count", report["resets"], 0),
            row(f"{name}, answered by another backend", "count", report["other_backend"], 0),
            row(f"{name}, without an answer", "count", report["unanswered"], 0),
            row(f"{name}, lost of those opened meanwhile", "count", report["short_lost"], most),
            *(row(f"{name}, not opened: {why}", "count", n, None if why == unopened.NOBODY else most)
              for why, n in report["why"].items()),
            row(f"{name}, packets that a server's queue dropped", "count", report["queue_drops"])]


def main(build, path, *options):
    """Exit 1 when a connection was broken."""
    bench = Bench(build)
    kills = "--kill" in options
    bpffs.mount_if_missing(bench.lab.folder)
    try:
        bench.up()
        report = bench.run(kills)
    finally:
        bench.lab.down()
    name = f"tcp: {LONG} connections, {SECONDS} s" + (", agent killed" if kills else "")
    rows = [row(f"{name}, {what}", "count", n) for what, n in sorted(bench.done.items())]
    rows += rows_of(report, name)
    with open(path, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
    report.pop("failures")
    print(f"tcp: FL_SEED={SEED}, {bench.done}, {report}", file=sys.stderr)
    return any(r["holds"] is False for r in rows)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
