# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody takes the program off its interface, or its pins away: the agent notices, mends it, and says so."""
import os
import shutil
import signal
import time

import pytest

from conftest import answers, service, url_of
from lab.lab import PATIENCE
from lab.pair import clients_link, two_balancers
from lab.topology import VIP4, CommandFailed, run

URL = url_of(VIP4)
KEY = "00112233445566778899aabbccddeeff" * 2


@pytest.fixture(scope="module")
def link(network):
    """A second balancer; the VIP is on the client's link."""
    with clients_link(network, "lb2"):
        yield network


@pytest.fixture
def pair(link, lab):  # pylint: disable=unused-argument
    """Both run with the VIP as their group's address; the first one is active."""
    with two_balancers(lab) as both:
        for balancer, priority, state in zip(both, (150, 100), ("active", "backup")):
            balancer.configure(
                f"vrrp:\n  - {{name: web, interface: eth0, vrid: 51, addresses: [{VIP4}], "
                f"priority: {priority}, interval: 50ms}}\nservices:\n" + service(), flow_key=KEY)
            balancer.start()
            balancer.wait_state(state)
        yield both


def is_dispatched(status):
    """Whether libxdp holds the program on eth0."""
    return status["interfaces"][0]["attach"] == "dispatcher"


def take_off(lab, status):
    """What a person would do who wants the program off lb's eth0."""
    if is_dispatched(status):
        lab.inside("lb", "xdp-loader", "unload", "eth0", "--all")
    else:
        run("bpftool", "link", "detach", "pinned",
            f"/sys/fs/bpf/fairlead/{status['instance']}/v{status['abi']}/links/eth0")


def has_program(lab):
    """Is there any on lb's eth0?"""
    return "prog/xdp" in lab.ip("lb", "link", "show", "eth0")


def test_taken_off(web):
    """It is put back within a second or two, and the log says what happened."""
    take_off(web, web.status())
    web.wait_for(lambda: "the program was not on interface eth0" in web.log_tail(), 10, "the log to tell")
    assert has_program(web)
    assert answers(web, URL) == set(web.backends)
    # It is the agent's again: replaced in place, and taken off in the end.
    web.configure(web.head(on_agent_loss="drop") + "services:\n" + service())
    web.cli("config", "apply")
    assert web.fetch(URL) in web.backends
    web.stop_agent()
    web.inside("lb", f"{web.build}/fairleadd", "--detach", "-c", web.config_path)
    assert not has_program(web)


def test_without_pins(web):
    """All pins are removed: traffic goes on, a configuration can be applied, and so does it after kill -9."""
    if is_dispatched(web.status()):
        pytest.skip("libxdp holds the program")
    shutil.rmtree(f"/sys/fs/bpf/fairlead/{web.instance}")
    assert answers(web, URL) == set(web.backends)
    web.wait_for(lambda: "somebody has removed pins of instance" in web.log_tail(), 10, "the log to tell")
    assert os.path.exists(web.pin("links/eth0"))
    # Nobody else may have the instance now.
    second = web.inside("lb", f"{web.build}/fairleadd", "-c", web.config_path, "-f", check=False)
    assert "already runs instance" in second, second
    web.configure(web.head(on_agent_loss="drop", lease="30s") + "services:\n" + service())
    web.cli("config", "apply")
    assert answers(web, URL) == set(web.backends)
    web.agent.send_signal(signal.SIGKILL)
    web.agent.wait()
    assert answers(web, URL) == set(web.backends)
    web.start_agent()
    web.wait_serving("web")
    assert answers(web, URL) == set(web.backends)


def test_another_in_its_place(pair, lab):
    """It cannot be put back while another program is there: the peer has the VIP until it can."""
    one, two = pair

    def replaced():
        """Once it is off, the agent and the other program race for the interface."""
        take_off(lab, one.status())
        try:
            lab.attach_xdp("lb", "eth0", f"{lab.build}/tests/xdp_pass.bpf.o")
        except CommandFailed:
            return False
        return True
    lab.wait_for(replaced, 10, "the other program to be on eth0 first")
    two.wait_state("active")
    # Told once, and for what it is, however often it is tried.
    time.sleep(2.5 * PATIENCE)
    assert one.log_text().count("cannot be put back") == 1 and "removed pins" not in one.log_text()
    assert one.group()["state"] == "off" or one.group()["fault"], one.group()
    assert not one.has(VIP4)
    assert lab.fetch(URL) in lab.backends
    lab.detach_xdp("lb")
    one.wait_state("active")
    assert answers(lab, URL) == set(lab.backends)
