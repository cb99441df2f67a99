# SPDX-License-Identifier: GPL-2.0-or-later
"""Alerts: a receiver that refuses, hangs and recovers gets each of them once, in order; programs likewise."""
import json
import os
import sys
import time

import pytest
from conftest import ROOT, service
from lab.lab import PATIENCE
from lab.servers_web import Pki
from lab.topology import v4
from test_journal import events, wait_event

PORT = 8480
# Told at once, and the end as soon as it is there.
SOON = "severity: info, for: 0s, quiet: 0s, timeout: 1s, rate: 1000, burst: 1000"


class Receiver:
    """A web server on the client's host, and what it has got."""

    def __init__(self, lab, folder, pki=None):
        self.lab, self.folder, self.pki, self.process = lab, str(folder), pki, None
        self.address = v4("client")
        self.say("ok")

    def say(self, mode):
        """What it does from the next request on."""
        with open(f"{self.folder}/mode.new", "w", encoding="ascii") as f:
            f.write(mode)
        os.rename(f"{self.folder}/mode.new", f"{self.folder}/mode")

    def start(self):
        """It listens."""
        tls = [self.pki.path("r.pem"), self.pki.path("r.key")] if self.pki else []
        self.process = self.lab.procs.start(
            "receiver", [sys.executable, "-B", f"{ROOT}/tests/lab/receiver.py", self.address, str(PORT), self.folder,
                         *tls], netns=self.lab.ns("client"), log=f"{self.folder}/log")
        self.lab.wait_for(lambda: f":{PORT} " in self.lab.inside("client", "ss", "-Hltn"), 10, "the receiver")

    def end(self):
        """Its port is closed."""
        if self.process and self.process.poll() is None:
            self.lab.procs.end(self.process)

    def got(self, mode=None):
        """Requests so far, or those that it treated so."""
        if not os.path.exists(f"{self.folder}/got"):
            return []
        with open(f"{self.folder}/got", encoding="utf-8") as f:
            return [g for g in map(json.loads, f) if mode in (None, g["mode"])]

    def alerts(self):
        """The alerts that it took."""
        return [json.loads(g["body"]) for g in self.got("ok")]


@pytest.fixture
def receiver(lab, tmp_path):
    """One that listens."""
    r = Receiver(lab, tmp_path)
    r.start()
    yield r
    r.end()


def configure(lab, *destinations):
    """The usual service, and destinations as YAML."""
    lab.configure(lab.head() + "alerts:\n" + "".join(f"  - {{{d}}}\n" for d in destinations)
                  + "services:\n" + service())


def webhook(name="hook", more=SOON, **keys):
    """A destination at the receiver."""
    keys = {"url": f"http://{v4('client')}:{PORT}/x?y=1", **keys}
    return f"name: {name}, {more}, webhook: {{{', '.join(f'{k}: {v}' for k, v in keys.items())}}}"


def start(lab, *destinations):
    """An agent that serves, and then gets its destinations: how it began is no news for them."""
    lab.configure(lab.head() + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    configure(lab, *destinations)
    lab.cli("config", "apply")


def destination(lab, name="hook"):
    """Its part of the status."""
    (d,) = [d for d in lab.status()["alerts"] if d["name"] == name]
    return d


def wait_told(lab, receiver, **want):
    """Waits for an alert with these values; returns it."""
    return lab.wait_for(lambda: next((a for a in receiver.alerts()
                                      if all(a[k] == v for k, v in want.items())), None), 10, f"an alert {want}")


def test_told(lab, receiver):
    """What goes down and comes back is told with all that is known, in order; what is too little is not."""
    start(lab, webhook("all"), webhook("grave", SOON.replace("info", "critical"), url=f"http://{v4('client')}:{PORT}/g"),
          webhook("other", f"{SOON}, services: [web], kinds: [operator]", url=f"http://{v4('client')}:{PORT}/o"))
    lab.kill_nginx("b2")
    a = wait_told(lab, receiver, backend="b2", status="firing")
    assert a == {**a, "severity": "warning", "kind": "backend", "service": "web", "was": "suspect", "is": "down",
                 "count": 1, "instance": lab.instance, "subject": None}
    assert a["reason"].startswith("is down: ") and a["text"] == f"backend b2 of service web is down: {a['reason']}"
    told = wait_event(lab, kind="backend", backend="b2", to="down")
    assert abs(float(told["time"][17:23]) - float(a["time"][17:23])) % 60 < 0.5
    lab.start_nginx("b2")
    assert wait_told(lab, receiver, backend="b2", status="resolved")["is"] in ("up", "starting")
    lab.cli("drain", "b1")
    wait_told(lab, receiver, status="event", kind="operator", subject="drain")
    every = [g for g in receiver.got() if g["path"] == "/x?y=1"]
    ids = [json.loads(g["body"])["id"] for g in every]
    assert [int(i.split("-")[1]) for i in ids] == list(range(1, len(ids) + 1))
    assert {g["headers"]["Content-Type"] for g in every} == {"application/json"}
    lab.wait_for(lambda: [g for g in receiver.got() if g["path"] == "/o"], 5, "the operator's word")
    assert {json.loads(g["body"])["kind"] for g in receiver.got() if g["path"] == "/o"} == {"operator"}
    assert not [g for g in receiver.got() if g["path"] == "/g"]


def test_receiver_fails(lab, receiver):
    """It refuses, hangs, redirects, asks for time: the alert comes again until it is there, and those behind it
    after it. Nobody waits: verdicts go on meanwhile. What fails is shown, and told to another destination."""
    log = f"{receiver.folder}/hook.log"
    hook = f"{receiver.folder}/hook"
    with open(hook, "w", encoding="ascii") as f:
        f.write(f"#!/bin/sh\necho \"$FAIRLEAD_SUBJECT $FAIRLEAD_IS\" >>{log}\n")
    os.chmod(hook, 0o755)
    receiver.say("429+2")
    start(lab, webhook("hook", SOON.replace("info", "warning").replace("timeout: 1s", "timeout: 300ms")),
          f"name: second, kinds: [alert], {SOON}, exec: [{hook}]")
    lab.kill_nginx("b2")
    lab.wait_for(lambda: receiver.got("429+2"), 10, "a first try")
    receiver.say("hang")
    begun = time.monotonic()
    lab.kill_nginx("b3")
    lab.wait_state("web", "b3", "down")
    assert time.monotonic() - begun < 2 * PATIENCE
    lab.wait_for(lambda: receiver.got("hang"), 10, "a second one")
    receiver.say("redirect")
    lab.wait_for(lambda: receiver.got("redirect"), 15, "a third one")
    d = lab.wait_for(lambda: (d := destination(lab))["failed"] >= 3 and d, 10, "what fails")
    receiver.say("ok")
    assert d["waiting"] == 2 and d["sent"] == 0 and d["fails_since"] and d["firing"] == 2
    assert d["error"] == "status 302: the receiver says so?"
    assert "alerts: hook (webhook): 0 sent, 2 wait, fails for " in lab.cli("status").stdout
    wait_event(lab, kind="alert", subject="hook", to="fails")
    lab.wait_for(lambda: len(receiver.alerts()) == 2, 15, "both")
    assert [(a["backend"], a["status"]) for a in receiver.alerts()] == [("b2", "firing"), ("b3", "firing")]
    first, second = receiver.got()[:2]
    assert second["at"] - first["at"] >= 2
    assert not receiver.got("GET")
    wait_event(lab, kind="alert", subject="hook", to="delivers")
    d = destination(lab)
    assert (d["waiting"], d["sent"], d["fails_since"], d["error"]) == (0, 2, "", "")
    lab.wait_for(lambda: open(log, encoding="ascii").read() == "hook fails\nhook delivers\n", 5, "the second's word")


def test_closed_and_endless(lab, receiver):
    """A port that is closed, then a body without an end: its status counts, and the rest is not read."""
    receiver.end()
    start(lab, webhook("hook", SOON.replace("info", "warning")))
    lab.kill_nginx("b2")
    lab.wait_for(lambda: destination(lab)["error"], 5, "a failure")
    assert destination(lab)["error"] == "connection refused"
    receiver.say("endless")
    receiver.start()
    lab.wait_for(lambda: destination(lab)["sent"] == 1, 10, "the delivery")
    assert destination(lab)["error"] == "" and len(receiver.got()) == 1


def test_refused_and_reload(lab, receiver):
    """What the receiver will never take is given up; what waits outlives a reload, and is told when it can't go."""
    receiver.say("400")
    start(lab, webhook("hook", SOON.replace("info", "warning")))
    lab.kill_nginx("b2")
    lab.wait_for(lambda: destination(lab)["dropped"] == 1, 5, "the refusal")
    e = wait_event(lab, kind="alert", to="undelivered", subject="hook")
    assert e["detail"].startswith("refused, with status 400: the receiver says so?: backend b2 of service web is down")
    receiver.say("500+60")
    lab.kill_nginx("b3")
    lab.wait_for(lambda: destination(lab)["failed"] == 2, 5, "a try")
    configure(lab, webhook("hook", SOON.replace("info", "warning"), headers="['X-New: yes']"))
    receiver.say("ok")
    lab.cli("config", "apply")
    (g,) = lab.wait_for(lambda: receiver.got("ok"), 10, "what waited")
    assert json.loads(g["body"])["backend"] == "b3" and g["headers"]["X-New"] == "yes"
    receiver.say("500")
    lab.start_nginx("b3")
    lab.wait_for(lambda: destination(lab)["failed"] == 3, 10, "another try")
    lab.stop_agent()
    lab.start_agent()
    e = wait_event(lab, kind="alert", to="undelivered", detail=events(lab, "--kind", "alert")[-1]["detail"])
    assert e["detail"].startswith("fairleadd ends: backend b3 of service web is ")


def test_storm(lab, receiver):
    """More than the rate: the rest is summed up in one. What flaps is told once, and its end once it is quiet."""
    more = "severity: warning, quiet: 1500ms, rate: 30, burst: 2, timeout: 1s"
    start(lab, webhook("hook", more))
    for b in lab.backends:
        lab.kill_nginx(b)
    told = lab.wait_for(lambda: len(a := receiver.alerts()) == 3 and a, 10, "three alerts")
    assert [a["status"] for a in told] == ["firing", "firing", "sum"]
    # The service's own may be among the first.
    alone = [a["kind"] for a in told[:2]]
    more = ": 2 backend" if "service" in alone else ": 1 backend, 1 service"
    assert told[2]["text"].startswith("2 more since ") and told[2]["text"].endswith(more)
    assert told[2]["count"] == 2 and told[2]["kind"] is None
    assert told[2]["severity"] == ("warning" if "service" in alone else "critical")
    assert destination(lab)["summed_up"] == 2 and destination(lab)["firing"] == 4
    for b in lab.backends:
        lab.start_nginx(b)
    lab.wait_serving("web", 15)
    lab.wait_for(lambda: destination(lab)["firing"] == 0, 15, "the end of all")


def test_tls_template_and_verb(lab, tmp_path):
    """TLS by a test authority, secrets from files, a template; `fairlead alerts test` says what came back."""
    pki = Pki(f"{tmp_path}/pki")
    pki.sign("r", f"IP:{v4('client')}")
    r = Receiver(lab, tmp_path, pki)
    r.start()
    for name, text in (("token", "s3cret\nmore\n"), ("url", f"https://{v4('client')}:{PORT}/hidden\n"),
                       ("t.json", "")):
        with open(f"{tmp_path}/{name}", "w", encoding="ascii") as f:
            f.write(text)
    template = "'{\"m\": \"<{status}> {text}\", \"n\": {count}, \"w\": {was}, \"l\": [{kind}, {host}]}'"
    try:
        start(lab, f"name: good, severity: critical, webhook: {{url_file: {tmp_path}/url, token_file: {tmp_path}/token, "
              f"ca_file: {pki.path('ca.pem')}, template: {template}}}",
              webhook("stranger", "severity: critical", url=f"https://{v4('client')}:{PORT}/"),
              "name: gone, severity: critical, exec: [/nonexistent]")
        out = lab.cli("alerts", "test", "good").stdout
        assert out.startswith("good: delivered after ") and out.endswith("status 204\n")
        (g,) = r.got()
        assert g["path"] == "/hidden" and g["headers"]["Authorization"] == "Bearer s3cret"
        m = json.loads(g["body"])
        assert m == {**m, "n": 1, "w": None} and m["l"][0] is None and m["l"][1]
        assert m["m"] == "<test> this is a test: somebody has called fairlead alerts test"
        p = lab.cli("alerts", "test", "--json", check=False)
        assert p.returncode == 1
        tests = {t["name"]: t for t in json.loads(p.stdout)["tests"]}
        assert {n: t["ok"] for n, t in tests.items()} == {"good": True, "stranger": False, "gone": False}
        assert tests["stranger"]["detail"].startswith("its certificate is not accepted: ")
        assert tests["gone"]["detail"] == "/nonexistent cannot be run: no such file or directory"
        p = lab.cli("alerts", "test", "nobody", check=False)
        assert p.returncode == 1 and "there is no destination 'nobody' of alerts" in p.stderr
        assert lab.cli("alerts").stdout.splitlines()[0] == "alerts: good (webhook): 0 sent, 0 wait"
        assert [d["name"] for d in json.loads(lab.cli("alerts", "--json").stdout)] == ["good", "stranger", "gone"]
        with open(lab.agent_log, encoding="utf-8") as f:
            assert "s3cret" not in f.read()
    finally:
        r.end()


# Takes questions of DNS, and answers none.
SILENT = "import socket, time; s = socket.socket(type=socket.SOCK_DGRAM); s.bind((%r, 53)); time.sleep(3600)"


def test_resolver_hangs(lab, tmp_path):
    """A name server that never answers costs the try its time, and the agent none."""
    with open(f"{tmp_path}/resolv.conf", "w", encoding="ascii") as f:
        f.write(f"nameserver {v4('client')}\noptions timeout:5 attempts:2\n")
    silent = lab.procs.start("silent", [sys.executable, "-c", SILENT % v4("client")], netns=lab.ns("client"))
    try:
        lab.wait_for(lambda: ":53 " in lab.inside("client", "ss", "-Hlun"), 10, "the name server")
        lab.configure(lab.head() + "services:\n" + service())
        lab.start_agent(wrapper=["unshare", "-m", "sh", "-c",
                                 f"mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && exec \"$@\"", "sh"])
        lab.wait_serving("web")
        configure(lab, webhook("hook", SOON.replace("info", "warning").replace("timeout: 1s", "timeout: 300ms"),
                               url="http://hook.example.org/"))
        lab.cli("config", "apply")
        lab.kill_nginx("b2")
        begun = time.monotonic()
        lab.wait_for(lambda: destination(lab)["failed"] >= 1, 10, "a try")
        slowest = 0
        while destination(lab)["failed"] < 2:
            asked = time.monotonic()
            lab.status()
            slowest = max(slowest, time.monotonic() - asked)
            assert asked - begun < 20 * PATIENCE
        # Who waits for the resolver waits for ten seconds.
        assert slowest < 4 and time.monotonic() - begun < 9 * PATIENCE
        assert destination(lab)["error"].lower() == "timeout was reached"
    finally:
        lab.procs.end(silent)


# The folder of the destination has what it shall do: a shell's words, once.
HOOK = """\
#!/bin/sh
cat >>"$1/input"
echo >>"$1/input"
env | grep FAIRLEAD_ | sort >"$1/env"
[ ! -e "$1/words" ] || { mv "$1/words" "$1/done"; . "$1/done"; }
"""

# What a program does at its first run, and what is told of it then.
MISBEHAVIOUR = {"fails": ("echo no route to pager; exit 1", "exit code 1: no route to pager"),
                "hangs": ("sleep 1000", "did not end within 500 ms, and was killed"),
                "floods": ("head -c 10000000 /dev/zero; sleep 1000", "wrote more than 64 KiB")}


def test_program(lab, tmp_path):
    """It gets the alert as input and environment; when it hangs, fails or floods, it is killed and run again."""
    with open(f"{tmp_path}/hook", "w", encoding="ascii") as f:
        f.write(HOOK)
    os.chmod(f"{tmp_path}/hook", 0o755)
    for name, (words, _) in MISBEHAVIOUR.items():
        os.mkdir(f"{tmp_path}/{name}")
        with open(f"{tmp_path}/{name}/words", "w", encoding="ascii") as f:
            f.write(f"{words}\n")
    start(lab, *(f"name: {name}, severity: warning, timeout: {'500ms' if name == 'hangs' else '60s'}, "
                 f"exec: [{tmp_path}/hook, {tmp_path}/{name}]" for name in MISBEHAVIOUR))
    lab.kill_nginx("b2")
    seen = {}

    def look():
        """Keeps the errors that are there now; whether all are delivered."""
        all_ = lab.status()["alerts"]
        seen.update({d["name"]: d["error"] for d in all_ if d["error"]})
        return all(d["sent"] == 1 for d in all_)
    lab.wait_for(look, 15, "the deliveries")
    assert seen == {name: error for name, (_, error) in MISBEHAVIOUR.items()}
    with open(f"/proc/{lab.agent.pid}/task/{lab.agent.pid}/children", encoding="ascii") as f:
        assert not f.read().split()
    for name in MISBEHAVIOUR:
        assert destination(lab, name)["failed"] == 1
        with open(f"{tmp_path}/{name}/input", encoding="utf-8") as f:
            tries = [json.loads(line) for line in f if line.strip()]
        assert len(tries) == 2 and tries[0] == tries[1]
        with open(f"{tmp_path}/{name}/env", encoding="utf-8") as f:
            env = dict(line.rstrip("\n").split("=", 1) for line in f)
        assert env == {f"FAIRLEAD_{k.upper()}": "" if v is None else str(v) for k, v in tries[0].items()}
        assert env["FAIRLEAD_BACKEND"] == "b2" and env["FAIRLEAD_IS"] == "down"
