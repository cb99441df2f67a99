# SPDX-License-Identifier: GPL-2.0-or-later
"""An apply that can't be done in the middle of its services leaves all as it was, and names the one that failed."""
import array
import json
import os
import resource

import pytest
from conftest import answers, service
from lab.maps import content
from lab.topology import VIP4, VIP4_B, v4
from test_refusals import same_bucket

TWO = [(b, v4(b), 100) for b in ("b1", "b2")]
THREE = [(b, v4(b), 100) for b in ("b1", "b2", "b3")]
MAPS = ("services", "svc_index", "vips", "sources", "nat_back", "backends")
TOMBSTONE = 0xffff0000
URL = f"http://{VIP4}/"


def others(lab):
    """Files of the instance, and what its maps say: all but counters. None: one has gone meanwhile."""
    root = os.path.dirname(lab.pin("services"))
    pins = sorted(os.path.join(at, name)[len(root):] for at, _, names in os.walk(root) for name in names)
    names = [*MAPS, *(name[1:] for name in pins if name.startswith(("/slots/", "/seats/")))]
    try:
        maps = {name: content(f"{root}/{name}") for name in names}
    except FileNotFoundError:
        return None
    # A place that somebody has had is as free as one that nobody has had yet.
    words = array.array("I", maps["svc_index"])
    maps["svc_index"] = [0 if word == TOMBSTONE else word for word in words]
    return pins, maps


def running(lab):
    """What the agent says of its services, but for rates and times."""
    return [(s["name"], s["vip"], s["ports"], s["forward"], s["generation"], s["seats_epoch"],
             [(b["id"], b["state"], b["weight"], b["slots"]) for b in s["backends"]])
            for s in lab.status()["services"]]


@pytest.fixture
def five(lab):
    """An agent with five small services: (lab, their text), and how it all is."""
    text = "".join(service(f"s{i}", vip, port=port, slots=4096, backends=TWO)
                   for i, (vip, port) in enumerate(((VIP4, 80), (VIP4_B, 80), (VIP4, 8000), (VIP4, 8001), (VIP4, "9000-9009"))))
    text = text.replace("type: tcp, ", "type: tcp, port: 80, ")
    lab.configure(lab.head() + "services:\n" + text)
    lab.start_agent()
    lab.wait_for(lambda: all(b["slots"] for s in lab.status()["services"] for b in s["backends"]), 5, "all to serve")
    lab.wait_for(lambda: settled(lab), 3, "what is started to be done")
    return lab, text


def settled(lab):
    """The same twice."""
    return others(lab) == others(lab)


def as_before(lab, before, said, told):
    """After a refusal all is as it was: the services, their tables, the maps, the files; and traffic goes on."""
    assert "the running configuration stays" in told, told
    assert running(lab) == said, told
    # What was made and found by nobody goes after a grace period.
    lab.wait_for(lambda: others(lab) == before, 5, f"all to be as it was after {told}")


def more_of(text):
    """A change of most kinds: one of another size, other weights, and four that are new, of three backends each."""
    return (text.replace("slots: 4096", "slots: 65536", 1).replace("weight: 100}", "weight: 50}", 3)
            + "".join(service(f"n{i}", f"192.0.2.{20 + i}", slots=4096, backends=THREE) for i in range(3))
            + service("range", "192.0.2.30", port="100-199", slots=4096, backends=THREE, probe="{type: tcp, port: 80}"))


def test_no_more_files(five):
    """Descriptors run out in the middle of it, one later each time: at whichever service, it is named."""
    lab, text = five
    before, said = others(lab), running(lab)
    lab.configure(lab.head() + "services:\n" + more_of(text))
    pid, told = lab.agent.pid, []
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # Three: the command's connection, what it is written down with, the file.
    first = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")) + 3
    for most in range(first, first + 40):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, limits[1]))
        r = lab.cli("config", "apply", check=False)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        if r.returncode == 0:
            break
        told.append(r.stderr)
        as_before(lab, before, said, r.stderr)
    assert r.returncode == 0, "it worked in the end"
    failed = {name for line in told for name in ("s0", "n0", "n1", "n2", "range") if f"service '{name}'" in line}
    assert len(failed) >= 3 and all("Too many open files" in line for line in told), told
    assert [s["name"] for s in lab.status()["services"]] == \
        ["s0", "s1", "s2", "s3", "s4", "n0", "n1", "n2", "range"]


def test_at_the_very_end(five):
    """A place that is missing shows when all but one are published: the program with other features goes, too."""
    lab, text = five
    before, said = others(lab), running(lab)
    crowd = same_bucket(17)
    lab.configure(lab.head(sources="{deny: [203.0.113.0/24]}") + "services:\n"
                  + more_of(text).replace("  - name: s3\n", "  - name: s3\n    limits: {packets: 100000}\n")
                  + "".join(service(f"c{i}", vip, port=port, slots=4096, backends=TWO)
                            for i, (vip, port) in enumerate(crowd)))
    r = lab.cli("config", "apply", check=False)
    assert r.returncode == 1 and "cannot add service 'c16'" in r.stderr
    as_before(lab, before, said, r.stderr)
    assert answers(lab, URL) == {"b1", "b2"}
    assert json.loads(lab.cli("config", "diff", "--json", check=False).stdout)["program"]["opens"] == ["sources", "limits"]
