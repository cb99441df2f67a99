# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian package: what is in it, and its life on a machine, from installation to purge."""
import glob
import os
import re
import shutil
import subprocess
import threading

import pytest
from conftest import BUILD, ROOT, service
from lab.lab import PATIENCE
from lab.machine import Machine
from lab.topology import VIP4, run

CONFIG = "/etc/fairlead/fairlead.yaml"


def constant(path, pattern):
    """What a file of the tree says."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return re.search(pattern, f.read(), re.M).group(1)


VERSION = constant("common.mk", r"^VERSION := (\S+)$")
LAYOUT = constant("include/fairlead/abi.h", r"^#define FL_ABI_VERSION (\d+)")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The package of this build."""
    flags = [f"{k}=1" for k in ("SAN", "COV") if f"/{k.lower()}" in BUILD]
    folder = tmp_path_factory.mktemp("deb")
    out = run("make", "--no-print-directory", "-C", ROOT, "deb", "PREBUILT=1", f"DEB_ROOT={folder}", *flags)
    (path,) = glob.glob(f"{folder}/*.deb")
    assert path in out and os.path.basename(path).startswith(f"fairlead_{VERSION}_")
    shutil.rmtree(f"{folder}/fairlead-{VERSION}")
    return path


def repack(package, name, edit):
    """Another package, with what edit(folder) changes."""
    folder = f"{os.path.dirname(package)}/{name}"
    run("dpkg-deb", "-R", package, folder)
    edit(folder)
    run("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "-b", folder, f"{folder}.deb")
    return f"{folder}.deb"


def substitute(path, old, new):
    """In a file, where it must be."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    assert old in text
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(old, new))


def depends(text, field):
    """The packages that a field of a control file names."""
    value = re.search(rf"^{field}:((?:.*\n)(?:[ \t].*\n)*)", text, re.M).group(1)
    return {re.split(r"[\s(:\[]", p.strip())[0] for p in re.split(r"[,|]", value)} - {""}


@pytest.fixture
def machine(lab):
    """A copy of this machine on which packages can be installed."""
    if run("dpkg-query", "-W", "-f", "${db:Status-Status}", "fairlead", check=False) == "installed":
        pytest.fail("fairlead is installed on this machine: remove it, or test elsewhere")
    m = Machine(lab)
    m.up()
    yield m
    m.down()


def dpkg(machine, *argv, code=0):
    """Runs dpkg there; returns what it says. Triggers (man-db's index) are others' work."""
    r = machine.run("dpkg", "--no-triggers", *argv)
    assert r.returncode == code, r.stdout
    return r.stdout


def pins(machine):
    """Instances that are pinned there."""
    r = machine.run("ls", "/sys/fs/bpf/fairlead")
    return r.stdout.split() if r.returncode == 0 else []


def asked(machine):
    """What systemctl was asked to do since the last time, but for questions."""
    log = "/run/systemctl.log"
    words = machine.read(log).splitlines() if os.path.exists(machine.path(log)) else []
    machine.write(log, "")
    return [w for w in words if not w.startswith(("is-", "daemon-reload"))]


def left(machine):
    """What is there that was not before the installation; groups are the same as they were."""
    for name in ("group", "gshadow"):
        with open(f"/etc/{name}", encoding="utf-8") as f:
            assert machine.read(f"/etc/{name}") == f.read()
    folders = [f for f in ("/etc/fairlead", "/run/fairlead", "/var/lib/fairlead", "/usr/lib/fairlead")
               if os.path.exists(machine.path(f))]
    # The package manager's own, and what editing of groups leaves beside them.
    own = re.compile(r"/var/(lib/dpkg|log|cache)/.*|/etc/(group|gshadow)-?|/etc/\.pwd\.lock")
    return {p for p in machine.changed() if not own.fullmatch(p)} | set(folders)


class Traffic:
    """One request after the other, each on a connection of its own, as long as a block lasts."""

    def __init__(self, lab):
        self.lab = lab
        self.answers = []
        self.over = False
        self.thread = threading.Thread(target=self._go)

    def _go(self):
        while not self.over:
            self.answers += self.lab.fetch_many(f"http://{VIP4}/", 10)

    def __enter__(self):
        self.thread.start()
        self.lab.wait_for(lambda: len(self.answers) > 10, 10, "traffic")
        return self

    def __exit__(self, *_):
        seen = len(self.answers)
        self.lab.wait_for(lambda: len(self.answers) > seen + 10, 10, "traffic")
        self.over = True
        self.thread.join()


def test_build_depends():
    """Debian's builders have every library that is linked: its package, or one that brings it."""
    with open(os.path.join(ROOT, "debian/control"), encoding="utf-8") as f:
        named = depends(f.read(), "Build-Depends")
    with open(os.path.join(ROOT, "mk/user.mk"), encoding="utf-8") as f:
        libraries = set(" ".join(re.findall(r"^PKGS_\w+ :=(.*)$", f.read(), re.M)).split())
    brought = {}
    for p in named:
        shown = run("dpkg-query", "-W", "-f", "Depends: ${Depends}\n", p, check=False)
        brought[p] = {p} | (depends(shown, "Depends") if shown else set())
    assert {"ncursesw", "libuv"} <= libraries
    for library in libraries:
        file = f"{run('pkg-config', '--variable=pcfiledir', library).strip()}/{library}.pc"
        owner = run("dpkg", "-S", file).split(":")[0]
        assert any(owner in packages for packages in brought.values()), f"{library} is {owner}'s"


def test_contents(package, tmp_path):
    """Everything is in its place, with its mode; what the tree has for users is there."""
    run("dpkg-deb", "-R", package, str(tmp_path))
    control = (tmp_path / "DEBIAN/control").read_text(encoding="utf-8")
    assert f"\nVersion: {VERSION}\n" in control and "libbpf1" in control and "libxdp1" in control
    # The kernel's types are those of one architecture (vmlinux/).
    assert "\nArchitecture: amd64\n" in control
    assert (tmp_path / "DEBIAN/conffiles").read_text(encoding="utf-8").split() == [CONFIG]
    assert f"!= '{LAYOUT}'" in (tmp_path / "DEBIAN/preinst").read_text(encoding="utf-8")
    modes = {}
    for folder, _, files in os.walk(tmp_path):
        for name in files:
            path = os.path.join(folder, name)
            modes[os.path.relpath(path, tmp_path)] = os.stat(path).st_mode & 0o777
    doc = "usr/share/doc/fairlead"
    expected = {
        "etc/fairlead/fairlead.yaml": 0o600,
        "usr/sbin/fairleadd": 0o755,
        "usr/bin/fairlead": 0o755,
        "lib/systemd/system/fairleadd.service": 0o644,
        "usr/lib/sysusers.d/fairlead.conf": 0o644,
        "usr/lib/fairlead/decap.bpf.o": 0o644,
        "usr/share/bash-completion/completions/fairlead": 0o644,
        "usr/share/zsh/vendor-completions/_fairlead": 0o644,
        "usr/share/fairlead/fairlead.rules.yml": 0o644,
        "usr/share/fairlead/fairlead.json": 0o644,
        "usr/share/man/man1/fairlead.1.gz": 0o644,
        "usr/share/man/man5/fairlead.yaml.5.gz": 0o644,
        "usr/share/man/man8/fairleadd.8.gz": 0o644,
        f"{doc}/README.md": 0o644, f"{doc}/openapi.json": 0o644, f"{doc}/copyright": 0o644,
        f"{doc}/changelog.gz": 0o644,
        f"{doc}/examples/bird.conf": 0o644, f"{doc}/examples/frr.conf": 0o644,
        f"{doc}/examples/prometheus.yml": 0o644,
        "usr/share/lintian/overrides/fairlead": 0o644,
    }
    expected |= {f"{doc}/{os.path.basename(p)}": 0o644 for p in glob.glob(f"{ROOT}/docs/*.md")}
    expected |= {f"{doc}/examples/{os.path.basename(p)}": 0o644 for p in glob.glob(f"{ROOT}/configs/examples/*.yaml")}
    assert {k: v for k, v in modes.items() if not k.startswith("DEBIAN/")} == expected
    unit = (tmp_path / "lib/systemd/system/fairleadd.service").read_text(encoding="utf-8")
    assert f"ExecStart=/usr/sbin/fairleadd -c {CONFIG}\n" in unit
    # The file is comments; without their signs it is an example that the agent would take.
    text = (tmp_path / "etc/fairlead/fairlead.yaml").read_text(encoding="utf-8")
    assert all(line.startswith("#") for line in text.splitlines())
    example = tmp_path / "example.yaml"
    example.write_text("\n".join(line[2:] for line in text[text.index("# interfaces:"):].splitlines()),
                       encoding="utf-8")
    assert "1 services" in run(str(tmp_path / "usr/sbin/fairleadd"), "--check", "-c", str(example))


def test_life(package, machine, lab):
    """Installed, configured, upgraded under traffic, removed, purged: nothing is left."""
    out = dpkg(machine, "-i", machine.put(package))
    assert "not started" in out and "configures nothing yet" in out and asked(machine) == []
    assert machine.run("stat", "-c", "%a %U", CONFIG).stdout == "600 root\n"
    assert machine.run("getent", "group", "fairlead").returncode == 0
    mistaken = machine.read(CONFIG) + "interfaces: [eth0]\nservice: []\n"
    good = "interfaces: [eth0]\nservices:\n" + service()
    machine.write(CONFIG, good)
    assert machine.run("fairlead", "config", "check", CONFIG).returncode == 0
    assert machine.run("systemctl", "enable", "fairleadd.service").returncode == 0
    assert machine.run("systemctl", "start", "fairleadd.service").returncode == 0, machine.read("/run/agent.log")
    lab.wait_for(lambda: lab.fetch(f"http://{VIP4}/"), 10, "traffic")
    lab.wait_for(lambda: machine.run("fairlead", "status").stdout.count(" up ") >= 3, 10, "all backends")
    assert pins(machine) == ["main"]
    asked(machine)

    # To the next version: the agent is another process, and nobody notices.
    pid = machine.read("/run/systemctl.pid")
    later = repack(package, "later", lambda d: substitute(f"{d}/DEBIAN/control", f"Version: {VERSION}",
                                                         f"Version: {VERSION}+1"))
    later_there = machine.put(later)
    with Traffic(lab) as traffic:
        dpkg(machine, "-i", later_there)
    assert set(traffic.answers) == set(lab.backends)
    assert asked(machine) == ["restart fairleadd.service"]
    assert machine.read("/run/systemctl.pid") != pid
    assert machine.read(CONFIG) == good
    lab.wait_for(lambda: '"generation": 0' in machine.run("fairlead", "status", "--json").stdout, 5,
                 "tables that were adopted as they were")

    # A configuration with mistakes: the agent that runs knows better than one that would not start.
    pid = machine.read("/run/systemctl.pid")
    machine.write(CONFIG, mistaken)
    out = dpkg(machine, "-i", later_there)
    assert "has mistakes" in out and asked(machine) == [] and machine.read("/run/systemctl.pid") == pid
    machine.write(CONFIG, good)

    # A version that could not adopt what is pinned is not even unpacked.
    other = repack(later, "other", lambda d: substitute(f"{d}/DEBIAN/preinst", f"!= '{LAYOUT}'", "!= '99'"))
    out = dpkg(machine, "-i", machine.put(other), code=1)
    assert "another layout of the maps" in out and asked(machine) == []
    assert machine.run("dpkg-query", "-W", "-f", "${Version} ${db:Status-Status}", "fairlead").stdout == \
        f"{VERSION}+1 installed"
    assert lab.fetch(f"http://{VIP4}/") in lab.backends

    # An agent that an operator has stopped stays stopped, and the tables at work.
    assert machine.run("systemctl", "stop", "fairleadd.service").returncode == 0
    asked(machine)
    assert "is not started" in dpkg(machine, "-i", later_there)
    assert asked(machine) == [] and lab.fetch(f"http://{VIP4}/") in lab.backends

    # With a second instance at work, whose agent is not the unit's, it is not removed.
    assert machine.run("systemctl", "start", "fairleadd.service").returncode == 0
    machine.write("/tmp/second.yaml", "instance: second\ninterfaces: [lo]\nxdp_mode: generic\n"
                  "journal: {enabled: false}\n")
    second = subprocess.Popen(machine.enter("/usr/sbin/fairleadd", "-f", "-c", "/tmp/second.yaml"),
                              stderr=subprocess.DEVNULL)
    try:
        lab.wait_for(lambda: machine.run("fairlead", "-i", "second", "status").returncode == 0, 10,
                     "the second agent")
        out = dpkg(machine, "-r", "fairlead", code=1)
        assert "instance 'second' could not be detached" in out
    finally:
        second.terminate()
        second.wait(10 * PATIENCE)
    assert asked(machine)[-1] == "start fairleadd.service"

    # Removed: detached, and says so; the configuration stays.
    out = dpkg(machine, "-r", "fairlead")
    assert "instance 'main' is detached" in out and "instance 'second' is detached" in out
    assert asked(machine) == ["stop fairleadd.service"] and pins(machine) == []
    assert "xdp" not in lab.ip("lb", "link", "show", "eth0")
    assert machine.read(CONFIG) == good
    assert os.path.exists(machine.path("/var/lib/fairlead/main.db"))

    machine.write(f"{CONFIG}.rolled-back", good)
    dpkg(machine, "-P", "fairlead")
    assert left(machine) == set()

    # Where a configuration is there first, as from a tool that manages machines, it is started at once.
    os.mkdir(machine.path("/etc/fairlead"))
    machine.write(CONFIG, good)
    dpkg(machine, "--force-confold", "-i", machine.put(package))
    assert asked(machine)[-1] == "start fairleadd.service"
    assert machine.run("systemctl", "is-enabled", "fairleadd.service").returncode == 0
    lab.wait_for(lambda: lab.fetch(f"http://{VIP4}/"), 10, "traffic")
    assert "instance 'main' is detached" in dpkg(machine, "-P", "fairlead")
    assert pins(machine) == [] and left(machine) == set()
