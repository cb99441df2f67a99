# SPDX-License-Identifier: GPL-2.0-or-later
"""Open connections stay with their backend, whatever becomes of the slots (docs/transitions.md).

Servers that say who they are listen on port 7000; probes ask nginx on port 80, so that a backend can go down
while its connections live.
"""
import collections
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import BUILD, FAST, service
from lab.holder import TALK, Holder
from lab.lab import PATIENCE
from lab.topology import VIP4, run, v4

PORT = 7000
HOLD = 4  # seconds
PROBE = FAST.replace("type: tcp", "type: tcp, port: 80")
FORGE = os.path.join(BUILD, "tests/forge")
CONNECTIONS = 120


@pytest.fixture(scope="module")
def servers(network):
    """One on each backend."""
    running = [network.procs.start(f"talk-{b}", [sys.executable, "-B", TALK, "serve", b, str(PORT)],
                                   netns=network.ns(b)) for b in network.backends]
    yield
    for p in running:
        network.procs.end(p)


def text(backends=None, weights=None, hold=HOLD, **more):
    """The service's YAML."""
    weights = weights or {}
    backends = [(b, v4(b), weights.get(b, 100)) for b in backends or ("b1", "b2", "b3")]
    return service(port=PORT, probe=PROBE, hold=f"{hold}s", backends=backends, **more)


@pytest.fixture
def talk(lab, servers):
    """Many connections over three backends, all of which have spoken."""
    lab.configure(lab.head() + "services:\n" + text())
    lab.start_agent()
    lab.wait_serving("web")
    holder = Holder(lab, PORT)
    holder.ask(f"open {CONNECTIONS}")
    first = holder.ask("talk")
    assert first["broken"] == 0 and set(first["by"]) == set(lab.backends)
    lab.holder = holder
    yield lab
    holder.close()


def converse(lab, seconds, each=0.3):
    """All connections speak again and again; none may break or change hands."""
    until = time.monotonic() + seconds
    while True:
        said = lab.holder.ask("talk")
        assert said["broken"] == 0 and said["moved"] == 0, said
        if time.monotonic() > until:
            return said
        time.sleep(each)


def transition(lab):
    """The service's slots that are not clean."""
    return lab.status()["services"][0]["transition"]


def drain(lab, backend):
    """Drains it, and waits until its slots have other owners."""
    lab.cli("drain", backend)
    lab.wait_for(lambda: lab.backend("web", backend)["slots"] == 0, 2, "the drain")


def past_hold(lab, hold=HOLD):
    """Talks until no slot is moving any more, and then some."""
    converse(lab, 0.5)  # a change that was just asked for begins
    def still():
        converse(lab, 0)
        return transition(lab)["moving"] == 0
    lab.wait_for(still, hold + 15, "the slots to be pinned")
    return converse(lab, 1)


def test_drain(talk):
    """Its connections stay after `hold`, on record; new ones go elsewhere."""
    first = talk.holder.ask("talk")
    drain(talk, "b1")
    assert transition(talk)["moving"] > 0
    past_hold(talk)
    talk.wait_for(lambda: talk.backend("web", "b1")["records"] == first["by"]["b1"], 5,
                  "all of its connections to be on record")
    assert talk.backend("web", "b1")["slots_leaving"] == 0
    talk.holder.ask("open 60")
    later = talk.holder.ask("talk")
    assert later["broken"] == 0 and later["by"]["b1"] == first["by"]["b1"]
    assert sum(later["by"].values()) == CONNECTIONS + 60
    shown = talk.cli("status").stdout
    assert "changing: web: 0 slots moving" in shown


def test_drain_and_undrain(talk):
    """There and back: first while slots are moving, then when they are pinned."""
    drain(talk, "b1")
    converse(talk, 1)
    talk.cli("undrain", "b1")
    talk.wait_for(lambda: talk.backend("web", "b1")["slots"], 2, "its slots to come back")
    talk.holder.ask("open 30")
    past_hold(talk)
    drain(talk, "b2")
    past_hold(talk)
    talk.cli("undrain", "b2")
    past_hold(talk)


def test_flap(talk):
    """Down by its probes, back within `down_hold`: what it had finds it again."""
    talk.kill_nginx("b2")
    talk.wait_state("web", "b2", "down")
    talk.wait_for(lambda: talk.backend("web", "b2")["slots"] == 0, 2, "its slots to go")
    converse(talk, 2)
    talk.start_nginx("b2")
    talk.wait_state("web", "b2", "up")
    past_hold(talk)


def test_refused_is_suspect(talk):
    """A refusal: no new connections at once, `fall` failures later it is down."""
    slow = PROBE.replace("fall: 2", "fall: 20")
    talk.configure(talk.head() + "services:\n" + text().replace(PROBE, slow))
    talk.cli("config", "apply")
    talk.kill_nginx("b3")
    b = talk.wait_state("web", "b3", "suspect")
    assert "refused" in b["probe"]["detail"]
    talk.wait_for(lambda: talk.backend("web", "b3")["slots"] == 0, 2, "its slots to go")
    converse(talk, 0)
    talk.start_nginx("b3")
    talk.wait_state("web", "b3", "up")
    converse(talk, 0)


def test_slow_start_and_panic(talk):
    """Slots come back step by step; a panic brings back those of backends that are down."""
    talk.configure(talk.head() + "services:\n" + text(health="{slow_start: 3s, panic: 60%}"))
    talk.cli("config", "apply")
    talk.kill_nginx("b1")
    talk.wait_state("web", "b1", "down")
    talk.wait_for(lambda: talk.backend("web", "b1")["slots"] == 0, 2, "its slots to go")
    converse(talk, 1)
    talk.start_nginx("b1")
    talk.wait_state("web", "b1", "starting")
    while talk.backend("web", "b1")["state"] == "starting":
        converse(talk, 0, 0)
    for b in ("b2", "b3"):
        talk.kill_nginx(b)
        talk.wait_state("web", b, "down")
    talk.wait_for(lambda: talk.status()["services"][0]["health"]["panic"]
                  and talk.backend("web", "b3")["slots"], 2, "a panic")
    converse(talk, 12)  # beyond down_hold: they are down, and in use
    talk.holder.ask("open 30")
    assert set(converse(talk, 0)["by"]) == set(talk.backends)
    talk.start_nginx("b2")
    # Its slow start ends the panic as it begins: most of b3's slots have moved for the last time then, and what
    # says nothing for `hold` from there on is not kept.
    talk.wait_for(lambda: converse(talk, 0) and talk.backend("web", "b2")["state"] == "up", 20, "b2 to be up")
    assert talk.backend("web", "b3")["slots"] == 0
    converse(talk, 2)
    talk.start_nginx("b3")
    past_hold(talk)


def test_weights(talk):
    """Slots go from everybody to everybody."""
    for weights in ({"b1": 300}, {"b2": 500, "b3": 10}, {}):
        talk.configure(talk.head() + "services:\n" + text(weights=weights))
        talk.cli("config", "apply")
        converse(talk, 1)
    past_hold(talk)


def test_out_of_the_file_and_in_again(talk):
    """A backend leaves the file: it is drained, and shown, until its connections are gone."""
    talk.configure(talk.head() + "services:\n" + text(backends=("b1", "b3")))
    talk.cli("config", "apply")
    talk.wait_for(lambda: talk.backend("web", "b2")["slots"] == 0, 2, "its slots to go")
    assert talk.backend("web", "b2")["state"] == "leaving"
    said = past_hold(talk)
    talk.wait_for(lambda: talk.backend("web", "b2")["records"] == said["by"]["b2"], 5, "records")
    talk.configure(talk.head() + "services:\n" + text())
    talk.cli("config", "apply")
    assert talk.backend("web", "b2")["state"] == "up"  # what is known of it stays
    past_hold(talk)
    assert len(talk.status()["services"][0]["backends"]) == 3


def changes(before, after):
    """Slots that have another owner: {(from, to): how many}."""
    return collections.Counter(pair for pair in zip(before, after) if pair[0] != pair[1])


def file_has(lab, *backends):
    """The file has these backends, (id, host), and the agent has read it: who owns the slots then."""
    lab.configure(lab.head() + "services:\n" + service(
        port=PORT, probe=PROBE, hold=f"{HOLD}s",
        backends=[(i, v4(host), 100) for i, host in backends]))
    lab.cli("config", "apply")
    lab.wait_for(lambda: all(lab.backend("web", i)["slots"] for i, _ in backends), 5, "their slots")
    return lab.owners()


def killed(lab):
    """kill -9, and the next one: it moves nothing."""
    before = lab.owners()
    lab.stop_agent(signal.SIGKILL)
    lab.start_agent()
    converse(lab, 2)
    assert lab.owners() == before


def test_replaced(talk):
    """One backend for another: its slots become the other's, and no others move; also over restarts."""
    first = talk.owners()
    share = first.count("b2")
    after = file_has(talk, ("b1", "b1"), ("heir", "b2"), ("b3", "b3"))
    assert changes(first, after) == {("b2", "heir"): share}
    killed(talk)
    assert "vacant" not in talk.cli("status").stdout
    # It goes, and the next one comes later.
    gone = file_has(talk, ("b1", "b1"), ("b3", "b3"))
    assert {pair[0] for pair in changes(after, gone)} == {"heir"}
    assert sum(changes(after, gone).values()) == share
    killed(talk)
    assert talk.status()["services"][0]["seats_vacant"] == 1
    assert "\nseats: web: 1 is vacant, for whoever comes next\n" in talk.cli("status").stdout
    last = file_has(talk, ("third", "b2"), ("b3", "b3"), ("b1", "b1"))
    assert changes(after, last) == {("heir", "third"): share}
    killed(talk)
    seats = json.loads(run("bpftool", "-j", "map", "dump", "pinned", talk.pin("seats/1")))
    assert [(s["formatted"]["value"]["name"], s["formatted"]["value"]["holder"]) for s in seats] \
        == [("b1", "b1"), ("b2", "third"), ("b3", "b3")]


def test_killed_before_its_slots_follow(talk):
    """kill -9 right after a reload was asked for: the next agent brings the same to its end."""
    first = talk.owners()
    for i in range(4):
        talk.configure(talk.head() + "services:\n" + service(
            port=PORT, probe=PROBE, hold=f"{HOLD}s",
            backends=[("b1", v4("b1"), 100), (f"heir{i}", v4("b2"), 100), ("b3", v4("b3"), 100)]))
        talk.agent.send_signal(signal.SIGHUP)
        time.sleep(i * 0.01)
        talk.stop_agent(signal.SIGKILL)
        talk.start_agent()
        talk.wait_for(lambda i=i: talk.backend("web", f"heir{i}")["slots"], 5, "its slots")
        assert changes(first, talk.owners()) == {("b2", f"heir{i}"): first.count("b2")}
        assert os.listdir(talk.pin("seats")) == ["1"]
    converse(talk, 1)


@pytest.mark.parametrize("when", [0.0, 0.05, 1.0, HOLD + 2.0])
def test_killed_in_mid_change(talk, when):
    """kill -9 while slots move, or are pinned: the next agent goes on from what the maps say."""
    talk.cli("drain", "b1")
    until = time.monotonic() + when
    while time.monotonic() < until:
        converse(talk, 0)
        time.sleep(0.05)
    talk.stop_agent(signal.SIGKILL)
    converse(talk, 1)
    talk.start_agent()
    converse(talk, 0)
    t = talk.wait_for(lambda: (lambda t: t if t["moving"] + t["pinned"] else None)(transition(talk)),
                      3, "what was under way to be seen")
    assert t["moving"] + t["pinned"] >= 21000
    talk.cli("undrain", "b1")
    past_hold(talk)


def test_another_gate_in_mid_change(talk):
    """A reload that loads another program, over the same maps."""
    drain(talk, "b1")
    converse(talk, 1)
    talk.configure(talk.head(on_agent_loss="drop") + "services:\n" + text(limits="{packets: 1000000}"))
    talk.cli("config", "apply")
    said = past_hold(talk)
    talk.wait_for(lambda: talk.backend("web", "b1")["records"] == said["by"]["b1"], 5, "records")
    talk.configure(talk.head() + "services:\n" + text())
    talk.cli("config", "apply")
    converse(talk, 1)


def test_overlapping_changes(talk):
    """Everything at once, for a while, while new connections come."""
    stop = threading.Event()
    failed = []

    def disturb():
        try:
            for i in range(1000):
                if stop.is_set():
                    return
                verb = "drain" if i % 2 == 0 else "undrain"
                talk.cli(verb, f"b{1 + i // 2 % 3}")
                time.sleep(0.4)
        except RuntimeError as e:
            failed.append(e)
    t = threading.Thread(target=disturb)
    t.start()
    try:
        for _ in range(8):
            converse(talk, 1, each=0.2)
            talk.holder.ask("open 10")
    finally:
        stop.set()
        t.join()
    assert not failed
    past_hold(talk)


def test_drain_wait(talk):
    """It waits for the last connection, and for no longer than it was told."""
    late = talk.cli("drain", "b1", "--wait", "--deadline", "1s", check=False)
    assert late.returncode == 3
    assert "the deadline has passed, and b1 still has" in late.stderr
    assert talk.backend("web", "b1")["state"] == "draining"
    said = past_hold(talk)
    wait = subprocess.Popen([f"{talk.build}/fairlead", "-s", talk.socket, "drain", "b1", "--wait"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        converse(talk, 3)
        assert wait.poll() is None
        talk.holder.ask("reset b1")
        out, err = wait.communicate(timeout=60 * PATIENCE)
    finally:
        wait.kill()
    lines = out.splitlines()
    assert wait.returncode == 0 and not err
    assert f"b1: {said['by']['b1']} connections left" in lines and lines[-1] == "b1: empty"
    done = json.loads(talk.cli("drain", "b1", "--wait", "--json").stdout)
    assert done["services"][0]["empty"] and done["services"][0]["records"] == 0


@pytest.mark.long
def test_clean_again(talk):
    """When the last connection of a moved slot is gone, nothing is left of the change."""
    drain(talk, "b1")
    past_hold(talk)
    for b in talk.backends:
        talk.holder.ask(f"reset {b}")
    assert transition(talk)["pinned"] > 0
    talk.wait_for(lambda: transition(talk)["pinned"] == 0, 90, "the slots to be clean")
    assert transition(talk) == {"moving": 0, "pinned": 0, "waiting": 0, "records": 0, "clean_in_s": 0,
                                "ramp_s": 0}
    assert talk.status()["records"]["flows"] == 0


def forge(lab, flows, rounds):
    """Packets of so many flows that nobody has, so that they go on record; how long it took."""
    mac = lab.ip("lb", "link", "show", "eth0").split("link/ether ")[1].split()[0]
    forging = threading.Thread(target=lab.inside, args=("client", FORGE, "eth0", mac, VIP4, str(PORT),
                                                        str(flows), str(rounds)))
    began = time.monotonic()
    forging.start()
    while forging.is_alive():
        converse(lab, 0.2)  # it may take longer than `hold`
    return time.monotonic() - began


@pytest.mark.long
def test_waves(talk):
    """More connections than may be on record at once: slots move in waves, as records end."""
    room = talk.status()["records"]["room"] // 2
    flows = 9 * room // 4
    # Nearly all of them must be heard twice within `hold`, on a busy machine too.
    hold = idle = max(int(12 * PATIENCE), int(50 * forge(talk, flows // 8, 1)))
    talk.configure(talk.head() + "services:\n" + text(hold=hold, idle=f"{idle}s"))
    talk.cli("config", "apply")
    # What a slot needs is not known yet, so these move all at once.
    drain(talk, "b1")
    assert transition(talk)["waiting"] == 0
    forge(talk, flows, 3)
    talk.wait_for(lambda: converse(talk, 0) and transition(talk)["records"] > 0.6 * room, hold + 10,
                  "a third of the forged flows to be on record")
    owned = talk.backend("web", "b2")["slots"]
    talk.cli("drain", "b2")
    began = time.monotonic()
    first = talk.wait_for(lambda: (lambda t: t if t["waiting"] else None)(transition(talk)), 2,
                          "slots that wait")
    assert 0.2 * owned < first["waiting"] < owned
    assert hold + idle < first["ramp_s"] < 3 * (hold + idle + 30)
    assert f"{first['waiting']} slots wait, as there would be too many" in talk.cli("status").stdout
    steps = [first["waiting"]]

    def moved():
        converse(talk, 0.3)
        t, left = transition(talk), talk.backend("web", "b2")["slots"]
        assert t["records"] <= room and t["waiting"] <= steps[-1]
        if t["waiting"] < steps[-1]:
            steps.append(t["waiting"])
        return left == 0 and t["waiting"] == 0
    talk.wait_for(moved, 2 * first["ramp_s"] / PATIENCE, "all slots to move")
    # What ends makes room for more; nothing was let go before.
    assert time.monotonic() - began > hold, steps
    assert max(was - now for was, now in zip(steps, steps[1:])) > 0.2 * owned, steps
    past_hold(talk, hold)
