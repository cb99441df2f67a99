# SPDX-License-Identifier: GPL-2.0-or-later
"""configs/completion/_fairlead in a real zsh, at a terminal: what a tab makes of a line."""
import os
import pty
import re
import select
import time

import pytest
from conftest import ROOT, service
from lab.lab import PATIENCE
from lab.topology import run

# `fpath` is where zsh looks by itself: nobody's settings have changed it.
BEGIN = ("PS1='READY''> ' LISTMAX=0; bindkey -e; fpath=({folders} $fpath); path=({build} $path); cd {cwd}; "
         "autoload -U compinit && compinit -D -u; print -r lo''aded\n")


class Zsh:
    """Without anybody's settings, at a terminal of its own; completions are looked for in `folders`, too."""

    def __init__(self, folders, build, cwd):
        env = {k: v for k, v in os.environ.items() if k != "FPATH"}
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**env, "TERM": "dumb", "COLUMNS": "200"})
        self.read("%|#", 10)
        self.send(BEGIN.format(folders=folders, build=build, cwd=cwd))
        self.read("loaded\r\n(.|\n)*READY> ", 20)

    def send(self, text):
        """Keys."""
        os.write(self.fd, text.encode())

    def read(self, until, patience):
        """What is shown until that is."""
        shown, deadline = "", time.monotonic() + patience * PATIENCE
        while not re.search(until, shown):
            if time.monotonic() > deadline:
                raise TimeoutError(f"zsh showed no {until!r}, but {shown!r}")
            if select.select([self.fd], [], [], 0.1)[0]:
                shown += os.read(self.fd, 65536).decode()
        return shown

    def expect(self, line, until):
        """Types it and a tab, and waits for that on the screen; then the line is thrown away."""
        self.send(f"{line}\t")
        self.read(until, 10)
        self.send("\x15")  # ^U

    def end(self):
        """Closes the terminal."""
        os.close(self.fd)
        os.waitpid(self.pid, 0)


@pytest.fixture
def zsh(network, tmp_path):
    """A shell that has the file of the tree."""
    shell = Zsh(f"{ROOT}/configs/completion", os.path.abspath(network.build), tmp_path)
    yield shell
    shell.end()


def test_words(zsh, tmp_path):
    """Beginnings are finished, choices are shown, values follow their option; files are zsh's."""
    zsh.expect("fairlead sta", r"fairlead status ")
    zsh.expect("fairlead status --js", r"--json ")
    zsh.expect("fairlead config ", r"apply +check +confirm +diff +history +rollback")
    zsh.expect("fairlead explain --flags=sy", r"--flags=syn ")
    (tmp_path / "some file.yaml").touch()
    zsh.expect("fairlead config check som", r"some\\ file\.yaml ")


def test_agent_is_asked(zsh, lab):
    """Ids with colons are whole words here."""
    lab.configure(lab.head() + "services:\n" + service(backends=[("fd77::11", "10.77.0.11", 100)]))
    lab.start_agent()
    zsh.expect(f"fairlead -s {lab.socket} drain fd77:", r"drain fd77::11 ")
    zsh.expect(f"fairlead -s {lab.socket} status --service=w", r"--service=web ")


@pytest.mark.parametrize("prefix", ("/usr", "/usr/local"))
def test_installed(network, tmp_path, prefix):
    """`make install` puts it where zsh looks by itself, by hand as for a package; it finds the one for bash."""
    run("make", "-C", ROOT, "install", f"DESTDIR={tmp_path}", f"PREFIX={prefix}", f"BUILD={network.build}")
    shell = Zsh(f"{tmp_path}${{^fpath}}", f"{tmp_path}{prefix}/bin", tmp_path)
    try:
        shell.expect("fairlead undr", r"fairlead undrain ")
    finally:
        shell.end()
