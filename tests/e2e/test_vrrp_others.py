# SPDX-License-Identifier: GPL-2.0-or-later
"""VRRP with others on the link: keepalived, and whoever sends what is malformed or comes from afar."""
import signal
import socket
import struct
import subprocess
import time

import pytest

from conftest import answers, url_of
from lab.lab import PATIENCE
from lab.pair import Keepalived
from lab.topology import VIP4, VIP6, v4, v6
from test_vrrp import (FAST_MS, KEY, SLOW_MS, group, groups, link, mac, neighbour,  # noqa: F401 pylint: disable=unused-import
                       pair, start)


def forge(lab, host, messages):
    """Sends [(ttl, bytes)] to the multicast group from a host, as raw VRRP."""
    code = ("import socket,struct,sys\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_RAW,112)\n"
            f"s.setsockopt(0,socket.IP_MULTICAST_IF,socket.inet_aton('{v4(host)}'))\n"
            "for line in sys.stdin:\n"
            "    ttl,data=line.split()\n"
            "    s.setsockopt(0,socket.IP_MULTICAST_TTL,int(ttl))\n"
            "    s.sendto(bytes.fromhex(data),('224.0.0.18',0))\n")
    text = "".join(f"{ttl} {data.hex()}\n" for ttl, data in messages)
    subprocess.run(["nsenter", f"--net=/run/netns/{lab.ns(host)}", "/usr/bin/python3", "-c", code],
                   input=text, text=True, check=True, timeout=60 * PATIENCE)


def advert(priority=200, vrid=51, interval=1, addresses=(VIP4,)):
    """A version 3 advert with a checksum as RFC 9568 has it."""
    data = struct.pack("!BBBBHH", 0x31, vrid, priority, len(addresses), interval, 0)
    data += b"".join(socket.inet_aton(a) for a in addresses)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    return data[:6] + struct.pack("!H", ~total & 0xffff) + data[8:]


def test_malformed_and_far(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """What is malformed or was forwarded changes nothing and is counted, each by its reason."""
    one, two = pair
    start(pair)
    before = one.group()["transitions"], two.group()["transitions"]
    good = advert()
    spoilt = {
        "ttl": (254, good), "short": (255, good[:7]), "version": (255, b"\x41" + good[1:]),
        "type": (255, b"\x32" + good[1:]), "length": (255, good + b"\0"),
        "checksum": (255, good[:-1] + bytes([good[-1] ^ 1])), "vrid": (255, advert(vrid=0)),
        "no-address": (255, advert(addresses=())), "interval": (255, advert(interval=0)),
        "unknown-vrid": (255, advert(vrid=52)),
    }
    forge(lab, "client", [m for m in spoilt.values() for _ in range(1000)])
    for balancer in pair:
        lab.wait_for(lambda b=balancer: all(
            b.status()["vrrp"]["ignored"][reason] == 1000 for reason in spoilt), 5, "the counts")
    assert (one.group()["transitions"], two.group()["transitions"]) == before
    assert one.group()["state"] == "active"
    # The same message without a fault does what it says: the test can fail.
    forge(lab, "client", [(255, good)])
    lab.wait_for(lambda: one.group()["transitions"] > before[0], 5, "a sound advert to be heeded")


# As from behind a router: N of them to each address, or as many as there are in so many seconds; prints how many.
FLOOD = """
import itertools, socket, sys, time
data, n, seconds, sent, sockets = bytes.fromhex(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), 0, []
for to in sys.argv[4:]:
    s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_RAW, 112)
    s.setsockopt(*((41, socket.IPV6_UNICAST_HOPS) if ":" in to else (0, socket.IP_TTL)), 254)
    sockets.append((s, (to, 0)))
until = time.monotonic() + seconds
for i in itertools.count(1):
    for s, to in sockets:
        s.sendto(data, to)
    if n and i == n or not n and time.monotonic() > until:
        print(i)
        break
"""


def test_flood_from_afar(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """What was forwarded takes no room from adverts, also while nobody reads them; all of it is counted."""
    one, two = pair
    for balancer, priority in zip(pair, (150, 100)):
        balancer.configure(groups(group(priority, interval=SLOW_MS),
                                  group(priority, (VIP6,), name="web6", interval=SLOW_MS)), flow_key=KEY)
    names = ("web", "web6")
    for balancer, state in zip(pair, ("active", "backup")):
        balancer.start()
        for name in names:
            balancer.wait_state(state, name)
    for name in names:
        lab.wait_for(lambda n=name: two.group(n)["active"], 5, "the active one to be heard")
    before = [two.group(name)["transitions"] for name in names]

    def flood(n, seconds):
        return int(lab.inside("client", "/usr/bin/python3", "-c", FLOOD, advert().hex(), str(n), str(seconds), v4("lb2"), v6("lb2")))

    def far():
        return two.status()["vrrp"]["ignored"]["ttl"]
    # More than a queue holds, of which nothing is read.
    two.agent.send_signal(signal.SIGSTOP)
    try:
        flood(3000, 0)
    finally:
        two.agent.send_signal(signal.SIGCONT)
    assert far() == 6000
    heard = [two.group(name)["adverts_heard"] for name in names]
    sent = flood(0, 2)
    assert far() == 6000 + 2 * sent > 20000
    status = two.status()["vrrp"]
    assert status["ignored"] == dict.fromkeys(status["ignored"], 0) | {"ttl": far()}
    assert [two.group(name)["transitions"] for name in names] == before
    assert [two.group(name)["state"] for name in names] == ["backup"] * 2
    for name, n in zip(names, heard):
        lab.wait_for(lambda name=name, n=n: two.group(name)["adverts_heard"] > n + 10, 5, "adverts")


@pytest.fixture
def keepalived(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """keepalived on its own host."""
    k = Keepalived(lab)
    yield k
    k.stop()
    for address in (f"{VIP4}/32", f"{VIP6}/128"):
        lab.ip("ka", "addr", "del", address, "dev", "eth0", check=False)


def peers_of(vip, unicast):
    """Our side's key for unicast."""
    address = v6 if ":" in vip else v4
    return {"peers": f"['{address('ka')}']"} if unicast else {}


@pytest.mark.parametrize("unicast", [False, True], ids=["multicast", "unicast"])
@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["ipv4", "ipv6"])
def test_backup_of_keepalived(pair, lab, keepalived, vip, unicast):  # noqa: F811 pylint: disable=redefined-outer-name
    """keepalived is active: crash, preemption by it, its goodbye, its priority, ours above it."""
    ours, more = pair[0], peers_of(vip, unicast)
    keepalived.configure(200, [vip], peer="lb" if unicast else None)
    keepalived.start()
    lab.wait_for(lambda: keepalived.has(vip), 10, "keepalived to be active")
    ours.configure(groups(group(100, (vip,), interval=SLOW_MS, **more)), flow_key=KEY)
    ours.start()
    lab.wait_for(lambda: ours.group()["active_priority"] == 200, 5, "its adverts to be heeded")
    state = ours.group()
    assert state["state"] == "backup" and not state["addresses_differ"], state
    assert not any(ours.status()["vrrp"]["ignored"].values()), ours.status()["vrrp"]
    assert not ours.has(vip)
    # A crash; its address stays behind, but the client has been told of ours.
    keepalived.crash()
    ours.wait_state("active")
    lab.wait_for(lambda: neighbour(lab, vip) in (None, mac(lab, "lb")), 2, "the announcement")
    lab.ip("ka", "addr", "del", f"{vip}/{128 if ':' in vip else 32}", "dev", "eth0", check=False)
    assert answers(lab, url_of(vip), 6) <= {"b1", "b2", "b3"}
    # It is back and preempts.
    keepalived.start()
    ours.wait_state("backup")
    lab.wait_for(lambda: keepalived.has(vip), 5, "keepalived to be active")
    # Its goodbye is priority 0.
    keepalived.stop()
    state = ours.wait_state("active")
    assert state["why"] == "the active router gave up (priority 0)"
    keepalived.start()
    ours.wait_state("backup")
    # A priority above its own, at run time.
    ours.configure(groups(group(250, (vip,), interval=SLOW_MS, **more)), flow_key=KEY)
    ours.reload()
    ours.wait_state("active")
    lab.wait_for(lambda: not keepalived.has(vip), 5, "keepalived to give way")


@pytest.mark.parametrize("unicast", [False, True], ids=["multicast", "unicast"])
@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["ipv4", "ipv6"])
def test_active_against_keepalived(pair, lab, keepalived, vip, unicast):  # noqa: F811 pylint: disable=redefined-outer-name
    """We are active: it is backup; it takes over from a kill and a goodbye, and gives back."""
    ours, more = pair[0], peers_of(vip, unicast)
    ours.configure(groups(group(200, (vip,), interval=SLOW_MS, **more)), flow_key=KEY)
    ours.start()
    ours.wait_state("active")
    keepalived.configure(100, [vip], peer="lb" if unicast else None)
    keepalived.start()
    time.sleep(1)
    assert not keepalived.has(vip) and ours.group()["state"] == "active"
    assert ours.group()["transitions"] == 1
    ours.agent.kill()
    lab.wait_for(lambda: keepalived.has(vip), 5, "keepalived to take over")
    lab.wait_for(lambda: not ours.has(vip), 8, "our address to go")
    ours.agent.wait()
    ours.start()
    ours.wait_state("active")
    lab.wait_for(lambda: not keepalived.has(vip), 5, "keepalived to give way")
    ours.stop()
    lab.wait_for(lambda: keepalived.has(vip), 2, "keepalived to take over after priority 0")


def test_odd_intervals(pair, lab, keepalived):  # noqa: F811 pylint: disable=redefined-outer-name
    """The active router's interval is learnt; one of 1 s is not taken for dead by a peer of 10 ms."""
    ours = pair[0]
    keepalived.configure(200, [VIP4], interval=1)
    keepalived.start()
    lab.wait_for(lambda: keepalived.has(VIP4), 10, "keepalived to be active")
    ours.configure(groups(group(100, interval=FAST_MS)), flow_key=KEY)
    ours.start()
    lab.wait_for(lambda: ours.group()["active_interval_ms"] == 1000, 5, "the interval")
    ours.wait_state("backup")
    before = ours.group()["transitions"]
    time.sleep(3)
    assert ours.group()["state"] == "backup" and ours.group()["transitions"] == before


def test_version_2_is_heard(pair, lab, keepalived):  # noqa: F811 pylint: disable=redefined-outer-name
    """A router of version 2 with a password: we are its backup, and take over after its goodbye."""
    ours = pair[0]
    keepalived.configure(200, [VIP4], interval=1, version=2)
    keepalived.start()
    lab.wait_for(lambda: keepalived.has(VIP4), 10, "keepalived to be active")
    ours.configure(groups(group(100, interval=1000)), flow_key=KEY)
    ours.start()
    lab.wait_for(lambda: ours.group()["active_priority"] == 200, 5, "its adverts to be heeded")
    time.sleep(4)
    assert ours.group()["state"] == "backup"
    assert not any(ours.status()["vrrp"]["ignored"].values())
    keepalived.stop()
    assert ours.wait_state("active")["why"] == "the active router gave up (priority 0)"
