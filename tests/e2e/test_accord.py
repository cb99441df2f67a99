# SPDX-License-Identifier: GPL-2.0-or-later
"""One configuration for all peers: on all or on none, whoever is silent, killed, or applies at the same moment."""
import json
import os
import signal
import subprocess

import pytest
from conftest import service
from lab.pair import addresses_watched
from lab.second import Second, split
from lab.topology import v4
from test_openapi import ask, check
from test_peers import FLOW_KEY, KEYS, balancer, configure, pair, start, wait_equal, wait_peer, \
    write_keys  # pylint: disable=unused-import

TWO = [("b1", v4("b1"), 100), ("b2", v4("b2"), 100)]
ONE = [("b3", v4("b3"), 100)]


def forget(both):
    """What earlier tests left beside the files."""
    for one in both:
        for end in (".peers", ".peers-new", ".rolled-back"):
            if os.path.exists(one.config_path + end):
                os.unlink(one.config_path + end)


def begin(both, services=None):
    """Both serve, and know each other; no epoch was ever decided."""
    forget(both)
    start(both, services)
    for one in both:
        one.wait_serving("web", 10)
    wait_equal(both)


def backends(one):
    """What runs."""
    return [b["id"] for b in one.status()["services"][0]["backends"] if b["state"] != "leaving"]


def accord(one):
    """What a machine says of configurations for all."""
    return one.status()["peers"]["accord"]


def wait_epoch(one, epoch, patience=10):
    """Until that epoch is in force there, and nothing is under way."""
    one.wait_for(lambda: (lambda a: a["epoch"] == epoch and a["state"] == "in force" and not a["preparing"]
                          and not a["behind"])(accord(one)), patience, f"epoch {epoch} to be in force")


def content(one):
    """What the agent's file says."""
    with open(one.config_path, encoding="utf-8") as f:
        return f.read()


def test_all_or_none(pair):
    """Said to one, in force on both, in their files and after a start; refused by one, in force on none."""
    lb, lb2 = pair
    begin(pair)
    assert accord(lb)["epoch"] == 0
    configure(lb, service(backends=TWO))
    done = lb.cli("config", "apply", "--peers", "--reason", "b3 goes")
    assert done.stdout == "peer lb2: applied\napplied\n"
    for one in pair:
        wait_epoch(one, 1)
        assert backends(one) == ["b1", "b2"]
        assert accord(one)["by"] == v4("lb")
        assert v4("b3") not in content(one)
    # Machines' own parts stay; what the file held is beside it.
    assert f'listen: "{v4("lb2")}"' in content(lb2) and f"instance: {lb2.instance}" in content(lb2)
    with open(f"{lb2.config_path}.rolled-back", encoding="utf-8") as f:
        assert v4("b3") in f.read()
    lb2.wait_for(lambda: "  peers\n" in lb2.cli("config", "history").stdout, 5, "the history")
    lb.wait_for(lambda: "apply by root: b3 goes" in lb.cli("config", "history").stdout, 5, "the history")
    wait_equal(pair)
    lb2.stop_agent()
    lb2.start_agent()
    wait_epoch(lb2, 1)
    assert backends(lb2) == ["b1", "b2"]
    # The peer has no address that fullnat could send from, so it cannot have it.
    configure(lb, service(backends=[("b3", v4("b3"), 100, 8080)], forward="fullnat"))
    lb.configure(content(lb).replace("services:\n", f"snat: {{source4: [{v4('lb')}]}}\nservices:\n"))
    refused = lb.cli("config", "apply", "--peers", check=False)
    assert refused.returncode == 1 and "peer lb2: refused: " in refused.stderr, refused.stderr
    code, kind, body = ask(lb, "post", "/v1/config/apply?peers=true")
    check("post", "/v1/config/apply", code, kind, body)
    assert code == 409 and "fullnat needs an address" in json.loads(body)["peers"][0]["why"]
    assert "not every peer could apply it" in refused.stderr and "applied" not in refused.stdout
    for one in pair:
        one.wait_for(lambda one=one: accord(one)["preparing"] == 0, 5, "it to be given up")
        assert accord(one)["epoch"] == 1 and backends(one) == ["b1", "b2"]
    wait_equal(pair)


def test_refused_touches_no_address(pair):
    """What one of them cannot have changes no VRRP group, not for a moment: the addresses stay where they are."""
    lb = pair[0]
    begin(pair)
    group = ("vrrp: [{{name: {}, interface: eth0, vrid: 7, interval: 100ms, addresses: [192.0.2.10], "
             "track: {{min_up_cost: 50}}}}]\nservices:\n")
    lb.configure(content(lb).replace("services:\n", group.format("edge")))
    lb.cli("config", "apply")
    lb.wait_for(lambda: lb.status()["vrrp"]["groups"][0]["state"] == "active", 10, "the group to be active")
    lb.wait_for(lambda: " 192.0.2.10/" in lb.ip("lb", "addr", "show"), 5, "the address")
    before = lb.status()["vrrp"]["groups"][0]
    # Here the group would be another one; there no group asks for min_up.
    configure(lb, service(min_up=1))
    lb.configure(content(lb).replace("services:\n", group.format("other")))
    with addresses_watched(lb, "lb") as said:
        refused = lb.cli("config", "apply", "--peers", check=False)
    assert refused.returncode == 1 and "peer lb2: refused: services[0].min_up: " in refused.stderr, refused.stderr
    assert not [s for s in said if "Deleted" in s and " 192.0.2.10/" in s], said
    after = lb.status()["vrrp"]["groups"][0]
    assert [after[k] for k in ("name", "state", "since")] == [before[k] for k in ("name", "state", "since")]


def test_passed_over(pair):
    """Who is silent is not waited for; back, it takes what is in force, or gives way until it can."""
    lb, lb2 = pair
    begin(pair, service(announce="route"))
    lb2.stop_agent(signal.SIGKILL)
    wait_peer(lb, lambda p: p["state"] == "silent", "the silence")
    configure(lb, service(announce="route", backends=TWO))
    done = lb.cli("config", "apply", "--peers")
    assert "peer lb2: passed over: it is silent" in done.stdout and done.stdout.endswith("\napplied\n")
    wait_epoch(lb, 1)
    lb2.start_agent()
    wait_epoch(lb2, 1)
    assert backends(lb2) == ["b1", "b2"] and v4("b3") not in content(lb2)
    wait_equal(pair)
    # The next one it cannot have.
    group = "vrrp: [{name: web, interface: eth0, vrid: 7, priority: 150, addresses: [192.0.2.99]}]\nservices:\n"
    lb2.configure(content(lb2).replace("services:\n", group))
    lb2.stop_agent(signal.SIGKILL)
    wait_peer(lb, lambda p: p["state"] == "silent", "the silence")
    configure(lb, service(backends=[("b3", v4("b3"), 100, 8080)], forward="fullnat"))
    snat = f"snat: {{source4: [{v4('lb')}]}}\nservices:\n"
    lb.configure(content(lb).replace("services:\n", snat))
    lb.cli("config", "apply", "--peers")
    lb2.start_agent()
    lb2.wait_for(lambda: accord(lb2)["gives_way"] and accord(lb2)["trouble"], 10, "it to give way")
    lb2.wait_for(lambda: lb2.status()["vrrp"]["groups"][0]["priority"] == 1, 5, "the lowest priority")
    assert {"what": "a peer has a later configuration of all peers", "cost": 150} in \
        lb2.status()["vrrp"]["groups"][0]["costs"]
    lb2.wait_for(lambda: "a peer has a later configuration" in lb2.status()["anycast"]["vips"][0]["why"], 5,
                 "the route to be withdrawn")
    text = lb2.cli("status").stdout
    assert "warning: this machine gives way: a peer has a later configuration of all peers in force" in text
    assert "warning: epoch 2 of all peers is not in force here: " in text and "fullnat needs an address" in text
    # Its operator mends that.
    lb2.configure(content(lb2).replace("services:\n", snat.replace(v4("lb"), v4("lb2"))))
    lb2.cli("config", "apply")
    wait_epoch(lb2, 2)
    lb2.wait_for(lambda: lb2.status()["vrrp"]["groups"][0]["priority"] == 150, 5, "its own priority")
    assert backends(lb2) == ["b3"]


def test_confirm(pair):
    """Not confirmed in time: the one before comes back on all; confirmed, it stays."""
    lb, lb2 = pair
    begin(pair)
    configure(lb, service(backends=TWO))
    lb.cli("config", "apply", "--peers", "--confirm", "1s")
    lb2.wait_for(lambda: accord(lb2)["epoch"] == 2, 10, "the rollback to reach the peer")
    for one in pair:
        wait_epoch(one, 2)
        assert backends(one) == ["b1", "b2", "b3"] and v4("b3") in content(one)
    configure(lb, service(backends=TWO))
    lb.cli("config", "apply", "--peers", "--confirm", "60s")
    refused = lb.cli("config", "apply", check=False)
    assert refused.returncode == 1 and "waits for its confirmation" in refused.stderr
    # Taken back by hand, it is so for all; then it is confirmed, and stays.
    back = lb.cli("config", "rollback", "--reason", "too soon")
    assert "is in force again" in back.stdout and "version 0" not in back.stdout
    for one in pair:
        wait_epoch(one, 4)
        assert backends(one) == ["b1", "b2", "b3"]
    configure(lb, service(backends=TWO))
    lb.cli("config", "apply", "--peers", "--confirm", "60s")
    lb.cli("config", "confirm")
    for one in pair:
        wait_epoch(one, 5)
        assert backends(one) == ["b1", "b2"]
    # What is this machine's own comes back here alone.
    lb.configure(content(lb).replace("services:\n", f"snat: {{source4: [{v4('lb')}]}}\nservices:\n"))
    lb.cli("config", "apply", "--confirm", "1s")
    lb.wait_for(lambda: not lb.status()["config"]["unconfirmed"] and "snat" not in content(lb), 10, "the rollback")
    assert [accord(one)["epoch"] for one in pair] == [5, 5]
    # Said of this machine alone: it is another one there, and told as that.
    configure(lb2, service(backends=ONE))
    lb2.cli("config", "apply")
    lb2.wait_for(lambda: accord(lb2)["state"] == "left", 5, "it to have left")
    assert "warning: this machine has left epoch 5 of all peers" in lb2.cli("status").stdout
    configure(lb, service())
    code, kind, body = ask(lb, "post", "/v1/config/apply?peers=true")
    check("post", "/v1/config/apply", code, kind, body)
    assert code == 200 and json.loads(body)["epoch"] == 6
    wait_epoch(lb2, 6)
    assert backends(lb2) == ["b1", "b2", "b3"]


def test_rollback(pair):
    """A version of one machine's history: in force on both, or on none; without --peers it is told what that leaves."""
    lb, lb2 = pair
    begin(pair)
    configure(lb, service(backends=TWO))
    lb.cli("config", "apply", "--peers")
    wait_epoch(lb2, 1)
    lb.wait_for(lambda: lb.cli("config", "history").stdout.count("\n") >= 2, 5, "the history")
    before = json.loads(lb.cli("config", "history", "--json").stdout)["versions"][1]["version"]
    assert v4("b3") in lb.cli("config", "diff", "--version", str(before), check=False).stdout
    done = lb.cli("config", "rollback", str(before), "--peers", "--reason", "b3 is missed")
    assert done.stdout == f"peer lb2: applied\nversion {before} is in force again\n" and not done.stderr
    for one in pair:
        wait_epoch(one, 2)
        assert backends(one) == ["b1", "b2", "b3"] and v4("b3") in content(one)
    lb.wait_for(lambda: "rollback by root: b3 is missed" in lb.cli("config", "history").stdout, 5, "the history")
    # Here alone, it says so; an apply does, too, and what is on all peers anyway is no leaving.
    left = "warning: this machine has left epoch 2 of all peers, which stays in force on the others: fairlead config apply --peers"
    for said in (("rollback",), ("apply",)):
        done = lb.cli("config", *said)
        assert done.stderr.startswith(left) and backends(lb) == ["b1", "b2"] and accord(lb2)["epoch"] == 2, said
    assert backends(lb2) == ["b1", "b2", "b3"]
    assert lb.cli("config", "rollback", str(before)).stderr == "" and accord(lb)["state"] != "left"
    # A peer that can't have it: nobody does.
    configure(lb, service(backends=[("b3", v4("b3"), 100, 8080)], forward="fullnat"))
    lb.configure(content(lb).replace("services:\n", f"snat: {{source4: [{v4('lb')}]}}\nservices:\n"))
    lb.cli("config", "apply")
    again = json.loads(lb.cli("config", "history", "--json").stdout)["versions"][0]["version"]
    lb.cli("config", "rollback", str(before))
    refused = lb.cli("config", "rollback", str(again), "--peers", check=False)
    assert refused.returncode == 1 and "peer lb2: refused: " in refused.stderr and "in force again" not in refused.stdout
    lb.wait_for(lambda: accord(lb)["preparing"] == 0, 5, "it to be given up")
    assert accord(lb)["epoch"] == 2 and "snat" not in content(lb)


def test_overtaken(pair):
    """What waits for its confirmation is not overtaken; if it is, unheard, it does not come back here alone."""
    lb, lb2 = pair
    begin(pair)
    configure(lb, service(backends=TWO))
    lb.cli("config", "apply", "--peers", "--confirm", "60s")
    wait_epoch(lb2, 1)
    split(pair)
    configure(lb2, service(backends=ONE))
    assert "peer lb: passed over" in lb2.cli("config", "apply", "--peers").stdout
    split(pair, False)
    wait_epoch(lb, 2)
    lb.wait_for(lambda: not lb.status()["config"]["unconfirmed"], 2, "nothing to wait for its confirmation")
    assert "no longer runs: epoch 2 of all peers has taken its place" in lb.log_tail(400)
    configure(lb, service(backends=TWO))
    lb.cli("config", "apply", "--confirm", "60s")
    refused = lb2.cli("config", "apply", "--peers", check=False)
    assert refused.returncode == 1 and "peer lb: refused: a configuration waits for its confirmation" in refused.stderr


NAMES = ("lb", "lb2", "lb3")


def write(one, me, backends_):
    """The file of one of three, which waits long enough for a peer that stands still."""
    others = ", ".join(f"{{name: {n}, address: \"{v4(n)}\"}}" for n in NAMES if n != me)
    one.configure(one.head() + FLOW_KEY + f"peers: {{listen: \"{v4(me)}\", key_file: {one.folder}/peers.key, "
                  f"interval: 2s,\n  list: [{others}]}}\nservices:\n" + service(backends=backends_))


@pytest.fixture
def three(pair, network):
    """Three of them that serve; the third one stands still, and is not missed yet."""
    third = Second(network, "lb3")
    third.up()
    all_ = (*pair, third)
    forget(all_)
    for one, name in zip(all_, NAMES):
        write_keys(one, KEYS[0])
        write(one, name, TWO)
        one.start_agent()
    for one in all_:
        one.wait_for(lambda one=one: all(p["state"] == "up" and "same_config" in p for p in one.status()["peers"]["list"]),
                     15, "all to hear each other")
    third.agent.send_signal(signal.SIGSTOP)
    yield all_
    third.agent.send_signal(signal.SIGCONT)
    third.stop_agent()
    third.clean()


def propose(one):
    """Asks for one configuration on all; it is under way when this returns."""
    asked = subprocess.Popen([f"{one.build}/fairlead", "-s", one.socket, "config", "apply", "--peers"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    one.wait_for(lambda: accord(one)["preparing"], 5, "it to be prepared")
    return asked


def record(one):
    """What one of them has written down."""
    with open(f"{one.config_path}.peers", encoding="utf-8") as f:
        return json.load(f)


def test_killed(three):
    """kill -9 of a peer that has said yes, of who proposes before its decision, and after it."""
    lb, lb2, lb3 = three
    write(lb, "lb", ONE)
    asked = propose(lb)
    lb2.wait_for(lambda: accord(lb2)["preparing"] == 1, 3, "the peer to say yes")
    assert record(lb2)["prepared"]["epoch"] == 1 and v4("b3") in record(lb2)["prepared"]["text"]
    # Who proposes is killed, and its peers give up as soon as it is back.
    lb.stop_agent(signal.SIGKILL)
    asked.communicate()
    assert asked.returncode == 1
    undecided = record(lb)
    assert undecided["prepared"]["epoch"] == 1 and "decided" not in undecided
    lb2.stop_agent(signal.SIGKILL)
    lb3.agent.send_signal(signal.SIGCONT)
    lb2.start_agent()
    assert accord(lb2)["preparing"] == 1  # it knows what it has said
    lb.start_agent()
    for one in (lb2, lb):
        one.wait_for(lambda one=one: accord(one)["preparing"] == 0, 15, "it to be given up")
        assert accord(one)["epoch"] == 0
    # Killed right after its decision: it is carried out when it is back.
    lb.stop_agent(signal.SIGKILL)
    undecided["decided"] = undecided.pop("prepared")
    with open(f"{lb.config_path}.peers", "w", encoding="utf-8") as f:
        json.dump(undecided, f)
    lb.start_agent()
    for one in three:
        wait_epoch(one, 1, 15)
        assert backends(one) == ["b3"]
    assert "in_force" in record(lb3) and record(lb3)["decided"]["epoch"] == 1


def test_others_wait(three):
    """While one is prepared, no other comes into force: an apply is told by what, a signal waits for its end."""
    lb, lb2, lb3 = three
    write(lb, "lb", ONE)
    asked = propose(lb)
    lb2.wait_for(lambda: accord(lb2)["preparing"] == 1, 3, "the peer to say yes")
    write(lb2, "lb2", [("b1", v4("b1"), 100)])
    lb2.agent.send_signal(signal.SIGHUP)
    for said in (("apply",), ("apply", "--confirm", "60s"), ("apply", "--peers"), ("rollback",)):
        refused = lb2.cli("config", *said, check=False)
        assert refused.returncode == 1 and "epoch 1 of all peers, proposed at lb, is on its way" in refused.stderr, said
    refused = lb.cli("config", "apply", check=False)
    assert "epoch 1 of all peers, proposed here, is on its way" in refused.stderr, refused.stderr
    lb2.wait_for(lambda: "is read when that is over: epoch 1 of all peers, proposed at lb, is on its way" in lb2.log_tail(400),
                 2, "the signal to be heard")
    assert accord(lb2)["preparing"] == 1 and backends(lb2) == ["b1", "b2"]
    # It is given up, so what the signal was for comes into force.
    lb.stop_agent(signal.SIGKILL)
    asked.communicate()
    lb.start_agent()
    lb2.wait_for(lambda: backends(lb2) == ["b1"], 15, "its own file to be in force")
    assert accord(lb2)["epoch"] == 0
    # It is decided: the file is that one's by then.
    asked = propose(lb)
    epoch = accord(lb)["preparing"]
    lb2.wait_for(lambda: accord(lb2)["preparing"] == epoch, 3, "the peer to say yes")
    reloads = lb2.cli("config", "history").stdout.count("reload")
    write(lb2, "lb2", TWO)
    lb2.agent.send_signal(signal.SIGHUP)
    lb3.agent.send_signal(signal.SIGCONT)
    asked.communicate()
    wait_epoch(lb2, epoch)
    assert asked.returncode == 0 and backends(lb2) == ["b3"] and reloads
    with open(f"{lb2.config_path}.rolled-back", encoding="utf-8") as f:
        assert v4("b2") in f.read()


def test_two_at_once(three):
    """One of them comes into force on all, and the other operator is told so."""
    lb, lb2, lb3 = three
    write(lb, "lb", ONE)
    write(lb2, "lb2", [("b1", v4("b1"), 100)])
    first, second = (lb, ["b3"]), (lb2, ["b1"])
    procs = [subprocess.Popen([f"{one.build}/fairlead", "-s", one.socket, "config", "apply", "--peers"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
             for one in (first[0], second[0])]
    lb.wait_for(lambda: any(p.poll() is not None for p in procs), 20, "one of them to be told")
    lb3.agent.send_signal(signal.SIGCONT)
    out = [p.communicate(timeout=60)[1] for p in procs]
    codes = [p.returncode for p in procs]
    assert sorted(codes) == [0, 1], (codes, out)
    winner = first if codes[0] == 0 else second
    words = out[codes.index(1)]
    assert "another configuration" in words or "is on its way" in words, words
    for one in three:
        one.wait_for(lambda one=one: accord(one)["state"] == "in force" and backends(one) == winner[1], 15,
                     "the winner's everywhere")
