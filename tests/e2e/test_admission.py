# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may send, and how much: source lists and limits on real traffic, and what is told of drops."""
import ipaddress
import json
import signal
import threading
import time

import pytest
from conftest import service
from lab.topology import VIP4, VIP4_B, VIP6, v4, v6

URL4 = f"http://{VIP4}/"
URL6 = f"http://[{VIP6}]/"
ME = {VIP4: v4("client"), VIP6: v6("client")}
URL = {VIP4: URL4, VIP6: URL6}


def both(**more):
    """One service of each family."""
    return (service(**more) +
            service(name="web6", vip=VIP6, backends=[(b, v6(b), 100) for b in ("b1", "b2", "b3")],
                    **more))


@pytest.fixture
def dual(lab):
    """An agent with an IPv4 and an IPv6 service."""
    lab.configure(lab.head() + "services:\n" + both())
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_serving("web6")
    return lab


def apply(lab, text):
    """A new file, taken over."""
    lab.configure(text)
    lab.cli("config", "apply")


def served(lab, vip, patience=1):
    """Does a request get an answer?"""
    return lab.fetch(URL[vip], patience=patience) in lab.backends


def entries(lab, *argv):
    """`source list` as {prefix: (service, action, monitor, origin)}."""
    out = json.loads(lab.cli("source", "list", "--json", *argv).stdout)
    return {e["prefix"]: (e["service"], e["action"], e["monitor"], e["origin"])
            for e in out["sources"]}


@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["v4", "v6"])
def test_denied_by_the_file(lab, vip):
    """For the whole instance: a wide prefix is denied, a longer one in it let through, a reload ends it."""
    me = ME[vip]
    wide = ipaddress.ip_network(f"{me}/{24 if '.' in me else 64}", strict=False)
    head = lab.head(sources=f'{{deny: ["{wide}"]}}')
    lab.configure(head + "services:\n" + both())
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_serving("web6")
    assert not served(lab, vip)
    assert served(lab, VIP6 if vip == VIP4 else VIP4)
    assert lab.counts()["drop_denied"] > 0
    apply(lab, lab.head(sources=f'{{deny: ["{wide}"], allow: ["{me}"]}}') + "services:\n" + both())
    assert served(lab, vip)
    assert not served(lab, VIP6 if vip == VIP4 else VIP4), "an allow list shuts all others out"
    apply(lab, lab.head() + "services:\n" + both())
    assert served(lab, VIP4) and served(lab, VIP6)


def test_of_one_service(lab):
    """A service's own list is nobody else's; one that is new in another's place has it from the start."""
    def config(sources, **more):
        return (lab.head() + "services:\n" + service(sources=sources, **more) +
                service(name="other", vip=VIP4_B))
    lab.configure(config('{allow: ["203.0.113.0/24"]}'))
    lab.start_agent()
    lab.wait_serving("other")
    assert not served(lab, VIP4)
    assert lab.fetch(f"http://{VIP4_B}/") in lab.backends
    apply(lab, config('{allow: ["203.0.113.0/24"]}', slots=4096))
    assert not served(lab, VIP4)
    lab.wait_for(lambda: len(entries(lab)) == 2, 2, "the old id's entries to go")
    apply(lab, config(f'{{allow: ["203.0.113.0/24", "{v4("client")}"]}}', slots=4096))
    assert served(lab, VIP4)
    assert entries(lab, "--service", "web")["any"] == ("web", "deny", False, "file")
    assert not entries(lab, "--service", "other")


def test_monitor(lab):
    """What would be denied is counted, and goes on."""
    lab.configure(lab.head() + "services:\n" +
                  service(sources=f'{{deny: ["{v4("client")}"], monitor: true}}'))
    lab.start_agent()
    lab.wait_serving("web")
    assert served(lab, VIP4)
    assert lab.counts("notes")["denied"] > 0 and lab.counts()["drop_denied"] == 0
    told = [line for line in lab.cli("status").stdout.splitlines() if ", denied: " in line]
    assert len(told) == 1, told
    assert "would be dropped by a source list" in lab.cli("status").stdout
    apply(lab, lab.head() + "services:\n" + service(sources=f'{{deny: ["{v4("client")}"]}}'))
    assert not served(lab, VIP4)


@pytest.mark.parametrize("vip", [VIP4, VIP6], ids=["v4", "v6"])
@pytest.mark.parametrize("scope", [[], ["--service"]], ids=["instance", "service"])
def test_commands(dual, vip, scope):
    """deny holds at once, a longer allow opens it again, remove undoes both."""
    me = ME[vip]
    wide = "10.77.0.0/16" if vip == VIP4 else "fd77::/32"
    scope = scope and ["--service", "web" if vip == VIP4 else "web6"]
    assert served(dual, vip)
    dual.cli("source", "deny", wide, *scope)
    assert not served(dual, vip)
    assert served(dual, VIP6 if vip == VIP4 else VIP4)
    dual.cli("source", "allow", me, *scope)
    assert served(dual, vip)
    dual.cli("source", "deny", me, "--monitor", *scope)
    before = dual.counts("notes")["denied"]
    assert served(dual, vip)
    assert dual.counts("notes")["denied"] > before
    dual.cli("source", "remove", me, *scope)
    assert not served(dual, vip)
    dual.cli("source", "remove", wide, *scope)
    assert served(dual, vip)
    assert not entries(dual)


def test_commands_while_traffic_flows(web):
    """Denying others, five thousand of them, costs an admitted client no request."""
    lost, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            if web.fetch(URL4) not in web.backends:
                lost.append(time.monotonic())
    others = [str(ipaddress.ip_address("198.18.0.0") + 2 * i) for i in range(5000)]
    path = f"{web.folder}/prefixes"
    with open(path, "w", encoding="ascii") as f:
        f.write("# a comment\n\n" + "".join(f"{o}/32 # one\n" for o in others))
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        out = web.cli("source", "deny", "--file", path).stdout
        assert "5000 prefixes" in out
        listed = entries(web)
        assert len(listed) == 5000 and listed[others[4999]] == (None, "deny", False, "command")
        assert "5000 prefixes" in web.cli("source", "remove", "--file", path).stdout
    finally:
        stop.set()
        asking.join()
    assert not lost and not entries(web)


def test_command_over_file(lab):
    """On one prefix the command's word holds, over reloads and a new id, and then the file's again."""
    me = v4("client")
    text = lab.head() + "services:\n" + service(sources=f'{{deny: ["{me}"]}}')
    lab.configure(text)
    lab.start_agent()
    lab.wait_serving("web")
    assert not served(lab, VIP4)
    lab.cli("source", "allow", me, "--service", "web")
    assert served(lab, VIP4)
    apply(lab, text + "# touched\n")
    assert served(lab, VIP4)
    apply(lab, text.replace("port: 80", "slots: 4096\n    port: 80"))
    assert served(lab, VIP4)
    assert entries(lab)[me] == ("web", "allow", False, "command")
    lab.cli("source", "remove", me, "--service", "web")
    assert not served(lab, VIP4)
    assert entries(lab)[me] == ("web", "deny", False, "file")
    r = lab.cli("source", "remove", me, "--service", "web", check=False)
    assert r.returncode == 1 and "no command has set 10.77.0.1" in r.stderr


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_restart_keeps_commands(web, sig):
    """Entries of commands are in the pinned map: without an agent, and with the next one."""
    web.cli("source", "deny", v4("client"), "--service", "web")
    web.cli("source", "deny", "198.51.100.0/24")
    assert not served(web, VIP4)
    web.stop_agent(sig)
    assert not served(web, VIP4)
    web.start_agent()
    assert not served(web, VIP4)
    assert entries(web) == {v4("client"): ("web", "deny", False, "command"),
                            "198.51.100.0/24": (None, "deny", False, "command")}
    web.cli("source", "remove", v4("client"), "--service", "web")
    assert served(web, VIP4)


def test_refused_apply_changes_no_list(web):
    """A file that fails half way leaves the lists as they were."""
    web.configure(web.head(sources=f'{{deny: ["{v4("client")}"]}}').replace(
        "interfaces: [eth0]", "interfaces: [eth0, nosuch0]") + "services:\n" + service())
    assert web.cli("config", "apply", check=False).returncode == 1
    assert served(web, VIP4) and not entries(web)


@pytest.mark.parametrize("argv, code, text", [
    (["source"], 2, "list, allow, deny or remove is missing"),
    (["source", "deny"], 2, "needs a PREFIX"),
    (["source", "allow", "192.0.2.1", "--monitor"], 2, "deny only"),
    (["source", "deny", "192.0.2.1/24"], 1, "host bits are zero"),
    (["source", "deny", "::/0"], 1, "stands for IPv4"),
    (["source", "deny", "192.0.2.1", "--service", "nobody"], 1, "no service 'nobody'"),
    (["source", "deny", "--file", "/nonexistent"], 1, "cannot open /nonexistent"),
    (["packets", "--flows", "x"], 2, "is not in 0..1000000000"),
])
def test_mistakes(web, argv, code, text):
    """Each in a sentence, and nothing is changed."""
    r = web.cli(*argv, check=False)
    assert r.returncode == code and text in r.stderr
    assert not entries(web)
