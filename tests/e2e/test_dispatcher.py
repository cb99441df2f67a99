# SPDX-License-Identifier: GPL-2.0-or-later
"""Sharing an interface's hook with other XDP programs through libxdp's dispatcher."""
import os
import re

import pytest
from conftest import service
from lab.topology import VIP4, CommandFailed

URL = f"http://{VIP4}/"


@pytest.fixture
def dispatched(web):
    """The usual agent, where the kernel let it attach through the dispatcher."""
    if web.status()["interfaces"][0]["attach"] != "dispatcher":
        pytest.skip("this kernel does not let a program replace a function of another")
    return web


def loader(lab, do, *argv, host="lb"):
    """The stock xdp-loader on a host's interface."""
    return lab.inside(host, "xdp-loader", do, "eth0", *argv)


def load_other(lab):
    """A program that passes everything, as somebody else would load it."""
    loader(lab, "load", "-m", "native", f"{lab.build}/tests/xdp_pass.bpf.o")


def on_hook(lab):
    """Names of the programs behind the dispatcher of the balancer's interface."""
    return set(re.findall(r"=>\s+\d+\s+(\w+)", loader(lab, "status")))


def detach(lab):
    """Takes fairlead off while no agent runs."""
    lab.inside("lb", f"{lab.build}/fairleadd", "--detach", "-c", lab.config_path)


def may_change_packets(lab):
    """Whether the stock dispatcher takes programs that change packets: new kernels insist on more."""
    try:
        loader(lab, "load", "-m", "native", f"{lab.build}/bpf/decap.bpf.o", host="client")
    except CommandFailed:
        return False
    loader(lab, "unload", "--all", host="client")
    return True


def check_life(lab, mates):
    """Beside `mates`: serving, agent's end and return, a program replaced in place, detached."""
    assert on_hook(lab) == mates | {"fairlead"}
    assert lab.fetch(URL) in lab.backends
    lab.stop_agent()
    assert lab.fetch(URL) in lab.backends
    lab.start_agent()
    assert lab.status()["interfaces"][0]["attach"] == "dispatcher"
    lab.configure(lab.head(on_agent_loss="drop") + "services:\n" + service())
    lab.cli("config", "apply")
    assert lab.fetch(URL) in lab.backends
    lab.stop_agent()
    detach(lab)
    assert on_hook(lab) == mates
    assert not os.path.exists(f"/sys/fs/bpf/fairlead/{lab.instance}")


def test_another_comes(dispatched):
    """Another program wants in later; where its loader cannot do that, fairlead serves on."""
    lab = dispatched
    if may_change_packets(lab):
        load_other(lab)
        check_life(lab, {"pass"})
        loader(lab, "unload", "--all")
    else:
        with pytest.raises(CommandFailed, match="dispatcher"):
            load_other(lab)
        check_life(lab, set())


def test_another_was_first(dispatched):
    """The other program is there already, put there by the stock loader's dispatcher."""
    lab = dispatched
    lab.stop_agent()
    detach(lab)
    load_other(lab)
    try:
        lab.start_agent()
        lab.wait_serving("web")
        check_life(lab, {"pass"})
    finally:
        loader(lab, "unload", "--all")
