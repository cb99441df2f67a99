#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes docs/transcripts.md: every verb as a new user types it, and what is answered (`make transcripts`).

usage: transcripts.py BUILD FILE

Two balancers, three nginx backends and a client, in namespaces. What is written is what was printed, but
for the lab's own paths and names, which are given those of an installation.
"""
import os
import re
import secrets
import shlex
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# pylint: disable=wrong-import-position
from lab import bpffs
from lab.lab import Lab
from lab.pair import Balancer
from lab.screen import Screen
from lab.topology import VIP4, VIP4_B, v4, v6

PROBE = ("{type: http, path: /health, body: ok, interval: 200ms, fast_interval: 100ms, timeout: 200ms, "
         "rise: 2, fall: 2}")
HOSTS = ("lb", "lb2")
LINES = 60  # of an answer, at most

CONFIG = """\
vrrp:
  - {{name: edge, interface: eth0, vrid: 51, addresses: [{vip}], priority: {priority}, interval: 100ms}}
alerts: [{{name: pager, exec: [/usr/bin/logger, -t, fairlead]}}]
peers: {{listen: {own}, key_file: {folder}/peers.key, list: [{{name: {other}, address: {their}}}]}}
services:
  - name: shop
    vip: {vip}
    port: 80
    probe: {probe}
    backends:
{shop}
  - name: mail
    vip: {vip_b}
    port: 80
    forward: ipip
    probe: {probe}
    backends:
{mail}
"""


KEEPALIVED = """\
vrrp_instance edge {
	interface eth0
	virtual_router_id 51
	priority 150
	advert_int 1
	virtual_ipaddress { 192.0.2.10 }
}
virtual_server 192.0.2.10 80 {
	delay_loop 2
	lvs_sched sh
	lvs_method DR
	protocol TCP
	quorum 2
	real_server 10.77.0.11 80 {
		HTTP_GET { url { path /health status_code 200 } }
	}
	real_server 10.77.0.12 80 {
		HTTP_GET { url { path /health status_code 200 } }
	}
}
"""


class Session:
    """One balancer's terminal, written down."""

    def __init__(self, lab):
        self.lab = lab
        self.pair = [Balancer(lab, h) for h in HOSTS]
        self.out = []

    def configure(self, balancer, weight=100):
        """Its file."""
        other = HOSTS[1 - HOSTS.index(balancer.host)]
        shop = "\n".join(f"      - {{id: {b}, address: {v4(b)}, weight: {weight if b == 'b3' else 100}}}"
                         for b in self.lab.backends)
        mail = "\n".join(f"      - {{id: {b}, address: \"{v6(b)}\"}}" for b in self.lab.backends)
        balancer.configure(CONFIG.format(vip=VIP4, vip_b=VIP4_B, own=v4(balancer.host), their=v4(other),
                                         other=other, folder=balancer.folder, shop=shop, mail=mail,
                                         probe=PROBE, priority=150 if balancer.host == "lb" else 100),
                           flow_key="00112233445566778899aabbccddeeff" * 2)

    def installed(self, text):
        """The lab's names as an installation's."""
        for balancer in self.pair:
            text = text.replace(balancer.config, "/etc/fairlead/fairlead.yaml")
            text = text.replace(balancer.socket, "/run/fairlead/main.sock")
            text = text.replace(balancer.folder, "/etc/fairlead").replace(balancer.instance, "main")
        return re.sub(r"[ \t]+$", "", text, flags=re.M)

    def chapter(self, title, why):
        """A heading, and why one would want to know."""
        self.out.append(f"\n## {title}\n\n{why}\n")

    def type(self, *argv, on="lb", status=0):
        """A command of fairlead on a balancer, which must end with that status."""
        balancer = self.pair[HOSTS.index(on)]
        r = subprocess.run(["nsenter", f"--net=/run/netns/{self.lab.ns(on)}", f"{self.lab.build}/fairlead",
                            "-s", balancer.socket, *argv], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False, timeout=120)
        if r.returncode != status:
            sys.exit(f"fairlead {shlex.join(argv)} ended with {r.returncode}, not {status}: {r.stdout}")
        lines = r.stdout.rstrip().splitlines()
        if len(lines) > LINES:
            lines = lines[:LINES] + [f"[… {len(lines) - LINES} lines]"]
        prompt = f"{on}$" if on != "lb" else "$"
        typed = [f"{prompt} fairlead {shlex.join(argv)}"]
        self.out.append(self.installed("```\n" + "\n".join(typed + lines) + "\n```\n"))

    def show(self, *command):
        """What a full screen shows after some seconds."""
        argv = [f"{self.lab.build}/fairlead", "-s", self.pair[0].socket, *command]
        with Screen(argv, 110, 24) as screen:
            began = time.monotonic()
            while time.monotonic() - began < 12:
                screen.read(0.2)
            shown = "\n".join(screen.text).rstrip()
            screen.press("q")
            screen.wait_end()
        self.out.append(self.installed(f"```\n$ fairlead {shlex.join(command)}\n{shown}\n```\n"))

    def text(self):
        """The page."""
        return ("<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n# Every verb, tried\n\n"
                "Written by `make transcripts` from a run: two balancers `lb` and `lb2`, three backends, a client that\n"
                "asks for pages all the time. Typed on `lb` unless the prompt says otherwise.\n" + "".join(self.out))


def build_up(session):
    """Everything runs and serves."""
    lab = session.lab
    bpffs.mount_if_missing(lab.folder)
    for balancer in session.pair:
        for name in os.listdir(balancer.folder):
            if name.startswith(("journal.db", "shop.pcapng")):
                os.unlink(f"{balancer.folder}/{name}")  # of the run before
    lab.up()
    lab.add_host("lb2")
    lab.ip("client", "route", "replace", VIP4, "dev", "eth0")
    for b in lab.backends:
        lab.decapsulate(b)
        lab.start_nginx(b)
    secret = secrets.token_hex(32)
    for balancer in session.pair:
        with open(f"{balancer.folder}/peers.key", "w", encoding="ascii") as f:
            f.write(f"{secret}\n")
        os.chmod(f"{balancer.folder}/peers.key", 0o600)
        session.configure(balancer)
        balancer.start()
        balancer.wait_state("active" if balancer.host == "lb" else "backup", "edge")
    lab.wait_for(lambda: session.pair[1].group("edge")["waits_for"] == "", 20, "the peers to know each other")
    lab.wait_for(lambda: all(b["state"] == "up" for p in session.pair for s in p.status()["services"]
                             for b in s["backends"]), 20, "all backends to be up")
    sampler = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab", "sampler.py")
    lab.procs.start("customers", [sys.executable, sampler, VIP4, "80", "50", f"{lab.folder}/customers"],
                    netns=lab.ns("client"), log=f"{lab.folder}/customers.log")


def look(s):
    """What runs, and what becomes of a packet."""
    s.chapter("What runs", "The table first: services, backends, their share of the flows, and what the probes found.")
    time.sleep(3)
    s.type("status")
    s.show("top")
    s.type("version")
    s.chapter("What would become of a packet", "The program itself says, on the live maps, and changes nothing.")
    s.type("explain", "10.77.0.1:40000", f"{VIP4}:80")
    s.chapter("What passes by", "Sampled first packets of flows, and drops.")
    s.type("packets", "--flows", "100")
    time.sleep(4)
    s.type("packets")
    s.type("packets", "--flows", "0")
    s.type("capture", f"{s.pair[0].folder}/shop.pcapng", "--service", "shop", "--number", "10")


def change(s):
    """Operators' words for backends and sources."""
    s.chapter("Taking a backend out", "`drain` lets its connections end; `disable` does not wait for them.")
    s.type("drain", "b1", "--service", "shop")
    time.sleep(2)
    s.type("status")
    s.type("undrain", "b1", "--service", "shop")
    s.type("disable", "b2")
    s.type("enable", "b2")
    s.type("weight", "b3", "50%")
    s.type("weight", "b3", "100%")
    s.chapter("Who may send", "Holds at once, and over restarts.")
    s.type("source", "deny", "203.0.113.0/24", "--monitor")
    s.type("source", "list")
    s.type("source", "remove", "203.0.113.0/24")


def configure(s):
    """A change of the file, and back."""
    balancer = s.pair[0]
    s.chapter("Changing the file",
              "All or nothing; `--confirm` brings the one before back unless you are still there to say so.")
    s.configure(balancer, weight=50)
    s.type("config", "check", balancer.config)
    s.type("config", "diff", status=1)
    s.type("config", "apply", "--confirm", "60s", "--reason", "b3 is a smaller machine")
    s.type("config", "confirm")
    s.type("config", "history")
    s.type("config", "rollback", "--reason", "it was not")
    s.configure(balancer, weight="many")
    s.type("config", "apply", status=1)
    s.configure(balancer)


def fail(s):
    """A backend dies; what was seen of it, and what it cost."""
    lab = s.lab
    s.chapter("A backend dies", "What the probes found, what happened when, and what it costs the year.")
    lab.kill_nginx("b2")
    lab.wait_for(lambda: s.pair[0].status()["services"][0]["backends"][1]["state"] == "down", 10, "b2's verdict")
    s.type("status")
    time.sleep(2)
    lab.start_nginx("b2")
    lab.wait_for(lambda: s.pair[0].status()["services"][0]["backends"][1]["state"] == "up", 10, "b2 to be up")
    s.type("events")
    s.type("report", "--since", "1h")
    s.chapter("Who is told", "Destinations of alerts, what they have got, and whether they can be reached.")
    s.type("alerts")
    s.type("alerts", "test", "pager")


def hand_over(s):
    """The other balancer takes over."""
    s.chapter("Working on this balancer", "Another one takes its addresses, and no packet is lost.")
    s.type("failover", "--to", "lb2")
    s.type("status", on="lb2")
    s.type("failover", "--undo")
    s.chapter("What is wrong with this machine", "Each finding with the command that mends it.")
    s.type("doctor", status=1)
    s.chapter("What a packet costs here", "Measured beside the traffic, which loses nothing.")
    s.type("bench", "--rounds", "9")
    s.chapter("Coming from keepalived", "What could not be translated is told, and stands in the file at its place.")
    path = f"{s.pair[0].folder}/keepalived.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(KEEPALIVED)
    s.type("import", path)
    s.type("help", "explain")


def main(build, path):
    """The whole session."""
    lab = Lab("fl-tell", build, f"{build}/transcripts")
    session = Session(lab)
    try:
        build_up(session)
        for part in (look, change, configure, fail, hand_over):
            part(session)
    finally:
        for balancer in session.pair:
            balancer.remove()
        lab.remove_host("lb2")
        lab.down()
    with open(path, "w", encoding="utf-8") as f:
        f.write(session.text())


if __name__ == "__main__":
    main(*sys.argv[1:])
