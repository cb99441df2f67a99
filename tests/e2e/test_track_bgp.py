# SPDX-License-Identifier: GPL-2.0-or-later
"""VRRP's priority follows a BGP session of BIRD or FRR on the balancer, whatever happens to session and daemon."""
import contextlib
import os
import re
import signal
import socket
import threading

import pytest

from conftest import ROOT, service
from lab.anycast import shipped
from lab.doctor import found, only
from lab.lab import PATIENCE
from lab.routers import Bird, Frr
from lab.topology import VIP4, run, v4, v6
from test_unit import confined
from test_vrrp import KEY, SLOW_MS, group, groups, link, pair  # noqa: F401 pylint: disable=unused-import

INTERVAL, TIMEOUT = int(100 * PATIENCE), int(200 * PATIENCE)

BIRD = """
log stderr all;
router id {me};
protocol device {{}}
template bgp quick {{
	local as {asn};
	connect retry time 1;
	connect delay time 1;
	error wait time 1, 1;
}}
protocol bgp up4 from quick {{ neighbor {v4} as {peer}; ipv4 {{ import none; export none; }}; }}
protocol bgp up6 from quick {{ neighbor {v6} as {peer}; ipv6 {{ import none; export none; }}; }}
protocol static fixed {{ ipv4; }}
"""

FRR = """
router bgp 65001
 no bgp default ipv4-unicast
 neighbor {v4} remote-as 65000
 neighbor {v4} timers connect 1
 neighbor {v6} remote-as 65000
 neighbor {v6} timers connect 1
 address-family ipv4 unicast
  neighbor {v4} activate
 address-family ipv6 unicast
  neighbor {v6} activate
"""

# The same neighbours in three instances: which of the sessions is shut down is another one in each.
FRR_VIEWS = """
router bgp 65001
 no bgp default ipv4-unicast
 neighbor {v4} remote-as 65000
 neighbor {v4} shutdown
 neighbor {v6} remote-as 65000
 neighbor {v6} timers connect 1
 address-family ipv6 unicast
  neighbor {v6} activate
router bgp 65001 view blue
 no bgp default ipv4-unicast
 neighbor {v4} remote-as 65000
 neighbor {v4} timers connect 1
 neighbor {v6} remote-as 65000
 neighbor {v6} shutdown
 address-family ipv4 unicast
  neighbor {v4} activate
router bgp 65001 vrf red
 neighbor {v4} remote-as 65000
"""


def bird_on(lab, host, other, asn, peer):
    """BIRD with a session to another host over each family."""
    return Bird(lab, host, BIRD.format(me=v4(host), v4=v4(other), v6=v6(other), asn=asn, peer=peer))


@pytest.fixture
def router(link, lab):  # noqa: F811 pylint: disable=unused-argument,redefined-outer-name
    """Whom the sessions are with: BIRD on the client's host."""
    b = bird_on(lab, "client", "lb", 65000, 65001)
    yield b
    b.stop()


def track(**keys):
    """The track of one session."""
    keys = {"interval": f"{INTERVAL}ms", "timeout": f"{TIMEOUT}ms", "cost": 60, **keys}
    return "{bgp: [{" + ", ".join(f"{k}: '{v}'" for k, v in keys.items()) + "}]}"


def start(balancers, **keys):
    """One balancer or both; the first one tracks a session."""
    for balancer, priority, more in zip(balancers, (150, 100), ({"track": track(**keys)}, {})):
        balancer.configure(groups(group(priority, interval=SLOW_MS, **more)), flow_key=KEY)
        balancer.start()
    return Watched(*balancers)


class Watched:
    """The first balancer, as the session has it, and who takes over."""

    def __init__(self, one, two=None):
        self.one, self.two, self.lab = one, two, one.lab

    def up(self):
        """The session is established, so the first one is active."""
        def is_up():
            g = self.one.group()
            return (g["state"], g["priority"], g["costs"]) == ("active", 150, [])
        self.lab.wait_for(is_up, 15, "the session to be established")
        if self.two:
            self.two.wait_state("backup")

    def down(self, text):
        """It is not, so the second one takes over; `text` is the reason for now."""
        self.lab.wait_for(lambda: self.one.group()["priority"] == 90, 10, "the session to be down")
        self.says(text)
        if self.two:
            self.one.wait_state("backup")
            self.two.wait_state("active")

    def says(self, text):
        """A reason in the status, and in its table."""
        def costs():
            return [c["what"] for c in self.one.group()["costs"]]
        self.lab.wait_for(lambda: any(re.search(text, c) for c in costs()), 5, text)
        assert "is not established" in self.one.table()


@contextlib.contextmanager
def stopped(process):
    """A daemon that stands still."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_bird(pair, router, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """BIRD's session over IPv4: its peer, itself, its operator."""
    bird = bird_on(lab, "lb", "client", 65001, 65000)
    w = start(pair, daemon="bird", session="up4", socket=bird.control)
    w.up()
    router.ask("disable", "up4")
    w.down('BGP session up4 of BIRD is not established: BIRD says "start, ')
    assert re.search(r"VRRP group 'web': BGP session up4 of BIRD is not established, which costs 60 of its priority: "
                     r'BIRD says "start, ', w.one.log_text())
    router.ask("enable", "up4")
    w.up()
    assert "VRRP group 'web': BGP session up4 of BIRD is established" in w.one.log_text()
    # The connection may only look.
    assert "Access denied" in run("birdc", "-r", "-s", bird.control, "disable", "up4", check=False)
    bird.ask("disable", "up4")
    w.down('BIRD says "down, ')
    bird.ask("enable", "up4")
    w.up()
    with stopped(bird.process):
        w.down(f"BIRD does not answer within {TIMEOUT} ms")
    w.up()
    bird.process.kill()
    w.down(f"{re.escape(bird.control)}: nobody listens there")
    os.unlink(bird.control)
    w.says(f"{re.escape(bird.control)}: No such file or directory")
    bird = bird_on(lab, "lb", "client", 65001, 65000)
    w.up()
    # Names that are wrong; a reload keeps what is known of the rest.
    for session, text in (("up5", "BIRD has no protocol of that name"), ("fixed", "is Static and not BGP")):
        w.one.configure(groups(group(150, interval=SLOW_MS, track=track(
            daemon="bird", session=session, socket=bird.control))), flow_key=KEY)
        w.one.reload()
        w.down(text)
    bird.stop()


def test_peer_dies(pair, router, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """The session over IPv6 follows its peer, whatever the one over IPv4 does; a daemon that restarts costs."""
    bird = bird_on(lab, "lb", "client", 65001, 65000)
    w = start(pair[:1], daemon="bird", session="up6", socket=bird.control)
    w.up()
    bird.ask("disable", "up4")
    router.process.kill()
    w.down('BGP session up6 of BIRD is not established: BIRD says "start, ')
    again = bird_on(lab, "client", "lb", 65000, 65001)
    w.up()
    bird.stop()
    w.down("nobody listens there|No such file")
    bird = bird_on(lab, "lb", "client", 65001, 65000)
    w.up()
    bird.stop()
    again.stop()


def test_frr(pair, router, lab):  # noqa: F811 pylint: disable=unused-argument,redefined-outer-name
    """The same of FRR's bgpd."""
    text = FRR.format(v4=v4("client"), v6=v6("client"))
    frr = Frr(lab, "lb", text, ("zebra", "bgpd"))
    w = start(pair, daemon="frr", session=v6("client"), socket=f"{frr.folder}/bgpd.vty")
    w.up()
    frr.ask("configure terminal", "router bgp 65001", f"neighbor {v6('client')} shutdown")
    w.down(f'BGP session {v6("client")} of FRR is not established: FRR says "Idle", after: ')
    frr.ask("configure terminal", "router bgp 65001", f"no neighbor {v6('client')} shutdown")
    w.up()
    router.ask("disable", "up6")
    w.down('FRR says "(Active|Connect|Idle|OpenSent)", after: ')
    router.ask("enable", "up6")
    w.up()
    with stopped(frr.daemons["bgpd"]):
        w.down(f"FRR does not answer within {TIMEOUT} ms")
    w.up()
    frr.daemons["bgpd"].kill()
    w.down("bgpd.vty: nobody listens there")
    frr.stop()
    frr = Frr(lab, "lb", text, ("zebra", "bgpd"))
    w.up()
    w.one.configure(groups(group(150, interval=SLOW_MS, track=track(
        daemon="frr", session=v4("lb2"), socket=f"{frr.folder}/bgpd.vty"))), flow_key=KEY)
    w.one.reload()
    w.down("FRR has no neighbour of that name")
    frr.stop()


def test_frr_instances(pair, router, lab):  # noqa: F811 pylint: disable=unused-argument,redefined-outer-name
    """Of bgpd's instances, each with the same neighbours, the one that was meant is asked."""
    frr = Frr(lab, "lb", FRR_VIEWS.format(v4=v4("client"), v6=v6("client")), ("zebra", "bgpd"))
    sock = f"{frr.folder}/bgpd.vty"

    def turn_to(session, **keys):
        w.one.configure(groups(group(150, interval=SLOW_MS, track=track(
            daemon="frr", session=session, socket=sock, **keys))), flow_key=KEY)
        w.one.reload()
    w = start(pair[:1], daemon="frr", session=v6("client"), socket=sock)
    w.up()
    # This VRF has no device, so that nothing of it can be established.
    for session, vrf, text in ((v6("client"), "blue", 'FRR says "Idle"'),
                               (v4("client"), "red", 'FRR says "(Idle|Active|Connect)"'),
                               (v4("client"), "green", "FRR has no neighbour of that name in VRF green")):
        turn_to(session, vrf=vrf)
        w.down(text)
    turn_to(v4("client"), vrf="blue")
    w.up()
    turn_to(v4("client"))
    w.down('FRR says "Idle"')
    turn_to(v6("client"), vrf="default")
    w.up()
    frr.stop()


ROW = b"2002-Name\n1002-up4  BGP --- up  1  Established\n0000 \n"


class Daemon(threading.Thread):
    """What pretends to be BIRD: how it behaves can be changed while it runs."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.answer = ROW  # None: silence; b"": the end
        self.connections = 0
        self.flooded = 0
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                c = self.listener.accept()[0]
                self.connections += 1
                with contextlib.suppress(OSError):
                    self.serve(c)
                c.close()

    def serve(self, c):
        """One connection after the other."""
        c.sendall(b"0001 BIRD 2.0.12 ready.\n")
        assert c.recv(100) == b"restrict\n"
        c.sendall(b"0016 Access restricted\n")
        while c.recv(100) == b'show protocols "up4"\n':
            if self.answer == b"flood":
                while True:
                    self.flooded += c.send(b"1002-another BGP --- up 1 Established\n" * 100)
            for i in range(0, len(self.answer or b""), 20):
                c.sendall(self.answer[i:i + 20])
            if self.answer == b"" or self.answer and not self.answer.endswith(b" \n"):
                return

    def end(self):
        """Nobody listens any more."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.join(5)


def test_hostile_daemon(pair, lab):  # noqa: F811 pylint: disable=redefined-outer-name
    """What answers otherwise than BIRD does is no session; the agent serves on, and asks again."""
    path = f"{lab.folder}/hostile.ctl"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    daemon = Daemon(path)
    w = start(pair[:1], daemon="bird", session="up4", socket=path)
    w.up()
    assert daemon.connections == 1  # of all these questions
    for answer, text in ((b"", "BIRD has closed the connection"),
                         (ROW[:40], "BIRD has closed the connection"),
                         (None, f"BIRD does not answer within {TIMEOUT} ms"),
                         (b"flood", "the answer of BIRD is too long"),
                         (b"x" * 2000 + b" \n", "a line of BIRD's is too long"),
                         (ROW + b"0000 \n", "BIRD says more than it was asked"),
                         (b"\xff\0\n \n", "BIRD answers"),
                         (ROW.replace(b" up ", b" start "), 'BIRD says "start, 1 Established"')):
        daemon.answer = answer
        w.down(text)
        daemon.answer = ROW
        w.up()
    assert 0 < daemon.flooded < 100 * (1 << 20)
    daemon.answer = b""
    daemon.end()
    w.down("nobody listens there")


def owned(path, user, number, mode):
    """Gives a socket away, as daemons do that give up their rights."""
    os.chown(path, user, number)
    os.chmod(path, mode)


def example(control):
    """What configs/examples/failover-bgp.yaml tracks, asked for at that socket."""
    with open(f"{ROOT}/configs/examples/failover-bgp.yaml", encoding="utf-8") as f:
        text = re.search(r"^    track:(\n(?:      .*\n)+)", f.read(), re.M)[1]
    assert "daemon: bird," in text
    return text.rstrip("\n").replace("daemon: bird,", f"daemon: bird, interval: {INTERVAL}ms, socket: {control},")


def test_permission(lab, router):  # noqa: F811 pylint: disable=unused-argument,redefined-outer-name
    """As confined as by its unit, an agent may not use the daemon's socket; the doctor says what gives it the group."""
    bird = Bird(lab, "lb", shipped("bird.conf", {"ME": v4("lb"), "ME6": v6("lb"), "ROUTER": v4("client"),
                                                 "ROUTER6": v6("client")}))
    owned(bird.control, 65534, 54321, 0o660)
    lab.configure(lab.head() + "vrrp:\n" + group(150, [VIP4], track=example(bird.control)) + "services:\n"
                  + service())

    def costs():
        return [c["what"] for c in lab.status()["vrrp"]["groups"][0]["costs"]]
    lab.start_agent(wrapper=["setpriv", "--clear-groups", *confined()])
    lab.wait_for(lambda: costs() == [f"BGP session router4 of BIRD is not established: {bird.control}: Permission denied"],
                 5, "the refusal")
    finding = only(found(lab, "bgp"))
    assert finding["level"] == "error"
    assert f"the agent may not use {bird.control}, which BGP session router4 of BIRD is asked by" in finding["text"]
    # The group has no name on this machine: systemd takes numbers as well.
    assert "SupplementaryGroups=54321" in finding["fix"]
    lab.stop_agent()
    lab.start_agent(wrapper=["setpriv", "--groups", "54321", *confined()])
    lab.wait_for(lambda: not costs(), 15, "the session")
    assert not found(lab, "bgp")
    # A folder in between; and what is not there at all.
    shut = os.path.dirname(bird.control)
    owned(shut, 65534, 54322, 0o750)
    finding = only(found(lab, "bgp"))
    assert shut + " " in finding["text"] and "SupplementaryGroups=54322" in finding["fix"]
    owned(shut, 0, 0, 0o755)
    bird.process.kill()
    bird.process.wait()
    finding = only(found(lab, "bgp"))
    assert (finding["level"], finding["fix"]) == ("warning", "systemctl restart bird")
    assert "nobody listens" in finding["text"]
    os.unlink(bird.control)
    finding = only(found(lab, "bgp"))
    assert (finding["level"], finding["fix"]) == ("warning", "systemctl start bird")
