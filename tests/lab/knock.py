# SPDX-License-Identifier: GPL-2.0-or-later
"""New connections at a steady rate, until killed.

    knock.py clients ADDRESS PORT RATE    connects, RATE times a second, and closes when it is connected
    knock.py flood ADDRESS PORT RATE      SYNs from addresses that nobody has (raw sockets)
"""
import random
import selectors
import socket
import struct
import sys
import time

PATIENCE = 4  # seconds, then a connection is given up


def clients(address, port, rate):
    """Waits for no connection before it opens the next one."""
    sel = selectors.DefaultSelector()
    began, made, pending = time.monotonic(), 0, []
    while True:
        now = time.monotonic()
        while pending and pending[0][0] < now:
            close(sel, pending.pop(0)[1])
        if began + made / rate <= now:
            made += 1
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            s.setblocking(False)
            s.connect_ex((address, port))
            sel.register(s, selectors.EVENT_WRITE)
            pending.append((now + PATIENCE, s))
        for key, _ in sel.select(max(0, began + made / rate - time.monotonic())):
            close(sel, key.fileobj)


def close(sel, s):
    """Once."""
    if s.fileno() >= 0:
        sel.unregister(s)
        s.close()


def checksum(data):
    """RFC 1071, of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def syn(src, dst, port):
    """An IPv4 packet; the kernel fills in its header's checksum."""
    ends = src + dst
    head = struct.pack("!HHIIBBHHH", random.randrange(1024, 65536), port, random.getrandbits(32), 0, 0x50, 2,
                       1024, 0, 0)
    check = checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, len(head)) + head)
    head = head[:16] + struct.pack("!H", check) + head[18:]
    return struct.pack("!BBHHHBBH", 0x45, 0, 40, 1, 0, 64, socket.IPPROTO_TCP, 0) + ends + head


def flood(address, port, rate):
    """In bursts of 10 ms."""
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    dst, began, sent = socket.inet_aton(address), time.monotonic(), 0
    while True:
        while sent < (time.monotonic() - began) * rate:
            src = struct.pack("!I", 0xc6336400 | random.getrandbits(8))  # 198.51.100.0/24
            s.sendto(syn(src, dst, port), (address, 0))
            sent += 1
        time.sleep(0.01)


if __name__ == "__main__":
    {"clients": clients, "flood": flood}[sys.argv[1]](sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
