# SPDX-License-Identifier: GPL-2.0-or-later
"""A drill: one backend of a tunnelled service no longer takes the outer header off.

`make demo SCENARIO=incident`. Its nginx is well and its probe, which goes to the backend's own address,
says so: a third of the clients wait all the same. What is wrong is found with `fairlead status` and
`fairlead explain` alone, and the clock runs. Nothing here looks at anything else, and the configuration stays what it is.
"""
import os
import re
import shlex
import sys
import time

from story import Promises, say
from lab import bpffs
from lab.topology import VIP4, v4

HOST = "b2"
ALARM_S = 10
CAUSE_S = 15
REQUESTS = 60
CUSTOMERS_PER_S = 60

CONFIG = """\
services:
  - name: shop
    vip: {vip}
    port: 80
    forward: ipip
    passive: true
    probe: {{type: http, path: /health, body: ok, interval: 200ms, fast_interval: 100ms, timeout: 200ms, rise: 2, fall: 2}}
    backends:
{backends}
"""


class Incident:
    """The drill, step by step."""

    def __init__(self, lab):
        self.lab = lab
        self.promises = Promises()
        self.clients = None

    def config(self):
        """One service through tunnels, whose probes go straight to the backends."""
        rows = "\n".join(f"      - {{id: {b}, address: {v4(b)}}}" for b in self.lab.backends)
        return self.lab.head() + CONFIG.format(vip=VIP4, backends=rows)

    def command(self, *argv):
        """What the operator types, and what is answered."""
        say(f"\n    $ fairlead {shlex.join(argv)}")
        out = self.lab.cli(*argv).stdout.rstrip()
        for line in out.splitlines():
            say(f"    {line}")
        return out

    def none_lost(self, what):
        """All of some requests are answered."""
        lost = self.lab.fetch_many(f"http://{VIP4}/", REQUESTS).count(None)
        self.promises.check(what, f"{lost} of {REQUESTS} lost", lost == 0)

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
        lab.wait_serving("shop")
        self.none_lost("all requests are answered before it")
        sampler = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab",
                               "sampler.py")
        self.clients = lab.procs.start(
            "customers", [sys.executable, sampler, VIP4, "80", str(CUSTOMERS_PER_S),
                          f"{lab.folder}/customers"],
            netns=lab.ns("client"), log=f"{lab.folder}/customers.log")

    def alarm(self):
        """It breaks; status tells whose connections see no answer, though its probes are well, and what that may be."""
        say(f"\nat 03:00, {HOST} loses the program that takes the outer header off. Customers call.")
        began = time.monotonic()
        self.lab.detach_xdp(HOST)
        self.lab.wait_for(lambda: (self.lab.backend("shop", HOST)["passive"] or {}).get("advice"),
                          3 * ALARM_S, "status to tell of it")
        took = time.monotonic() - began
        out = self.command("status")
        self.promises.check(f"status names {HOST} within {ALARM_S} s, though its probe is well",
                            f"{took:.1f} s", took <= ALARM_S and bool(re.search(
                                rf"^warning: shop: backend {HOST}: .* saw no answer.*; its probes are well", out, re.M)))
        return began

    def explained(self, began):
        """explain tells what becomes of a customer's packet: all that this machine does to it is right; and why it is lost."""
        for port in range(40000, 40100):
            client = f"10.77.0.100:{port}"
            out = self.lab.cli("explain", client, f"{VIP4}:80").stdout
            if re.search(rf"\b{HOST}\b", out):
                break
        out = self.command("explain", client, f"{VIP4}:80")
        took = time.monotonic() - began
        self.promises.check(f"explain shows a customer's packet on its way to {HOST}, in a tunnel",
                            "yes" if v4(HOST) in out else "no", v4(HOST) in out)
        found = re.search(r"^check .*most likely it does not decapsulate IPIP\. Check there: (`.*)", out, re.M)
        self.promises.check(f"and names the cause, and the commands that tell, within {CAUSE_S} s of the fault",
                            f"{took:.1f} s", bool(found) and took <= CAUSE_S)
        return client

    def relieve(self):
        """Nobody waits while somebody looks at the host."""
        say(f"\nUntil {HOST} is mended, its customers go elsewhere:")
        self.command("drain", HOST)
        self.lab.wait_for(lambda: not self.lab.backend("shop", HOST)["slots"], CAUSE_S, f"{HOST} to have no slots")
        self.none_lost("the customers are served again")

    def mend(self, client):
        """What is missing is put back, and the backend gets its customers back."""
        say(f"\n{HOST} gets its decapsulation back")
        self.lab.decapsulate(HOST)
        self.command("undrain", HOST)
        self.lab.wait_for(lambda: self.lab.backend("shop", HOST)["slots"], 20, f"the slots of {HOST}")
        out = self.command("explain", client, f"{VIP4}:80")
        well = v4(HOST) in out and "\ncheck " not in out
        self.promises.check(f"its slots are {HOST}'s again, and nothing is left to check", "yes" if well else "no", well)
        self.none_lost("and no request is lost")

    def run(self):
        """All of it; True if every promise held."""
        self.build_up()
        try:
            began = self.alarm()
            client = self.explained(began)
            self.relieve()
            self.mend(client)
        finally:
            self.lab.procs.end(self.clients)
        return self.promises.table()
