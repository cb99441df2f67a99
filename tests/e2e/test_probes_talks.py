# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes that speak a server's own protocol, and know its role: real servers, which change it."""
import pytest
from conftest import TICK, service
from lab.servers_talks import TalkServers
from lab.servers_web import Pki
from lab.topology import VIP4, v4
from test_probes_net import detail, one, probe, run

HOSTS = ("b1", "b2", "b3")
LATE = f"no answer within {4 * TICK} ms"


@pytest.fixture
def servers(lab):
    """What a test starts on the backends is gone after it."""
    s = TalkServers(lab)
    yield s
    s.end()


@pytest.fixture(scope="module")
def pki(network):
    """An authority, and a certificate for each backend."""
    p = Pki(f"{network.folder}/pki-talks")
    for b in HOSTS:
        p.sign(b, f"IP:{v4(b)}")
    return p


def wait_detail(lab, name, host, text, patience=5.0, never=None):
    """Waits until the probe says that; its state is never `never` until then. Returns the backend."""
    def look():
        b = lab.backend(name, host)
        assert b["state"] != never, b
        return b if text in b["probe"]["detail"] else None
    return lab.wait_for(look, patience, f"{name}/{host} to say \"{text}\"")


def serves(lab, name, *hosts):
    """Waits until these have the service's slots, and the others none."""
    lab.wait_for(lambda: all(bool(lab.backend(name, h)["slots"]) == (h in hosts) for h in HOSTS), 5,
                 f"the slots of {name} to be those of {hosts}")


SENTINELS = f"sentinels: [{', '.join(v4(h) + ':26379' for h in HOSTS)}], master_name: grp"


def the_other_master(lab, gone):
    """Waits until one of the other two is up as the master."""
    others = [h for h in HOSTS if h != gone]
    return lab.wait_for(
        lambda: next((h for h in others if lab.backend("rw", h)["state"] == "up"), None), 15,
        f"another master than {gone}")


def test_redis_failover(lab, servers):
    """
    A master and two replicas, three sentinels: the master is killed, the next one hangs. A service of
    masters follows; one that comes back and still calls itself master is none.
    """
    processes = {"b1": servers.redis("b1")}
    for h in ("b2", "b3"):
        processes[h] = servers.redis(h, "--replicaof", v4("b1"), "6379")
    for h in ("b2", "b3"):
        lab.wait_for(lambda h=h: "connected" in servers.redis_cli(h, "ROLE"), 10, f"{h} to follow b1")
    sentinels = [servers.sentinel(h, "b1") for h in HOSTS]
    lab.wait_for(lambda: all(
        "num-other-sentinels\n2\n" in (said := servers.redis_cli(h, "SENTINEL", "MASTER", "grp", port=26379))
        and "num-slaves\n2\n" in said for h in HOSTS), 20, "the sentinels to know each other")
    run(lab, service(name="rw", port=6379, probe=probe("redis", f"role: master, {SENTINELS}")),
        service(name="ro", port=6380, probe=probe("redis", "port: 6379, role: replica")))
    wait_detail(lab, "rw", "b1", "master; ")
    assert detail(lab, "rw", "down", "b2") == "is a replica; a master is wanted"
    assert detail(lab, "ro", "down", "b1") == "is a master; a replica is wanted"
    serves(lab, "rw", "b1")
    serves(lab, "ro", "b2", "b3")

    servers.kill(processes["b1"])
    assert detail(lab, "rw", "down", "b1") == "connection refused"
    first = the_other_master(lab, "b1")
    serves(lab, "rw", first)
    assert servers.redis_cli(None, "ROLE", to=VIP4, at="client").startswith("master")
    processes["b1"] = servers.redis("b1")
    wait_detail(lab, "rw", "b1", f"sentinels name {v4(first)}:6379", never="up")
    wait_detail(lab, "rw", "b1", "is a replica; a master is wanted", 15, never="up")
    lab.wait_state("ro", "b1", "up")
    lab.wait_state("ro", first, "down")

    servers.hang(processes[first])
    assert detail(lab, "rw", "down", first) == LATE
    second = the_other_master(lab, first)
    serves(lab, "rw", second)
    servers.resume(processes[first])
    wait_detail(lab, "rw", first, "is a replica; a master is wanted", 15, never="up")
    serves(lab, "rw", second)

    # Two of three hang: the third one's word is what there is, and a server's own with none at all.
    for s in sentinels[:2]:
        servers.hang(s)
    wait_detail(lab, "rw", second, "1 of 3 sentinels agrees")
    servers.kill(sentinels[2])
    wait_detail(lab, "rw", second, "master by its own word; none of 3 sentinels answers: ")
    serves(lab, "rw", second)


def test_redis_states(lab, servers, pki, tmp_path, monkeypatch):
    """Passwords, TLS, a replica that lags or has lost its master, data that is being loaded."""
    (tmp_path / "right").write_text("geheim-1\n", encoding="ascii")
    monkeypatch.setenv("FL_WRONG", "geheim-2")
    servers.redis("b1", "--requirepass", "geheim-1")
    tls = ["--tls-port", "6390", "--tls-auth-clients", "no", "--tls-ca-cert-file", pki.path("ca.pem"),
           "--tls-cert-file", pki.path("b2.pem"), "--tls-key-file", pki.path("b2.key")]
    master = servers.redis("b2", *tls)
    old = servers.redis("b3", "--replicaof", v4("b2"), "6379")
    strict = servers.redis("b3", "--replicaof", v4("b2"), "6379", "--replica-serve-stale-data", "no",
                           port=6381)
    lost = servers.redis("b3", "--replicaof", v4("b2"), "1", port=6382)
    servers.sentinel("b2", "b1", 1, "sentinel auth-pass grp geheim-1\nrequirepass geheim-1")
    watched = f"role: master, sentinels: [\"{v4('b2')}:26379\"], master_name"
    run(lab,
        one("open", "redis", "port: 6379"),
        one("right", "redis", f"port: 6379, password_file: {tmp_path}/right", port=9001),
        one("user", "redis", f"port: 6379, user: default, password_file: {tmp_path}/right", port=9002),
        one("wrong", "redis", "port: 6379, password_env: FL_WRONG", port=9003),
        one("watched", "redis", f"port: 6379, password_file: {tmp_path}/right, {watched}: grp", port=9012),
        one("other", "redis", f"port: 6379, password_file: {tmp_path}/right, {watched}: x", port=9013),
        one("vain", "redis", "port: 6379, password_env: FL_WRONG", "b2", port=9004),
        one("tls", "redis", f"port: 6390, tls: true, ca_file: {pki.path('ca.pem')}", "b2", port=9005),
        one("clear", "redis", "port: 6390", "b2", port=9006),
        one("master", "redis", "port: 6379", "b2", port=9007),
        one("old", "redis", "port: 6379", "b3", port=9008),
        one("fresh", "redis", "port: 6379, role: replica, max_lag: 2s", "b3", port=9009),
        one("strict", "redis", "port: 6381", "b3", port=9010),
        one("lost", "redis", "port: 6382", "b3", port=9011))
    assert detail(lab, "open", "down") == "it wants a password"
    assert detail(lab, "right", "up") == "master"
    assert detail(lab, "user", "up") == "master"
    assert detail(lab, "wrong", "down") == "the user or the password is wrong"
    assert detail(lab, "watched", "up") == "master; 1 of 1 sentinel agrees"
    assert detail(lab, "other", "up") == ("master by its own word; none of 1 sentinel answers: knows no "
                                          "master \"x\"")
    assert detail(lab, "vain", "down", "b2") == "it has no password, and was told one"
    assert detail(lab, "tls", "up", "b2") == "master"
    assert "connection" in detail(lab, "clear", "down", "b2")
    assert detail(lab, "old", "up", "b3") == "replica"
    assert detail(lab, "fresh", "up", "b3").startswith("replica, heard of its master ")
    assert detail(lab, "strict", "up", "b3") == "replica"
    assert detail(lab, "lost", "down", "b3") == "is a replica that has not reached its master yet"

    servers.hang(master)
    assert detail(lab, "master", "down", "b2") == LATE
    assert detail(lab, "fresh", "down", "b3").startswith(
        "is a replica that has heard nothing of its master for 3 s")
    servers.resume(master)
    lab.wait_state("fresh", "b3", "up")

    servers.redis_cli("b2", "DEBUG", "POPULATE", "4000")
    servers.redis_cli("b2", "SAVE")
    servers.kill(master)
    assert detail(lab, "master", "down", "b2") == "connection refused"
    assert detail(lab, "strict", "down", "b3") == ("its link to the master is down, and it serves no "
                                                   "old data")
    wait_detail(lab, "old", "b3", "replica, lost its master ")
    assert lab.backend("old", "b3")["state"] == "up"
    master = servers.redis("b2", "--key-load-delay", "100", "--loading-process-events-interval-bytes",
                           "1024", keep=True)
    wait_detail(lab, "master", "b2", "it is loading its data", never="up")
    lab.wait_state("master", "b2", "up", 15)
    lab.wait_state("strict", "b3", "up", 15)
    for p in (old, strict, lost):
        servers.kill(p)
    assert detail(lab, "old", "down", "b3") == "connection refused"
    assert "geheim" not in lab.log_tail(1000) + lab.cli("status", "--json").stdout


def test_zookeeper(lab, servers):
    """
    An ensemble of three: the leader is killed, a service of leaders follows; the next one hangs, and
    the last one is there, but has no quorum. Another one is alone.
    """
    processes = {h: servers.zookeeper(h, ensemble=HOSTS) for h in HOSTS}
    servers.zookeeper("b1", port=2182)
    run(lab, service(name="rw", port=2181, probe=probe("zookeeper", "role: leader")),
        service(name="all", port=2182, probe=probe("zookeeper", "port: 2181")),
        one("alone", "zookeeper", "port: 2182, role: standalone"))

    def leader(patience=30):
        return lab.wait_for(
            lambda: next((h for h in HOSTS if lab.backend("rw", h)["state"] == "up"), None), patience,
            "a leader")

    first = leader()
    for h in HOSTS:
        assert lab.wait_state("all", h, "up", 15)["probe"]["detail"] == (
            "leader" if h == first else "follower")
        if h != first:
            assert detail(lab, "rw", "down", h) == "is a follower; a leader is wanted"
    serves(lab, "rw", first)
    serves(lab, "all", *HOSTS)
    lab.wait_state("alone", "b1", "up", 15)

    servers.kill(processes[first])
    assert detail(lab, "rw", "down", first) == "connection refused"
    second = leader()
    serves(lab, "rw", second)
    processes[first] = servers.zookeeper(first, ensemble=HOSTS)
    wait_detail(lab, "rw", first, "is a follower; a leader is wanted", 30)
    lab.wait_state("all", first, "up")

    servers.hang(processes[second])
    assert detail(lab, "rw", "down", second) == LATE
    third = leader()
    serves(lab, "rw", third)
    (last,) = set(HOSTS) - {second, third}
    servers.kill(processes[third])
    wait_detail(lab, "all", last, "does not serve requests: it has no quorum", 15)
    lab.wait_state("all", last, "down")
    servers.resume(processes[second])
    lab.wait_state("all", last, "up", 30)
    lab.wait_state("all", second, "up", 30)
    lab.wait_for(lambda: [lab.backend("rw", h)["state"] for h in HOSTS].count("up") == 1, 15,
                 "one leader")


def test_mail_directory_broker(lab, servers, pki):
    """Exim, OpenLDAP and Mosquitto: each goes up, hangs, dies and comes back, and the slots follow."""
    starts = {"smtp": servers.exim, "ldap": servers.slapd, "mqtt": servers.mosquitto}
    ports = {"smtp": 25, "ldap": 389, "mqtt": 1883}
    says = {"smtp": ".example Hello ", "ldap": "bound anonymously",
            "mqtt": "accepts the client and answers its ping"}
    processes = {k: {h: start(h, pki) for h in ("b1", "b2")} for k, start in starts.items()}
    run(lab, *(service(name=k, port=p, probe=probe(k)) for k, p in ports.items()))
    for k in starts:
        for h in ("b1", "b2"):
            assert says[k] in detail(lab, k, "up", h)
        assert detail(lab, k, "down", "b3") == "connection refused"
        serves(lab, k, "b1", "b2")
    for k in starts:
        servers.hang(processes[k]["b1"])
    for k in starts:
        assert detail(lab, k, "down") == LATE
        serves(lab, k, "b2")
    for k in starts:
        servers.resume(processes[k]["b1"])
    for k in starts:
        assert says[k] in detail(lab, k, "up")
        serves(lab, k, "b1", "b2")
        servers.kill(processes[k]["b1"])
    for k in starts:
        assert detail(lab, k, "down") == "connection refused"
        serves(lab, k, "b2")
    for k, start in starts.items():
        start("b1", pki)
        lab.wait_state(k, "b1", "up")
        serves(lab, k, "b1", "b2")
    # They are told goodbye, and have nothing to complain of in their logs.
    with open(f"{lab.folder}/b2/exim/mainlog", encoding="utf-8") as f:
        assert "unexpected" not in f.read()
    with open(f"{lab.folder}/b2/mosquitto.log", encoding="utf-8") as f:
        said = f.read()
    assert " disconnected.\n" in said and "closed its connection" not in said


def test_mail_directory_broker_options(lab, servers, pki, tmp_path, monkeypatch):
    """TLS from the first byte and within the conversation, passwords, refusals."""
    (tmp_path / "right").write_text("geheim-1\n", encoding="ascii")
    monkeypatch.setenv("FL_WRONG", "geheim-2")
    servers.exim("b1", pki)
    servers.exim("b2", pki, advertise="")
    servers.slapd("b1", pki)
    servers.slapd("b2", pki, "disallow bind_anon")
    servers.mosquitto("b1", pki)
    ca = f"ca_file: {pki.path('ca.pem')}"
    right = f"password_file: {tmp_path}/right"
    dn = "user: \"cn=probe,cn=config\""
    rows = [
        ("smtp", f"port: 465, tls: true, {ca}", "b1", "up", "b1.example Hello lb.example [10.77.0.2], TLSv1.3"),
        ("smtp", f"port: 25, starttls: true, {ca}", "b1", "up",
         "b1.example Hello lb.example [10.77.0.2], TLSv1.3"),
        ("smtp", f"port: 25, starttls: true, {ca}", "b2", "down", "does not offer STARTTLS"),
        ("smtp", "port: 25, starttls: true", "b1", "down", "certificate"),
        ("smtp", "port: 25, tls: true", "b1", "down", "TLS"),
        ("ldap", f"port: 636, tls: true, {ca}", "b1", "up", "bound anonymously, TLSv1.3"),
        ("ldap", f"port: 389, starttls: true, {ca}", "b1", "up", "bound anonymously, TLSv1.3"),
        ("ldap", f"port: 389, {dn}, {right}", "b1", "up", "bound"),
        ("ldap", f"port: 389, starttls: true, {ca}, {dn}, {right}", "b1", "up", "bound, TLSv1.3"),
        ("ldap", f"port: 389, {dn}, password_env: FL_WRONG", "b1", "down",
         "answers the bind with result 49 invalidCredentials"),
        ("ldap", "port: 389", "b2", "down", "answers the bind with result 48 inappropriateAuthentication: "
         "anonymous bind disallowed"),
        ("ldap", "port: 389, starttls: true", "b1", "down", "certificate"),
        ("ldap", "port: 25", "b1", "down", "the answer is no message of LDAP"),
        ("mqtt", f"port: 8883, tls: true, {ca}", "b1", "up", "accepts the client and answers its ping"),
        ("mqtt", f"port: 1884, user: probe, {right}", "b1", "up",
         "accepts the client and answers its ping"),
        ("mqtt", "port: 1884, user: probe, password_env: FL_WRONG", "b1", "down",
         "the client is not authorized"),
        ("mqtt", "port: 1884", "b1", "down", "the client is not authorized"),
        ("mqtt", "port: 25", "b1", "down", "the answer to CONNECT is not one of MQTT 3.1.1"),
    ]
    run(lab, *(one(f"o{i}", kind, more + (", name: lb.example" if kind == "smtp" else ""), host,
                   port=9000 + i) for i, (kind, more, host, _, _) in enumerate(rows)))
    for i, (kind, more, host, state, text) in enumerate(rows):
        got = detail(lab, f"o{i}", state, host)
        assert got == text or (text in ("certificate", "TLS") and text in got), (kind, more)
    with open(f"{lab.folder}/b1/exim/closed", "w", encoding="ascii"):
        pass
    assert detail(lab, "o1", "down") == "greets with \"550 closed for today\""
    assert "geheim" not in lab.log_tail(1000) + lab.cli("status", "--json").stdout
