#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""fairlead's main job on real traffic: what `make demo` runs.

usage: demo.py up|down [--build DIR] [--keep] [--scenario main|incident]

main: a client asks two services over three nginx backends without a pause while backends die, are drained and
come back, and while the agent is restarted and killed. incident: see incident.py. What is promised is measured and, if it
does not hold, the exit code says so.
"""
import argparse
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from incident import Incident
from story import Promises, say
from traffic import Traffic
from lab import bpffs
from lab.lab import Lab
from lab.topology import VIP4, VIP4_B, v4, v6

DETECTION_MS = 350  # tcp probes with the settings below
WRK_CONNECTIONS = 4
IN_FLIGHT = WRK_CONNECTIONS + 4  # wrk's connections and what the samplers may have open at a swap

CONFIG = """\
services:
  - name: web
    vip: {vip}
    port: 80
    forward: l2
    probe: {{type: tcp, interval: 100ms, fast_interval: 50ms, timeout: 100ms, rise: 2, fall: 2}}
    backends:
{web}
  - name: tunnel
    vip: {vip_b}
    port: 80
    forward: ipip
    probe: {{type: http, path: /health, body: ok, interval: 100ms, fast_interval: 50ms, timeout: 200ms, rise: 2, fall: 2}}
    backends:
{tunnel}
"""


class Demo:
    """The steps, each a method."""

    def __init__(self, lab):
        self.lab = lab
        self.promises = Promises()
        self.traffic = None

    def config(self):
        """The demo's configuration: web by MAC rewrite, tunnel in IPv6 to the same backends."""
        web = "\n".join(f"      - {{id: {b}, address: {v4(b)}}}" for b in self.lab.backends)
        tunnel = "\n".join(f"      - {{id: {b}, address: \"{v6(b)}\"}}" for b in self.lab.backends)
        return self.lab.head() + CONFIG.format(vip=VIP4, vip_b=VIP4_B, web=web, tunnel=tunnel)

    def build_up(self):
        """Network, backends, agent."""
        lab = self.lab
        say("building: a client, a balancer and three nginx backends, each in a namespace of its own")
        bpffs.mount_if_missing(lab.folder)
        lab.up()
        for b in lab.backends:
            lab.decapsulate(b)
            lab.start_nginx(b)
        lab.configure(self.config())
        lab.start_agent()
        for b in lab.backends:
            lab.wait_state("web", b, "up")
            lab.wait_state("tunnel", b, "up")
        link = lab.status()["interfaces"][0]
        say(f"fairleadd runs on {lab.ns('lb')}, XDP {link['mode']} on {link['name']}; VIPs {VIP4} "
            f"(l2) and {VIP4_B} (IPv4 in IPv6)")
        self.traffic = Traffic(lab, WRK_CONNECTIONS)
        self.traffic.start()

    # --- measuring --------------------------------------------------------------------------------

    def phase(self, title):
        """A new part of the story: wrk starts a count of its own."""
        say(f"\n{title}")
        self.traffic.new_phase()

    def answers(self, seconds=2.0):
        """Who answers, over some seconds of both services; says it."""
        self.traffic.settle(seconds)
        shares = self.traffic.shares(time.time() - seconds)
        for name, counts in shares.items():
            total = sum(counts.values()) or 1
            say(f"    {name:<7}" + "  ".join(f"{b} {100 * counts.get(b, 0) / total:3.0f} %"
                                             for b in self.lab.backends))
        return shares

    def no_failures(self, what):
        """A phase that must not cost a single request."""
        failed = self.traffic.end_phase()
        self.promises.check(what + " costs no request", failed.text(), failed.total == 0)

    def handful(self, what):
        """A phase that may cost what is in flight when slots change hands."""
        failed = self.traffic.end_phase()
        self.promises.check(f"{what} costs at most what is in flight ({IN_FLIGHT})", failed.text(),
                            failed.total <= IN_FLIGHT)

    def detection(self, what, since, began):
        """How long it took until the agent had its verdict and the slots were moved."""
        ms = (since - began) * 1000
        self.promises.check(f"{what} is detected within {DETECTION_MS} ms (tcp)", f"{ms:.0f} ms",
                            ms <= DETECTION_MS)

    def lost_until(self, what, verdict):
        """Requests fail only until detection: the samplers know when each was made."""
        failed = self.traffic.end_phase()
        late = [t for t in failed.times if t > verdict + 0.05]
        say(f"    failed until then: {failed.text()}")
        self.promises.check(f"after that, {what} costs no new request", f"{len(late)}", not late)

    # --- the story -----------------------------------------------------------------------------------

    def steady(self):
        """All is well."""
        self.phase("steady: all three answer")
        shares = self.answers(3)
        even = all(len(c) == len(self.lab.backends) for c in shares.values())
        self.promises.check("every backend answers for both services", "yes" if even else "no", even)
        self.no_failures("steady traffic")

    def _down_since(self, host):
        web = self.lab.wait_state("web", host, "down")
        tunnel = self.lab.wait_state("tunnel", host, "down")
        stamps = [self.traffic.parse_time(b["since"]) for b in (web, tunnel)]
        say(f"    {host} is down for web: {web['probe']['detail']}; for tunnel: "
            f"{tunnel['probe']['detail']}")
        return stamps

    def crash(self):
        """A backend dies, and comes back."""
        self.phase("b1's nginx is killed (SIGKILL, master and worker)")
        began = time.time()
        self.lab.kill_nginx("b1")
        web, tunnel = self._down_since("b1")
        self.detection("a killed backend", web, began)
        self.answers()
        self.lost_until("a killed backend", max(web, tunnel))
        self.phase("b1's nginx is started again")
        self.lab.start_nginx("b1")
        self.lab.wait_state("web", "b1", "up")
        self.lab.wait_state("tunnel", "b1", "up")
        self.answers()
        self.handful("a backend that comes back")

    def drain(self):
        """An operator takes a backend out and puts it back."""
        self.phase("fairlead drain b2")
        self.lab.cli("drain", "b2")
        self.lab.wait_state("web", "b2", "draining")
        time.sleep(0.2)
        shares = self.answers()
        gone = not any("b2" in c for c in shares.values())
        self.promises.check("a draining backend gets nothing new", "nothing" if gone else "requests",
                            gone)
        self.handful("drain")
        self.phase("fairlead undrain b2")
        self.lab.cli("undrain", "b2")
        self.lab.wait_state("web", "b2", "up")
        self.answers()
        self.handful("undrain")

    def restart(self):
        """The agent is restarted, then killed."""
        for sig, how in ((signal.SIGTERM, "restarting"), (signal.SIGKILL, "kill -9 of")):
            self.phase(f"{how} fairleadd, 0.5 s without it")
            before = self.lab.slot_tables()
            self.lab.stop_agent(sig)
            time.sleep(0.5)
            self.lab.start_agent()
            self.traffic.settle(1.5)
            same = self.lab.slot_tables() == before
            self.promises.check(f"{how} fairleadd moves no slot", "none" if same else "some", same)
            self.no_failures(f"{how} fairleadd")

    def cable(self):
        """A backend's cable is cut: nothing answers, not even with a reset."""
        self.phase("b3's cable is cut")
        began = time.time()
        self.lab.cut_cable("b3")
        web, tunnel = self._down_since("b3")
        self.detection("a cut cable", web, began)
        self.answers()
        self.lost_until("a cut cable", max(web, tunnel))
        self.phase("b3's cable is mended")
        self.lab.mend_cable("b3")
        self.lab.wait_state("web", "b3", "up")
        self.lab.wait_state("tunnel", "b3", "up")
        self.answers()
        self.handful("a mended cable")

    def run(self):
        """All of it; True if every promise held."""
        self.build_up()
        for step in (self.steady, self.crash, self.drain, self.restart, self.cable):
            step()
        self.traffic.stop()
        say("\n" + self.lab.cli("status").stdout.rstrip())
        return self.promises.table()


def keep(lab):
    """What to do with a demo that stays."""
    say(f"\nThe demo stays up. Try:\n"
        f"  {lab.build}/fairlead -s {lab.socket} status --watch\n"
        f"  {lab.build}/fairlead -s {lab.socket} drain b1\n"
        f"  ip netns exec {lab.ns('client')} curl http://{VIP4}/\n"
        f"  bpftool map dump pinned /sys/fs/bpf/fairlead/{lab.instance}/v4/verdicts\n"
        f"and `make demo-down` when you are done.")


def main():
    """Command line."""
    ap = argparse.ArgumentParser(description="fairlead's demo")
    ap.add_argument("verb", choices=("up", "down"))
    ap.add_argument("--build", default="build")
    ap.add_argument("--keep", action="store_true")
    ap.add_argument("--scenario", choices=("main", "incident"), default="main")
    args = ap.parse_args()
    lab = Lab("fl-demo", args.build, f"{args.build}/demo")
    if os.geteuid() != 0:
        sys.exit("the demo makes network namespaces: run it as root (sudo make demo)")
    if args.verb == "down":
        lab.down()
        return 0
    demo = {"main": Demo, "incident": Incident}[args.scenario](lab)
    held = False
    try:
        held = demo.run()
    except (RuntimeError, TimeoutError, KeyError) as e:
        say(f"\nthe demo could not go on: {e}")
        if os.path.exists(lab.agent_log):
            say(f"the agent's last lines:\n{lab.log_tail()}")
    finally:
        if args.keep:
            keep(lab)
        else:
            lab.down()
    say("\nevery promise held" if held else "\na promise broke")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
