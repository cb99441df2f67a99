# SPDX-License-Identifier: GPL-2.0-or-later
"""Stubs, where no real server is to be had: they say only what a test needs of a protocol.

    stubs.py udp PORT ANSWER    answers each datagram "ping" with ANSWER and any other one not at all
    stubs.py dubbo PORT STATUS  answers heartbeats of Dubbo 2 with STATUS; from the specification
                                ("Dubbo2 Protocol Reference"), not from Dubbo
"""
import socket
import struct
import sys
import threading

HEADER = struct.Struct(">HBBQI")  # magic, flags, status, id, length
REQUEST, EVENT = 0x80, 0x20


def udp(port, answer):
    """Until killed."""
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(("::", port))
    while True:
        data, peer = s.recvfrom(2048)
        if data == b"ping":
            s.sendto(answer.encode(), peer)


def read(conn, n):
    """n bytes, or b"" at the end."""
    data = b""
    while len(data) < n:
        more = conn.recv(n - len(data))
        if not more:
            return b""
        data += more
    return data


def heartbeats(conn, status):
    """Answers until the other side closes; first a heartbeat of its own, as an idle Dubbo sends."""
    conn.sendall(HEADER.pack(0xDABB, REQUEST | 0x40 | EVENT | 2, 0, 1, 1) + b"N")
    try:
        while True:
            head = read(conn, HEADER.size)
            if not head:
                return
            magic, flags, _, i, n = HEADER.unpack(head)
            data = read(conn, n)
            if magic != 0xDABB:
                return
            if flags & REQUEST and flags & EVENT:
                conn.sendall(HEADER.pack(magic, EVENT | flags & 0x1F, status, i, len(data)) + data)
    except OSError:
        pass
    finally:
        conn.close()


def dubbo(port, status):
    """Until killed."""
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=heartbeats, args=(conn, status), daemon=True).start()


if __name__ == "__main__":
    if sys.argv[1] == "udp":
        udp(int(sys.argv[2]), sys.argv[3])
    else:
        dubbo(int(sys.argv[2]), int(sys.argv[3]))
