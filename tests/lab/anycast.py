# SPDX-License-Identifier: GPL-2.0-or-later
"""Several balancers behind a router that spreads over those that announce a VIP (BGP, ECMP).

    client --- router --- lb, lb2, lb3 --- b1, b2, b3      all on the lab's switch

Each balancer has an agent of its own and a routing daemon with the configuration that is shipped; the router has
BIRD, too.
"""
import os
import re
import shutil

from .lab import Lab
from .routers import Bird, Frr
from .topology import HOSTS, VIP4, VIP4_B, VIP6, run, v4, v6

CONFIGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../configs")
EXTRA = {"router": 3, "lb2": 4, "lb3": 5}

ROUTER = """
log stderr all;
router id {me};
protocol device {{}}
protocol kernel {{ merge paths on; ipv4 {{ import none; export all; }}; }}
protocol kernel {{ merge paths on; ipv6 {{ import none; export all; }}; }}
protocol bfd {{ interface "*" {{ min tx interval 50 ms; min rx interval 50 ms; }}; }}
template bgp balancer {{
	local as 65000;
	bfd on;
	connect retry time 1;
	connect delay time 1;
	error wait time 1, 2;
}}
{sessions}
"""

SESSION = """
protocol bgp {name}4 from balancer {{ neighbor {v4} as 65001; ipv4 {{ import all; export none; }}; }}
protocol bgp {name}6 from balancer {{ neighbor {v6} as 65001; ipv6 {{ import all; export none; }}; }}
"""


class Balancer(Lab):
    """An agent on one of the balancers: what a lab does on `lb` it does there."""

    def __init__(self, lab, host):
        super().__init__(lab.prefix, lab.build, f"{lab.folder}/{host}", f"{lab.instance}-{host}")
        self.host = host
        self.daemon = None
        os.makedirs(self.folder, exist_ok=True)

    def ns(self, host):
        return super().ns(self.host if host == "lb" else host)

    def start_bird(self):
        """configs/bird.conf with this lab's addresses."""
        self.daemon = Bird(self, "lb", shipped("bird.conf", {
            "ME": v4(self.host), "ME6": v6(self.host), "ROUTER": v4("router"), "ROUTER6": v6("router"),
            "VIPS6": "[ 2001:db8:77::/64{128,128} ]"}))

    def start_frr(self):
        """configs/frr.conf likewise."""
        with open(f"{CONFIGS}/frr.conf", encoding="utf-8") as f:
            text = f.read()
        for old, new in (("198.51.100.1", v4("router")), ("198.51.100.2", v4(self.host)),
                         ("2001:db8:100::1", v6("router"))):
            assert old in text
            text = re.sub(rf"{re.escape(old)}(?!\d)", new, text)
        self.daemon = Frr(self, "lb", text, ("zebra", "bgpd", "bfdd"))

    def vip(self, vip):
        """What the status says of an announced VIP."""
        return next(v for v in self.status()["anycast"]["vips"] if v["vip"] == vip)

    def routes(self, table=118):
        """The prefixes that are in the agent's table."""
        out = []
        for family in ("-4", "-6"):
            text = self.ip("lb", family, "route", "show", "table", str(table), "proto", "118", check=False)
            out += [line.split()[1] for line in text.splitlines() if line.startswith("blackhole")]
        return out

    def end(self):
        """Agent, daemon and pins, whatever state they are in."""
        self.procs.end_recorded()
        self.remove_pins()
        self.daemon = self.agent = None


def shipped(name, defines):
    """A shipped configuration of BIRD with other values for what it defines."""
    with open(f"{CONFIGS}/{name}", encoding="utf-8") as f:
        text = f.read()
    for key, value in defines.items():
        text, n = re.subn(rf"^define {key} = .*?;", f"define {key} = {value};", text, flags=re.M)
        assert n == 1, key
    return text


class Anycast:
    """Router and balancers in a lab that is up."""

    def __init__(self, lab):
        self.lab = lab
        HOSTS.update(EXTRA)
        for host in EXTRA:
            lab._host(host)  # pylint: disable=protected-access
            lab.cable(host)
            lab.attach_xdp("sw", f"to-{host}", f"{lab.build}/tests/xdp_pass.bpf.o")
        # It forwards to the link that a packet came from, and spreads by addresses and ports.
        lab.sysctl("router", ipv4__ip_forward=1, ipv6__conf__all__forwarding=1,
                   ipv4__conf__all__send_redirects=0, ipv4__conf__eth0__send_redirects=0,
                   ipv4__conf__all__rp_filter=0, ipv4__conf__eth0__rp_filter=0,
                   ipv4__fib_multipath_hash_policy=1, ipv6__fib_multipath_hash_policy=1)
        self._way("router")
        sessions = "".join(SESSION.format(name=h, v4=v4(h), v6=v6(h)) for h in ("lb", "lb2", "lb3"))
        self.bird = Bird(lab, "router", ROUTER.format(me=v4("router"), sessions=sessions))
        self.balancers = {h: Balancer(lab, h) for h in ("lb", "lb2", "lb3")}

    def _way(self, host):
        """The client's way to the VIPs."""
        for vip in (VIP4, VIP4_B):
            self.lab.ip("client", "route", "replace", vip, "via", v4(host))
        self.lab.ip("client", "-6", "route", "replace", VIP6, "via", v6(host))

    def ways(self, vip=VIP4):
        """Over which balancers the router spreads a VIP."""
        family = "-6" if ":" in vip else "-4"
        text = self.lab.ip("router", family, "route", "show", vip, "proto", "bird")
        name = {(v6 if ":" in vip else v4)(h): h for h in self.balancers}
        return {name[a] for a in re.findall(r"via (\S+)", text)}

    def wait_ways(self, hosts, vip=VIP4, patience=10):
        """Waits until those, and no others, are the router's ways to a VIP."""
        self.lab.wait_for(lambda: self.ways(vip) == set(hosts), patience,
                          f"{vip} to be announced by {sorted(hosts)}, not {self.ways(vip)}")

    def down(self):
        """The lab is as it was."""
        for b in self.balancers.values():
            b.end()
        self.bird.stop()
        self._way("lb")
        for host in EXTRA:
            run("ip", "netns", "del", self.lab.ns(host))
            shutil.rmtree(f"{self.lab.folder}/{host}", ignore_errors=True)
            del HOSTS[host]
