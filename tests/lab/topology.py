# SPDX-License-Identifier: GPL-2.0-or-later
"""The network: a switch, a client, a balancer and backends, each a network namespace.

    client ---+                 +--- b1 (VIPs on lo, nginx, decap on eth0)
              +--- sw (bridge) -+--- b2
    lb -------+                 +--- b3

Addresses are the same in every lab, namespaces keep them apart; names carry the lab's prefix.
"""
import os
import re
import subprocess

V4 = "10.77.0."
V6 = "fd77::"
VIP4 = "192.0.2.10"
VIP4_B = "192.0.2.11"
VIP6 = "2001:db8:77::10"
PINS = "/sys/fs/bpf/fairlead-lab-"
HOSTS = {"client": 1, "lb": 2, "b1": 11, "b2": 12, "b3": 13}
LATER = {"lb2": 3, "ka": 4, "lb3": 5}  # hosts that only some tests have: add_host()


class CommandFailed(RuntimeError):
    """A command of the lab's own did not work; the text says which and what it printed."""


def run(*argv, check=True):
    """Runs a command and returns its output."""
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if check and r.returncode:
        raise CommandFailed(f"{' '.join(argv)}: exit {r.returncode}: {r.stdout.strip()}")
    return r.stdout


def v4(host):
    """The IPv4 address of a host of the lab."""
    return f"{V4}{HOSTS.get(host) or LATER[host]}"


def v6(host):
    """The IPv6 address of a host of the lab."""
    return f"{V6}{HOSTS.get(host) or LATER[host]}"


class Topology:
    """Namespaces named PREFIX-HOST; up() builds them, remove() takes them away, both in any state."""

    def __init__(self, prefix, build):
        self.prefix = prefix
        self.build = build
        self.backends = [h for h in HOSTS if h.startswith("b")]

    def ns(self, host):
        """The namespace's name."""
        return f"{self.prefix}-{host}"

    def ip(self, host, *argv, **kw):
        """ip(8) inside a host."""
        return run("ip", "-n", self.ns(host), *argv, **kw)

    def inside(self, host, *argv, **kw):
        """Any command inside a host's network; /sys stays the machine's, bpffs included."""
        return run("nsenter", f"--net=/run/netns/{self.ns(host)}", *argv, **kw)

    def sysctl(self, host, **values):
        """Network sysctls: dots are written as double underscores."""
        for key, value in values.items():
            self.inside(host, "sysctl", "-qw", f"net.{key.replace('__', '.')}={value}")

    def existing(self):
        """Namespaces of this prefix that are there, of this run or of one that crashed."""
        names = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        return [n for n in names if re.fullmatch(re.escape(self.prefix) + "-[a-z0-9]+", n)]

    def remove(self):
        """Removes the namespaces and with them interfaces, routes and what is attached."""
        for name in self.existing():
            run("ip", "netns", "del", name)

    def cable(self, host):
        """Connects a host to the switch, anew too."""
        self.ip(host, "link", "add", "eth0", "type", "veth", "peer", "name", f"to-{host}", "netns",
                self.ns("sw"))
        self.ip("sw", "link", "set", f"to-{host}", "master", "br0", "up")
        # XDP sees packets before checksum offload is undone: no offload on a virtual cable.
        self.inside(host, "ethtool", "-K", "eth0", "tx", "off")
        self.ip(host, "addr", "add", f"{v4(host)}/24", "dev", "eth0")
        self.ip(host, "addr", "add", f"{v6(host)}/64", "dev", "eth0", "nodad")
        self.ip(host, "link", "set", "eth0", "up")
        self.forget_neighbours()

    def forget_neighbours(self):
        """
        Whoever has an address now is found anew. IPv6 would go on for 8 s with the one who had it before: what
        a host sends to an address of which it knows a MAC says nothing to the one who had asked by another.
        """
        for name in self.existing():
            run("ip", "-n", name, "neigh", "flush", "all")

    def _host(self, host):
        run("ip", "netns", "add", self.ns(host))
        self.ip(host, "link", "set", "lo", "up")
        self.sysctl(host, ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0)

    def up(self):
        """Builds everything; the VIPs are local on all backends (direct server return)."""
        self.remove()
        self._host("sw")
        self.ip("sw", "link", "add", "br0", "type", "bridge")
        self.ip("sw", "link", "set", "br0", "up")
        for host in HOSTS:
            self._host(host)
            self.cable(host)
        # See xdp_pass.bpf.c: without it frames that lb sends back would wait for other traffic.
        self.attach_xdp("sw", "to-lb", f"{self.build}/tests/xdp_pass.bpf.o")
        for vip in (VIP4, VIP4_B):
            self.ip("client", "route", "add", vip, "via", v4("lb"))
        self.ip("client", "-6", "route", "add", VIP6, "via", v6("lb"))
        for b in self.backends:
            self.sysctl(b, ipv4__conf__all__arp_ignore=1, ipv4__conf__all__arp_announce=2,
                        ipv4__conf__all__rp_filter=0, ipv4__conf__eth0__rp_filter=0)
            for vip in (f"{VIP4}/32", f"{VIP4_B}/32"):
                self.ip(b, "addr", "add", vip, "dev", "lo")
            self.ip(b, "addr", "add", f"{VIP6}/128", "dev", "lo", "nodad")

    def add_host(self, host):
        """One more host on the switch, as a balancer needs it."""
        self._host(host)
        self.cable(host)
        self.attach_xdp("sw", f"to-{host}", f"{self.build}/tests/xdp_pass.bpf.o")

    def remove_host(self, host):
        """Takes it off again."""
        run("ip", "netns", "del", self.ns(host))

    def decapsulate(self, host):
        """Loads the project's decapsulation on a backend, as docs/operations.md says."""
        self.attach_xdp(host, "eth0", f"{self.build}/bpf/decap.bpf.o")

    def attach_xdp(self, host, device, obj):
        """Attaches an object's program natively. Not by ip(8), which leaves folders in bpffs."""
        folder = PINS + self.prefix
        pin = f"{folder}/{self.ns(host)}-{device}"
        os.makedirs(folder, exist_ok=True)
        try:
            self.inside(host, "bpftool", "prog", "load", obj, pin, "type", "xdp")
            self.inside(host, "bpftool", "net", "attach", "xdpdrv", "pinned", pin, "dev", device)
        finally:
            if os.path.exists(pin):
                os.unlink(pin)
            os.rmdir(folder)

    def lose_frames(self, on=True):
        """Every cable loses one frame in twenty in each direction, but towards the balancer's own program."""
        hosts = [h for h in HOSTS if h != "lb"]
        program = f"{self.build}/tests/{'lossy' if on else 'xdp_pass'}.bpf.o"
        self.detach_xdp("sw", "to-lb")
        self.attach_xdp("sw", "to-lb", program)
        for host, device in [(h, "eth0") for h in hosts] + [("sw", f"to-{h}") for h in hosts]:
            if on:
                self.attach_xdp(host, device, program)
            else:
                self.detach_xdp(host, device)

    def detach_xdp(self, host, device="eth0"):
        """Takes off what attach_xdp() has attached."""
        self.inside(host, "bpftool", "net", "detach", "xdpdrv", "dev", device)

    def route_back(self, host, on=True):
        """The client's packets come back by the balancer (NAT), which forwards, or on the link again."""
        # Off: whoever they came by, so that nothing of one test is left for the next.
        verb, via4, via6 = ("replace", ["via", v4("lb")], ["via", v6("lb")]) if on else ("del", [], [])
        self.ip(host, "route", verb, f"{v4('client')}/32", *via4, check=on)
        self.ip(host, "-6", "route", verb, f"{v6('client')}/128", *via6, check=on)

    def set_mtu(self, mtu):
        """On all cables, both ends."""
        for host in HOSTS:
            self.ip(host, "link", "set", "eth0", "mtu", str(mtu))
            self.ip("sw", "link", "set", f"to-{host}", "mtu", str(mtu))
        self.ip("sw", "link", "set", "br0", "mtu", str(mtu))

    def cut_cable(self, host):
        """The switch's port goes down: the host no longer hears or is heard."""
        self.ip("sw", "link", "set", f"to-{host}", "down")

    def mend_cable(self, host):
        """The switch's port comes up again."""
        self.ip("sw", "link", "set", f"to-{host}", "up")
