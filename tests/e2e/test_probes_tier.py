# SPDX-License-Identifier: GPL-2.0-or-later
"""Tiers of real servers that come, die, hang and come back, all at once: verdicts and slots follow."""
import pytest
from conftest import TICK, service
from lab import servers_tier
from lab.servers_net import Servers
from lab.topology import v4

PACE = f"interval: {3 * TICK}ms, fast_interval: {TICK}ms, timeout: {4 * TICK}ms, rise: 2, fall: 2"
TWO = [("b1", v4("b1"), 100), ("b2", v4("b2"), 100)]
# name: what starts one, the probe, what it says of one that is well
TIERS = {
    "etcd": (servers_tier.etcd, "type: grpc, port: 2379", "SERVING"),
    "memcached": (servers_tier.memcached, "type: memcached, port: 11211", None),
    "haproxy": (servers_tier.haproxy, "type: http, port: 8404, path: /ready", "status 200"),
}


@pytest.fixture
def servers(lab):
    """What a test starts on the backends is gone after it."""
    s = Servers(lab)
    yield s
    s.end()


def wait_all(lab, host, state, slots):
    """Every tier's backend is in the state, and has slots or none."""
    for name in TIERS:
        lab.wait_state(name, host, state, patience=10)
        lab.wait_for(lambda n=name: bool(lab.backend(n, host)["slots"]) == slots, 10,
                     f"the slots of {name}/{host} to follow")


def test_lives(lab, servers):
    """One of two servers of each tier is killed, started again, stopped, and continued."""
    running = {b: [start(servers, b) for start, _, _ in TIERS.values()] for b in ("b1", "b2")}
    lab.configure(lab.head() + "services:\n" + "".join(
        service(name=name, port=100 + i, backends=TWO, probe=f"{{{probe}, {PACE}}}")
        for i, (name, (_, probe, _)) in enumerate(TIERS.items())))
    lab.start_agent()
    wait_all(lab, "b1", "up", True)
    wait_all(lab, "b2", "up", True)
    for name, (_, _, says) in TIERS.items():
        assert says is None or lab.backend(name, "b1")["probe"]["detail"] == says
    for p in running["b1"]:
        servers.kill(p)
    wait_all(lab, "b1", "down", False)
    assert {lab.backend(name, "b1")["probe"]["detail"] for name in TIERS} == {"connection refused"}
    running["b1"] = [start(servers, "b1") for start, _, _ in TIERS.values()]
    wait_all(lab, "b1", "up", True)
    for p in running["b1"]:
        servers.hang(p)
    wait_all(lab, "b1", "down", False)
    assert all(f"within {4 * TICK} ms" in lab.backend(name, "b1")["probe"]["detail"] for name in TIERS)
    for p in running["b1"]:
        servers.resume(p)
    wait_all(lab, "b1", "up", True)
    # The neighbour's troubles were not its own.
    assert {lab.backend(name, "b2")["state"] for name in TIERS} == {"up"}


def test_reasons(lab, servers):
    """A server that answers, but not well: no such gRPC service; a proxy that has lost its servers."""
    for b in ("b1", "b2"):
        servers_tier.etcd(servers, b)
        servers_tier.haproxy(servers, b)
    lab.configure(lab.head() + "services:\n"
                  + service(name="echo", port=100, backends=TWO,
                            probe=f"{{type: grpc, service: echo, port: 2379, {PACE}}}")
                  + service(name="proxy", port=101, backends=TWO,
                            probe=f"{{type: http, port: 8404, path: /ready, {PACE}}}"))
    lab.start_agent()
    lab.wait_for(
        lambda: (lab.backend("echo", "b1")["probe"] or {}).get("detail")
        == 'does not know the service "echo"', 10,
        "etcd to tell what it does not know")
    assert lab.backend("echo", "b1")["state"] == "down"
    lab.wait_state("proxy", "b1", "up", 10)
    servers_tier.tell_haproxy(lab, "b1", "disable server nginx/it")
    assert lab.wait_state("proxy", "b1", "down", 10)["probe"]["detail"].startswith("status 503")
    servers_tier.tell_haproxy(lab, "b1", "enable server nginx/it")
    lab.wait_state("proxy", "b1", "up", 10)
