# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages say what the programs do."""
import json
import os
import re
import subprocess
import sys

import pytest
from conftest import FAST, ROOT, service
from lab.topology import run, v4

TYPES = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object"}


def read(path):
    """A file of the repository."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def manual(name):
    """A page's source with its hyphens plain."""
    return read(f"configs/man/{name}").replace("\\-", "-")


def options(text):
    """Every option that a --help tells of."""
    return set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*(?![\w-])", text))


def test_fairlead_manual(network):
    """fairlead(1) has every command and every option of --help."""
    top = network.cli("--help").stdout
    commands = re.findall(r"^  ([a-z]+) ", top, re.M)
    texts = [top] + [network.cli(c, "--help").stdout for c in commands if c != "help"]
    page = manual("fairlead.1")
    assert len(commands) >= 6
    for command in commands:
        assert re.search(rf"^(\.B |\\fB){command}\b", page, re.M), command
    for option in set().union(*map(options, texts)):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", page), option


def test_transcripts(network):
    """docs/transcripts.md has every command, tried; none of them ended because it was not known."""
    page = read("docs/transcripts.md")
    typed = set(re.findall(r"^\w*\$ fairlead ([a-z]+)", page, re.M))
    commands = re.findall(r"^  ([a-z]+) ", network.cli("--help").stdout, re.M)
    assert typed == set(commands), "run make transcripts; tests/demo/transcripts.py types them"


def test_fairleadd_manual(network):
    """fairleadd(8) likewise."""
    page = manual("fairleadd.8")
    found = options(run(f"{network.build}/fairleadd", "--help"))
    assert "--detach" in found
    for option in found:
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", page), option


def test_yaml_manual():
    """fairlead.yaml(5) is what `make man` makes of docs/configuration.md, and has all of its keys."""
    source = read("docs/configuration.md")
    r = subprocess.run([sys.executable, "-B", f"{ROOT}/configs/man/yaml5.py"], input=source,
                       stdout=subprocess.PIPE, text=True, check=True)
    page = read("configs/man/fairlead.yaml.5")
    assert r.stdout == page, "run make man"
    keys = re.findall(r"^\| `(\w+)` \|", source, re.M)
    assert len(keys) > 30
    for key in set(keys):
        assert f"\n.TP\n.B {key}\n" in page, key


OBJECTS = ("nexthop", "probe", "passive", "diagnosis", "peers", "quorum", "journal")
UNKNOWN = {"peers.list[].clock_skew_ms": "integer"}  # null here, where no peer answers


def fields(value, path=""):
    """{path: type} of a document, as docs/api.md writes them; objects that may be null included."""
    if isinstance(value, list):
        return {k: t for item in value for k, t in fields(item, f"{path}[]").items()}
    if value is None and path.endswith(OBJECTS):
        return {path: "object"}
    if value is None and path in UNKNOWN:
        return {path: UNKNOWN[path]}
    if not isinstance(value, dict):
        return {path: TYPES[type(value)]}
    found = {path: "object"} if path.endswith(OBJECTS) else {}
    for key, item in value.items():
        found.update(fields(item, f"{path}.{key}" if path else key))
    return found


def test_status_document(lab):
    """docs/api.md has a row, with its type, for each field of a status, and no other."""
    by_path = FAST.replace("type: tcp", "type: tcp, via: path")
    key = f"{lab.folder}/peers.key"
    with open(key, "w", encoding="ascii") as f:
        f.write("0123456789abcdef" * 4)
    os.chmod(key, 0o600)
    lab.configure(lab.head() + "bfd: [{peer: 10.77.0.1}]\n"
                  "vrrp: [{name: web, interface: eth0, vrid: 51, addresses: [192.0.2.10], interval: 10ms,\n"
                  "        virtual_mac: true, track: {bfd: [10.77.0.1]}}]\n"
                  f"peers: {{listen: {v4('lb')}, key_file: {key}, list: [{{name: lb2, address: 10.77.0.99}}]}}\n"
                  "alerts: [{name: hook, exec: [/bin/true]}]\n"
                  "services:\n"
                  + service(passive="true", announce="route") + service(name="none", port=81, probe=by_path))
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_for(lambda: lab.status()["vrrp"]["groups"][0]["device"], 5, "the group to be active")
    lab.wait_for(lambda: lab.backend("none", "b1")["probe"]["diagnosis"], 5, "a diagnosis")
    lab.wait_for(lambda: lab.backend("web", "b1")["passive"], 2, "new connections to be watched")
    lab.fetch("http://192.0.2.10/")
    told = dict(re.findall(r"^\| `(\S+)` \| (string|boolean|integer|number|object) \|",
                           read("docs/api.md").partition("## The doctor's document")[0], re.M))
    assert told == fields(lab.status())


def ask(lab, method, path):
    """(HTTP status, object) of a request to the agent."""
    out = run("curl", "-s", "-w", "\n%{http_code}", "--unix-socket", lab.socket, "-X", method,
              f"http://localhost{path}")
    body, _, code = out.rpartition("\n")
    return int(code), json.loads(body)


def test_answers(web):
    """The other requests answer with the fields and the statuses of docs/api.md."""
    version = re.search(r"^VERSION := (\S+)$", read("common.mk"), re.M).group(1)
    abi = re.search(r"^#define FL_ABI_VERSION (\d+)", read("include/fairlead/abi.h"), re.M).group(1)
    assert ask(web, "GET", "/v1/version") == (200, {"version": version, "abi": int(abi)})
    code, timings = ask(web, "GET", "/v1/timings")
    assert code == 200 and timings["probes"]["targets"] == 3
    status = web.status()
    assert fields(timings) == fields({k: status[k] for k in ("loop", "probes", "tables")})
    assert ask(web, "POST", "/v1/config/apply") == \
        (200, {"applied": True, "services": 1, "backends": 3})
    drained = (200, {"changed": 1, "services": ["web"]})
    assert ask(web, "POST", "/v1/backends/b1/drain") == drained
    assert ask(web, "POST", "/v1/backends/b1/undrain?service=web") == drained


@pytest.mark.parametrize("method, path, status", [
    ("POST", "/v1/backends/b1/drain?servce=web", 400), ("GET", "/v1/status?a", 400),
    ("GET", "/v2/status", 404), ("POST", "/v1/backends/b9/drain", 404),
    ("POST", "/v1/backends/b1/drain?service=none", 404), ("POST", "/v1/status", 405),
    ("GET", "/v1/status?" + "x" * 1024, 414),
])
def test_refusals(web, method, path, status):
    """Each with its status and a sentence."""
    code, answer = ask(web, method, path)
    assert code == status and list(answer) == ["error"] and len(answer["error"]) > 10


def test_refused_configuration(web):
    """400, and every mistake."""
    web.configure(web.head() + "services: [{nome: a}]\n")
    code, answer = ask(web, "POST", "/v1/config/apply")
    assert code == 400 and set(answer) == {"error", "problems"} and len(answer["problems"]) > 1
    os.unlink(web.config_path)
    code, answer = ask(web, "POST", "/v1/config/apply")
    assert code == 500 and "No such file" in json.dumps(answer)
