# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Prometheus reads the running agent, and what is shipped for it holds."""
import glob
import json
import re
import subprocess
import urllib.parse

import pytest
from conftest import ROOT, service
from lab.prom import Metrics
from test_docs import read
from test_metrics import LISTEN, everything, head, scrape

RULES = "configs/prometheus/fairlead.rules.yml"
METRIC = re.compile(r"\bfairlead_[a-z_]+")
PROMETHEUS = "127.0.0.1:9090"


def promtool(*argv, stdin=None):
    """What promtool says, which has to be good."""
    r = subprocess.run(["promtool", *argv], input=stdin, text=True, check=False, cwd=ROOT,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert r.returncode == 0, r.stdout
    return r.stdout


def test_rules():
    """The alert rules are right, and each of them fires when it should, and not before."""
    assert re.search(r"SUCCESS: \d\d rules found", promtool("check", "rules", RULES))
    tests = sorted(glob.glob(f"{ROOT}/tests/alerts/*_test.yml"))
    promtool("test", "rules", *tests)
    asked = re.findall(r"^        alertname: (\w+)\n        exp_alerts:( \[\])?$", "".join(map(read, tests)), re.M)
    alerts = set(re.findall(r"^      - alert: (\w+)$", read(RULES), re.M))
    assert {name for name, none in asked if none} == {name for name, none in asked if not none} == alerts
    promtool("check", "config", "configs/prometheus/prometheus.yml")


def queries(lab):
    """Every expression that is shipped, with the dashboard's variables filled in."""
    for expr in re.findall(r"^        expr: (?:\|\n((?:          .*\n)+)|(.*)\n)", read(RULES), re.M):
        # Alerts compare; what is to be there is what they look at.
        yield expr[0] or expr[1]
    for panel in json.loads(read("configs/grafana/fairlead.json"))["panels"]:
        for target in panel.get("targets", ()):
            yield (target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
                   .replace("$service", ".*"))


def base(name, known):
    """The family of a sample's name."""
    return name if name in known else re.sub("_(bucket|sum|count)$", "", name)


def test_pages(lab):
    """docs/metrics.md has each metric with its type and labels, rules and dashboard use no other."""
    lab.configure(everything(lab))
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_for(lambda: scrape(lab).all("fairlead_vip_announced"), 3, "the routes")
    m = scrape(lab)
    found = {}
    for (name, labels), _ in m.samples.items():
        keys = frozenset(k for k, _ in labels) - {"le"}
        found[base(name, m.types)] = (m.types[base(name, m.types)], keys)
    told = {}
    for name, kind, labels in re.findall(r"^\| `(fairlead_\w+)` \| (\w+) \| ([^|]*) \|",
                                         read("docs/metrics.md"), re.M):
        told[name] = (kind, frozenset(re.findall(r"`(\w+)`", labels)))
    # No peer answers here: test_peers.py has a sample.
    assert told.pop("fairlead_peer_clock_skew_seconds") == ("gauge", {"peer"})
    assert told == found
    for expr in queries(lab):
        for name in METRIC.findall(expr):
            assert base(name, m.types) in m.types, expr


def ask(lab, path, **params):
    """An answer of Prometheus's own API."""
    out = lab.inside("lb", "curl", "-s", "-g", "--max-time", "5",
                     f"http://{PROMETHEUS}/api/v1/{path}?{urllib.parse.urlencode(params)}", check=False)
    return json.loads(out)["data"] if out else None


@pytest.fixture
def prometheus(lab):
    """One on the balancer that reads it every half second, with the shipped rules."""
    folder = f"{lab.folder}/prometheus"
    subprocess.run(["rm", "-rf", folder], check=True)
    subprocess.run(["mkdir", "-p", folder], check=True)
    with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as f:
        f.write(f"global: {{evaluation_interval: 500ms}}\nrule_files: [{ROOT}/{RULES}]\n"
                "scrape_configs:\n  - {job_name: fairlead, scrape_interval: 500ms, scrape_timeout: 500ms, "
                f"static_configs: [{{targets: [\"{LISTEN}\"]}}]}}\n")
    p = lab.procs.start("prometheus", [
        "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={PROMETHEUS}"], netns=lab.ns("lb"), log=f"{folder}/log")
    yield lab
    lab.procs.end(p)


def test_scraped(prometheus):
    """What it has read is what status says, its queries answer, and an alert comes of a dead service."""
    lab = prometheus
    lab.configure(head(lab) + "services:\n" + service(passive="true"))
    lab.start_agent()
    lab.wait_serving("web")
    lab.wait_for(lambda: ask(lab, "query", query="up == 1")["result"], 20, "a scrape")
    lab.fetch_many("http://192.0.2.10/", 60)
    packets = lab.status()["services"][0]["packets"]
    lab.wait_for(lambda: float(ask(lab, "query", query='fairlead_service_packets_total{service="web"}')
                               ["result"][0]["value"][1]) == packets, 10, "the packets")
    series = ask(lab, "query", query='{__name__=~"fairlead_.*"}')["result"]
    now = scrape(lab)
    assert {r["metric"]["__name__"] for r in series} == {name for name, _ in now.samples}
    for b in lab.status()["services"][0]["backends"]:
        (r,) = ask(lab, "query", query="fairlead_backend_packets_total * on (entry, instance) group_left"
                   f'(service) fairlead_backend_info{{backend="{b["id"]}"}}')["result"]
        assert float(r["value"][1]) == b["packets"] and r["metric"]["service"] == "web"
    for expr in queries(lab):
        assert ask(lab, "query", query=expr) is not None, expr
    for b in lab.backends:
        lab.kill_nginx(b)
    lab.wait_for(lambda: any(a["labels"]["alertname"] == "FairleadServiceDown"
                             and a["labels"]["service"] == "web"
                             for a in ask(lab, "alerts")["alerts"]), 10, "the alert")
