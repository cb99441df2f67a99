# SPDX-License-Identifier: GPL-2.0-or-later
"""BFD with real daemons, BIRD and FRR: comes up, sees a death in time, says good-bye, trusts nobody."""
import datetime
import json
import signal
import time

import pytest

from conftest import PATIENCE
from lab import forge_bfd
from lab.routers import Bird, Frr
from lab.topology import v4, v6

# BIRD's side: 30 ms to send, 20 ms to receive, four to lose.
BIRD = """
log stderr all;
router id 10.77.0.1;
protocol device {{}}
protocol bfd {{
	interface "*" {{ min tx interval {tx} ms; min rx interval {rx} ms; multiplier 4; }};
	{neighbors}
}}
"""


def bird(lab, *neighbors, host="client", tx=30, rx=20):
    """BIRD with a session to each neighbour, given as BIRD writes it."""
    return Bird(lab, host, BIRD.format(tx=tx, rx=rx, neighbors="\n\t".join(
        f"neighbor {n};" for n in neighbors)))


def sessions(lab):
    """The sessions of the status document by peer."""
    return {s["peer"]: s for s in lab.status()["bfd"]["sessions"]}


def configure(lab, *rows):
    """An agent's file with these sessions and no service."""
    lab.configure(lab.head() + "bfd:\n" + "".join(f"  - {{{r}}}\n" for r in rows))


def wait(lab, peer, state, patience=6.0):
    """Waits for a session's state; returns the session."""
    return lab.wait_for(lambda: (lambda s: s if s["state"] == state else None)(sessions(lab)[peer]),
                        patience, f"the session with {peer} to be {state}")


def seconds_of(text):
    """A time of the status document, as time.time() has it."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


T = int(50 * PATIENCE)
FAST = f"min_tx: {T}ms, min_rx: {T}ms"
BOTH = (v4("client"), v6("client"))


@pytest.fixture
def pair(lab):
    """The agent and BIRD with a session of each family, up."""
    configure(lab, f"peer: {v4('client')}, {FAST}", f"peer: '{v6('client')}', {FAST}")
    lab.start_agent()
    b = bird(lab, f'{v4("lb")} dev "eth0"', f'{v6("lb")} dev "eth0"')
    for peer in BOTH:
        wait(lab, peer, "up")
    lab.wait_for(lambda: all(s["interval_ms"] == T for s in sessions(lab).values()), 3, "the pace")
    yield b
    if b.process.poll() is None:
        b.process.send_signal(signal.SIGCONT)
    b.stop()


def bird_is(b, lab, state, patience=5.0):
    """Waits until BIRD has both sessions in that state."""
    lab.wait_for(lambda: all((b.bfd(a) or " ")[0] == state for a in (v4("lb"), v6("lb"))), patience,
                 f"BIRD's sessions to be {state}")


def test_times_are_negotiated(lab, pair):
    """The larger of what one wants to send and the other bears; detection by the other's multiplier."""
    for s in sessions(lab).values():
        assert s["remote_state"] == "up" and s["trouble"] == ""
        assert s["detection_ms"] == 4 * T
    lab.wait_for(lambda: (pair.bfd(v4("lb")) or " ")[2] == 3 * T / 1000, 3, "BIRD's detection time")
    before = sessions(lab)[v4("client")]
    time.sleep(1)
    after = sessions(lab)[v4("client")]
    # 75 to 100 % of the interval in between, both ways; a little for the measuring.
    for way in ("sent", "received"):
        assert 0.8e3 / T < after[way] - before[way] < 1.6e3 / T, way


def test_a_death_is_seen_in_time(lab, pair):
    """kill -9: down by the detection time, counted from the last packet."""
    at = time.time()
    pair.process.kill()
    pair.process.wait()
    for peer in BOTH:
        s = wait(lab, peer, "down")
        took = seconds_of(s["since"]) - at
        assert 2 * T / 1000 < took < (4 * T + 60 * PATIENCE) / 1000, took
        assert s["reason"] == "control detection time expired" and s["downs"] == 1


def test_a_peer_that_stands_still(lab, pair):
    """SIGSTOP: as dead; SIGCONT: up again."""
    at = time.time()
    pair.process.send_signal(signal.SIGSTOP)
    for peer in BOTH:
        took = seconds_of(wait(lab, peer, "down")["since"]) - at
        assert took < (4 * T + 60 * PATIENCE) / 1000, took
    pair.process.send_signal(signal.SIGCONT)
    for peer in BOTH:
        assert wait(lab, peer, "up")["downs"] == 1


def test_an_agent_that_stands_still(lab, pair):
    """SIGSTOP: BIRD sees it; when it wakes up it sees that it was given up, and comes back."""
    lab.agent.send_signal(signal.SIGSTOP)
    bird_is(pair, lab, "Down")
    lab.agent.send_signal(signal.SIGCONT)
    for peer in BOTH:
        lab.wait_for(lambda p=peer: sessions(lab)[p]["downs"] == 1, 5, f"{peer}'s flap to be seen")
        wait(lab, peer, "up")
    bird_is(pair, lab, "Up")


def test_a_killed_agent_comes_back(lab, pair):
    """kill -9 of the agent: BIRD sees that, and the next agent's session takes its place."""
    lab.stop_agent(signal.SIGKILL)
    bird_is(pair, lab, "Down")
    lab.start_agent()
    for peer in BOTH:
        wait(lab, peer, "up")
    bird_is(pair, lab, "Up")


def test_a_clean_stop_is_told(lab):
    """AdminDown: the peer knows at once, not after a detection time of 3 s."""
    configure(lab, f"peer: {v4('client')}, min_tx: 1s, min_rx: 1s",
              f"peer: '{v6('client')}', min_tx: 1s, min_rx: 1s")
    lab.start_agent()
    b = bird(lab, f'{v4("lb")} dev "eth0"', f'{v6("lb")} dev "eth0"')
    for peer in BOTH:
        wait(lab, peer, "up")
    bird_is(b, lab, "Up")
    lab.stop_agent()
    bird_is(b, lab, "Down", patience=0.5)
    b.stop()


def test_reload(lab, pair):
    """Other times without a break (Poll Sequence); a session that is left out ends, one that is new begins."""
    configure(lab, f"peer: {v4('client')}, min_tx: {4 * T}ms, min_rx: {3 * T}ms, multiplier: 5",
              f"peer: '{v6('client')}', min_tx: {T // 2}ms, min_rx: {T // 2}ms")
    lab.cli("config", "apply")
    lab.wait_for(lambda: pair.bfd(v4("lb"))[2] == 20 * T / 1000, 5, "BIRD to follow")
    lab.wait_for(lambda: sessions(lab)[v4("client")]["interval_ms"] == 4 * T, 5, "the slower pace")
    lab.wait_for(lambda: sessions(lab)[v6("client")]["interval_ms"] == T // 2, 5, "the faster pace")
    assert [s["downs"] for s in sessions(lab).values()] == [0, 0]
    configure(lab, f"peer: '{v6('client')}', {FAST}")
    lab.cli("config", "apply")
    assert list(sessions(lab)) == [v6("client")]
    lab.wait_for(lambda: pair.bfd(v4("lb"))[0] == "Down", 1, "the end to be told")
    assert pair.bfd(v6("lb"))[0] == "Up"
    configure(lab, f"peer: {v4('client')}, {FAST}", f"peer: '{v6('client')}', {FAST}")
    lab.cli("config", "apply")
    wait(lab, v4("client"), "up")
    assert sessions(lab)[v6("client")]["downs"] == 0


def test_times_that_the_machine_cannot_keep(lab):
    """A thread that is woken late is not asked for more than it can: refused with the reason."""
    hosts = ("client", "b1", "b2", "b3")
    rows = [f"peer: '{a(h)}', min_tx: 10ms, min_rx: 10ms, multiplier: 255" for h in hosts for a in (v4, v6)]
    configure(lab, *rows)
    lab.start_agent()
    birds = [Bird(lab, h, BIRD.format(tx=10, rx=10, neighbors=(
        f'neighbor {v4("lb")} dev "eth0"; neighbor {v6("lb")} dev "eth0";')).replace(
            "multiplier 4", "multiplier 255").replace("10.77.0.1", v4(h))) for h in hosts]
    for h in hosts:
        wait(lab, v6(h), "up")
    for _ in range(3):
        time.sleep(0.5)
        lab.agent.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        lab.agent.send_signal(signal.SIGCONT)
    # 10 000 wake-ups, of which one session alone needs a hundred seconds, and all a dozen.
    lab.wait_for(lambda: sum(s["sent"] for s in sessions(lab).values()) > 12000, 60, "enough packets")
    short = "peer: 10.77.0.99, min_tx: 50ms, multiplier: 3"
    configure(lab, *rows, short)
    r = lab.cli("config", "apply", check=False)
    assert r.returncode and "would take this machine for dead after 150 ms" in r.stderr, r.stderr
    configure(lab, *rows, short.replace("50ms", "1s, min_rx: 50ms"))
    r = lab.cli("config", "apply", check=False)
    assert r.returncode and "10.77.0.99 would be taken for dead here after 150 ms" in r.stderr, r.stderr
    assert len(sessions(lab)) == 8
    # Slower, it is accepted; and what runs may go on.
    configure(lab, *rows, short.replace("50ms", "1s"))
    lab.cli("config", "apply")
    for b in birds:
        b.stop()


def link_local(lab, host):
    """The address that the kernel has made for eth0."""
    return lab.ip(host, "-6", "-br", "addr", "show", "dev", "eth0", "scope", "link").split()[2].split("/")[0]


def test_link_local(lab):
    """Both ends by link-local addresses, as routers do it."""
    client, lb = link_local(lab, "client"), link_local(lab, "lb")
    configure(lab, f"peer: '{client}', local: '{lb}', interface: eth0, {FAST}")
    lab.start_agent()
    b = bird(lab, f'{lb} dev "eth0" local {client}')
    assert wait(lab, client, "up")["interface"] == "eth0"
    b.stop()


def test_interface_that_comes_later(lab):
    """Nothing is refused: the session says what it waits for; the interface may go and come again."""
    configure(lab, f"peer: 10.78.0.1, local: 10.78.0.2, interface: late0, {FAST}")
    lab.start_agent()
    assert "waits for the interface late0" in sessions(lab)["10.78.0.1"]["trouble"]
    assert "waits for the interface late0" in lab.cli("status").stdout
    b = bird(lab, '10.78.0.2 dev "late0" local 10.78.0.1')
    for round_ in range(2):
        lab.ip("lb", "link", "add", "late0", "type", "veth", "peer", "name", "late0", "netns", lab.ns("client"))
        lab.ip("client", "addr", "add", "10.78.0.1/24", "dev", "late0")
        lab.ip("client", "link", "set", "late0", "up")
        lab.ip("lb", "link", "set", "late0", "up")
        lab.wait_for(lambda: "waits for its local address 10.78.0.2" in sessions(lab)["10.78.0.1"]["trouble"],
                     5, "the session to miss its address") if not round_ else None
        lab.ip("lb", "addr", "add", "10.78.0.2/24", "dev", "late0")
        s = wait(lab, "10.78.0.1", "up", 10)
        assert s["trouble"] == "" and s["ups"] == round_ + 1
        lab.ip("lb", "link", "del", "late0")
        wait(lab, "10.78.0.1", "down")
    b.stop()


def test_port_of_another_daemon(lab):
    """BIRD's BFD on the same machine: the agent says who has the port, and takes it when it is free."""
    other = bird(lab, f'{v4("b1")} dev "eth0"', f'{v6("b1")} dev "eth0"', host="lb")
    configure(lab, f"peer: {v4('client')}, {FAST}")
    lab.start_agent()
    assert "only one of the two can have sessions" in sessions(lab)[v4("client")]["trouble"]
    other.stop()
    b = bird(lab, f'{v4("lb")} dev "eth0"')
    assert wait(lab, v4("client"), "up")["trouble"] == ""
    b.stop()


def test_forged(lab, pair):
    """10 000 packets from a stranger that are wrong in every way: each counted, no state changed."""
    sent = json.loads(lab.inside("b2", "/usr/bin/python3", "-B", forge_bfd.__file__, "5000", v4("lb"), v6("lb")))
    assert sum(sent.values()) == 10000
    far = sent.pop("ttl")
    want = {**dict.fromkeys(lab.status()["bfd"]["refused"], 0), **sent}
    lab.wait_for(lambda: lab.status()["bfd"]["refused"] == want, 3, f"the counts to be {want}")
    assert lab.status()["bfd"]["dropped"] == far > 1000
    assert [name for name, n in want.items() if not n] == ["authentication"]
    # From the peer's own address: authentication is looked at when all else is right.
    lab.inside("client", "/usr/bin/python3", "-c", "import socket; s = socket.socket(socket.AF_INET, "
               "socket.SOCK_DGRAM); s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255); "
               f"s.sendto({forge_bfd.packet(flags=4, length=26, state=1) + bytes(2)!r}, ('{v4('lb')}', 3784))")
    lab.wait_for(lambda: lab.status()["bfd"]["refused"]["authentication"] == 1, 1, "it to be counted")
    for s in sessions(lab).values():
        assert s["state"] == "up" and s["downs"] == 0
    assert pair.bfd(v4("lb"))[0] == "Up"


def test_flood_from_afar(lab, pair):
    """As fast as a program can send, with another TTL: the sessions do not notice."""
    lab.inside("b2", "/usr/bin/python3", "-B", forge_bfd.__file__, "flood", "3", v4("lb"), v6("lb"))
    assert lab.status()["bfd"]["dropped"] > 20000
    for s in sessions(lab).values():
        assert s["state"] == "up" and s["downs"] == 0
    assert pair.bfd(v4("lb"))[0] == pair.bfd(v6("lb"))[0] == "Up"


def test_frr(lab):
    """FRR's bfdd, both families: up, in its words too; what it says is believed; killed: seen in time."""
    configure(lab, f"peer: {v4('client')}, {FAST}", f"peer: '{v6('client')}', {FAST}")
    lab.start_agent()
    frr = Frr(lab, "client", f"""
bfd
 peer {v4('lb')} interface eth0
  receive-interval {T}
  transmit-interval {T}
 !
 peer {v6('lb')} local-address {v6('client')} interface eth0
  receive-interval {T}
  transmit-interval {T}
 !
!
""")
    for peer in BOTH:
        wait(lab, peer, "up", 15)
    lab.wait_for(lambda: frr.ask("show bfd peers").count("Status: up") == 2, 5, "bfdd to agree")
    lab.wait_for(lambda: all(s["detection_ms"] == 3 * T for s in sessions(lab).values()), 5, "the pace")
    # AdminDown of the peer: down at once, for its reason; it comes back when that ends.
    peer = ("configure terminal", "bfd", f"peer {v4('lb')} interface eth0")
    frr.ask(*peer, "shutdown")
    s = wait(lab, v4("client"), "down")
    assert s["reason"] == "neighbor signaled session down"
    assert s["remote_state"] == "admin-down"
    frr.ask(*peer, "no shutdown")
    wait(lab, v4("client"), "up", 15)
    lab.wait_for(lambda: all(s["detection_ms"] == 3 * T for s in sessions(lab).values()), 5, "the pace")
    bfdd = frr.daemons["bfdd"]
    at = time.time()
    bfdd.kill()
    bfdd.wait()
    for peer in BOTH:
        took = seconds_of(wait(lab, peer, "down")["since"]) - at
        assert took < (3 * T + 60 * PATIENCE) / 1000, took
    frr.stop()
