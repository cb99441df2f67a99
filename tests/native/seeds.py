#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the inputs of the native tests, for `make native` and as the seeds of `make fuzz`.

usage: seeds.py OUT. OUT/lb and OUT/decap get one file an input: those made here, which together come to
every verdict, and those of tests/native/regress/PROGRAM-WHAT.hex, which fuzzing has found. Addresses
and ports are those of scene.c, the layout is that of lb_input.c and decap_input.c.
"""
import glob
import logging
import os
import struct
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.inet import ICMP, IP, TCP, UDP  # noqa: E402
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoRequest, ICMPv6PacketTooBig,  # noqa: E402
                                ICMPv6TimeExceeded, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                                IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)
from scapy.layers.ipsec import AH  # noqa: E402
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether  # noqa: E402
from scapy.layers.sctp import SCTP, SCTPChunkData, SCTPChunkInit  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import checksum  # noqa: E402

LEASE, WILD, SOURCES, LIMITS, NAT, JUMBO, EVENTS, LAPSED = (1 << i for i in range(8))
KEEP, PASS, DROP, WATCH = range(4)  # on_agent_loss; WATCH: keep, and the gate `passive`
NAT_FULL, RING_FULL, SAMPLED, FLOWS_FULL = 1 << 4, 1 << 5, 1 << 6, 1 << 7
LINK, OTHER, LOWER, GONE = range(4)
WAIT_10_MS, WAIT_268_MS, WAIT_1_S, WAIT_68_S = 18, 22, 24, 30  # 2 ** (n + 6) ns

VIP = {4: "203.0.113.80", 6: "2001:db8:1::80"}
CLIENT = {4: "198.51.100.%d", 6: "2001:db8:9::%x"}
WAYS = ("l2 l2_tagged ipip4 ipip6 gue4 gue6 nat nat_any nat_record nat_shared fullnat fullnat_any "
        "no_backend no_hop port_gone l2_source_port quic").split()
PORT = {name: 8001 + i for i, name in enumerate(WAYS)}
RECORDS = "nat_record", "nat_shared"


def backend(way, version, second=0):
    """Address of a way's backend."""
    row = WAYS.index(way) - (way == "nat_shared")
    return f"10.0.{row}.{10 + second}" if version == 4 else f"fd00::{row << 8 | 10 + second:x}"


def ip(version, src, dst, **more):
    if version == 4:
        if more.pop("df", False):
            more["flags"] = "DF"
        return IP(src=src, dst=dst, ttl=more.pop("ttl", 57), **more)
    return IPv6(src=src, dst=dst, hlim=more.pop("ttl", 57), tc=more.pop("tos", 0), **more)


def eth(packet, link=None):
    link = link or Ether(src="02:00:00:00:bb:02", dst="02:00:00:00:aa:01")
    return bytes(link / packet)


def upper(proto, sport, dport, flags="S", payload=b"hello, fairlead"):
    if proto == "tcp":
        return TCP(sport=sport, dport=dport, flags=flags, seq=1, ack=2) / Raw(payload)
    if proto == "udp":
        return UDP(sport=sport, dport=dport) / Raw(payload)
    return SCTP(sport=sport, dport=dport) / (SCTPChunkInit() if flags == "S" else SCTPChunkData())


def to_vip(way, version=4, proto="tcp", client=8, sport=40001, flags="S", dport=None, payload=b"abc",
           **more):
    """A client's packet to a way's service."""
    return ip(version, CLIENT[version] % client, VIP[version], **more) / upper(
        proto, sport, dport or PORT[way], flags, payload)


def reply(way, version=4, proto="tcp", client=8, second=0, sport=None, dport=40001, flags="SA", **more):
    """A backend's packet to the client."""
    return ip(version, backend(way, version, second), CLIENT[version] % client, **more) / upper(
        proto, sport or 80, dport, flags)


def error(version, src, dst, quoted, kind="unreach"):
    """An ICMP error that quotes a packet."""
    quoted = Raw(bytes(quoted)[:548])
    if version == 4:
        kinds = {"unreach": (3, 3), "too_big": (3, 4), "exceeded": (11, 0), "param": (12, 0)}
        return ip(4, src, dst) / ICMP(type=kinds[kind][0], code=kinds[kind][1]) / quoted
    kinds = {"unreach": ICMPv6DestUnreach(), "too_big": ICMPv6PacketTooBig(mtu=1280),
             "exceeded": ICMPv6TimeExceeded(), "param": ICMPv6DestUnreach(code=4)}
    return ip(6, src, dst) / kinds[kind] / quoted


def arrives(packet, link=None, ingress=LINK, wait=0, pad=0, split=False, cut=None):
    """A frame behind the bytes that say how it comes; `cut`: only so many bytes of it."""
    frame = packet if isinstance(packet, bytes) else eth(packet, link)
    frame = frame[:cut]
    return struct.pack("<BBHH", ingress | split << 2, wait, len(frame), pad) + frame


def scene(gates, *frames, loss=KEEP, headroom=0, state=0):
    return struct.pack("BB", gates, loss | headroom << 2 | state) + b"".join(
        f if isinstance(f, bytes) else arrives(f) for f in frames)


TAG = Ether(src="02:00:00:00:bb:02", dst="02:00:00:00:aa:01") / Dot1Q(vlan=5, prio=3, id=1)
QINQ = Ether(src="02:00:00:00:bb:02", dst="02:00:00:00:aa:01") / Dot1AD(vlan=6) / Dot1Q(vlan=7)
GROUP = Ether(src="02:00:00:00:bb:02", dst="ff:ff:ff:ff:ff:ff")


def groups():
    """A lapse where some services are of VRRP groups, and frames that a switch has flooded."""
    flooded = Ether(src="02:00:00:00:bb:02", dst="02:00:00:00:aa:02")
    for version in (4, 6):
        for way in ("ipip4", "l2"):
            p = to_vip(way, version, flags="A")
            yield f"groups-{way}-{version}", scene(
                NAT | LAPSED, p, arrives(p, flooded), arrives(p, TAG), arrives(to_vip(way, version, "udp")))


def each_way():
    """Every way, both families, all protocols; each headroom, tags, and back from another port."""
    for i, way in enumerate(WAYS):
        for version in (4, 6):
            for proto in ("tcp", "udp", "sctp"):
                p = to_vip(way, version, proto, client=i, tos=0xb8 + i % 4)
                yield f"way-{way}-{version}-{proto}", scene(
                    NAT | WILD, p, arrives(p, TAG), arrives(p, QINQ), arrives(p, ingress=OTHER),
                    arrives(to_vip(way, version, proto, sport=40002 + i, flags="A")),
                    arrives(to_vip(way, version, proto, ttl=1)), headroom=i % 4)
                if "nat" not in way:
                    yield f"plain-{way}-{version}-{proto}", scene(0, p, headroom=(i + 1) % 4)


def replies():
    for version in (4, 6):
        for way in ("nat", "nat_any", "nat_record", "fullnat", "fullnat_any"):
            for client in range(8):
                there = to_vip(way, version, client=client, sport=40001 + client)
                frames = [arrives(there)]
                for second in (0, 1):
                    port = PORT[way] if way.endswith("_any") else 80
                    back = reply(way, version, client=client, second=second, sport=port,
                                 dport=40001 + client)
                    if way.startswith("fullnat"):
                        pool = ("10.9.9.1", "10.9.9.2") if version == 4 else ("fd00::9",)
                        for address in pool:
                            for source in range(20000, 20004):
                                back = ip(version, backend(way, version, second), address) / upper(
                                    "tcp", port, source, "FA")
                                frames.append(arrives(back, ingress=client % 3))
                    else:
                        frames += [arrives(back, ingress=client % 3), arrives(back, pad=1400),
                                   arrives(reply(way, version, client=client, second=second, sport=port,
                                                 dport=40001 + client, ttl=1, flags="R"))]
                yield f"reply-{way}-{version}-{client}", scene(NAT, *frames, there)
    big = ip(4, backend("nat", 4), CLIENT[4] % 8, df=True) / upper("tcp", 80, 40001, "A", b"x" * 1450)
    yield "reply-too-big", scene(NAT, big)
    big[IP].flags = 0
    yield "reply-too-big-without-df", scene(NAT, big)


def records():
    """Full NAT's pool runs dry; records are replaced, clash, and are forgotten."""
    many = [to_vip("fullnat", sport=50000 + i, proto="udp") for i in range(40)]
    yield "pool-dry", scene(NAT, *many)
    yield "records-full", scene(NAT, *many[:4], state=NAT_FULL)
    yield "records-full-nat", scene(NAT, *[to_vip("nat_record", sport=i) for i in range(1, 9)],
                                    state=NAT_FULL)
    yield "unknown", scene(NAT, to_vip("fullnat", flags="A"), to_vip("fullnat", flags="SA"))
    one = [to_vip("fullnat", flags=f) for f in ("S", "A", "FA", "R", "S", "S")]
    yield "renewed", scene(NAT, *one)
    for flags in ("R", "FA", "A"):
        yield f"clash-{flags}", scene(
            NAT, to_vip("nat_record"), to_vip("nat_record", flags=flags), reply("nat_record", flags="FA"),
            to_vip("nat_shared"), arrives(to_vip("nat_shared"), wait=WAIT_68_S))


def moves():
    """Slots that are not clean: half of them are. Handshakes, old flows, forged ones, and a full table."""
    for way in ("l2", "gue6", "nat_record", "l2_source_port"):
        for version in (4, 6):
            for port in range(40010, 40018):
                def tcp(flags, seq, **more):
                    p = to_vip(way, version, sport=port, flags=flags, **more)  # noqa: B023
                    p[TCP].seq = seq
                    return p
                shake = [tcp("S", 1), tcp("A", 2)]
                yield f"handshake-{way}-{version}-{port}", scene(
                    NAT, *shake, tcp("A", 900000), tcp("S", 70), tcp("A", 71), arrives(tcp("PA", 3), wait=WAIT_1_S),
                    arrives(tcp("A", 900000), wait=WAIT_1_S), tcp("FA", 4), tcp("S", 900), tcp("A", 901),
                    tcp("R", 902), arrives(tcp("S", 5), wait=WAIT_68_S))
                yield f"old-{way}-{version}-{port}", scene(
                    NAT, tcp("A", 5), tcp("S", 7), arrives(tcp("A", 6), wait=WAIT_1_S),
                    error(version, CLIENT[version] % 99, VIP[version], reply(way, version, dport=port)),
                    arrives(tcp("A", 8), wait=WAIT_68_S))
                yield f"full-{way}-{version}-{port}", scene(NAT, *[
                    tcp(flags, seq, client=client) for client in range(24) for flags, seq in (("S", 1), ("A", 2))],
                    state=FLOWS_FULL)
                # With peers, which goes with the last of headrooms: they are told, or there is no room.
                yield f"told-{way}-{version}-{port}", scene(
                    NAT, *shake, arrives(tcp("PA", 3), wait=WAIT_1_S), headroom=3,
                    state=(0, RING_FULL)[port & 1])
                yield f"waits-{way}-{version}-{port}", scene(NAT, *shake, tcp("PA", 3), state=FLOWS_FULL | NAT_FULL)
    for version in (4, 6):
        for port in range(40010, 40026):
            def long(first, known, ids):
                payload = struct.pack(">BI", first, known) + ids
                return to_vip("quic", version, "udp", sport=port, payload=payload)  # noqa: B023
            ids = b"\x08destinat\x05sourc"
            yield f"quic-{version}-{port}", scene(
                0, long(0xc0, 1, ids), long(0xc0, 1, ids), long(0xe0, 1, ids), long(0xd0, 0x6b3343cf, ids),
                long(0xc0, 1, b"\0\0"), long(0xf0, 1, b"\x15" + ids), long(0xc0, 1, b"\x14" + ids[1:]),
                long(0xc0, 1, b"\0\x14short"), long(0xc0, 7, ids), long(0x40, 1, ids),
                arrives(long(0x40, 1, ids), wait=WAIT_1_S), arrives(long(0x40, 1, ids), wait=WAIT_68_S))
            sctp = [to_vip("l2", version, "sctp", sport=port, flags=f) for f in "SA"]
            yield f"sctp-{version}-{port}", scene(
                0, *sctp, ip(version, CLIENT[version] % 8, VIP[version])
                / SCTP(sport=port, dport=PORT["l2"]) / Raw(b"\x0a\0\0\x08cook"), *sctp)


def fragments():
    for version in (4, 6):
        for way in ("l2", "ipip4", "gue6", "nat", "nat_record", "fullnat", "no_backend"):
            frames = []
            for src, dst, up in ((CLIENT[version] % 8, VIP[version], upper("udp", 40001, PORT[way])),
                                 (backend(way, version), CLIENT[version] % 8, upper("udp", 80, 40001))):
                if version == 4:
                    first = ip(4, src, dst, id=77, flags="MF", proto=17) / Raw(bytes(up) + b"12345678")
                    later = ip(4, src, dst, id=77, frag=4, proto=17) / Raw(b"later" * 8)
                else:
                    first = ip(6, src, dst) / IPv6ExtHdrFragment(id=77, m=1, nh=17) / Raw(bytes(up))
                    later = ip(6, src, dst) / IPv6ExtHdrFragment(id=77, offset=4, nh=17) / Raw(b"l" * 40)
                frames += [arrives(later), arrives(first), arrives(later), arrives(later, TAG),
                           arrives(later, pad=1400), arrives(later, wait=WAIT_68_S)]
            yield f"fragments-{way}-{version}", scene(NAT, *frames)
            yield f"fragments-lapsed-{way}-{version}", scene(
                NAT | LEASE, *frames) + scene(NAT | LEASE | LAPSED, *frames, loss=DROP)[2:]
    for dst in (VIP[4], "192.0.2.9"):
        yield f"fragments-other-{dst}", scene(
            NAT, ip(4, CLIENT[4] % 8, dst, id=5, flags="MF", proto=17) / upper("udp", 1, 2),
            ip(4, CLIENT[4] % 8, dst, id=5, frag=3, proto=17) / Raw(b"x" * 40),
            ip(4, CLIENT[4] % 8, dst, id=6, frag=3, proto=17) / Raw(b"x" * 40),
            ip(4, CLIENT[4] % 8, dst, id=7, flags="MF", proto=1) / Raw(b"x" * 40))


def icmp():
    for version in (4, 6):
        client, vip = CLIENT[version] % 8, VIP[version]
        echo = ICMP(type=8, id=7, seq=9) if version == 4 else ICMPv6EchoRequest(id=7, seq=9)
        ping = ip(version, client, vip) / echo / Raw(b"ping")
        yield f"echo-{version}", scene(SOURCES | LEASE, ping, arrives(ping, QINQ))
        yield f"echo-many-{version}", scene(0, *[ping] * 64)
        yield f"echo-other-{version}", scene(0, ip(version, client, "192.0.2.77" if version == 4 else "::9")
                                             / echo)
        for way in WAYS:
            frames = []
            for kind in ("unreach", "too_big", "exceeded", "param"):
                quoted = ip(version, vip, client) / upper("tcp", PORT[way], 40001, "A")
                frames += [to_vip(way, version), error(version, client, vip, quoted, kind)]
            # A router tells the backend, or the client, of what came through NAT.
            to_backend = ip(version, client, backend(way, version)) / upper("tcp", 40001, 80, "A")
            frames += [error(version, backend(way, version), client, to_backend),
                       error(version, "10.1.1.1" if version == 4 else "fd00::7", client, to_backend)]
            yield f"errors-{way}-{version}", scene(NAT | WILD, *frames)
            if "nat" not in way:
                yield f"errors-plain-{way}-{version}", scene(SOURCES | LEASE, *frames[:2])
    quoted = ip(6, VIP[6], CLIENT[6] % 8) / IPv6ExtHdrDestOpt() / upper("udp", PORT["l2"], 40001)
    yield "error-quotes-extension", scene(0, error(6, CLIENT[6] % 8, VIP[6], quoted))
    sctp = ip(4, VIP[4], CLIENT[4] % 8) / upper("sctp", PORT["l2"], 40001, "A")
    yield "error-quotes-sctp", scene(0, error(4, CLIENT[4] % 8, VIP[4], sctp))


def spoilt_quotes():
    """ICMP errors that quote too little, another family, a fragment, an unknown flow; and ICMP cut short."""
    for version in (4, 6):
        client, vip = CLIENT[version] % 8, VIP[version]
        quoted = bytes(ip(version, vip, client) / upper("tcp", PORT["fullnat"], 40001, "A"))
        for n in (0, 8, 20, 27, 28, 40, 47, 48, len(quoted)):
            whole = error(version, client, vip, Raw(quoted[:n]))
            yield f"quote-{version}-{n}", scene(NAT, whole, arrives(whole, cut=14 + 20 * version // 4 + 7))
        for at, byte in ((0, 0x15), (0, 0x41), (0, 0x95), (6, 0x20), (7, 9), (6, 44), (9, 1), (6, 58),
                         (20, 77)):
            bad = bytearray(quoted)
            bad[at] = byte
            yield f"quote-spoilt-{version}-{at}-{byte}", scene(
                NAT, error(version, client, vip, Raw(bytes(bad))))
        other = ip(version, client, vip) / upper("tcp", 1, 2)
        yield f"quote-other-{version}", scene(NAT, error(version, client, vip, other))
        yield f"quote-no-service-{version}", scene(NAT, error(
            version, client, vip, ip(version, vip, client) / upper("tcp", 1, 40001)))
        yield f"quote-lapsed-{version}", scene(NAT | LEASE | LAPSED, error(version, client, vip, Raw(quoted)),
                                               loss=DROP)
        yield f"quote-unknown-reply-{version}", scene(NAT, error(
            version, client, backend("nat", version), ip(version, backend("nat", version), client)
            / upper("tcp", 81, 40001)))
        redirect = ip(4, client, vip) / ICMP(type=13) if version == 4 else ip(6, client, vip, nh=58) / Raw(
            b"\x87" + b"\0" * 23)
        yield f"icmp-other-{version}", scene(0, redirect)
    behind = ip(6, CLIENT[6] % 8, VIP[6]) / IPv6ExtHdrDestOpt()
    yield "icmp-behind-extension", scene(NAT, behind / ICMPv6EchoRequest(id=1), arrives(
        behind / ICMPv6EchoRequest(id=1), cut=14 + 40 + 8 + 5))
    yield "mapped-behind-extension", scene(NAT, ip(6, "::ffff:198.51.100.8", VIP[6]) / IPv6ExtHdrDestOpt()
                                           / upper("tcp", 1, PORT["l2"]))
    yield "extension-past-end", scene(0, ip(6, CLIENT[6] % 8, VIP[6], nh=60) / Raw(b"\x06\5" + b"\0" * 20))
    yield "to-pool", scene(NAT, ip(4, backend("nat", 4), "10.9.9.2") / upper("tcp", 80, 20001, "A"),
                           ip(6, backend("nat", 6), "fd00::9") / upper("tcp", 80, 20001, "A"))
    yield "pair-idle", scene(NAT, to_vip("fullnat"), arrives(to_vip("fullnat"), wait=WAIT_68_S))


def admission():
    for loss in (KEEP, PASS, DROP):
        yield f"lapsed-{loss}", scene(LEASE | LAPSED, to_vip("l2"), to_vip("ipip6", 6), loss=loss)
    for src in ("192.0.2.9", "192.0.2.200", "198.51.100.9", "10.1.2.3"):
        for way in ("l2", "ipip6"):
            p = to_vip(way)
            p[IP].src = src
            yield f"source-{src}-{way}", scene(SOURCES | EVENTS, p, state=SAMPLED)
    yield "source-6", scene(SOURCES, ip(6, "2001:db8:bad::1", VIP[6]) / upper("tcp", 1, PORT["l2"]))
    for way in ("ipip4", "ipip6"):
        for version in (4, 6):
            same = [to_vip(way, version, flags=f) for f in "SSSAAA"]
            others = [to_vip(way, version, client=20 + i, flags=f) for i, f in enumerate("SASASASA")]
            yield f"limits-{way}-{version}", scene(LIMITS, *same, *others,
                                                   arrives(same[0], wait=WAIT_10_MS))
            yield f"limits-many-{way}-{version}", scene(
                LIMITS, *[to_vip(way, version, client=i, flags="A") for i in range(12)])
            yield f"limits-new-{way}-{version}", scene(
                LIMITS, *[arrives(to_vip(way, version, client=i), wait=15) for i in range(16)])
    yield "limits-sctp", scene(LIMITS, to_vip("ipip4", proto="sctp"), to_vip("ipip4", proto="sctp"))
    for state in (SAMPLED, SAMPLED | RING_FULL):
        yield f"events-{state}", scene(
            EVENTS | NAT, to_vip("l2"), to_vip("l2", proto="udp"), to_vip("no_backend"),
            to_vip("l2", proto="sctp"), reply("nat", client=5), state=state)


def passive():
    """New connections that are watched: answered, reset, late, sent again, with nothing but a FIN."""
    for version in (4, 6):
        for way in WAYS:
            syn = to_vip(way, version)
            for name, flags, waits in (("ack", "A", (0, WAIT_10_MS)), ("reset", "R", (0, WAIT_1_S)),
                                       ("again", "S", (0, WAIT_268_MS, WAIT_1_S, WAIT_1_S)),
                                       ("fin", "F", (0, 0)), ("both", "SA", (0,))):
                later = [arrives(to_vip(way, version, flags=flags), wait=wait) for wait in waits]
                yield f"passive-{way}-{version}-{name}", scene(
                    NAT, syn, *later, arrives(to_vip(way, version, flags="A"), wait=WAIT_10_MS), loss=WATCH)
    # Enough flows that some of them want the same cell, at once and too late for those before.
    for i in range(16):
        yield f"passive-many-{i}", scene(0, *[
            arrives(to_vip("l2", client=1 + (j + 60 * i) // 50, sport=1000 + (j + 60 * i) % 50 * 997),
                    wait=WAIT_1_S if j % 30 == 29 else 0) for j in range(60)], loss=WATCH)


def wild():
    for dst, proto, port in (("203.0.113.81", "udp", 5500), ("203.0.113.81", "udp", 4999),
                             ("198.18.0.77", "tcp", 9), ("198.18.1.77", "tcp", 9),
                             ("203.0.113.82", "tcp", 9005)):
        p = ip(4, CLIENT[4] % 8, dst) / upper(proto, 40001, port)
        yield f"wild-{dst}-{port}", scene(WILD | NAT, p)
    for dst, port in (("2001:db8:2::5", 9), ("2001:db8:1::82", 9005), ("2001:db8:3::5", 9)):
        p = ip(6, CLIENT[6] % 8, dst) / upper("udp", 40001, port)
        yield f"wild-{dst.replace(':', '.')}-{port}", scene(WILD | NAT, p)


def sizes():
    """Packets that are too big, in one buffer and in several, with the answers rate-limited."""
    for version in (4, 6):
        more = {"df": True} if version == 4 else {}
        for way in ("l2_tagged", "ipip6", "gue4", "gue6", "nat", "fullnat"):
            for size in (1150, 1230, 1461, 2900):
                p = to_vip(way, version, payload=b"y" * size, **more)
                yield f"size-{way}-{version}-{size}", scene(
                    NAT | JUMBO, p, arrives(p, QINQ), arrives(p, TAG, ingress=OTHER), headroom=size % 4)
                cut = len(eth(p)) - size + 60
                yield f"jumbo-{way}-{version}-{size}", scene(
                    NAT | JUMBO, arrives(p, cut=cut, pad=size - 60, split=True),
                    arrives(p, cut=cut + 700, pad=size - 760, split=True) if size > 1000 else b"")
    big = to_vip("l2_tagged", payload=b"z" * 1461, flags="A", df=True)
    yield "too-big-often", scene(0, *[big] * 32)
    yield "too-big-without-df", scene(0, to_vip("ipip6", payload=b"z" * 1461, flags="A"))


def oddities():
    """What is left to the kernel, and what is malformed in one way or another."""
    p = to_vip("l2")
    yield "arp", scene(0, ARP(pdst="192.0.2.1"))
    yield "group", scene(0, arrives(p, GROUP), arrives(to_vip("l2", 6), GROUP))
    yield "self", scene(0, *[ip(v, VIP[v], VIP[v]) / upper("tcp", 1, 2) for v in (4, 6)])
    yield "no-service", scene(0, to_vip("l2", dport=1), ip(4, "192.0.2.1", "192.0.2.2", proto=47) / Raw(b"x"))
    yield "mapped", scene(NAT, ip(6, "::ffff:198.51.100.8", VIP[6]) / upper("tcp", 1, PORT["l2"]))
    for proto in ("tcp", "udp", "sctp"):
        short = [to_vip("l2", version, proto) for version in (4, 6)]
        short[0][IP].len, short[1][IPv6].plen = 20 + 7, 7
        yield f"shorter-than-frame-{proto}", scene(NAT, *short)
    yield "cut-tag", scene(0, arrives(p, TAG, cut=17), arrives(p, QINQ, cut=21))
    yield "three-tags", scene(0, arrives(bytes(QINQ / Dot1Q(vlan=9) / p)))
    for version in (4, 6):
        whole = eth(to_vip("ipip4", version))
        yield f"cut-{version}", scene(0, *[arrives(whole, cut=n) for n in range(14, len(whole))])
        echo = ICMP(type=8) if version == 4 else ICMPv6EchoRequest()
        for name, packet in (("tcp", to_vip("ipip4", version)), ("nat", to_vip("nat", version)),
                             ("echo", ip(version, CLIENT[version] % 8, VIP[version]) / echo / Raw(b"e" * 20)),
                             ("error", error(version, CLIENT[version] % 8, VIP[version], ip(
                                 version, VIP[version], CLIENT[version] % 8)
                                 / upper("tcp", PORT["nat"], 40001, "A")))):
            whole = eth(packet)
            yield f"cut-buffer-{version}-{name}", scene(NAT | JUMBO, *[
                arrives(whole, cut=n, pad=len(whole) - n, split=True) for n in range(14, len(whole), 2)])
    options = ip(4, CLIENT[4] % 8, VIP[4], options=b"\1" * 40) / upper("tcp", 1, PORT["nat"])
    yield "options", scene(NAT, options, arrives(options, QINQ))
    for name, ext in (("hop", IPv6ExtHdrHopByHop()), ("dest", IPv6ExtHdrDestOpt()),
                      ("routing", IPv6ExtHdrRouting(addresses=[VIP[6]], segleft=1)),
                      ("atomic", IPv6ExtHdrFragment(id=3)), ("ah", AH(icv=b"0" * 12))):
        for way in ("l2", "nat", "gue6"):
            one = ip(6, CLIENT[6] % 8, VIP[6]) / ext / upper("tcp", 40001, PORT[way])
            whole = eth(one)
            yield f"ext-{name}-{way}", scene(NAT | JUMBO, one, *[
                arrives(whole, cut=n, pad=len(whole) - n, split=True) for n in range(50, len(whole), 2)])
    chain = ip(6, CLIENT[6] % 8, VIP[6])
    for _ in range(7):
        chain = chain / IPv6ExtHdrDestOpt()
    yield "ext-seven", scene(0, chain / upper("tcp", 40001, PORT["l2"]))
    yield "ext-endless", scene(0, arrives(
        ip(6, CLIENT[6] % 8, VIP[6], nh=60) / Raw(b"\x3c\xff" + b"\0" * 2046 + b"\x06" + b"\0" * 40)))
    for way in ("gue6", "nat", "fullnat"):
        none = to_vip(way, proto="udp")
        none[UDP].chksum = 0
        yield f"udp-without-checksum-{way}", scene(NAT, none)
        zero = to_vip(way, proto="udp", payload=b"\0\0")
        zero[UDP].chksum = None
        del zero[UDP].len
        yield f"udp-short-{way}", scene(NAT, zero)


def surplus():
    """UDP that is shorter than its IP packet (RFC 9868), with a right checksum: over what UDP says it is."""
    for version in (4, 6):
        for way in ("gue4", "gue6", "nat", "fullnat"):
            whole = bytearray(bytes(to_vip(way, version, "udp")) + b"\x55\xaa\x57")
            length = 3 if version == 4 else 5
            whole[length] += 3
            if version == 4:
                whole[10:12] = bytes(2)
                whole[10:12] = struct.pack(">H", checksum(bytes(whole[:20])))
            yield f"surplus-{way}-{version}", scene(NAT, (IP if version == 4 else IPv6)(bytes(whole)))


def decap():
    """Each outer header with each inner one, marks of ECN, and near misses."""
    def write(name, packet, link=None, align=0, pad=0):
        return name, struct.pack("<BH", align, pad) + eth(packet, link)

    inner = {4: to_vip("l2", tos=2), 6: to_vip("l2", 6, tos=2)}
    for i, inside in inner.items():
        for o in (4, 6):
            for tos in range(4):
                outer = ip(o, backend("l2", o), backend("ipip4", o), tos=tos)
                yield write(f"ipip-{i}in{o}-{tos}", outer / inside, align=tos % 2)
                gue = UDP(sport=50000, dport=6080) / Raw(struct.pack(">BBH", 0, 4 if i == 4 else 41, 0)
                                                         + bytes(inside))
                yield write(f"gue-{i}in{o}-{tos}", outer / gue, (None, TAG, QINQ)[tos % 3], pad=tos)
                plain = inside.copy()
                plain[IP if i == 4 else IPv6].setfieldval("tos" if i == 4 else "tc", 0)
                yield write(f"not-ect-{i}in{o}-{tos}", outer / plain)
    limit = ip(6, "fd00::1", "fd00::2", nh=60) / Raw(b"\x04\0\4\1\4\1\0\0" + bytes(inner[4]))
    yield write("limit", limit)
    yield write("options", ip(4, "10.0.0.1", "10.0.0.2", options=b"\1" * 40) / inner[4])
    for o in (4, 6):
        for i in (4, 6):
            outer = ip(o, "10.0.0.1" if o == 4 else "fd00::1", "10.0.0.2" if o == 4 else "fd00::2")
            name, whole = write(f"cut-{i}in{o}", outer / inner[i])
            for n in (14, 20, 33, 34, 40, 53, 54, 60, 73, 74, 90, len(whole) - 4):
                yield f"{name}-{n}", whole[:3 + n]
            shorter = bytearray(whole)
            shorter[3 + 14 + (3 if o == 4 else 5)] -= 30
            yield f"{name}-outer-shorter", bytes(shorter)
    yield write("fragment", ip(4, "10.0.0.1", "10.0.0.2", flags="MF") / inner[4])
    yield write("other-port", ip(4, "10.0.0.1", "10.0.0.2") / upper("udp", 50000, 6081))
    yield write("gue-version-1", ip(4, "10.0.0.1", "10.0.0.2")
                / upper("udp", 50000, 6080, payload=b"\x40" * 40))
    yield write("limit-past-end", ip(6, "fd00::1", "fd00::2", nh=60)
                / Raw(b"\x04\1\4\1\4\1\0\0" + bytes(inner[4])))
    yield write("plain", inner[4])
    yield write("arp", ARP())


def write_all(out, program, inputs):
    folder = os.path.join(out, program)
    os.makedirs(folder, exist_ok=True)
    inputs = dict(inputs)
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(f"{here}/regress/{program}-*.hex")):
        with open(path, encoding="ascii") as f:
            text = "".join(line.split("#")[0] for line in f)
        inputs[os.path.basename(path)[len(program) + 1:-4] + "-regress"] = bytes.fromhex(text)
    for stale in set(os.listdir(folder)) - set(inputs):
        os.unlink(os.path.join(folder, stale))
    for name, data in inputs.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    parts = each_way, replies, records, moves, fragments, icmp, spoilt_quotes, admission, passive, wild, sizes, oddities, surplus, groups
    write_all(sys.argv[1], "lb", (i for part in parts for i in part()))
    write_all(sys.argv[1], "decap", decap())


if __name__ == "__main__":
    main()
