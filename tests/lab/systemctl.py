#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""
What maintainer scripts ask of systemctl, where no systemd runs: one unit, read from where it is installed, its
commands run with its folders and with no more than its capabilities. What was asked is in /run/systemctl.log.
"""
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

NAME = "fairleadd.service"
UNIT = f"/lib/systemd/system/{NAME}"
WANTED = f"/etc/systemd/system/multi-user.target.wants/{NAME}"
PID = "/run/systemctl.pid"
OUT = "/run/agent.log"


def settings():
    """{key: [values]} of the unit."""
    rows = {}
    with open(UNIT, encoding="utf-8") as f:
        for key, value in re.findall(r"^([A-Za-z]+)=(.*)$", f.read(), re.M):
            rows.setdefault(key, []).append(value)
    return rows


def running():
    """The pid of the agent, or None."""
    try:
        with open(PID, encoding="ascii") as f:
            pid = int(f.read())
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return pid if b"fairleadd" in f.read() else None
    except (FileNotFoundError, ProcessLookupError):
        return None


def commands(key):
    """The unit's commands of one kind, without their prefixes."""
    return [value.lstrip("-+").split() for value in settings().get(key, [])]


def start():
    """Until the agent says that it is ready."""
    s = settings()
    for folder, base in ((s["RuntimeDirectory"][0], "/run"), (s["StateDirectory"][0], "/var/lib")):
        mode = s["RuntimeDirectoryMode" if base == "/run" else "StateDirectoryMode"][0]
        os.makedirs(f"{base}/{folder}", exist_ok=True)
        os.chmod(f"{base}/{folder}", int(mode, 8))
    for argv in commands("ExecStartPre"):
        subprocess.run(argv, check=False)
    caps = ",".join("+" + c.lower().replace("cap_", "", 1) for c in s["CapabilityBoundingSet"][0].split())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, open(OUT, "ab") as log:
        if os.path.exists("/run/notify"):
            os.unlink("/run/notify")
        ready.bind("/run/notify")
        ready.settimeout(0.1)
        (argv,) = commands("ExecStart")
        p = subprocess.Popen(
            ["setpriv", "--no-new-privs", f"--bounding-set=-all,{caps}", "--inh-caps=-all", *argv],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": "/run/notify"})
        with open(PID, "w", encoding="ascii") as f:
            f.write(str(p.pid))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and p.poll() is None:
            try:
                if b"READY=1" in ready.recv(4096):
                    return 0
            except TimeoutError:
                pass
    return 1


def stop():
    """And what the unit runs after it."""
    pid = running()
    if pid:
        fd = os.pidfd_open(pid)
        signal.pidfd_send_signal(fd, signal.SIGTERM)
        if not select.select([fd], [], [], 10)[0]:
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            select.select([fd], [], [])
        os.close(fd)
    for argv in commands("ExecStopPost"):
        subprocess.run(argv, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return 0


def main():
    """The verb is the first word that is no option."""
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    verb, units = words[0], words[1:]
    with open("/run/systemctl.log", "a", encoding="ascii") as f:
        f.write(" ".join(words) + "\n")
    if units not in ([], [NAME]):
        return 5
    if verb == "is-active":
        return 0 if running() else 3
    if verb == "is-enabled":
        there = os.path.lexists(WANTED)
        print("enabled" if there else "disabled")
        return 0 if there else 1
    if verb in ("enable", "preset"):
        os.makedirs(os.path.dirname(WANTED), exist_ok=True)
        if not os.path.lexists(WANTED):
            os.symlink(UNIT, WANTED)
        return 0
    if verb == "start":
        return 0 if running() else start()
    if verb == "stop":
        return stop()
    if verb == "restart":
        return stop() or start()
    return 0 if verb == "daemon-reload" else 1


if __name__ == "__main__":
    sys.exit(main())
