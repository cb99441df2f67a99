# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own tunnel and VLAN devices on a lab's hosts; CommandFailed where it has none."""
from .topology import run, v4, v6

GUE_PORT = 6080  # assigned by IANA to Generic UDP Encapsulation

# Device, its kind, and which address of the host it receives for.
TUNNELS = (
    ("fl-4in4", ("ipip",), v4),
    ("fl-6in4", ("sit",), v4),
    ("fl-any6", ("ip6tnl", "mode", "any"), v6),
)


def add_tunnels(lab, host, encap=None):
    """A backend's end of `forward: ipip` or, with encap="gue", of GUE.

    A tunnel without a remote address takes packets from any source, as outer sources vary with the
    flow. Nothing is sent through it: replies go straight to the client.
    """
    more = ()
    if encap:
        # Tunnel devices load their modules themselves, receive ports do not.
        run("modprobe", "-qa", "fou", "fou6", check=False)
        for family in ("-4", "-6"):
            lab.inside(host, "ip", family, "fou", "add", "port", str(GUE_PORT), encap)
        more = ("encap", encap, "encap-sport", "auto", "encap-dport", str(GUE_PORT))
    for name, kind, address in TUNNELS:
        lab.ip(host, "link", "add", name, "type", *kind, "local", address(host), "remote", "any",
               *more)
        lab.ip(host, "link", "set", name, "up")
        # No reply leaves by the tunnel, which a strict filter would take for spoofing.
        lab.sysctl(host, **{f"ipv4__conf__{name}__rp_filter": 0})


def remove_tunnels(lab, host, encap=None):
    """Takes away what add_tunnels() has made, as far as it got."""
    for name, _, _ in TUNNELS:
        lab.ip(host, "link", "del", name, check=False)
    if encap:
        for family in ("-4", "-6"):
            lab.inside(host, "ip", family, "fou", "del", "port", str(GUE_PORT), check=False)


def received(lab, host, device):
    """Packets that a device has received."""
    counters = lab.inside(host, "cat", "/proc/net/dev").split(f"{device}:")[1]
    return int(counters.split()[1])


def vlan_address(prefix, host):
    """A host's address in a VLAN; prefix: "10.78.0." or "fd78::"."""
    return prefix + v4(host).rsplit(".", 1)[1]


def add_vlan(lab, host, tag, prefixes):
    """eth0.TAG with an address in each prefix."""
    name = f"eth0.{tag}"
    # The tag in the frame and not beside it in the driver's hands: XDP sees what is in the frame.
    lab.inside(host, "ethtool", "-K", "eth0", "txvlan", "off")
    lab.inside("sw", "ethtool", "-K", f"to-{host}", "txvlan", "off")
    lab.ip(host, "link", "add", "link", "eth0", "name", name, "type", "vlan", "id", str(tag))
    for prefix in prefixes:
        address = vlan_address(prefix, host)
        more = ("nodad",) if ":" in address else ()
        lab.ip(host, "addr", "add", f"{address}/{64 if more else 24}", "dev", name, *more)
    lab.ip(host, "link", "set", name, "up")


def remove_vlan(lab, host, tag):
    """Takes eth0.TAG away, if it is there."""
    lab.ip(host, "link", "del", f"eth0.{tag}", check=False)
