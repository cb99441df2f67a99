# SPDX-License-Identifier: GPL-2.0-or-later
"""The agent is killed, restarted, reloaded, doubled; traffic goes on."""
import json
import os
import random
import resource
import signal
import socket
import time

import pytest
from conftest import service
from lab.topology import VIP4, VIP4_B, run, v4

URL = f"http://{VIP4}/"


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGKILL])
def test_traffic_without_an_agent(web, sig):
    """Nobody is there, and nobody notices; the next one adopts, and moves no slot."""
    web.cli("drain", "b3")
    web.wait_for(lambda: web.backend("web", "b3")["slots"] == 0, 2, "the drain")
    web.stop_agent(sig)
    before = web.slot_tables()
    assert {web.fetch(URL) for _ in range(30)} == {"b1", "b2"}
    web.start_agent()
    time.sleep(0.5)
    assert web.slot_tables() == before
    assert web.backend("web", "b3")["state"] == "draining"
    assert web.status()["services"][0]["generation"] == 0


def test_dies_while_backend_is_down(web):
    """A verdict survives the agent: a dead backend gets nothing while the next one starts."""
    web.kill_nginx("b1")
    web.wait_state("web", "b1", "down")
    web.wait_for(lambda: web.backend("web", "b1")["slots"] == 0, 2, "b1's slots to move")
    web.stop_agent(signal.SIGKILL)
    web.start_agent()
    assert web.backend("web", "b1")["state"] == "down"
    assert web.backend("web", "b1")["slots"] == 0


def entries(lab):
    """Of the pinned maps: {(service, backend)} of `members`, {index} of `backends`, ids of `services`."""
    def dump(name):
        return json.loads(run("bpftool", "-j", "map", "dump", "pinned", lab.pin(name)))
    members = {(e["formatted"]["key"]["service"], e["formatted"]["key"]["backend"])
               for e in dump("members")}
    backends = {e["formatted"]["key"] for e in dump("backends") if e["formatted"]["value"]["mode"]}
    services = {e["formatted"]["key"] for e in dump("services")
                if e["formatted"]["value"]["slot_mask"]}
    return members, backends, services


def test_killed_at_any_moment(lab):
    """Whatever was half done when the agent was killed, the next one ends up with what the file says."""
    two = [("b1", v4("b1"), 100), ("b2", v4("b2"), 100)]
    net = service(name="net", vip="198.51.100.0/28", port="8000-8009", backends=two,
                  probe="{type: tcp, port: 80}", hold="1s")
    texts = [service(hold="1s") + service(name="second", vip=VIP4_B, backends=two, hold="1s"),
             service(forward="ipip", hold="1s")
             + service(name="second", vip=VIP4_B, backends=two[:1], hold="1s") + net]
    lab.configure(lab.head() + "services:\n" + texts[0])
    lab.start_agent()
    lab.wait_serving("web")
    for i in range(8):
        lab.configure(lab.head() + "services:\n" + texts[(i + 1) % 2])
        lab.agent.send_signal(signal.SIGHUP)
        time.sleep(random.Random(i).uniform(0, 0.2))
        lab.stop_agent(signal.SIGKILL)
        lab.start_agent()
    lab.wait_serving("web")
    assert {lab.fetch(URL) for _ in range(30)} == set(lab.backends)
    # web's three, of which the second service has two
    # Handshakes have half a minute, then no record may be left.
    lab.wait_for(lambda: len(entries(lab)[1]) == 3 and len(entries(lab)[2]) == 2, 90,
                 "what nobody has to be released")
    members, backends, services = entries(lab)
    assert len(members) == 5 and len(services) == 2
    assert {m[0] for m in members} == services and {m[1] for m in members} == backends
    pinned = {folder: {int(name.split("_")[0]) for name in os.listdir(lab.pin(folder))}
              for folder in ("slots", "moves", "seats")}
    assert pinned["slots"] == pinned["seats"] == services and pinned["moves"] <= services


def test_leftovers(web):
    """Tables whose service an agent did not live to write, or to release, are swept by the next one."""
    web.stop_agent(signal.SIGKILL)
    for pin in ("slots/77_0", "slots/77_1", "moves/77", "seats/77", "seats/77_next"):
        run("bpftool", "map", "create", web.pin(pin), "type", "array", "key", "4", "value", "4",
            "entries", "1", "name", "left")
    web.start_agent()
    web.wait_serving("web")
    for folder in ("slots", "moves", "seats"):
        assert not [name for name in os.listdir(web.pin(folder)) if name.startswith("77")]
    assert web.fetch(URL) in web.backends


def test_no_descriptors(web):
    """Without any the agent can ask nobody: no backend is blamed, the log says so, and when it is over."""
    limits = resource.prlimit(web.agent.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(web.agent.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    web.wait_for(lambda: "could not be tried: this machine lacks" in web.log_tail(), 10, "the log to say so")
    resource.prlimit(web.agent.pid, resource.RLIMIT_NOFILE, limits)
    web.wait_for(lambda: "probes can be tried again" in web.log_tail(), 15, "and that it is over")
    assert [b["state"] for b in web.status()["services"][0]["backends"]] == ["up"] * 3
    assert " is down" not in web.log_tail()


def test_second_agent_is_refused(web):
    """One sentence, and the first goes on."""
    r = web.inside("lb", f"{web.build}/fairleadd", "-c", web.config_path, "-f", check=False)
    assert "another fairleadd already runs instance" in r
    assert web.fetch(URL) in web.backends


def reload_by(lab, how):
    """SIGHUP or the CLI; waits until it is done."""
    loaded = lab.status()["config"]["loaded_at"]
    if how == "cli":
        lab.cli("config", "apply")
    else:
        lab.agent.send_signal(signal.SIGHUP)
    lab.wait_for(lambda: lab.status()["config"]["loaded_at"] != loaded, 3, "the reload")


@pytest.mark.parametrize("how", ["cli", "hup"])
def test_reload(web, how):
    """A backend goes, a service comes, a weight changes; then all of it is taken back."""
    two = [("b1", v4("b1"), 300), ("b2", v4("b2"), 100)]
    web.configure(web.head() + "services:\n" + service(backends=two) +
                  service(name="second", vip=VIP4_B))
    reload_by(web, how)
    web.wait_serving("second")
    # b3's seat is vacant, and its slots are spread by chance: give or take six standard deviations.
    web.wait_for(lambda: abs(web.backend("web", "b1")["slots"] - 49152) < 300, 2, "the new weights")
    assert {web.fetch(URL) for _ in range(20)} == {"b1", "b2"}
    assert {web.fetch(f"http://{VIP4_B}/") for _ in range(40)} == set(web.backends)
    web.configure(web.head() + "services:\n" + service())
    reload_by(web, how)
    web.wait_state("web", "b3", "up")
    web.wait_for(lambda: web.backend("web", "b3")["slots"] > 21000, 2, "b3's slots")
    assert [s["name"] for s in web.status()["services"]] == ["web"]
    assert web.fetch(f"http://{VIP4_B}/", patience=1) is None


def test_another_slot_count(web):
    """A new size class is a new service in the old one's place: verdicts stay, nothing is refused."""
    web.configure(web.head() + "services:\n" + service(slots=4096))
    web.cli("config", "apply")
    web.wait_for(lambda: sum(b["slots"] for b in web.status()["services"][0]["backends"]) == 4096,
                 2, "the smaller table")
    assert {b["state"] for b in web.status()["services"][0]["backends"]} == {"up"}
    assert {web.fetch(URL) for _ in range(40)} == set(web.backends)


def test_bad_reload_changes_nothing(web):
    """Every mistake is told with its place; the running configuration stays."""
    before = web.status()
    web.configure(web.head() + "services:\n" + service(port=70000).replace("weight", "wieght"))
    r = web.cli("config", "apply", check=False)
    assert r.returncode == 1
    assert "fairlead.yaml:" in r.stderr and "70000 is not in 1..65535" in r.stderr
    assert 'did you mean "weight"' in r.stderr
    after = web.status()
    assert after["config"]["loaded_at"] == before["config"]["loaded_at"]
    assert after["services"][0]["ports"] == "80"
    assert web.fetch(URL) in web.backends
    web.agent.send_signal(signal.SIGHUP)
    web.wait_for(lambda: "the running configuration stays" in web.log_tail(), 3, "the log")


def test_systemd_is_told(lab):
    """READY at the start and after each reload, a reload in vain included; STOPPING at the end."""
    path = f"{lab.folder}/notify"
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)

        def told():
            return manager.recv(4096).decode().split("\n")
        lab.configure(lab.head() + "services:\n" + service())
        lab.start_agent(env={**os.environ, "NOTIFY_SOCKET": path})
        ready = told()
        assert ready[0] == "READY=1" and ready[1] == "STATUS=1 services on 1 interfaces"
        for text in (service(), service(port=70000)):
            lab.configure(lab.head() + "services:\n" + text)
            lab.agent.send_signal(signal.SIGHUP)
            reloading = told()
            assert reloading[0] == "RELOADING=1" and reloading[1].startswith("MONOTONIC_USEC=")
            assert told() == ["READY=1"]
        lab.stop_agent()
        assert told() == ["STOPPING=1"]


def test_flow_key_stays(web):
    """A change that would move every flow is refused with what to do."""
    web.configure(web.head(flow_key='"' + "ab" * 32 + '"') + "services:\n" + service())
    r = web.cli("config", "apply", check=False)
    assert r.returncode == 1 and "every flow would move" in r.stderr
    assert web.fetch(URL) in web.backends


@pytest.mark.parametrize("policy, verdict", [("drop", "drop_agent_lost"), ("pass", "pass_agent_lost"),
                                             ("keep", None)])
def test_lease(lab, policy, verdict):
    """An agent that stands still loses its lease; the program does what the file says, until it is back."""
    lab.configure(lab.head(on_agent_loss=policy, lease="300ms") + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    assert lab.fetch(URL) in lab.backends
    lab.agent.send_signal(signal.SIGSTOP)
    time.sleep(0.8)
    answer = lab.fetch(URL, patience=1)
    lab.agent.send_signal(signal.SIGCONT)
    assert (answer in lab.backends) == (verdict is None)
    lab.wait_for(lambda: lab.fetch(URL) in lab.backends, 5, "the lease to be renewed")
    counts = {v["name"]: v["packets"] for v in lab.status()["verdicts"]}
    if verdict:
        assert counts[verdict] > 0
    assert lab.status()["lease"]["lapses"] >= 1


def test_change_of_policy_replaces_the_program(web):
    """on_agent_loss is a gate: a reload loads another program into the same place."""
    def program():
        if web.status()["interfaces"][0]["attach"] == "dispatcher":
            return run("bpftool", "map", "dump", "pinned", web.pin("entry_prog"))
        return web.ip("lb", "-d", "link", "show", "eth0").split("prog/xdp id ")[1].split()[0]
    before = program()
    web.configure(web.head(on_agent_loss="drop") + "services:\n" + service())
    web.cli("config", "apply")
    assert program() != before
    assert web.fetch(URL) in web.backends


def test_loading_is_no_death(lab):
    """Another program takes longer to be loaded than a short lease lasts, which does not lapse for that."""
    def applies(**more):
        lab.configure(lab.head(on_agent_loss="drop", lease="100ms") + "services:\n" + service(**more))
        before = lab.status()["lease"]["lapses"]
        lab.cli("config", "apply")
        return lab.status()["lease"]["lapses"] - before
    lab.configure(lab.head(on_agent_loss="drop", lease="100ms") + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    # A busy machine may keep the agent from running for so long, but hardly each time.
    assert 0 in [applies(**more) for more in ({"limits": "{packets: 1000000}"}, {}) * 3]


def test_detach(web):
    """--detach leaves no program and no pin."""
    web.stop_agent()
    out = web.inside("lb", f"{web.build}/fairleadd", "--detach", "-c", web.config_path)
    assert "detached" in out
    assert "xdp" not in web.ip("lb", "link", "show", "eth0")
    assert not os.path.exists(f"/sys/fs/bpf/fairlead/{web.instance}")
