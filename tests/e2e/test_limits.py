# SPDX-License-Identifier: GPL-2.0-or-later
"""How much may come: limits of a service and of each source, on real connections."""
import pytest
from conftest import service
from lab.topology import VIP4, v4

OTHER = "10.77.0.99"

# Starts N connections at once and prints how many are there half a second later: before the first
# retransmission, so that each had one try.
CONNECT = """
import select, socket, sys, time
vip, source, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
socks = []
for i in range(n):
    s = socket.socket()
    s.setblocking(False)
    s.bind((source, 0))
    s.connect_ex((vip, 80))
    socks.append(s)
time.sleep(0.5)
ready = select.select([], socks, [], 0)[1]
print(sum(not s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for s in ready))
"""

# One connection that asks again and again, then says how often it was answered.
KEPT = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], 80), 2)
n = 0
for i in range(30):
    s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    n += b" 200 " in s.recv(4096)
    time.sleep(0.05)
print(n)
"""


def connect(lab, n=40, source=None, vip=VIP4):
    """How many of n simultaneous connections come about."""
    return int(lab.inside("client", "/usr/bin/python3", "-c", CONNECT, vip,
                          source or v4("client"), str(n)))


def start(lab, limits):
    """An agent with one limited service; a second address on the client."""
    if OTHER not in lab.ip("client", "addr", "show", "eth0"):
        lab.ip("client", "addr", "add", f"{OTHER}/24", "dev", "eth0")
    lab.configure(lab.head() + "services:\n" + service(limits=limits))
    lab.start_agent()
    lab.wait_serving("web")


def program(lab):
    """What is attached to the interface."""
    return lab.ip("lb", "-d", "link", "show", "eth0").split("prog/xdp id ")[1].split()[0]


def test_connections_of_one_source(lab):
    """Who asks too often waits; another source, and what is open already, do not notice."""
    start(lab, "{source_connections: 10, burst: 100ms}")
    kept = lab.procs.start("kept", ["/usr/bin/python3", "-c", KEPT, VIP4],
                           netns=lab.ns("client"), log=f"{lab.folder}/kept.log")
    lab.wait_for(lambda: lab.counts()["send_l2"] > 3, 2, "the connection that is kept")
    for _ in range(2):
        before = lab.counts()["drop_src_new"]
        assert 1 <= connect(lab) <= 8
        assert lab.counts()["drop_src_new"] - before >= 30
        assert connect(lab, n=1, source=OTHER) == 1
    assert kept.wait(10) == 0
    with open(f"{lab.folder}/kept.log", encoding="ascii") as f:
        assert f.read().split()[-1] == "30"


def test_connections_of_a_service(lab):
    """All sources together."""
    start(lab, "{connections: 20, burst: 100ms}")
    assert 2 <= connect(lab) <= 13
    assert connect(lab, n=30, source=OTHER) <= 13
    assert lab.counts()["drop_svc_new"] >= 40
    assert lab.status()["services"][0]["limits"] == {
        "packets": 0, "connections": 20, "source_packets": 0, "source_connections": 0,
        "burst_ms": 100, "monitor": False}
    out = lab.cli("status").stdout
    assert "limits: web: a second 20 connections; burst 100 ms" in out
    assert "over the service's limit of new connections a second" in out


@pytest.mark.parametrize("key, verdict", [("packets", "drop_svc_packets"),
                                          ("source_packets", "drop_src_packets")])
def test_packets(lab, key, verdict):
    """Every packet counts, whatever it opens."""
    start(lab, f"{{{key}: 50, burst: 100ms}}")
    assert connect(lab) <= 20
    assert lab.counts()[verdict] >= 20


def test_monitor_and_reload(lab):
    """Monitored: counted, not dropped. Then in force, then wider, by reloads that change numbers only."""
    start(lab, "{source_connections: 10, monitor: true}")
    assert connect(lab) == 40
    assert lab.counts("notes")["src_new"] >= 30 and lab.counts()["drop_src_new"] == 0
    before = program(lab)
    for limits, least, most in (("{source_connections: 10}", 1, 8),
                                ("{source_connections: 10000}", 40, 40)):
        lab.configure(lab.head() + "services:\n" + service(limits=limits))
        lab.cli("config", "apply")
        assert least <= connect(lab) <= most
    assert program(lab) == before
    lab.configure(lab.head() + "services:\n" + service())
    lab.cli("config", "apply")
    assert connect(lab) == 40
    assert lab.status()["services"][0]["limits"]["source_connections"] == 0
