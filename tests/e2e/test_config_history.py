# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations that were applied: kept, confirmed, brought back, also by an agent that was killed."""
import json
import os
import pwd
import signal
import subprocess
import time

import pytest
from conftest import service
from lab.topology import v4

NOBODY = pwd.getpwnam("nobody").pw_uid
NOGROUP = pwd.getpwnam("nobody").pw_gid
TWO = [("b1", v4("b1"), 100), ("b2", v4("b2"), 100)]


def history(lab):
    """The versions, newest first."""
    return json.loads(lab.cli("config", "history", "--json").stdout)["versions"]


def backends(lab):
    """What runs."""
    return [b["id"] for b in lab.status()["services"][0]["backends"] if b["state"] != "leaving"]


def content(lab):
    """What the agent's file says."""
    with open(lab.config_path, encoding="utf-8") as f:
        return f.read()


def as_nobody(lab, *argv):
    """What `fairlead` says to a user who reaches the socket, and is nobody else."""
    return subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOGROUP}", "--clear-groups", "--inh-caps=+dac_override",
                           "--ambient-caps=+dac_override", f"{lab.build}/fairlead", "-s", lab.socket, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)


@pytest.fixture
def two(web):
    """The usual agent, its file then saying something else: (lab, the old text, the new one)."""
    web.wait_for(lambda: history(web), 5, "the first version")
    old = content(web)
    new = web.head() + "services:\n" + service(backends=TWO)
    web.configure(new)
    yield web, old, new
    for name in ("fairlead.yaml.rolled-back",):
        if os.path.exists(f"{web.folder}/{name}"):
            os.unlink(f"{web.folder}/{name}")


def test_history(two):
    """Who, when, how and why; what has not changed is no new version."""
    lab, old, new = two
    lab.cli("config", "apply", "--reason", "b3 goes; 50 % \u20ac & done")
    assert backends(lab) == ["b1", "b2"]
    lab.cli("config", "apply")
    versions = history(lab)
    assert [(v["version"], v["origin"], v["actor"], v["reason"]) for v in versions] == \
        [(2, "apply", "root", "b3 goes; 50 % \u20ac & done"), (1, "start", None, None)]
    assert [v["bytes"] for v in versions] == [len(new), len(old)]
    assert abs(time.time() - os.stat(lab.config_path).st_mtime) < 60
    text = lab.cli("config", "history").stdout
    assert "apply by root: b3 goes; 50 % \u20ac & done" in text.splitlines()[0]
    assert len(lab.cli("config", "history", "-n", "1").stdout.splitlines()) == 1
    lab.stop_agent()
    lab.start_agent()
    lab.wait_for(lambda: lab.status()["config"]["version"] == 2, 5, "the same version to be known")
    assert len(history(lab)) == 2


def test_rollback(two):
    """To the one before, to any; the file follows, and what it held stays beside it."""
    lab, old, new = two
    os.chmod(lab.config_path, 0o640)
    lab.cli("config", "apply")
    assert "version 1 is in force again" in lab.cli("config", "rollback", "--reason", "oops").stdout
    assert backends(lab) == ["b1", "b2", "b3"]
    assert content(lab) == old
    with open(f"{lab.config_path}.rolled-back", encoding="utf-8") as f:
        assert f.read() == new
    assert os.stat(lab.config_path).st_mode & 0o777 == 0o640
    assert history(lab)[0]["origin"] == "rollback" and history(lab)[0]["reason"] == "oops"
    lab.cli("config", "rollback", "2")
    assert backends(lab) == ["b1", "b2"] and content(lab) == new
    lab.cli("config", "rollback")  # back and forth
    assert backends(lab) == ["b1", "b2", "b3"] and content(lab) == old
    lab.stop_agent()
    lab.start_agent()
    assert backends(lab) == ["b1", "b2", "b3"]
    r = lab.cli("config", "rollback", "99", check=False)
    assert r.returncode == 1 and "no configuration 99" in r.stderr


def test_show(two):
    """What a version says, byte for byte, for who may read the agent's file; what bringing it back would do."""
    lab, old, new = two
    odd = new + "# \u20ac: no newline follows"
    lab.configure(odd)
    lab.cli("config", "apply")
    assert [lab.cli("config", "show", v).stdout for v in "12"] == [old, odd]
    assert json.loads(lab.cli("config", "show", "2", "--json").stdout) == {"version": 2, "text": odd}
    r = lab.cli("config", "show", "3", check=False)
    assert r.returncode == 1 and "fairlead config show: the journal has no configuration 3" in r.stderr and not r.stdout
    os.chmod(lab.config_path, 0o600)
    assert len(as_nobody(lab, "config", "history").stdout.splitlines()) == 2
    r = as_nobody(lab, "config", "show", "1")
    assert r.returncode == 1 and "only who may read that file" in r.stderr and not r.stdout
    for owner, group, mode in ((0, 0, 0o644), (0, NOGROUP, 0o640), (NOBODY, 0, 0o600)):
        os.chown(lab.config_path, owner, group)
        os.chmod(lab.config_path, mode)
        assert as_nobody(lab, "config", "show", "1").stdout == old, (owner, group, mode)
    for owner, group, mode in ((NOBODY, NOGROUP, 0o244), (0, 0, 0o640)):
        os.chown(lab.config_path, owner, group)
        os.chmod(lab.config_path, mode)
        assert as_nobody(lab, "config", "show", "1").returncode == 1, (owner, group, mode)


def test_diff_of_version(two):
    """Told as of a file, and it is what the rollback then does."""
    lab, old, _ = two
    lab.cli("config", "apply")
    told = json.loads(lab.cli("config", "diff", "--version", "1", "--json", check=False).stdout)
    assert [(c["kind"], c["backend"]) for c in told["changes"]] == [("added", "b3")]
    assert told["services"][0]["slots"]["moved"] > 20000
    r = lab.cli("config", "diff", "--version", "1", check=False)
    assert r.returncode == 1 and f"backend b3 added: address {v4('b3')}" in r.stdout
    assert lab.cli("config", "diff", "--version", "2").stdout == "no change\n"
    r = lab.cli("config", "diff", "--version", "9", check=False)
    assert r.returncode == 2 and "no configuration 9" in r.stderr and not r.stdout
    lab.configure("services: [{nome: a}]\n")  # the file plays no part
    lab.cli("config", "rollback", "1")
    assert backends(lab) == ["b1", "b2", "b3"] and content(lab) == old
    assert lab.cli("config", "diff", "--version", "1").stdout == "no change\n"


def test_confirmed(two):
    """It stays; nothing else may be applied by command meanwhile."""
    lab, _, new = two
    assert "unless you say" in lab.cli("config", "apply", "--confirm", "3s").stdout
    assert lab.status()["config"]["unconfirmed"] and 0 < lab.status()["config"]["confirm_in_s"] <= 3
    r = lab.cli("config", "apply", check=False)
    assert r.returncode == 1 and "waits for its confirmation" in r.stderr
    assert "confirmed" in lab.cli("config", "confirm").stdout
    time.sleep(4.5)
    assert backends(lab) == ["b1", "b2"] and content(lab) == new
    assert not lab.status()["config"]["unconfirmed"]
    r = lab.cli("config", "confirm", check=False)
    assert r.returncode == 1 and "no configuration waits" in r.stderr


def test_not_confirmed(two):
    """The one before comes back by itself, in the agent and in its file."""
    lab, old, new = two
    lab.cli("config", "apply", "--confirm", "2s", "--reason", "try")
    assert backends(lab) == ["b1", "b2"]
    lab.wait_for(lambda: backends(lab) == ["b1", "b2", "b3"], 6, "the one before")
    lab.wait_for(lambda: content(lab) == old, 2, "the file")
    with open(f"{lab.config_path}.rolled-back", encoding="utf-8") as f:
        assert f.read() == new
    assert not lab.status()["config"]["unconfirmed"]
    assert "was not confirmed in time" in lab.log_tail(50)
    assert [v["reason"] for v in history(lab)] == ["it was not confirmed in time", "try", None]


def test_rolled_back_before(two):
    """Whoever sees that it is wrong need not wait."""
    lab, old, _ = two
    lab.cli("config", "apply", "--confirm", "1h")
    lab.cli("config", "rollback")
    assert backends(lab) == ["b1", "b2", "b3"] and content(lab) == old
    assert not lab.status()["config"]["unconfirmed"]
    lab.cli("config", "apply")


@pytest.mark.parametrize("away", [0, 3])
def test_killed_while_it_waits(two, away):
    """kill -9: the next agent brings the one before back in time, or at once if the time is over."""
    lab, old, _ = two
    lab.cli("config", "apply", "--confirm", "3s")
    lab.stop_agent(signal.SIGKILL)
    time.sleep(away)
    lab.start_agent()
    if not away:
        assert backends(lab) == ["b1", "b2"], "not before its time"
    lab.wait_for(lambda: backends(lab) == ["b1", "b2", "b3"], 6, "the one before")
    lab.wait_for(lambda: content(lab) == old, 2, "the file")
    assert not lab.status()["config"]["unconfirmed"]
    lab.stop_agent(signal.SIGKILL)
    lab.start_agent()
    lab.wait_for(lambda: lab.status()["journal"]["open"], 5, "the journal")
    time.sleep(1.5)
    assert backends(lab) == ["b1", "b2", "b3"] and not lab.status()["config"]["unconfirmed"]


def test_killed_at_any_moment(two):
    """However far it had come: one of the two runs, and in the end it is the one before."""
    lab, old, new = two
    for delay in (0, 0.003, 0.01, 0.03):
        lab.configure(new)
        p = lab.procs.start("apply", [f"{lab.build}/fairlead", "-s", lab.socket, "config", "apply", "--confirm", "1s"],
                            netns=lab.ns("lb"), log=f"{lab.folder}/apply.log")
        time.sleep(delay)
        lab.stop_agent(signal.SIGKILL)
        p.wait()
        lab.start_agent()
        lab.wait_for(lambda: lab.status()["journal"]["open"], 5, "the journal")
        # Killed before it was written down, it is as if nobody had asked: then the file is what there is.
        if not lab.status()["config"]["unconfirmed"] and backends(lab) == ["b1", "b2"]:
            lab.wait_for(lambda: lab.status()["config"]["version"], 5, "its version")
            if not any(v["reason"] == "it was not confirmed in time" for v in history(lab)[:1]):
                lab.configure(old)
                lab.cli("config", "apply", check=False)
        lab.wait_for(lambda: backends(lab) == ["b1", "b2", "b3"], 8, "the one before")
        lab.wait_for(lambda: content(lab) == old, 3, "the file")


def test_refused_with_confirmation(two):
    """A file with mistakes changes nothing, and nothing waits."""
    lab, old, _ = two
    lab.configure("services: [{nome: a}]\n")
    r = lab.cli("config", "apply", "--confirm", "2s", check=False)
    assert r.returncode == 1 and "nome" in r.stderr
    assert not lab.status()["config"]["unconfirmed"] and backends(lab) == ["b1", "b2", "b3"]
    lab.configure(old)
    lab.cli("config", "apply")


def test_without_a_journal(lab):
    """What needs it is refused, what does not works."""
    lab.configure(lab.head().replace("journal: {", "journal: {enabled: false, ") + "services:\n" + service())
    lab.start_agent()
    lab.cli("config", "apply")
    for argv in (("apply", "--confirm", "60s"), ("apply", "--reason", "x"), ("history",), ("rollback",),
                 ("confirm",), ("show", "1"), ("diff", "--version", "1")):
        r = lab.cli("config", *argv, check=False)
        assert r.returncode == (2 if argv[0] == "diff" else 1) and "journal.enabled" in r.stderr, argv


@pytest.mark.parametrize("argv, text", [
    (("apply", "--confirm", "1ms"), "from 1s to 24h"), (("confirm", "--now"), "goes with apply and diff only"),
    (("history", "--reason", "x"), "apply and rollback only"), (("rollback", "x"), "a number of history"),
    (("apply", "-n", "1"), "goes with history only"), (("show",), "show takes one version"), (("show", "0"), "show takes one version"),
    (("diff", "--version", "x"), "no number of history"), (("diff", "a", "--version", "1"), "not with a FILE"),
    (("apply", "--version", "1"), "goes with diff only"), (("history", "--peers"), "apply and rollback only"), (("nonsense",), "none of check, diff, apply"),
    (("diff", "--confirm", "60s"), "go with apply only"), (("diff", "a", "b"), "one FILE, or none"),
    (("apply", "--dry-run", "--confirm", "60s"), "nothing to confirm"), (("check", "--json"), "one FILE"),
    (("apply", "--dry-run", "x"), "no argument"),
])
def test_mistakes(network, argv, text):
    """Each with a sentence, before anybody is asked."""
    r = network.cli("config", *argv, check=False)
    assert r.returncode == 2 and text in r.stderr
