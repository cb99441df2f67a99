# SPDX-License-Identifier: GPL-2.0-or-later
"""An apply that can't be done in the middle of its services leaves all as it was, and names the one that failed."""
import glob
import json
import os
import resource

import pytest
from conftest import answers, service
from lab.topology import VIP4, VIP4_B, run, v4
from test_refusals import same_bucket

TWO = [(b, v4(b), 100) for b in ("b1", "b2")]
THREE = [(b, v4(b), 100) for b in ("b1", "b2", "b3")]
MAPS = ("services", "svc_index", "vips", "sources", "nat_back", "backends")
URL = f"http://{VIP4}/"


def others(lab):
    """Files of the instance, and what its maps say: all but counters."""
    (root,) = glob.glob(f"/sys/fs/bpf/fairlead/{lab.instance}/v*")
    pins = sorted(os.path.join(at, name)[len(root):] for at, _, names in os.walk(root) for name in names)
    dumps = {name: run("bpftool", "map", "dump", "pinned", f"{root}/{name}") for name in MAPS}
    return pins, dumps, lab.slot_tables()


def running(lab):
    """What the agent says of its services, but for rates and times."""
    return [(s["name"], s["vip"], s["ports"], s["forward"], s["generation"], s["seats_epoch"],
             [(b["id"], b["state"], b["weight"], b["slots"]) for b in s["backends"]])
            for s in lab.status()["services"]]


def refused(lab):
    """Applies in vain; the sentence, once all is as it was."""
    r = lab.cli("config", "apply", check=False)
    assert r.returncode == 1, "it was not refused"
    assert "the running configuration stays" in r.stderr
    return r.stderr


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


def test_no_more_files(five):
    """Whichever descriptor is the one too many: a program's, a map's, a table's of the third service."""
    lab, text = five
    before, said = others(lab), running(lab)
    new = (text.replace("slots: 4096", "slots: 65536", 1)  # s0 becomes another service
           .replace("weight: 100}", "weight: 50}", 3)
           .replace("  - name: s3\n", "  - name: s3\n    limits: {packets: 100000}\n    sources: {deny: [203.0.113.0/24]}\n")
           + "".join(service(f"n{i}", f"192.0.2.{20 + i}", slots=4096, backends=THREE) for i in range(4))
           + service("range", "192.0.2.30", port="100-199", slots=4096, backends=THREE,
                     probe="{type: tcp, port: 80}"))
    lab.configure(lab.head() + "services:\n" + new)
    pid, told = lab.agent.pid, []
    top = max(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    import time
    for more in range(3, 200):
        t0 = time.time()
        # The command's own connection is one of them.
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (top + more, limits[1]))
        r = lab.cli("config", "apply", check=False)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
        if r.returncode == 0:
            break
        told.append(r.stderr)
        print(more, round(time.time() - t0, 2), r.stderr.strip()[-330:], flush=True)
        assert "the running configuration stays" in r.stderr, r.stderr
        assert running(lab) == said, r.stderr
        lab.wait_for(lambda: others(lab) == before, 3, f"all to be as it was after {r.stderr}")
    else:
        raise AssertionError("it never worked")
    assert answers(lab, URL) == {"b1", "b2"}
    print("\n".join(sorted(set(told))))
    assert any("service 'n" in line and "slot table" in line for line in told), told
    assert [s["name"] for s in lab.status()["services"]] == ["s0", "s1", "s2", "s3", "s4", "n0", "n1", "n2", "n3", "range"]
