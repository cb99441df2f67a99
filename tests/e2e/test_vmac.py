# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual MAC addresses of VRRP groups: who has them, who answers with them, what is left of them."""
import re
import signal
import subprocess
import time

import pytest

from conftest import answers, service, url_of
from lab.lab import PATIENCE
from lab.pair import Keepalived, Stream, clients_link, two_balancers
from lab.topology import VIP4, VIP6, v4, v6
from test_ours import Ears

KEY = "00112233445566778899aabbccddeeff" * 2
MAC4, MAC6 = "00:00:5e:00:01:33", "00:00:5e:00:02:33"  # VRID 51
MACS = {VIP4: MAC4, VIP6: MAC6}
PORT = 9999
PROBE = "{type: icmp, interval: 1s, fast_interval: 50ms, timeout: 500ms, rise: 1, fall: 3}"


@pytest.fixture(scope="module")
def link(network):
    """A second balancer, a place for keepalived; the VIPs are on the client's link, and backends send back datagrams."""
    with clients_link(network, "lb2", "ka", vips=(VIP4, VIP6)):
        servers = [Stream.serve(network, b, VIP4, PORT) for b in network.backends]
        yield network
        for s in servers:
            network.procs.end(s)


@pytest.fixture
def pair(link, lab):
    """Two balancers, not started. What they have left of their devices goes."""
    with two_balancers(lab) as both:
        yield both
    for b in both:
        for name in devices(lab, b.host):
            lab.ip(b.host, "link", "del", name)
        lab.sysctl(b.host, ipv4__conf__eth0__arp_ignore=0, ipv4__conf__eth0__arp_announce=0)


@pytest.fixture
def stream(pair, lab):
    """The client's datagrams, once they are answered."""
    streams = []

    def begin():
        s = Stream(lab, VIP4, PORT)
        streams.append(s)

        def is_quiet():
            until = time.monotonic_ns() - 50_000_000
            sent, n, _, _ = s.look(until - 200_000_000, until, "00:00:00:00:00:00")
            return sent > 50 and not n
        lab.wait_for(is_quiet, 10, "a stream without a loss")
        return s
    yield begin
    for s in streams:
        s.end()


def group(priority, vip=VIP4, name="web", interval=100, virtual_mac="true", **more):
    """One group as YAML."""
    keys = "".join(f", {k}: {v}" for k, v in more.items())
    return (f"  - {{name: {name}, interface: eth0, vrid: 51, addresses: ['{vip}'], priority: {priority}, "
            f"interval: {interval}ms, virtual_mac: {virtual_mac}{keys}}}\n")


def groups(*all_of_them):
    """The section, and services for the VIPs."""
    return ("vrrp:" + ("\n" + "".join(all_of_them) if all_of_them else " []\n") + "services:\n" + service() +
            service("web6", VIP6, backends=[(b, v6(b), 100) for b in ("b1", "b2", "b3")]) +
            service("echo", protocol="udp", port=PORT, probe=PROBE))


def start(pair, *vips, **more):
    """Starts both with a group for each VIP; the first one is active of all."""
    names = ["web"] if len(vips) == 1 else [f"web{i}" for i in range(len(vips))]
    for balancer, priority in zip(pair, (150, 100)):
        balancer.configure(groups(*[group(priority, vip, name, **more) for name, vip in zip(names, vips)]),
                           flow_key=KEY)
    pair[0].start()
    for name in names:
        pair[0].wait_state("active", name)
    pair[1].start()
    for name in names:
        pair[1].lab.wait_for(lambda n=name: pair[1].group(n)["active"], 10, "the backup to hear the active")


def devices(lab, host):
    """{name: MAC} of the macvlans there."""
    text = lab.ip(host, "-o", "link", "show", "type", "macvlan")
    return {m[1]: m[2] for m in re.finditer(r"^\d+: ([^@:]+)@.*link/ether (\S+)", text, re.M)}


def name_of(lab, host, family=4):
    """What the device there is called."""
    index = re.match(r"(\d+):", lab.ip(host, "-o", "link", "show", "eth0")).group(1)
    return f"fl{family}.51.{index}"


def has(lab, host, vip):
    """Whether the address is on the device."""
    out = lab.ip(host, "addr", "show", "dev", name_of(lab, host, 6 if ":" in vip else 4), check=False)
    return f" {vip}/" in out


def neighbour(lab, address):
    """The MAC that the client has for an address."""
    m = re.search(r"lladdr (\S+)", lab.ip("client", "-6" if ":" in address else "-4", "neigh", "show", address))
    return m.group(1) if m else None


def served(lab, vip):
    """Every request is answered, by backends."""
    return answers(lab, url_of(vip), 6) <= {"b1", "b2", "b3"}


def port_of(lab, mac):
    """Where the switch has learnt a MAC address."""
    out = lab.inside("sw", "bridge", "fdb", "show", "br", "br0")
    return {m[1] for m in re.finditer(rf"^{mac} dev to-(\S+) master", out, re.M)}


def arp_of(lab, host):
    """arp_ignore and arp_announce of its interface."""
    return tuple(int(lab.inside(host, "sysctl", "-n", f"net.ipv4.conf.eth0.arp_{key}")) for key in ("ignore", "announce"))


class Watch:
    """All MAC addresses that the client has had for an address, from now on."""

    def __init__(self, lab, address):
        self.address, self.path = address, f"{lab.folder}/neighbours-{6 if ':' in address else 4}"
        with open(self.path, "w", encoding="ascii") as out:
            self.process = subprocess.Popen(["ip", "-n", lab.ns("client"), "monitor", "neigh"], stdout=out)
        lab.procs.note(self.process.pid, "monitor")

    def end(self):
        """What it has seen."""
        self.process.terminate()
        self.process.wait()
        with open(self.path, encoding="ascii") as f:
            return set(re.findall(rf"^{re.escape(self.address)} .*lladdr (\S+)", f.read(), re.M))


def test_kill(pair, lab):
    """kill -9, and back: clients keep what they know, the switch learns the port, and the devices go along."""
    one, two = pair
    start(pair, VIP4, VIP6)
    lab.wait_for(lambda: all(has(lab, "lb", v) for v in MACS), 2, "the addresses")
    assert sorted(devices(lab, "lb").values()) == [MAC4, MAC6] and not devices(lab, "lb2")
    for vip, mac in MACS.items():
        assert not one.has(vip) and not two.has(vip)
        assert served(lab, vip)
        assert neighbour(lab, vip) == mac and port_of(lab, mac) == {"lb"}
    watches = {vip: Watch(lab, vip) for vip in MACS}
    one.agent.kill()
    for name, (vip, mac) in zip(("web0", "web1"), MACS.items()):
        two.wait_state("active", name)
        lab.wait_for(lambda m=mac: port_of(lab, m) == {"lb2"}, 2, "the switch to know")
        lab.wait_for(lambda v=vip: has(lab, "lb2", v), 2, "the address")
        assert served(lab, vip)
    # Back, it preempts; its peer hears it, whose adverts come from the MAC address that it has itself.
    one.agent.wait()
    one.start()
    for name, (vip, mac) in zip(("web0", "web1"), MACS.items()):
        one.wait_state("active", name)
        two.wait_state("backup", name)
        lab.wait_for(lambda m=mac: port_of(lab, m) == {"lb"}, 2, "the switch to know")
        lab.wait_for(lambda v=vip: has(lab, "lb", v), 2, "the address")
        assert two.group(name)["transitions"] == 2
        assert served(lab, vip)
    lab.wait_for(lambda: not devices(lab, "lb2"), 2, "the devices to follow")
    for vip, watch in watches.items():
        assert watch.end() <= {MACS[vip]}


def test_blackout(pair, lab, stream):
    """Of a stream of datagrams: short at a kill, none at a planned failover, either way."""
    one, two = pair
    start(pair, VIP4, preempt="false", interval=10)
    s = stream()
    for source, target in ((one, two), (two, one)):
        since = time.monotonic_ns()
        r = subprocess.run([f"{lab.build}/fairlead", "-s", source.socket, "failover"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
        assert r.returncode == 0, r.stdout
        assert target.group()["state"] == "active" and source.group()["state"] == "backup"
        lab.wait_for(lambda t=target: has(lab, t.host, VIP4), 2, "the device")
        time.sleep(0.3)
        sent, lost, _, _ = s.look(since, time.monotonic_ns() - 200_000_000, MAC4)
        assert sent > 50 and not lost, (sent, lost)
    since = time.monotonic_ns()
    one.agent.kill()
    two.wait_state("active")
    time.sleep(0.5)
    _, lost, blackout, announced = s.look(since, time.monotonic_ns() - 200_000_000, MAC4)
    print(f"blackout {blackout:.1f} ms, announced after {announced:.1f} ms")
    # The program of the killed one goes on until the switch knows better.
    assert blackout < 100 * PATIENCE and lost < 100 * PATIENCE, (lost, blackout)
    assert announced < 100 * PATIENCE


def test_answers(pair, lab):
    """Only the device answers for the address; what the kernel sends in its name teaches nobody another MAC."""
    start(pair, VIP4, VIP6)
    for vip in (VIP4, VIP6):
        lab.wait_for(lambda v=vip: has(lab, "lb", v), 2, "the address")
        for _ in range(5):
            lab.ip("client", "neigh", "flush", "dev", "eth0")
            assert answers(lab, url_of(vip), 1)
            assert neighbour(lab, vip) == MACS[vip]
        # A port of no service: the kernel's reset, for which it has to ask for the client first.
        lab.ip("lb", "neigh", "flush", "dev", "eth0")
        assert lab.fetch(url_of(vip, 9)) is None
        assert re.search("lladdr", lab.ip("lb", "neigh", "show", v6("client") if ":" in vip else v4("client")))
        assert neighbour(lab, vip) == MACS[vip]
    # The interface's own address is its own.
    lab.ip("client", "neigh", "flush", "dev", "eth0")
    for address in (v4("lb"), v6("lb")):
        lab.fetch(url_of(address, 9))
        assert neighbour(lab, address) not in (None, MAC4, MAC6)


def test_flooded_frames(pair, lab):
    """A switch that forgets where the MAC is sends its frames to both: the active one's alone reach a backend."""
    one, two = pair
    start(pair, VIP4, preempt="false")
    ears = Ears(lab)

    def backup_passed():
        return {v["name"]: v["packets"] for v in two.status()["verdicts"]}.get("pass_other_host", 0)
    try:
        lab.ip("sw", "link", "set", "br0", "type", "bridge", "ageing_time", "0")
        before = backup_passed()
        ports = ears.send(MAC4)
        assert ears.copies(ports) == dict.fromkeys(ports, 1)
        assert backup_passed() - before >= 60
        # They change places: so does that.
        assert subprocess.run([f"{lab.build}/fairlead", "-s", one.socket, "failover"], check=False,
                              stdout=subprocess.DEVNULL, timeout=60).returncode == 0
        ports = ears.send(MAC4)
        assert ears.copies(ports) == dict.fromkeys(ports, 1)
    finally:
        ears.close()
        lab.ip("sw", "link", "set", "br0", "type", "bridge", "ageing_time", "30000")


def test_reload(pair, lab):
    """On, off and on again while it is active: at once, it stays active, and its peer never is."""
    one, two = pair
    start(pair, VIP4, virtual_mac="false")
    lab.wait_for(lambda: one.has(VIP4), 2, "the address")
    answers(lab, url_of(VIP4), 1)
    own = neighbour(lab, VIP4)
    assert own not in (None, MAC4) and arp_of(lab, "lb") == (0, 0)
    for on in (True, False, True):
        one.configure(groups(group(150, virtual_mac=str(on).lower())), flow_key=KEY)
        one.reload()
        lab.wait_for(lambda o=on: neighbour(lab, VIP4) == (MAC4 if o else own), 2, "the client to be told")
        lab.wait_for(lambda o=on: has(lab, "lb", VIP4) == o and one.has(VIP4) != o, 2, "the address to move")
        assert list(devices(lab, "lb").values()) == ([MAC4] if on else [])
        lab.wait_for(lambda o=on: arp_of(lab, "lb") == ((1, 2) if o else (0, 0)), 2, "the settings")
        assert served(lab, VIP4)
    assert one.group()["transitions"] == 1 and two.group()["transitions"] == 0


def test_leftovers(pair, lab):
    """What a killed agent left: taken over, given up, swept. Settings are put back; a stranger's device is not touched."""
    one, two = pair
    lab.sysctl("lb", ipv4__conf__eth0__arp_announce=1)
    for b, priority in zip(pair, (150, 100)):
        b.configure(groups(group(priority, preempt="false")), flow_key=KEY)
    one.start()
    one.wait_state("active")
    lab.wait_for(lambda: has(lab, "lb", VIP4), 2, "the address")
    name = name_of(lab, "lb")
    index = index_of(lab, "lb", name)
    assert arp_of(lab, "lb") == (1, 1)
    # Nobody else is there: it is the same device, all the time.
    one.stop(signal.SIGKILL)
    one.start()
    one.wait_state("active")
    lab.wait_for(lambda: has(lab, "lb", VIP4), 2, "the address")
    assert index_of(lab, "lb", name) == index
    # Somebody else is: it is gone before the group takes part.
    two.start()
    lab.wait_for(lambda: two.group()["active"], 10, "the backup to hear the active")
    one.stop(signal.SIGKILL)
    two.wait_state("active")
    assert devices(lab, "lb")
    one.start()
    one.wait_state("backup")
    lab.wait_for(lambda: not devices(lab, "lb") and arp_of(lab, "lb") == (0, 1), 2, "the leftover to go")
    # No group is there any more that had it.
    two.stop(signal.SIGKILL)
    two.configure(groups(), flow_key=KEY)
    assert devices(lab, "lb2") and arp_of(lab, "lb2") == (1, 2)
    two.start()
    lab.wait_for(lambda: not devices(lab, "lb2") and arp_of(lab, "lb2") == (0, 0), 2, "the sweep")
    # A stop leaves nothing either, nor does what follows a kill when no agent does.
    one.wait_state("active")
    lab.wait_for(lambda: has(lab, "lb", VIP4), 2, "the device")
    one.stop()
    assert not devices(lab, "lb") and arp_of(lab, "lb") == (0, 1)
    one.start()
    one.wait_state("active")
    lab.wait_for(lambda: has(lab, "lb", VIP4), 2, "the device")
    one.stop(signal.SIGKILL)
    doctor = lab.inside("lb", f"{lab.build}/fairlead", "-s", one.socket, "doctor", "-c", one.config, check=False)
    assert f"device {name} was left by an agent that was killed" in doctor, doctor
    lab.inside("lb", f"{lab.build}/fairleadd", "--detach", "-c", one.config)
    assert not devices(lab, "lb") and arp_of(lab, "lb") == (0, 1)


def index_of(lab, host, device):
    """A device's number."""
    return int(re.match(r"(\d+):", lab.ip(host, "-o", "link", "show", device)).group(1))


def test_stranger(pair, lab):
    """A device of the same name that is someone else's stays as it is, and the status says so; so does the doctor."""
    one = pair[0]
    name = name_of(lab, "lb")
    lab.ip("lb", "link", "add", name, "link", "eth0", "address", MAC4, "type", "macvlan", "mode", "bridge")
    lab.ip("lb", "link", "set", name, "up")
    index = index_of(lab, "lb", name)
    one.configure(groups(group(150)), flow_key=KEY)
    one.start()
    one.wait_state("active")
    error = lab.wait_for(lambda: one.group()["device_error"], 2, "the error")
    assert error == (f"there is a device {name} that is not of instance {one.instance}; it is left alone: remove or "
                     "rename it")
    assert f"warning: VRRP group web: its virtual MAC address: {error}" in one.table()
    one.stop()
    assert index_of(lab, "lb", name) == index and devices(lab, "lb") == {name: MAC4}
    one.start()
    one.wait_state("active")
    lab.ip("lb", "link", "del", name)
    lab.wait_for(lambda: one.group()["device"] == name and not one.group()["device_error"], 5, "the device")


def test_both_families(pair, lab):
    """Two groups of one VRID, in a sync group: their devices come and go together, also with the interface."""
    one, two = pair
    start(pair, VIP4, VIP6, sync="edge")
    lab.wait_for(lambda: has(lab, "lb", VIP4) and has(lab, "lb", VIP6), 2, "the addresses")
    assert sorted(devices(lab, "lb").values()) == [MAC4, MAC6]
    state = one.group("web1")
    assert (state["virtual_mac"], state["device"], state["device_error"]) == (MAC6, name_of(lab, "lb", 6), "")
    assert f"  {MAC6} on device {name_of(lab, 'lb', 6)}" in one.table()
    lab.cut_cable("lb")
    for name in ("web0", "web1"):
        two.wait_state("active", name)
        one.wait_state("initialize", name)
    lab.wait_for(lambda: not devices(lab, "lb"), 2, "the devices to go")
    # The device itself goes, and another one comes.
    lab.ip("lb", "link", "del", "eth0")
    lab.cable("lb")
    lab.attach_xdp("sw", "to-lb", f"{lab.build}/tests/xdp_pass.bpf.o")
    for name in ("web0", "web1"):
        one.wait_state("active", name, patience=20)
        two.wait_state("backup", name)
    lab.wait_for(lambda: has(lab, "lb", VIP4) and has(lab, "lb", VIP6), 5, "the addresses")
    lab.wait_for(lambda: not devices(lab, "lb2"), 2, "the devices to go")
    assert port_of(lab, MAC4) == port_of(lab, MAC6) == {"lb"}
    # It went with the interface while it was active.
    lab.ip("lb", "link", "del", "eth0")
    for name in ("web0", "web1"):
        two.wait_state("active", name)
    lab.cable("lb")
    lab.attach_xdp("sw", "to-lb", f"{lab.build}/tests/xdp_pass.bpf.o")
    for vip in (VIP4, VIP6):
        assert served(lab, vip)


def test_back_and_forth(pair, lab):
    """Many times, as fast as it goes: in the end one has the device, and the other one has nothing."""
    one, two = pair
    start(pair, VIP4, preempt="false")
    for _ in range(3):
        for b in pair:
            subprocess.run([f"{lab.build}/fairlead", "-s", b.socket, "failover"], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    lab.wait_for(lambda: sorted(b.group()["state"] for b in pair) == ["active", "backup"], 5, "one to be active")
    active, backup = (one, two) if one.group()["state"] == "active" else (two, one)
    assert active.group()["transitions"] + backup.group()["transitions"] >= 12
    lab.wait_for(lambda: has(lab, active.host, VIP4) and not devices(lab, backup.host), 3, "the device to settle")
    lab.wait_for(lambda: arp_of(lab, active.host) == (1, 2) and arp_of(lab, backup.host) == (0, 0), 2, "the settings")
    assert served(lab, VIP4)
    assert port_of(lab, MAC4) == {active.host}


def test_unicast(pair, lab):
    """Adverts to peers come from the interface's own MAC; what the switch has to know it learns all the same."""
    one, two = pair
    for b, priority, peer in ((one, 150, "lb2"), (two, 100, "lb")):
        b.configure(groups(group(priority, peers=f"['{v4(peer)}']")), flow_key=KEY)
        b.start()
    one.wait_state("active")
    lab.wait_for(lambda: two.group()["active"] and port_of(lab, MAC4) == {"lb"}, 5, "the backup to hear the active")
    answers(lab, url_of(VIP4), 1)
    one.agent.kill()
    two.wait_state("active")
    lab.wait_for(lambda: port_of(lab, MAC4) == {"lb2"} and has(lab, "lb2", VIP4), 2, "the switch to know")
    assert neighbour(lab, VIP4) == MAC4
    assert served(lab, VIP4)


@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["ipv4", "ipv6"])
def test_keepalived(pair, lab, vip):
    """keepalived with use_vmac: whoever of the two is active, clients know the same MAC address."""
    ours, mac = pair[0], MACS[vip]
    keepalived = Keepalived(lab)
    keepalived.configure(200, [vip], instance="use_vmac")
    # When its kernel has to ask for the client's MAC, keepalived lets it ask in the address's name.
    lab.sysctl("ka", ipv4__conf__eth0__arp_announce=2)
    try:
        keepalived.start()
        lab.wait_for(lambda: port_of(lab, mac) == {"ka"}, 10, "keepalived to be active")
        ours.configure(groups(group(100, vip)), flow_key=KEY)
        ours.start()
        lab.wait_for(lambda: ours.group()["active_priority"] == 200, 5, "its adverts to be heeded")
        assert not devices(lab, "lb")
        lab.fetch(url_of(vip, 9), patience=0.3)
        assert neighbour(lab, vip) == mac
        watch = Watch(lab, vip)
        keepalived.stop()
        ours.wait_state("active")
        lab.wait_for(lambda: port_of(lab, mac) == {"lb"} and has(lab, "lb", vip), 2, "the device")
        assert served(lab, vip)
        # It preempts, heard though its adverts come from the MAC address that is ours.
        keepalived.start()
        ours.wait_state("backup")
        lab.wait_for(lambda: port_of(lab, mac) == {"ka"} and not devices(lab, "lb"), 5, "the device to go")
        # A priority above its own: it hears that, and gives way.
        ours.configure(groups(group(250, vip)), flow_key=KEY)
        ours.reload()
        ours.wait_state("active")
        lab.wait_for(lambda: f" {vip}/" not in lab.ip("ka", "addr", "show"), 5, "keepalived to give way")
        assert served(lab, vip)
        assert port_of(lab, mac) == {"lb"} and watch.end() <= {mac}
    finally:
        keepalived.stop()
