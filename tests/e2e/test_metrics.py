# SPDX-License-Identifier: GPL-2.0-or-later
"""What Prometheus reads is what `fairlead status` says."""
import os
import subprocess
import time

import pytest
from conftest import service
from lab.lab import PATIENCE
from lab.prom import Metrics
from lab.topology import v4

PORT = 9118
LISTEN = f"127.0.0.1:{PORT}"


# Probes, adverts and ARP are counted by this verdict, and never cease.
RESTLESS = "pass_not_service"


def head(lab, listen=LISTEN):
    """The top of a configuration with a listener."""
    return lab.head().replace("api: {", f"api: {{listen: \"{listen}\", ")


def get(lab, path, *more, at=LISTEN):
    """(HTTP status, body) of a request to the listener, from its own machine."""
    out = lab.inside("lb", "curl", "-s", "--max-time", "10", "-w", "\n%{http_code}", *more,
                     f"http://{at}{path}")
    body, _, code = out.rpartition("\n")
    return int(code), body


def scrape(lab):
    """The metrics now."""
    code, body = get(lab, "/metrics")
    assert code == 200
    return Metrics(body)


@pytest.fixture
def listening(lab):
    """The usual agent with a listener."""
    lab.configure(head(lab) + "services:\n" + service())
    lab.start_agent()
    lab.wait_serving("web")
    return lab


def everything(lab):
    """A configuration that has some of all."""
    key = f"{lab.folder}/peers.key"
    with open(key, "w", encoding="ascii") as f:
        f.write("0123456789abcdef" * 4)
    os.chmod(key, 0o600)
    return (head(lab) + "bfd: [{peer: 10.77.0.1}]\n"
            "vrrp: [{name: web, interface: eth0, vrid: 51, addresses: [192.0.2.10], interval: 10ms}]\n"
            f"peers: {{listen: {v4('lb')}, key_file: {key}, list: [{{name: lb2, address: 10.77.0.99}}]}}\n"
            "alerts: [{name: hook, severity: critical, exec: [/bin/true]}]\n"
            "services:\n" + service(passive="true", announce="route", min_up=2)
            + service(name="other", port=8080))


def agree_agent(m, s):
    """What is of the agent and of the program."""
    assert m.get("fairlead_build_info", instance_name=s["instance"], version=s["version"],
                 abi=str(s["abi"])) == 1
    assert m.get("fairlead_config_applies_total") == s["config"]["applies"]
    assert m.get("fairlead_config_refusals_total") == s["config"]["refusals"]
    assert m.get("fairlead_config_version") == s["config"]["version"] > 0
    assert m.get("fairlead_config_unconfirmed") == s["config"]["unconfirmed"]
    for family, key in (("open", "open"), ("bytes", "bytes"), ("events_waiting", "waiting"),
                        ("events_written_total", "written"), ("events_dropped_total", "dropped")):
        assert m.get(f"fairlead_journal_{family}") == s["journal"][key], family
    for d in s["alerts"]:
        for family, key in (("sent_total", "sent"), ("failed_total", "failed"), ("dropped_total", "dropped"),
                            ("summed_up_total", "summed_up"), ("waiting", "waiting")):
            assert m.get(f"fairlead_alerts_{family}", destination=d["name"]) == d[key], family
    assert m.get("fairlead_lease_lapsed") == s["lease"]["lapsed"]
    assert m.get("fairlead_lease_lapses_total") == s["lease"]["lapses"]
    assert m.get("fairlead_loop_realtime") == s["loop"]["realtime"]
    assert m.get("fairlead_probe_targets") == s["probes"]["targets"]
    for v in s["verdicts"]:
        labels = {"verdict": v["name"], "action": v["action"]}
        if v["name"] == RESTLESS:
            continue
        assert m.get("fairlead_packets_total", **labels) == v["packets"]
        assert m.get("fairlead_packet_bytes_total", **labels) == v["bytes"]
    assert len(m.all("fairlead_packets_total")) == len(s["verdicts"])
    assert {x["note"]: v for x, v in m.all("fairlead_notes_total")} == \
        {x["name"]: x["packets"] for x in s["notes"]}
    assert {x["interface"]: v for x, v in m.all("fairlead_interface_attached")} == \
        {x["name"]: x["ifindex"] != 0 for x in s["interfaces"]}
    assert m.get("fairlead_records") == s["records"]["flows"]
    assert m.get("fairlead_records_limit") == s["records"]["room"]
    assert m.get("fairlead_records_deleted_total") == s["records"]["deleted"]
    assert m.get("fairlead_nat_records") == s["nat"]["flows"]
    assert m.get("fairlead_nat_records_deleted_total") == s["nat"]["deleted"]
    for what in ("compute", "commit"):
        name, t = f"fairlead_table_{what}_seconds", s["tables"][what]
        assert m.get(f"{name}_count") == m.get(f"{name}_bucket", le="+Inf") == t["count"]
        assert m.get(f"{name}_sum") == pytest.approx(t["mean_us"] * t["count"] / 1e6, abs=1e-6)
        below = sum(b["count"] for b in t["buckets"] if b["below_us"] <= 1024)
        assert m.get(f"{name}_bucket", le="0.001024") == below


def agree_services(m, s):
    """Services and backends."""
    assert len(m.all("fairlead_service_info")) == len(s["services"])
    for v in s["services"]:
        name = v["name"]
        assert m.get("fairlead_service_info", service=name, vip=v["vip"], ports=v["ports"],
                     protocol=v["protocol"], forward=v["forward"]) == 1
        move = v["transition"]
        for family, value in (
                ("packets_total", v["packets"]), ("bytes_total", v["bytes"]),
                ("backends_usable", v["usable"]), ("backends_min_up", v["min_up"]),
                ("serving", v["enough"] and not v["slots_unserved"]),
                ("backends_disputed", sum((b["quorum"] or {}).get("disputed", 0) for b in v["backends"])),
                ("slots", v["slots"]), ("slots_unserved", v["slots_unserved"]),
                ("slots_moving", move["moving"]), ("slots_pinned", move["pinned"]),
                ("slots_waiting", move["waiting"]), ("seats_vacant", v["seats_vacant"]),
                ("tables_total", v["generation"]), ("records", move["records"]),
                ("panic", v["health"]["panic"]), ("backups_used", v["health"]["backups"])):
            assert m.get(f"fairlead_service_{family}", service=name) == value, family
        states = {x["state"]: n for x, n in m.all("fairlead_service_backends")
                  if x["service"] == name}
        assert len(states) == 8 and sum(states.values()) == len(v["backends"])
        for b in v["backends"]:
            assert states[b["state"]] == sum(o["state"] == b["state"] for o in v["backends"])
            agree_backend(m, name, b)
    total = sum(len(v["backends"]) for v in s["services"])
    assert len(m.all("fairlead_backend_info")) == len(m.all("fairlead_backend_state")) == total


def agree_backend(m, name, b):
    """One backend of a service, and its entry."""
    labels = {"service": name, "backend": b["id"]}
    assert m.get("fairlead_backend_state", state=b["state"], **labels) == 1
    for family, value in (
            ("weight", b["weight"]), ("weight_ratio", b["parts"]), ("slots", b["slots"]),
            ("slots_leaving", b["slots_leaving"]), ("records", b["records"]),
            ("flaps", b["flaps"]), ("nexthop_resolved", b["nexthop"]["resolved"]),
            ("probe_success", b["probe"]["ok"]), ("probe_failures_total", b["probes_failed"]),
            ("usable", b["state"] == "up")):
        assert m.get(f"fairlead_backend_{family}", **labels) == value, family
    (entry,) = [x["entry"] for x, _ in m.all("fairlead_backend_info")
                if x["service"] == name and x["backend"] == b["id"]]
    at = {"backend": b["id"], "address": b["address"], "entry": entry}
    assert m.get("fairlead_backend_packets_total", **at) == b["packets"]
    assert m.get("fairlead_backend_bytes_total", **at) == b["bytes"]
    assert b["packets"] > 0
    if b["passive"]:
        assert m.get("fairlead_backend_passive_alarms_total", **labels) == b["passive"]["alarms"]
        for what in ("sampled", "completed", "incomplete", "reset", "repeated"):
            assert m.get(f"fairlead_backend_syns_{what}_total", **at) == b["passive"][what], what


def agree_network(m, s):
    """VRRP, BFD, routes and peers."""
    for g in s["vrrp"]["groups"]:
        labels = {"group": g["name"], "interface": g["interface"]}
        for state in ("initialize", "backup", "active"):
            assert m.get("fairlead_vrrp_state", state=state, **labels) == (state == g["state"])
        for key in ("priority", "priority_configured", "addresses_differ", "handed_over"):
            assert m.get(f"fairlead_vrrp_{key}", **labels) == g[key]
        assert m.get("fairlead_vrrp_transitions_total", **labels) == g["transitions"]
        for what in ("fault", "send_error", "announce_error", "address_error", "device_error"):
            assert m.get("fairlead_vrrp_trouble", what=what, **labels) == bool(g[what])
    assert {x["reason"]: v for x, v in m.all("fairlead_vrrp_ignored_total")} == s["vrrp"]["ignored"]
    for b in s["bfd"]["sessions"]:
        labels = {"peer": b["peer"], "interface": b["interface"]}
        assert m.get("fairlead_bfd_up", **labels) == (b["state"] == "up")
        assert m.get("fairlead_bfd_detection_seconds", **labels) == b["detection_ms"] / 1e3
        for key, field in (("ups", "ups"), ("downs", "downs"), ("packets_received", "received")):
            assert m.get(f"fairlead_bfd_{key}_total", **labels) == b[field]
    assert {x["reason"]: v for x, v in m.all("fairlead_bfd_refused_total")} == s["bfd"]["refused"]
    assert m.get("fairlead_bfd_dropped_total") == s["bfd"]["dropped"]
    assert {x["vip"]: v for x, v in m.all("fairlead_vip_announced")} == \
        {x["vip"]: x["announced"] for x in s["anycast"]["vips"]}
    for p in s["peers"]["list"]:
        assert m.get("fairlead_peer_up", peer=p["name"]) == (p["state"] == "up")
        assert m.get("fairlead_peer_sync_lag", peer=p["name"]) == p["sync"]["lag"]
        assert m.get("fairlead_peer_rtt_seconds", peer=p["name"]) == p["rtt_us"] / 1e6
        for key in ("told", "heard", "taken", "unknown"):
            assert m.get(f"fairlead_peer_records_{key}_total", peer=p["name"]) == p["records"][key]
        assert m.get("fairlead_peer_records_lag", peer=p["name"]) == p["records"]["lag"]
        for side in ("ours", "theirs"):
            assert m.get("fairlead_peer_records_complete", peer=p["name"], records=side) == p["records"][side]["complete"]
        assert m.get("fairlead_peer_disputes", peer=p["name"]) == len(p["disputes"])
        assert {x["reason"]: v for x, v in m.all("fairlead_peer_refused_total")
                if x["peer"] == p["name"]} == p["refused"]
    assert m.get("fairlead_peer_strangers_total") == s["peers"]["strangers"]


def agrees(lab, *checks):
    """Whether metrics and status say the same, once nothing moves between the two."""
    for _ in range(50):
        m, s = scrape(lab), lab.status()
        try:
            for check in checks:
                check(m, s)
            return m, s
        except AssertionError as e:
            error = e
    raise error


def test_values(lab):
    """Every metric is what status says, after traffic, a failure and a refused configuration."""
    lab.configure(everything(lab))
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_serving("other")
    lab.wait_for(lambda: lab.status()["vrrp"]["groups"][0]["state"] == "active", 5, "the group")
    lab.fetch_many("http://192.0.2.10/", 48)
    lab.fetch_many("http://192.0.2.10:8080/", 24)
    lab.cli("drain", "b2", "--service", "other")
    lab.configure("nonsense: 1\n")
    assert lab.cli("config", "apply", check=False).returncode != 0
    lab.wait_for(lambda: len(scrape(lab).all("fairlead_backend_syns_sampled_total")) == 3, 5,
                 "new connections to be watched")
    m, s = agrees(lab, agree_agent, agree_services, agree_network)
    before = lab.verdicts()[RESTLESS]
    seen = lab.wait_for(lambda: (lambda n: n if n >= before else None)(
        scrape(lab).get("fairlead_packets_total", verdict=RESTLESS, action="pass")), 3, "a tick")
    assert before <= seen <= lab.verdicts()[RESTLESS]
    assert m.get("fairlead_config_refusals_total") == 1
    assert m.get("fairlead_config_last_apply_successful") == 0
    assert m.get("fairlead_service_packets_total", service="web") > 48
    assert m.get("fairlead_service_backends", service="other", state="draining") == 1
    assert s["services"][0]["backends"][0]["probes_ok"] > 2
    assert m.get("fairlead_probe_duration_seconds_count", service="web") >= 6
    assert m.get("fairlead_backend_probes_total", service="web", backend="b1") >= 2


def test_format(lab):
    """promtool finds nothing to say."""
    lab.configure(everything(lab))
    lab.start_agent()
    lab.wait_serving("web")
    m = scrape(lab)
    r = subprocess.run(["promtool", "check", "metrics"], input=m.text, text=True, check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (r.returncode, r.stdout) == (0, "")


def test_many_backends(lab):
    """At 4 096 backends the text is some milliseconds of work, and made once a second, however many ask."""
    backends = [(f"b{i}", f"10.200.{i // 250}.{i % 250 + 1}", 100) for i in range(4096)]
    lab.configure(head(lab) + "services:\n" + service(
        backends=backends, probe="{type: tcp, interval: 1m, fast_interval: 1m, timeout: 1s}"))
    lab.start_agent()
    texts, asked = [get(lab, "/metrics")[1]], 0
    began = time.monotonic()
    while len(texts) < 5:
        text = get(lab, "/metrics")[1]
        asked += 1
        if text != texts[-1]:
            texts.append(text)
        assert time.monotonic() < began + 20 * PATIENCE
    assert time.monotonic() - began > 3 and asked > 5
    assert texts[-1].count("\nfairlead_backend_info{") == 4096
    times = [float(t.split("\nfairlead_metrics_render_seconds ")[1]) for t in texts]
    print(f"{len(texts[-1])} bytes in {min(times) * 1e3:.1f} to {max(times) * 1e3:.1f} ms")
    assert min(times) < 0.025
