# SPDX-License-Identifier: GPL-2.0-or-later
"""One configuration for all peers: on all or on none, whoever is silent, killed, or applies at the same moment."""
import json
import os
import signal
import subprocess

from conftest import service
from lab.topology import v4
from test_peers import balancer, configure, pair, start, wait_equal, wait_peer  # pylint: disable=unused-import

TWO = [("b1", v4("b1"), 100), ("b2", v4("b2"), 100)]
ONE = [("b3", v4("b3"), 100)]


def forget(both):
    """What earlier tests left beside the files."""
    for one in both:
        for end in (".peers", ".peers-new", ".rolled-back"):
            if os.path.exists(one.config_path + end):
                os.unlink(one.config_path + end)


def begin(both, services=None):
    """Both serve, and know each other; no epoch was ever decided."""
    forget(both)
    start(both, services)
    for one in both:
        one.wait_serving("web", 10)
    wait_equal(both)


def backends(one):
    """What runs."""
    return [b["id"] for b in one.status()["services"][0]["backends"] if b["state"] != "leaving"]


def accord(one):
    """What a machine says of configurations for all."""
    return one.status()["peers"]["accord"]


def wait_epoch(one, epoch, patience=10):
    """Until that epoch is in force there, and nothing is under way."""
    one.wait_for(lambda: (lambda a: a["epoch"] == epoch and a["state"] == "in force" and not a["preparing"]
                          and not a["behind"])(accord(one)), patience, f"epoch {epoch} to be in force")


def content(one):
    """What the agent's file says."""
    with open(one.config_path, encoding="utf-8") as f:
        return f.read()


def test_all_or_none(pair):
    """Said to one, in force on both, in their files and after a start; refused by one, in force on none."""
    lb, lb2 = pair
    begin(pair)
    assert accord(lb)["epoch"] == 0
    configure(lb, service(backends=TWO))
    done = lb.cli("config", "apply", "--peers", "--reason", "b3 goes")
    assert done.stdout == "peer lb2: applied\napplied\n"
    for one in pair:
        wait_epoch(one, 1)
        assert backends(one) == ["b1", "b2"]
        assert accord(one)["by"] == v4("lb")
        assert v4("b3") not in content(one)
    # Machines' own parts stay; what the file held is beside it.
    assert f'listen: "{v4("lb2")}"' in content(lb2) and f"instance: {lb2.instance}" in content(lb2)
    with open(f"{lb2.config_path}.rolled-back", encoding="utf-8") as f:
        assert v4("b3") in f.read()
    wait_equal(pair)
    lb2.stop_agent()
    lb2.start_agent()
    wait_epoch(lb2, 1)
    assert backends(lb2) == ["b1", "b2"]
    # The peer has no address that fullnat could send from, so it cannot have it.
    configure(lb, service(backends=[("b3", v4("b3"), 100, 8080)], forward="fullnat"))
    lb.configure(content(lb).replace("services:\n", f"snat: {{ipv4: [{v4('lb')}]}}\nservices:\n"))
    refused = lb.cli("config", "apply", "--peers", check=False)
    assert refused.returncode == 1 and "peer lb2: refused: " in refused.stderr, refused.stderr
    assert "not every peer could apply it" in refused.stderr and "applied" not in refused.stdout
    for one in pair:
        one.wait_for(lambda one=one: accord(one)["preparing"] == 0, 5, "it to be given up")
        assert accord(one)["epoch"] == 1 and backends(one) == ["b1", "b2"]
    wait_equal(pair)
