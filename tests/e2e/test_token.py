# SPDX-License-Identifier: GPL-2.0-or-later
"""api.token_file: whoever changes something knows the token; whoever reads needs none."""
import json
import os
import subprocess

import pytest
from conftest import service
from lab.topology import run
from test_metrics import everything

OLD = "old-token-0123456789"
NEW = "new-token-0123456789"


def write(path, *lines, mode=0o600):
    """A file of tokens, as an editor makes it: another file that takes the name."""
    with open(f"{path}.new", "w", encoding="utf-8") as f:
        f.write("".join(f"{line}\n" for line in lines))
    os.chmod(f"{path}.new", mode)
    os.rename(f"{path}.new", path)
    return path


@pytest.fixture(name="tokens")
def _tokens(lab, tmp_path):
    """The usual agent, with OLD in its file; the file's name."""
    path = write(f"{tmp_path}/token", OLD)
    configure(lab, path)
    lab.start_agent()
    lab.wait_serving("web")
    return path


def configure(lab, path):
    """The usual configuration, with that file."""
    lab.configure(lab.head().replace("api: {", f"api: {{token_file: {path}, ") + "services:\n" + service())


def post(lab, path, *headers):
    """(HTTP status, the answer's object)"""
    more = [word for h in headers for word in ("-H", h)]
    out = run("curl", "-s", "-w", "\n%{http_code}", "--unix-socket", lab.socket, "-X", "POST", *more,
              f"http://localhost{path}")
    body, _, code = out.rpartition("\n")
    return int(code), json.loads(body)


def bearer(token):
    """The header."""
    return f"Authorization: Bearer {token}"


def test_requests(lab, tokens):
    """Absent, wrong, overlong, twice: nothing changes. Reads go on."""
    drain = "/v1/backends/b1/drain"
    for headers, text in (((), "takes changes only with its token"), ((bearer(NEW),), "not the token"),
                          ((bearer(OLD * 40),), "not the token"), ((bearer(OLD), bearer(OLD)), "twice"),
                          ((f"Authorization: Basic {OLD}",), "'Bearer TOKEN'")):
        code, body = post(lab, drain, *headers)
        assert code == 401 and text in body["error"], (headers, body)
    assert lab.backend("web", "b1")["state"] == "up"
    assert lab.status()["api"] == {"token": True, "token_problem": ""}
    assert post(lab, drain, bearer(OLD)) == (200, {"changed": 1, "services": ["web"]})
    assert lab.backend("web", "b1")["state"] == "draining"
    assert post(lab, "/v1/backends/b1/undrain", bearer(OLD))[0] == 200
    write(tokens, OLD, NEW)
    assert post(lab, drain, bearer(NEW))[0] == 200 == post(lab, drain, bearer(OLD))[0]
    write(tokens, NEW)
    assert post(lab, drain, bearer(OLD))[0] == 401
    assert post(lab, "/v1/backends/b1/undrain", bearer(NEW))[0] == 200


def fails(lab, *argv, env=None):
    """What the command says on standard error when it fails."""
    r = subprocess.run([f"{lab.build}/fairlead", "-s", lab.socket, *argv], env={**os.environ, **(env or {})},
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=30)
    assert r.returncode == 1, r
    return r.stderr


def test_command(lab, tokens, tmp_path):
    """The option stands before and behind the verb, and before the variable; what is missing is said."""
    assert "--token-file, or in FAIRLEAD_TOKEN_FILE" in fails(lab, "drain", "b1")
    other = write(f"{tmp_path}/other", NEW)
    assert f"does not know the token of {other}" in fails(lab, "--token-file", other, "drain", "b1")
    assert lab.backend("web", "b1")["state"] == "up"
    lab.cli("--token-file", tokens, "drain", "b1")
    assert lab.backend("web", "b1")["state"] == "draining"
    lab.cli("undrain", "b1", "--token-file", tokens)
    assert lab.backend("web", "b1")["state"] == "up"
    env = {"FAIRLEAD_TOKEN_FILE": tokens}
    subprocess.run([f"{lab.build}/fairlead", "-s", lab.socket, "config", "apply"], env={**os.environ, **env}, check=True,
                   stdout=subprocess.DEVNULL)
    assert f"of {other}" in fails(lab, "--token-file", other, "config", "apply", env=env)
    assert f"token file {tmp_path}/none cannot be opened" in fails(lab, "--token-file", f"{tmp_path}/none", "status")
    write(other, OLD, mode=0o640)
    assert f"chmod 600 {other}" in fails(lab, "--token-file", other, "drain", "b1")
    # Its first line is what goes out.
    write(other, OLD, NEW)
    lab.cli("--token-file", other, "source", "deny", "203.0.113.0/24")
    lab.cli("--token-file", other, "explain", "192.0.2.200:1", "192.0.2.10:80")
    assert "--token-file" in fails(lab, "explain", "192.0.2.200:1", "192.0.2.10:80")


def test_fails_closed(lab, tokens):
    """A file that can't be used lets nobody through: log, status and doctor say why. Traffic goes on."""
    for break_it, text in ((lambda: os.unlink(tokens), "cannot be opened: No such file"), (lambda: write(tokens), "has no token"),
                           (lambda: write(tokens, OLD, mode=0o644), "others than its owner"),
                           (lambda: write(tokens, "short"), "line 1 of the token file")):
        break_it()
        code, body = post(lab, "/v1/config/apply", bearer(OLD))
        assert code == 403 and text in body["error"]
        assert text in lab.status()["api"]["token_problem"]
        assert text in lab.log_tail()
        told = lab.cli("status").stdout.partition("warning: nobody may change anything by the API: ")[2]
        assert f"the token file {tokens}" in told and text in told
    findings = json.loads(lab.cli("doctor", "--json", check=False).stdout)["findings"]
    assert [f["level"] for f in findings if f["check"] == "token"] == ["error"]
    assert len(lab.fetch_many("http://192.0.2.10/", 6)) == 6
    write(tokens, OLD)
    assert post(lab, "/v1/config/apply", bearer(OLD))[0] == 200
    assert "can be used again" in lab.log_tail()
    # An agent that starts without it, and one that is told of it by a reload.
    os.unlink(tokens)
    lab.stop_agent()
    lab.start_agent()
    assert "cannot be opened" in lab.log_tail()
    assert post(lab, "/v1/backends/b1/drain", bearer(OLD))[0] == 403
    write(tokens, OLD)
    lab.configure(lab.head() + "services:\n" + service())
    assert post(lab, "/v1/config/apply")[0] == 401
    assert post(lab, "/v1/config/apply", bearer(OLD))[0] == 200
    assert post(lab, "/v1/backends/b1/drain")[0] == 200
    assert lab.status()["api"] == {"token": False, "token_problem": ""}


def test_listener(lab, tokens):
    """By TCP nothing is changed, with or without it, and nothing of it is told."""
    lab.configure(everything(lab).replace("api: {", f"api: {{token_file: {tokens}, "))
    assert post(lab, "/v1/config/apply", bearer(OLD))[0] == 200
    for headers in ((), ("-H", bearer(OLD))):
        out = lab.inside("lb", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", *headers,
                         "http://127.0.0.1:9118/v1/backends/b1/drain")
        assert out == "404"
    assert "token" not in lab.inside("lb", "curl", "-s", "http://127.0.0.1:9118/v1/overview")
