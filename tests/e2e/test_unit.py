# SPDX-License-Identifier: GPL-2.0-or-later
"""configs/systemd/fairleadd.service: what systemd thinks of it, and the agent with no more than it grants."""
import os
import re
import signal
import subprocess
import sys
import time

from conftest import ROOT, service
from lab.topology import VIP4, run

UNIT = os.path.join(ROOT, "configs/systemd/fairleadd.service")
EXPOSURE = 3.0  # systemd-analyze security: 0 is best, 10 worst; 2.4 for systemd 252

# Runs argv[2:] under the system calls argv[1] (all others: EPERM).
CONFINED = """\
import errno, os, seccomp, sys
f = seccomp.SyscallFilter(defaction=seccomp.ERRNO(errno.EPERM))
for name in sys.argv[1].split(","):
    try:
        f.add_rule(seccomp.ALLOW, name)
    except (RuntimeError, ValueError):
        pass  # of another architecture, or newer than libseccomp
f.load()
os.execv(sys.argv[2], sys.argv[2:])
"""

# What ProtectKernelTunables= does to /sys, and ReadWritePaths= ($0) takes back.
SYS = """\
mkdir -p -m 0700 "$0" && mount --bind "$0" "$0" && mount -o remount,bind,ro /sys/fs/bpf &&
mount -o remount,bind,ro /sys && exec "$@"
"""


def settings():
    """{key: [values]} of the unit's [Service] section."""
    rows = {}
    with open(UNIT, encoding="utf-8") as f:
        for key, value in re.findall(r"^([A-Za-z]+)=(.*)$", f.read(), re.M):
            rows.setdefault(key, []).append(value)
    return rows


def expand(names):
    """System calls of "@group name …", groups within groups included."""
    calls = set()
    for name in names.split():
        if not name.startswith("@"):
            calls.add(name)
            continue
        for line in run("systemd-analyze", "syscall-filter", name).splitlines():
            line = line.strip()
            if line and not line.startswith("#") and line != name:
                calls |= expand(line)
    return calls


def allowed_calls():
    """The system calls that the unit's filter lets through."""
    calls = expand("@default")
    for value in settings()["SystemCallFilter"]:
        if value.startswith("~"):
            calls -= expand(value[1:])
        else:
            calls |= expand(value)
    return calls


def may_raise_limits():
    """CAP_SYS_RESOURCE (24), which containers often lack: then the agent has no real-time thread."""
    return int(proc_status("self")["CapEff"], 16) >> 24 & 1


def confined():
    """A command in front of the agent's own that takes away what the unit does not grant."""
    caps = ",".join("+" + c.lower().replace("cap_", "", 1)
                    for c in settings()["CapabilityBoundingSet"][0].split())
    limit = ["prlimit", f"--rtprio={settings()['LimitRTPRIO'][0]}"] if may_raise_limits() else []
    writable = settings()["ReadWritePaths"][0].lstrip("-")
    return ["unshare", "--mount", "sh", "-c", SYS, writable, *limit, "setpriv", "--no-new-privs",
            f"--bounding-set=-all,{caps}", "--inh-caps=-all", sys.executable, "-B", "-c", CONFINED,
            ",".join(sorted(allowed_calls()))]


def proc_status(pid):
    """/proc/PID/status as {key: value}."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def policies(pid):
    """The scheduling policy of each thread; 1 is SCHED_FIFO (proc(5), stat field 41)."""
    found = set()
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat", encoding="ascii") as f:
            found.add(f.read().rsplit(")", 1)[1].split()[38])
    return found


def test_verified(network, tmp_path):
    """systemd-analyze finds nothing wrong, and little exposed."""
    unit = tmp_path / "fairleadd.service"
    with open(UNIT, encoding="utf-8") as f:
        unit.write_text(f.read().replace("@SBIN@", network.build), encoding="utf-8")
    r = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert r.returncode == 0 and r.stdout == ""
    out = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit))
    score = float(re.search(r"exposure level for \S+: ([0-9.]+)", out).group(1))
    assert score <= EXPOSURE


def test_confined_agent(lab):
    """All that an agent does, with the unit's capabilities, system calls and folder in bpffs only."""
    lab.configure(lab.head(on_agent_loss="drop") + "services:\n" + service())
    lab.start_agent(wrapper=confined())
    lab.wait_serving("web")
    state = proc_status(lab.agent.pid)
    granted = sum(1 << int(n) for n in (0, 12, 13, 38, 39))  # CHOWN NET_ADMIN NET_RAW PERFMON BPF
    assert int(state["CapBnd"], 16) == granted and int(state["CapEff"], 16) == granted
    assert state["Seccomp"] == "2" and state["NoNewPrivs"] == "1"
    assert ("1" in policies(lab.agent.pid)) == bool(may_raise_limits())
    assert ("no permission for real-time" in lab.log_tail(100)) == (not may_raise_limits())
    assert {lab.fetch(f"http://{VIP4}/") for _ in range(30)} == set(lab.backends)
    # A table moves, a configuration is applied, and another program takes the first one's place.
    lab.kill_nginx("b1")
    lab.wait_state("web", "b1", "down")
    lab.configure(lab.head() + "services:\n" + service() + service(name="second", vip="192.0.2.11"))
    lab.cli("config", "apply")
    lab.start_nginx("b1")
    lab.wait_serving("second")
    lab.wait_serving("web")
    assert " error: " not in lab.log_tail(100)
    # The next one, as confined, adopts.
    lab.stop_agent()
    tables = lab.slot_tables()
    lab.start_agent(wrapper=confined())
    time.sleep(0.5)
    assert lab.slot_tables() == tables
    assert lab.fetch(f"http://{VIP4}/") in lab.backends


def test_confined_probes(lab):
    """The probes that need more than sockets: echo messages, and programs."""
    lab.configure(lab.head() + "services:\n" + service(probe="{type: icmp, interval: 100ms}")
                  + service(name="second", vip="192.0.2.11", probe=(
                      "{type: exec, interval: 200ms, command: [/bin/sh, -c, echo \"$FAIRLEAD_ADDRESS\"]}")))
    lab.start_agent(wrapper=confined())
    lab.wait_serving("web")
    lab.wait_serving("second")
    assert lab.backend("web", "b1")["probe"]["detail"] == "answers"
    assert lab.backend("second", "b1")["probe"]["detail"] == "10.77.0.11"


def test_routes_of_a_killed_agent(lab):
    """As confined, an agent announces, and the unit's last command takes back what a killed one left."""
    lab.configure(lab.head() + "services:\n" + service(announce="route"))
    lab.start_agent(wrapper=confined())
    def routes():
        return lab.ip("lb", "route", "show", "table", "118", check=False)
    lab.wait_for(lambda: f"blackhole {VIP4} " in routes(), 5, "the route")
    lab.stop_agent(signal.SIGKILL)
    assert VIP4 in routes()
    command = settings()["ExecStopPost"][0].replace("-@SBIN@", lab.build).replace(
        "/etc/fairlead/fairlead.yaml", lab.config_path).split()
    assert "1 routes" in lab.inside("lb", *confined(), *command)
    assert VIP4 not in routes()


def test_socket_group(lab):
    """CAP_CHOWN is for this: the group that api.group names may use the socket, nobody else."""
    text = lab.head().replace("{socket:", "{group: daemon, socket:")
    lab.configure(text + "services:\n" + service())
    lab.start_agent(wrapper=confined())
    info = os.stat(lab.socket)
    assert info.st_mode & 0o777 == 0o660 and info.st_uid == 0
    assert run("stat", "-c", "%G", lab.socket).strip() == "daemon"


def test_a_missing_capability_is_named(lab):
    """Each of those that the kernel insists on is missed by name."""
    lab.configure(lab.head() + "services:\n" + service())
    for name in ("bpf", "perfmon", "net_admin"):
        r = subprocess.run(["nsenter", f"--net=/run/netns/{lab.ns('lb')}", "setpriv", "--bounding-set",
                            f"-{name},-sys_admin", f"{lab.build}/fairleadd", "-c", lab.config_path,
                            "-f"], stderr=subprocess.PIPE, text=True, check=False)
        assert r.returncode == 1 and f"CAP_{name.upper()} is missing" in r.stderr


def test_install(network, tmp_path):
    """make install puts everything in its place, with its mode, and nothing else."""
    run("make", "-C", ROOT, "install", f"DESTDIR={tmp_path}", f"BUILD={network.build}",
        "PREFIX=/usr", "UNITDIR=/usr/lib/systemd/system")
    found = {}
    for folder, _, files in os.walk(tmp_path):
        for name in files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, tmp_path)] = oct(os.stat(path).st_mode & 0o7777)
    assert found == {
        "usr/sbin/fairleadd": "0o755",
        "usr/bin/fairlead": "0o755",
        "usr/lib/fairlead/decap.bpf.o": "0o644",
        "usr/lib/systemd/system/fairleadd.service": "0o644",
        "usr/share/man/man1/fairlead.1": "0o644",
        "usr/share/man/man5/fairlead.yaml.5": "0o644",
        "usr/share/man/man8/fairleadd.8": "0o644",
        "usr/share/bash-completion/completions/fairlead": "0o644",
        "usr/share/zsh/vendor-completions/_fairlead": "0o644",
        "usr/share/fairlead/fairlead.rules.yml": "0o644",
        "usr/share/fairlead/fairlead.json": "0o644",
        "etc/fairlead/fairlead.yaml.example": "0o640",
    }
    unit = (tmp_path / "usr/lib/systemd/system/fairleadd.service").read_text(encoding="utf-8")
    assert "ExecStart=/usr/sbin/fairleadd -c /etc/fairlead/fairlead.yaml" in unit
    assert "@SBIN@" not in unit
    assert run(f"{tmp_path}/usr/sbin/fairleadd", "--version").startswith("fairleadd ")
