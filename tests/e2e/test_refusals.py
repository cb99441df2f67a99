# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot work is one clear sentence, and nothing half-attached stays behind."""
import collections
import itertools
import os
import socket
import subprocess

import pytest
from conftest import service
from lab.topology import VIP4_B, v4


def start(lab, *prefix):
    """Runs fairleadd as it is, optionally behind another program; (exit code, output)."""
    r = subprocess.run(["nsenter", f"--net=/run/netns/{lab.ns('lb')}", *prefix,
                        f"{lab.build}/fairleadd", "-c", lab.config_path, "-f"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20,
                       check=False)
    return r.returncode, r.stdout


@pytest.fixture(autouse=True)
def nothing_stays(lab):
    """After each refusal: no program of ours on the interface, no pins, no socket."""
    yield
    assert not os.path.exists(f"/sys/fs/bpf/fairlead/{lab.instance}")
    assert not os.path.exists(lab.socket)
    # The kernel takes a link off its interface a moment after its last pin is gone.
    lab.wait_for(lambda: "name lb " not in lab.ip("lb", "-d", "link", "show", "eth0"), 2,
                 "the program to leave eth0")


def test_missing_interface(lab):
    """Named, with where to look."""
    lab.configure(lab.head().replace("[eth0]", "[eth0, eth9]") + "services:\n" + service())
    code, out = start(lab)
    assert code == 1 and "interface eth9 does not exist" in out


def test_no_bpffs(lab):
    """A mount namespace without it."""
    lab.configure(lab.head() + "services:\n" + service())
    code, out = start(lab, "unshare", "-m", "sh", "-c",
                      'while umount /sys/fs/bpf 2>/dev/null; do :; done; exec "$0" "$@"')
    assert code == 1 and "bpffs is not mounted" in out and "mount -t bpf" in out


def test_no_cap_bpf(lab):
    """A process without the capability."""
    lab.configure(lab.head() + "services:\n" + service())
    drop = "-bpf,-sys_admin"
    code, out = start(lab, "setpriv", "--bounding-set", drop, "--inh-caps", drop, "--")
    assert code == 1 and "CAP_BPF is missing" in out


def test_foreign_program(lab):
    """Somebody else's program is left alone."""
    lab.attach_xdp("lb", "eth0", f"{lab.build}/bpf/decap.bpf.o")
    try:
        lab.configure(lab.head() + "services:\n" + service())
        code, out = start(lab)
        assert code == 1 and "already carries an XDP program" in out and "xdp off" in out
        assert "prog/xdp" in lab.ip("lb", "-d", "link", "show", "eth0")
    finally:
        lab.detach_xdp("lb")


def test_bad_file(lab):
    """Every mistake with its place."""
    lab.configure(lab.head() + "services:\n" + service(port=0) + service(name="web"))
    code, out = start(lab)
    assert code == 1 and "fairlead.yaml:" in out and "0 is not in 1..65535" in out


def test_no_file(lab):
    """A file that is not there."""
    if os.path.exists(lab.config_path):
        os.unlink(lab.config_path)
    code, out = start(lab)
    assert code == 1 and "No such file" in out


MASK64 = 2**64 - 1


def bucket_of(vip, port):
    """The bucket of `svc_index` that a TCP service falls into: fl_service_hash() of flowhash.h."""
    h = int.from_bytes(socket.inet_aton(vip) + b"\0\0\xff\xff", "little")
    h ^= (socket.htons(port) | socket.IPPROTO_TCP << 16) << 32
    return (h * 0x9e3779b97f4a7c15 & MASK64) >> 52


def same_bucket(n):
    """n pairs (VIP, port) whose services meet in one bucket."""
    pairs = itertools.product((f"192.0.2.{i}" for i in range(1, 255)), range(1000, 2000))
    buckets = collections.defaultdict(list)
    for vip, port in pairs:
        mates = buckets[bucket_of(vip, port)]
        mates.append((vip, port))
        if len(mates) == n:
            return mates
    raise AssertionError("no bucket has that many")


def services(pairs):
    """One small service for each (VIP, port)."""
    return "services:\n" + "".join(
        service(name=f"s{i}", vip=vip, port=port, slots=4096, backends=[("b1", v4("b1"), 1)])
        for i, (vip, port) in enumerate(pairs))


def test_full_bucket(lab):
    """The 17th service of a bucket is refused by name, and nothing of the file is in force."""
    pairs = same_bucket(17)
    lab.configure(lab.head() + services(pairs))
    code, out = start(lab)
    assert code == 1
    assert "cannot add service 's16': its bucket of the map 'svc_index' holds 16 services" in out


def test_full_bucket_on_reload(lab):
    """The same while an agent runs: the sixteen go on, and one that goes makes room for another."""
    pairs = same_bucket(17)
    lab.configure(lab.head() + services(pairs[:16]))
    lab.start_agent()
    try:
        lab.configure(lab.head() + services(pairs))
        r = lab.cli("config", "apply", check=False)
        assert r.returncode == 1 and "'svc_index' holds 16" in r.stderr
        assert len(lab.status()["services"]) == 16
        for part in (pairs[1:16], pairs[1:17], pairs[2:17], pairs[:1] + pairs[2:17]):
            lab.configure(lab.head() + services(part))
            lab.cli("config", "apply")
            assert [(s["vip"], int(s["ports"])) for s in lab.status()["services"]] == part
    finally:
        lab.stop_agent()
        lab.remove_pins()


def test_full_backends(lab):
    """A reload that needs more entries than are free, as the old backends still hold theirs."""
    def pool(net):
        probe = "{type: tcp, interval: 10s, timeout: 100ms}"
        return "services:\n" + service(
            probe=probe, backends=[(f"{net}-{i}", f"10.{net}.{i >> 8}.{i & 255}", 1) for i in range(17000)])
    lab.configure(lab.head() + pool(1))
    lab.start_agent(patience=30)
    try:
        lab.configure(lab.head() + pool(2))
        r = lab.cli("config", "apply", check=False)
        assert r.returncode == 1 and "the map 'backends' is full" in r.stderr
        assert lab.status()["services"][0]["backends"][0]["id"] == "1-0"
    finally:
        lab.stop_agent()
        lab.remove_pins()


def test_too_many_backends(lab):
    """More backends than the map `backends` could ever hold: said with the place and the number."""
    def pool(net):
        return [(f"n{i}", f"10.{net + (i >> 16)}.{i >> 8 & 255}.{i & 255}", 1) for i in range(16500)]
    lab.configure(lab.head() + "services:\n" + service(name="one", backends=pool(1)) +
                  service(name="two", vip=VIP4_B, backends=pool(2)))
    code, out = start(lab)
    assert code == 1 and "services: have 33000 different backends" in out and "at most 32766" in out
