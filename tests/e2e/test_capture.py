# SPDX-License-Identifier: GPL-2.0-or-later
"""`fairlead capture`: packets before and after, read by tshark; filters, bounds, and nothing left behind."""
import contextlib
import json
import os
import re
import resource
import signal
import struct
import subprocess

import pytest
from conftest import service, url_of
from lab.lab import PATIENCE
from lab.topology import VIP4, VIP6, run, v4, v6

FIELDS = ("frame.interface_name", "eth.dst", "ip.src", "ip.dst", "ipv6.dst", "tcp.srcport", "tcp.dstport",
          "frame.len", "frame.cap_len", "frame.comment", "frame.packet_id", "frame.number", "tcp.flags.syn",
          "frame.time_epoch")


def command(lab, *argv):
    """`fairlead capture ...`."""
    return [f"{lab.build}/fairlead", "--socket", lab.socket, "capture", *argv]


def is_on(lab):
    """Whether the program that packets meet copies them."""
    (link,) = json.loads(lab.inside("lb", "bpftool", "-j", "net", "show", "dev", "eth0"))
    return bpf_name(link["xdp"][0]["id"]) == "lb_copy"


def bpf_name(prog):
    """A program's name by its id; None: it has just gone."""
    return json.loads(run("bpftool", "-j", "prog", "show", "id", str(prog), check=False)).get("name")


@contextlib.contextmanager
def capturing(lab, path, *argv, **how):
    """One that runs; ended by ctrl-C, as a person does it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
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


def is_ended(path, port):
    """Whether the client's FIN is there as it came and as it left; the file grows, so its blocks are not looked at."""
    with open(path, "rb") as f:
        return len(re.findall(struct.pack(">HH", port, 80) + rb".{9}[\x11\x19]", f.read(), re.S)) >= 2


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
        web.wait_for(lambda: all(is_ended(file, port) for port in got), 5, "all of them in the file")
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
    web.wait_for(lambda: not is_on(web), 1, "the others to be back")
    assert not web.pinned("steps_copy")
    assert "eBPF_XDP" in tshark(file, "-V", "-c", "1")


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
    with capturing(lab, file, "--service", "web", "--verdict", "send", "--snap", "54"):
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


def test_moving(web, file):
    """A slot that changes owner: who has it, who had it, and what was noted of the packet."""
    web.cli("drain", "b1")
    with capturing(web, file, "--service", "web"):
        web.fetch_many(url_of(VIP4), 40)
    said = {a["frame.comment"] for a, _ in halves(file) if "b1" in a["frame.comment"]}
    assert any(re.search(r"; slot \d+ of 65536, moving: (b[23]) has it, before it was of b1; backend \1, .*"
                         "; note tentative: a new connection to a slot that changes owner", text)
               for text in said), said
    assert not any("backend b1" in text for text in said)


def test_filters(web, file):
    """Of what comes in at once, each filter lets through what it says; drops, which are rare, by themselves."""
    def only(*argv):
        with capturing(web, file, *argv):
            owners = web.fetch_many(url_of(VIP4), 40)
            assert web.fetch(f"http://{v4('lb')}:81/", patience=1) is None
            run("nsenter", f"--net=/run/netns/{web.ns('client')}", "ping", "-c", "1", "-t", "1", VIP4,
                check=False)
        return owners, halves(file)

    everything = only()[1]
    assert {a["frame.comment"].partition(": ")[0] for a, _ in everything} >= {"service web"}
    assert any("verdict pass_not_service" in a["frame.comment"] and b is None for a, b in everything)
    assert any("verdict send_echo" in a["frame.comment"] and b for a, b in everything)
    owners, some = only("--backend", "b2")
    assert some and "b2" in owners
    assert all("backend b2" in a["frame.comment"] for a, _ in some)
    some = only("--proto", "icmp")[1]
    assert some and all("verdict send_echo: " in a["frame.comment"] for a, _ in some)
    some = only("--port", "81")[1]
    assert some and all(a["tcp.dstport"] == "81" and b is None for a, b in some)
    some = only("--source", f"{v4('client')}", "--destination", VIP4, "--verdict", "send_l2,drop_ttl")[1]
    assert some and all(a["ip.dst"] == VIP4 and "verdict send_l2" in a["frame.comment"] for a, _ in some)
    assert not only("--source", "198.51.100.0/24")[1]


def test_drops(web, file):
    """Without those that are sent, which then go their straight way: why each was dropped, and no `out`."""
    with capturing(web, file, "--verdict", "drop", "--service", "web") as p:
        assert len(web.fetch_many(url_of(VIP4), 10)) == 10
    assert p.said.startswith("0 packets, ") and "; 0 seen, " in p.said, p.said
    for b in web.backends:
        web.cli("disable", b)
    with capturing(web, file, "--verdict", "drop", "--number", "2") as p:
        web.fetch(url_of(VIP4), patience=2)
        p.wait(timeout=10 * PATIENCE)
    pairs = halves(file)
    assert len(pairs) == 2 and "it has as many packets as --number allows" in p.said
    for a, b in pairs:
        assert b is None and "; backend none; verdict drop_no_backend: no backend of the service accepts; " \
            "came in by eth0, dropped" in a["frame.comment"]


def test_bounds(web, file):
    """Size and time, and a rate that leaves packets out, which the file and the last line say."""
    with capturing(web, file, "--size", "64k") as p:
        web.wait_for(lambda: web.fetch_many(url_of(VIP4), 20) and p.poll() is not None, 20, "its end")
    assert 40000 < os.path.getsize(file) <= 65536 and "as large as --size allows" in p.said
    assert len(halves(file)) > 30
    with capturing(web, file, "--time", "1s", "--rate", "10", "--json") as p:
        web.wait_for(lambda: web.fetch_many(url_of(VIP4), 20) and p.poll() is not None, 20, "its end")
    said = json.loads(p.said)
    assert said["ended"] == "time" and said["written"] == os.path.getsize(file)
    assert said["skipped"] > said["packets"] > 0 and said["lost"] == 0
    assert said["seen"] == said["skipped"] + said["packets"]
    # Each CPU has a burst, and ten in the second.
    assert said["packets"] <= (os.cpu_count() or 1) * 25
    out = run("capinfos", "-M", str(file))
    assert re.search(rf"Number of packets: *{len(packets(file))}$", out, re.M), out


def test_reload(web, file):
    """Gates that a reload opens and closes: the capture goes on with them."""
    with capturing(web, file, "--service", "web"):
        web.fetch_many(url_of(VIP4), 5)
        web.configure(web.head(sources='{deny: ["198.51.100.0/24"]}') + "services:\n" + service())
        web.cli("config", "apply")
        web.wait_for(lambda: is_on(web), 5, "the capture to go on")
        before = len(web.fetch_many(url_of(VIP4), 5))
        web.wait_for(lambda: web.fetch(url_of(VIP4), "--local-port", "51000"), 2, "an answer")
    assert before == 5 and any(a["tcp.srcport"] == "51000" for a, _ in halves(file))


def test_client_killed(web, file, tmp_path):
    """Its capture ends by itself, and what it has written is whole blocks; one at a time meanwhile."""
    with capturing(web, file) as p:
        web.fetch_many(url_of(VIP4), 5)
        r = subprocess.run(command(web, str(tmp_path / "other")), check=False, capture_output=True, text=True)
        assert r.returncode == 1 and "a capture runs already, and there is one at a time" in r.stderr
        assert not os.path.exists(tmp_path / "other")
        assert is_on(web)
        p.kill()
        p.wait()
        web.wait_for(lambda: not is_on(web), 6, "the capture's end")
    web.wait_for(lambda: not web.pinned("steps_copy"), 2, "no pin")
    packets(file)
    with capturing(web, file):
        pass


def test_agent_killed(web, file):
    """Packets go on, and are not copied once the lease has lapsed; the next agent has its own program."""
    with capturing(web, file) as p:
        web.fetch_many(url_of(VIP4), 5)
        web.wait_for(lambda: os.path.getsize(file) > 2000, 2, "the packets in the file")
        web.agent.kill()
        web.agent.wait()
        p.wait(timeout=10 * PATIENCE)
    assert p.returncode == 1 and re.search("no agent answers on|talking to the agent", p.wrong)
    assert packets(file)
    assert set(web.fetch_many(url_of(VIP4), 20)) <= set(web.backends)
    web.start_agent()
    web.wait_serving("web")
    web.wait_for(lambda: not is_on(web) and not web.pinned("steps_copy"), 2, "the new agent's")
    with capturing(web, file):
        web.fetch_many(url_of(VIP4), 3)
        web.wait_for(lambda: os.path.getsize(file) > 2000, 2, "the packets in the file")
        web.stop_agent()
    assert packets(file) and not is_on(web)


def test_files(web, file, tmp_path):
    """Another's file stays; a pipe is as good; a full disk is said, and the file is whole."""
    file.write_text("mine")
    for argv, text in (([str(file)], "is there already: --force replaces it"),
                       ([str(tmp_path / "no" / "file")], "cannot make"),
                       ([str(tmp_path / "new"), "--service", "other"], "there is no service 'other'"),
                       ([str(tmp_path / "new"), "--verdict", "never"], "'never' is no verdict"),
                       ([str(tmp_path / "new"), "--snap", "9999"], "snap is not a number in 14..2048")):
        r = subprocess.run(command(web, *argv), check=False, capture_output=True, text=True)
        assert r.returncode == 1 and text in r.stderr, r.stderr
    assert file.read_text() == "mine" and not os.path.exists(tmp_path / "new")
    with subprocess.Popen(command(web, "-", "-n", "8"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        web.wait_for(lambda: is_on(web), 5, "a capture")
        web.wait_for(lambda: web.fetch_many(url_of(VIP4), 3) and p.poll() is not None, 10, "its end")
        out, said = p.communicate()
    file.write_bytes(out)
    assert p.returncode == 0 and len(halves(file)) == 8 and b"8 packets, " in said
    r = web.cli("capture", str(file), "--force", "--time", "100ms")
    assert re.match(r"\d+ packets, (\d+) bytes in .*: its --time is over", r.stdout)
    assert os.path.getsize(file) == int(r.stdout.split()[2]) != len(out)
    limit = 20000
    with capturing(web, file, preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                                  resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                     (limit, limit)))) as p:
        web.wait_for(lambda: web.fetch_many(url_of(VIP4), 20) and p.poll() is not None, 20, "its end")
    assert p.returncode == 1 and "cannot write to" in p.wrong and "is a whole file" in p.wrong
    assert 0 < os.path.getsize(file) <= limit and packets(file) is not None
    web.wait_for(lambda: not is_on(web), 1, "the capture's end")
