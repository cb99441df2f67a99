# SPDX-License-Identifier: GPL-2.0-or-later
"""The journal: what is in it, what it survives, and what is told of it."""
import contextlib
import json
import os
import select
import signal
import socket
import sqlite3
import subprocess
import time

import pytest
from conftest import service
from lab.topology import run, v4
from test_explain import Unix


def events(lab, *argv):
    """What `fairlead events --json` says."""
    return [json.loads(line) for line in lab.cli("events", "--json", *argv).stdout.splitlines()]


def wait_event(lab, patience=5, **want):
    """Waits for an event with these values; returns it."""
    def find():
        for e in reversed(events(lab, "-n", "1024")):
            if all(e[k] == v for k, v in want.items()):
                return e
        return None
    return lab.wait_for(find, patience, f"an event {want}")


def check_file(path):
    """The file is whole, by another program's word."""
    with contextlib.closing(sqlite3.connect(path)) as c:
        assert c.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_happens(web):
    """Each change is there once, with its reason and whose word it was; filters find it."""
    wait_event(web, kind="service", service="web", to="serving")
    web.set_health("b1", "ok\n")
    web.nginx["b2"].terminate()
    e = wait_event(web, kind="backend", backend="b2", to="down")
    assert e["from"] == "suspect" and e["service"] == "web" and "is down: " in e["detail"] and e["actor"] is None
    web.cli("drain", "b1")
    e = wait_event(web, kind="operator", backend="b1")
    assert (e["subject"], e["actor"]) == ("drain", "root")
    wait_event(web, kind="backend", backend="b1", to="draining")
    web.cli("undrain", "b1")
    wait_event(web, kind="operator", subject="undrain")
    web.cli("weight", "b3", "50%")
    assert "50 %" in wait_event(web, kind="operator", subject="weight", backend="b3")["detail"]
    web.cli("source", "deny", "203.0.113.0/24")
    wait_event(web, kind="operator", subject="source", actor="root")
    web.cli("config", "apply")
    wait_event(web, kind="config", to="applied", actor="root")
    web.configure(web.head() + "services: [{nome: a}]\n")
    web.cli("config", "apply", check=False)
    wait_event(web, kind="config", to="refused")
    everything = events(web, "-n", "1024")
    assert [e["id"] for e in everything] == sorted({e["id"] for e in everything})
    assert everything[0]["kind"] == "agent" and everything[0]["to"] == "started"
    assert {e["kind"] for e in everything} == {"agent", "backend", "service", "operator", "config"}
    assert {e["backend"] for e in events(web, "--backend", "b2")} == {"b2"}
    assert {e["kind"] for e in events(web, "--kind", "operator,agent", "--kind", "config")} \
        == {"operator", "agent", "config"}
    assert not events(web, "--service", "none")
    assert len(events(web, "-n", "2")) == 2
    assert events(web, "-n", "2") == everything[-2:]
    assert {e["to"] for e in events(web, "--kind", "state")} == {"unknown"}
    time.sleep(1.1)
    web.cli("weight", "b3", "100%")
    wait_event(web, kind="operator", subject="weight", detail="gets 100 % of its weight, as the operator asked")
    assert [e["subject"] for e in events(web, "--since", "1s")] == ["weight"]
    assert not events(web, "--since", "2100-01-01")
    out = web.cli("events", "--backend", "b2").stdout
    assert "backend service web backend b2: suspect -> down: is down: " in out
    assert web.status()["journal"]["dropped"] == 0


def asked(lab, query):
    """The agent's answer to GET /v1/events."""
    return json.loads(run("curl", "-s", "--unix-socket", lab.socket, f"http://localhost/v1/events?{query}"))


def test_more_than_shown(web):
    """Whoever names a moment is told that there was more; the API says so of both ends."""
    wait_event(web, kind="service", service="web", to="serving")
    ids = [e["id"] for e in events(web, "-n", "1024")]
    n = len(ids)
    for limit, since, more in ((n - 1, True, True), (n, True, False), (n - 1, False, False), (1024, True, False)):
        r = web.cli("events", "-n", str(limit), *(("--since", "1h") if since else ()))
        assert len(r.stdout.splitlines()) == min(limit, n)
        told = f"fairlead events: there were more since then: those are the last {limit}; -n N shows up to 1024\n"
        assert r.stderr == (told if more else "")
    for query, seen, next_, more in ((f"n={n}", ids, ids[-1], False), ("n=2", ids[-2:], ids[-1], True),
                                     ("n=2&since=0", ids[:2], ids[1], True),
                                     (f"n=2&since={ids[-3]}", ids[-2:], ids[-1], False)):
        told = asked(web, query)
        assert ([e["id"] for e in told["events"]], told["next"], told["more"]) == (seen, next_, more), query


@pytest.mark.parametrize("argv, text", [
    (("--kind", "nonsense"), "there is no kind of event 'nonsense'"),
    (("--since", "yesterday"), "neither a duration"), (("-n", "0"), "not in 1..1024"), (("more",), "too much"),
])
def test_mistakes(web, argv, text):
    """Each with a sentence."""
    r = web.cli("events", *argv, check=False)
    assert r.returncode in (1, 2) and text in r.stderr


def test_services_come_and_go(web):
    """min_up makes the state of a service; what leaves the file is told as removed."""
    wait_event(web, kind="service", service="web", to="serving")
    web.configure(web.head() + "services:\n" + service(announce="route", min_up=3))
    web.cli("config", "apply")
    web.cli("disable", "b3")
    e = wait_event(web, kind="service", service="web", to="not serving")
    assert "2 of 3 backends are up, min_up is 3" in e["detail"]
    web.cli("enable", "b3")
    wait_event(web, kind="service", to="serving")
    web.configure(web.head() + "services:\n" + service(backends=[("b1", v4("b1"), 100), ("b2", v4("b2"), 100)]))
    web.cli("config", "apply")
    wait_event(web, kind="backend", backend="b3", to="removed")
    web.configure(web.head() + "services:\n" + service(name="other", port=8000))
    web.cli("config", "apply")
    wait_event(web, kind="service", service="web", to="removed")
    wait_event(web, kind="service", service="other", to="serving")


def test_follow(web):
    """Events come as they happen, across a restart of the agent, none twice and none missing."""
    wait_event(web, kind="service", service="web", to="serving")
    with subprocess.Popen([f"{web.build}/fairlead", "-s", web.socket, "events", "--follow", "--json", "-n", "1"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as p:
        try:
            first = json.loads(p.stdout.readline())
            start = time.monotonic()
            web.cli("drain", "b1")
            got = [json.loads(p.stdout.readline())]
            assert time.monotonic() - start < 2
            assert (got[0]["kind"], got[0]["subject"]) == ("operator", "drain")
            web.stop_agent()
            web.start_agent()
            web.cli("undrain", "b1")
            while got[-1]["subject"] != "undrain":
                got.append(json.loads(p.stdout.readline()))
            ids = [e["id"] for e in [first] + got]
            assert ids == sorted(set(ids))
            assert [e["to"] for e in got if e["kind"] == "agent"] == ["stopped", "started"]
            assert got == [e for e in events(web, "-n", "1024") if first["id"] < e["id"] <= got[-1]["id"]]
        finally:
            p.terminate()


def test_many_followers(web):
    """Those who follow hold no more connections than there are for them; the others are answered at once."""
    wait_event(web, kind="service", service="web", to="serving")
    last = events(web, "-n", "1")[0]["id"]
    ask = ["curl", "-s", "-m", "20", "--unix-socket", web.socket,
           f"http://localhost/v1/events?since={last}&wait=15000"]
    # pylint: disable=consider-using-with
    all_of_them = [subprocess.Popen(ask, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    try:
        web.wait_for(lambda: sum(p.poll() is not None for p in all_of_them) == 4, 5, "four to be sent away")
        web.cli("drain", "b1")
        answers = [json.loads(p.communicate(timeout=10)[0])["events"] for p in all_of_them]
    finally:
        for p in all_of_them:
            p.kill()
            p.wait()
    assert sum(a == [] for a in answers) == 4
    assert all(a[0]["subject"] == "drain" for a in answers if a)


def test_follower_keeps_its_place(web):
    """With all places taken, those who keep the agent waiting go, not who waits for the agent."""
    wait_event(web, kind="service", service="web", to="serving")
    follower = Unix(web.socket)
    follower.request("GET", f"/v1/events?since={events(web, '-n', '1')[0]['id']}&wait=20000")
    web.status()  # by its answer, what was sent before is read
    idle = []
    try:
        for _ in range(100):
            s = socket.socket(socket.AF_UNIX)
            idle.append(s)
            s.connect(web.socket)
        gone = select.poll()
        for s in idle:
            gone.register(s, select.POLLIN)
        # 64 places: 63 are left beside the follower's.
        web.wait_for(lambda: len(gone.poll(0)) >= 37, 5, "the idle ones that are too many to be sent away")
        web.cli("drain", "b1")
        assert json.loads(follower.getresponse().read())["events"][0]["subject"] == "drain"
    finally:
        for s in [*idle, follower]:
            s.close()


def test_killed_again_and_again(web):
    """kill -9 while events are written: each agent finds a whole file, and all that an answer had shown."""
    last = 0
    for i in range(6):
        for k in range(6):
            web.cli("drain" if k % 2 == 0 else "undrain", f"b{1 + k // 2}")
        seen = events(web, "-n", "1024")
        assert seen[-1]["id"] > last
        last = seen[-1]["id"]
        # Some more, which nobody has seen: they may be there or not.
        for k in range(i % 4):
            web.cli("drain" if k % 2 == 0 else "undrain", "b2")
        web.stop_agent(signal.SIGKILL)
        check_file(f"{web.folder}/journal.db")
        web.start_agent()
        now = events(web, "-n", "1024")
        assert [e["id"] for e in now][:len(seen)] == [e["id"] for e in seen]
        web.cli("undrain", "b2")
    assert not os.path.exists(f"{web.folder}/journal.db.damaged")
    assert "damaged" not in web.log_tail(10000)


def test_damaged_file(web):
    """It is set aside with a sentence, a new one is begun, and traffic does not notice."""
    wait_event(web, kind="service", service="web", to="serving")
    web.stop_agent()
    with open(f"{web.folder}/journal.db", "r+b") as f:
        f.seek(4096)
        f.write(b"\xa5" * 8192)
    web.start_agent()
    web.wait_for(lambda: "the journal is damaged" in web.log_tail(200), 5, "the log to say so")
    assert os.path.exists(f"{web.folder}/journal.db.damaged")
    wait_event(web, kind="agent", to="started")
    assert web.fetch("http://192.0.2.10/") in web.backends


@pytest.fixture
def small_disk(lab):
    """A disk of 512 KiB with the journal on it."""
    disk = f"{lab.folder}/disk"
    os.makedirs(disk, exist_ok=True)
    run("umount", "-q", disk, check=False)  # of a test that was killed
    run("mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", disk)
    lab.configure(lab.head().replace(f"{lab.folder}/journal.db", f"{disk}/journal.db") + "services:\n" + service())
    yield disk
    if lab.agent and lab.agent.poll() is None:
        lab.stop_agent()
    run("umount", disk)
    os.rmdir(disk)


def fill_up(disk):
    """Not a byte is left."""
    with open(f"{disk}/ballast", "wb", buffering=0) as f:
        for size in (65536, 4096, 1):
            try:
                while True:
                    f.write(b"x" * size)
            except OSError:
                pass


def test_full_disk(lab, small_disk):
    """Said once; traffic, probes and commands go on; what waited is written when there is room again."""
    lab.start_agent()
    lab.wait_serving("web")
    wait_event(lab, kind="service", service="web", to="serving")
    fill_up(small_disk)
    for k in range(20):
        lab.cli("drain" if k % 2 == 0 else "undrain", "b1")
    status = lab.wait_for(lambda: (lambda j: j if j["trouble"] else None)(lab.status()["journal"]), 5, "trouble")
    assert "the disk is full" in status["trouble"] and status["waiting"] > 0
    assert "warning: the journal is not written: " in lab.cli("status").stdout
    lab.nginx["b2"].terminate()
    lab.wait_state("web", "b2", "down")
    assert lab.fetch("http://192.0.2.10/") in ("b1", "b3")
    time.sleep(2.5)  # another try
    assert lab.log_tail(1000).count("the disk is full") == 1
    os.unlink(f"{small_disk}/ballast")
    lab.wait_for(lambda: not lab.status()["journal"]["trouble"], 6, "the journal to be written again")
    assert "is written again" in lab.log_tail(20)
    wait_event(lab, kind="backend", backend="b2", to="down")
    words = [e["subject"] for e in events(lab, "-n", "1024", "--kind", "operator")]
    assert words == ["drain", "undrain"] * 10, "nothing was lost"
    lab.stop_agent()
    check_file(f"{small_disk}/journal.db")


def test_full_disk_at_start(lab, small_disk):
    """Even the file can't be made: the agent serves, and begins the file later."""
    fill_up(small_disk)
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_for(lambda: "disk is full" in lab.log_tail(100), 5, "the log to say so")
    r = lab.cli("events", check=False)
    assert r.returncode == 1 and "disk is full" in r.stderr
    os.unlink(f"{small_disk}/ballast")
    lab.wait_for(lambda: lab.status()["journal"]["open"], 6, "the file to be made")
    wait_event(lab, kind="agent", to="started")
    wait_event(lab, kind="service", service="web", to="serving")


def test_switched_off(lab):
    """Nothing is written, and events says why there are none."""
    lab.configure(lab.head().replace("journal: {", "journal: {enabled: false, ") + "services:\n" + service())
    lab.start_agent()
    r = lab.cli("events", check=False)
    assert r.returncode == 1 and "journal.enabled" in r.stderr
    assert lab.status()["journal"] is None
    assert not os.path.exists(f"{lab.folder}/journal.db")
    lab.configure(lab.head() + "services:\n" + service())
    r = lab.cli("config", "apply", check=False)
    assert "journal.enabled cannot change while fairleadd runs" in r.stderr


def report(lab, *argv):
    """(the service web, {id: backend}) of `fairlead report --json`."""
    services = json.loads(lab.cli("report", "--json", *argv).stdout)["services"]
    (web,) = [s for s in services if s["name"] == "web"]
    return web, {b["id"]: b for b in web["backends"]}


def test_report(web):
    """Down is down, maintenance is not, and while no agent ran nobody knows."""
    wait_event(web, kind="service", service="web", to="serving")
    web.cli("drain", "b3")
    wait_event(web, kind="backend", backend="b3", to="draining")
    web.nginx["b3"].terminate()  # as one does in maintenance
    web.nginx["b2"].terminate()
    down = wait_event(web, kind="backend", backend="b2", to="down")
    time.sleep(2)
    web.start_nginx("b2")
    up = wait_event(web, kind="backend", backend="b2", **{"from": "down"})
    assert up["id"] > down["id"]
    service_, backends = report(web)
    assert service_["vip"] == "192.0.2.10 port 80/tcp"
    since, day, week, month, year = service_["windows"]
    assert [w["window"] for w in service_["windows"]] == ["since", "day", "week", "month", "year"]
    assert since["percent"] == 100 and since["down_s"] == 0 and since["nines"] is None and since["up_s"] > 2
    assert [round(w["budget_s"]) for w in (day, week, month, year)] == [86, 605, 2592, 31536]
    assert 2 < backends["b2"]["down_s"] < 6 and backends["b2"]["outages"] == 1
    assert backends["b2"]["longest_s"] == pytest.approx(backends["b2"]["down_s"], abs=0.01)
    assert 0 < backends["b2"]["percent"] < 100 and 0 < backends["b2"]["nines"] < 1.5
    assert backends["b3"]["out_s"] > 2 and backends["b3"]["down_s"] == 0 and backends["b3"]["percent"] == 100
    assert backends["b1"]["down_s"] == 0
    web.stop_agent(signal.SIGKILL)
    gone = time.monotonic()
    time.sleep(2)
    web.start_agent()
    away = time.monotonic() - gone
    service_, backends = report(web)
    # A killed agent had said that it lives up to five seconds before.
    assert 1.9 < service_["windows"][0]["unknown_s"] < away + 6
    assert service_["windows"][0]["down_s"] == 0
    assert 1.9 < backends["b1"]["unknown_s"] < away + 6
    last = report(web, "--since", "1s")[0]["windows"][0]
    assert last["up_s"] > 0 and last["up_s"] + last["unknown_s"] == pytest.approx(1, abs=0.1)
    assert round(report(web, "--target", "99.95%")[0]["windows"][4]["budget_s"]) == 15768


def test_report_for_people(web):
    """A table, a page; mistakes have sentences."""
    wait_event(web, kind="service", service="web", to="serving")
    for b in web.backends:
        web.nginx[b].terminate()
    wait_event(web, kind="service", service="web", to="not serving")
    web.wait_for(lambda: report(web)[0]["windows"][0]["down_s"] > 0.2, 3, "some time to be down")
    text = web.cli("report", "--target", "99.9999").stdout
    assert "192.0.2.10 port 80/tcp" in text and "UNKNOWN" in text
    assert all(b in text for b in web.backends)
    assert "of 86ms left" in text and "-" in text.split("what may be down")[1]
    page = web.cli("report", "--html").stdout
    assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
    assert "<h2>web</h2>" in page and "<script" not in page and "src=" not in page and "href=" not in page
    for argv, words in ((("--target", "100"), "below 100"), (("--since", "x"), "neither a duration"),
                        (("--json", "--html"), "exclude"), (("more",), "too much")):
        r = web.cli("report", *argv, check=False)
        assert r.returncode == 2 and words in r.stderr
    assert "no service" in web.cli("report", "--service", "none").stdout


def test_failovers(lab):
    """VRRP and anycast, and a panic: each with its subject, from what to what, and why."""
    lab.configure(lab.head() + "vrrp: [{name: web, interface: eth0, vrid: 52, addresses: [192.0.2.77], interval: 100ms}]\n"
                  "services:\n" + service(announce="route", min_up=2, health="{panic: 50%}"))
    lab.start_agent()
    lab.wait_serving("web")
    e = wait_event(lab, kind="vrrp", subject="web", to="active")
    assert e["from"] == "backup" and e["detail"]
    wait_event(lab, kind="anycast", subject="192.0.2.10", to="announced")
    for b in ("b1", "b2"):
        lab.nginx[b].terminate()
    e = wait_event(lab, kind="anycast", subject="192.0.2.10", to="withdrawn")
    assert "1 of 3 backends" in e["detail"]
    wait_event(lab, kind="panic", service="web", to="panic")
    wait_event(lab, kind="service", service="web", to="not serving")
