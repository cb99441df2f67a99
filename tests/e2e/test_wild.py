# SPDX-License-Identifier: GPL-2.0-or-later
"""Services of a range of ports, any port, a prefix; affinity; what is nested in what."""
import pytest
from conftest import answers, service, url_of
from lab.topology import VIP4, VIP4_B, VIP6, run, v4, v6

PROBE = "{type: tcp, port: 80, interval: 100ms, fast_interval: 50ms, timeout: 100ms, rise: 2, fall: 2}"
NET4, NET6 = "198.51.100.0/28", "2001:db8:99::/64"


@pytest.fixture(scope="module", autouse=True)
def nets(network):
    """Two prefixes behind the balancer, of which every backend is every address."""
    network.ip("client", "route", "add", NET4, "via", v4("lb"))
    network.ip("client", "-6", "route", "add", NET6, "via", v6("lb"))
    for b in network.backends:
        network.ip(b, "route", "add", "local", NET4, "dev", "lo")
        network.ip(b, "-6", "route", "add", "local", NET6, "dev", "lo")
    yield
    network.ip("client", "route", "del", NET4)
    network.ip("client", "-6", "route", "del", NET6)
    for b in network.backends:
        network.ip(b, "route", "del", "local", NET4, "dev", "lo")
        network.ip(b, "-6", "route", "del", "local", NET6, "dev", "lo")


def only(lab, *hosts):
    """Some of the backends."""
    return [(b, v4(b), 100) for b in lab.backends if b in hosts]


@pytest.mark.parametrize("vip, address", [(VIP4, v4), (VIP6, v6)], ids=["v4", "v6"])
def test_range_of_ports(lab, vip, address):
    """Inside the range, and not beside it."""
    backends = [(b, address(b), 100) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" +
                  service(vip=vip, port="8000-8009", probe=PROBE, backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    for port in (8000, 8001):
        assert answers(lab, url_of(vip, port), 30) == set(lab.backends)
        assert lab.fetch(url_of(vip, port, "/port")) == str(port)
    assert lab.fetch(url_of(vip, 80), patience=1) is None
    s = lab.status()["services"][0]
    assert (s["vip"], s["ports"], s["forward"], s["affinity"]) == (vip, "8000-8009", "l2", "flow")
    assert "8000-8009" in lab.cli("status").stdout


@pytest.mark.parametrize("vip, address, net", [("198.51.100.3", v4, NET4), ("2001:db8:99::5", v6, NET6)],
                         ids=["v4", "v6"])
def test_prefix(lab, vip, address, net):
    """Every address of the prefix, every port where the service has any."""
    backends = [(b, address(b), 100) for b in lab.backends]
    lab.configure(lab.head() + "services:\n" +
                  service(vip=net, port="any", probe=PROBE, backends=backends))
    lab.start_agent()
    lab.wait_serving("web")
    for port in (80, 8000):
        assert answers(lab, url_of(vip, port), 30) == set(lab.backends)
    s = lab.status()["services"][0]
    assert (s["vip"], s["ports"]) == (net, "any")


def test_most_specific_first(lab):
    """Exact, narrower range, any port, longer prefix: each has what is its own, through reloads."""
    exact = service(name="exact", vip="198.51.100.3", backends=only(lab, "b1"))
    ports = service(name="ports", vip="198.51.100.3", port="8000-8000", probe=PROBE,
                    backends=only(lab, "b2")).replace('"8000-8000"', "8000-8000")
    net = service(name="net", vip=NET4, port="any", probe=PROBE, backends=only(lab, "b3"))
    ports = ports.replace("port: 8000-8000\n    forward", "port: 7990-8000\n    forward")

    def ask(port):
        return lab.fetch(url_of("198.51.100.3", port), patience=1)
    for part, want in (((net,), ("b3", "b3", "b3")),
                       ((exact, net), ("b1", "b3", "b3")),
                       ((net, ports, exact), ("b1", "b2", "b3")),
                       ((ports, exact), ("b1", "b2", None)),
                       ((ports, net), ("b3", "b2", "b3"))):
        lab.configure(lab.head() + "services:\n" + "".join(part))
        if lab.agent is None or lab.agent.poll() is not None:
            lab.start_agent()
        else:
            lab.cli("config", "apply")
        for s in lab.status()["services"]:
            lab.wait_state(s["name"], s["backends"][0]["id"], "up")
        lab.wait_for(lambda w=want: tuple(ask(p) for p in (80, 8000, 8001)) == w, 5, f"{want}")


def test_two_ranges_with_one_first_port(lab):
    """The narrower one of two that begin alike; both go their way over a restart."""
    lab.configure(lab.head() + "services:\n" +
                  service(name="narrow", port="8000-8000", backends=only(lab, "b1")).replace(
                      "8000-8000", "8000") +
                  service(name="wide", port="8000-8010", probe=PROBE, backends=only(lab, "b2")) +
                  service(name="other", vip=VIP4_B, backends=only(lab, "b3")))
    lab.start_agent()
    for restart in (False, True):
        if restart:
            lab.stop_agent()
            lab.start_agent()
        lab.wait_state("narrow", "b1", "up")
        lab.wait_state("wide", "b2", "up")
        lab.wait_for(lambda: lab.fetch(url_of(VIP4, 8000), patience=1) == "b1", 3, "b1")
        assert lab.fetch(url_of(VIP4, 8001)) == "b2"
        assert [s["generation"] == 0 for s in lab.status()["services"]] == [restart] * 3


def test_affinity_source(lab):
    """One client is one backend's, in every service with that affinity; a reload takes it away."""
    def configure(affinity):
        lab.configure(lab.head() + "services:\n" + service(affinity=affinity) +
                      service(name="second", vip=VIP4_B, affinity=affinity))
    configure("source")
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_serving("second")
    first = answers(lab, url_of(VIP4), 20)
    assert len(first) == 1 and answers(lab, url_of(VIP4_B), 20) == first
    before = lab.slot_tables()
    configure("flow")
    lab.cli("config", "apply")
    assert answers(lab, url_of(VIP4), 40) == set(lab.backends)
    assert lab.slot_tables() == before
    assert lab.status()["services"][0]["affinity"] == "flow"


def test_shared_entries(lab):
    """Services that reach the same backends in the same way have one entry each of `backends`."""
    lab.configure(lab.head() + "services:\n" + "".join(
        service(name=f"s{i}", port=80 + i, probe=PROBE, slots=4096) for i in range(20)) +
        service(name="tunnel", vip=VIP4_B, forward="ipip", probe=PROBE))
    lab.start_agent()

    def entries():
        dump = run("bpftool", "-j", "map", "dump", "pinned", lab.pin("members"))
        return dump.count('"formatted"'), {m.split("}")[0].strip() for m in dump.split('"backend":')[1:]}
    members, used = entries()
    assert members == 63 and len({u.split(",")[0] for u in used}) == 6
    lab.stop_agent()
    lab.start_agent()
    assert entries() == (members, used)
