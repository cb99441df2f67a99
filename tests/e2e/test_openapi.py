# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/openapi.json says what the running agent does: each route, each answer."""
import json
import re
import subprocess
import sys
import urllib.parse

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator
from lab.topology import VIP4, run, v4
from test_docs import read
from test_metrics import everything, get

DOCUMENT = json.loads(read("docs/openapi.json"))
PATHS = DOCUMENT["paths"]


def operations():
    """[(method, path)] of the document."""
    return [(m, p) for p, methods in PATHS.items() for m in methods]


def test_up_to_date():
    """It is what `make openapi` makes of docs/api.md, and each schema is one."""
    version = re.search(r"^VERSION := (\S+)$", read("common.mk"), re.M).group(1)
    r = subprocess.run([sys.executable, "-B", f"{ROOT}/docs/openapi.py", version], input=read("docs/api.md"),
                       stdout=subprocess.PIPE, text=True, check=True)
    assert r.stdout == read("docs/openapi.json"), "run make openapi"
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_routes():
    """It has the paths that user/api/route.c knows, and docs/api.md has a row for each."""
    source = read("user/api/route.c")
    fixed = set(re.findall(r'\{"(/[^"]*)", ROUTE_', source))
    verbs = set(re.findall(r'\{"(\w+)", ROUTE_(?:SAY|WEIGHT), API_', source))
    assert len(fixed) > 10 and len(verbs) == 5
    assert set(PATHS) == fixed | {"/v1/backends/{id}", "/dashboard/{file}"} | {f"/v1/backends/{{id}}/{v}" for v in verbs}
    rows = set(re.findall(r"^\| `(GET|POST) ([^`?]+)", read("docs/api.md"), re.M))
    assert rows == {(m.upper(), p.replace("{id}", "ID").replace("{file}", "FILE")) for m, p in operations()}


def run_everything(lab):
    """An agent that has some of all, until the caller goes on."""
    open(lab.agent_log, "w", encoding="utf-8").close()
    lab.forget()
    lab.configure(everything(lab).replace("services:", "events: {flows: 1}\nsources: {deny: [203.0.113.0/24]}\nservices:"))
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_for(lambda: lab.backend("web", "b1")["passive"], 3, "new connections to be watched")
    lab.fetch_many("http://192.0.2.10/", 12)
    yield lab
    lab.stop_agent()
    lab.remove_pins()


@pytest.fixture(scope="module")
def running(network):
    """An agent that has some of all."""
    yield from run_everything(network)


def ask(lab, method, target, *more):
    """(HTTP status, content type, body) of a request on the unix socket."""
    out = run("curl", "-s", "-w", "\n%{http_code} %{content_type}", "--unix-socket", lab.socket, "-X",
              method.upper(), *more, f"http://localhost{target}")
    body, _, last = out.rpartition("\n")
    code, _, kind = last.partition(" ")
    return int(code), kind.split(";")[0], body


def check(method, path, code, kind, body):
    """Is that what the document says of such an answer?"""
    told = PATHS[path][method]["responses"][str(code)]["content"]
    assert kind in told, (method, path, code, kind)
    if kind != "application/json":
        return
    check_text(told[kind]["schema"], body, (method, path))


def check_text(schema, text, what):
    """Does it have the shape of one of the document's schemas?"""
    whole = {**schema, "components": DOCUMENT["components"]}
    errors = [f"{list(e.absolute_path)}: {e.message[:200]}"
              for e in Draft202012Validator(whole).iter_errors(json.loads(text))]
    assert not errors, (what, errors[:5])


def check_printed(command, text):
    """Is that what the document says of `fairlead COMMAND --json`?"""
    check_text(DOCUMENT["x-commands"][command], text, command)


VALUES = {"service": "web", "percent": "100", "prefix": "198.51.100.7", "monitor": "true", "now": "false", "peers": "false",
          "n": "5", "since": "0", "flows": "1", "drops": "1", "reason": "to try it", "confirm": "60000", "version": "1",
          "kind": "backend,operator", "backend": "b1", "after": "0", "wait": "100", "name": "hook", "target": "999000", "to": "lb2",
          "source": f"{v4('client')}:40000", "destination": f"{VIP4}:80", "protocol": "tcp", "flags": "syn,ack",
          "interface": "eth0", "layout": "0", "known": "0", "hours": "1"}

# A frame's, which goes without addresses.
WITH_BODY = "length"
# These need some of their parameters.
NEEDY = ("/v1/packets/sampling", "/v1/explain")
# There is nobody who could take over: test_planned has the answer when there is.
IN_VAIN = {"/v1/failover": 409}
# What it answers does not end: test_streams has it.
ENDLESS = ("/v1/events/stream",)


def confirm(lab):
    """No configuration waits for its confirmation."""
    ask(lab, "post", "/v1/config/confirm")


def version(lab, how="reason=another"):
    """There is a version before the one that runs."""
    confirm(lab)
    assert ask(lab, "post", f"/v1/config/apply?{how}")[0] == 200


def unconfirmed(lab):
    """One waits for its confirmation."""
    version(lab, "confirm=60000")


# Where names mean something else than above.
OF_CAPTURES = {"source": v4("client"), "destination": VIP4, "port": "80", "verdict": "send,drop_ttl", "snap": "64",
               "rate": "10", "packets": "5", "size": "65536", "time": "1000", "id": "0"}


def idle(lab):
    """No capture runs."""
    ask(lab, "post", f"/v1/capture/stop?id={OF_CAPTURES['id']}")


def capturing(lab):
    """One runs, and its id is known."""
    idle(lab)
    keep_id(*ask(lab, "post", "/v1/capture/start"))


def keep_id(code, _, body):
    """Of a capture that has begun."""
    assert code == 200, body
    OF_CAPTURES["id"] = str(json.loads(body)["id"])


BEFORE = {"/v1/capture/start": idle, "/v1/capture/next": capturing, "/v1/capture/stop": capturing,
          "/v1/config/apply": confirm, "/v1/config/confirm": unconfirmed, "/v1/config/rollback": version}


def named(path):
    """The path of something that there is."""
    return path.replace("{id}", "b1").replace("{file}", "main.js")


def target_of(path, parameters):
    """The path with its id and those parameters."""
    values = {**VALUES, **OF_CAPTURES} if "/capture/" in path else VALUES
    pairs = [(p["name"], values[p["name"]]) for p in parameters if p["in"] == "query" and p["name"] != WITH_BODY]
    return named(path) + (f"?{urllib.parse.urlencode(pairs)}" if pairs else "")


@pytest.mark.parametrize("method, path", operations())
def test_answers(running, method, path):
    """With all parameters, with the necessary ones, with one that it does not know, and by another method."""
    lab, parameters = running, PATHS[path][method].get("parameters", [])
    for given in () if path in ENDLESS else (parameters, [p for p in parameters if p["required"]]):
        BEFORE.get(path, lambda lab: None)(lab)
        target = target_of(path, given)
        code, kind, body = ask(lab, method, target)
        if path == "/v1/capture/start":
            keep_id(code, kind, body)
        assert code == (400 if path in NEEDY and not given else IN_VAIN.get(path, 200)), (target, body)
        check(method, path, code, kind, body)
    for missing in (p for p in parameters if p["required"] and p["in"] == "query"):
        code, kind, body = ask(lab, method, target_of(path, [p for p in parameters if p is not missing]))
        assert code == 400
        check(method, path, code, kind, body)
    code, kind, body = ask(lab, method, f"{named(path)}?nothing=1")
    assert code == 400
    check(method, path, code, kind, body)
    if "{id}" in path:
        code, kind, body = ask(lab, method, target_of(path, parameters).replace("b1", "nobody"))
        assert code == 404
        check(method, path, code, kind, body)
    assert ask(lab, "post" if method == "get" else "get", target_of(path, parameters))[0] == 405


def explained(lab, target, *more):
    """The answer to POST /v1/explain, which is as it should be."""
    code, kind, body = ask(lab, "post", f"/v1/explain{target}", *more)
    assert code == 200, body
    check("post", "/v1/explain", code, kind, body)
    return json.loads(body)


def test_explanations(running, tmp_path):
    """Of a frame, of a connection that is on record, and of slots that are moving."""
    lab, frame = running, tmp_path / "frame"
    frame.write_bytes(bytes(14))
    told = explained(lab, f"?{WITH_BODY}=60", "--data-binary", f"@{frame}")
    assert told["flow"] is None and told["before"]["length"] == 60
    lab.cli("drain", "b1")
    ports = range(40001, 40041)

    def ask_all():
        return {p: explained(lab, f"?source={v4('client')}:{p}&destination={VIP4}:80") for p in ports}

    lab.wait_for(lambda: "moving" in {e["slot"]["state"] for e in ask_all().values()}, 5, "a moving slot")
    port = next(p for p, e in ask_all().items() if e["slot"]["state"] == "moving")
    lab.fetch("http://192.0.2.10/", "--local-port", str(port))
    told = ask_all()
    lab.cli("undrain", "b1")
    assert [r["kind"] for r in told[port]["records"]] == ["connection"] and told[port]["slot"]["previous"] == "b1"
    assert "clean" in {e["slot"]["state"] for e in told.values()} and told[port]["peers"][0]["name"] == "lb2"


def test_served(running):
    """The agent tells it itself, on both sockets."""
    assert json.loads(ask(running, "get", "/openapi.json")[2]) == DOCUMENT
    assert json.loads(get(running, "/openapi.json")[1]) == DOCUMENT


def test_finds_strangers(running):
    """A field that nobody told of is found, and one that is gone."""
    code, kind, body = ask(running, "get", "/v1/status")
    status = json.loads(body)
    status["services"][0]["backends"][0]["stranger"] = 1
    with pytest.raises(AssertionError, match="stranger"):
        check("get", "/v1/status", code, kind, json.dumps(status))
    del status["services"][0]["backends"][0]["stranger"], status["pid"]
    with pytest.raises(AssertionError, match="'pid' is a required property"):
        check("get", "/v1/status", code, kind, json.dumps(status))
