# SPDX-License-Identifier: GPL-2.0-or-later
"""Records of full NAT are forgotten when their time is over, and not before; neighbours of replies."""
import time

import pytest
from conftest import service
from lab.topology import VIP4, v4

URL = f"http://{VIP4}/"

# Opens N connections, asks once on each, and ends them: by a reset, or keeps them for T seconds.
CLIENTS = """
import socket, struct, sys, time
vip, n, keep = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
socks = [socket.create_connection((vip, 80), 3) for i in range(n)]
for s in socks:
    s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    assert b" 200 " in s.recv(4096)
end = time.time() + keep
while time.time() < end:
    time.sleep(2)
    for s in socks:
        s.sendall(b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
        assert b" 200 " in s.recv(4096)
for s in socks:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
print("done")
"""


@pytest.fixture
def fullnat(lab):
    """One full NAT service; the balancer's own address is the pool, and it forwards as a router does."""
    lab.sysctl("lb", ipv4__ip_forward=1)
    lab.configure(lab.head(snat=f"{{source4: [{v4('lb')}], ports: 10000-19999}}") + "services:\n" +
                  service(forward="fullnat", idle="10s"))
    lab.start_agent()
    lab.wait_serving("web")
    yield lab
    lab.sysctl("lb", ipv4__ip_forward=0)


def flows(lab):
    """Flows with a record, as the last pass of the sweeper found them."""
    return lab.status()["nat"]["flows"]


def test_reset_connections_go_and_live_ones_stay(fullnat):
    """Ten connections that were reset are forgotten; three that speak are not, though passes go by."""
    kept = fullnat.procs.start("kept", ["/usr/bin/python3", "-c", CLIENTS, VIP4, "3", "20"],
                               netns=fullnat.ns("client"), log=f"{fullnat.folder}/kept.log")
    assert "done" in fullnat.inside("client", "/usr/bin/python3", "-c", CLIENTS, VIP4, "10", "0")
    began = time.monotonic()
    fullnat.wait_for(lambda: flows(fullnat) >= 13, 5, "the records to be counted")
    fullnat.wait_for(lambda: flows(fullnat) == 3, 20, "those of the reset connections to go")
    assert time.monotonic() - began > 8, "a record lives for 10 s after a reset"
    assert fullnat.status()["nat"]["deleted"] >= 20
    assert kept.wait(25) == 0
    assert fullnat.counts()["drop_nat_unknown"] == 0


def test_silent_connections_go_after_idle(fullnat):
    """What says nothing for `idle` is forgotten; a new connection is served all the same."""
    kept = fullnat.procs.start("silent", ["/usr/bin/python3", "-c",
                                          CLIENTS.replace("time.sleep(2)", "time.sleep(60)"), VIP4,
                                          "2", "1"], netns=fullnat.ns("client"))
    fullnat.wait_for(lambda: flows(fullnat) >= 2, 5, "the records")
    fullnat.wait_for(lambda: flows(fullnat) == 0, 20, "them to go")
    assert fullnat.fetch(URL) in fullnat.backends
    fullnat.procs.end(kept)


def test_neighbour_of_a_reply(fullnat):
    """A reply to a client whose MAC address is not known: the agent has it resolved."""
    assert fullnat.fetch(URL) in fullnat.backends
    fullnat.ip("lb", "neigh", "flush", "dev", "eth0", "to", v4("client"))
    fullnat.ip("lb", "neigh", "del", v4("client"), "dev", "eth0", check=False)
    fullnat.inside("client", "timeout", "1", "curl", "-s", URL, check=False)
    fullnat.wait_for(lambda: "lladdr" in fullnat.ip("lb", "neigh", "show", v4("client")), 2,
                     "the kernel to resolve the client")
    assert fullnat.counts()["drop_no_nexthop"] > 0
    assert fullnat.fetch(URL) in fullnat.backends
