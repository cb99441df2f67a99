# SPDX-License-Identifier: GPL-2.0-or-later
"""The CLI against a running agent, and against none."""
import glob
import json
import os
import subprocess
import time

import pytest
from conftest import ROOT, service
from lab.topology import VIP4_B


def test_status_table(web):
    """The table names services, backends and their states."""
    out = web.cli("status").stdout
    for word in ("web", "192.0.2.10", "b1", "b2", "b3", "up"):
        assert word in out


def test_status_json(web):
    """--json is the document of docs/api.md."""
    d = json.loads(web.cli("status", "--json").stdout)
    assert d["instance"] == web.instance and d["interfaces"][0]["mode"] == "native"
    s = d["services"][0]
    assert abs(sum(b["share"] for b in s["backends"]) - 1) < 1e-6 and s["slots_unserved"] == 0
    assert all(b["nexthop"]["resolved"] for b in s["backends"])


def test_watch(web):
    """--watch prints again and again until it is told to stop."""
    r = subprocess.run(["timeout", "-s", "INT", "2", f"{web.build}/fairlead", "-s", web.socket,
                        "status", "--watch=0.5"], stdout=subprocess.PIPE, text=True, check=False)
    assert r.stdout.count("192.0.2.10") >= 2


def test_nobody_answers(lab):
    """One sentence that says what to do, exit 1."""
    r = lab.cli("status", check=False)
    assert r.returncode == 1 and "is fairleadd running? See systemctl status fairleadd" in r.stderr


def test_version(web):
    """Both versions."""
    assert "0.1.0" in web.cli("version").stdout


def test_drain_names_services(lab):
    """What changed, and where; a drain in one service leaves the other alone."""
    lab.configure(lab.head() + "services:\n" + service() + service(name="second", vip=VIP4_B))
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_serving("second")
    assert lab.cli("drain", "b1", "--service", "web").stdout == "drained b1 in web\n"
    assert lab.backend("second", "b1")["state"] == "up"
    assert lab.cli("drain", "b1").stdout == "drained b1 in web, second\n"
    assert lab.cli("drain", "b1").stdout == "nothing to do: b1 is draining already in web, second\n"
    assert lab.cli("undrain", "b1").stdout == "undrained b1 in web, second\n"
    r = lab.cli("drain", "b9", check=False)
    assert r.returncode == 1 and r.stderr == "fairlead drain: there is no backend 'b9'\n"


def test_lapses_are_of_this_agent(web):
    """The lease lapses while no agent runs: that is no warning of the next one."""
    web.stop_agent()
    time.sleep(1.5)  # the lease is 1 s
    web.start_agent()
    assert web.status()["lease"] == {"lapsed": False, "lapses": 0}
    assert "lease" not in web.cli("status").stdout


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(ROOT, "configs/examples/*.yaml"))),
                         ids=os.path.basename)
def test_examples(path, lab):
    """Every example is right."""
    r = lab.cli("config", "check", path)
    assert "ok" in r.stdout


def test_readme_example():
    """The README's YAML is configs/examples/minimal.yaml."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        readme = f.read()
    with open(os.path.join(ROOT, "configs/examples/minimal.yaml"), encoding="utf-8") as f:
        minimal = [line for line in f.read().splitlines() if not line.startswith("#")]
    assert "\n".join(minimal).strip() in readme


def test_usage_errors(lab):
    """A wrong verb is exit 2 with the nearest one; help is exit 0 on stdout."""
    r = lab.cli("statsu", check=False)
    assert r.returncode == 2 and "status" in r.stderr
    for argv, name in ((("version", "--no"), "fairlead version"), (("config", "apply", "-X"), "fairlead config"),
                       (("--no",), "fairlead"), (("drain", "--service"), "fairlead drain")):
        r = lab.cli(*argv, check=False)
        assert r.returncode == 2 and r.stderr.startswith(f"{name}: ")
        assert r.stderr.endswith(f"\nSee {name} --help.\n")
    assert "drain" in lab.cli("--help").stdout
