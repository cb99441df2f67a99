# SPDX-License-Identifier: GPL-2.0-or-later
"""What an apply would do is told before it, and is what it then does."""
import json

import pytest
from conftest import FAST, service
from lab.topology import VIP4_B, v4

THREE = [(b, v4(b), 100) for b in ("b1", "b2", "b3")]
NEVER = FAST.replace("type: tcp", "type: tcp, port: 9")  # nobody is there


def diff(lab, *argv, code=1):
    """The answer to `config diff --json`."""
    r = lab.cli("config", "diff", "--json", *argv, check=False)
    assert r.returncode == code, r.stderr
    return json.loads(r.stdout)


def write(lab, *services, **head):
    """The agent's file: these services."""
    lab.configure(lab.head(**head) + "services:\n" + "".join(services))


def moved(before, after):
    """Slots that have another owner."""
    return sum(a != b for a, b in zip(before, after))


def settle(lab, name, want):
    """Waits until the status says that so many slots belong to each backend."""
    def done():
        (s,) = [s for s in lab.status()["services"] if s["name"] == name]
        return {b["id"]: b["slots"] for b in s["backends"] if b["slots"]} == want
    lab.wait_for(done, 8, f"{name} to have {want}")


def later(told, status, name="web"):
    """{backend: slots} once all is done: what the diff says, the others as they are."""
    (s,) = [s for s in status["services"] if s["name"] == name]
    slots = {b["id"]: b["slots"] for b in s["backends"]}
    slots.update({b["id"]: b["slots_later"] for b in told["backends"]})
    return {b: n for b, n in slots.items() if n}


def apply_and_compare(lab, *services):
    """Applies, and holds what is so then against what was told; returns what was told."""
    write(lab, *services)
    told = diff(lab)
    (s,) = told["services"]
    status, before = lab.status(), lab.owners()
    assert lab.owners() == before and lab.status()["services"][0]["generation"] == \
        status["services"][0]["generation"], "nothing has moved by asking"
    lab.cli("config", "apply")
    settle(lab, "web", later(s, status))
    after = lab.owners()
    assert moved(before, after) == s["slots"]["later"]
    assert s["slots"]["later"] <= s["slots"]["moved"] and s["effect"] == "kept"
    assert diff(lab, code=0) == {"changed": False, "refused": None, "changes": [], "services": [],
                                 "program": {"replaced": False, "opens": [], "closes": []}}
    return told


@pytest.fixture
def two(lab):
    """The usual agent, with two of the three backends."""
    write(lab, service(backends=THREE[:2]))
    lab.start_agent()
    for b in ("b1", "b2"):
        lab.wait_state("web", b, "up")
    lab.wait_for(lambda: all(lab.backend("web", b)["slots"] for b in ("b1", "b2")), 5, "slots")
    return lab


def test_one_that_comes_and_goes(two):
    """Added, then removed: exactly the slots that were told."""
    told = apply_and_compare(two, service(backends=THREE))
    assert [(c["kind"], c["service"], c["backend"], c["what"]) for c in told["changes"]] == [("added", "web", "b3", None)]
    (s,) = told["services"]
    rows = {b["id"]: b for b in s["backends"]}
    assert rows["b3"]["effect"] == "added" and rows["b3"]["slots"] == 0 == rows["b3"]["slots_at_once"]
    assert abs(rows["b3"]["slots_later"] - 65536 / 3) <= 1
    assert s["slots"]["at_once"] > 0, "a seat that is new takes its slots from their chains at once"
    told = apply_and_compare(two, service(backends=THREE[:2]))
    (s,) = told["services"]
    assert s["slots"]["moved"] == s["slots"]["at_once"] == rows["b3"]["slots_later"]
    assert s["clean_in_s"] >= s["hold_s"] == 900 and s["connections"]["kept"]


def test_at_once(two):
    """A backend that never comes up: only what moves at once does."""
    write(two, service(backends=THREE[:2], probe=NEVER, health="{start: up}"), service("other", VIP4_B, backends=THREE[:2]))
    write(two, service(backends=[*THREE[:2], ("b9", "10.77.0.99", 100)]))
    (s,) = diff(two)["services"]
    before = two.owners()
    two.cli("config", "apply")
    two.wait_for(lambda: moved(before, two.owners()) == s["slots"]["at_once"], 5, "what moves at once")
    two.wait_state("web", "b9", "down")
    assert moved(before, two.owners()) == s["slots"]["at_once"] < s["slots"]["moved"]
    assert {b["id"]: b["slots_at_once"] for b in s["backends"]} == \
        {b: two.backend("web", b)["slots"] for b in ("b1", "b2", "b9")}


def test_weights(two):
    """Another weight; one of zero, which is as good as gone, but for its connections."""
    told = apply_and_compare(two, service(backends=[THREE[0], ("b2", v4("b2"), 50)]))
    assert told["changes"] == [{"kind": "changed", "service": "web", "backend": "b2", "what": "weight",
                                "from": "100", "to": "50"}]
    told = apply_and_compare(two, service(backends=[THREE[0], ("b2", v4("b2"), 0)]))
    assert told["services"][0]["slots"]["later"] == 21845


def test_options(two):
    """Some move nothing, and say so; some make another service of it."""
    told = apply_and_compare(two, service(backends=THREE[:2], idle="20m", hold="10m", passive="true",
                                          limits="{packets: 1000}"))
    (s,) = told["services"]
    assert s["slots"]["moved"] == 0 and s["backends"] == [] and s["clean_in_s"] == 0
    assert told["program"] == {"replaced": True, "opens": ["limits", "passive"], "closes": []}
    assert {c["what"]: (c["from"], c["to"]) for c in told["changes"]} == {
        "idle": ("15m", "20m"), "hold": ("15m", "10m"), "passive": ("false", "true"), "limits.packets": (None, "1000")}
    write(two, service(backends=THREE[:2], slots=4096))
    told = diff(two)
    (s,) = told["services"]
    assert s["effect"] == "replaced" and s["slots"]["moved"] is None and not s["connections"]["kept"]
    assert told["program"]["closes"] == ["limits", "passive"]


def test_drained(two):
    """What an operator has said holds for what is told, too."""
    two.cli("drain", "b2")
    settle(two, "web", {"b1": 65536})
    told = apply_and_compare(two, service(backends=THREE))
    rows = {b["id"]: b for b in told["services"][0]["backends"]}
    assert rows["b3"]["slots_later"] > 30000 and "b2" not in rows


def test_services(two):
    """One that comes needs nothing of others; one that goes, or has another address, ends what it has."""
    other = service("other", VIP4_B, backends=THREE[:2])
    write(two, service(backends=THREE[:2]), other)
    told = diff(two)
    (s,) = told["services"]
    assert (s["name"], s["effect"], s["slots"]["filled"], s["slots"]["moved"]) == ("other", "added", 65536, 0)
    before = two.owners()
    two.cli("config", "apply")
    settle(two, "other", {b["id"]: b["slots_later"] for b in s["backends"]})
    assert two.owners() == before
    write(two, other.replace(VIP4_B, "192.0.2.77"))
    told = diff(two)
    assert sorted((s["name"], s["vip"], s["effect"]) for s in told["services"]) == \
        [("other", VIP4_B, "removed"), ("other", "192.0.2.77", "added"), ("web", "192.0.2.10", "removed")]
    assert all(s["connections"]["kept"] == (s["effect"] == "added") for s in told["services"])


def test_text_of_another_file(two, tmp_path):
    """For people, of a file that is nobody's yet; the agent's own is not touched."""
    path = tmp_path / "next.yaml"
    path.write_text(two.head(log="{level: debug}") + "services:\n"
                    + service(backends=[("b1", v4("b1"), 50), *THREE[1:]], probe="{type: http, headers: [\"X-Key: s3cret\"]}"))
    r = two.cli("config", "diff", str(path), check=False)
    assert r.returncode == 1 and r.stderr == ""
    for line in ("instance\n  log.level: info -> debug\n", "service web (192.0.2.10 tcp 80)\n",
                 f"  backend b3 added: address {v4('b3')}\n", "  backend b1: weight: 100 -> 50\n",
                 "  probe.type: tcp -> http\n", "  probe.headers: (none) -> (not shown)\n",
                 "of 65536 get another backend", "b3: 0 -> 0 -> ", "clean again after 15m31s"):
        assert line in r.stdout, (line, r.stdout)
    assert "s3cret" not in r.stdout
    assert two.cli("config", "diff", check=False).stdout == "no change\n"
    r = two.cli("config", "apply", "--dry-run")
    assert r.stdout == "no change\n"


def test_what_is_refused(two, tmp_path):
    """Mistakes, and what the running agent can't have: the sentence, and 2."""
    path = tmp_path / "next.yaml"
    path.write_text("interfaces: [eth0]\nservices: [{nome: a}]\n")
    r = two.cli("config", "diff", str(path), check=False)
    assert r.returncode == 2 and f"{path}:2:13: services[0].nome: unknown key" in r.stderr and not r.stdout
    two.configure(path.read_text())
    r = two.cli("config", "apply", "--dry-run", check=False)
    assert r.returncode == 2 and "nome" in r.stderr
    path.write_text(two.head(flow_key="0123456789abcdef" * 4) + "services:\n" + service(backends=THREE[:2]))
    r = two.cli("config", "diff", str(path), check=False)
    assert r.returncode == 2 and "flow_key cannot change" in r.stderr and "flow_key: (none) -> (not shown)" in r.stdout
    path.write_text(two.head().replace("fl-", "xx-", 1) + "services:\n" + service(backends=THREE[:2]))
    r = two.cli("config", "diff", str(path), check=False)
    assert r.returncode == 2 and "instance cannot change" in r.stderr


def test_as_written(two, tmp_path):
    """What is written in another way, or in another order, is no change."""
    path = tmp_path / "next.yaml"
    path.write_text("# the same\n" + two.head() + "services:\n"
                    + service(backends=THREE[1::-1], idle="900s", weight="100").replace("    weight: 100\n", "", 1)
                    .replace("port: 80", "port: '80'", 1))
    r = two.cli("config", "diff", str(path), check=False)
    assert r.returncode == 0 and r.stdout == "no change\n", r.stdout
