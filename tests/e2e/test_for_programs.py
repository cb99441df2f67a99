# SPDX-License-Identifier: GPL-2.0-or-later
"""`--json` of every command prints what docs/api.md says, and docs/openapi.json under x-commands."""
import json
import re
import struct
import subprocess

import pytest
from lab.lab import PATIENCE
from lab.topology import VIP4, v4
from test_config_history import content
from test_docs import read
from test_openapi import DOCUMENT, check_printed, run_everything

COMMANDS = DOCUMENT["x-commands"]
# These take no --json.
FOR_PEOPLE = {"top", "help"}
# They need more than one agent, or more time: the module that looks at what they print.
ELSEWHERE = {"bench": "test_bench_verb", "failover": "test_planned"}
# One document a line.
LINES = {"events", "explain --from", "packets --follow"}
PEER = f"{v4('client')}:40000"
# The arguments of each, where its name alone is not enough; {} is a folder.
ARGUMENTS = {
    "status --service": ["web"], "config check": ["{}/good.yaml"], "capture": ["{}/file", "--force", "--time", "200ms"],
    "drain": ["b1"], "drain --wait": ["b1", "--deadline", "100ms"], "undrain": ["b1"], "disable": ["b2"], "enable": ["b2"],
    "weight": ["b1", "100%"], "source allow": ["198.51.100.7"], "source deny": ["198.51.100.7", "--monitor"],
    "source remove": ["198.51.100.7"], "packets --flows": ["1"], "packets --drops": ["1"], "explain": [PEER, f"{VIP4}:80"],
    "explain --from": ["{}/frames"], "import": ["{}/keepalived.conf"],
    "config show": ["1"],
}
# Those that end otherwise than with 0, as they should.
CODES = {"drain --wait": (0, 3), "config diff": 1, "config apply --dry-run": 1, "doctor": (0, 1, 2)}
# They go without an agent.
ALONE = {"config check", "doctor", "import", "version"}
GOOD = "interfaces: [eth0]\nservices: [{name: web, vip: 192.0.2.1, port: 80, forward: l2, backends: [{id: a, address: 10.0.0.1}]}]\n"


@pytest.fixture(scope="module", name="running")
def _running(network):
    """An agent that has some of all."""
    yield from run_everything(network)


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory):
    """Files that commands take."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "good.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "bad.yaml").write_text("services: [{nome: a}]\n", encoding="utf-8")
    (folder / "keepalived.conf").write_bytes(b"global_defs {\n  router_id lb\n}\nvirtual_server 192.0.2.1 80 {\n"
                                             b"  lb_algo rr\n  lb_kind DR\n  protocol TCP\n  real_server 10.0.0.1 80 {\n"
                                             b"    SMTP_CHECK {\n    }\n  }\n}\n")
    frame = bytes(60)
    (folder / "frames").write_bytes(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1) +
                                    2 * (struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame))
    return str(folder)


def version(lab, *how):
    """Another configuration is in force than before, or is in the file only."""
    with open(lab.config_path, "a", encoding="utf-8") as f:
        f.write("# and so on\n")
    lab.cli("config", "confirm", check=False)
    lab.cli("config", "apply", *how)


def another(lab):
    """The file says something else than what is in force."""
    version(lab)
    lab.configure(re.sub(r"min_up: \d", lambda m: "min_up: 1" if m[0] == "min_up: 2" else "min_up: 2", content(lab)))


BEFORE = {"config apply": another, "config diff": another, "config apply --dry-run": another, "config rollback": version,
          "config confirm": lambda lab: version(lab, "--confirm", "60s"), "config apply --peers": version,
          "source remove": lambda lab: lab.cli("source", "deny", "198.51.100.7")}


def usages(text):
    """The lines of a --help that tell of its use, with what goes on in the next one."""
    head = re.sub(r"\n {8,}", " ", text.partition("\n\n")[0])
    return [line.partition("fairlead ")[2] for line in head.splitlines()]


def test_none_without(network):
    """Every form of every command has a schema, and a row in docs/api.md; none is there for nothing."""
    commands = set(re.findall(r"^  ([a-z]+) ", network.cli("--help").stdout, re.M)) - FOR_PEOPLE
    assert len(commands) > 15
    forms = [u for c in sorted(commands) for u in usages(network.cli(c, "--help").stdout)]
    assert not [u for u in forms if "--json" not in u], "a command without --json"
    names = {re.match(r"[a-z]+(?: (?:--)?[a-z-]+)*", u)[0] for u in forms}
    assert names <= set(COMMANDS) and {c.partition(" --")[0] for c in COMMANDS} <= names
    for name, module in ELSEWHERE.items():
        assert f'check_printed("{name}", ' in read(f"tests/e2e/{module}.py")


def argv_of(command, folder):
    """What is typed behind `fairlead`."""
    return [*command.split(), *(a.replace("{}", folder) for a in ARGUMENTS.get(command, ())), "--json"]


def printed(lab, command, folder):
    """(exit status, documents, standard error)."""
    if command == "packets --follow":
        r = subprocess.run(["timeout", "-s", "INT", str(PATIENCE), f"{lab.build}/fairlead", "-s", lab.socket, "packets", "--follow",
                            "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        r.returncode -= 124
    else:
        r = lab.cli(*argv_of(command, folder), check=False)
    return r.returncode, r.stdout.splitlines() if command in LINES else [r.stdout], r.stderr


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - set(ELSEWHERE)))
def test_documents(running, folder, command):
    """What each prints is as it is written down."""
    BEFORE.get(command, lambda lab: None)(running)
    code, documents, err = printed(running, command, folder)
    codes = CODES.get(command, 0)
    assert code in (codes if isinstance(codes, tuple) else (codes,)), (code, documents, err)
    assert documents
    for text in documents:
        check_printed(command, text)
    if command in LINES:
        assert all(text.startswith("{") for text in documents)


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - ALONE - {"bench"}))
def test_no_document(network, folder, command):
    """Who asks an agent that does not answer gets a sentence, and nothing that a program might take for an answer."""
    r = network.cli("--socket", f"{folder}/nobody", *argv_of(command, folder), check=False)
    assert r.returncode == (2 if command in ("config diff", "config apply --dry-run") else 1)
    assert r.stdout == "" and "is fairleadd running?" in r.stderr


def test_what_is_wrong(running, folder):
    """Where what is wrong is what was asked for, it is in the document; a refusal is a sentence, and none."""
    r = running.cli("config", "check", "--json", f"{folder}/bad.yaml", check=False)
    check_printed("config check", r.stdout)
    told = json.loads(r.stdout)
    assert r.returncode == 1 and r.stderr == "" and not told["ok"] and told["services"] is None
    assert [(p["line"], p["column"]) for p in told["problems"] if "nome" in p["text"]] == [(1, 13)]
    # A name need not be UTF-8, a document has to be.
    r = running.cli("config", "check", "--json", f"{folder}/n\udcffne.yaml", check=False)
    check_printed("config check", r.stdout)
    told = json.loads(r.stdout)
    assert r.returncode == 1 and told["problems"][0]["line"] is None and told["file"] == f"{folder}/n?ne.yaml"
    r = running.cli("source", "remove", "--json", "203.0.113.99", check=False)
    check_printed("source remove", r.stdout)
    assert r.returncode == 1 and json.loads(r.stdout) == {"changed": 0, "missing": ["203.0.113.99"]}
    r = running.cli("failover", "--json", check=False)
    assert r.returncode == 1 and r.stdout == "" and r.stderr.startswith("fairlead failover: ")
    text = content(running)
    running.configure(text.replace("services:", "servces:"))
    for how in ((), ("--peers",)):
        r = running.cli("config", "apply", *how, "--json", check=False)
        assert r.returncode == 1 and r.stdout == "" and "servces" in r.stderr
    running.configure(text)
    r = running.cli("--socket", f"{folder}/nobody", "version", "--json")
    check_printed("version", r.stdout)
    assert json.loads(r.stdout)["agent"] is None and "is fairleadd running?" in json.loads(r.stdout)["problem"]


def test_many_sources(running, folder):
    """What went in several requests is one document."""
    with open(f"{folder}/many", "w", encoding="ascii") as f:
        f.write("".join(f"198.51.100.{n}\n" for n in range(100)))
    for verb in ("deny", "remove"):
        r = running.cli("source", verb, "--file", f"{folder}/many", "--json")
        check_printed(f"source {verb}", r.stdout)
        assert json.loads(r.stdout) == {"changed": 100, "missing": []}


def test_import(network, folder):
    """With --output the file has the configuration, and the document says the rest."""
    told = json.loads(network.cli("import", "--json", f"{folder}/keepalived.conf").stdout)
    r = network.cli("import", "--json", "-o", f"{folder}/made.yaml", f"{folder}/keepalived.conf")
    check_printed("import", r.stdout)
    assert r.stderr == "" and json.loads(r.stdout) == {**told, "output": f"{folder}/made.yaml", "yaml": None}
    with open(f"{folder}/made.yaml", encoding="utf-8") as f:
        assert f.read() == told["yaml"]
    assert told["noted"] + told["refused"] == len(told["notes"]) > 0
    r = network.cli("import", "--json", "-o", f"{folder}/made.yaml", f"{folder}/keepalived.conf", check=False)
    assert r.returncode == 1 and r.stdout == "" and "File exists" in r.stderr
