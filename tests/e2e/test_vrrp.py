# SPDX-License-Identifier: GPL-2.0-or-later
"""VRRP: two balancers on one link, whatever happens to the active one."""
import contextlib
import ctypes
import datetime
import os
import re
import signal
import struct
import time

import pytest

from conftest import answers, service, url_of
from lab.lab import PATIENCE
from lab.pair import Keepalived, clients_link, two_balancers
from lab.topology import VIP4, VIP4_B, VIP6, v4, v6

KEY = "00112233445566778899aabbccddeeff" * 2
FAST_MS, SLOW_MS = 10, 100  # advert intervals: between our own, and with keepalived


def group(priority, addresses=(VIP4,), name="web", vrid=51, interval=FAST_MS, **more):
    """One group as YAML."""
    lines = [f"  - name: {name}", "    interface: eth0", f"    vrid: {vrid}",
             f"    addresses: [{', '.join(repr(a) for a in addresses)}]",
             f"    priority: {priority}", f"    interval: {interval}ms"]
    lines += [f"    {k}: {v}" for k, v in more.items()]
    return "\n".join(lines) + "\n"


def groups(*all_of_them):
    """The section, and services for the VIPs."""
    return ("vrrp:" + ("\n" + "".join(all_of_them) if all_of_them else " []\n") +
            "services:\n" + service() +
            service("web6", VIP6, backends=[(b, v6(b), 100) for b in ("b1", "b2", "b3")]))


@pytest.fixture(scope="module")
def link(network):
    """A second balancer and a place for keepalived; the VIPs are on the client's link."""
    with clients_link(network, "lb2", "ka", vips=(VIP4, VIP4_B, VIP6)):
        yield network


@pytest.fixture
def pair(link, lab):
    """Two balancers, not started."""
    with two_balancers(lab, (VIP4, VIP6)) as both:
        yield both


def start(pair, addresses=(VIP4,), interval=FAST_MS, **more):
    """Starts both with these keys, priorities 150 and 100; the first one is active."""
    for balancer, priority in zip(pair, (150, 100)):
        balancer.configure(groups(group(priority, addresses, interval=interval, **more)),
                           flow_key=KEY)
    pair[0].start()
    pair[0].wait_state("active")
    pair[1].start()
    pair[1].wait_state("backup")
    pair[1].lab.wait_for(lambda: pair[1].group()["active"], 5, "the backup to hear the active")


def took(pair, what, patience=10.0):
    """How long the second one needs to be active after what(), ms, by its own clock's words."""
    before = time.time()
    what()
    state = pair[1].wait_state("active", patience=patience)
    at = datetime.datetime.fromisoformat(state["since"].replace("Z", "+00:00")).timestamp()
    return (at - before) * 1000


def mac(lab, host):
    """eth0's address."""
    return re.search(r"link/ether (\S+)", lab.ip(host, "link", "show", "eth0")).group(1)


def neighbour(lab, address):
    """The MAC that the client has for an address."""
    family = "-6" if ":" in address else "-4"
    m = re.search(r"lladdr (\S+)", lab.ip("client", family, "neigh", "show", address))
    return m.group(1) if m else None


@pytest.mark.parametrize("vip", [VIP4, VIP6])
def test_kill(pair, lab, vip):
    """kill -9: the backup takes over, the client learns it, and the dead one's address goes by itself."""
    one, two = pair
    start(pair, addresses=(vip,))
    assert one.has(vip) and not two.has(vip)
    lab.wait_for(lambda: answers(lab, url_of(vip), 40) == {"b1", "b2", "b3"}, 5, "all backends")
    assert neighbour(lab, vip) == mac(lab, "lb")
    ms = took(pair, one.agent.kill)
    assert ms < 100 * PATIENCE, ms  # 3 intervals and the skew of priority 100: 36 ms
    assert two.group()["why"] == "no advert came from the active router"
    # Told, not asked: the client's entry was fresh.
    lab.wait_for(lambda: neighbour(lab, vip) == mac(lab, "lb2"), 1, "the announcement to arrive")
    lab.wait_for(lambda: two.has(vip), 2, "the address")
    assert answers(lab, url_of(vip), 40) == {"b1", "b2", "b3"}
    # 3 s of life, and the kernel's own second or two.
    lab.wait_for(lambda: not one.has(vip), 8, "the dead agent's address to go")
    # Back, it preempts.
    one.agent.wait()
    one.start()
    one.wait_state("active")
    two.wait_state("backup")
    lab.wait_for(lambda: neighbour(lab, vip) == mac(lab, "lb"), 1, "the announcement to arrive")
    lab.wait_for(lambda: one.has(vip) and not two.has(vip), 2, "the addresses to follow")
    assert two.group()["transitions"] == 2


def test_leftover_address_is_removed(pair, lab):
    """What a killed agent has left is not kept by the next one that is no longer active."""
    one, two = pair
    start(pair, preempt="false")
    took(pair, one.agent.kill)
    one.agent.wait()
    lab.ip("lb", "addr", "replace", f"{VIP4}/32", "dev", "eth0")  # as if it lived for ever
    one.start()
    one.wait_state("backup")
    lab.wait_for(lambda: not one.has(VIP4), 2, "the leftover to go")
    assert two.group()["state"] == "active"


def test_stop(pair, lab):
    """A graceful stop says priority 0: the peer waits for its skew alone, and no packet is lost."""
    one, two = pair
    start(pair, interval=1000)
    ms = took(pair, one.stop)
    assert ms < 1500 * PATIENCE, ms  # the skew is 0.6 s; silence would be 3.6 s
    assert two.group()["why"] == "the active router gave up (priority 0)"
    assert not one.has(VIP4)
    assert "VRRP group 'web' is off with priority 150: stopped" in one.log_text()
    lab.wait_for(lambda: two.has(VIP4), 2, "the address")


def test_link_down(pair, lab):
    """The active one's cable: it gives up by itself, and takes part again when the cable is mended."""
    one, two = pair
    start(pair)
    ms = took(pair, lambda: lab.cut_cable("lb"))
    assert ms < 150 * PATIENCE, ms
    state = one.wait_state("initialize")
    assert state["fault"] == "interface eth0 is down"
    lab.wait_for(lambda: not one.has(VIP4), 2, "the address to go")
    assert "VRRP group 'web' is off" in one.log_text()
    lab.mend_cable("lb")
    one.wait_state("active")
    two.wait_state("backup")


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_clock_is_set(pair, lab, jump_s):
    """Somebody sets the clock while it waits for probes: it waits on, and takes over from nobody unprobed."""
    one, two = pair
    clock = f"{lab.folder}/clock"
    with open(clock, "wb") as f:
        f.write(struct.pack("=q", 0))
    # Once its backends are up, they are asked no more within this test.
    slow = "{type: tcp, interval: 1h, fast_interval: 50ms, timeout: 1s, rise: 1}"
    for balancer, priority in zip(pair, (150, 100)):
        balancer.configure("vrrp:\n" + group(priority, interval=SLOW_MS) + "services:\n" + service(probe=slow),
                           flow_key=KEY)
    env = {"FL_CLOCK": clock, "LD_PRELOAD": f"{lab.build}/tests/clock.so", "ASAN_OPTIONS": "verify_asan_link_order=0"}
    one.start(env={**os.environ, **env})
    one.wait_state("active")
    two.start()
    two.wait_state("backup")
    lab.cut_cable("lb")
    two.wait_state("active")
    lab.mend_cable("lb")
    one.wait_state("backup")
    waits = "its backends are probed again, since its interface was down"
    lab.wait_for(lambda: one.group()["waits_for"] == waits, 5, waits)
    def since():
        return datetime.datetime.fromisoformat(one.group()["since"].replace("Z", "+00:00")).timestamp()
    began = since()
    with open(clock, "r+b") as f:
        f.write(struct.pack("=q", jump_s))
    lab.wait_for(lambda: abs(since() - began - jump_s) < 60, 5, "the agent's new clock")
    # It looks at that once a second, and takes over within 4 intervals.
    time.sleep(2.5)
    g = one.group()
    assert (g["state"], g["waits_for"]) == ("backup", waits)
    # Nor is there less time for the journal's thread to end in.
    assert one.stop() == 0 and "events are lost" not in one.log_text()


def test_stands_still(pair, lab):
    """SIGSTOP: woken up, the former active gives way first, and competes as a backup."""
    one, two = pair
    start(pair, preempt_delay="3s")
    ms = took(pair, lambda: one.agent.send_signal(signal.SIGSTOP))
    assert ms < 100 * PATIENCE, ms
    time.sleep(0.5)
    one.agent.send_signal(signal.SIGCONT)
    state = one.wait_state("backup")
    assert state["why"] == "this machine stood still for longer than its peers wait"
    lab.wait_for(lambda: not one.has(VIP4), 2, "the address to go")
    # It did not say a word as active: the other one has seen no reason to change.
    assert two.group()["transitions"] == 1
    one.wait_state("active")
    two.wait_state("backup")


@contextlib.contextmanager
def hung(pid):
    """The process's first thread alone stands still: ptrace(2) stops no other."""
    libc = ctypes.CDLL(None, use_errno=True)
    attach, detach = 16, 17
    assert libc.ptrace(attach, pid, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(pid, 0x40000000)  # __WALL
    try:
        yield
    finally:
        libc.ptrace(detach, pid, None, None)


def test_loop_hangs(pair, lab):
    """A loop that hangs for longer than the lease: the real-time thread gives up for it."""
    one, two = pair
    for balancer, priority in zip(pair, (150, 100)):
        balancer.configure(groups(group(priority)), flow_key=KEY, lease="500ms")
    one.start()
    one.wait_state("active")
    two.start()
    two.wait_state("backup")
    before = time.monotonic()
    with hung(one.agent.pid):
        # Adverts go on for as long as the lease: nobody takes over meanwhile.
        state = two.wait_state("active")
        assert time.monotonic() - before > 0.35
        assert state["why"] == "the active router gave up (priority 0)"
        lab.wait_for(lambda: not one.has(VIP4), 2, "the address to go")
    one.wait_state("active")
    two.wait_state("backup")
    assert "is off with priority 150: the agent's loop has not turned" in one.log_text()


def test_no_preemption(pair):
    """preempt: false: who is active stays so."""
    one, two = pair
    start(pair, preempt="false")
    took(pair, one.agent.kill)
    one.agent.wait()
    one.start()
    one.wait_state("backup")
    time.sleep(0.5)
    assert one.group()["state"] == "backup" and two.group()["state"] == "active"
    assert one.group()["active"] == v4("lb2")
    # But silence is still silence.
    two.agent.kill()
    one.wait_state("active")


def test_priority_of_tracked_things(pair, lab):
    """An interface that goes down, and backends that fail, cost what the file says."""
    one, two = pair
    lab.ip("lb", "link", "add", "up0", "type", "veth", "peer", "name", "up1")
    try:
        for name in ("up0", "up1"):
            lab.ip("lb", "link", "set", name, "up")
        start(pair, track="{interfaces: [up0], interface_cost: 60, backends_cost: 90}")
        # The second one tracks nothing.
        two.configure(groups(group(100)), flow_key=KEY)
        two.reload()
        assert one.group()["priority"] == 150
        lab.ip("lb", "link", "set", "up1", "down")
        two.wait_state("active")
        state = one.wait_state("backup")
        assert state["priority"] == 90
        lab.ip("lb", "link", "set", "up1", "up")
        one.wait_state("active")
        # One backend of three: 30 less is still more than 100; all of them are not.
        lab.kill_nginx("b1")
        lab.wait_for(lambda: one.group()["priority"] == 120, 5, "the share of one backend")
        assert one.group()["state"] == "active"
        for b in ("b2", "b3"):
            lab.kill_nginx(b)
        two.wait_state("active")
        assert one.group()["priority"] == 60
    finally:
        lab.ip("lb", "link", "del", "up0")


def test_priority_of_commands_and_bfd(pair, lab):
    """A command's exit status and a BFD session cost what the file says, and are told of."""
    one, two = pair
    flag = f"{one.folder}/uplink"
    with open(flag, "w", encoding="ascii"):
        pass
    command = f"[/bin/sh, -c, 'test -e {flag} || (echo no uplink; exit 3)']"
    track = (f"{{bfd: [{v4('lb2')}], bfd_cost: 20, commands: [{{name: uplink, command: {command}, "
             "interval: 100ms, fall: 2, rise: 1, cost: 60}]}")
    for balancer, priority, peer, more in ((one, 150, "lb2", {"track": track}), (two, 100, "lb", {})):
        balancer.configure(f"bfd:\n  - {{peer: {v4(peer)}, min_tx: 50ms, min_rx: 50ms}}\n" +
                           groups(group(priority, interval=SLOW_MS, **more)), flow_key=KEY)
    one.start()
    assert one.wait_state("active")["priority"] == 130
    two.start()
    lab.wait_for(lambda: one.group()["priority"] == 150, 10, "BFD to be up")
    assert one.group()["costs"] == []
    two.wait_state("backup")
    os.unlink(flag)
    two.wait_state("active")
    state = one.wait_state("backup")
    assert state["priority"] == 90
    assert [c["cost"] for c in state["costs"]] == [60] and "command 'uplink' fails: " in state["costs"][0]["what"]
    assert re.search(r"^  60 less: command 'uplink' fails: .*no uplink", one.table(), re.M), one.table()
    assert "VRRP group 'web': command 'uplink' fails, which costs 60 of its priority" in one.log_text()
    with open(flag, "w", encoding="ascii"):
        pass
    one.wait_state("active")
    # What is known of a command holds over a reload.
    one.reload()
    assert one.group()["priority"] == 150 and one.group()["transitions"] == 3
    two.stop()
    lab.wait_for(lambda: one.group()["priority"] == 130, 5, "the BFD session to cost")
    assert one.group()["costs"] == [{"what": f"the BFD session with {v4('lb2')} is not up", "cost": 20}]
    os.unlink(flag)


def test_bfd_before_adverts(pair, lab):
    """Adverts once a second, BFD every 50 ms: a death is known by BFD, a goodbye of the session alone is none."""
    one, two = pair
    for balancer, priority, peer in ((one, 150, "lb2"), (two, 100, "lb")):
        balancer.configure(f"bfd:\n  - {{peer: {v4(peer)}, interface: eth0, min_tx: 50ms, min_rx: 50ms}}\n" +
                           groups(group(priority, interval=1000)), flow_key=KEY)
    one.start()
    one.wait_state("active")
    two.start()
    for balancer in pair:
        lab.wait_for(lambda b=balancer: b.status()["bfd"]["sessions"][0]["state"] == "up", 10, "BFD to be up")
    two.wait_state("backup")
    one.configure(groups(group(150, interval=1000)), flow_key=KEY)
    one.reload()
    lab.wait_for(lambda: two.status()["bfd"]["sessions"][0]["state"] == "down", 5, "the session to end")
    time.sleep(0.5)
    assert two.group()["state"] == "backup" and two.group()["transitions"] == 0
    one.configure("bfd:\n  - {peer: %s, interface: eth0, min_tx: 50ms, min_rx: 50ms}\n" % v4("lb2") +
                  groups(group(150, interval=1000)), flow_key=KEY)
    one.reload()
    lab.wait_for(lambda: two.status()["bfd"]["sessions"][0]["state"] == "up", 10, "BFD to be up again")
    ms = took(pair, one.agent.kill)
    assert ms < 400 * PATIENCE, ms  # adverts: 3.6 s
    assert two.group()["why"] == "the active router is dead (BFD)"


def test_reload(pair, lab):
    """Priority, interval and preemption change without a gap; another VRID is another router."""
    one, two = pair
    start(pair)
    one.configure(groups(group(90)), flow_key=KEY)
    one.reload()
    two.wait_state("active")
    one.wait_state("backup")
    two.configure(groups(group(100, interval=50)), flow_key=KEY)
    two.reload()
    lab.wait_for(lambda: one.group()["active_interval_ms"] == 50, 5, "the interval to be learnt")
    assert two.group()["transitions"] == 1
    two.configure(groups(), flow_key=KEY)
    two.reload()
    one.wait_state("active")
    assert two.status()["vrrp"]["groups"] == []
    lab.wait_for(lambda: not two.has(VIP4), 2, "the address to go")


def test_sync_group(pair, lab):
    """Both families go together: one's fault is the other's."""
    one, two = pair
    for balancer, priority in zip(pair, (150, 100)):
        balancer.configure(groups(group(priority, sync="edge"),
                                  group(priority, (VIP6,), name="web6", sync="edge")),
                           flow_key=KEY)
    one.start()
    one.wait_state("active", "web6")
    one.wait_state("active")
    two.start()
    two.wait_state("backup")
    lab.ip("lb", "addr", "del", f"{v4('lb')}/24", "dev", "eth0")
    try:
        two.wait_state("active")
        two.wait_state("active", "web6")
        assert one.group("web6")["fault"].startswith("group 'web' of its sync group: interface eth0")
    finally:
        lab.ip("lb", "addr", "add", f"{v4('lb')}/24", "dev", "eth0")
    one.wait_state("active")
    one.wait_state("active", "web6")
    two.wait_state("backup", "web6")


def test_unicast(pair, lab):
    """Peers by address; who is none is not heeded."""
    one, two = pair
    one.configure(groups(group(150, peers=f"[{v4('lb2')}]")), flow_key=KEY)
    two.configure(groups(group(100, peers=f"[{v4('lb')}]")), flow_key=KEY)
    one.start()
    one.wait_state("active")
    two.start()
    two.wait_state("backup")
    stranger = Keepalived(lab)
    stranger.configure(200, [VIP4], peer="lb2", interval=0.1)
    stranger.start()
    try:
        lab.wait_for(lambda: two.group()["strangers"] > 3, 10, "adverts of a stranger")
        assert two.group()["active"] == v4("lb")
    finally:
        stranger.stop()


def test_late_scheduler(pair, lab):
    """A machine that wakes the agent late is told so; nothing new is asked of it, and what runs goes on."""
    one = pair[0]
    many = [group(100, (f"198.51.100.{i}",), name=f"g{i}", vrid=i) for i in range(1, 61)]
    one.configure(groups(*many), flow_key=KEY)
    one.start()
    one.wait_state("active", "g60")
    lab.wait_for(lambda: one.status()["loop"]["wakeups"] > 10000, 20, "enough to judge by")
    assert one.status()["loop"]["realtime"]
    # A slower one is to be confirmed; before it is, the machine turns out to be late.
    slower = [group(100, (f"198.51.100.{i}",), name=f"g{i}", vrid=i, interval=20) for i in range(1, 61)]
    one.configure(groups(*slower), flow_key=KEY)
    one.cli("config", "apply", "--confirm", "10m")
    for _ in range(5):
        one.agent.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        one.agent.send_signal(signal.SIGCONT)
        time.sleep(0.1)
    assert one.status()["loop"]["late_p9999_us"] > 50000
    late = "ms, and this machine wakes the agent up to"
    lab.wait_for(lambda: f"warn: VRRP group 'g60' has a backup wait for 72.2 {late}" in one.log_text(), 5, "a warning")
    assert len(one.status()["loop"]["too_late_for"]) == 60
    assert f"too late: VRRP group 'g60' has a backup wait for 72.2 {late}" in one.table()
    # What ran comes back; what runs, and what is slower, is taken.
    one.cli("config", "rollback")
    assert one.group("g60")["interval_ms"] == 10
    one.reload()
    one.configure(groups(*many[1:], slower[0]), flow_key=KEY)
    one.reload()
    assert one.log_text().count("warn: VRRP group 'g60' has a backup wait for") == 1
    # What is faster, or new, is not.
    for refused in (many[0], slower[0] + group(100, ("198.51.100.99",), name="g99", vrid=99)):
        one.configure(groups(*many[1:], refused), flow_key=KEY)
        for verb in ("apply", "diff"):
            r = one.cli("config", verb, check=False)
            assert f"interval: 10 ms has a backup wait for 36.1 {late}" in r.stdout + r.stderr, r
    assert one.group("g1")["interval_ms"] == 20


def test_status_and_log(pair, lab):
    """What an operator sees."""
    one, two = pair
    start(pair)
    table = two.table()
    assert re.search(r"VRRP group web \(vrid 51 on eth0, 192\.0\.2\.10\): backup, priority 100, "
                     r"active is 10\.77\.0\.2 with 150", table), table
    table = one.table()
    assert re.search(r"VRRP group web .*: active, priority 150, for ", table), table
    assert "VRRP group 'web' is active with priority 150" in one.log_text()
    lab.cut_cable("lb")
    one.wait_state("initialize")
    assert re.search(r"VRRP group web .*: off: interface eth0 is down", one.table()), one.table()
