# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes that run a program: what it says counts, late ones are killed, and nothing of them stays."""
import os

import pytest
from conftest import TICK, service
from lab.topology import v4

PACE = f"interval: {3 * TICK}ms, fast_interval: {TICK}ms, timeout: {6 * TICK}ms, rise: 2, fall: 2"

# Answers as the file of that address says: a shell's words.
CHECK = """\
#!/bin/sh
echo "$FAIRLEAD_ADDRESS port $FAIRLEAD_PORT, $WHO" >"$1/asked-$FAIRLEAD_ADDRESS"
. "$1/$FAIRLEAD_ADDRESS"
"""


class Check:
    """The program, and what it shall answer for each backend."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.folder = folder
        self.program = f"{folder}/check"
        with open(self.program, "w", encoding="ascii") as f:
            f.write(CHECK)
        os.chmod(self.program, 0o755)

    def say(self, host, words):
        """From its next run on."""
        path = f"{self.folder}/{v4(host)}"
        with open(f"{path}.new", "w", encoding="ascii") as f:
            f.write(f"{words}\n")
        os.rename(f"{path}.new", path)

    def children(self):
        """The agent's processes below it: [(pid, state)]."""
        pid = self.lab.agent.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return f.read().split()


@pytest.fixture
def check(lab, tmp_path):
    """An agent whose backends are judged by a program."""
    c = Check(lab, tmp_path)
    for b in lab.backends:
        c.say(b, "echo fine")
    lab.configure(lab.head() + "services:\n" + service(probe=(
        f"{{type: exec, {PACE}, command: [{c.program}, {tmp_path}], env: [WHO=me]}}")))
    lab.start_agent()
    lab.wait_serving("web")
    return c


def detail(lab, host, state):
    """What the probe says once the backend is in that state."""
    return lab.wait_state("web", host, state)["probe"]["detail"]


def test_verdicts(check, lab):
    """The exit code counts, the last line is told, and the program knows whom it is about."""
    assert detail(lab, "b1", "up") == "fine"
    with open(f"{check.folder}/asked-{v4('b2')}", encoding="ascii") as f:
        assert f.read() == f"{v4('b2')} port 80, me\n"
    check.say("b1", "echo replication is broken; exit 2")
    assert detail(lab, "b1", "down") == "exit code 2: replication is broken"
    check.say("b1", "kill -9 $$")
    lab.wait_for(lambda: lab.backend("web", "b1")["probe"]["detail"] == "ended by signal 9 (Killed)",
                 5, "the signal to be told")
    check.say("b1", "echo fine again")
    assert detail(lab, "b1", "up") == "fine again"


def test_late(check, lab):
    """One that hangs is killed with its children, and is no zombie; the others go on."""
    check.say("b1", f"sleep 60 & echo $! >>{check.folder}/sleepers; wait")
    assert detail(lab, "b1", "down") == f"did not end within {6 * TICK} ms, and was killed"
    assert detail(lab, "b2", "up") == "fine"
    check.say("b1", "echo fine")
    detail(lab, "b1", "up")
    with open(f"{check.folder}/sleepers", encoding="ascii") as f:
        sleepers = f.read().split()
    assert sleepers
    for pid in sleepers:
        assert not os.path.exists(f"/proc/{pid}") or is_zombie(pid)  # of whoever adopts orphans here
    # None is left of the agent's own; those that run now end.
    seen = set(check.children())
    lab.wait_for(lambda: not seen & set(check.children()), 5, "the agent's children to be reaped")


def is_zombie(pid):
    """It has ended, and waits for its parent."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()[0] == "Z"


def test_program_is_gone(check, lab):
    """Removed, the program's absence is told; put back, all is well."""
    os.rename(check.program, f"{check.program}.away")
    assert detail(lab, "b3", "down").endswith("cannot be run: no such file or directory")
    os.rename(f"{check.program}.away", check.program)
    lab.wait_serving("web")
