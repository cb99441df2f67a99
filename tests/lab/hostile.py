# SPDX-License-Identifier: GPL-2.0-or-later
"""
hostile.py PORT - a server that no real one is: what a port above PORT says to every connection, for
as long as it is listened to. Stands for what is broken or means harm; so there is nothing real to take.
"""
import selectors
import socket
import sys
import threading
import time

# PORT + n: what comes first, what comes again and again (b"": nothing), seconds between.
KINDS = (
    (b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 1000 + b"\r\n", 0),  # 0: endless headers
    (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096, 0),  # 1: an endless body
    (b"", b"x" * 4096, 0),  # 2: a line that never ends
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200, 0),  # 3: interim answers for ever
    (b"", b"x", 0.05),  # 4: a byte now and then
    (b"", b"", 1),  # 5: silence
    (b"\x16\x03\x03\xff\xff" + b"\x00" * 300, b"", 1),  # 6: junk that begins like TLS
)


def speak(conn, first, again, gap):
    """Until the other side has gone."""
    try:
        conn.sendall(first)
        while True:
            conn.sendall(again)
            time.sleep(gap)
    except OSError:
        conn.close()


def main(port):
    """Serves until it is ended."""
    listening = selectors.DefaultSelector()
    for n, kind in enumerate(KINDS):
        s = socket.create_server(("", port + n), backlog=64)
        listening.register(s, selectors.EVENT_READ, kind)
    while True:
        for key, _ in listening.select():
            conn, _ = key.fileobj.accept()
            threading.Thread(target=speak, args=(conn, *key.data), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
