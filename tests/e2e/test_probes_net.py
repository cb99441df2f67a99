# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes that ask by datagrams, and those of servers that are asked by TCP: real ones, which go wrong."""
import signal
import time

import pytest
from conftest import TICK, service
from lab.servers_net import Servers
from lab.topology import v4, v6

PACE = f"interval: {3 * TICK}ms, fast_interval: {TICK}ms, timeout: {4 * TICK}ms, rise: 2, fall: 2"
WWW = "www.example. A 192.0.2.1"


@pytest.fixture
def servers(lab):
    """What a test starts on the backends is gone after it."""
    for b in lab.backends:
        # Linux sends one ICMP error a second to each host; the probes here are faster than that.
        lab.sysctl(b, ipv4__icmp_ratelimit=0, ipv6__icmp__ratelimit=0)
    s = Servers(lab)
    yield s
    s.end()


def probe(kind, more=""):
    """A probe as YAML."""
    return f"{{type: {kind}, {PACE}{', ' if more else ''}{more}}}"


def one(name, kind, more="", host="b1", port=9000, **how):
    """A service with one backend. Each has a port of its own, since they share the VIP."""
    return service(name=name, port=port, backends=[(host, how.pop("address", v4(host)), 100)],
                   probe=probe(kind, more), **how)


def run(lab, *services):
    """Starts an agent with these."""
    lab.configure(lab.head() + "services:\n" + "".join(services))
    lab.start_agent()


def detail(lab, name, state, host="b1"):
    """What the probe says once the backend is in that state; of a single probe that was late, the next one's word."""
    until = time.monotonic() + 20 * TICK / 1000
    while True:
        said = lab.wait_state(name, host, state)["probe"]["detail"]
        if not said.startswith("no answer within") or time.monotonic() > until:
            return said
        time.sleep(TICK / 1000)


def test_dns_life(lab, servers):
    """Right, wrong and no answers by UDP; a server hangs, dies, and comes back."""
    right = servers.unbound("b1", WWW, "www.example. A 192.0.2.2")
    wrong = servers.unbound("b2", "www.example. A 192.0.2.9")
    run(lab, service(name="dns", port=53, protocol="udp",
                     probe=probe("dns", "name: www.example, answer: 192.0.2.2")))
    assert detail(lab, "dns", "up") == "A 192.0.2.2"
    assert detail(lab, "dns", "down", "b2") == ("none of 1 A records is \"192.0.2.2\"; the first is "
                                                "\"192.0.2.9\"")
    assert detail(lab, "dns", "down", "b3") == "connection refused"
    servers.hang(right)
    assert detail(lab, "dns", "down") == f"no answer within {4 * TICK} ms"
    servers.resume(right)
    assert detail(lab, "dns", "up") == "A 192.0.2.2"
    servers.kill(right)
    assert detail(lab, "dns", "down") == "connection refused"
    servers.unbound("b1", "www.example. A 192.0.2.2")
    servers.kill(wrong)
    servers.unbound("b2", "www.example. A 192.0.2.2")
    detail(lab, "dns", "up")
    detail(lab, "dns", "up", "b2")


def test_dns_answers(lab, servers):
    """Types, transports and errors, all of one server."""
    servers.unbound("b1", WWW, "www.example. AAAA 2001:db8::1", "example. MX 10 mail.example.",
                    "_sip._tcp.example. SRV 0 5 5060 sip.example.", "txt.example. TXT \"v=1 a\"",
                    "alias.example. CNAME www.example.",
                    "example. SOA ns.example. root.example. 1 2 3 4 5",
                    *(f"many.example. TXT \"{n:03} {'x' * 60}\"" for n in range(20)))
    rows = [
        ("name: www.example", "up", "A 192.0.2.1"),
        ("name: www.example, transport: tcp", "up", "A 192.0.2.1"),
        ("name: www.example, record: AAAA, answer: \"2001:DB8:0::1\"", "up", "AAAA 2001:db8::1"),
        ("name: example, record: MX, answer: 10 MAIL.example.", "up", "MX 10 mail.example"),
        ("name: _sip._tcp.example, record: SRV", "up", "SRV 0 5 5060 sip.example"),
        ("name: txt.example, record: TXT, answer: v=1 a", "up", "TXT v=1 a"),
        ("name: alias.example, record: CNAME", "up", "CNAME www.example"),
        ("name: example, record: SOA", "up", "SOA ns.example root.example 1 2 3 4 5"),
        ("name: none.example", "down", "answers NXDOMAIN"),
        ("name: www.example, record: TXT", "down", "has no TXT record of \"www.example\""),
        ("name: a.refused.example", "down", "answers REFUSED"),
        ("name: a.refused.example, transport: tcp", "down", "answers REFUSED"),
        (f"name: many.example, record: TXT, answer: 019 {'x' * 60}, transport: tcp", "up",
         f"TXT 019 {'x' * 60}"),
        ("name: many.example, record: TXT, answer: none", "down", "transport: tcp"),
    ]
    run(lab, *(one(f"dns{i}", "dns", f"port: 53, {more}", port=9000 + i)
               for i, (more, _, _) in enumerate(rows)),
        one("v6", "dns", "port: 53, name: www.example", port=8999, forward="ipip", address=v6("b1")))
    for i, (_, state, text) in enumerate(rows):
        got = detail(lab, f"dns{i}", state)
        assert got == text or (i == len(rows) - 1 and text in got)
    assert detail(lab, "v6", "up") == "A 192.0.2.1"


def test_udp(lab, servers):
    """An answer that is expected: right, wrong, none, refused by ICMP, and right again."""
    server = servers.stub("b1", "udp", 9000, "pong")
    servers.stub("b2", "udp", 9000, "nope")
    run(lab, service(name="u", port=9000, protocol="udp",
                     probe=probe("udp", "send: ping, expect: pon")))
    assert detail(lab, "u", "up") == "answers with 4 bytes"
    assert detail(lab, "u", "down", "b2") == ("the answer, \"nope\" (4 bytes), does not hold what is "
                                              "expected")
    assert detail(lab, "u", "down", "b3") == "connection refused"
    servers.hang(server)
    assert detail(lab, "u", "down") == f"no answer within {4 * TICK} ms"
    servers.resume(server)
    detail(lab, "u", "up")
    servers.kill(server)
    assert detail(lab, "u", "down") == "connection refused"
    servers.stub("b1", "udp", 9000, "pong")
    detail(lab, "u", "up")


def test_udp_silence(lab, servers):
    """Without `expect` a server may be silent, but there must be one."""
    server = servers.stub("b1", "udp", 9000, "pong")
    run(lab, service(name="u", port=9000, protocol="udp", probe=probe("udp", "send: hm")),
        service(name="v", port=9001, protocol="udp", probe=probe("udp", "send: ping, port: 9000")))
    assert detail(lab, "u", "up") == f"no ICMP error within {4 * TICK} ms"
    assert detail(lab, "v", "up") == "answers with 4 bytes"
    assert detail(lab, "u", "down", "b2") == "connection refused"
    servers.kill(server)
    assert detail(lab, "u", "down") == "connection refused"
    servers.stub("b1", "udp", 9000, "pong")
    detail(lab, "u", "up")


def test_icmp(lab):
    """Echo by both families: a cable is cut, and mended."""
    run(lab, one("v4", "icmp"), one("v6", "icmp", forward="ipip", address=v6("b1"), port=9001))
    assert detail(lab, "v4", "up") == "answers"
    assert detail(lab, "v6", "up") == "answers"
    lab.cut_cable("b1")
    assert detail(lab, "v4", "down") == f"no answer within {4 * TICK} ms"
    assert detail(lab, "v6", "down") == f"no answer within {4 * TICK} ms"
    lab.mend_cable("b1")
    detail(lab, "v4", "up")
    detail(lab, "v6", "up")


def test_icmp_unreachable(lab, servers):  # pylint: disable=unused-argument
    """A router on the way says that it does not get there: a refusal, with its name."""
    for family, beyond, router in (("-4", "10.77.9.9", "b2"), ("-6", "fd77:9::9", "b2")):
        lab.ip("lb", family, "route", "add", beyond, "via", v4(router) if family == "-4" else v6(router))
        lab.ip(router, family, "route", "add", "unreachable", beyond)
    # What b2 has refused in the tests before counts towards its one ICMP error a second.
    lab.sysctl("b2", ipv4__ip_forward=1, ipv6__conf__all__forwarding=1, ipv4__icmp_ratelimit=0,
               ipv6__icmp__ratelimit=0)
    try:
        run(lab, one("v4", "icmp", forward="ipip", address="10.77.9.9"),
            one("v6", "icmp", forward="ipip", address="fd77:9::9", port=9001))
        assert detail(lab, "v4", "down") == f"host unreachable, says {v4('b2')}"
        assert detail(lab, "v6", "down") == f"network unreachable, says {v6('b2')}"
    finally:
        lab.sysctl("b2", ipv4__ip_forward=0, ipv6__conf__all__forwarding=0, ipv4__icmp_ratelimit=1000,
                   ipv6__icmp__ratelimit=1000)
        for family, beyond in (("-4", "10.77.9.9"), ("-6", "fd77:9::9")):
            lab.ip("lb", family, "route", "del", beyond)
            lab.ip("b2", family, "route", "del", "unreachable", beyond)


def test_kafka(lab, servers):
    """
    A cluster of three on one host: who answers, and who is which; one goes down, all hang. The mock
    names a controller that is none of its brokers, 0, so none is; tests/unit/probe_kafka_test.c has one.
    """
    cluster, ports = servers.kafka("b1", 3)
    run(lab, *(one(f"k{i}", "kafka", f"port: {p}", port=9000 + i) for i, p in enumerate(ports)),
        *(one(f"c{i}", "kafka", f"port: {p}, role: controller", port=9010 + i)
          for i, p in enumerate(ports)),
        one("no", "kafka", "port: 80", port=9020))
    for i in range(3):
        assert detail(lab, f"k{i}", "up") == "3 brokers, controller 0"
        assert detail(lab, f"c{i}", "down") == f"is node {i + 1}; the controller, node 0, is wanted"
    assert detail(lab, "no", "down") == "the answer is no message of Kafka's"
    cluster.send_signal(signal.SIGUSR1)
    detail(lab, "k0", "down")
    assert detail(lab, "k1", "up") == "3 brokers, controller 0"
    cluster.send_signal(signal.SIGUSR2)
    detail(lab, "k0", "up")
    servers.hang(cluster)
    assert detail(lab, "k1", "down") == f"no answer within {4 * TICK} ms"
    servers.resume(cluster)
    for i in range(3):
        detail(lab, f"k{i}", "up")
    servers.kill(cluster)
    assert detail(lab, "k2", "down") == "connection refused"


def test_dubbo(lab, servers):
    """Against a stub: heartbeats with a good and a bad status; it hangs, dies, and comes back."""
    server = servers.stub("b1", "dubbo", 9000, 20)
    servers.stub("b2", "dubbo", 9000, 100)
    run(lab, service(name="d", port=9000, probe=probe("dubbo")))
    assert detail(lab, "d", "up") == "answers the heartbeat"
    assert detail(lab, "d", "down", "b2") == ("answers the heartbeat with status 100 "
                                              "(SERVER_THREADPOOL_EXHAUSTED_ERROR)")
    assert detail(lab, "d", "down", "b3") == "connection refused"
    servers.hang(server)
    assert detail(lab, "d", "down") == f"no answer within {4 * TICK} ms"
    servers.resume(server)
    detail(lab, "d", "up")
    servers.kill(server)
    assert detail(lab, "d", "down") == "connection refused"
    servers.stub("b1", "dubbo", 9000, 20)
    detail(lab, "d", "up")


def test_script(lab):
    """A conversation with nginx: its steps are counted, and what came instead is told."""
    steps = ("steps: [{send: 'GET /health HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n'}, {expect: ' 200 OK\\r\\n'}, "
             "{expect: '\\r\\n\\r\\nok'}]")
    run(lab, service(name="s", probe=probe("script", steps)))
    assert detail(lab, "s", "up") == "all 3 steps"
    lab.set_health("b1", "maintenance\n")
    assert detail(lab, "s", "down").startswith("step 3: what is expected did not come before the "
                                               "connection was closed; \"Server: nginx")
    lab.set_health("b2", None)
    assert detail(lab, "s", "down", "b2").startswith("step 2: what is expected did not come")
    lab.kill_nginx("b3")
    assert detail(lab, "s", "down", "b3") == "connection refused"
    lab.set_health("b1", "ok\n")
    detail(lab, "s", "up")


def test_script_waits(lab):
    """The time is over: the step that was waited for is in the detail."""
    run(lab, service(name="s", probe=probe("script", "steps: [{expect: SSH}]")))
    assert detail(lab, "s", "down") == f"step 1: nothing came within {4 * TICK} ms"
