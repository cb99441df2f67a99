# SPDX-License-Identifier: GPL-2.0-or-later
"""Long-lived connections: servers that say who they are, and a client that holds many.

    talk.py serve NAME PORT       answers each byte, and each datagram, with NAME and a newline; SIGUSR1 has it say
                                  that on each connection, unasked
    talk.py hold ADDRESS PORT [udp]  does what its standard input says, one command a line, one line of JSON each:
        open N          opens N more connections
        talk            a byte and its answer on each: who answered, and which broke or changed hands
        hear            what comes unasked on each: as `talk`
        reset NAME      resets those that NAME answers
"""
import json
import selectors
import signal
import socket
import struct
import sys
import time

PATIENCE = 5  # seconds for an answer


def serve(name, port):
    """Until killed."""
    sel = selectors.DefaultSelector()
    listener = socket.create_server(("::", port), family=socket.AF_INET6, backlog=4096,
                                    dualstack_ipv6=True)
    listener.setblocking(False)
    sel.register(listener, selectors.EVENT_READ)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    # Answers leave from the address that was asked, which may be the VIP.
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    datagrams.bind(("::", port))
    sel.register(datagrams, selectors.EVENT_READ)
    held = set()
    signal.signal(signal.SIGUSR1, lambda *_: [c.send(f"{name}\n".encode()) for c in held])
    while True:
        for key, _ in sel.select():
            if key.fileobj is datagrams:
                _, about, _, client = datagrams.recvmsg(64, 256)
                datagrams.sendmsg([f"{name}\n".encode()], [a for a in about if a[1] == socket.IPV6_PKTINFO],
                                  0, client)
                continue
            if key.fileobj is listener:
                conn, _ = listener.accept()
                conn.setblocking(False)
                sel.register(conn, selectors.EVENT_READ)
                held.add(conn)
                continue
            try:
                data = key.fileobj.recv(4096)
            except OSError:
                data = b""
            if data:
                key.fileobj.send(f"{name}\n".encode() * len(data))
            else:
                sel.unregister(key.fileobj)
                held.discard(key.fileobj)
                key.fileobj.close()


class Holder:
    """The client's connections: [socket, who answered first]."""

    def __init__(self, address, port, kind=socket.SOCK_STREAM):
        self.to, self.kind = (address, port), kind
        self.held = []

    def open(self, n):
        """n more; those that can't be made are told by `talk` as broken."""
        for _ in range(n):
            s = socket.socket(socket.AF_INET6 if ":" in self.to[0] else socket.AF_INET, self.kind)
            s.settimeout(PATIENCE)
            try:
                s.connect(self.to)
            except OSError:
                pass
            self.held.append([s, None])
        return {"held": len(self.held)}

    def talk(self):
        """All send, then all are read, so that a round takes no longer than its slowest."""
        for pair in self.held:
            try:
                pair[0].send(b"x")
            except OSError:
                pass
        return self.hear()

    def hear(self):
        """One answer on each."""
        by, broken, moved = {}, 0, 0
        until = time.monotonic() + PATIENCE
        for pair in self.held:
            pair[0].settimeout(max(until - time.monotonic(), 0.01))
            try:
                who = pair[0].recv(64).decode().strip()
            except OSError:
                who = ""
            if not who:
                broken += 1
                continue
            by[who] = by.get(who, 0) + 1
            moved += pair[1] not in (None, who)
            pair[1] = who
        return {"by": by, "broken": broken, "moved": moved}

    def reset(self, name):
        """RST, not FIN: nothing of them is left."""
        kept = []
        for pair in self.held:
            if pair[1] != name:
                kept.append(pair)
                continue
            pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            pair[0].close()
        self.held = kept
        return {"held": len(kept)}


def hold(address, port, kind="tcp"):
    """Commands in, answers out."""
    holder = Holder(address, port, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    for line in sys.stdin:
        command, *argument = line.split()
        if command == "open":
            answer = holder.open(int(argument[0]))
        elif command == "reset":
            answer = holder.reset(argument[0])
        elif command == "hear":
            answer = holder.hear()
        else:
            answer = holder.talk()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    else:
        hold(sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
