# SPDX-License-Identifier: GPL-2.0-or-later
"""configs/completion/fairlead in a real bash: what is offered at the end of a line."""
import os
import re
import subprocess

import pytest
from conftest import ROOT, service
from lab.topology import VIP4_B, VIP6, v6

# Splits the line as readline does, spaces, ':' and '=' being its word breaks here.
ASK = """\
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
mapfile -t COMP_WORDS < <(grep -oE '[:=]|[^:=[:space:]]+' <<<"$2")
[[ $2 == *[[:space:]] ]] && COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_fairlead && printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(lab, line):
    """The words offered after `fairlead LINE`."""
    r = subprocess.run(["bash", "-c", ASK, "ask", f"{ROOT}/configs/completion/fairlead",
                        f"{lab.build}/fairlead {line}"], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, check=True, timeout=30)
    assert r.stderr == ""
    return set(r.stdout.split("\n")) - {""}


def helped(lab, *argv):
    """(commands, long options) that --help tells of."""
    text = lab.cli(*argv, "--help").stdout
    return set(re.findall(r"^  ([a-z]+) ", text, re.M)), set(re.findall(r"--[a-z]+(?:-[a-z]+)*", text))


def test_all_that_help_tells(network):
    """Commands, and the options of each, are those of --help."""
    commands, options = helped(network)
    assert offered(network, "") == commands and offered(network, "help ") == commands - {"help"}
    assert offered(network, "-") == options
    for command in commands - {"help"}:
        own = helped(network, command)[1]
        assert offered(network, f"{command} --") == own | {"--socket", "--instance", "--token-file", "--help"}


@pytest.mark.parametrize("line, words", [
    ("sta", {"status"}), ("status --js", {"--json"}), ("config ", {"check", "diff", "apply", "confirm", "history", "show", "rollback"}),
    ("config ch", {"check"}), ("config apply ", set()), ("version ", set()), ("nonsense ", set()),
    ("capture --proto ", {"tcp", "udp", "sctp", "icmp", "icmpv6"}), ("explain --proto ", {"tcp", "udp", "sctp", "icmp"}),
    ("capture --proto=s", {"sctp"}),
])
def test_words(network, line, words):
    """Beginnings are finished; where nothing may follow, nothing is offered."""
    assert offered(network, line) == words


def test_files(network, tmp_path):
    """config check takes a file."""
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).touch()
    assert offered(network, f"config check {tmp_path}/o") == {f"{tmp_path}/one.yaml"}


def test_agent_is_asked(lab):
    """Backends and services are the running agent's, also in a line that names them in other ways."""
    six = [(v6(b), v6(b), 100) for b in ("b1", "b2")]
    lab.configure(lab.head() + "services:\n" + service() +
                  service(name="six", vip=VIP6, backends=six) + service(name="other", vip=VIP4_B))
    lab.start_agent()
    for agent in (f"-s {lab.socket}", f"--socket {lab.socket}", f"--socket={lab.socket}"):
        assert offered(lab, f"{agent} drain ") == {"b1", "b2", "b3", v6("b1"), v6("b2")}
    s = f"-s {lab.socket}"
    assert offered(lab, f"drain {s} --service six ") == {v6("b1"), v6("b2")}
    assert offered(lab, f"undrain {s} --service=web b") == {"b1", "b2", "b3"}
    assert offered(lab, f"status {s} --service ") == {"web", "six", "other"}
    assert offered(lab, f"drain {s} b1 --service=s") == {"six"}
    assert offered(lab, f"drain {s} b1 ") == set()
    # Readline has broken the word at its colons: only what follows the last is replaced.
    assert offered(lab, f"drain {s} fd77::1") == {"11", "12"}


def test_no_agent_no_noise(lab):
    """Nothing is offered and nothing is printed when nobody answers."""
    assert not os.path.exists(lab.socket)
    assert offered(lab, f"-s {lab.socket} drain ") == set()
