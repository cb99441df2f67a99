# SPDX-License-Identifier: GPL-2.0-or-later
"""SYNs by hand, each of another flow, and who they reach.

    syns.py send ADDRESS PORT MAC FIRST COUNT RATE   from port FIRST on of nobody's address, RATE a second, to MAC
    syns.py hear ADDRESS PORT                        prints the source port of each that is sent to this host
"""
import socket
import struct
import sys
import time

SOURCE = "198.18.0.9"  # RFC 2544: nobody's
OTHER_HOST = 3  # PACKET_OTHERHOST: flooded, for somebody else
SYN = 2


def checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def syn(source, target, sport, dport):
    """An IPv4 packet that opens a connection."""
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    tcp = struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, SYN, 1024, 0, 0)
    total = checksum(ends + struct.pack("!HH", socket.IPPROTO_TCP, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack("!H", total) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0) + ends
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp


def send(address, port, mac, first, count, rate):
    """At that rate, however late one of them was."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind(("eth0", 0))
    ethernet = bytes.fromhex(mac.replace(":", "")) + out.getsockname()[4] + b"\x08\x00"
    began = time.monotonic()
    for n in range(count):
        time.sleep(max(0, began + n / rate - time.monotonic()))
        out.send(ethernet + syn(SOURCE, address, first + n, port))


def hear(address, port):
    """Until it is killed."""
    heard = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    heard.bind(("eth0", 0x0800))
    want = socket.inet_aton(SOURCE) + socket.inet_aton(address)
    print("ready", flush=True)
    while True:
        frame, (_, _, kind, _, _) = heard.recvfrom(2048)
        if kind == OTHER_HOST or len(frame) < 54 or frame[26:34] != want or frame[47] != SYN:
            continue
        sport, dport = struct.unpack_from("!HH", frame, 34)
        if dport == port:
            print(sport, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(sys.argv[2], int(sys.argv[3]), sys.argv[4], *(int(a) for a in sys.argv[5:]))
    else:
        hear(sys.argv[2], int(sys.argv[3]))
