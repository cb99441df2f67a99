# SPDX-License-Identifier: GPL-2.0-or-later
"""Frames that fill several pages, natively."""
import pytest
from conftest import service, url_of
from lab.topology import VIP4


@pytest.fixture
def jumbo(network):
    """Cables for frames that fill three pages."""
    network.set_mtu(9000)
    yield
    network.set_mtu(1500)


@pytest.mark.parametrize("forward", ["l2", "nat"])
def test_jumbo_frames(jumbo, lab, routed, forward):  # pylint: disable=unused-argument
    """Large requests, in frames larger than a page."""
    body = f"{lab.folder}/body"
    with open(body, "wb") as f:
        f.write(b"x" * 300000)
    lab.configure(lab.head() + "services:\n" + service(forward=forward))
    lab.start_agent()
    lab.wait_serving("web")
    assert lab.status()["interfaces"][0]["mode"] == "native"
    for _ in range(3):
        assert lab.fetch(url_of(VIP4), "--data-binary", f"@{body}", patience=5) in lab.backends
    web = lab.status()["services"][0]
    assert web["bytes"] / web["packets"] > 4000
    assert not [n for n, c in lab.verdicts().items() if n.startswith("drop_") and c]
