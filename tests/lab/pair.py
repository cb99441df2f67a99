# SPDX-License-Identifier: GPL-2.0-or-later
"""Balancers that fail over to each other: fairlead on several hosts of a lab, and keepalived."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

from .lab import PATIENCE, SANITIZER
from .procs import start_time
from .topology import VIP4, v4, v6

KEEPALIVED = """\
global_defs {{
	router_id fairlead_lab
	vrrp_garp_master_delay 1
{more}}}
vrrp_instance vi {{
	version {version}
	{auth}
	state BACKUP
	interface eth0
	virtual_router_id 51
	priority {priority}
	advert_int {interval}
	{unicast}
	{instance}
	virtual_ipaddress {{
		{addresses}
	}}
}}
"""


@contextlib.contextmanager
def clients_link(network, *hosts, vips=(VIP4,)):
    """As long as it lasts there are more hosts, and VIPs are on the client's link instead of behind lb."""
    for host in hosts:
        network.add_host(host)
    for vip in vips:
        network.ip("client", "-6" if ":" in vip else "-4", "route", "replace", vip, "dev", "eth0")
    yield network
    for vip in vips:
        six = ":" in vip
        network.ip("client", "-6" if six else "-4", "route", "replace", vip, "via", (v6 if six else v4)("lb"))
    for host in hosts:
        network.remove_host(host)


@contextlib.contextmanager
def two_balancers(lab, vips=(VIP4,)):
    """lb and lb2, not started. Nothing of them stays, and no sanitizer has said a word."""
    both = Balancer(lab, "lb"), Balancer(lab, "lb2")
    yield both
    for balancer in both:
        balancer.remove()
        lab.mend_cable(balancer.host)
        for vip in vips:
            lab.ip(balancer.host, "addr", "del", f"{vip}/{128 if ':' in vip else 32}", "dev", "eth0", check=False)
    for family in ("-4", "-6"):
        lab.ip("client", family, "neigh", "flush", "dev", "eth0")
    for balancer in both:
        assert not SANITIZER.search(balancer.log_text()), balancer.log_text()[-3000:]


@contextlib.contextmanager
def addresses_watched(lab, host):
    """What the kernel says of addresses there meanwhile: a list of lines, whole at the end."""
    path, said = f"{lab.folder}/addresses", []
    if os.path.exists(path):
        os.unlink(path)
    monitor = lab.procs.start("ip-monitor", ["ip", "-o", "monitor", "address"], netns=lab.ns(host), log=path)

    def seen(mark):
        for verb in ("add", "del"):
            lab.ip(host, "addr", verb, f"{mark}/32", "dev", "lo", check=False)
        with open(path, encoding="ascii") as f:
            text = f.read()
        return text if mark in text else None

    lab.wait_for(lambda: seen("10.9.9.1"), 5, "the monitor to begin")
    try:
        yield said
        said += lab.wait_for(lambda: seen("10.9.9.2"), 5, "the monitor to be done").splitlines()
    finally:
        lab.procs.end(monitor)


class Balancer:
    """An agent of its own on one host, with its own instance, socket and log."""

    def __init__(self, lab, host):
        self.lab, self.host = lab, host
        self.folder = f"{lab.folder}/{host}"
        os.makedirs(self.folder, exist_ok=True)
        self.config, self.socket = f"{self.folder}/fairlead.yaml", f"{self.folder}/api.sock"
        self.log = f"{self.folder}/fairleadd.log"
        self.instance = f"{lab.prefix}-{host}"
        self.agent = None
        open(self.log, "w", encoding="utf-8").close()
        # Of a test that did not come to its end: one failure is enough.
        self._remove_pins()

    def configure(self, text, **more):
        """Writes its file: the head and `text`."""
        head = [f"instance: {self.instance}", "interfaces: [eth0]", f"api: {{socket: {self.socket}}}",
                f"journal: {{path: {self.folder}/journal.db}}"]
        head += [f"{k}: {v}" for k, v in more.items()]
        with open(self.config, "w", encoding="utf-8") as f:
            f.write("\n".join(head) + "\n" + text)

    def start(self, env=None):
        """Starts the agent and waits for its API."""
        self.agent = self.lab.procs.start(
            f"fairleadd-{self.host}", [f"{self.lab.build}/fairleadd", "-c", self.config, "-f"],
            netns=self.lab.ns(self.host), log=self.log, env=env)
        self.lab.wait_for(lambda: self.agent.poll() is not None or self.try_status(), 30,
                          f"the API on {self.host}")
        assert self.agent.poll() is None, self.log_text()[-3000:]

    def stop(self, sig=signal.SIGTERM):
        """Ends the agent."""
        return self.lab.procs.end(self.agent, sig)

    def remove(self):
        """The agent and what it pinned go, also when it stands still."""
        if self.agent and self.agent.poll() is None:
            self.agent.send_signal(signal.SIGCONT)
            self.stop()
        self._remove_pins()

    def _remove_pins(self):
        shutil.rmtree(f"/sys/fs/bpf/fairlead/{self.instance}", ignore_errors=True)

    def reload(self):
        """Takes the file again, and waits until it is in force."""
        before = self.status()["config"]["loaded_at"]
        self.agent.send_signal(signal.SIGHUP)
        self.lab.wait_for(lambda: self.status()["config"]["loaded_at"] != before, 10, "the reload")

    def try_status(self):
        """The status, or None while nobody answers."""
        r = subprocess.run([f"{self.lab.build}/fairlead", "-s", self.socket, "status", "--json"],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                           timeout=30 * PATIENCE)
        return json.loads(r.stdout) if r.returncode == 0 else None

    def status(self):
        """The status document."""
        status = self.try_status()
        assert status, f"no status from {self.host}"
        return status

    def cli(self, *argv, check=True):
        """Runs `fairlead`; returns the CompletedProcess."""
        r = subprocess.run([f"{self.lab.build}/fairlead", "-s", self.socket, *argv], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, check=False, timeout=30 * PATIENCE)
        assert not check or r.returncode == 0, f"fairlead {' '.join(argv)}: exit {r.returncode}: {r.stderr}"
        return r

    def table(self):
        """What `fairlead status` prints."""
        return subprocess.run([f"{self.lab.build}/fairlead", "-s", self.socket, "status"],
                              stdout=subprocess.PIPE, text=True, check=True,
                              timeout=30 * PATIENCE).stdout

    def group(self, name="web"):
        """A VRRP group of the status."""
        (group,) = [g for g in self.status()["vrrp"]["groups"] if g["name"] == name]
        return group

    def wait_state(self, state, name="web", patience=10.0):
        """Waits until a group is in that state; returns it."""
        return self.lab.wait_for(
            lambda: (lambda g: g if g["state"] == state else None)(self.group(name)), patience,
            f"group {name} on {self.host} to be {state}")

    def has(self, address):
        """Whether the address is on eth0."""
        return f" {address}/" in self.lab.ip(self.host, "addr", "show", "dev", "eth0")

    def log_text(self):
        """The agent's log."""
        with open(self.log, encoding="utf-8") as f:
            return f.read()


class Keepalived:
    """keepalived on a host of the lab, VRRP alone."""

    def __init__(self, lab, host="ka"):
        self.lab, self.host = lab, host
        self.folder = f"{lab.folder}/{host}"
        os.makedirs(self.folder, exist_ok=True)
        self.process = None

    def configure(self, priority, addresses, interval=0.1, peer=None, version=3, more="", instance=""):
        """peer: unicast to that host. more, instance: lines of global_defs and of the instance. Version 2 has a password, and intervals of whole seconds."""
        six = ":" in addresses[0]
        address = v6 if six else v4
        unicast = ""
        if peer:
            # Its IPv6 adverts to peers have the system's hop limit, 64, unless told otherwise.
            unicast = ("unicast_ttl 255\n\t" if six else "") + (
                       f"unicast_src_ip {address(self.host)}\n\tunicast_peer {{\n"
                       f"\t\t{address(peer)}\n\t}}")
        with open(f"{self.folder}/keepalived.conf", "w", encoding="ascii") as f:
            f.write(KEEPALIVED.format(
                version=version, more=more, instance=instance, priority=priority, interval=interval, unicast=unicast,
                auth="authentication {\n\t\tauth_type PASS\n\t\tauth_pass 1234\n\t}"
                if version == 2 else "",
                addresses="\n\t\t".join(f"{a}/{128 if six else 32}" for a in addresses)))

    def start(self):
        """In the foreground, its pid files in its own folder."""
        for name in ("main.pid", "vrrp.pid"):
            if os.path.exists(f"{self.folder}/{name}"):
                os.unlink(f"{self.folder}/{name}")
        binary = shutil.which("keepalived") or "/usr/sbin/keepalived"
        self.process = self.lab.procs.start(
            "keepalived", [binary, "-n", "-l", "-D", "-P", "-f", f"{self.folder}/keepalived.conf",
                           "-p", f"{self.folder}/main.pid", "-r", f"{self.folder}/vrrp.pid"],
            netns=self.lab.ns(self.host), log=f"{self.folder}/keepalived.log")
        self.lab.wait_for(lambda: os.path.exists(f"{self.folder}/vrrp.pid") and self._child(), 10,
                          "keepalived's VRRP process")
        self.lab.procs.note(self._child(), "keepalived-vrrp")

    def _child(self):
        with open(f"{self.folder}/vrrp.pid", encoding="ascii") as f:
            text = f.read().strip()
        return int(text) if text else None

    def signal(self, sig):
        """To both of its processes."""
        for pid in (self.process.pid, self._child()):
            os.kill(pid, sig)

    def stop(self):
        """Says goodbye: priority 0."""
        if self.process and self.process.poll() is None:
            self.lab.procs.end(self.process)

    def crash(self):
        """Parent and child at once, without a word. Its addresses stay behind."""
        child = self._child()
        began = start_time(child)
        # The child first: one that outlives its parent says goodbye.
        if began and start_time(child) == began:
            os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        deadline = time.monotonic() + 5
        while start_time(child) == began and time.monotonic() < deadline:
            time.sleep(0.005)

    def has(self, address):
        """Whether the address is on eth0."""
        return f" {address}/" in self.lab.ip(self.host, "addr", "show", "dev", "eth0")


class Stream:
    """The client's datagrams, one a millisecond (tests/bench/failover/stream.c)."""

    def __init__(self, lab, address, port):
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{lab.ns('client')}", f"{lab.build}/tests/failover/stream", "send", address,
             str(port), "eth0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        lab.procs.note(self.process.pid, "stream")

    @staticmethod
    def serve(lab, host, address, port):
        """Who answers; returns the process."""
        return lab.procs.start(f"echo-{host}", [f"{lab.build}/tests/failover/stream", "echo", address, str(port)],
                               netns=lab.ns(host))

    def look(self, since, until, mac):
        """Sent, lost, blackout in ms, and when the MAC was announced, ms after `since`; None: it was not."""
        self.process.stdin.write(f"{since} {until} {mac}\n")
        self.process.stdin.flush()
        sent, lost, blackout, announced = (int(n) for n in self.process.stdout.readline().split())
        return sent, lost, blackout / 1e6, (announced - since) / 1e6 if announced else None

    def end(self):
        """With its input."""
        self.process.stdin.close()
        self.process.wait(5)
