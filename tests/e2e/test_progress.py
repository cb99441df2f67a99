# SPDX-License-Identifier: GPL-2.0-or-later
"""What `fairlead` shows on a terminal while it waits for an agent that takes its time, and where it shows nothing."""
import http.server
import json
import os
import pty
import re
import socketserver
import subprocess
import threading
import time

import pytest
from conftest import BUILD

# Longer than the two seconds, and the second in which a line is drawn after them.
SLOW = 4.5
MANY = 400
ANSWERS = {
    "/v1/config/apply": {"applied": True, "services": 1, "backends": 1},
    "/v1/config/rollback": {"applied": True, "services": 1, "backends": 1, "version": 1},
    "/v1/config/diff": {"changed": False, "refused": None, "changes": [], "services": [],
                        "program": {"replaced": False, "opens": [], "closes": []}},
    "/v1/failover": {"groups": [{"name": "web", "active": "10.0.0.1", "active_priority": 100}]},
    "/v1/alerts/test": {"tests": [{"name": "hook", "ok": True, "detail": "200", "ms": 4500.0}]},
    "/v1/report": {"from": "a", "to": "b", "target_percent": 99.9, "services": []},
    "/v1/sources/deny": {"changed": 1, "missing": []}, "/v1/version": {"version": "1", "abi": 1},
}
# What takes long, by what is typed.
COMMANDS = {
    "config apply": "applying", "config apply --peers": "applying on all peers", "config rollback": "applying",
    "config diff": "comparing", "failover": "waiting for another balancer", "alerts test": "sending tests",
    "report": "reading the journal",
}
ERASE = "\r\x1b[K"


class Slow(http.server.BaseHTTPRequestHandler):
    """Each request has its answer, after a while; of one that is sent in pieces, each piece."""

    def do_GET(self):
        """Any method."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        time.sleep({"/v1/version": 0, "/v1/sources/deny": 0.4}.get(path, SLOW))
        body = json.dumps(ANSWERS[path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def address_string(self):
        """A unix socket's client has none."""
        return "client"

    def log_message(self, *_):
        """Nobody reads that."""


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One thread a request."""
    daemon_threads = True
    request_queue_size = 64


@pytest.fixture(name="agent")
def _agent(tmp_path):
    """The socket of what answers like an agent."""
    with Server(f"{tmp_path}/agent.sock", Slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"{tmp_path}/agent.sock"
        server.shutdown()


class Typed:
    """A command whose standard error is a terminal, or none."""

    def __init__(self, agent, *argv, terminal=True):
        self.master, self.slave = pty.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen([f"{BUILD}/fairlead", "-s", agent, *argv], stdout=subprocess.PIPE,
                                        stderr=self.slave, text=True)

    def end(self):
        """(standard output, what standard error showed)."""
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        # Something is there to be read in any case, so that it need not be waited for.
        os.write(self.slave, b"$")
        told = b""
        while not told.endswith(b"$"):
            told += os.read(self.master, 65536)
        os.close(self.master)
        os.close(self.slave)
        return out, told.decode()[:-1]


def test_shown(agent, tmp_path):
    """How long it takes, or how much is done: on a terminal, not before two seconds, and gone in the end."""
    (tmp_path / "many").write_text("".join(f"198.51.{100 + n // 250}.{n % 250}\n" for n in range(MANY)), encoding="ascii")
    many = ("source", "deny", "--file", f"{tmp_path}/many")
    shown = {c: Typed(agent, *c.split()) for c in COMMANDS}
    quiet = [Typed(agent, *c.split(), *more, terminal=terminal) for c in COMMANDS
             for more, terminal in ((("--json",), True), ((), False))]
    quick = Typed(agent, "version")
    bar = Typed(agent, *many)
    quiet += [Typed(agent, *many, "--json"), Typed(agent, *many, terminal=False)]
    assert quick.end()[1] == ""
    for command, what in COMMANDS.items():
        out, told = shown[command].end()
        assert out and ERASE not in out
        seconds = [int(n) for n in re.findall(rf"{re.escape(ERASE + what)}: (\d+) s", told)]
        assert seconds and seconds[0] >= 2 and seconds == sorted(seconds), (command, told)
        assert told == "".join(f"{ERASE}{what}: {n} s" for n in seconds) + ERASE
    told = bar.end()[1]
    lines = told.split(ERASE)
    assert lines[0] == lines[-1] == "" and len(lines) > 3, told
    done = [re.fullmatch(rf"\[(#*)(\.*)\] prefixes: (\d+) of {MANY}", line) for line in lines[1:-1]]
    assert all(done) and all(len(m[1] + m[2]) == 30 and len(m[1]) == int(m[3]) * 30 // MANY for m in done)
    numbers = [int(m[3]) for m in done]
    assert numbers == sorted(numbers) and 0 < numbers[0] < numbers[-1] < MANY
    for typed in quiet:
        assert typed.end()[1] == ""
