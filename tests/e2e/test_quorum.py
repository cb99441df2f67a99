# SPDX-License-Identifier: GPL-2.0-or-later
"""Balancers that rule together what holds of a backend: equal tables, whoever reaches it."""
import os
import secrets
import signal
import time

import pytest
from conftest import FAST, service
from lab.second import Second
from lab.topology import VIP4, v4

FLOW_KEY = "flow_key: " + "0123456789abcdef" * 4 + "\n"
KEY = secrets.token_hex(32)


@pytest.fixture(scope="module")
def others(network):
    """lb2 and lb3, as long as this module's tests run."""
    more = [Second(network, host) for host in ("lb2", "lb3")]
    for one in more:
        one.up()
    yield more
    for one in more:
        one.clean()


@pytest.fixture
def three(lab, others):
    """All of them, without agents."""
    all_three = {"lb": lab, "lb2": others[0], "lb3": others[1]}
    for name, one in all_three.items():
        with open(f"{one.folder}/peers.key", "w", encoding="ascii") as f:
            f.write(KEY + "\n")
        os.chmod(f.name, 0o600)
        one.peer_name = name
        if name != "lb":
            open(one.agent_log, "w", encoding="utf-8").close()
    yield all_three
    for one in all_three.values():
        for b in [*lab.backends, "lb", "lb2", "lb3"]:
            one.ip("lb", "route", "del", "blackhole", v4(b), check=False)
        if one.agent and one.agent.poll() is None:
            one.agent.send_signal(signal.SIGCONT)
            one.stop_agent()
    for one in others:
        one.remove_pins()
        if os.path.exists(one.socket):
            os.unlink(one.socket)


def configure(ones, quorum, probe=FAST, health="", top="", interval="100ms"):
    """The files: each has the others as its peers."""
    for one in ones:
        peers = ", ".join(f"{{name: {p.peer_name}, address: {v4(p.peer_name)}}}" for p in ones if p is not one)
        one.configure(
            one.head() + FLOW_KEY + top
            + f"peers: {{listen: {v4(one.peer_name)}, key_file: {one.folder}/peers.key, interval: {interval}, "
            f"list: [{peers}]}}\n"
            + "services:\n" + service(probe=probe, health=f"{{quorum: {quorum}{health}}}"))


def start(ones, quorum, **more):
    """Their agents, all of one mind."""
    configure(ones, quorum, **more)
    for one in ones:
        one.start_agent()
    for one in ones:
        one.wait_serving("web")
    wait_equal(ones)


def lose(one, *backends):
    """A balancer's way to backends ends, or to other balancers."""
    for b in backends:
        one.ip("lb", "route", "add", "blackhole", v4(b))


def find(one, *backends):
    """It is there again."""
    for b in backends:
        one.ip("lb", "route", "del", "blackhole", v4(b))


def is_equal(one):
    """All peers that are heard have the same tables."""
    peers = [p for p in one.status()["peers"]["list"] if p["state"] == "up"]
    return peers and all(p.get("same_config") and p["other_tables"]["n"] == 0 for p in peers)


def wait_equal(ones):
    """Their tables are equal, and stay so: they are looked at once a second."""
    def equal():
        return all(is_equal(one) for one in ones)
    ones[0].wait_for(equal, 5, "tables to be equal")
    time.sleep(1.2)
    assert equal()
    shares = [[b["share"] for b in one.status()["services"][0]["backends"]] for one in ones]
    assert all(s == shares[0] for s in shares), shares


def wait_ruled(ones, backend, state, here=None, **votes):
    """All of them hold the backend for that; what their own probes say, and the votes."""
    for one, said in zip(ones, here or [state] * len(ones)):
        one.wait_for(lambda o=one, s=said: (lambda b: b["state"] == state and b["quorum"]["here"] == s and all(
            b["quorum"][k] == n for k, n in votes.items()))(o.backend("web", backend)),
            8, f"{backend} to be {state} ({said}, {votes}) on {one.peer_name}: {one.backend('web', backend)}")


def log(one):
    """All of its log."""
    return one.log_tail(100000)


def test_any(three):
    """What one of two reaches is up on both; what none reaches is not; the loser's own view costs only its own rank."""
    lb, lb2 = pair = [three["lb"], three["lb2"]]
    vrrp = (f"vrrp: [{{name: g, interface: eth0, vrid: 7, priority: 100, addresses: [{VIP4}], "
            "track: {backends_cost: 90}}]\n")
    start(pair, "any", health=", panic: 60%", top=vrrp)
    lose(lb2, "b1")
    wait_ruled(pair, "b1", "up", ["up", "down"], by="any", up=1, down=1, mute=0, disputed=True)
    wait_equal(pair)
    assert [one.status()["services"][0]["usable"] for one in pair] == [3, 2]
    lb2.wait_for(lambda: "backend b1 is disputed between the balancers: 1 up, 1 down; by the probes here it is down, "
                 "by quorum any it is up" in log(lb2), 4, "the dispute to be logged")
    assert "backend b1 is down by the probes here: " in log(lb2)
    assert "; it is up all the same, by quorum any: 1 up, 1 down" in log(lb2)
    assert "health: web: b1: the balancers say 1 up, 1 down; here it is down, by quorum any it is up" \
        in lb2.cli("status").stdout
    # Nothing is reached from here: no panic, the same table, and a lower rank.
    lose(lb2, "b2", "b3")
    for b in ("b2", "b3"):
        wait_ruled(pair, b, "up", ["up", "down"])
    wait_equal(pair)
    for one, priority in ((lb, 100), (lb2, 10)):
        s = one.status()
        assert not s["services"][0]["health"]["panic"] and s["services"][0]["slots_unserved"] == 0
        assert s["vrrp"]["groups"][0]["priority"] == priority
    find(lb2, "b2", "b3")
    wait_ruled(pair, "b3", "up", disputed=False)
    # It dies, as nobody sees otherwise now: down on both.
    lb.kill_nginx("b1")
    wait_ruled(pair, "b1", "down", by="agreed", down=2)
    wait_equal(pair)
    assert all(one.backend("web", "b1")["share"] == 0 for one in pair)
    lb.start_nginx("b1")
    wait_ruled(pair, "b1", "up", ["up", "down"])
    find(lb2, "b1")
    wait_ruled(pair, "b1", "up", by="agreed", up=2)
    lb2.wait_for(lambda: log(lb2).count("b1 is no longer disputed") == log(lb2).count("b1 is disputed"), 4,
                 "the end of the dispute to be logged")
    assert "b1: the balancers say" not in lb2.cli("status").stdout


def test_majority(three):
    """Two of three are more than one, and one of two is not: with all three, and while one is gone."""
    ones = list(three.values())
    lb, lb2, lb3 = ones
    start(ones, "majority")
    lose(lb3, "b1")
    wait_ruled(ones, "b1", "up", ["up", "up", "down"], by="majority", up=2, down=1)
    lose(lb2, "b1")
    wait_ruled(ones, "b1", "down", ["up", "down", "down"], by="majority", up=1, down=2)
    wait_equal(ones)
    assert lb.backend("web", "b1")["share"] == 0
    assert "backend b1 is down by quorum majority: 1 up, 2 down; by the probes here it is up" in log(lb)
    lb2.stop_agent(signal.SIGKILL)
    wait_ruled([lb, lb3], "b1", "up", ["up", "down"], by="tie", up=1, down=1, mute=1)
    wait_equal([lb, lb3])
    lb2.start_agent()
    wait_ruled(ones, "b1", "down", ["up", "down", "down"], up=1, down=2, mute=0)
    # What an operator says holds everywhere, and is no vote.
    lb2.cli("drain", "b2")
    wait_ruled(ones, "b2", "draining", ["up", "up", "up"], up=3)
    lb2.cli("undrain", "b2")
    find(lb2, "b1")
    wait_ruled(ones, "b1", "up", ["up", "up", "down"], up=2, down=1)


def test_partition(three):
    """Each goes by its own probes at once; then they are of one mind again, and no restart moves a slot."""
    lb, lb2 = pair = [three["lb"], three["lb2"]]
    start(pair, "any")
    lose(lb2, "b1")
    wait_ruled(pair, "b1", "up", ["up", "down"])
    lose(lb, "lb2")
    lose(lb2, "lb")
    began = time.monotonic()
    b = lb2.wait_state("web", "b1", "down", 3)
    assert time.monotonic() - began < 1.5 and b["quorum"]["by"] == "alone" and b["quorum"]["mute"] == 1
    assert "backend b1 is down, as the probes here say: no peer has a vote" in log(lb2)
    wait_ruled([lb], "b1", "up", by="alone")
    find(lb, "lb2")
    find(lb2, "lb")
    wait_ruled(pair, "b1", "up", ["up", "down"], by="any")
    wait_equal(pair)
    assert log(lb2).count("backend b1 is up by quorum any: 1 up, 1 down; by the probes here it is down") == 1
    # Stopped, killed, frozen: it comes back to what held.
    for sig in (signal.SIGTERM, signal.SIGKILL):
        lines = log(lb2).count("\n")
        lb2.stop_agent(sig)
        lb2.start_agent()
        wait_ruled(pair, "b1", "up", ["up", "down"], by="any", up=1, down=1)
        fresh = "".join(log(lb2).splitlines(keepends=True)[lines:])
        assert "adopted 1 services" in fresh and "b1 is up" not in fresh and "b1 is down" not in fresh, fresh
        assert lb2.status()["services"][0]["generation"] == 0
    lines = log(lb2).count("\n")
    lb2.agent.send_signal(signal.SIGSTOP)
    lb.wait_for(lambda: lb.status()["peers"]["list"][0]["state"] == "silent", 3, "it to be missed")
    lb2.agent.send_signal(signal.SIGCONT)
    wait_ruled(pair, "b1", "up", ["up", "down"], by="any", up=1, down=1)
    wait_equal(pair)
    fresh = "".join(log(lb2).splitlines(keepends=True)[lines:])
    assert "b1 is up" not in fresh and "b1 is down" not in fresh, fresh


def test_new_session(three):
    """A reload that has peers begin anew with each other, on either side, changes no verdict."""
    lb, lb2 = pair = [three["lb"], three["lb2"]]
    start(pair, "any")
    lose(lb2, "b1")
    wait_ruled(pair, "b1", "up", ["up", "down"], by="any", up=1, down=1)
    for n, one in enumerate([lb, lb2, lb, lb2]):
        configure(pair, "any", interval=f"{101 + n}ms")
        one.cli("config", "apply")
        wait_ruled(pair, "b1", "up", ["up", "down"], by="any", up=1, down=1)
    wait_equal(pair)
    assert "b1 is down, " not in log(lb2) and "b1 is up by quorum" not in log(lb2)


def test_other_configuration(three):
    """A peer that probes in another way has no vote, until it has the same file; without quorum none has."""
    lb, lb2 = pair = [three["lb"], three["lb2"]]
    start(pair, "any")
    lose(lb2, "b1")
    wait_ruled(pair, "b1", "up", ["up", "down"], by="any")
    configure(pair, "any", probe=FAST.replace("fall: 2", "fall: 3"))
    lb2.cli("config", "apply")
    wait_ruled([lb2], "b1", "down", by="alone", mute=1)
    wait_ruled([lb], "b1", "up", by="alone", mute=1)
    configure(pair, "any")
    lb2.cli("config", "apply")
    wait_ruled(pair, "b1", "up", ["up", "down"], by="any", mute=0)
    configure(pair, "local")
    for one in pair:
        one.cli("config", "apply")
    wait_ruled([lb], "b1", "up", ["up"], by="local", up=1, down=1, disputed=True)
    wait_ruled([lb2], "b1", "down", ["down"], by="local", up=1, down=1, disputed=True)
