# SPDX-License-Identifier: GPL-2.0-or-later
"""fairlead doctor: things are broken, found, mended by the very command that it prints, and found no more."""
import json
import os
import re
import subprocess

import pytest
from conftest import ROOT, service
from lab.doctor import doctor, found, mend, only
from lab.topology import run, v4

ORDER = ["error", "warning", "note", "ok"]


def configure(lab, text, **head):
    """An agent with these services, all up."""
    lab.configure(lab.head(**head) + "services:\n" + text)
    lab.start_agent()


def test_document(web):
    """Exit status, counts and levels agree, the worst is first, and docs/api.md has each field."""
    code, document = doctor(web)
    levels = [f["level"] for f in document["findings"]]
    counts = {"error": "errors", "warning": "warnings", "note": "notes", "ok": "ok"}
    assert [levels.count(level) for level in ORDER] == [document[counts[level]] for level in ORDER]
    assert levels == sorted(levels, key=ORDER.index) and document["level"] == levels[0]
    assert code == {"ok": 0, "note": 0, "warning": 1, "error": 2}[levels[0]]
    assert document["agent"] is True and document["config"] == web.config_path
    assert document["errors"] == 0 and found(web, "mtu") == []
    with open(f"{ROOT}/docs/api.md", encoding="utf-8") as f:
        text = f.read()
    text = text[text.index("## The doctor's document"):]
    told = dict(re.findall(r"^\| `(\S+)` \| (string|boolean|integer) \|", text, re.M))
    types = {str: "string", bool: "boolean", int: "integer"}
    fields = {k: types[type(v)] for k, v in document.items() if k != "findings"}
    assert told == fields | {f"findings[].{k}": "string" for k in document["findings"][0]}
    table = text[text.index("| check | looks at"):].partition("\n## ")[0]
    with open(f"{ROOT}/user/doctor/doctor.c", encoding="utf-8") as f:
        checks = re.findall(r'^\t\{"(\w+)", doctor_check__', f.read(), re.M)
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == checks
    assert {f["check"] for f in document["findings"]} <= set(checks)


def test_table(web):
    """For people: the same findings, commands below them, sums at the end."""
    r = subprocess.run(["nsenter", f"--net=/run/netns/{web.ns('lb')}", f"{web.build}/fairlead", "-s", web.socket,
                        "doctor"], stdout=subprocess.PIPE, text=True, check=False)
    document = doctor(web)[1]
    assert "\033" not in r.stdout
    assert re.search(rf"\n\n0 errors, {document['warnings']} warnings?, {document['notes']} notes?, "
                     rf"{document['ok']} ok\n$", r.stdout)
    for finding in document["findings"]:
        if finding["check"] != "lease":  # its age goes on
            assert f"{finding['check']}: {finding['text']}\n" in r.stdout
            assert finding["fix"] or finding["level"] in ("ok", "note")
            assert not finding["fix"] or f"\n         run: {finding['fix']}\n" in r.stdout


def test_queues(web):
    """A veth has one queue unless it is told otherwise."""
    try:
        finding = only(found(web, "queues"))
        assert finding["level"] == "warning" and "eth0: 1 queue for" in finding["text"]
        mend(web, finding)
        assert found(web, "queues") == []
    finally:
        web.inside("lb", "ethtool", "-L", "eth0", "rx", "1")


def test_checksums(web):
    """The other end of eth0 is elsewhere; a pair in one place is judged, mended, and well."""
    assert only(found(web, "checksums"))["level"] == "note"
    web.ip("lb", "link", "add", "near", "type", "veth", "peer", "name", "far")
    try:
        web.configure(web.head().replace("[eth0]", "[eth0, near]") + "services:\n" + service())
        finding = [f for f in found(web, "checksums") if f["level"] == "warning"][0]
        assert finding["fix"] == "ethtool -K far tx off"
        mend(web, finding)
        assert only(found(web, "checksums"))["level"] == "note"
        interface = only(found(web, "interface"))
        assert interface["level"] == "error" and "near is down" in interface["text"]
        web.ip("lb", "link", "set", "far", "up")
        mend(web, interface)
        assert found(web, "interface") == []
        assert "near has no XDP program" in only(found(web, "xdp"))["text"]
        mend(web, only(found(web, "config")))
        assert found(web, "xdp") == [] and found(web, "config") == []
    finally:
        web.configure(web.head() + "services:\n" + service())
        web.cli("config", "apply")
        web.ip("lb", "link", "del", "near")


def test_missing_interface(web):
    """One that the file names and the machine does not have."""
    web.configure(web.head().replace("[eth0]", "[eth0, eth9]") + "services:\n" + service())
    assert "there is no interface eth9" in only(found(web, "interface"))["text"]
    assert doctor(web)[0] == 2


def test_generic(lab):
    """Generic XDP as the file wants it is a note; as nobody wants it a warning, which an apply mends."""
    configure(lab, service(), xdp_mode="generic")
    finding = only(found(lab, "xdp"))
    assert finding["level"] == "note" and "as xdp_mode says" in finding["text"]
    lab.configure(lab.head() + "services:\n" + service())
    finding = only(found(lab, "xdp"))
    assert finding["level"] == "warning" and "XDP is generic, several times slower" in finding["text"]
    mend(lab, finding)
    assert found(lab, "xdp") == []


def test_foreign_program(lab):
    """Where the pins say that it is not ours."""
    configure(lab, service())
    lab.stop_agent()
    lab.ip("lb", "link", "add", "near", "type", "veth", "peer", "name", "far")
    lab.ip("lb", "link", "set", "near", "up")
    try:
        lab.attach_xdp("lb", "near", f"{lab.build}/bpf/decap.bpf.o")
        lab.configure(lab.head().replace("[eth0]", "[eth0, near]") + "services:\n" + service())
        finding = only(found(lab, "xdp", "-c", lab.config_path))
        assert finding["level"] == "error" and "is not this instance's" in finding["text"]
        mend(lab, {"fix": finding["fix"].split(" && ")[0]})  # no systemd in here
        assert only(found(lab, "xdp", "-c", lab.config_path))["text"] == "near has no XDP program"
    finally:
        lab.ip("lb", "link", "del", "near")


def test_no_agent(lab):
    """Without one the program is found at work, and the lease is seen to lapse."""
    configure(lab, service(), on_agent_loss="pass", lease="300ms")
    lab.wait_serving("web")
    assert found(lab, "lease") == []
    lab.stop_agent()
    lab.wait_for(lambda: found(lab, "lease", "-c", lab.config_path), 3, "the lease to lapse")
    finding = only(found(lab, "lease", "-c", lab.config_path))
    assert finding["level"] == "error" and "`pass`" in finding["text"]
    finding = only(found(lab, "agent", "-c", lab.config_path))
    assert finding["level"] == "warning" and finding["fix"] == "systemctl start fairleadd"
    assert found(lab, "xdp", "-c", lab.config_path) == [] and found(lab, "pins", "-c", lab.config_path) == []
    lab.start_agent()
    assert found(lab, "agent") == [] and found(lab, "lease") == []


def test_nothing_yet(lab):
    """Before the first start there is nothing but notes about it."""
    lab.configure(lab.head() + "services:\n" + service())
    argv = ("-c", lab.config_path)
    assert only(found(lab, "agent", *argv))["level"] == "note"
    assert "nothing is pinned" in only(found(lab, "pins", *argv))["text"]
    assert only(found(lab, "xdp", *argv))["level"] == "note"
    assert doctor(lab, *argv)[1]["agent"] is False


def test_wrong_file(lab):
    """A file with a mistake is told of as `config check` does, and the rest is looked at."""
    lab.configure(lab.head() + "servces: []\n")
    code, document = doctor(lab, "-c", lab.config_path)
    finding = [f for f in document["findings"] if f["check"] == "config"][0]
    assert code == 2 and "servces" in finding["text"] and finding["fix"] == f"fairlead config check {lab.config_path}"
    assert any(f["check"] == "kernel" for f in document["findings"])


def test_other_namespace(web):
    """From elsewhere: says how to get there, and does not judge the wrong interfaces."""
    document = json.loads(web.cli("doctor", "--json", check=False).stdout)
    finding = [f for f in document["findings"] if f["level"] == "error"][0]
    assert finding["check"] == "agent" and "another network namespace" in finding["text"]
    assert not any(f["check"] == "interface" for f in document["findings"])
    r = subprocess.run(["sh", "-c", finding["fix"] + " --json"], stdout=subprocess.PIPE, text=True, check=False,
                       env={**os.environ, "PATH": f"{web.build}:{os.environ['PATH']}"})
    assert json.loads(r.stdout)["errors"] == 0


@pytest.mark.parametrize("forward, needed", [("ipip", 1520), ("gue", 1532)])
def test_mtu(lab, forward, needed):
    """1500 bytes and a tunnel's header do not go over a link of 1500."""
    configure(lab, service(forward=forward))
    try:
        finding = only(found(lab, "mtu"))
        assert finding["level"] == "warning" and f"({needed} with {forward})" in finding["text"]
        assert "web/b1 (10.77.0.11) and 2 others" in finding["text"]
        assert finding["fix"] == f"ip link set dev eth0 mtu {needed}"
        mend(lab, finding)
        assert found(lab, "mtu") == []
        lab.ip("lb", "route", "add", v4("b2"), "dev", "eth0", "mtu", "1400")
        finding = only(found(lab, "mtu"))
        assert "the route says an MTU of 1400" in finding["text"] and "web/b2 (10.77.0.12)" in finding["text"]
        assert finding["fix"] == "ip route get 10.77.0.12"
        lab.ip("lb", "route", "del", v4("b2"), "dev", "eth0")
        assert found(lab, "mtu") == []
    finally:
        lab.ip("lb", "route", "del", v4("b2"), "dev", "eth0", check=False)
        lab.ip("lb", "link", "set", "eth0", "mtu", "1500")


def test_neighbour_unknown(lab):
    """No agent asks, no entry: a note, and one ping later all is well."""
    lab.configure(lab.head() + "services:\n" + service())
    lab.ip("lb", "neigh", "flush", "all")
    finding = only(found(lab, "nexthops", "-c", lab.config_path))
    assert finding["level"] == "note" and "web/b1 (10.77.0.11) and 2 others" in finding["text"]
    for backend in lab.backends:
        assert only(found(lab, "nexthops", "-c", lab.config_path))["fix"].endswith(v4(backend))
        mend(lab, only(found(lab, "nexthops", "-c", lab.config_path)))
    assert found(lab, "nexthops", "-c", lab.config_path) == []


def test_neighbour_failed(web):
    """Nobody answers ARP; when the cable is back, the agent's own asking mends it."""
    web.cut_cable("b2")
    web.ip("lb", "neigh", "del", v4("b2"), "dev", "eth0")
    web.wait_for(lambda: any(f["level"] == "error" for f in found(web, "nexthops")), 8, "ARP to fail")
    finding = only(found(web, "nexthops"))
    assert finding["text"] == "nobody answers ARP or NDP on the way to web/b2 (10.77.0.12)"
    web.mend_cable("b2")
    mend(web, finding)
    web.wait_for(lambda: found(web, "nexthops") == [], 8, "the neighbour")


def test_no_route(web):
    """A backend nobody knows the way to, and one behind a gateway that l2 can't reach."""
    backends = [("b1", v4("b1"), 100), ("far", "203.0.113.9", 100)]
    web.configure(web.head() + "services:\n" + service(backends=backends))
    finding = only(found(web, "nexthops"))
    assert finding["level"] == "error" and "no route to web/far (203.0.113.9)" in finding["text"]
    web.ip("lb", "route", "add", "203.0.113.0/24", "via", v4("b1"))
    try:
        finding = only(found(web, "nexthops"))
        assert finding["level"] == "error" and "`forward: l2` needs it on the same link" in finding["text"]
    finally:
        web.ip("lb", "route", "del", "203.0.113.0/24")


def test_forwarding(lab):
    """NAT with forwarding off, on, off on the interface alone; and redirects in one network."""
    configure(lab, service(forward="nat"))
    try:
        finding = only(found(lab, "forwarding"))
        assert finding["level"] == "error" and finding["fix"] == "sysctl -w net.ipv4.ip_forward=1"
        mend(lab, finding)
        assert found(lab, "forwarding") == []
        lab.sysctl("lb", ipv4__conf__eth0__forwarding=0)
        finding = only(found(lab, "forwarding"))
        assert finding["fix"] == "sysctl -w net.ipv4.conf.eth0.forwarding=1"
        mend(lab, finding)
        assert found(lab, "forwarding") == []
        lab.sysctl("lb", ipv4__conf__eth0__send_redirects=1)
        finding = only(found(lab, "redirects"))
        assert finding["level"] == "warning"
        mend(lab, finding)
        assert found(lab, "redirects") == []
    finally:
        lab.sysctl("lb", ipv4__ip_forward=0)


def test_rp_filter(web):
    """Strict is well on the only interface, and not where there are two."""
    web.sysctl("lb", ipv4__conf__all__rp_filter=1, ipv4__conf__eth0__rp_filter=1)
    web.ip("lb", "link", "add", "near", "type", "veth", "peer", "name", "far")
    try:
        assert found(web, "rp_filter") == []
        web.sysctl("lb", ipv4__conf__near__rp_filter=0)
        web.configure(web.head().replace("[eth0]", "[eth0, near]") + "services:\n" + service())
        for finding in found(web, "rp_filter"):
            assert finding["level"] == "warning"
            mend(web, finding)
        assert found(web, "rp_filter") == []
    finally:
        web.ip("lb", "link", "del", "near")
        web.sysctl("lb", ipv4__conf__all__rp_filter=0, ipv4__conf__eth0__rp_filter=0)


def test_egress(lab):
    """Frames for a backend behind another interface, whose driver takes none until its other end is set up."""
    lab.ip("lb", "link", "add", "near", "type", "veth", "peer", "name", "far")
    try:
        for name in ("near", "far"):
            lab.ip("lb", "link", "set", name, "up")
        lab.ip("lb", "addr", "add", "203.0.113.1/24", "dev", "near")
        lab.configure(lab.head() + "services:\n" + service(backends=[("far", "203.0.113.9", 100)]))
        lab.start_agent()
        finding = only(found(lab, "egress"))
        assert finding["level"] == "error" and "near (driver veth) does not take frames" in finding["text"]
        lab.inside("lb", "ethtool", "-K", "far", "gro", "on")
        assert found(lab, "egress") == []
    finally:
        lab.ip("lb", "link", "del", "near")


def test_rights_of_the_agent(lab):
    """An agent without CAP_NET_RAW that is to ping; with it all is well."""
    ping = "{type: icmp, interval: 1s}"
    lab.configure(lab.head() + "services:\n" + service(probe=ping))
    lab.start_agent(wrapper=("capsh", "--drop=cap_net_raw", "--", "-c", 'exec "$0" "$@"'))
    finding = only(found(lab, "capabilities"))
    assert finding["level"] == "error" and "CAP_NET_RAW" in finding["text"]
    lab.stop_agent()
    lab.start_agent()
    assert found(lab, "capabilities") == []


def test_open_files(lab):
    """Too few open files for the probes; the command mends the agent that runs."""
    lab.configure(lab.head() + "services:\n" + service())
    lab.start_agent(wrapper=("prlimit", "--nofile=100:"))
    finding = only(found(lab, "limits"))
    assert finding["level"] == "error" and "100 files only" in finding["text"]
    mend(lab, finding)
    assert found(lab, "limits") == []


def test_no_bpffs(lab):
    """A mount namespace without it, in which the command is run, too."""
    lab.configure(lab.head() + "services:\n" + service())
    bare = ("unshare", "-m", "sh", "-c", 'while umount /sys/fs/bpf 2>/dev/null; do :; done; exec "$0" "$@"')
    document = doctor(lab, "-c", lab.config_path, shell=bare)[1]
    finding = [f for f in document["findings"] if f["check"] == "bpffs"][0]
    assert finding["level"] == "error"
    mended = (*bare[:4], bare[4].replace("exec", finding["fix"] + "; exec"))
    document = doctor(lab, "-c", lab.config_path, shell=mended)[1]
    assert [f["level"] for f in document["findings"] if f["check"] == "bpffs"] == ["ok"]


def test_other_layout(web):
    """Pins of another version beside ours."""
    other = f"/sys/fs/bpf/fairlead/{web.instance}/v1"
    os.mkdir(other)
    try:
        assert "another (v1)" in only(found(web, "pins"))["text"]
    finally:
        os.rmdir(other)
    assert found(web, "pins") == []


def test_no_rights(web, tmp_path):
    """A user without any: what can't be looked at is said, and nothing is claimed."""
    config = tmp_path / "readable.yaml"
    with open(web.config_path, encoding="utf-8") as f:
        config.write_text(f.read())
    run("chmod", "-R", "a+rX", str(tmp_path))
    nobody = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all", "--inh-caps", "-all")
    document = doctor(web, "-c", str(config), shell=nobody)[1]
    texts = {f["check"]: f for f in document["findings"] if f["level"] != "ok"}
    assert "takes CAP_BPF" in texts["kernel"]["text"] and texts["kernel"]["fix"] == "sudo fairlead doctor"
    assert "may not be used by this user" in texts["agent"]["text"]
    assert "Permission denied" in texts["pins"]["text"] or "Permission denied" in texts["bpffs"]["text"]


def test_usage(network):
    """What is too much is refused with exit status 2."""
    r = network.cli("doctor", "now", check=False)
    assert r.returncode == 2 and "takes options only" in r.stderr
