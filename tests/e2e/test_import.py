# SPDX-License-Identifier: GPL-2.0-or-later
"""`fairlead import`: keepalived's own samples, the docs' transcript, and a file that both run."""
import glob
import os
import re
import subprocess

import pytest
from conftest import ROOT
from lab.pair import Balancer, Keepalived
from lab.topology import VIP4, VIP4_B, v4

SAMPLES = sorted(glob.glob("/usr/share/doc/keepalived/samples/keepalived.conf.*"))

PAIR = f"""\
global_defs {{
    router_id lb
    vrrp_version 3
    script_user root
    enable_script_security
}}
$DR=lb_kind DR
vrrp_script broken {{
    script "/bin/false"
    interval 1
    weight -20
    fall 1
}}
vrrp_script sound {{
    script "/bin/true"
    interval 1
    weight 7
    rise 1
}}
vrrp_instance web {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    @here priority 150
    @there priority 100
    advert_int 0.2
    virtual_ipaddress {{
        {VIP4}/32 dev eth0
        {VIP4_B}/32
    }}
    track_script {{
        broken
        sound
    }}
}}
virtual_server {VIP4} 80 {{
    delay_loop 1
    lb_algo wrr
    $DR
    protocol TCP
    real_server {v4("b1")} 80 {{
        weight 1
        HTTP_GET {{
            url {{
                path /health
                status_code 200
            }}
            connect_timeout 1
        }}
    }}
    real_server {v4("b2")} 80 {{
        weight 1
        HTTP_GET {{
            url {{
                path /health
                status_code 200
            }}
            connect_timeout 1
        }}
    }}
}}
"""


def convert(lab, path, *argv, cwd=None):
    """(YAML, what is told of it) of a file that can be imported."""
    r = subprocess.run([f"{lab.build}/fairlead", "import", *argv, path], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, check=False, cwd=cwd)
    assert r.returncode == 0, r.stderr
    return r.stdout, r.stderr


def test_samples(network, tmp_path):
    """Every configuration that keepalived's package brings as a sample is imported, and the result loads."""
    assert len(SAMPLES) > 20
    for sample in SAMPLES:
        out = tmp_path / os.path.basename(sample)
        told = convert(network, sample, "-o", str(out))[1]
        assert re.search(r"^\d+ noted, \d+ refused$", told, re.M)
        network.cli("config", "check", str(out))
        assert os.stat(out).st_mode & 0o777 == 0o600


def test_transcript(network, tmp_path):
    """docs/migration-keepalived.md shows what comes of the file that it shows."""
    with open(f"{ROOT}/docs/migration-keepalived.md", encoding="utf-8") as f:
        blocks = re.findall(r"^```\n(.*?)^```$", f.read(), re.M | re.S)
    (tmp_path / "keepalived.conf").write_text(blocks[0], encoding="utf-8")
    made, told = convert(network, "keepalived.conf", cwd=tmp_path)
    (tmp_path / "fairlead.yaml").write_text(made, encoding="utf-8")
    checked = subprocess.run([f"{network.build}/fairlead", "config", "check", "fairlead.yaml"], cwd=tmp_path,
                             stdout=subprocess.PIPE, text=True, check=True).stdout
    told = told.replace("keepalived.conf:", "/etc/keepalived/keepalived.conf:")
    assert blocks[1] == ("$ fairlead import /etc/keepalived/keepalived.conf >fairlead.yaml\n" + told +
                         "$ fairlead config check fairlead.yaml\n" + checked + "$ cat fairlead.yaml\n" + made)


@pytest.mark.parametrize("argv, text, words", [
    (["missing.conf"], None, "cannot open missing.conf: No such file"),
    (["a.conf"], "vrrp_instance A {\n", "a.conf:1: the block 'vrrp_instance' is not closed"),
    (["-o", "a.conf", "a.conf"], "router_id x\n", "cannot make a.conf: File exists"),
])
def test_refusals(network, tmp_path, argv, text, words):
    """What can't be imported is told in one sentence, and nothing is written over."""
    if text:
        (tmp_path / "a.conf").write_text(text, encoding="utf-8")
    r = subprocess.run([f"{network.build}/fairlead", "import", *argv], cwd=tmp_path, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, check=False)
    assert r.returncode == 1 and words in r.stderr and r.stdout == ""
    assert not text or (tmp_path / "a.conf").read_text(encoding="utf-8") == text


@pytest.fixture
def elsewhere(lab):
    """A host for one balancer after the other; the VIPs are on the client's link."""
    lab.add_host("ka")
    for vip in (VIP4, VIP4_B):
        lab.ip("client", "route", "replace", vip, "dev", "eth0")
    yield "ka"
    lab.remove_host("ka")
    for vip in (VIP4, VIP4_B):
        lab.ip("client", "route", "replace", vip, "via", v4("lb"))
        lab.ip("client", "neigh", "flush", vip, check=False)


def heard(lab, priority):
    """An advert of that priority on the client's link, as tcpdump reads it."""
    def one():
        out = lab.inside("client", "timeout", "3", "tcpdump", "-i", "eth0", "-n", "-v", "-c", "1", "-l", "vrrp",
                         check=False)
        m = re.search(r"(\S+ > \S+): (VRRPv\d, Advertisement, .*)", out)
        return m.groups() if m and f"prio {priority}," in m.group(2) else None
    return lab.wait_for(one, 20, f"an advert of priority {priority}")


# What the script is run with by whoever begins as a backup and becomes active.
RUN = {"INSTANCE web BACKUP", "INSTANCE web MASTER", "only it "}


def said(script):
    """What the script was run with."""
    if not os.path.exists(f"{script}.log"):
        return set()
    with open(f"{script}.log", encoding="utf-8") as f:
        return set(f.read().splitlines())


def test_both_run_it(lab, elsewhere):
    """keepalived takes the file, fairlead what becomes of it; on the wire they say the same."""
    keepalived = Keepalived(lab, elsewhere)
    path = f"{keepalived.folder}/keepalived.conf"
    script = f"{keepalived.folder}/said.sh"
    pair = PAIR.replace("    track_script", f"    notify {script}\n    notify_master \"{script} only it\"\n    track_script")
    with open(script, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\necho \"$1 $2 $3\" >>\"$0.log\"\n")
    os.chmod(script, 0o755)
    with open(path, "w", encoding="ascii") as f:
        f.write(pair)
    assert lab.inside(elsewhere, "keepalived", "-t", "-i", "here", "-f", path) == ""
    made, told = convert(lab, path, "--config-id", "here")
    assert told.endswith("\n9 noted, 0 refused\n"), told
    # keepalived as the test starts it has no --config-id; so this is what `here` is.
    with open(path, "w", encoding="ascii") as f:
        f.write(pair.replace("@here ", "").replace("    @there priority 100\n", ""))
    keepalived.start()
    try:
        # 150, less 20 for what is broken, and 7 for what is sound.
        theirs = heard(lab, 137)
        lab.wait_for(lambda: said(script) >= RUN, 5, "what keepalived runs")
    finally:
        keepalived.stop()
    os.unlink(f"{script}.log")
    ours = Balancer(lab, elsewhere)
    head = (f"instance: {ours.instance}\napi: {{socket: {ours.socket}}}\n"
            f"journal: {{path: {ours.folder}/journal.db}}\n")
    with open(ours.config, "w", encoding="utf-8") as f:
        f.write(head + made)
    open(ours.log, "w", encoding="utf-8").close()
    try:
        ours.start()
        assert heard(lab, 137) == theirs
        ours.wait_state("active")
        lab.wait_for(lambda: said(script) == RUN, 5, "the same to be run")
        lab.wait_for(lambda: {lab.fetch(f"http://{VIP4}/") for _ in range(8)} == {"b1", "b2"}, 10, "both backends")
        lab.set_health("b2", None)
        lab.wait_for(lambda: {lab.fetch(f"http://{VIP4}/") for _ in range(8)} == {"b1"}, 20, "one of them to be out")
    finally:
        ours.stop()
        ours.remove()
