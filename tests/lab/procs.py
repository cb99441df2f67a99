# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that are ended by the pid that was recorded, and by nothing else.

Each start appends "pid starttime name" to a file, so that a run that crashed can be cleaned up by the
next one: a pid counts as ours only while the kernel's start time of it is the one recorded.
"""
import contextlib
import os
import signal
import subprocess
import time


def start_time(pid):
    """The process's start in clock ticks since boot (proc(5), stat field 22); None: no process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def children(pid):
    """Of a process with one thread."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(c) for c in f.read().split()]
    except FileNotFoundError:
        return []


class Procs:
    """The processes of one lab, recorded in `record`."""

    def __init__(self, record):
        self.record = record
        self.running = {}

    def start(self, name, argv, netns=None, log=None, env=None):
        """Starts argv (inside netns), output to the file `log`; returns the Popen."""
        if netns:
            argv = ["nsenter", f"--net=/run/netns/{netns}", *argv]
        out = open(log, "ab") if log else subprocess.DEVNULL
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                             start_new_session=True, env=env)
        if log:
            out.close()
        with open(self.record, "a", encoding="ascii") as f:
            f.write(f"{p.pid} {start_time(p.pid)} {name}\n")
        self.running[p.pid] = p
        return p

    def note(self, pid, name):
        """Records a process that one of ours has started."""
        with open(self.record, "a", encoding="ascii") as f:
            f.write(f"{pid} {start_time(pid)} {name}\n")

    def end(self, p, sig=signal.SIGTERM, patience=5.0):
        """Ends one process and waits for it; SIGKILL when patience runs out. Returns its code."""
        if p.poll() is None:
            p.send_signal(sig)
            try:
                p.wait(patience)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.running.pop(p.pid, None)
        return p.returncode

    def end_recorded(self):
        """Ends everything on record that is still the process that was recorded."""
        try:
            with open(self.record, encoding="ascii") as f:
                rows = [line.split() for line in f if line.count(" ") == 2]
        except FileNotFoundError:
            return
        alive = []
        for pid, began, _ in rows:
            if began != "None" and start_time(int(pid)) == int(began):
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(int(pid), signal.SIGTERM)
                    alive.append((int(pid), int(began)))
        deadline = time.monotonic() + 3
        while alive and time.monotonic() < deadline:
            for p in list(self.running.values()):
                p.poll()
            alive = [(pid, began) for pid, began in alive if start_time(pid) == began]
            time.sleep(0.02)
        for pid, _ in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for p in self.running.values():
            p.wait()
        self.running.clear()
        os.unlink(self.record)
