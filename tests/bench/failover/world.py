# SPDX-License-Identifier: GPL-2.0-or-later
"""Two balancers that have a VIP by turns, a client that talks to it all the time, and what befalls them.

Both balancers steer by fairlead's program, whoever moves the address: the agent's own VRRP, or keepalived beside an
agent without it. So what differs is how soon the other one takes over, and how clients learn it.
"""
import contextlib
import os
import random
import signal
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests"))
# pylint: disable=wrong-import-position
from lab import bpffs
from lab.lab import Lab
from lab.pair import Balancer, Keepalived, Stream
from lab.topology import VIP4, CommandFailed, v4

PORT = 9999
KEY = "00112233445566778899aabbccddeeff" * 2
HOSTS = ("lb", "lb2") # the first one has the higher priority
PRIORITIES = dict(zip(HOSTS, (150, 100)))
SETTLE_S = 1.1 # after an event: until answers, addresses and announcements have come to rest

SERVICE = f"""services:
  - name: echo
    vip: {VIP4}
    port: {PORT}
    protocol: udp
    slots: 4096
    probe: {{type: icmp, interval: 1s, fast_interval: 50ms, timeout: 500ms, rise: 1, fall: 3}}
    backends:
"""


class Failed(RuntimeError):
    """What was to be measured did not happen."""


class System:
    """Who moves the address, and how often adverts are sent."""

    def __init__(self, who, interval_ms, bfd_ms=0):
        self.who, self.interval_ms, self.bfd_ms = who, interval_ms, bfd_ms
        self.name = f"{who}, adverts every {interval_ms} ms" + (f", BFD 3 x {bfd_ms} ms" if bfd_ms else "")

    @property
    def ours(self):
        """Is it the agent itself?"""
        return self.who == "fairlead"


class World:
    """The lab with two balancers; run() one system after the other."""

    def __init__(self, build):
        self.lab = Lab(os.environ.get("FL_LAB", "fl-failover"), build, f"{build}/failover")
        self.rng = random.Random(1)
        self.system = self.stream = None
        self.agents, self.others, self.macs = {}, {}, {}

    # --- life -------------------------------------------------------------------------------------

    def up(self):
        """Network, servers, client."""
        lab = self.lab
        lab.up()
        lab.add_host("lb2")
        for b in lab.backends:
            Stream.serve(lab, b, VIP4, PORT)
        lab.ip("client", "route", "replace", VIP4, "dev", "eth0")
        self.agents = {h: Balancer(lab, h) for h in HOSTS}
        self.others = {h: Keepalived(lab, h) for h in HOSTS}
        for h in HOSTS:
            self._filter(h)
        self._learn_macs()
        self.stream = Stream(lab, VIP4, PORT)

    def down(self):
        """All of it."""
        if self.stream:
            self.stream.end()
        self.lab.down()

    def _filter(self, host):
        """A NIC takes no frame of another machine's, and a virtual cable would: the switch floods nothing to it."""
        self.lab.ip("sw", "link", "set", f"to-{host}", "type", "bridge_slave", "flood", "off")

    def _learn_macs(self):
        for h in HOSTS:
            self.macs[h] = self.lab.ip(h, "link", "show", "eth0").partition("link/ether ")[2].split()[0]

    def begin(self, system):
        """This system moves the address from now on."""
        self.end()
        self.system = system
        for h in HOSTS:
            self._configure(h)
            self.start(h)
        self.wait_home()

    def end(self):
        """Nobody has the address."""
        for h in self.agents:
            self.others[h].stop()
            self.agents[h].remove()
            self.lab.ip(h, "addr", "del", f"{VIP4}/32", "dev", "eth0", check=False)

    def more(self, _host):
        """More services, and sections after them, in a balancer's file."""
        return ""

    def _configure(self, host):
        s, other = self.system, HOSTS[1 - HOSTS.index(host)]
        text = (SERVICE + "".join(f"      - {{id: {b}, address: {v4(b)}}}\n" for b in self.lab.backends)
                + self.more(host))
        if s.ours:
            text += (f"vrrp:\n  - {{name: echo, interface: eth0, vrid: 51, addresses: [{VIP4}], "
                     f"priority: {PRIORITIES[host]}, interval: {s.interval_ms}ms}}\n")
        if s.bfd_ms:
            text += f"bfd:\n  - {{peer: {v4(other)}, interface: eth0, min_tx: {s.bfd_ms}ms, min_rx: {s.bfd_ms}ms}}\n"
        self.agents[host].configure(text, flow_key=KEY)
        if not s.ours:
            # What fairlead does by itself.
            self.others[host].configure(PRIORITIES[host], [VIP4], interval=s.interval_ms / 1000,
                                        more="\tvrrp_rt_priority 10\n")

    # --- one balancer -----------------------------------------------------------------------------------

    def start(self, host):
        """Agent, and keepalived where it is that which moves the address."""
        agent = self.agents[host]
        agent.start()
        self.lab.wait_for(lambda: all(b["state"] == "up" and b["slots"] for b in
                                      agent.status()["services"][0]["backends"]), 20, f"{host} to serve")
        if not self.system.ours:
            self.others[host].start()

    def wait_home(self):
        """Until the first one has the address, the other one knows it, and the client hears answers."""
        one, two = HOSTS
        self.wait_active(one)
        if self.system.ours:
            self.lab.wait_for(lambda: self.agents[two].group("echo")["active"] == v4(one), 20, "a backup")
        if self.system.bfd_ms:
            for h in HOSTS:
                self.lab.wait_for(lambda h=h: self.agents[h].status()["bfd"]["sessions"][0]["state"] == "up", 20,
                                  f"BFD on {h}")
        self.lab.wait_for(lambda: self.is_quiet(one), 20, f"a stream without a loss by {one}")

    def is_quiet(self, host):
        """Nothing was lost for a quarter of a second, and nobody else has the address."""
        other = HOSTS[1 - HOSTS.index(host)]
        until = time.monotonic_ns() - 50_000_000
        sent, lost, _, _ = self.stream.look(until - 250_000_000, until, self.macs[host])
        return (sent and not lost and self.agents[host].has(VIP4) and not self.agents[other].has(VIP4))

    def wait_active(self, host):
        """Until it has the address."""
        if self.system.ours:
            self.agents[host].wait_state("active", "echo", 20)
        self.lab.wait_for(lambda: self.agents[host].has(VIP4), 20, f"{host} to have the address")

    # --- events -----------------------------------------------------------------------------------------

    def kill(self):
        """kill -9 of what moves the address. The program goes on; so it does beside keepalived."""
        if self.system.ours:
            self.agents["lb"].agent.kill()
        else:
            self.others["lb"].crash()

    def freeze(self):
        """SIGSTOP of the same."""
        if self.system.ours:
            self.agents["lb"].agent.send_signal(signal.SIGSTOP)
        else:
            self.others["lb"].signal(signal.SIGSTOP)

    def unplug(self):
        """The switch's port goes down, and with it the balancer's carrier."""
        self.lab.cut_cable("lb")

    def vanish(self):
        """All of its processes die at once, and its namespace with all that is in it goes.

        The kernel takes its time to end a namespace, in which its program would go on: so the cable first.
        """
        self.lab.cut_cable("lb")
        if not self.system.ours:
            self.others["lb"].crash()
        self.agents["lb"].agent.kill()
        self.lab.remove_host("lb")

    def terminate(self):
        """SIGTERM: it says good-bye."""
        if self.system.ours:
            self.agents["lb"].stop()
        else:
            self.others["lb"].stop()

    def hand_over(self):
        """`fairlead failover`."""
        self.lab.inside("lb", f"{self.lab.build}/fairlead", "-s", self.agents["lb"].socket, "failover")

    # What brings it back: the balancer with the higher priority preempts.

    def restart(self):
        """After kill and terminate."""
        if self.system.ours:
            self.agents["lb"].agent.wait()
            self.start("lb")
        else:
            # Its address stays behind when it is killed.
            self.lab.ip("lb", "addr", "del", f"{VIP4}/32", "dev", "eth0", check=False)
            self.others["lb"].start()

    def thaw(self):
        """After freeze."""
        if self.system.ours:
            self.agents["lb"].agent.send_signal(signal.SIGCONT)
        else:
            self.others["lb"].signal(signal.SIGCONT)

    def plug(self):
        """After unplug."""
        self.lab.mend_cable("lb")

    def rebuild(self):
        """After vanish."""
        lab = self.lab
        self.agents["lb"].agent.wait()
        self.agents["lb"].remove()
        lab.wait_for(lambda: 'to-lb:' not in lab.ip("sw", "link", "show").replace("@", ":"), 20,
                     "the old cable to go")
        lab.add_host("lb")
        self._filter("lb")
        self._learn_macs()
        self.start("lb")

    def take_back(self):
        """After hand_over."""
        self.lab.inside("lb", f"{self.lab.build}/fairlead", "-s", self.agents["lb"].socket, "failover", "--undo")

    # --- measuring ------------------------------------------------------------------------------------------

    def measure(self, event, to):
        """What an event costs the stream: (lost, blackout in ms, ms until `to` announces itself)."""
        # At any phase of the advert's interval.
        time.sleep(self.rng.uniform(0, self.system.interval_ms / 1000))
        since = time.monotonic_ns()
        event()
        self.wait_active(to)
        time.sleep(SETTLE_S)
        until = time.monotonic_ns() - 50_000_000
        sent, lost, blackout, announced = self.stream.look(since, until, self.macs[to])
        if not sent or announced is None:
            raise Failed(f"{self.system.name}: {event.__name__}: {sent} datagrams were sent, and "
                         f"{'nobody' if announced is None else to} has announced itself")
        return lost, blackout, announced

    def cycle(self, event, back):
        """There and back again: two measurements."""
        there = self.measure(event, "lb2")
        again = self.measure(back, "lb")
        self.wait_home()
        return there, again


@contextlib.contextmanager
def world(build, kind=World):
    """One that is removed whatever happens."""
    w = kind(os.path.abspath(build))
    bpffs.mount_if_missing(w.lab.folder)
    try:
        w.up()
        yield w
    finally:
        with contextlib.suppress(CommandFailed):
            w.end()
        w.down()

