# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets that the program tells of: drops with their reason, first packets of flows."""
import calendar
import json
import time

from conftest import service
from lab.topology import VIP4, VIP6, v4, v6

URL = f"http://{VIP4}/"


def packets(lab, *argv):
    """What `fairlead packets --json` says."""
    return json.loads(lab.cli("packets", "--json", *argv).stdout)


def age(event):
    """Seconds since an event, by its own time."""
    whole, ms = event["time"].rstrip("Z").split(".")
    return time.time() - calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - int(ms) / 1000


def test_a_drop(lab):
    """Who was dropped, when, where, and why; for people in a line."""
    lab.configure(lab.head(events="{drops: 1}", sources=f'{{deny: ["{v6("client")}"]}}') +
                  "services:\n" + service(vip=VIP6, backends=[("b1", v6("b1"), 100)]))
    lab.start_agent()
    lab.wait_state("web", "b1", "up")
    assert lab.fetch(f"http://[{VIP6}]/", patience=1) is None
    got = lab.wait_for(lambda: packets(lab)["packets"], 2, "an event")
    e = got[0]
    assert 0 <= age(e) < 5
    assert e["source_port"] > 1024 and e["bytes"] >= 74
    want = {"kind": "drop", "verdict": "drop_denied", "protocol": "tcp", "tcp_flags": "syn",
            "source": v6("client"), "destination": VIP6, "destination_port": 80,
            "interface": "eth0", "service": "web", "backend": None}
    assert {k: e[k] for k in want} == want
    out = lab.cli("packets").stdout
    assert f"drop tcp [{v6('client')}]:" in out and f"> [{VIP6}]:80 [syn]" in out
    assert "service web: drop_denied" in out


def test_flows_by_command(web):
    """Sampling is switched on and off while it runs; numbers go on where a reader was."""
    assert "one in 0 first packets" in web.cli("packets").stdout
    assert web.fetch(URL) in web.backends
    out = web.cli("packets", "--flows", "1").stdout
    assert "one in 1 first packets of flows, one in 1000 drops" in out
    who = [web.fetch(URL) for _ in range(5)]
    got = web.wait_for(lambda: (lambda p: p if len(p["packets"]) >= 5 else None)(packets(web)), 2,
                       "five flows")
    assert [e["backend"] for e in got["packets"]] == who
    assert all(e["kind"] == "flow" and e["tcp_flags"] == "syn" and e["verdict"] is None and
               e["source"] == v4("client") and e["service"] == "web" for e in got["packets"])
    assert [e["seq"] for e in got["packets"]] == list(range(5))
    assert (got["next"], got["missed"], got["flows"], got["drops"]) == (5, 0, 1, 1000)
    assert [e["seq"] for e in packets(web, "-n", "2")["packets"]] == [3, 4]
    web.cli("packets", "--flows", "0", "--drops", "7")
    web.fetch(URL)
    got = packets(web)
    assert len(got["packets"]) == 5 and (got["flows"], got["drops"]) == (0, 7)
    web.cli("packets", "--flows", "1")
    web.cli("config", "apply")
    got = packets(web)
    assert (got["flows"], got["drops"]) == (0, 1000), "an apply brings the file's rates back"


def test_follow(web):
    """One line each as they come."""
    web.cli("packets", "--flows", "1")
    log = f"{web.folder}/follow.log"
    open(log, "w", encoding="ascii").close()
    p = web.procs.start("follow", [f"{web.build}/fairlead", "-s", web.socket, "packets", "--json",
                                   "--follow"], log=log)

    def lines():
        with open(log, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]
    for i in range(3):
        web.fetch(URL)
        web.wait_for(lambda: len(lines()) == i + 1, 3, "a line")
    assert [e["seq"] for e in lines()] == [0, 1, 2]
    web.procs.end(p)


def test_more_than_is_kept(web):
    """Of a burst the last 1 024 are there, and a reader is told how many are not."""
    web.cli("packets", "--flows", "1")
    web.inside("client", "/usr/bin/python3", "-c", f"""
import socket
for i in range(1500):
    s = socket.socket(); s.setblocking(False); s.connect_ex(("{VIP4}", 80)); s.close()
""")
    got = web.wait_for(lambda: (lambda p: p if p["next"] >= 1400 else None)(packets(web)), 5,
                       "the events")
    api = json.loads(web.inside("client", "curl", "-s", "--unix-socket", web.socket,
                                "http://x/v1/packets?since=0&n=1024"))
    assert len(api["packets"]) == 1024
    assert api["missed"] >= got["next"] - 1024 and api["packets"][0]["seq"] == api["missed"]
