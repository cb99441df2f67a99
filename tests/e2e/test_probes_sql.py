# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes of MariaDB and PostgreSQL: real servers that log probes in, replicate, change roles, hang and die."""
import os
import re
import subprocess
import time

import pytest
from conftest import TICK, service
from lab.servers_sql import PASSWORD, Databases, SqlServers, postgres_program
from lab.servers_web import Pki
from lab.topology import v4, v6

# A server under load may take its time for a login; the machine that runs the tests has more to do.
LATE = 20 * TICK
PACE = f"interval: {4 * TICK}ms, fast_interval: {2 * TICK}ms, timeout: {LATE}ms, rise: 1, fall: 2"


@pytest.fixture(scope="module")
def databases():
    """Data directories for all tests."""
    d = Databases()
    yield d
    d.remove()


@pytest.fixture
def servers(lab, databases):
    """What a test starts on the backends is gone after it."""
    s = SqlServers(lab, databases)
    yield s
    s.end()


@pytest.fixture
def secret(lab):
    """The file with the password."""
    path = f"{lab.folder}/password"
    with open(path, "w", encoding="ascii") as f:
        f.write(PASSWORD + "\n")
    os.chmod(path, 0o600)
    return path


class Asked:
    """An agent with one service for each way of asking, each over these backends."""

    def __init__(self, lab, kind, secret, **ways):
        self.lab = lab
        port = {"mysql": 3306, "postgres": 5432}[kind]
        text = lab.head() + "services:\n"
        for i, (name, (keys, *hosts)) in enumerate(ways.items()):
            if "password" not in keys:
                keys += f", password_file: {secret}"
            if "user:" not in keys:
                keys += ", user: probe"
            if kind == "postgres" and "database" not in keys:
                keys += ", database: postgres"
            backends = [(b.replace("6", ""), v6(b[:2]) if b.endswith("6") else v4(b), 100) for b in hosts]
            text += service(name=name, port=9000 + i, backends=backends,
                            forward="ipip" if hosts[0].endswith("6") else "l2",
                            probe=f"{{type: {kind}, port: {port}, {PACE}, {keys.strip(', ')}}}")
        lab.configure(text)
        lab.start_agent()

    def detail(self, name, state, host="b1"):
        """What the probe says once the backend is in that state."""
        return self.lab.wait_state(name, host, state, patience=10)["probe"]["detail"]

    def wait(self, name, detail, state=None, host="b1"):
        """Waits until the probe says that."""
        def seen():
            b = self.lab.backend(name, host)
            return b["probe"] and b["probe"]["detail"] == detail and (not state or b["state"] == state)
        try:
            self.lab.wait_for(seen, 10, f"{name}/{host} to say {detail}")
        except TimeoutError as e:
            raise AssertionError(f"{name}/{host}: {self.lab.backend(name, host)}, not {detail}") from e

    def slots(self, name):
        """{backend: slots} of a service."""
        return {b["id"]: b["slots"] for s in self.lab.status()["services"] if s["name"] == name
                for b in s["backends"]}


@pytest.mark.parametrize("kind,start", [("mysql", "mariadb"), ("postgres", "postgres")])
def test_life(lab, servers, secret, kind, start):
    """It goes up, hangs, goes on, dies, comes back; by both families. Nobody is there on b2."""
    server, data = getattr(servers, start)("b1")
    asked = Asked(lab, kind, secret, v4=("", "b1", "b2"), v6=("", "b16"))
    for name in ("v4", "v6"):
        assert asked.detail(name, "up") == "master"
    assert asked.detail("v4", "down", "b2") == "connection refused"
    servers.hang(server)
    for name in ("v4", "v6"):
        assert asked.detail(name, "down") == f"no answer within {LATE} ms"
    servers.resume(server)
    for name in ("v4", "v6"):
        assert asked.detail(name, "up") == "master"
    servers.kill(server)
    for name in ("v4", "v6"):
        assert asked.detail(name, "down") == "connection refused"
    getattr(servers, start)("b1", data)
    for name in ("v4", "v6"):
        assert asked.detail(name, "up") == "master"
    assert PASSWORD not in lab.log_tail(1000) + lab.cli("status", "--json").stdout


def test_mysql_logins(lab, servers, secret, monkeypatch):
    """Who may log in and who may not, in the server's words; what a role does not need is not asked."""
    servers.mariadb("b1", None, "--max-connections=50")
    monkeypatch.setenv("PROBE_SECRET", PASSWORD)
    monkeypatch.setenv("PROBE_WRONG", "wrong-secret")
    asked = Asked(lab, "mysql", secret, good=("", "b1"), env=("password_env: PROBE_SECRET", "b1"),
                  wrong=("password_env: PROBE_WRONG", "b1"), nobody=("user: nobody", "b1"),
                  database=("database: shop, user: probe", "b1"), poor=("user: poor", "b1"),
                  lag=("user: poor, max_lag: 1s", "b1"), edward=("user: edward", "b1"),
                  none=("user: open, password_env: PROBE_NONE", "b1"), secure=("tls: true", "b1"))
    for name in ("good", "env", "poor", "edward"):
        assert asked.detail(name, "up") == "master", name
    for name, who in (("wrong", "probe"), ("nobody", "nobody")):
        assert asked.detail(name, "down") == (f"Access denied for user '{who}'@'10.77.0.2' "
                                              "(using password: YES)")
    assert asked.detail("database", "down") == ("Access denied for user 'probe'@'%' to database 'shop'")
    assert "you need (at least one of) the " in asked.detail("lag", "down")
    assert asked.detail("none", "down").startswith("the password variable PROBE_NONE is not in the")
    assert asked.detail("secure", "down") == "offers no TLS"
    assert not [w for w in (PASSWORD, "wrong-secret") if w in lab.log_tail(1000)]


@pytest.fixture(scope="module")
def pki(network):
    """Certificates: of b1 by a name, and of b1 by its address, which ends soon."""
    keys = Pki(f"{network.folder}/pki-sql")
    keys.sign("name", "DNS:db.example.org")
    keys.sign("address", f"IP:{v4('b1')}", days=3)
    for name in ("name.key", "address.key"):
        os.chmod(keys.path(name), 0o644)
    return keys


def tls_ways(ca):
    """How TLS is asked for, and what is said of a certificate that is for the name, or the address, only."""
    return {"any": ("tls: true, verify: false", "b1"), "address": (f"tls: true, ca_file: {ca}", "b1"),
            "name": (f"tls: true, ca_file: {ca}, sni: db.example.org", "b1"),
            "other": (f"tls: true, ca_file: {ca}, sni: other.example.org", "b1"),
            "plain": ("", "b1")}


def test_mysql_tls(lab, servers, secret, pki):
    """The certificate must be valid, for the name or the address; the password goes to nobody else."""
    def server(cert, data=None):
        return servers.mariadb("b1", data, f"--ssl-cert={pki.path(cert)}.pem",
                               f"--ssl-key={pki.path(cert)}.key", f"--ssl-ca={pki.path('ca.pem')}")

    p, data = server("name")
    servers.ask_mariadb(data, "ALTER USER probe@'%' REQUIRE SSL")
    asked = Asked(lab, "mysql", secret, system=("tls: true", "b1"),
                  edward=("tls: true, verify: false, user: edward", "b1"), **tls_ways(pki.path("ca.pem")))
    for name in ("any", "name", "edward"):
        assert asked.detail(name, "up") == "master", name
    no = "its certificate is not accepted: "
    assert asked.detail("address", "down") == no + "IP address mismatch"
    assert asked.detail("other", "down") == no + "hostname mismatch"
    assert asked.detail("system", "down") == ("TLS/SSL error: self-signed certificate in certificate "
                                              "chain")
    assert asked.detail("plain", "down").startswith("Access denied for user 'probe'@")
    servers.kill(p)
    server("address", data)
    assert asked.detail("address", "up") == "master"
    assert lab.backend("address", "b1")["probe"]["warning"].startswith("its certificate expires in ")
    assert asked.detail("name", "down") == no + "hostname mismatch"


def test_mysql_roles(lab, servers, secret):
    """A switch-over: who takes writes moves, and the slots of both services move with it."""
    _, one = servers.mariadb("b1")
    _, two = servers.mariadb("b2", source="b1")
    asked = Asked(lab, "mysql", secret, write=("role: master", "b1", "b2"),
                  read=("role: replica, max_lag: 5s", "b1", "b2"), all=("", "b1", "b2"))
    assert asked.detail("write", "up") == "master"
    assert asked.detail("write", "down", "b2") == "is a replica; a master is wanted"
    assert asked.detail("read", "down") == "is a master; a replica is wanted"
    assert asked.detail("read", "up", "b2") == "replica, 0.0 s behind"
    assert asked.detail("all", "up") == "master" and asked.detail("all", "up", "b2") == "replica"
    lab.wait_for(lambda: not asked.slots("write")["b2"] and not asked.slots("read")["b1"], 5, "slots")

    servers.ask_mariadb(one, "SET GLOBAL read_only = 1")
    asked.detail("write", "down")
    servers.ask_mariadb(two, "STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = 0")
    servers.ask_mariadb(one, f"CHANGE MASTER TO MASTER_HOST='{v4('b2')}', MASTER_USER='replica', "
                        "MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos; START SLAVE")
    assert asked.detail("write", "up", "b2") == "master"
    assert asked.detail("read", "up") == "replica, 0.0 s behind"
    assert asked.detail("read", "down", "b2") == "is a master; a replica is wanted"
    lab.wait_for(lambda: not asked.slots("write")["b1"] and asked.slots("write")["b2"]
                 and asked.slots("read")["b1"] and not asked.slots("read")["b2"], 5, "slots")


def test_mysql_lag(lab, servers, secret):
    """A replica that is slow, that has stopped, that has lost its source; and one that is well again."""
    source, one = servers.mariadb("b1")
    _, two = servers.mariadb("b2", source="b1")
    asked = Asked(lab, "mysql", secret, read=("role: replica, max_lag: 1500ms", "b2"),
                  any=("role: replica", "b2"), both=("max_lag: 1500ms", "b1", "b2"))
    asked.wait("read", "replica, 0.0 s behind", "up", "b2")
    assert asked.detail("both", "up") == "master"
    # A transaction that waits for a lock on the replica.
    lock = subprocess.Popen(["mariadb", "--no-defaults", "-u", "root", "-S", f"{two}/socket", "-e",
                             "LOCK TABLES shop.t READ; SELECT SLEEP(6)"], stdout=subprocess.DEVNULL)
    try:
        lab.wait_for(lambda: servers.ask_mariadb(
            two, "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User sleep'")
            == "1", 5, "the lock")
        servers.ask_mariadb(one, "INSERT INTO shop.t VALUES (1)")
        late = asked.detail("read", "down", "b2")
        assert re.fullmatch(r"is a replica, [2-9]\.0 s behind; 1\.5 s are allowed", late), late
        assert asked.detail("any", "up", "b2") == "replica"
    finally:
        lock.wait()
    asked.wait("read", "replica, 0.0 s behind", "up", "b2")
    servers.ask_mariadb(two, "STOP SLAVE SQL_THREAD")
    asked.wait("read", "is a replica, but its SQL thread does not run", "down", "b2")
    assert asked.detail("both", "down", "b2") == "is a replica, but its SQL thread does not run"
    servers.ask_mariadb(two, "START SLAVE")
    asked.wait("read", "replica, 0.0 s behind", "up", "b2")
    servers.kill(source)
    asked.wait("read", "is a replica, but it is not connected to its source", "down", "b2")
    servers.mariadb("b1", one)
    asked.wait("read", "replica, 0.0 s behind", "up", "b2")
    servers.ask_mariadb(two, "STOP SLAVE; RESET SLAVE ALL")
    asked.wait("read", "is read-only, but follows no source", "down", "b2")


def test_postgres_logins(lab, servers, secret, monkeypatch):
    """Who may log in and who may not, in the server's words; what the environment says is nothing to us."""
    servers.postgres("b1", None, "superuser_reserved_connections=0")
    monkeypatch.setenv("PROBE_SECRET", PASSWORD)
    monkeypatch.setenv("PROBE_WRONG", "wrong-secret")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGOPTIONS", "-c nonsense=1")
    monkeypatch.setenv("PGSERVICE", "nowhere")
    asked = Asked(lab, "postgres", secret, good=("", "b1"), env=("password_env: PROBE_SECRET", "b1"),
                  wrong=("password_env: PROBE_WRONG", "b1"), nobody=("user: nobody", "b1"),
                  database=("database: shop", "b1"), old=("user: old", "b1"),
                  lag=("user: open, max_lag: 1s", "b1"), clear=("user: clear", "b1"),
                  secure=("tls: true, verify: false", "b1"))
    for name in ("good", "env", "old", "lag"):
        assert asked.detail(name, "up") == "master", name
    for name, who in (("wrong", "probe"), ("nobody", "nobody")):
        assert asked.detail(name, "down") == f'password authentication failed for user "{who}"'
    assert asked.detail("database", "down") == 'database "shop" does not exist'
    assert asked.detail("clear", "down") == ('asks for the password in the clear, which only goes with '
                                             '"tls: true"')
    assert asked.detail("secure", "down") == "server does not support SSL, but SSL was required"
    assert not [w for w in (PASSWORD, "wrong-secret") if w in lab.log_tail(1000)]


def test_postgres_no_password(lab, servers, secret, monkeypatch):
    """PGPASSWORD is not for probes."""
    servers.postgres("b1")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    asked = Asked(lab, "postgres", secret, file=("", "b1"), none=("", "b1"))
    with open(lab.config_path, encoding="utf-8") as f:
        text = f.read()
    lab.configure(text.replace(f", password_file: {secret}", "", 2).replace(
        "user: probe", f"password_file: {secret}, user: probe", 1))
    lab.cli("config", "apply")
    assert asked.detail("none", "down") == "fe_sendauth: no password supplied"
    assert asked.detail("file", "up") == "master"


def test_postgres_full(lab, servers, secret):
    """A server that has no connection left says so, and so does one that is starting."""
    _, data = servers.postgres("b1", None, "max_connections=5", "superuser_reserved_connections=3",
                               "max_wal_senders=0")
    held = [subprocess.Popen([postgres_program("psql"), "-X", "-h", data, "-U", "open", "postgres", "-c",
                              "SELECT pg_sleep(4)"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for _ in range(2)]
    try:
        asked = Asked(lab, "postgres", secret, one=("", "b1"))
        assert asked.detail("one", "down") in (
            "remaining connection slots are reserved for non-replication superuser connections",
            "sorry, too many clients already")
    finally:
        for p in held:
            p.wait()
    assert asked.detail("one", "up") == "master"


def test_postgres_tls(lab, servers, secret, pki):
    """The certificate must be valid, for the name or the address; the password goes to nobody else."""
    def server(cert, data=None):
        return servers.postgres("b1", data, "ssl=on", f"ssl_cert_file={pki.path(cert)}.pem",
                                f"ssl_key_file={servers.key_of_postgres(pki, cert)}")

    p, data = server("name")
    with open(f"{data}/pg_hba.conf", "r+", encoding="ascii") as f:
        text = f.read().replace("host all all all scram", "hostssl all all all scram")
        f.seek(0)
        f.write(text)
    servers.ask_postgres(data, "SELECT pg_reload_conf()")
    asked = Asked(lab, "postgres", secret, clear=("tls: true, verify: false, user: clear", "b1"),
                  **tls_ways(pki.path("ca.pem")))
    for name in ("any", "name", "clear"):
        assert asked.detail(name, "up") == "master", name
    for name, host in (("address", v4("b1")), ("other", "other.example.org")):
        assert f'does not match host name "{host}"' in asked.detail(name, "down")
    assert asked.detail("plain", "down").startswith("no pg_hba.conf entry for host")
    servers.kill(p)
    server("address", data)
    assert asked.detail("address", "up") == "master"
    assert lab.backend("address", "b1")["probe"]["warning"].startswith("its certificate expires in ")
    assert "does not match" in asked.detail("name", "down")


def test_postgres_roles(lab, servers, secret):
    """A fail-over: the primary dies, the standby is promoted, and the slots move."""
    primary, _ = servers.postgres("b1")
    _, two = servers.postgres("b2", source="b1")
    asked = Asked(lab, "postgres", secret, write=("role: primary", "b1", "b2"),
                  read=("role: replica, max_lag: 5s", "b1", "b2"), all=("", "b1", "b2"))
    assert asked.detail("write", "up") == "master"
    assert asked.detail("write", "down", "b2") == "is a replica; a master is wanted"
    assert asked.detail("read", "down") == "is a master; a replica is wanted"
    assert asked.detail("read", "up", "b2") == "replica, 0.0 s behind"
    assert asked.detail("all", "up") == "master" and asked.detail("all", "up", "b2") == "replica"
    lab.wait_for(lambda: not asked.slots("write")["b2"], 5, "slots")
    servers.kill(primary)
    assert asked.detail("write", "down") == "connection refused"
    servers.ask_postgres(two, "SELECT pg_promote()")
    assert asked.detail("write", "up", "b2") == "master"
    # A standby that has had nothing to replay may have been down for that before.
    asked.wait("read", "is a master; a replica is wanted", "down", "b2")
    lab.wait_for(lambda: not asked.slots("write")["b1"] and asked.slots("write")["b2"], 5, "slots")


def test_postgres_lag(lab, servers, secret):
    """Replay stands still while there are writes; a quiet primary is no lag, a lost one is in time."""
    primary, one = servers.postgres("b1")
    _, two = servers.postgres("b2", source="b1")
    asked = Asked(lab, "postgres", secret, read=("role: replica, max_lag: 1500ms", "b2"),
                  any=("role: replica", "b2"), both=("max_lag: 1500ms", "b1", "b2"))
    servers.ask_postgres(one, "INSERT INTO t VALUES (1)")
    asked.wait("read", "replica, 0.0 s behind", "up", "b2")
    assert asked.detail("both", "up") == "master"
    time.sleep(2)  # longer than max_lag, and nothing is written
    assert asked.detail("read", "up", "b2") == "replica, 0.0 s behind"
    servers.ask_postgres(two, "SELECT pg_wal_replay_pause()")
    servers.ask_postgres(one, "INSERT INTO t VALUES (2)")
    late = asked.detail("read", "down", "b2")
    assert re.fullmatch(r"is a replica, \d+\.\d s behind; 1\.5 s are allowed", late), late
    assert asked.detail("any", "up", "b2") == "replica"
    servers.ask_postgres(two, "SELECT pg_wal_replay_resume()")
    asked.wait("read", "replica, 0.0 s behind", "up", "b2")
    servers.kill(primary)
    late = asked.detail("read", "down", "b2")
    assert re.fullmatch(r"is a replica, \d+\.\d s behind; 1\.5 s are allowed", late), late
    servers.postgres("b1", one)
    asked.wait("read", "replica, 0.0 s behind", "up", "b2")
