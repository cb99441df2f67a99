# SPDX-License-Identifier: GPL-2.0-or-later
"""What becomes of verdicts: slow start, hold-down, panic, backups, and what an operator says (docs/health.md)."""
import os
import signal
import sys
import time

import pytest
from conftest import FAST, ROOT, TICK, answers, service
from lab.holder import TALK, Holder
from lab.lab import PATIENCE
from lab.topology import VIP4, v4

URL = f"http://{VIP4}/"
ALL = 65536
# The page says how a backend is; the server itself goes on.
PAGE = (f"{{type: http, path: /health, interval: {2 * TICK}ms, fast_interval: {TICK}ms, "
        f"timeout: {2 * TICK}ms, rise: 2, fall: 2}}")


def owned(lab):
    """{backend: slots}"""
    return {b["id"]: b["slots"] for b in lab.status()["services"][0]["backends"]}


def file_of(health="", **more):
    """One service with these keys."""
    return "services:\n" + service(**more, **({"health": f"{{{health}}}"} if health else {}))


def begin(lab, health="", backups=(), probe=FAST, wait=True):
    """An agent with one service and these keys."""
    text = file_of(health, probe=probe)
    for b in backups:
        text = text.replace(f"id: {b},", f"id: {b}, backup: true,")
    lab.configure(lab.head() + text)
    lab.start_agent()
    if wait:
        lab.wait_serving("web")
    return lab


def restart(lab):
    """kill -9, and the next one."""
    lab.stop_agent(signal.SIGKILL)
    lab.start_agent()


def fall(lab, host):
    """The server is gone, and the agent knows."""
    lab.kill_nginx(host)
    lab.wait_state("web", host, "down")


def wait_slots(lab, check, what, patience=3):
    """Waits until check(slots) holds."""
    return lab.wait_for(lambda: (lambda s: s if check(s) else None)(owned(lab)), patience, what)


def test_slow_start(lab):
    """What comes back begins with little and gets more, from then on only more; a restart goes on from there."""
    seconds = 8 * PATIENCE
    begin(lab, f"slow_start: {int(seconds)}s")
    before = owned(lab)  # at the start nobody had to be slow
    assert max(before.values()) - min(before.values()) <= 1
    fall(lab, "b1")
    wait_slots(lab, lambda s: s["b1"] == 0, "b1's slots to move")
    lab.start_nginx("b1")
    assert "1/3 up" not in lab.cli("status").stdout
    lab.wait_state("web", "b1", "starting")
    began, seen, last = time.monotonic(), [], {"b1": 0, "b2": ALL, "b3": ALL}
    while lab.backend("web", "b1")["state"] == "starting":
        now = owned(lab)
        assert now["b1"] >= last["b1"] and now["b2"] <= last["b2"] and now["b3"] <= last["b3"]
        assert sum(now.values()) == ALL
        seen.append(now["b1"])
        last = now
        if len(set(seen)) == 4:
            restart(lab)
            assert lab.backend("web", "b1")["state"] == "starting"
            assert owned(lab)["b1"] in (last["b1"], max(owned(lab)["b1"], last["b1"]))
            seen.append(-1)
    took = time.monotonic() - began
    assert seconds - 2 < took < seconds + 2 + PATIENCE
    assert min(s for s in seen if s > 0) < before["b1"] / 3 and len(set(seen)) >= 6 and -1 in seen
    assert lab.backend("web", "b1")["state"] == "up"
    wait_slots(lab, lambda s: s == before, "b1 to have all of its slots")


def test_flapping(lab):
    """From the second time on it must be well for longer, twice as long each time; a restart remembers."""
    hold = 1.5 * PATIENCE
    begin(lab, f"flap_hold: {int(hold * 1000)}ms, flap_hold_max: {int(3 * hold)}s")
    took = []
    for i in range(3):
        fall(lab, "b1")
        if i == 2:
            restart(lab)
        assert lab.backend("web", "b1")["flaps"] == i + 1
        lab.start_nginx("b1")
        began = time.monotonic()
        if i:
            assert f"it fell {i + 1} times of late, and must be well" in lab.cli("status").stdout
        lab.wait_state("web", "b1", "up", 10)
        took.append(time.monotonic() - began)
    assert took[0] < hold < took[1] < 2 * hold < took[2] < 3 * hold + PATIENCE


def test_panic(lab):
    """Too few are well: all get flows, but for those an operator has taken out; and back again."""
    begin(lab, "panic: 60%", probe=PAGE)
    before = owned(lab)
    lab.set_health("b1", None)
    lab.wait_state("web", "b1", "down")
    wait_slots(lab, lambda s: s["b1"] == 0, "b1's slots to move")
    lab.set_health("b2", None)
    lab.wait_state("web", "b2", "down")
    wait_slots(lab, lambda s: s == before, "all to have their slots again")
    assert lab.status()["services"][0]["health"] == {"panic": True, "backups": False, "quorum": "local"}
    assert "\nhealth: web: panic: too few backends are well, so all get flows\n" in lab.cli("status").stdout
    assert answers(lab, URL, 40) == {"b1", "b2", "b3"}
    lab.cli("disable", "b1")
    wait_slots(lab, lambda s: s["b1"] == 0 and s["b2"] > 30000, "b1 to be out all the same")
    lab.cli("enable", "b1")
    wait_slots(lab, lambda s: s == before, "b1 to be in again")
    restart(lab)
    assert owned(lab) == before
    lab.set_health("b2", "ok\n")
    lab.wait_state("web", "b2", "up")
    wait_slots(lab, lambda s: s["b1"] == 0, "the panic to end")
    assert not lab.status()["services"][0]["health"]["panic"]
    assert answers(lab, URL, 30) == {"b2", "b3"}


def test_backup(lab):
    """It has no slots while others do; it takes all when they do not, and gives them back."""
    begin(lab, backups=["b3"], wait=False)
    first = wait_slots(lab, lambda s: s["b1"] and s["b2"], "the first two to serve")
    for b in ("b1", "b2", "b3"):
        lab.wait_state("web", b, "up")
    first = wait_slots(lab, lambda s: s["b3"] == 0, "the backup to wait")
    assert abs(first["b1"] - first["b2"]) < 1500
    fall(lab, "b1")
    wait_slots(lab, lambda s: s["b2"] == ALL, "b2 to have all")
    fall(lab, "b2")
    wait_slots(lab, lambda s: s["b3"] == ALL, "the backup to have all")
    assert "\nhealth: web: its backups are called in\n" in lab.cli("status").stdout
    assert answers(lab, URL) == {"b3"}
    restart(lab)
    assert owned(lab)["b3"] == ALL
    lab.start_nginx("b1")
    wait_slots(lab, lambda s: s["b1"] == ALL, "the backup to give back")
    lab.start_nginx("b2")
    wait_slots(lab, lambda s: s == first, "everything to be as it was")


def test_words_outlive_the_agent(lab):
    """disable and weight hold over kill -9, and a reload; enable and 100% take them back."""
    begin(lab)
    before = owned(lab)
    assert lab.cli("disable", "b1").stdout == "disabled b1 in web\n"
    assert lab.cli("disable", "b1").stdout == "nothing to do: b1 is disabled already in web\n"
    assert lab.cli("undrain", "b1").stdout == "nothing to do: b1 is not draining already in web\n"
    assert lab.cli("weight", "b2", "50%", "--service", "web").stdout == "weight set for b2 in web\n"
    after = wait_slots(lab, lambda s: s["b1"] == 0 and abs(s["b2"] - ALL / 3) < 1000, "the slots to follow")
    for reload in (False, True):
        restart(lab)
        if reload:
            lab.cli("config", "apply")
        b1, b2 = lab.backend("web", "b1"), lab.backend("web", "b2")
        assert b1["state"] == "disabled" and b2["weight_percent"] == 50 and b2["weight"] == 100
        assert owned(lab) == after
    shown = lab.cli("status").stdout
    assert "health: web: b2: the operator gives it 50 % of its weight\n" in shown and "100*50%" in shown
    assert answers(lab, URL) == {"b2", "b3"}
    assert lab.cli("enable", "b1").stdout == "enabled b1 in web\n"
    lab.cli("weight", "b2", "100")
    wait_slots(lab, lambda s: s == before, "everything to be as it was")
    lab.cli("weight", "b3", "0%")
    wait_slots(lab, lambda s: s["b3"] == 0, "a weight of nothing to be nothing")
    assert lab.backend("web", "b3")["state"] == "up"


def test_disabled_is_given_up(lab):
    """Its slots keep their old owner for down_hold, not for hold; it is probed all the same."""
    begin(lab)
    lab.cli("disable", "b1")
    wait_slots(lab, lambda s: s["b1"] == 0, "b1's slots to move")
    transition = lab.status()["services"][0]["transition"]
    assert transition["moving"] > 20000 and transition["clean_in_s"] < 60
    at = lab.backend("web", "b1")["probe"]["at"]
    lab.wait_for(lambda: lab.backend("web", "b1")["probe"]["at"] > at, 2, "another probe")
    lab.cli("enable", "b1")
    lab.cli("drain", "b2")
    wait_slots(lab, lambda s: s["b2"] == 0, "b2's slots to move")
    assert lab.status()["services"][0]["transition"]["clean_in_s"] > 800


def test_drained_stays_drained(lab):
    """Whatever its probe says, and through a restart."""
    begin(lab)
    lab.cli("drain", "b1")
    wait_slots(lab, lambda s: s["b1"] == 0, "b1's slots to move")
    fall(lab, "b1")
    lab.start_nginx("b1")
    lab.wait_state("web", "b1", "draining")
    restart(lab)
    assert lab.backend("web", "b1")["state"] == "draining" and owned(lab)["b1"] == 0
    assert answers(lab, URL) == {"b2", "b3"}


def test_words_for_nobody(lab):
    """What cannot be meant is one sentence, and exit 1 or 2."""
    begin(lab)
    for command, sentence in (
            (("disable", "b9"), "fairlead disable: there is no backend 'b9'\n"),
            (("weight", "b9", "10%"), "fairlead weight: there is no backend 'b9'\n")):
        r = lab.cli(*command, check=False)
        assert r.returncode == 1 and r.stderr == sentence
    for words in (("b1", "101%"), ("b1", "5x"), ("b1", ""), ("b1",), ("b1", "1", "2")):
        r = lab.cli("weight", *words, check=False)
        assert r.returncode == 2 and r.stderr.startswith("fairlead weight: ")


def test_weight_of_the_probe(lab, tmp_path):
    """A program says how much of its weight its backend is to have, in steps of 5 %; 0 % is nothing."""
    program = tmp_path / "load"
    program.write_text("#!/bin/sh\ncat \"$1/$FAIRLEAD_ADDRESS\"\n")
    os.chmod(program, 0o755)

    def say(host, text):
        (tmp_path / "new").write_text(f"{text}\n")
        os.rename(tmp_path / "new", tmp_path / v4(host))

    for b in lab.backends:
        say(b, "100%")
    begin(lab, probe=(f"{{type: exec, interval: {4 * TICK}ms, fast_interval: {TICK}ms, timeout: 5s, "
                      f"command: [{program}, {tmp_path}], weight: true}}"))
    before = owned(lab)
    say("b1", "26% busy")
    after = wait_slots(lab, lambda s: s["b1"] < 10000, "b1 to have less", 5)
    assert abs(after["b1"] - ALL * 0.25 / 2.25) < 800
    assert "health: web: b1: it asks for 26 % of its weight\n" in lab.cli("status").stdout
    restart(lab)
    assert owned(lab) == after
    say("b1", "0%")
    wait_slots(lab, lambda s: s["b1"] == 0, "b1 to have nothing", 5)
    assert lab.backend("web", "b1")["state"] == "up"
    say("b1", "100% idle")
    wait_slots(lab, lambda s: s == before, "b1 to have all again", 5)


@pytest.mark.parametrize("state", ["up", "down"])
def test_start(lab, state):
    """The configuration's word holds until probes have said otherwise."""
    slow = f"{{type: tcp, interval: {40 * TICK}ms, timeout: {4 * TICK}ms, rise: 3, fall: 3}}"
    if state == "up":
        lab.cut_cable("b1")
    begin(lab, f"start: {state}", probe=slow, wait=False)
    assert lab.backend("web", "b1")["state"] == state
    if state == "up":
        assert owned(lab)["b1"] > 20000
        lab.wait_state("web", "b1", "down", 8)
        wait_slots(lab, lambda s: s["b1"] == 0, "b1's slots to move")
        lab.mend_cable("b1")
    lab.wait_state("web", "b1", "up", 8)


@pytest.fixture
def knock(lab):
    """A client that opens connections at a rate, until it is told another."""
    running = []

    def at(rate):
        while running:
            lab.procs.end(running.pop())
        if rate:
            running.append(lab.procs.start("knock", [sys.executable, "-B", f"{ROOT}/tests/lab/knock.py",
                                                     "clients", VIP4, "80", str(rate)],
                                           netns=lab.ns("client")))
    yield at
    at(0)


def test_max_new(lab, knock):
    """More than its limit: it takes less, as much as the limit leaves, until there is less to take."""
    lab.configure(lab.head() + file_of(
        "max_new: 60", passive="true",
        backends=[("b1", v4("b1"), 400), ("b2", v4("b2"), 100), ("b3", v4("b3"), 100)]))
    lab.start_agent()
    lab.wait_serving("web")
    before = owned(lab)
    knock(60)  # 40 of them for b1
    time.sleep(6)
    assert owned(lab) == before and lab.backend("web", "b1")["limit_new"] == 1
    knock(120)  # 80
    lab.wait_for(lambda: 25 < lab.backend("web", "b1")["passive"]["connections_per_s"] < 60
                 and lab.backend("web", "b1")["limit_new"] < 1, 20, "b1 to get less than its limit")
    b = lab.backend("web", "b1")
    assert 0.25 <= b["parts"] < 0.9 and b["state"] == "up" and b["slots"] < before["b1"]
    assert "health: web: b1: max_new leaves it " in lab.cli("status").stdout
    assert "b1 gets " in lab.log_tail(50)
    parts = lab.backend("web", "b1")["parts"]
    restart(lab)
    assert abs(lab.backend("web", "b1")["parts"] - parts) < 0.06  # a step may have been due
    knock(30)
    wait_slots(lab, lambda s: s == before, "b1 to have all again", 50)


@pytest.fixture
def talkers(network, routed):  # pylint: disable=unused-argument
    """Servers that say who they are, on port 7000; full NAT has an address to send from."""
    source = v4("lb").rpartition(".")[0] + ".201"
    network.ip("lb", "addr", "add", f"{source}/24", "dev", "eth0")
    running = [network.procs.start(f"talk-{b}", [sys.executable, "-B", TALK, "serve", b, "7000"],
                                   netns=network.ns(b)) for b in network.backends]
    yield source
    for p in running:
        network.procs.end(p)
    network.ip("lb", "addr", "del", f"{source}/24", "dev", "eth0")


def test_max_flows(lab, talkers):
    """A backend that is full gets no more connections and keeps those it has; it takes more when some have ended."""
    lab.configure(lab.head(snat=f"{{source4: [{talkers}]}}") + file_of(
        "max_flows: 20", forward="fullnat", port=7000, probe=FAST.replace("type: tcp", "type: tcp, port: 80"),
        backends=[("b1", v4("b1"), 400), ("b2", v4("b2"), 100), ("b3", v4("b3"), 100)]))
    lab.start_agent()
    lab.wait_serving("web")
    before = owned(lab)
    holder = Holder(lab, 7000)
    holder.ask("open 40")
    said = holder.ask("talk")
    assert said["broken"] == 0 and said["by"]["b1"] > 20
    wait_slots(lab, lambda s: s["b1"] == 0, "b1 to be full", 15)
    assert lab.backend("web", "b1")["limit_full"] and lab.backend("web", "b1")["state"] == "up"
    assert "health: web: b1: max_flows leaves it no new connections\n" in lab.cli("status").stdout
    holder.ask("open 10")
    again = holder.ask("talk")
    assert again["broken"] == again["moved"] == 0 and again["by"]["b1"] == said["by"]["b1"]
    restart(lab)
    assert owned(lab)["b1"] == 0
    holder.ask("reset b1")
    wait_slots(lab, lambda s: s == before, "b1 to take connections again", 30)
    holder.close()
