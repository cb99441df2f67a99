# SPDX-License-Identifier: GPL-2.0-or-later
"""A receiver of webhooks that does what a file says: receiver.py ADDRESS PORT FOLDER [CERT KEY].

FOLDER/mode has a word: ok, hang (no answer), redirect, endless (a body without an end), or a status, with
"+N" for a Retry-After of N seconds. Each request is a line of JSON in FOLDER/got.
"""
import contextlib
import http.server
import json
import os
import ssl
import sys
import time

ADDRESS, PORT, FOLDER = sys.argv[1:4]


class Handler(http.server.BaseHTTPRequestHandler):
    """Keeps what came, then answers as it is told."""

    def note(self, mode, body):
        """One write(2), so that whoever reads sees whole lines."""
        line = json.dumps({"mode": mode, "at": time.time(), "path": self.path, "headers": dict(self.headers),
                           "body": body}) + "\n"
        fd = os.open(f"{FOLDER}/got", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, line.encode())
        os.close(fd)

    def do_POST(self):  # pylint: disable=invalid-name
        """A webhook."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(f"{FOLDER}/mode", encoding="ascii") as f:
            mode = f.read().strip()
        self.note(mode, body)
        if mode == "hang":
            time.sleep(3600)
        status, _, after = mode.partition("+")
        status = {"ok": "204", "redirect": "302", "endless": "200"}.get(status, status)
        self.send_response(int(status))
        if after:
            self.send_header("Retry-After", after)
        if mode == "redirect":
            self.send_header("Location", f"http://{ADDRESS}:{PORT}/elsewhere")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(b"" if status == "204" else b"the receiver says so\n")
            while mode == "endless":
                self.wfile.write(b"x" * 65536)

    def do_GET(self):  # pylint: disable=invalid-name
        """Where nobody is to come, not even by a redirect."""
        self.note("GET", "")
        self.send_error(404)

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        """Nothing."""


server = http.server.ThreadingHTTPServer((ADDRESS, int(PORT)), Handler)
server.daemon_threads = True
if len(sys.argv) > 4:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[4], sys.argv[5])
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
