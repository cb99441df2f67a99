# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/quickstart.md, typed command by command on the machines that it names."""
import os
import re
import time

from conftest import ROOT
from lab.topology import VIP4, v4

PAGE = os.path.join(ROOT, "docs/quickstart.md")


def steps():
    """[(machines, commands)] of the page, in its order; who is meant is in brackets before, or as before."""
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    where, found = [], []
    for before, block in re.findall(r"(.*?)```sh\n(.*?)```", text, re.S):
        named = re.findall(r"\[((?:b\d|lb|client)(?:, b\d)*)\]", before)
        where = named[-1].split(", ") if named else where
        found.append((where, block))
    return found


class Machines:
    """Where the page's commands are typed: a shell in a network of the lab, with the lab's own paths."""

    def __init__(self, lab):
        self.lab = lab
        self.said = []

    def type(self, host, block):
        """Runs them; returns what they printed."""
        lab = self.lab
        if block.startswith("systemctl enable --now fairleadd\n"):
            lab.start_agent()
            for b in ("web-1", "web-2"):
                lab.wait_state("web", b, "up", 10)
            return ""
        block = block.replace("/etc/fairlead/fairlead.yaml", lab.config_path)
        # The page's file has no names of its own for instance, socket and journal: this machine has others.
        block = block.replace("interfaces: [eth0]\n", lab.head())
        shell = (f"fairlead() {{ {lab.build}/fairlead \"$@\"; }}; export FAIRLEAD_SOCKET={lab.socket}; set -eu\n"
                 f"{block}")
        return lab.inside(host, "bash", "-c", shell)


def test_quick_start(lab):
    """All of it, in order; then a crash, as section 5 tells it."""
    machines = Machines(lab)
    for b in ("b1", "b2"):
        lab.ip(b, "addr", "del", f"{VIP4}/32", "dev", "lo")
        lab.sysctl(b, ipv4__conf__all__arp_ignore=0, ipv4__conf__all__arp_announce=0)
    lab.ip("client", "route", "del", VIP4)
    try:
        said = [machines.type(host, block) for where, block in steps() for host in where]
    finally:
        for b in ("b1", "b2"):
            lab.ip(b, "addr", "replace", f"{VIP4}/32", "dev", "lo")
            lab.sysctl(b, ipv4__conf__all__arp_ignore=1, ipv4__conf__all__arp_announce=2)
        lab.ip("client", "route", "replace", VIP4, "via", v4("lb"))
    text = "\n".join(said)
    assert "ok: 1 services, 2 backends" in text
    assert re.search(r"web-1 +10\.77\.0\.11 +up .* 50\.\d%", text), text
    assert re.search(r"^b[12]$", text, re.M), text
    assert "verdict   send_l2" in text
    assert "drained web-1 in web" in text and re.search(r"web-1 .* draining ", text)
    lab.wait_state("web", "web-1", "up")
    lab.kill_nginx("b1")
    lab.wait_state("web", "web-1", "down", 30)
    assert set(lab.fetch_many(f"http://{VIP4}/", 12)) == {"b2"}
    lab.start_nginx("b1")
    lab.wait_state("web", "web-1", "up", 30)
    # Its slots are moving: new connections find it at once.
    deadline = time.monotonic() + 5
    while set(lab.fetch_many(f"http://{VIP4}/", 24)) != {"b1", "b2"}:
        assert time.monotonic() < deadline
