# SPDX-License-Identifier: GPL-2.0-or-later
"""What cannot work is one clear sentence, and nothing half-attached stays behind."""
import os
import subprocess

import pytest
from conftest import service


def start(lab, *prefix):
    """Runs fairleadd as it is, optionally behind another program; (exit code, output)."""
    r = subprocess.run(["nsenter", f"--net=/run/netns/{lab.ns('lb')}", *prefix,
                        f"{lab.build}/fairleadd", "-c", lab.config_path, "-f"],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20,
                       check=False)
    return r.returncode, r.stdout


@pytest.fixture(autouse=True)
def nothing_stays(lab):
    """After each refusal: no program of ours on the interface, no pins, no socket."""
    yield
    assert not os.path.exists(f"/sys/fs/bpf/fairlead/{lab.instance}")
    assert not os.path.exists(lab.socket)
    out = lab.ip("lb", "-d", "link", "show", "eth0")
    assert "name lb " not in out


def test_missing_interface(lab):
    """Named, with where to look."""
    lab.configure(lab.head().replace("[eth0]", "[eth0, eth9]") + "services:\n" + service())
    code, out = start(lab)
    assert code == 1 and "interface eth9 does not exist" in out


def test_no_bpffs(lab):
    """A mount namespace without it."""
    lab.configure(lab.head() + "services:\n" + service())
    code, out = start(lab, "unshare", "-m", "sh", "-c", 'umount /sys/fs/bpf && exec "$0" "$@"')
    assert code == 1 and "bpffs is not mounted" in out and "mount -t bpf" in out


def test_no_cap_bpf(lab):
    """A process without the capability."""
    lab.configure(lab.head() + "services:\n" + service())
    drop = "-bpf,-sys_admin"
    code, out = start(lab, "setpriv", "--bounding-set", drop, "--inh-caps", drop, "--")
    assert code == 1 and "CAP_BPF is missing" in out


def test_foreign_program(lab):
    """Somebody else's program is left alone."""
    lab.inside("lb", "ip", "link", "set", "dev", "eth0", "xdpdrv", "obj",
               f"{lab.build}/bpf/decap.bpf.o", "sec", "xdp")
    try:
        lab.configure(lab.head() + "services:\n" + service())
        code, out = start(lab)
        assert code == 1 and "already carries an XDP program" in out and "xdp off" in out
        assert "prog/xdp" in lab.ip("lb", "-d", "link", "show", "eth0")
    finally:
        lab.ip("lb", "link", "set", "dev", "eth0", "xdpdrv", "off")


def test_bad_file(lab):
    """Every mistake with its place."""
    lab.configure(lab.head() + "services:\n" + service(port=0) + service(name="web"))
    code, out = start(lab)
    assert code == 1 and "fairlead.yaml:" in out and "0 is not in 1..65535" in out


def test_no_file(lab):
    """A file that is not there."""
    if os.path.exists(lab.config_path):
        os.unlink(lab.config_path)
    code, out = start(lab)
    assert code == 1 and "No such file" in out


def test_full_bucket(lab):
    """More services than a bucket of the index holds cannot be had by ports alone: many ports work."""
    text = "".join(service(name=f"s{p}", port=p, slots=4096) for p in range(1000, 1100))
    lab.configure(lab.head() + "services:\n" + text)
    lab.start_agent(patience=30)
    try:
        assert len(lab.status()["services"]) == 100
    finally:
        lab.stop_agent()
        lab.inside("lb", f"{lab.build}/fairleadd", "--detach", "-c", lab.config_path)
