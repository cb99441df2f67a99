# SPDX-License-Identifier: GPL-2.0-or-later
"""Backends die, return, are drained; the tables follow and nothing else moves."""
import pytest
from conftest import service
from lab.topology import VIP4

URL = f"http://{VIP4}/"
HTTP = ("{type: http, path: /health, host: www.example.org, body: ok, interval: 100ms, "
        "fast_interval: 50ms, timeout: 200ms, rise: 2, fall: 2}")


def slots(lab, service_name="web"):
    """{backend: slots}"""
    return {b["id"]: b["slots"] for s in lab.status()["services"] if s["name"] == service_name
            for b in s["backends"]}


def test_crash_and_return(web):
    """A killed backend loses its slots to the others and gets exactly them back."""
    before = slots(web)
    web.kill_nginx("b1")
    down = web.wait_state("web", "b1", "down")
    assert down["probe"]["detail"] == "connection refused"
    web.wait_for(lambda: slots(web)["b1"] == 0, 2, "b1's slots to move")
    assert sum(slots(web).values()) == 65536
    assert {web.fetch(URL) for _ in range(30)} == {"b2", "b3"}
    web.start_nginx("b1")
    web.wait_state("web", "b1", "up")
    web.wait_for(lambda: slots(web) == before, 2, "b1's slots to return")


def test_cut_cable(web):
    """Nothing answers at all: the probe's timeout speaks."""
    web.cut_cable("b2")
    down = web.wait_state("web", "b2", "down")
    assert "no answer within 100 ms" in down["probe"]["detail"]
    assert {web.fetch(URL) for _ in range(20)} == {"b1", "b3"}
    web.mend_cable("b2")
    web.wait_state("web", "b2", "up")


def test_all_down(web):
    """Without a backend packets are dropped with their reason, and the first to return takes all."""
    for b in web.backends:
        web.kill_nginx(b)
    for b in web.backends:
        web.wait_state("web", b, "down")
    web.wait_for(lambda: web.status()["services"][0]["slots_unserved"] == 65536, 2,
                 "the last slots to have no backend")
    assert web.fetch(URL, patience=1) is None
    counts = {v["name"]: v["packets"] for v in web.status()["verdicts"]}
    assert counts["drop_no_backend"] > 0
    web.start_nginx("b3")
    web.wait_state("web", "b3", "up")
    web.wait_for(lambda: slots(web)["b3"] == 65536, 2, "b3 to have all slots")
    assert web.fetch(URL) == "b3"


@pytest.fixture
def checked(lab):
    """A service with an http probe."""
    lab.configure(lab.head() + "services:\n" + service(probe=HTTP))
    lab.start_agent()
    lab.wait_serving("web")
    return lab


def test_http_status(checked):
    """The page is gone: 404 is not in 200..399."""
    checked.set_health("b1", None)
    down = checked.wait_state("web", "b1", "down")
    assert "404" in down["probe"]["detail"]
    checked.set_health("b1", "ok\n")
    checked.wait_state("web", "b1", "up")


def test_http_body(checked):
    """The page is there but does not say ok."""
    checked.set_health("b2", "maintenance\n")
    down = checked.wait_state("web", "b2", "down")
    assert "body" in down["probe"]["detail"]


def test_drain(web):
    """A draining backend gets nothing new; undrain restores its slots exactly."""
    before = slots(web)
    out = web.cli("drain", "b2").stdout
    assert "b2" in out
    assert web.backend("web", "b2")["state"] == "draining"
    web.wait_for(lambda: slots(web)["b2"] == 0, 2, "b2's slots to move")
    assert {web.fetch(URL) for _ in range(30)} == {"b1", "b3"}
    web.cli("undrain", "b2", "--service", "web")
    web.wait_for(lambda: slots(web) == before, 2, "b2's slots to return")


def test_drain_of_nobody(web):
    """An unknown backend is one sentence and exit 1."""
    r = web.cli("drain", "b9", check=False)
    assert r.returncode == 1 and "no backend 'b9'" in r.stderr
