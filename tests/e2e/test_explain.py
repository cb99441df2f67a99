# SPDX-License-Identifier: GPL-2.0-or-later
"""`fairlead explain`: what it says is what happens then, and asking changes nothing."""
import datetime
import http.client
import http.server
import ipaddress
import json
import os
import re
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import PATIENCE, ROOT, service, url_of
from lab.topology import VIP4, VIP6, run, v4, v6

# What packets leave behind, but for what explain_test looks at: large arrays, and `verdicts`, which count what
# else there is on a network.
WRITTEN = ("flows", "tentative", "pressure", "churn", "frags", "notes", "snat_next", "icmp_meters",
           "picked", "kept_second")


KNOCK = os.path.join(ROOT, "tests", "lab", "knock.py")


class Unix(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask(lab, query="", body=None, connection=None):
    """(HTTP status, object) of POST /v1/explain."""
    c = connection or Unix(lab.socket)
    c.request("POST", f"/v1/explain{query}", body=body)
    r = c.getresponse()
    return r.status, json.loads(r.read())


def explain(lab, *argv):
    """What `fairlead explain --json` says."""
    return json.loads(lab.cli("explain", "--json", *argv).stdout)


def flow(host, port, vip, dport=80):
    """SOURCE and DESTINATION."""
    client = v6(host) if ":" in vip else v4(host)
    return [f"[{client}]:{port}" if ":" in vip else f"{client}:{port}",
            f"[{vip}]:{dport}" if ":" in vip else f"{vip}:{dport}"]


def fetched(lab, vip, port):
    """The backend that a new connection from that port gets to."""
    return lab.fetch(url_of(vip), "--local-port", str(port))


def written(lab):
    """All that packets write."""
    (web,) = lab.status()["services"]
    counts = [(o["packets"], o["bytes"]) for o in [web, *web["backends"]]]
    return counts, {name: run("bpftool", "-j", "map", "dump", "pinned", lab.pin(name))
                    for name in WRITTEN}


def test_what_happens(lab):
    """For both families: the backend that was named answers the next connection."""
    lab.configure(lab.head() + "services:\n" + service() + service(
        name="six", vip=VIP6, backends=[(b, v6(b), 100) for b in ("b1", "b2", "b3")]))
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_serving("six")
    for vip, name, first in ((VIP4, "web", 40000), (VIP6, "six", 40100)):
        seen = set()
        for port in range(first, first + 8):
            e = explain(lab, *flow("client", port, vip))
            assert e["verdict"]["name"] == "send_l2" and e["service"]["name"] == name
            assert e["slot"]["state"] == "clean" and e["slot"]["owner"] == e["backend"]["id"]
            assert e["records"] == [] and e["action"] == "tx" and e["leaves_by"] == "eth0"
            mac = lab.backend(name, e["backend"]["id"])["nexthop"]["mac"]
            assert e["after"]["bytes"].startswith(mac.replace(":", ""))
            assert fetched(lab, vip, port) == e["backend"]["id"]
            seen.add(e["backend"]["id"])
        assert len(seen) > 1


def test_moving(web):
    """A drained backend's: old connections, new ones, and the record that a new one gets."""
    first = {port: explain(web, *flow("client", port, VIP4)) for port in range(41000, 41020)}
    port = next(p for p, e in first.items() if e["backend"]["id"] == "b1")
    argv = flow("client", port, VIP4)
    web.cli("drain", "b1")
    web.wait_for(lambda: explain(web, *argv)["slot"]["state"] == "moving", 2, "a moving slot")
    old, new = explain(web, *argv, "--flags", "ack"), explain(web, *argv)
    assert old["slot"] == new["slot"] and old["slot"]["previous"] == "b1"
    assert old["backend"]["id"] == "b1" and old["backend"]["state"] == "draining"
    assert new["backend"]["id"] == new["slot"]["owner"] != "b1"
    assert [n["name"] for n in new["notes"]] == ["tentative"] and old["notes"] == []
    assert fetched(web, VIP4, port) == new["backend"]["id"]
    after = explain(web, *argv, "--flags", "ack")
    assert after["backend"]["id"] == new["backend"]["id"]
    assert [(r["kind"], r["backend"]) for r in after["records"]] == \
        [("connection", new["backend"]["id"])]
    text = web.cli("explain", *argv, "--flags", "ack").stdout
    assert re.search(rf"^slot +\d+ of 65536, moving: {new['backend']['id']} has it for \d+s, "
                     "before it was of b1;", text, re.M)
    assert re.search(rf"^record +of the connection: {new['backend']['id']}, seen \d+s ago, young",
                     text, re.M)


@pytest.mark.parametrize("proto, more, opening, going_on", [
    ("udp", {"quic": "true"}, ["--flags", "initial"], []),
    ("sctp", {}, [], ["--flags", "data"])])
def test_openings(lab, proto, more, opening, going_on):
    """Of QUIC and SCTP: a slot that moves has its new owner for new connections, the old one for what goes on."""
    lab.configure(lab.head() + "services:\n" + service(name="other", protocol=proto, probe="{type: tcp, port: 80}",
                                                       **more))
    lab.start_agent()
    lab.wait_serving("other")
    argv, port = ["--proto", proto], 48000
    while explain(lab, *flow("client", port, VIP4), *argv)["backend"]["id"] != "b1":
        port += 1
    argv = [*flow("client", port, VIP4), *argv]
    lab.cli("drain", "b1")
    lab.wait_for(lambda: explain(lab, *argv)["slot"]["state"] == "moving", 2, "a moving slot")
    new, old = explain(lab, *argv, *opening), explain(lab, *argv, *going_on)
    assert new["flow"]["protocol"] == proto and new["verdict"]["name"] == "send_l2"
    assert new["backend"]["id"] == new["slot"]["owner"] != "b1"
    assert [n["name"] for n in new["notes"]] == ["tentative"]
    assert old["backend"]["id"] == old["slot"]["previous"] == "b1" and old["notes"] == []


def test_undisturbed(web):
    """A thousand of them, of packets that would be counted and recorded, leave no trace."""
    web.cli("drain", "b1")
    argv = flow("client", 42000, VIP4)
    web.wait_for(lambda: explain(web, *argv)["service"], 2, "an answer")
    assert fetched(web, VIP4, 42001)
    before, queries = written(web), []
    for i in range(250):
        source, destination = flow("client", 42000 + i, VIP4)
        queries += [f"?source={source}&destination={destination}{more}"
                    for more in ("", "&flags=ack", "&flags=fin,ack", "&flags=rst")]
    connection, took = Unix(web.socket), []
    began = time.monotonic()
    for q in queries:
        status, e = ask(web, q, connection=connection)
        assert status == 200 and e["service"]["name"] == "web"
        took.append(e["took_us"])
    seconds = time.monotonic() - began
    assert written(web) == before
    print(f"note: {len(took)} explanations in {seconds:.2f} s, of each the loop's "
          f"{sorted(took)[len(took) // 2]:.0f} us")


def test_first_ones_at_once(web):
    """Those that come while the programs are loaded wait for them."""
    source, destination = flow("client", 43000, VIP4)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(
            web, f"?source={source}&destination={destination}"), range(8)))
    assert all(status == 200 for status, _ in answers)
    assert len({e["backend"]["id"] for _, e in answers}) == 1


def test_another_program(web):
    """A reload that opens a gate: what is explained is what packets meet from then on."""
    argv = flow("client", 44000, VIP4)
    assert explain(web, *argv)["verdict"]["name"] == "send_l2"
    web.configure(web.head(sources=f'{{deny: ["{v4("client")}"]}}') + "services:\n" + service())
    web.cli("config", "apply")
    e = explain(web, *argv)
    assert e["verdict"] == {"name": "drop_denied", "action": "drop",
                            "text": "the source is on a list that denies it"}
    assert e["after"] is None and e["backend"] is None and e["action"] == "drop"
    assert web.fetch(url_of(VIP4), patience=1) is None


def rules(lab, vip=VIP4, port=44500):
    """Which entries of lists and limits decide of a client's new connection: (verdict, [rule])."""
    e = explain(lab, *flow("client", port, vip))
    return e["verdict"]["name"], e["rules"]


def over(lab, vip):
    """The page of a packet that is over a limit; None: now it is not."""
    text = lab.cli("explain", *flow("client", 44500, vip)).stdout
    return text if "\nrule " in text else None


def brief(found):
    """(service, prefix, action, monitor, origin) of entries of source lists."""
    assert all(r["kind"] == "source" for r in found), found
    return [(r["service"], r["prefix"], r["action"], r["monitor"], r["origin"]) for r in found]


def age(rule):
    """How long ago, in seconds, it was set or loaded."""
    return time.time() - datetime.datetime.fromisoformat(rule["since"].replace("Z", "+00:00")).timestamp()


def test_rules_of_sources(web):
    """The entry that decides is named: whose it is, what it says, where it comes from and since when."""
    me, net = v4("client"), "10.77.0.0/24"
    assert rules(web) == ("send_l2", [])
    services = "services:\n" + service()
    web.configure(web.head(sources=f'{{deny: ["{net}", "192.0.2.0/24"]}}') + services)
    web.cli("config", "apply")
    verdict, found = rules(web)
    of_file = (None, net, "deny", False, "file")
    assert verdict == "drop_denied" and brief(found) == [of_file] and -1 < age(found[0]) < 30 * PATIENCE
    web.cli("source", "allow", me)
    verdict, found = rules(web)
    allowed = (None, me, "allow", False, "command")
    assert verdict == "send_l2" and brief(found) == [allowed] and -1 < age(found[0]) < 60 + 30 * PATIENCE
    web.cli("source", "deny", me, "--service", "web")
    verdict, found = rules(web)
    assert verdict == "drop_denied" and brief(found) == [allowed, ("web", me, "deny", False, "command")]
    text = web.cli("explain", *flow("client", 44500, VIP4)).stdout
    assert re.search(rf"^rule +allow {me}, for the whole instance; set by a command at 20\S+:00\.000Z \(", text, re.M)
    assert re.search(rf"^rule +deny {me}, for service web; set by a command at ", text, re.M)
    # On the same prefix the command's entry holds; one that monitors lets the service's be asked.
    web.cli("source", "deny", net, "--monitor")
    web.cli("source", "remove", me)
    e = explain(web, *flow("client", 44500, VIP4))
    assert [n["name"] for n in e["notes"]] == ["denied"] and e["verdict"]["name"] == "drop_denied"
    assert brief(e["rules"]) == [(None, net, "deny", True, "command"), ("web", me, "deny", False, "command")]
    assert web.stop_agent() == 0
    web.start_agent()
    assert rules(web) == ("drop_denied", e["rules"]), "a restart forgets who has set what"
    # Its own list allows others only; what is for no service is asked of the instance's alone.
    web.configure(web.head() + "services:\n" + service(sources='{allow: ["192.0.2.0/24"]}'))
    web.cli("config", "apply")
    web.cli("source", "remove", net)
    web.cli("source", "remove", me, "--service", "web")
    verdict, found = rules(web)
    assert verdict == "drop_denied" and brief(found) == [("web", "any", "deny", False, "file")]
    text = web.cli("explain", *flow("client", 44500, VIP4)).stdout
    assert re.search(r"^rule +deny all that no longer prefix allows, for service web; of the configuration's file, "
                     r"loaded at 20", text, re.M)
    e = explain(web, v4("client"), VIP4, "--proto", "icmp")
    assert e["verdict"]["name"] == "send_echo" and e["rules"] == []


@pytest.mark.parametrize("vip", [VIP4, VIP6])
def test_rules_of_limits(lab, vip):
    """The limit that decides is named with its rate, and what counts as one source."""
    backends = [(b, (v6 if ":" in vip else v4)(b), 100) for b in ("b1", "b2", "b3")]
    limits = "source_connections: 1, connections: 5000, burst: 2s"

    def apply(more):
        lab.configure(lab.head() + "services:\n" + service(vip=vip, backends=backends, limits=f"{{{limits}{more}}}"))

    apply("")
    lab.start_agent()
    lab.wait_serving("web")
    assert rules(lab, vip) == ("send_l2", [])
    knock = lab.procs.start("knock", [sys.executable, "-B", KNOCK, "clients", vip, "80", "50"],
                            netns=lab.ns("client"))
    (rule,) = lab.wait_for(lambda: rules(lab, vip)[1], 10, "the burst to be over")
    one = str(ipaddress.ip_network(f"{v6('client')}/64", strict=False)) if ":" in vip else v4("client")
    assert -1 < age(rule) < 60 * PATIENCE
    del rule["since"]
    assert rule == {"kind": "limit", "service": "web", "prefix": one, "limit": "source_connections", "rate": 1,
                    "burst_ms": 2000, "monitor": False, "origin": "file"}
    text = lab.wait_for(lambda: over(lab, vip), 10, "a packet that is over the limit")
    assert re.search(r"^verdict +drop_src_new", text, re.M)
    assert re.search(rf"^rule +limits.source_connections of service web: 1 new connections a second of one source, "
                     rf"here {one}, burst 2000 ms, enforced; of the configuration's file, loaded at 20", text, re.M)
    # What is established goes on, and meets no limit of new connections.
    e = explain(lab, *flow("client", 44500, vip), "--flags", "ack")
    assert e["verdict"]["name"] == "send_l2" and e["rules"] == []
    apply(", monitor: true")
    lab.cli("config", "apply")
    (rule,) = lab.wait_for(lambda: rules(lab, vip)[1], 10, "a note")
    assert rule["limit"] == "source_connections" and rule["monitor"]
    text = lab.wait_for(lambda: over(lab, vip), 10, "a packet that is over the limit")
    lab.procs.end(knock)
    assert re.search(r"^verdict +send_l2", text, re.M) and re.search(r"^note +src_new", text, re.M)
    assert "burst 2000 ms, monitor: noted, not dropped; of the configuration's file" in text


def test_nobody(web):
    """No backend, and no service."""
    for b in web.backends:
        web.cli("disable", b)
    argv = flow("client", 45000, VIP4)
    web.wait_for(lambda: explain(web, *argv)["verdict"]["name"] == "drop_no_backend", 3,
                 "nobody to accept")
    assert re.search(r"^verdict +drop_no_backend: no backend of the service accepts$",
                     web.cli("explain", *argv).stdout, re.M)
    e = explain(web, *flow("client", 45000, VIP4, 81))
    assert e["service"] is None and e["verdict"]["action"] == "pass" and e["slot"] is None


def test_diagnosis(web):
    """What the probes say of the backend is there."""
    web.set_health("b1", "ok\n")
    e = explain(web, *flow("client", 46000, VIP4))
    want = web.backend("web", e["backend"]["id"])
    assert e["backend"]["probe"]["ok"] and e["backend"]["address"] == want["address"]
    text = web.cli("explain", *flow("client", 46000, VIP4)).stdout
    assert f"backend   {want['id']}, {want['address']}, up; next hop" in text
    assert re.search(r"^probe +ok in [0-9.]+ ms", text, re.M)


class Canned(socketserver.UnixStreamServer):
    """Answers every request with one object."""

    def __init__(self, path, answer):
        body = json.dumps(answer).encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            """The one answer."""

            def do_POST(self):  # pylint: disable=invalid-name
                """Whatever is asked."""
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):  # pylint: disable=arguments-differ
                """Nothing."""
        super().__init__(path, Handler)


OTHER = {"name": "lb2", "state": "up", "complete": True, "group": None, "role": None, "same_tables": True,
         "difference": None, "backend": None, "record": None}


PEERS = [
    ({"state": "never heard", "complete": False, "same_tables": None}, ", never heard: what it would do is not known"),
    ({"state": "silent", "complete": False, "same_tables": None, "group": "g"},
     ", silent: what it would do is not known"),
    ({"complete": False, "same_tables": None, "group": "g", "role": "backup", "record": "unknown"},
     ", backup of VRRP group g, up, and has not told all yet: what it would do is not known"),
    ({"same_tables": None}, ": its table or this machine's has just changed; where it would send it is not known"),
    ({"same_tables": True, "record": "not yet"}, ": the same backend in each slot of the service; where it would send it is "
     "not known; it is told of the record when the connection goes on"),
    ({"same_tables": False, "difference": "flow_key", "record": "never"},
     ": other tables: flow_key; where it would send it is not known; it does not take the record"),
]


def test_words_of_peers(web, tmp_path):
    """A peer that is silent is told from one that has not told all, whatever else is known of it."""
    answer, path = explain(web, *flow("client", 40000, VIP4)), str(tmp_path / "api.sock")
    for peer, words in PEERS:
        with Canned(path, answer | {"peers": [OTHER | peer]}) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            out = subprocess.run([f"{web.build}/fairlead", "-s", path, "explain", "192.0.2.1:1", "192.0.2.2:2"],
                                 check=True, stdout=subprocess.PIPE, text=True, timeout=30 * PATIENCE).stdout
            thread.join(30 * PATIENCE)
        os.unlink(path)
        assert f"\npeer      lb2{words}\n" in out


def capture(path, frames, link=1, snaplen=65535):
    """A pcap file."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link))
        for frame in frames:
            part = frame[:snaplen]
            f.write(struct.pack("<IIII", 0, 0, len(part), len(frame)) + part)


def test_capture(web, tmp_path):
    """Each packet of a file: lines for people, objects for programs, the same as one by one."""
    ports, path = range(47000, 47006), tmp_path / "some.pcap"
    each = [explain(web, *flow("client", p, VIP4)) for p in ports]
    frames = [bytes.fromhex(e["before"]["bytes"]) for e in each]
    ping = explain(web, v4("client"), VIP4, "--proto", "icmp")
    arp = b"\xff" * 6 + bytes(6) + b"\x08\x06" + bytes(46)
    capture(path, frames + [bytes.fromhex(ping["before"]["bytes"]), arp])
    lines = web.cli("explain", "--from", str(path)).stdout.splitlines()
    assert lines[:6] == [f"{i + 1} tcp [syn] {v4('client')}:{p} > {VIP4}:80: web, "
                         f"{e['backend']['id']}: send_l2"
                         for i, (p, e) in enumerate(zip(ports, each))]
    assert lines[6] == f"7 icmp {v4('client')} > {VIP4}: send_echo"
    assert lines[7].startswith("8 not IP: pass_") and len(lines) == 8
    out = web.cli("explain", "--from", str(path), "--json").stdout.splitlines()
    objects = [json.loads(line) for line in out]
    assert [o["packet"] for o in objects] == list(range(1, 9))
    assert [o["after"] for o in objects[:6]] == [e["after"] for e in each]
    # Cut off at 60 bytes of 1514: what is not there are zeros.
    tcp = bytearray(frames[0] + bytes(1454))
    struct.pack_into("!H", tcp, 16, 1500)
    capture(path, [bytes(tcp)], snaplen=60)
    e = json.loads(web.cli("explain", "--from", str(path), "--json").stdout)
    assert e["before"]["length"] == e["after"]["length"] == 1514
    assert e["backend"]["id"] == each[0]["backend"]["id"]


def test_pcapng(web, tmp_path):
    """The newer format is read, too: what tcpdump is given by a converter, or wireshark writes."""
    frame = bytes.fromhex(explain(web, *flow("client", 47010, VIP4))["before"]["bytes"])
    section = struct.pack("<IIIHHqI", 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, -1, 28)
    interface = struct.pack("<IIHHII", 1, 20, 1, 0, 65535, 20)
    size = 32 + (len(frame) + 3 & ~3)
    packet = struct.pack("<IIIIIII", 6, size, 0, 0, 0, len(frame), len(frame)) + \
        frame.ljust(len(frame) + 3 & ~3, b"\0") + struct.pack("<I", size)
    path = tmp_path / "some.pcapng"
    path.write_bytes(section + interface + packet)
    (line,) = web.cli("explain", "--from", str(path)).stdout.splitlines()
    assert line.startswith(f"1 tcp [syn] {v4('client')}:47010 > {VIP4}:80: web, ")


@pytest.mark.parametrize("argv, code, text", [
    (["1.2.3.4:5"], 2, "a SOURCE and a DESTINATION are needed"),
    (["1.2.3.4:5", "1.2.3.4:5", "--from", "f"], 2, "is too much"),
    (["--from", "f", "--flags", "ack"], 2, "go without --from"),
    (["--from", "/nowhere.pcap"], 1, "cannot read /nowhere.pcap"),
])
def test_mistakes(network, argv, code, text):
    """What no agent is asked for: a sentence, and nothing else."""
    r = network.cli("explain", *argv, check=False)
    assert r.returncode == code and text in r.stderr and r.stdout == ""


def test_mistakes_of_agents(web, tmp_path):
    """What only an agent can refuse."""
    for argv, text in ((["1.2.3.4", "1.2.3.4:5"], "source needs a port"),
                       (["1.2.3.4:5", "[::1]:5"], "not of one family"),
                       (["1.2.3.4:5", "1.2.3.4:6", "-p", "gre"], "protocol is 'tcp', 'udp', 'sctp' or 'icmp'"),
                       (["1.2.3.4:5", "1.2.3.4:6", "--interface", "eth9"], "an interface 'eth9'")):
        r = web.cli("explain", *argv, check=False)
        assert r.returncode == 1 and text in r.stderr and r.stdout == ""
    raw = tmp_path / "raw.pcap"
    capture(raw, [bytes(40)], link=101)
    r = web.cli("explain", "--from", str(raw), check=False)
    assert r.returncode == 1 and "not with Ethernet" in r.stderr
    capture(raw, [bytes(60), bytes(20000)])
    r = web.cli("explain", "--from", str(raw), check=False)
    assert r.returncode == 1 and r.stdout.count("\n") == 1 and "packet 2 of" in r.stderr
    for query, body, status in (("", None, 400), ("?length=20", bytes(60), 400),
                                ("?source=1.2.3.4:5&destination=1.2.3.4:6", bytes(60), 400),
                                ("", bytes(13), 400), ("", bytes(20000), 400),
                                ("", bytes(14), 200)):
        code, answer = ask(web, query, body)
        assert code == status, (query, answer)
        assert status == 200 or len(answer["error"]) > 10
