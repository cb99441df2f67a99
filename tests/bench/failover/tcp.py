#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Long-lived TCP connections, and the active balancer dies in the middle of a drain.

usage: tcp.py BUILD RESULT.json

Two balancers that tell each other of records and operators' words, and thousands of connections that exchange a byte
now and then, each of them open all the time. Again and again a backend is drained, the active balancer dies a moment
later (kill -9, its link, its whole namespace) so that the other one goes on with slots that it has only heard of, the
drain is taken back there, and the first one returns. FL_BENCH_TCP (600, seconds), FL_BENCH_CONNECTIONS (10000).
"""
import json
import os
import secrets
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
from rows import QUICK, row, save
from world import HOSTS, System, World, world
from lab.topology import VIP4, v4

SECONDS = int(os.environ.get("FL_BENCH_TCP") or (20 if QUICK else 600))
CONNECTIONS = int(os.environ.get("FL_BENCH_CONNECTIONS") or (200 if QUICK else 10000))
PORT = 7000
SOURCES = [f"10.77.0.{n}" for n in range(101, 107)]
MIN_MS, MAX_MS = 500, 3000 # between two bytes of a connection: each is heard twice in `hold`
HOLD = 10
SYNC_S = 0.05 # after a drain, at least: what the other one was not told yet is what a crash may cost
MOST_PER_MILLION = 10
EVENTS = (("kill -9", "kill", "restart"), ("link down", "unplug", "plug"), ("namespace gone", "vanish", "rebuild"))


class Connected(World):
    """With a service of TCP beside the echo, and the balancers are peers."""

    def __init__(self, build):
        super().__init__(build)
        self.talk = f"{build}/tests/transition/talk"
        self.secret = secrets.token_hex(32)

    def up(self):
        """Servers that say who they are, too."""
        super().up()
        lab = self.lab
        for source in SOURCES:
            lab.ip("client", "addr", "add", f"{source}/24", "dev", "eth0")
        lab.sysctl("client", ipv4__ip_local_port_range="1024 65535")
        for n, b in enumerate(lab.backends):
            lab.sysctl(b, core__somaxconn="8192", ipv4__tcp_max_syn_backlog="16384")
            lab.procs.start(f"serve-{b}", [self.talk, "serve", VIP4, str(PORT), str(n + 1)], netns=lab.ns(b),
                            log=f"{lab.folder}/{b}.log")

    def more(self, host):
        other = HOSTS[1 - HOSTS.index(host)]
        folder = self.agents[host].folder
        with open(os.open(f"{folder}/peers.key", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="ascii") as f:
            f.write(self.secret + "\n")
        backends = ", ".join(f"{{id: {b}, address: {v4(b)}}}" for b in self.lab.backends)
        return (f"  - name: talk\n    vip: {VIP4}\n    port: {PORT}\n    slots: 4096\n    hold: {HOLD}s\n"
                f"    idle: {3 * HOLD}s\n    probe: {{type: icmp, interval: 1s, timeout: 500ms}}\n"
                f"    backends: [{backends}]\n"
                f"peers: {{listen: {v4(host)}, key_file: {folder}/peers.key, interval: 100ms,\n"
                f"  list: [{{name: {other}, address: {v4(other)}}}]}}\n")

    def say(self, host, *words):
        """An operator's word."""
        self.lab.inside(host, f"{self.lab.build}/fairlead", "-s", self.agents[host].socket, *words)

    def wait_in_step(self):
        """Until both have told each other all."""
        def is_so(h):
            status = self.agents[h].status()
            (peer,) = status["peers"]["list"]
            return (peer["state"] == "up" and peer["records"]["ours"]["complete"]
                    and peer["records"]["theirs"]["complete"] and not peer["other_tables"]["n"]
                    and status["vrrp"]["groups"][0]["waits_for"] == "")
        for h in HOSTS:
            self.lab.wait_for(lambda h=h: is_so(h), 30, f"{h} to be in step with its peer")

    def call(self):
        """The clients; what reads their log, once all have been answered."""
        log = f"{self.lab.folder}/call.log"
        open(log, "w", encoding="ascii").close()
        caller = self.lab.procs.start("call", [self.talk, "call", VIP4, str(PORT), str(CONNECTIONS), "0", str(SECONDS),
                                               str(MIN_MS), str(MAX_MS), *SOURCES],
                                      netns=self.lab.ns("client"), log=log)

        def said():
            with open(log, encoding="ascii") as f:
                return f.read()
        self.lab.wait_for(lambda: "ready" in said() or caller.poll() is not None, 120, "all connections")
        return caller, said

    def round(self, event, back, wait_s):
        """One death in the middle of a drain, and the return."""
        backend = self.rng.choice(self.lab.backends)
        self.say("lb", "drain", backend, "--service", "talk")
        time.sleep(wait_s)
        event()
        self.wait_active("lb2")
        time.sleep(1)
        self.say("lb2", "undrain", backend, "--service", "talk")
        time.sleep(self.rng.uniform(0.5, 2))
        back()
        self.wait_active("lb")
        self.wait_home()
        self.wait_in_step()


def measure(w):
    """All rows."""
    w.begin(System("fairlead", 100 if QUICK else 10))
    w.wait_in_step()
    caller, said = w.call()
    done = dict.fromkeys((kind for kind, _, _ in EVENTS), 0)
    while caller.poll() is None:
        kind, event, back = EVENTS[sum(done.values()) % len(EVENTS)]
        # Mostly while the slots are moving, sometimes when they are pinned.
        at = w.rng.uniform(0, 1.5 * HOLD if w.rng.random() < 0.3 and not QUICK else 1)
        w.round(getattr(w, event), getattr(w, back), SYNC_S + at)
        done[kind] += 1
        print(f"  {sum(done.values())}: {kind}", flush=True)
    if caller.wait():
        raise RuntimeError(f"the clients ended with {caller.returncode}: {said()}")
    report = json.loads(said().split("ready")[1])
    failovers = 2 * sum(done.values())
    broken = report["resets"] + report["other_backend"] + report["unanswered"]
    name = f"tcp: {CONNECTIONS} connections, {SECONDS} s"
    print(f"  {report}", file=sys.stderr)
    return [*(row(f"{name}, {kind} in a drain, and back", "count", [n]) for kind, n in done.items()),
            row(f"{name}, exchanges", "count", [report["exchanges"]]),
            row(f"{name}, connection-failovers", "count", [failovers * CONNECTIONS]),
            row(f"{name}, resets", "count", [report["resets"]], 0),
            row(f"{name}, answered by another backend", "count", [report["other_backend"]], 0),
            row(f"{name}, without an answer", "count", [report["unanswered"]], 0),
            row(f"{name}, of a million connection-failovers broken", "count",
                [1e6 * broken / max(failovers * CONNECTIONS, 1)], MOST_PER_MILLION)]


def main(build, path):
    """A world that is removed whatever happens."""
    with world(build, Connected) as w:
        rows = measure(w)
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
