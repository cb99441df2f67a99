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


def mysql(number, payload):
    """A message of MariaDB and MySQL."""
    return len(payload).to_bytes(3, "little") + bytes([number % 256]) + payload


def greeting(tls):
    """The first one of a server, with mysql_native_password, and TLS or none."""
    low = 0x8209 | (0x800 if tls else 0)
    return mysql(0, b"\x0a5.7.99\0" + b"\1\0\0\0" + b"abcdefgh\0" + low.to_bytes(2, "little")
                 + b"\x21\2\0\x08\0\x15" + bytes(10) + b"ijklmnopqrst\0mysql_native_password\0")


def postgres(kind, payload):
    """A message of PostgreSQL."""
    return kind + (len(payload) + 4).to_bytes(4, "big") + payload


# PORT + n: what comes first, what comes again and again (b"": nothing), seconds between.
KINDS = (
    (b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 1000 + b"\r\n", 0),  # 0: endless headers
    (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 4096, 0),  # 1: an endless body
    (b"", b"x" * 4096, 0),  # 2: a line that never ends
    (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 200, 0),  # 3: interim answers for ever
    (b"", b"x", 0.05),  # 4: a byte now and then
    (b"", b"", 1),  # 5: silence
    (b"\x16\x03\x03\xff\xff" + b"\x00" * 300, b"", 1),  # 6: junk that begins like TLS
    (greeting(True), b"", 1),  # 7: MySQL offers TLS, and is silent
    (b"S", b"", 1),  # 8: PostgreSQL does
    (greeting(False) + mysql(2, b"\xfemysql_clear_password\0"), b"", 1),  # 9: the password, please
    (postgres(b"R", b"\0\0\0\3"), b"", 1),  # 10: here, too
    (greeting(False) + mysql(2, b"\0\0\0\2\0\0\0") + mysql(1, b"\1"),
     b"".join(mysql(n, b"x" * 1000) for n in range(2, 258)), 0),  # 11: columns for ever
    (postgres(b"R", b"\0\0\0\0") + postgres(b"Z", b"I"),
     postgres(b"D", b"\0\1\0\0\x10\0" + bytes(4096)) * 16, 0),  # 12: rows for ever
    (postgres(b"R", b"\0\0\0\0") + postgres(b"Z", b"I") + b"D\x3f\xff\xff\xff", bytes(65536), 0),  # 13: one
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
