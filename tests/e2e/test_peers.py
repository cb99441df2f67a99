# SPDX-License-Identifier: GPL-2.0-or-later
"""Two agents that keep each other informed: what they agree on, what they don't, and who else tries."""
import os
import re
import secrets
import signal
import struct
import subprocess
import sys
import time

import pytest
from conftest import service
from lab.doctor import doctor
from lab.explained import explain, flow, page
from lab.prom import Metrics
from lab.second import Second
from lab.topology import run, v4, v6

FLOW_KEY = "flow_key: " + "0123456789abcdef" * 4 + "\n"
KEYS = [secrets.token_hex(32) for _ in range(3)]

# Sends what comes on stdin, a line of hexadecimal digits each, from the port of the peers.
SENDER = """
import socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[3])))
for i, line in enumerate(sys.stdin):
    s.sendto(bytes.fromhex(line), (sys.argv[2], 5390))
    if i % 50 == 0:  # the kernel may drop some of a burst
        time.sleep(0.002)
"""


@pytest.fixture(scope="module")
def balancer(network):
    """lb2, as long as this module's tests run."""
    second = Second(network)
    second.up()
    yield second
    second.clean()


@pytest.fixture
def pair(lab, balancer):
    """Both of them, without agents."""
    open(balancer.agent_log, "w", encoding="utf-8").close()
    yield lab, balancer
    for one in (lab, balancer):
        if one.agent and one.agent.poll() is None:
            one.agent.send_signal(signal.SIGCONT)
            one.stop_agent()
    balancer.remove_pins()
    balancer.mend_cable("lb2")
    if os.path.exists(balancer.socket):
        os.unlink(balancer.socket)


def write_keys(one, *keys, mode=0o600):
    """The key file of one of them."""
    path = f"{one.folder}/peers.key"
    with open(path, "w", encoding="ascii") as f:
        f.write("".join(f"{k}\n" for k in keys))
    os.chmod(path, mode)


def configure(one, services, address=v4, key=FLOW_KEY):
    """The file of one of them: the other is its peer."""
    me, other = ("lb", "lb2") if not isinstance(one, Second) else ("lb2", "lb")
    one.configure(one.head() + key
                  + f"peers: {{listen: \"{address(me)}\", key_file: {one.folder}/peers.key,\n"
                  f"  list: [{{name: {other}, address: \"{address(other)}\"}}]}}\n"
                  + "services:\n" + services)


def start(pair, services=None, address=v4, keys=(KEYS[:1], KEYS[:1]), envs=(None, None)):
    """Both agents, with the same services."""
    for one, its_keys, env in zip(pair, keys, envs):
        write_keys(one, *its_keys)
        configure(one, services or service(), address)
        one.start_agent(env=env)


def peer(one):
    """What one of them says of the other."""
    (other,) = one.status()["peers"]["list"]
    return other


def wait_peer(one, what, name, patience=5):
    """Waits until what(its peer) holds; returns the peer."""
    return one.wait_for(lambda: (lambda p: p if what(p) else None)(peer(one)), patience, name)


def is_equal(p):
    """All was told, and nothing differs."""
    return (p["state"] == "up" and p.get("same_config") and not p["disputes"] and not p["other_tables"]["n"]
            and p["sync"]["have"] == p["sync"]["of"] > 0 and p["sync"]["lag"] == 0)


def wait_equal(pair):
    """Both see the other as itself."""
    for one in pair:
        wait_peer(one, is_equal, "both to be equal", 10)


def wait_skew(one, seconds):
    """Waits until one of them sees the other's clock so far ahead."""
    wait_peer(one, lambda p: p["clock_skew_ms"] is not None and abs(p["clock_skew_ms"] - 1000 * seconds) < 200,
              f"a clock that is {seconds} s ahead")


def clock_finding(one):
    """What the doctor says of the peer's clock there; the machine's own is another matter."""
    (finding,) = [f for f in doctor(one)[1]["findings"] if f["check"] == "clock" and f["text"].startswith(("the clock of", "the clocks of"))]
    return finding


def scrape(one):
    """The metrics of one of them."""
    return Metrics(run("curl", "-s", "--unix-socket", one.socket, "http://localhost/metrics"))


@pytest.mark.parametrize("address", [v4, v6])
def test_equal(pair, address):
    """Tables are computed apart, and are the same; status says so on both machines."""
    start(pair, service() + service(name="second", port=8000, vip="192.0.2.11"), address)
    # Before anybody was probed they are equal, too, and differ for a moment then.
    for one in pair:
        one.wait_serving("web")
        one.wait_serving("second")
    wait_equal(pair)
    for one, other in zip(pair, ("lb2", "lb")):
        p = peer(one)
        assert p["name"] == other and p["address"] == address(other)
        assert 0 < p["rtt_us"] < 100000 and p["version"] == one.status()["version"]
        assert set(p["refused"].values()) == {0}
        assert f"peer {other} is heard" in one.log_tail(100)
        assert f"peer {other}: up: is heard" in one.cli("events", "--kind", "peer").stdout
        text = one.cli("status").stdout
        assert f"peer {other} " in text and "same configuration, same tables" in text
        e = explain(one, *flow(40000), build=one.build)
        assert e["peers"] == [{"name": other, "state": "up", "complete": True, "group": None, "role": None,
                               "same_tables": True, "difference": None, "backend": e["backend"]["id"], "record": None}]
        assert (f"\npeer      {other}: the same backend in each slot of the service; it would send it to "
                f"{e['backend']['id']}, too\n") in page(one, *flow(40000), build=one.build)
        assert f"\npeer      {other}: the same tables\n" in page(one, *flow(40000, 81), build=one.build)


def wait_differs(one, how):
    """Until explain says that the other one has other tables for a packet, and how; it names no backend then."""
    def differs():
        (other,) = explain(one, *flow(40000), build=one.build)["peers"]
        return (other["same_tables"], other["difference"], other["backend"]) == (False, how, None)
    one.wait_for(differs, 3, f"explain to say: {how}")


def test_difference_beside_tables(pair):
    """What no table depends on is compared, too: the first difference is named; operators' rules are no configuration."""
    lb, lb2 = pair

    def both(top="", **more):
        for one, extra, at_top in ((lb, {}, ""), (lb2, more, top)):
            configure(one, service(**extra), key=FLOW_KEY + at_top)
    start(pair)
    wait_equal(pair)
    for top, more, want in (
            ("", {"sources": "{deny: [203.0.113.0/24]}"}, "service 'web': sources"),
            ("", {"limits": "{packets: 100000}"}, "service 'web': limits"),
            ("", {"announce": "route"}, "service 'web': announce or min_up"),
            ("", {"passive": "true"}, "service 'web': passive"),
            ("sources: {deny: [203.0.113.0/24, 203.0.114.0/24]}\n", {}, "sources"),
            ("on_agent_loss: drop\n", {}, "on_agent_loss"), ("lease: 2s\n", {}, "lease")):
        both(top, **more)
        lb2.cli("config", "apply")
        for one in pair:
            one.wait_for(lambda o=one, w=want: peer(o).get("difference") == w, 3, f"it to say {want}")
    assert not peer(lb)["other_tables"]["n"]
    assert "peer lb2 has another configuration: lease" in lb.cli("status").stdout
    lb.wait_for(lambda: "another configuration: lease; who is served" in lb.log_tail(50), 3, "the log to say so")
    both("sources: {deny: [203.0.114.0/24, 203.0.113.0/24]}\n")
    configure(lb, service(), key=FLOW_KEY + "sources: {deny: [203.0.113.0/24, 203.0.114.0/24]}\n")
    for one in pair:
        one.cli("config", "apply")
    wait_equal(pair)
    lb.cli("source", "deny", "203.0.115.0/24")
    time.sleep(0.5)
    wait_equal(pair)


def test_difference(pair):
    """A file that differs is named on both, with what differs first; then it no longer does."""
    start(pair)
    wait_equal(pair)
    lb, lb2 = pair
    configure(lb2, service(backends=[("b1", v4("b1"), 300), ("b2", v4("b2"), 100), ("b3", v4("b3"), 100)]))
    lb2.cli("config", "apply")
    for one, other in zip(pair, ("lb2", "lb")):
        p = wait_peer(one, lambda p: p["same_config"] is False, "the difference")
        assert p["difference"] == "service 'web': backends"
        one.wait_for(lambda o=one, n=other: f"peer {n} has another configuration: service 'web': backends"
                     in o.log_tail(100), 3, "the log to say so")
        assert f"peer {other} has another configuration: service 'web': backends" in one.cli("status").stdout
        wait_differs(one, "its configuration of the service: backends")
        assert (f"\npeer      {other}: other tables: its configuration of the service: backends; where it would send it "
                "is not known\n") in page(one, *flow(40000), build=one.build)
    configure(lb2, service(name="api") + service(name="web", port=8000))
    lb2.cli("config", "apply")
    assert wait_peer(lb, lambda p: "only there" in p["difference"], "a service more")["difference"] \
        == "service 'api' is only there"
    wait_differs(lb2, "it does not have the service")
    configure(lb2, service(probe="{type: tcp}"))
    lb2.cli("config", "apply")
    wait_peer(lb, lambda p: p["difference"] == "service 'web': probe", "another probe")
    configure(lb2, service())
    lb2.cli("config", "apply")
    wait_equal(pair)
    lb.wait_for(lambda: "peer lb2 has the same configuration again" in lb.log_tail(100), 3, "the log")


def test_dispute(pair):
    """A backend that only one of them reaches is shown on both, and their tables differ meanwhile."""
    start(pair)
    wait_equal(pair)
    lb, lb2 = pair
    lb2.ip("lb", "route", "add", "blackhole", v4("b1"))
    try:
        lb2.wait_state("web", "b1", "down")
        want = {"service": "web", "backend": "b1", "here": "up", "there": "down"}
        wait_peer(lb, lambda p: p["disputes"] == [want], "the dispute")
        wait_peer(lb2, lambda p: p["disputes"] == [want | {"here": "down", "there": "up"}], "the dispute")
        wait_peer(lb, lambda p: p["other_tables"] == {"n": 1, "first": "web"}, "the tables to differ")
        text = lb.cli("status").stdout
        assert "peer lb2 sees backend b1 of service web as down, here it is up" in text
        wait_differs(lb, "backend b1 is down there, up here")
    finally:
        lb2.ip("lb", "route", "del", "blackhole", v4("b1"))
    lb2.wait_state("web", "b1", "up")
    wait_equal(pair)


def test_clocks(pair):
    """How far the other's clock is away, on both sides; a step of it is heard, and `doctor` says what to do."""
    lb, lb2 = pair
    clock = f"{lb.folder}/clock"
    with open(clock, "wb") as f:
        f.write(struct.pack("=q", 0))
    env = {"FL_CLOCK": clock, "LD_PRELOAD": f"{lb.build}/tests/clock.so", "ASAN_OPTIONS": "verify_asan_link_order=0"}
    start(pair, envs=(None, {**os.environ, **env}))
    wait_equal(pair)
    # One machine has one clock: what is left is how well it is measured, on cores that others use as well.
    for one in pair:
        wait_skew(one, 0)
        assert "the clock of peer" not in one.cli("status").stdout
    finding = clock_finding(lb)
    assert finding["level"] == "ok" and "the clocks of 1 of 1 peers are within" in finding["text"]
    with open(clock, "r+b") as f:
        f.write(struct.pack("=q", 5))
    for one, name, sign in ((lb, "lb2", 1), (lb2, "lb", -1)):
        wait_skew(one, sign * 5)
        said = rf"the clock of peer {name} is (4\.[89]|5\.[012]) s {'ahead of' if sign > 0 else 'behind'} this machine's"
        assert re.search(f"warning: {said}\n", one.cli("status").stdout)
        assert abs(scrape(one).get("fairlead_peer_clock_skew_seconds", peer=name) - sign * 5) < 0.2
        finding = clock_finding(one)
        assert finding["level"] == "warning" and re.match(said, finding["text"])
        assert finding["fix"] in (f"ssh {v4(name)} timedatectl", "chronyc makestep",
                                  "timedatectl set-ntp true && systemctl restart systemd-timesyncd")
    # Who is silent tells no time.
    lb2.stop_agent()
    assert wait_peer(lb, lambda p: p["state"] == "silent", "lb2 to be silent")["clock_skew_ms"] is None
    # Metrics may be of a second ago.
    lb.wait_for(lambda: not scrape(lb).all("fairlead_peer_clock_skew_seconds"), 5, "no clock in the metrics")


def test_lives(pair):
    """Killed, frozen, cut off: noticed in time, and made good when it is back."""
    start(pair)
    wait_equal(pair)
    lb, lb2 = pair
    lb2.stop_agent(signal.SIGKILL)
    p = wait_peer(lb, lambda p: p["state"] == "silent", "the killed peer to be missed", 2)
    assert "was not heard for 350 ms" in lb.log_tail(50)
    assert "peer lb2 " in lb.cli("status").stdout and "silent" in lb.cli("status").stdout
    lb2.start_agent()
    wait_equal(pair)
    lb2.agent.send_signal(signal.SIGSTOP)
    wait_peer(lb, lambda p: p["state"] == "silent", "the frozen peer to be missed", 2)
    lb2.agent.send_signal(signal.SIGCONT)
    wait_equal(pair)
    lb2.cut_cable("lb2")
    for one in pair:
        wait_peer(one, lambda p: p["state"] == "silent", "the cut to be noticed", 2)
    lb2.mend_cable("lb2")
    wait_equal(pair)
    assert p["refused"] == {"malformed": 0, "no_key": 0, "forged": 0, "reflected": 0, "replayed": 0}


def test_keys(pair):
    """Another key is told; rotation with two keys valid loses nothing; a bad file changes nothing."""
    start(pair, keys=(KEYS[:1], KEYS[1:2]))
    lb, lb2 = pair
    wait_peer(lb, lambda p: p["refused"]["no_key"] > 0, "the other key to be refused")
    lb.wait_for(lambda: "peer lb2 sends what the keys of `peers.key_file` do not open" in lb.log_tail(50), 4,
                "the log")
    assert peer(lb)["state"] == "never heard"
    write_keys(lb2, KEYS[0])
    lb2.cli("config", "apply")
    wait_equal(pair)
    refused = [peer(one)["refused"]["no_key"] for one in pair]
    for step in ((KEYS[0], KEYS[2]), (KEYS[2], KEYS[0]), (KEYS[2],)):
        for one in pair:
            write_keys(one, *step)
            one.cli("config", "apply")
    wait_equal(pair)
    assert [peer(one)["refused"]["no_key"] for one in pair] == refused
    assert "was not heard" not in lb.log_tail(100)
    write_keys(lb, KEYS[2], mode=0o604)
    r = lb.cli("config", "apply", check=False)
    assert r.returncode and "can be read or written by others" in r.stderr
    write_keys(lb, "nonsense")
    r = lb.cli("config", "apply", check=False)
    assert r.returncode and "a key is 64 hexadecimal digits" in r.stderr and "nonsense" not in r.stderr
    wait_equal(pair)


def test_strangers(pair):
    """Ten thousand datagrams that nobody with the key has sent: counted, and nothing else happens."""
    start(pair)
    wait_equal(pair)
    lb, lb2 = pair
    lb2.stop_agent()
    wait_peer(lb, lambda p: p["state"] == "silent", "the peer to be gone")
    lines = []
    for i in range(10000):
        junk = bytearray(os.urandom(1 + i * 7 % 1300))
        if i % 2:
            junk[:8] = b"FL\1\0" + os.urandom(4)
        lines.append(junk.hex())
    before = peer(lb)["refused"]

    def send(port):
        """All of them, from a port of the peer's machine."""
        subprocess.run(["nsenter", f"--net=/run/netns/{lb2.ns('lb')}", sys.executable, "-c", SENDER,
                        v4("lb2"), v4("lb"), str(port)], input="\n".join(lines), text=True, check=True)
    send(5390)
    # Not all: a queue that is full on a busy machine drops some before anybody counts.
    after = lb.wait_for(lambda: (lambda r: r if sum(r.values()) - sum(before.values()) > 5000 else None)(
        peer(lb)["refused"]), 5, "the junk to be counted")
    assert after["malformed"] > before["malformed"] and after["no_key"] > before["no_key"]
    assert peer(lb)["state"] == "silent" and lb.agent.poll() is None
    send(5391)
    assert lb.status()["peers"]["strangers"] > 5000
    lb2.start_agent()
    wait_equal(pair)


def test_address_taken(pair):
    """An address that is not here: a sentence, and what runs goes on."""
    start(pair)
    wait_equal(pair)
    lb = pair[0]
    configure(lb, service(), address=lambda host: {"lb": "10.77.0.99"}.get(host, v4("lb2")))
    r = lb.cli("config", "apply", check=False)
    assert r.returncode and "cannot listen to peers at 10.77.0.99, UDP port 5390" in r.stderr
    wait_equal(pair)
    lb.configure(lb.head() + FLOW_KEY + "services:\n" + service())
    lb.cli("config", "apply")
    assert lb.status()["peers"] is None
    wait_peer(pair[1], lambda p: p["state"] == "silent", "the peer that has none to be missed")
