#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Established traffic: datagrams at a steady rate over one flow, and who sends them back.

usage: stream.py serve ADDRESS PORT
       stream.py send ADDRESS PORT RATE     until SIGTERM, then prints "sent received"
"""
import signal
import socket
import sys
import threading
import time

PATIENCE = 0.5  # for the last answers
BUFFER = 8 << 20


def make():
    """A socket whose buffers outlast a scheduler's pause."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (33, 32):  # SO_RCVBUFFORCE, SO_SNDBUFFORCE
        s.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    return s


def serve(address, port):
    """Until it is ended."""
    s = make()
    s.bind((address, port))
    while True:
        data, peer = s.recvfrom(2048)
        s.sendto(data, peer)


def send(address, port, rate):
    """Each datagram has a number; an answer counts once."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    s = make()
    s.connect((address, port))
    seen, n = set(), 0

    def receive():
        while True:
            try:
                seen.add(s.recv(2048))
            except OSError:
                return
    reader = threading.Thread(target=receive, daemon=True)
    reader.start()
    began = time.monotonic()
    while not stop.is_set():
        pause = began + n / rate - time.monotonic()
        if pause > 0.0005:
            time.sleep(pause)
        s.send(b"%d" % n)
        n += 1
    time.sleep(PATIENCE)
    print(n, len(seen))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
