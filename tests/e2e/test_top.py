# SPDX-License-Identifier: GPL-2.0-or-later
"""fairlead top on a terminal, beside a real agent: what a person sees, and how the terminal is left."""
import json
import re
import signal

import pytest
from conftest import SANITIZER, service
from lab.lab import PATIENCE
from lab.screen import Screen
from lab.topology import VIP4, VIP4_B, run

TWO = "services:\n" + service(passive="true") + service(name="second", vip=VIP4_B, backends=[("b3", "10.77.0.13", 100)])


@pytest.fixture(scope="module")
def two(network):
    """An agent with two services, for all of this; each test leaves it as it was."""
    lab = network
    open(lab.agent_log, "w", encoding="utf-8").close()
    lab.forget()
    lab.configure(lab.head() + TWO)
    lab.start_agent()
    lab.wait_serving("web")
    yield lab
    lab.stop_agent()
    lab.remove_pins()
    assert not SANITIZER.search(lab.log_tail(1000)), lab.log_tail(1000)


@pytest.fixture(autouse=True)
def _serving(two):
    """What a test that failed left undone does not fail the next."""
    if two.agent.poll() is not None:
        two.configure(two.head() + TWO)
        two.start_agent()
        two.wait_serving("web")


def top(lab, columns=120, lines=30, **more):
    """The program on a terminal of that size."""
    return Screen([f"{lab.build}/fairlead", "-s", lab.socket, "top"], columns, lines, PATIENCE, **more)


def first_cells(screen):
    """The first word of each row of the table."""
    return [line.split()[0] for line in screen.text[4:-1] if line]


def has(screen, words):
    """The first line that has the expression, or None."""
    return next((line for line in screen.text if re.search(words, line)), None)


def test_services_and_sort(two):
    """Services with their rates and lines; the busiest first, and the other way round."""
    with top(two) as s:
        s.wait_for(lambda: has(s, r"^web +192\.0\.2\.10:80/tcp +l2 +3/3 +ok"))
        s.wait_for("2 services, 4 backends: 4 up, 0 not")

        def busy():
            two.fetch_many(f"http://{VIP4}/", 10)
            s.read(0.1)
            # Packets and bits a second, and the minute's last seconds.
            return has(s, r"^web .* ok +[1-9]\S* +[1-9]\S*k? .*[▂-█]")

        s.wait_for(busy)
        s.wait_for(lambda: first_cells(s) == ["web", "second"])
        s.press("r")
        s.wait_for(lambda: first_cells(s) == ["second", "web"])
        # To the left of PKT/S are STATE, UP, FORWARD, ADDRESS, SERVICE: by name, then backwards.
        s.press(*"<<<<<")
        s.wait_for(lambda: s.line("SERVICE^") and first_cells(s) == ["second", "web"])
        s.press("r")
        s.wait_for(lambda: s.line("SERVICEv") and first_cells(s) == ["web", "second"])


def test_drill_and_kill(two):
    """Down to one backend, whose server is killed: its state, its failed probes, and the list's order tell of it."""
    with top(two) as s:
        s.wait_for("web ")
        s.press("enter")
        s.wait_for("backends of web: 3")
        s.wait_for(lambda: first_cells(s) == ["b1", "b2", "b3"] and "SERVICE" not in s.line("STATE"))
        s.press("down", "enter")
        s.wait_for("backend b2 of web")
        for words in (r"state +up for \d+", r"address +10\.77\.0\.12, by l2", r"last probe +well after [\d.]+ ms",
                      r"next hop +10\.77\.0\.12, ([0-9a-f]{2}:){5}[0-9a-f]{2}, by eth0",
                      r"slots +\d+ of 65536, 33\.3%", r"completed in the last 5 s"):
            s.wait_for(lambda words=words: has(s, words))
        two.kill_nginx("b2")
        try:
            for words in (r"state +down for", r"last probe +failed after", r"probe, ms .*×.* mean", "probes failed in"):
                s.wait_for(lambda words=words: has(s, words))
            s.press("escape")
            s.wait_for(lambda: has(s, r"^b2 .* down ") and first_cells(s)[0] == "b2")
            s.wait_for("4 backends: 3 up, 1 not")
            s.press("escape")
            s.wait_for(lambda: has(s, r"192\.0\.2\.10:80/tcp .*2/3"))
        finally:
            two.start_nginx("b2")
        s.wait_for(lambda: has(s, r"192\.0\.2\.10:80/tcp .*3/3"))


def test_filter(two):
    """Rows of all services, those that have a word, and all again."""
    with top(two) as s:
        s.wait_for("web ")
        s.press("b")
        s.wait_for("backends of all services: 4")
        s.press("/", "B", "3")
        s.wait_for("2 of 4, filter /B3")
        s.wait_for(lambda: first_cells(s) == ["b3", "b3"] and s.text[-1] == "/B3")
        s.wait_for(lambda: s.screen.cursor.y == s.screen.lines - 1 and not s.screen.cursor.hidden)
        s.press("enter", "/", "x")
        s.wait_for("no row has that")
        s.press("backspace", "enter")
        s.wait_for("2 of 4")
        s.press("escape")
        s.wait_for("services: 4")
        s.wait_for(lambda: s.screen.cursor.hidden)


def test_drops(two):
    """Reasons with what they have dropped, and the help over them."""
    with top(two) as s:
        s.wait_for("web ")
        s.press("d")
        s.wait_for("WHAT HAPPENED")
        two.cli("source", "deny", "10.77.0.1")
        two.fetch(f"http://{VIP4}/", patience=0.3)
        two.cli("source", "remove", "10.77.0.1")
        s.wait_for(lambda: has(s, r"drop_denied +drop +\d+ +[1-9]"))
        s.press("?")
        s.wait_for("Any key goes back")
        s.press("x")
        s.wait_for(lambda: s.line("drop_denied") and not s.line("Any key"))


def test_agent_gone(two):
    """It is said, with how old the figures are; the next agent is shown as soon as it answers."""
    with top(two) as s:
        s.wait_for("web ")
        two.stop_agent()
        s.wait_for("trying again: no agent answers on")
        s.wait_for(lambda: has(s, r"figures are [1-9]\d* s old"))
        assert s.line("192.0.2.10:80/tcp")
        two.configure(two.head() + TWO.replace("second", "other"))
        two.start_agent()
        s.wait_for(lambda: s.line("other ") and not s.line("trying again") and not s.line("second "))
        two.configure(two.head() + TWO)
        two.cli("config", "apply")
        s.wait_for(lambda: s.line("second ") and not s.line("other "))


def test_agent_hangs(two):
    """Keys work while the agent does not answer, and that it does not is said."""
    with top(two) as s:
        s.wait_for("web ")
        two.agent.send_signal(signal.SIGSTOP)
        try:
            s.press("b")
            s.wait_for("backends of all services")
            s.wait_for("does not answer in time", 10)
        finally:
            two.agent.send_signal(signal.SIGCONT)
        s.wait_for(lambda: not s.line("trying again"))
        s.press("q")
        assert s.wait_end() == 0 and s.restored()


def test_resize(two):
    """The table follows the window: fewer columns and rows, and all of them again."""
    with top(two) as s:
        s.wait_for("LAST MINUTE")
        s.press("b")
        s.wait_for("ADDRESS")
        s.resize(50, 8)
        s.wait_for(lambda: s.line("BACKEND") and "ADDRESS" not in s.line("BACKEND"))
        s.press("end")
        s.wait_for(lambda: first_cells(s) == ["b2", "b3", "b3"])
        s.resize(30, 3)
        s.read(0.3)
        s.resize(160, 40)
        s.wait_for("ADDRESS")
        s.wait_for(lambda: len(first_cells(s)) == 4)
        assert s.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT])
def test_signals(two, number):
    """The terminal is as it was, whichever signal ends it."""
    with top(two) as s:
        s.wait_for("web ")
        s.signal(number)
        assert s.wait_end() == (0 if number == signal.SIGINT else -number)
        assert s.restored()


def test_leaves(two):
    """By key, by ctrl-C, and when the terminal goes: it does not go on for nobody."""
    for key in ("q", "\x03"):
        with top(two) as s:
            s.wait_for("web ")
            s.press(key)
            assert s.wait_end() == 0 and s.restored()
    with top(two) as s:
        s.wait_for("web ")
        s.hang_up()
        s.process.wait(5 * PATIENCE)


@pytest.mark.parametrize("env, coloured", [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "vt100"}, False)])
def test_colours(two, env, coloured):
    """Where the terminal has them, unless NO_COLOR is set; words tell the same."""
    with top(two, env=env) as s:
        s.wait_for("d drops")  # the last line: all of the others are there
        assert s.colours() == ({"default", "green"} if coloured else {"default"})


def test_ascii(two):
    """Lines of a terminal without Unicode are of ASCII."""
    with top(two, env={"LC_ALL": "C"}) as s:
        line = s.wait_for(lambda: has(s, r"^second .* 0 .*_$"))
        assert line.isascii()
        s.press("b", "enter")
        s.wait_for("last probe")
        assert "\n".join(s.text).isascii()


def test_no_terminal(two):
    """A sentence that names what there is instead; as without an agent, exit 1 and nothing else."""
    r = two.cli("top", check=False)
    assert r.returncode == 1 and r.stdout == "" and "fairlead status" in r.stderr
    with top(two, env={"TERM": "nonsense"}) as s:
        s.wait_for("nothing is known of a terminal of the type 'nonsense'")
        assert s.wait_end() == 1
    two.stop_agent()
    with top(two) as s:
        s.wait_for("no agent answers on")
        assert s.wait_end() == 1 and b"\x1b" not in s.raw and b"is fairleadd running?" in s.raw
    two.start_agent()
    two.wait_serving("web")


def rates(lab, query=""):
    """GET /v1/rates."""
    return json.loads(run("curl", "-s", "--unix-socket", lab.socket, f"http://localhost/v1/rates{query}"))


def test_rates(two):
    """They say what the status says; names and states come again only when they are others."""
    whole, status = rates(two), two.status()
    for told, of, states in zip(whole["names"]["services"], status["services"], whole["states"]):
        assert {k: told[k] for k in ("name", "vip", "ports", "protocol", "forward", "slots")} == \
            {k: of[k] for k in ("name", "vip", "ports", "protocol", "forward", "slots")}
        assert told["backends"]["id"] == [b["id"] for b in of["backends"]]
        assert told["backends"]["address"] == [b["address"] for b in of["backends"]]
        assert [whole["names"]["states"][i] for i in states["state"]] == [b["state"] for b in of["backends"]]
        assert states["slots"] == [b["slots"] for b in of["backends"]]
    assert [v["name"] for v in whole["names"]["verdicts"]] == [v["name"] for v in status["verdicts"]]
    assert len(whole["verdicts"]["packets"]) == len(status["verdicts"])
    known = f"?layout={whole['layout']}&known={whole['known']}"
    same = rates(two, known)
    assert same["names"] is None and same["states"] is None
    assert [len(s["backends"]["packets_per_s"]) for s in same["services"]] == [3, 1]
    assert same["services"][0]["backends"]["connections_per_s"] and \
        same["services"][1]["backends"]["connections_per_s"] is None
    two.cli("drain", "b1")
    other = rates(two, known)
    two.cli("undrain", "b1")
    assert other["names"] is None and other["states"][0]["state"][0] == whole["names"]["states"].index("draining")
    two.configure(two.head() + TWO.replace("id: b2", "id: c2"))
    two.cli("config", "apply")
    ids = rates(two, known)["names"]["services"][0]["backends"]["id"]
    left = [b["id"] for b in two.status()["services"][0]["backends"]]
    two.configure(two.head() + TWO)
    two.cli("config", "apply")
    assert ids == left == ["b1", "c2", "b3", "b2"]


def test_status_of_one(two):
    """One backend of one service, and nobody of none."""
    def ask(query):
        answer = json.loads(run("curl", "-s", "--unix-socket", two.socket, f"http://localhost/v1/status?{query}"))
        return [(s["name"], [b["id"] for b in s["backends"]]) for s in answer["services"]]

    assert ask("service=web&backend=b3") == [("web", ["b3"])]
    assert ask("backend=b3") == [("web", ["b3"]), ("second", ["b3"])]
    assert ask("service=second") == [("second", ["b3"])]
    assert ask("service=none") == []
