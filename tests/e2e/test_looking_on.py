# SPDX-License-Identifier: GPL-2.0-or-later
"""Many look on at once at many backends: each answer is whole and of one configuration, and the loop turns meanwhile."""
import http.client
import json
import re
import select
import socket
import threading


BACKENDS = 1000
LOOKERS = 6
# Nobody is asked while the test looks on.
NEVER = "{type: tcp, interval: 1h, timeout: 10s, fall: 10}"


class Connection(http.client.HTTPConnection):
    """HTTP over the agent's socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def get(lab, target):
    """The answer's text; the agent says yes."""
    c = Connection(lab.socket, timeout=60)
    c.request("GET", target)
    answer = c.getresponse()
    text = answer.read().decode()
    c.close()
    assert answer.status == 200, text
    return text


def ids(letter, name):
    """Of a service's backends under the configuration of that letter."""
    return [f"{letter}-{name}-{i}" for i in range(BACKENDS)]


def write(lab, letter, *names):
    """A configuration whose backends all have names that begin with the letter."""
    text = lab.head() + "services:\n"
    for k, name in enumerate(names):
        text += (f"  - name: {name}\n    vip: 192.0.2.{100 + k}\n    port: 80\n    forward: ipip\n    slots: 4096\n"
                 f"    probe: {NEVER}\n    health: {{start: up}}\n    backends:\n")
        text += "".join(f"      - {{id: {backend}, address: 10.{80 + k}.{i // 250}.{i % 250 + 1}}}\n"
                        for i, backend in enumerate(ids(letter, name)))
    lab.configure(text)


def check(document, letters):
    """Every service has all of its backends, those of the configuration that the document says."""
    letter = letters[document["config"]["applies"] - 1]
    assert [s["name"] for s in document["services"]] == ["web", "mail"]
    for s in document["services"]:
        there = [b["id"] for b in s["backends"] if b["state"] != "leaving"]
        assert there == ids(letter, s["name"])
        left = [b["id"] for b in s["backends"][BACKENDS:]]
        assert all(b["state"] == "leaving" for b in s["backends"][BACKENDS:])
        assert len(set(left)) == len(left) and not set(left) & set(there)
    return letter


def test_status_while_configurations_change(lab):
    """Six ask for all, again and again, one for a single backend; thousands of backends go and come meanwhile."""
    letters, seen, errors, over = "ab", set(), [], threading.Event()

    def look():
        try:
            while not over.is_set():
                seen.add(check(json.loads(get(lab, "/v1/status")), letters))
        except (AssertionError, ValueError, OSError) as e:
            errors.append(e)

    def look_at_one():
        try:
            while not over.is_set():
                document = json.loads(get(lab, "/v1/status?service=mail&backend=a-mail-7"))
                assert [s["name"] for s in document["services"]] == ["mail"]
                assert {b["id"] for b in document["services"][0]["backends"]} <= {"a-mail-7"}
        except (AssertionError, ValueError, OSError) as e:
            errors.append(e)

    write(lab, "a", "web", "mail")
    lab.start_agent()
    threads = [threading.Thread(target=look) for _ in range(LOOKERS)] + [threading.Thread(target=look_at_one)]
    for t in threads:
        t.start()
    lab.wait_for(lambda: errors or seen == {"a"}, 30, "somebody to see the first configuration")
    write(lab, "b", "web", "mail")
    lab.cli("config", "apply", "--now")
    lab.wait_for(lambda: errors or seen == {"a", "b"}, 30, "somebody to see the second configuration")
    over.set()
    for t in threads:
        t.join()
    assert not errors, errors[0]


def ask(lab, target):
    """A connection that has asked, and not read the answer."""
    c = Connection(lab.socket, timeout=60)
    c.request("GET", target)
    return c


def is_answered(connection):
    """Whether there is something to read."""
    return bool(select.select([connection.sock], [], [], 0)[0])


def test_the_loop_turns_while_a_status_is_made(lab):
    """Others are answered before it is whole; and what an operator has said since it was begun is in the next one."""
    write(lab, "a", "web", "mail")
    lab.start_agent()
    before, overtaken = json.loads(get(lab, "/v1/timings"))["loop"]["turns"], 0
    for n in range(60):
        large = ask(lab, "/v1/status")
        get(lab, "/v1/version")
        overtaken += not is_answered(large)
        assert len(json.loads(large.getresponse().read())["services"]) == 2
        large.close()
        if overtaken == 5:
            break
    assert overtaken, "whoever asks for little waits for who asks for much"
    begun, post = 0, Connection(lab.socket, timeout=60)
    for n in range(200):
        percent = n % 100
        large = ask(lab, "/v1/status")
        get(lab, "/v1/version")  # so that the agent has begun the other one
        post.request("POST", f"/v1/backends/a-web-0/weight?percent={percent}")
        assert post.getresponse().read()
        begun += not is_answered(large)
        (first, *_) = json.loads(get(lab, "/v1/status"))["services"][0]["backends"]
        assert (first["id"], first["weight_percent"]) == ("a-web-0", percent)
        large.close()
        if begun == 5:
            break
    assert begun, "no status was in the making when the operator spoke"
    post.close()
    after = json.loads(get(lab, "/v1/timings"))["loop"]["turns"]
    assert after["count"] > before["count"] and after["max_us"] >= after["mean_us"] > 0
    assert sum(b["count"] for b in after["buckets"]) == after["count"]


def test_scrapes_at_once_get_the_same(lab):
    """It is written once for those who ask meanwhile, and whole."""
    write(lab, "a", "web", "mail")
    lab.start_agent()
    texts = []
    threads = [threading.Thread(target=lambda: texts.append(get(lab, "/metrics"))) for _ in range(LOOKERS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    # A tick may come in between.
    assert 1 <= len({re.search(r"^fairlead_metrics_render_seconds (.*)$", t, re.M)[1] for t in texts}) <= 2
    for text in texts:
        assert text.count("\nfairlead_backend_weight{") == 2 * BACKENDS
        assert text.count("\nfairlead_backend_packets_total{") == 2 * BACKENDS
        for backend in ids("a", "web")[::100]:
            assert f'fairlead_backend_state{{service="web",backend="{backend}",state="' in text
            assert re.search(rf'fairlead_backend_info{{service="web",backend="{backend}",address="10.80.', text)


def test_the_agent_ends_while_many_look_on(lab):
    """Who is being answered and who comes just then are told so; the agent ends as it should."""
    asked, over, odd = [0] * 2 * LOOKERS, threading.Event(), []

    def look(i):
        while not over.is_set():
            c = Connection(lab.socket, timeout=60)
            try:
                while True:
                    c.request("GET", "/v1/status" if i % 2 else "/metrics")
                    answer = c.getresponse()
                    text = answer.read()
                    if answer.status not in (200, 503) or not text:
                        odd.append((answer.status, text))
                    asked[i] += 1
            except (OSError, http.client.HTTPException):
                c.close()
                over.wait(0.05)  # until there is an agent again

    write(lab, "a", "web", "mail")
    threads = [threading.Thread(target=look, args=(i,)) for i in range(len(asked))]
    for t in threads:
        t.start()
    try:
        for _ in range(2):
            lab.start_agent()
            before = list(asked)
            lab.wait_for(lambda b=before: all(n > was for n, was in zip(asked, b)), 30, "all to be answered")
            assert lab.procs.end(lab.agent, patience=20) == 0
            assert "Fatal error" not in lab.log_tail()
    finally:
        over.set()
        for t in threads:
            t.join()
    assert not odd, odd[0]
