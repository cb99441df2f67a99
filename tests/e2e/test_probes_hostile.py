# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that never stop, never speak, or speak nonsense cost a bounded time and memory."""
import os
import sys
import time

import pytest
from conftest import ROOT, TICK, service
from lab.topology import v4

PORT = 9300
PACE = f"interval: {4 * TICK}ms, fast_interval: {2 * TICK}ms, timeout: {20 * TICK}ms, rise: 1, fall: 1"
LATE = f"no answer within {20 * TICK} ms"
LONG = "the answer is too long"
MYSQL = "type: mysql, user: probe, password_env: PROBE_SECRET"
POSTGRES = "type: postgres, user: probe, password_env: PROBE_SECRET"

# What is asked of which port (tests/lab/hostile.py), and what is said of it.
FAULTS = {
    "headers": ("type: http, body: ok", 0, "its headers are longer than 64 KiB"),
    "body": ("type: http, body: never", 1,
             'status 200, but the body\'s first 64 KiB does not hold "never"'),
    "line": ("type: http", 2, LONG),
    "interim": ("type: http", 3, LONG),
    "slow": ("type: http", 4, LATE),
    "silent": ("type: http", 5, LATE),
    "silent-body": ("type: http, body: ok", 5, LATE),
    "silent-tls": ("type: tls, verify: false", 5, LATE),
    "script": ("type: script, steps: [{expect: never}]", 2, LONG),
    "dubbo": ("type: dubbo", 2, "does not speak Dubbo: the first bytes are 7878"),
    "kafka": ("type: kafka", 2, "the answer is no message of Kafka's"),
    "memcached": ("type: memcached", 2, LONG),
    "smtp": ("type: smtp", 2, LONG),
    "ldap": ("type: ldap", 2, "the answer is no message of LDAP"),
    "redis": ("type: redis", 2, "the answer to PING is not one of Redis"),
    "zookeeper": ("type: zookeeper", 2, LONG),
    "mqtt": ("type: mqtt", 2, "the answer to CONNECT is not one of MQTT 3.1.1"),
    "silent-starttls": ("type: smtp, starttls: true", 5, LATE),
    "tls": ("type: tls, verify: false", 6, "TLS: packet length too long"),
    "https": ("type: https, verify: false", 6, "SSL connect error"),
    "mysql": (MYSQL, 2, "the answer is no message of MySQL's"),
    "mysql-slow": (MYSQL, 4, "the answer is no message of MySQL's"),
    "mysql-silent": (MYSQL, 5, LATE),
    "mysql-junk": (MYSQL, 6, LATE),
    "mysql-tls": (f"{MYSQL}, tls: true, verify: false", 7, LATE),
    "mysql-no-tls": (f"{MYSQL}, tls: true, verify: false", 9, "offers no TLS"),
    "mysql-clear": (MYSQL, 9, "asks for a way to log in that is not allowed without TLS"),
    "mysql-flood": (MYSQL, 11, LONG),
    "pg": (POSTGRES, 2, "expected authentication request from server, but received x"),
    "pg-slow": (POSTGRES, 4, "expected authentication request from server, but received x"),
    "pg-silent": (POSTGRES, 5, LATE),
    "pg-junk": (POSTGRES, 6, "expected authentication request from server, but received ?"),
    "pg-tls": (f"{POSTGRES}, tls: true, verify: false", 8, LATE),
    "pg-clear": (POSTGRES, 10, 'asks for the password in the clear, which only goes with "tls: true"'),
    "pg-flood": (POSTGRES, 12, LONG),
    "pg-row": (POSTGRES, 13, LONG),
}


@pytest.fixture
def hostile(lab):
    """The server on b1."""
    p = lab.procs.start("hostile", [sys.executable, "-B", os.path.join(ROOT, "tests/lab/hostile.py"),
                                    str(PORT)], netns=lab.ns("b1"), log=f"{lab.folder}/hostile.log")
    yield p
    lab.procs.end(p)


def resident_kib(pid):
    """Memory of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))


@pytest.mark.usefixtures("hostile")
def test_hostile(lab, monkeypatch):
    """Each is a failure that says what is wrong; the agent stays small and goes on answering."""
    monkeypatch.setenv("PROBE_SECRET", "secret-of-the-probe")
    text = lab.head() + "services:\n"
    for i, (name, (keys, n, _)) in enumerate(FAULTS.items()):
        text += service(name=name, port=200 + i, backends=[("b1", v4("b1"), 100)],
                        probe=f"{{{keys}, port: {PORT + n}, {PACE}}}")
    lab.configure(text)
    lab.start_agent()
    for name, (_, _, wanted) in FAULTS.items():
        detail = lab.wait_state(name, "b1", "down", patience=15)["probe"]["detail"]
        assert detail == wanted, name
    before = resident_kib(lab.agent.pid)
    worst, until = 0, time.monotonic() + 3
    while time.monotonic() < until:
        began = time.monotonic()
        assert all(b["state"] == "down" for s in lab.status()["services"] for b in s["backends"])
        worst = max(worst, time.monotonic() - began)
    # Hundreds of tries later. What the allocator keeps is not a try's: a megabyte a try would be seen.
    grown = resident_kib(lab.agent.pid) - before
    assert grown < 16 * 1024, f"{grown} KiB"
    assert worst < 5, f"an answer of the agent's took {worst:.1f} s"
