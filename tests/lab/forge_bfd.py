# SPDX-License-Identifier: GPL-2.0-or-later
"""BFD control packets that are wrong.

    forge_bfd.py N ADDRESS...               N to each address; prints how many are to be counted as what
    forge_bfd.py flood SECONDS ADDRESS...   as many as it can send, as from behind a router

As a module: packet().
"""
import json
import random
import socket
import struct
import sys
import time


def packet(version=1, state=3, mult=3, length=24, mine=7, yours=0, flags=0, size=24):
    """A control packet with 10 ms to send and to receive."""
    return struct.pack(">BBBBIIIII", version << 5, state << 6 | flags, mult, length, mine, yours, 10000,
                       10000, 0)[:size]


# What is counted, TTL, and what is wrong. The state would take a session down or up, were it believed.
FORGED = [
    ("ttl", 254, {"state": 1}),
    ("ttl", 64, {"state": 0}),
    ("version", 255, {"version": 0, "state": 1}),
    ("length", 255, {"length": 23, "state": 1}),
    ("length", 255, {"length": 30, "state": 1}),
    ("length", 255, {"flags": 4, "length": 25, "state": 1}),
    ("length", 255, {"size": 20, "state": 1}),
    ("multiplier", 255, {"mult": 0, "state": 1}),
    ("multipoint", 255, {"flags": 1, "state": 1}),
    ("my_discriminator", 255, {"mine": 0, "state": 1}),
    ("your_discriminator", 255, {"yours": 99, "state": 1}),
    ("state", 255, {"state": 3}),
    ("state", 255, {"state": 2}),
    ("peer", 255, {"state": 1}),
]


def opened(to):
    """A socket for that address, and which option its TTL is."""
    if ":" in to:
        return (socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
                (socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS))
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM), (socket.IPPROTO_IP, socket.IP_TTL)


def flood(seconds, addresses):
    """What would take a session down, if it came from the link."""
    sockets = [(opened(to)[0], (to, 3784)) for to in addresses]
    until = time.monotonic() + seconds
    data = packet(state=1)
    while time.monotonic() < until:
        for s, to in sockets * 50:
            s.sendto(data, to)


def main():
    """Sends, in an order that is always the same."""
    rng = random.Random(1)
    sent = {}
    if sys.argv[1] == "flood":
        flood(float(sys.argv[2]), sys.argv[3:])
        return
    for to in sys.argv[2:]:
        s, ttl_of = opened(to)
        for i in range(int(sys.argv[1])):
            name, ttl, how = rng.choice(FORGED)
            s.setsockopt(*ttl_of, ttl)
            s.sendto(packet(**how), (to, 3784))
            sent[name] = sent.get(name, 0) + 1
            if i % 20 == 0:
                time.sleep(0.002)  # what does not fit the socket's queue would be counted by nobody
    print(json.dumps(sent))


if __name__ == "__main__":
    main()
