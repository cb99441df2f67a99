# SPDX-License-Identifier: GPL-2.0-or-later
"""What the dashboard is made of, asked without a browser: its files, the overview, the timeline, streams of events."""
import contextlib
import json
import re
import socket
import time

import pytest
from conftest import service
from lab.lab import PATIENCE
from lab.topology import run
from test_docs import read
from test_listener import dial, in_namespace, read_all
from test_metrics import LISTEN, get, head, scrape

MOST = int(re.search(r"API_MAX_STREAMS (\d+)", read("user/api/internal.h")).group(1))
LETTERS = {"up": "u", "down": "d", "draining": "o"}


@pytest.fixture(scope="module", name="running")
def _running(network):
    """An agent for all tests of this module: each leaves it as it was."""
    lab = network
    open(lab.agent_log, "w", encoding="utf-8").close()
    lab.forget()
    lab.configure(head(lab) + "services:\n" + service() + service(name="other", port=8080))
    lab.start_agent()
    for name in ("web", "other"):
        lab.wait_serving(name)
    yield lab
    lab.stop_agent()
    lab.remove_pins()


def headers(lab, path, *more):
    """The status line and the headers of an answer: {name: value}."""
    out = lab.inside("lb", "curl", "-sD", "-", "-o", "/dev/null", *more, f"http://{LISTEN}{path}").splitlines()
    return int(out[0].split()[1]), dict(line.split(": ", 1) for line in out[1:] if ": " in line)


def test_files(running):
    """All that the page names is there, by type and tag; a browser that has it gets no second one."""
    page = get(running, "/")[1]
    names = set(re.findall(r'(?:src|href)="(dashboard/[^"]+)"', page))
    for name in sorted(names):
        text = get(running, f"/{name}")[1]
        names |= {f"dashboard/{n}" for n in re.findall(r'^import .* from "\./([^"]+)"', text, re.M)}
    assert len(names) == 10, names
    for path in ["/"] + [f"/{n}" for n in names]:
        code, told = headers(running, path)
        assert code == 200 and told["X-Content-Type-Options"] == "nosniff" and told["Cache-Control"] == "no-cache"
        policy = told["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}.get(path.rsplit(".", 1)[-1], "text/html")
        assert told["Content-Type"].startswith(kind), path
        code, again = headers(running, path, "-H", f"If-None-Match: {told['ETag']}")
        assert code == 304 and again["ETag"] == told["ETag"]
    for path in ("/", "/dashboard/main.js"):
        assert headers(running, path, "-H", 'If-None-Match: "another"')[0] == 200
        assert headers(running, path, "-I")[0] == 200 and headers(running, path, "-X", "POST")[0] == 405
    for path in ("/dashboard/", "/dashboard/nothing.js", "/dashboard/../main.js", "/dashboard/%2e%2e/main.js", "/index.html"):
        assert headers(running, path, "--path-as-is")[0] == 404, path


def test_sources():
    """No markup is made of what comes from elsewhere, nothing is in the page that the policy refuses, nobody else is asked."""
    page = read("user/dashboard/index.html")
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|\sstyle=|https?://", page)
    for name in ("main", "dom", "words", "charts", "services", "around", "events", "theme"):
        text = read(f"user/dashboard/{name}.js")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text), name
        assert set(re.findall(r"https?://[^\"']*", text)) <= {"http://www.w3.org/2000/svg"}, name


def overview(lab, query=""):
    """The document."""
    code, body = get(lab, f"/v1/overview{query}")
    assert code == 200, body
    return json.loads(body)


def test_overview(running):
    """It says what the status does; of one service alone where that is asked for."""
    running.fetch_many("http://192.0.2.10/", 10)
    running.cli("drain", "b3", "--service", "other")

    def agree():
        doc, status = overview(running), running.status()
        for s, full in zip(doc["services"], status["services"], strict=True):
            for key in ("name", "vip", "ports", "protocol", "usable", "slots", "slots_unserved", "enough", "health"):
                assert s[key] == full[key], key
            counts = {}
            for b, all_of_it in zip(s["backends"], full["backends"], strict=True):
                counts[b["state"]] = counts.get(b["state"], 0) + 1
                for key in ("id", "address", "state", "weight", "slots", "slots_leaving", "backup"):
                    if b[key] != all_of_it[key]:
                        return False  # it is a second old
                assert b["detail"] == all_of_it["probe"]["detail"] and b["latency_us"] > 0
            assert s["states"] == counts and s["configured"] == 3
        return doc["services"][1]["states"] == {"up": 2, "draining": 1}
    running.wait_for(agree, 5, "both to say the same")
    assert get(running, "/v1/overview?service=nobody")[0] == 404
    (only,) = overview(running, "?service=other")["services"]
    assert only["name"] == "other" and len(only["backends"]) == 3
    assert get(running, "/v1/overview?service=nobody")[0] == 404
    assert get(running, "/v1/overview?n=1")[0] == 400
    running.cli("undrain", "b3", "--service", "other")


def test_made_once(running):
    """However many ask in a second, it is made once; and is another one then."""
    times = {overview(running)["time"] for _ in range(10)}
    assert len(times) <= 1 + 3 * PATIENCE
    running.wait_for(lambda: overview(running)["time"] not in times, 3, "another one")
    at = json.loads(get(running, "/v1/timeline?hours=24")[1])["to"]
    assert json.loads(get(running, "/v1/timeline")[1])["to"] == at
    assert json.loads(get(running, "/v1/timeline?hours=168")[1])["to"] != at


def test_timeline(running):
    """Letters for the last hour: what is now is in the last one."""
    running.cut_cable("b1")
    running.wait_state("web", "b1", "down")
    running.cli("drain", "b2", "--service", "web")
    running.wait_for(lambda: {("b1", "down"), ("b2", "draining")} <= {
        (e["backend"], e["to"]) for e in map(json.loads, running.cli("events", "--json").stdout.splitlines())}, 5,
        "the journal")
    code, body = get(running, "/v1/timeline?hours=1")
    doc = json.loads(body)
    assert code == 200 and doc["cells"] == 48
    (web,) = [s for s in doc["services"] if s["name"] == "web"]
    last = {b["id"]: b["cells"][-1] for b in web["backends"]}
    assert all(len(b["cells"]) == 48 for b in [web, *web["backends"]])
    assert last["b1"] in "ds" and last["b3"] == "u" and last["b2"] == "o" and web["cells"][-1] == "u"
    outages = {b["id"]: b["outages"] for b in web["backends"]}
    assert outages["b1"] == 1 and outages["b3"] == 0
    assert {b["id"]: b["percent"] for b in web["backends"]}["b3"] == 100
    running.mend_cable("b1")
    running.cli("undrain", "b2", "--service", "web")
    running.wait_serving("web")
    for wrong in ("?hours=2", "?hours=0", "?hours=", "?service=web"):
        assert get(running, f"/v1/timeline{wrong}")[0] == 400


# --- streams ------------------------------------------------------------------------------------------------


class Stream:
    """A client of /v1/events/stream."""

    def __init__(self, lab, query="?n=5", more="", small=False):
        self.lab, self.rest = lab, b""
        with in_namespace(lab):
            if small:
                self.socket = socket.socket()
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                self.socket.connect(("127.0.0.1", int(LISTEN.rpartition(":")[2])))
            else:
                self.socket = dial()
        self.socket.sendall(f"GET /v1/events/stream{query} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())

    def read(self, until, patience=10):
        """All that has come, once a pattern is in it."""
        self.socket.settimeout(0.2)
        deadline = time.monotonic() + patience * PATIENCE
        while not re.search(until, self.text(), re.S):
            assert time.monotonic() < deadline, (until, self.rest[-2000:])
            with contextlib.suppress(TimeoutError):
                part = self.socket.recv(65536)
                assert part, ("ended", until, self.rest[-2000:])
                self.rest += part
        return self.text()

    def text(self):
        """Headers and what the chunks hold that have come."""
        head, _, raw = self.rest.partition(b"\r\n\r\n")
        body = b""
        while b"\r\n" in raw:
            size, _, raw = raw.partition(b"\r\n")
            body += raw[:int(size, 16)]
            raw = raw[int(size, 16) + 2:]
        return (head + b"\r\n\r\n" + body).decode(errors="replace")

    def ids(self):
        """Numbers of the events so far."""
        return [int(i) for i in re.findall(r"^id: (\d+)\ndata: ", self.text(), re.M)]

    def close(self):
        """Goes away."""
        self.socket.close()


def say_much(lab, n):
    """Drains a backend so often, and takes it back: four events each time."""
    url = "http://localhost/v1/backends/b1/"
    run("curl", "-sX", "POST", "-o", "/dev/null", "--unix-socket", lab.socket, *[
        word for _ in range(n) for verb in ("drain", "undrain") for word in (f"{url}{verb}?service=web", "-o", "/dev/null")])


def ended(lab, reason):
    """Streams that were ended for that reason."""
    return scrape(lab).get("fairlead_event_streams_ended_total", reason=reason)


def test_displaced(running):
    """With all places taken, who has been there for longest goes, is told, and is counted."""
    before = ended(running, "displaced")
    running.wait_for(lambda: scrape(running).get("fairlead_event_streams") == 0, 12, "no other stream")
    streams = [Stream(running, "?n=1") for _ in range(MOST)]
    for s in streams:
        s.read("data: ")
    running.wait_for(lambda: scrape(running).get("fairlead_event_streams") == MOST, 3, "all to be counted")
    assert ended(running, "displaced") == before
    newcomer = Stream(running, "?n=1")
    newcomer.read("data: ")
    running.wait_for(lambda: ended(running, "displaced") == before + 1, 3, "it to be counted")
    assert streams[0].socket.recv(65536).endswith(b"0\r\n\r\n"), "an end that a browser goes on from"
    running.cli("drain", "b1", "--service", "other")
    for s in [*streams[1:], newcomer]:
        s.read('"draining"', 5)
        s.close()
    running.cli("undrain", "b1", "--service", "other")
    # A stream has its place, but takes none of those that requests need.
    assert get(running, "/healthz")[0] == 200
    assert running.cli("events", "-n", "1").stdout


def test_stream(running):
    """The last events, what happens then, and a sign of life; later on from where it was."""
    s = Stream(running)
    s.read(r"retry: 2000.*(data: .*){5}")
    running.cli("drain", "b1", "--service", "web")
    text = s.read('"to":"draining"', 8)
    assert "Content-Type: text/event-stream" in text and "Cache-Control: no-store" in text
    s.read(r"\n:\nid: \d+\n\n", 8)
    last = s.ids()[-1]
    assert s.ids() == sorted(set(s.ids()))
    s.close()
    running.cli("undrain", "b1", "--service", "web")
    again = Stream(running, "?n=5", f"Last-Event-ID: {last}\r\n")
    again.read('"from":"draining","to":"up"')
    assert min(again.ids()) > last
    again.close()
    assert get(running, "/v1/events/stream", "-H", "Last-Event-ID: x")[0] == 400
    assert get(running, "/v1/events/stream?n=0")[0] == 400
    assert headers(running, "/v1/events/stream", "-I")[1]["Content-Type"] == "text/event-stream"


def test_many_events(running):
    """More than fit into one answer: all of them, in order, none twice."""
    s = Stream(running, "?n=1")
    s.read("data: ")
    say_much(running, 100)
    running.cli("drain", "b2", "--service", "other")
    s.read('"backend":"b2".*"draining"')
    assert s.ids() == sorted(set(s.ids())) and len(s.ids()) > 200
    missed = Stream(running, "", f"Last-Event-ID: {s.ids()[0]}\r\n")
    missed.read('"backend":"b2".*"draining"')
    assert missed.ids() == s.ids()[1:]
    for x in (s, missed):
        x.close()
    running.cli("undrain", "b2", "--service", "other")


def test_slow_reader(running):
    """Who does not read loses his stream, and that is counted; others have theirs meanwhile, and the loop its time."""
    before, late = ended(running, "slow"), running.status()["lease"]["lapses"]
    say_much(running, 300)  # more than what the kernel holds for a client
    slow = Stream(running, "?since=0&n=1024", small=True)
    other = Stream(running)
    other.read("data: ")
    running.wait_for(lambda: ended(running, "slow") == before + 1, 30, "it to be ended")
    running.cli("drain", "b3", "--service", "other")
    other.read('"backend":"b3".*"draining"', 8)
    running.cli("undrain", "b3", "--service", "other")
    with contextlib.suppress(ConnectionResetError):
        assert b"\r\n0\r\n\r\n" not in read_all(slow.socket)
    slow.close()
    other.close()
    assert running.status()["lease"]["lapses"] == late
