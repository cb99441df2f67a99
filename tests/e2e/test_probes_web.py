# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes over TLS and HTTP/2 against nginx."""
import pytest
from conftest import TICK, service
from lab.servers_web import Pki, say_grpc, start_nginx_tls
from lab.topology import v4

PACE = f"interval: {4 * TICK}ms, fast_interval: {TICK}ms, timeout: {10 * TICK}ms, rise: 1, fall: 2"


@pytest.fixture(scope="module")
def pki(network):
    """Certificates: of b1 by name and address, of b2 by another name, of b3 nearly at its end."""
    keys = Pki(f"{network.folder}/pki")
    keys.sign("b1", f"DNS:www.example.org,IP:{v4('b1')}")
    keys.sign("b2", "DNS:other.example.org")
    keys.sign("b3", f"IP:{v4('b3')}", days=3)
    keys.sign("client", "DNS:client")
    running = [start_nginx_tls(network, b, keys, b) for b in network.backends]
    yield keys
    for p in running:
        network.procs.end(p)


def probed(lab, **probes):
    """An agent with a service for each probe, all of them over b1, b2 and b3."""
    text = lab.head() + "services:\n"
    for i, (name, keys) in enumerate(probes.items()):
        text += service(name=name, port=100 + i, probe=f"{{{keys}, port: 8443, {PACE}}}")
    lab.configure(text)
    lab.start_agent()
    return lab


def detail(lab, name, backend, state):
    """What the probe says of a backend once it is in that state; not that the machine was busy for a moment."""
    def look():
        said = lab.wait_state(name, backend, state, patience=10)["probe"]["detail"]
        return None if said.startswith("no answer within ") else said
    return lab.wait_for(look, 10, f"an answer of {name}/{backend}")


def test_tls(lab, pki):
    """The certificate must be valid, for the name or the address; one that ends soon is warned of."""
    ca = f"ca_file: {pki.path('ca.pem')}"
    probed(lab, plain=f"type: tls, {ca}", name=f"type: tls, {ca}, sni: www.example.org",
           any="type: tls, verify: false", system="type: tls")
    assert detail(lab, "plain", "b1", "up") == "TLSv1.3"
    assert "mismatch" in detail(lab, "plain", "b2", "down")
    assert detail(lab, "name", "b1", "up") == "TLSv1.3"
    assert "mismatch" in detail(lab, "name", "b2", "down")
    assert "mismatch" in detail(lab, "name", "b3", "down")
    for b in lab.backends:
        assert detail(lab, "any", b, "up") == "TLSv1.3"
        assert "is not accepted" in detail(lab, "system", b, "down")
    warning = lab.backend("plain", "b3")["probe"]["warning"]
    assert warning in ("its certificate expires in 2 days", "its certificate expires in 3 days")
    assert "warning" not in lab.backend("plain", "b1")["probe"]
    assert f"backend b3 answers, but {warning}" in lab.log_tail(200)
    assert warning in lab.cli("status").stdout


def test_https(lab, pki, monkeypatch):
    """Methods, headers, bodies, HTTP/2, a client's certificate and a password, as nginx sees them."""
    monkeypatch.setenv("PROBE_SECRET", "secret-of-the-probe")
    ca = f"type: https, verify: false, ca_file: {pki.path('ca.pem')}"
    mine = f"cert_file: {pki.path('client.pem')}, key_file: {pki.path('client.key')}"
    probed(lab, h1=f"{ca}, body: ready by HTTP/1.1", h2=f"{ca}, http_version: '2', body: HTTP/2.0",
           regex=f"{ca}, body_regex: '^state: (ready|busy)'", no=f"{ca}, body_regex: '^state: b'",
           mtls=f"{ca}, path: /mtls, {mine}", anyone=f"{ca}, path: /mtls",
           header=f"{ca}, path: /header, headers: ['X-Probe: yes']", head=f"{ca}, method: HEAD",
           user=f"{ca}, path: /user/page, user: prober, password_env: PROBE_SECRET",
           nobody=f"{ca}, path: /user/page")
    for name in ("h1", "h2", "regex", "head", "user"):
        assert detail(lab, name, "b1", "up") == "status 200"
    for name in ("mtls", "header"):
        assert detail(lab, name, "b1", "up") == "status 204"
    assert detail(lab, "no", "b1", "down") == 'status 200, but the body does not match "^state: b"'
    assert detail(lab, "anyone", "b1", "down") == "status 403 is not in 200..399"
    assert detail(lab, "nobody", "b1", "down") == "status 401 is not in 200..399"
    with open(f"{lab.folder}/tls-b1/access.log", encoding="ascii") as f:
        assert '"HEAD / HTTP/1.1" 200' in f.read()
    assert "secret-of-the-probe" not in lab.log_tail(1000) + lab.cli("status", "--json").stdout


def test_https_certificate(lab, pki):
    """HTTPS believes the certificate of the name that is asked for, or of the address, and no other."""
    ca = f"type: https, ca_file: {pki.path('ca.pem')}"
    probed(lab, name=f"{ca}, sni: www.example.org", address=ca, system="type: https")
    assert detail(lab, "name", "b1", "up") == detail(lab, "address", "b1", "up") == "status 200"
    for name, backend in (("name", "b2"), ("name", "b3"), ("address", "b2")):
        assert detail(lab, name, backend, "down") == ("its certificate is not accepted: "
                                                      "it is for another name"), (name, backend)
    assert detail(lab, "address", "b3", "up") == "status 200"
    lab.wait_for(lambda: lab.backend("address", "b3")["probe"].get("warning", "").startswith(
        "its certificate expires in "), 5, "the warning")
    for b in lab.backends:
        assert "unable to get local issuer certificate" in detail(lab, "system", b, "down")


def test_script_over_tls(lab, pki):
    """What is said over TLS arrives, and what comes back is read: a page that is longer than one record."""
    page = f"{lab.folder}/tls-b1/long"
    with open(page, "w", encoding="ascii") as f:
        f.write("x" * 12000 + "the end\n")
    ask = "{send: 'GET /user/long HTTP/1.0\\r\\nAuthorization: Basic cHJvYmVyOnNlY3JldC1vZi10aGUtcHJvYmU=\\r\\n\\r\\n'}"
    tls = f"type: script, tls: true, sni: www.example.org, ca_file: {pki.path('ca.pem')}"
    probed(lab, ends=f"{tls}, steps: [{ask}, {{expect: '200 OK'}}, {{expect: 'the end'}}]",
           no=f"{tls}, steps: [{ask}, {{expect: 'nowhere'}}]",
           plain=f"type: script, steps: [{ask}, {{expect: '200 OK'}}]")
    lab.wait_state("ends", "b1", "up", patience=10)
    assert "mismatch" in detail(lab, "ends", "b2", "down")
    assert detail(lab, "no", "b1", "down").startswith("step 2: what is expected did not come ")
    lab.wait_state("plain", "b1", "down", patience=10)


@pytest.mark.usefixtures("pki")
def test_grpc(lab):
    """
    Against nginx as a stand-in that has a gRPC server's answers as files, to have it say NOT_SERVING (etcd
    in test_probes_tier.py never does); what speaks no HTTP/2.
    """
    lab.configure(lab.head() + "services:\n"
                  + service(name="echo", port=100, probe=f"{{type: grpc, service: echo, port: 9100, {PACE}}}")
                  + service(name="web", port=102, probe=f"{{type: grpc, port: 80, {PACE}}}"))
    lab.start_agent()
    assert detail(lab, "echo", "b1", "up") == "SERVING"
    lab.wait_state("web", "b1", "down", patience=10)
    say_grpc(lab, "b1", 2)
    assert detail(lab, "echo", "b1", "down") == "NOT_SERVING"
    say_grpc(lab, "b1", 1)
    assert detail(lab, "echo", "b1", "up") == "SERVING"
