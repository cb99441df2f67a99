# SPDX-License-Identifier: GPL-2.0-or-later
"""The TCP listener: reads only, and nobody who reaches it takes more than his share."""
import contextlib
import json
import os
import socket
import threading
import time

import pytest
from conftest import service
from lab.lab import PATIENCE
from lab.topology import run, v4
from pyroute2 import netns
from test_metrics import LISTEN, PORT, get, head, scrape

pytestmark = pytest.mark.usefixtures("listening")


@pytest.fixture(name="listening")
def _listening(lab):
    """The usual agent with a listener."""
    lab.configure(head(lab) + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    return lab


def test_reads_only(lab):
    """Some paths, two methods; whatever writes or tells more is not there."""
    assert get(lab, "/metrics")[0] == 200
    assert get(lab, "/healthz")[0] == 200
    for path in ("/v1/status", "/v1/sources", "/v1/packets", "/v1/events", "/v1/report", "/metrics/"):
        code, body = get(lab, path)
        assert code == 404 and json.loads(body)["error"], path
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert get(lab, "/metrics", "-X", method)[0] == 405, method
    for path in ("/v1/config/apply", "/v1/backends/b1/drain", "/v1/sources/deny?prefix=192.0.2.0/24"):
        assert get(lab, path, "-X", "POST")[0] == 404
    assert get(lab, "/metrics?x=1")[0] == 400
    assert lab.backend("web", "b1")["state"] == "up"
    head_only = lab.inside("lb", "curl", "-sI", f"http://{LISTEN}/metrics")
    assert "Content-Type: text/plain; version=0.0.4" in head_only and "Cache-Control: no-store" in head_only


def test_same_on_the_socket(lab):
    """The unix socket has both, too."""
    out = run("curl", "-s", "--unix-socket", lab.socket, "http://localhost/healthz")
    assert json.loads(out) == {"ok": True, "problems": []}
    out = run("curl", "-s", "--unix-socket", lab.socket, "http://localhost/metrics")
    assert "fairlead_build_info{" in out


def test_health(lab):
    """503 and why, while the program is not where it should be; 200 when it is again."""
    assert get(lab, "/healthz") == (200, '{"ok":true,"problems":[]}')
    for b in lab.backends:
        lab.cut_cable(b)
        lab.wait_state("web", b, "down")
    # A service without backends is not this machine's fault, and another balancer would do no better.
    assert get(lab, "/healthz")[0] == 200
    lab.wait_for(lambda: scrape(lab).get("fairlead_service_backends_usable", service="web") == 0, 3,
                 "the metrics to say so")
    lab.ip("lb", "link", "add", "x0", "type", "veth", "peer", "name", "x1")
    lab.configure(head(lab).replace("[eth0]", "[eth0, x0]") + "services:\n" + service())
    lab.cli("config", "apply")
    assert get(lab, "/healthz")[0] == 200
    lab.ip("lb", "link", "del", "x0")
    lab.wait_for(lambda: get(lab, "/healthz")[0] == 503, 3, "the loss to be seen")
    assert json.loads(get(lab, "/healthz")[1]) == {
        "ok": False, "problems": ["interface x0 is gone, and the program with it"]}
    lab.wait_for(lambda: ({"interface": "x0"}, 0) in scrape(lab).all("fairlead_interface_attached"), 3,
                 "the metrics to say so, too")
    lab.ip("lb", "link", "add", "x0", "type", "veth", "peer", "name", "x1")
    lab.wait_for(lambda: get(lab, "/healthz")[0] == 200, 3, "it to be attached again")
    lab.ip("lb", "link", "del", "x0")


def test_reload(lab):
    """It comes, moves and goes with the configuration; one that can't be had changes nothing."""
    services = "services:\n" + service()
    lab.configure(head(lab, f"127.0.0.2:{PORT}") + services)
    lab.cli("config", "apply")
    assert get(lab, "/healthz", at=f"127.0.0.2:{PORT}")[0] == 200
    with pytest.raises(RuntimeError):
        get(lab, "/healthz")
    lab.configure(head(lab, f"203.0.113.1:{PORT}") + services)
    r = lab.cli("config", "apply", check=False)
    assert r.returncode and "203.0.113.1, TCP port 9118: Cannot assign requested address" in r.stderr
    assert get(lab, "/healthz", at=f"127.0.0.2:{PORT}")[0] == 200
    lab.configure(head(lab, f"[::1]:{PORT}") + services)
    lab.cli("config", "apply")
    assert get(lab, "/healthz", at=f"[::1]:{PORT}")[0] == 200
    lab.configure(lab.head() + services)
    lab.cli("config", "apply")
    with pytest.raises(RuntimeError):
        get(lab, "/healthz", at=f"[::1]:{PORT}")


# --- the dashboard's routes, see test_streams.py ----------------------------------------------------


def overview(lab, query=""):
    """The document."""
    code, body = get(lab, f"/v1/overview{query}")
    assert code == 200, body
    return json.loads(body)


def test_many_backends(lab):
    """With many of them, they are told of only where one service is asked for."""
    many = [(f"m{i}", f"10.77.{1 + i // 200}.{1 + i % 200}", 100) for i in range(300)]
    both = head(lab) + "services:\n" + service()
    lab.configure(both + service(name="many", port=8001, backends=many,
                                     probe="{type: tcp, interval: 60s, fast_interval: 60s, timeout: 1s}"))
    lab.cli("config", "apply")
    lab.wait_for(lambda: len(overview(lab)["services"]) == 2, 5, "the answer of now")
    doc = overview(lab)
    assert [s["backends"] for s in doc["services"]] == [None, None]
    assert doc["services"][1]["configured"] == 300 == sum(doc["services"][1]["states"].values())
    assert len(overview(lab, "?service=many")["services"][0]["backends"]) == 300


def test_no_journal(lab):
    """Without it there is no stream and no timeline, and the rest is as ever."""
    lab.configure(head(lab).replace(f"journal: {{path: {lab.folder}/journal.db}}", "journal: {enabled: false}")
                  + "services:\n" + service())
    lab.stop_agent()
    lab.start_agent()
    for path in ("/v1/events/stream", "/v1/timeline"):
        code, body = get(lab, path)
        assert code == 503 and "no journal" in json.loads(body)["error"], path
    assert overview(lab)["journal"] is None and v4("b1") in get(lab, "/v1/overview")[1]


def test_stop(lab):
    """An agent that stops ends its streams; they do not hold it up."""
    with in_namespace(lab), dial() as s:
        s.sendall(b"GET /v1/events/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        while b"data: " not in got:
            got += s.recv(65536)
        began = time.monotonic()
        lab.stop_agent()
        assert time.monotonic() - began < 3 * PATIENCE
        assert read_all(s).endswith(b"0\r\n\r\n")


# --- hostile clients -----------------------------------------------------------------------------------


@contextlib.contextmanager
def in_namespace(lab):
    """Sockets that this thread makes meanwhile are lb's."""
    mine = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    netns.setns(lab.ns("lb"))
    try:
        yield
    finally:
        netns.setns(mine)
        os.close(mine)


def dial():
    """A connection to the listener."""
    s = socket.create_connection(("127.0.0.1", PORT), timeout=30 * PATIENCE)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_all(s):
    """What comes until the other side ends it."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := s.recv(65536):
            got += part
    return got


def answers_in(lab, seconds):
    """Somebody who asks as he should is served."""
    began = time.monotonic()
    assert get(lab, "/metrics")[0] == 200
    assert time.monotonic() - began < seconds * PATIENCE


def test_endless_header(lab):
    """Refused once it is longer than a connection's memory."""
    with in_namespace(lab), dial() as s:
        s.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(1000):
                s.sendall(b"a" * 4096)
        got = read_all(s)
    assert got == b"" or got.startswith(b"HTTP/1.1 431 ")
    answers_in(lab, 2)


def test_slow_header(lab):
    """A byte now and then does not keep a connection: its deadline is for the whole request."""
    with in_namespace(lab), dial() as s:
        began = time.monotonic()
        s.settimeout(0.2)
        s.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        ended = False
        while not ended and time.monotonic() < began + 30 * PATIENCE:
            try:
                s.sendall(b"a")
                ended = s.recv(100) == b""
            except TimeoutError:
                pass
            except (BrokenPipeError, ConnectionResetError):
                ended = True
        assert ended and 8 < time.monotonic() - began < 13 * PATIENCE


def test_slow_reader(lab):
    """Neither does who does not read the answer."""
    with in_namespace(lab), dial() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        began = time.monotonic()
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 64)
        lab.wait_for(lambda: connections(lab) == 0, 20, "it to be ended")
        assert time.monotonic() - began > 8


def connections(lab):
    """How many the agent has."""
    out = lab.inside("lb", "ss", "-Htn", "state", "established", f"sport = :{PORT}")
    return len(out.splitlines())


def test_thousand_connections(lab):
    """Who sends his request is served meanwhile; the agent keeps 64, and its loop goes on."""
    late = lab.status()["lease"]["lapses"]
    with in_namespace(lab), contextlib.ExitStack() as stack:
        began = time.monotonic()
        for _ in range(1000):
            stack.enter_context(dial()).sendall(b"GET /metrics HT")
        # Were they to wait for others' deadlines, it would be ten seconds for each hundred.
        assert time.monotonic() - began < 20 * PATIENCE
        for _ in range(5):
            answers_in(lab, 2)
        lab.wait_for(lambda: connections(lab) <= 64, 10, "the others to be ended")
        assert lab.backend("web", "b1")["state"] == "up"
    assert lab.status()["lease"]["lapses"] == late
    lab.wait_for(lambda: connections(lab) == 0, 3, "all to be gone")


def test_flood_of_requests(lab):
    """However many requests come, the rest of the loop's time is the balancer's: a failure is seen as ever."""
    stop = threading.Event()

    def ask():
        with in_namespace(lab), dial() as s:
            while not stop.is_set():
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                s.recv(1 << 20)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for t in threads:
        t.start()
    try:
        lab.cut_cable("b2")
        lab.wait_state("web", "b2", "down", 3)
        answers_in(lab, 5)
    finally:
        stop.set()
        for t in threads:
            t.join()
