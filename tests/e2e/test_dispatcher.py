# SPDX-License-Identifier: GPL-2.0-or-later
"""Sharing an interface's hook with other XDP programs through libxdp's dispatcher."""
import os
import re

import pytest
from conftest import service
from lab.topology import VIP4

URL = f"http://{VIP4}/"


@pytest.fixture
def dispatched(web):
    """The usual agent, where the kernel let it attach through the dispatcher."""
    if web.status()["interfaces"][0]["attach"] != "dispatcher":
        pytest.skip("this kernel, or its libxdp, cannot extend the dispatcher: attached alone")
    return web


def neighbour(lab, do, *argv):
    """xdp-loader on the balancer's interface, for a program that passes everything."""
    return lab.inside("lb", "xdp-loader", do, "eth0", *argv)


def test_two_programs(dispatched):
    """Another program comes and goes; fairlead serves meanwhile, is adopted and taken off."""
    lab = dispatched
    neighbour(lab, "load", "-m", "native", f"{lab.build}/tests/xdp_pass.bpf.o")
    listed = lab.inside("lb", "xdp-loader", "status", "eth0")
    assert re.search(r"\sfairlead\s", listed) and re.search(r"\spass\s", listed)
    assert lab.fetch(URL) in lab.backends
    lab.stop_agent()
    assert lab.fetch(URL) in lab.backends
    lab.start_agent()
    assert lab.status()["interfaces"][0]["attach"] == "dispatcher"
    lab.configure(lab.head(on_agent_loss="drop") + "services:\n" + service())
    lab.cli("config", "apply")
    assert lab.fetch(URL) in lab.backends
    lab.stop_agent()
    lab.inside("lb", f"{lab.build}/fairleadd", "--detach", "-c", lab.config_path)
    listed = lab.inside("lb", "xdp-loader", "status", "eth0")
    assert not re.search(r"\sfairlead\s", listed) and re.search(r"\spass\s", listed)
    neighbour(lab, "unload", "--all")
    assert not os.path.exists(f"/sys/fs/bpf/fairlead/{lab.instance}")


def test_beside_one_that_is_there(dispatched):
    """The other program was first."""
    lab = dispatched
    lab.stop_agent()
    lab.inside("lb", f"{lab.build}/fairleadd", "--detach", "-c", lab.config_path)
    neighbour(lab, "load", "-m", "native", f"{lab.build}/tests/xdp_pass.bpf.o")
    try:
        lab.start_agent()
        lab.wait_serving("web")
        assert lab.fetch(URL) in lab.backends
    finally:
        lab.stop_agent()
        lab.inside("lb", f"{lab.build}/fairleadd", "--detach", "-c", lab.config_path)
        neighbour(lab, "unload", "--all")
