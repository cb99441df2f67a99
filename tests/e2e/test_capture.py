# SPDX-License-Identifier: GPL-2.0-or-later
"""`fairlead capture`: packets before and after, read by tshark; filters, bounds, and nothing left behind."""
import contextlib
import json
import os
import re
import resource
import signal
import subprocess

import pytest
from conftest import service, url_of
from lab.lab import PATIENCE
from lab.topology import VIP4, VIP6, v4, v6

FIELDS = ("frame.interface_name", "eth.dst", "ip.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "frame.len", "frame.cap_len", "frame.comment", "frame.packet_id", "frame.number", "tcp.flags.syn",
          "frame.time_epoch")


def command(lab, *argv):
    """`fairlead capture ...`."""
    return [f"{lab.build}/fairlead", "--socket", lab.socket, "capture", *argv]


def is_on(lab):
    """Whether the program that packets meet copies them."""
    return os.path.exists(lab.pin("captured"))


@contextlib.contextmanager
def capturing(lab, path, *argv, **how):
    """One that runs; ended by ctrl-C, as a person does it."""
    with subprocess.Popen(command(lab, str(path), *argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, **how) as p:
        try:
            lab.wait_for(lambda: os.path.exists(path) and os.path.getsize(path), 5, "the file's head")
            yield p
            if p.poll() is None:
                p.send_signal(signal.SIGINT)
        except BaseException:
            p.kill()
            raise
        p.said, p.wrong = p.communicate(timeout=10 * PATIENCE)


def tshark(path, *argv):
    """What it prints; it has nothing to complain of."""
    r = subprocess.run(["tshark", "-n", "-r", str(path), *argv], check=True, capture_output=True, text=True)
    said = [line for line in r.stderr.splitlines() if "Running as user" not in line]
    assert not said, said
    return r.stdout


def packets(path):
    """Objects of FIELDS, those that a packet has not are ""."""
    out = tshark(path, "-T", "fields", "-E", "occurrence=f", *[a for f in FIELDS for a in ("-e", f)])
    return [dict(zip(FIELDS, line.split("\t"))) for line in out.splitlines()]


def halves(path):
    """[(in, out or None)] in the file's order."""
    pairs = []
    for p in packets(path):
        if p["frame.interface_name"] == "in":
            pairs.append([p, None])
        else:
            assert pairs[-1][1] is None and p["frame.packet_id"] == pairs[-1][0]["frame.packet_id"]
            assert p["frame.comment"] == pairs[-1][0]["frame.comment"]
            pairs[-1][1] = p
    return pairs


@pytest.fixture
def file(tmp_path):
    """Where captures go."""
    return tmp_path / "c.pcapng"


def test_l2(web, file):
    """Each connection's packets twice, and what is said of them is what explain says and what happened."""
    with capturing(web, file, "--service", "web") as p:
        assert os.stat(file).st_mode & 0o777 == 0o600
        got = {port: web.fetch(url_of(VIP4), "--local-port", str(port)) for port in range(50000, 50006)}
        web.wait_for(lambda: all(f":{port}" or True for port in got), 1, "all of them")
    assert p.returncode == 0, p.wrong
    pairs = halves(file)
    assert {a["tcp.srcport"] for a, _ in pairs} == {str(port) for port in got}
    assert re.match(rf"{len(pairs)} packets, {os.path.getsize(file)} bytes in .*: interrupted; "
                    rf"{len(pairs)} seen, 0 left out by --rate, 0 lost for want of room\n$", p.said), p.said
    macs = {b: web.backend("web", b)["nexthop"]["mac"] for b in web.backends}
    for a, b in pairs:
        owner = got[int(a["tcp.srcport"])]
        assert a["ip.src"] == v4("client") and a["ip.dst"] == VIP4
        assert b["eth.dst"] == macs[owner] != a["eth.dst"] and b["ip.dst"] == VIP4
        assert float(b["frame.time_epoch"]) >= float(a["frame.time_epoch"])
        e = json.loads(web.cli("explain", "--json", f"{v4('client')}:{a['tcp.srcport']}",
                               f"{VIP4}:80").stdout)
        assert a["frame.comment"] == (
            f"service web: {VIP4}:80/tcp; slot {e['slot']['number']} of 65536, clean: {owner}; "
            f"backend {owner}, {v4(owner)}; verdict send_l2: {e['verdict']['text']}; "
            "came in by eth0, goes out of it")
    assert not is_on(web)
    assert "Interface description" not in tshark(file) and "XDP" in tshark(file, "-V")


@pytest.mark.parametrize("vip, address", [(VIP4, v4), (VIP6, v6)], ids=["v4", "v6"])
def test_ipip(lab, decap, file, vip, address):  # pylint: disable=unused-argument
    """As it left, a packet has the tunnel's header."""
    lab.configure(lab.head() + "services:\n" + service(
        vip=vip, forward="ipip", backends=[(b, address(b), 100) for b in lab.backends]))
    lab.start_agent()
    lab.wait_serving("web")
    with capturing(lab, file, "--destination", vip):
        owner = lab.fetch(url_of(vip))
    pairs, outer = halves(file), "ipv6.dst" if ":" in vip else "ip.dst"
    assert len(pairs) >= 4
    for a, b in pairs:
        assert a[outer] == vip and b[outer] == address(owner)
        assert int(b["frame.len"]) == int(a["frame.len"]) + (40 if ":" in vip else 20)
        assert f"backend {owner}, {address(owner)}; verdict send_ipip: " in a["frame.comment"]


def test_nat(lab, routed, file):  # pylint: disable=unused-argument
    """Both ways, and addresses and ports before and after."""
    lab.configure(lab.head() + "services:\n" + service(
        forward="nat", backends=[(b, v4(b), 100, 8080) for b in lab.backends]))
    lab.start_agent()
    lab.wait_serving("web")
    with capturing(lab, file, "--service", "web", "--snap", "54"):
        owner = lab.fetch(url_of(VIP4))
    there, back = [], []
    for a, b in halves(file):
        (back if "a backend's reply" in a["frame.comment"] else there).append((a, b))
        assert int(a["frame.cap_len"]) <= 54 and int(a["frame.len"]) >= int(a["frame.cap_len"])
    assert len(there) >= 4 and len(back) >= 3
    for a, b in there:
        assert (a["ip.dst"], a["tcp.dstport"]) == (VIP4, "80")
        assert (b["ip.dst"], b["tcp.dstport"]) == (v4(owner), "8080")
        assert "verdict send_nat: " in a["frame.comment"]
    for a, b in back:
        assert (a["ip.src"], a["tcp.srcport"]) == (v4(owner), "8080")
        assert (b["ip.src"], b["tcp.srcport"]) == (VIP4, "80")
        assert f"backend {owner}, {v4(owner)}; verdict send_reply: " in a["frame.comment"]
        assert "slot" not in a["frame.comment"]
