#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs to ask thousands of servers by HTTP every second, and whether they are asked in time.

usage: scale.py BUILD RESULT.json

Two network namespaces and a cable. Behind it nginx answers on all addresses of a /16, pinned to one
CPU. On another one the agent and HAProxy (`option httpchk`) ask the same servers by turns, as often,
each time on a new connection. What a host receives is handled by its own CPU (RPS), as if they were
two machines; share.c says what the asking one does. HEALTH_BACKENDS (10000), HEALTH_ROUNDS (3),
HEALTH_SECONDS (10, of a turn).
"""
import http.client
import json
import os
import resource
import shutil
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests"))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
# pylint: disable=wrong-import-position
from lab import bpffs
from lab.lab import Lab
from lab.procs import children
from lab.topology import run
from rows import QUICK, row, save

BACKENDS = int(os.environ.get("HEALTH_BACKENDS", 50 if QUICK else 10000))
ROUNDS = int(os.environ.get("HEALTH_ROUNDS", 2 if QUICK else 3))
SECONDS = float(os.environ.get("HEALTH_SECONDS", 2 if QUICK else 10))
SETTLE_S = 1 if QUICK else 4
PER_SERVICE = 1000
CPUS = {"lb": 0, "srv": os.cpu_count() - 1}
ADDRESSES = {"lb": "10.79.0.1", "srv": "10.79.0.2"}
FILES = min(2 * BACKENDS + 1000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
NICE = "-19"  # what else runs on the machine is not to decide who is asked in time
HTTP = "{type: http, path: /, interval: 1s}"
NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
worker_rlimit_nofile {files};
events {{ worker_connections {files}; multi_accept on; }}
http {{
	access_log off;
	client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
	uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
	server {{
		listen 80 backlog=65535;
		location / {{ default_type text/plain; return 200 "ok\\n"; }}
	}}
}}
"""
HAPROXY = """\
global
	nbthread 1
	maxconn 100
	fd-hard-limit {files}
	stats socket {dir}/haproxy.sock
defaults
	mode http
	timeout connect 1s
	timeout client 1s
	timeout server 1s
	option httpchk
	http-check send meth GET uri /
	default-server inter 1s
"""


def address(n):
    """Of the nth backend."""
    return f"10.80.{n // 250}.{n % 250 + 1}"


def on_cpu(host):
    """What to begin a command with, so that it runs on its host's CPU, and first there."""
    # Of two sessions with autogroups, the groups' niceness counts.
    return ["sh", "-c", f"echo {NICE} 2>/dev/null >/proc/self/autogroup; exec nice -n {NICE} taskset -c "
            f"{CPUS[host]} \"$@\"", "sh"]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the agent's socket."""

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


def memory_kb(pid):
    """Memory of a process; pages that it shares count in part."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        return sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))


class Net(Lab):
    """Two hosts and a cable; `lb` asks, `srv` answers."""

    def __init__(self, build):
        super().__init__(os.environ.get("FL_LAB", "fl-health"), build, f"{build}/health-scale")
        self.haproxy = None

    def up(self):
        os.makedirs(self.folder, exist_ok=True)
        self.clean()
        for host in CPUS:
            self._host(host)
        self.ip("lb", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.ns("srv"))
        for host, ip in ADDRESSES.items():
            self.inside(host, "ethtool", "-K", "eth0", "tx", "off", "gro", "on")
            self.ip(host, "addr", "add", f"{ip}/24", "dev", "eth0")
            self.ip(host, "link", "set", "eth0", "up")
            self.sysctl(host, core__somaxconn="65535", ipv4__tcp_max_syn_backlog="65535",
                        ipv4__ip_local_port_range="1024 65535")
        for host, cpu in CPUS.items():
            # /sys shows the devices of the namespace in which it was mounted.
            self.inside(host, "unshare", "-m", "sh", "-c", f"mount -t sysfs none /sys && "
                        f"echo {1 << cpu:x} > /sys/class/net/eth0/queues/rx-0/rps_cpus")
        self.ip("srv", "route", "add", "local", "10.80.0.0/16", "dev", "lo")
        self.ip("lb", "route", "add", "10.80.0.0/16", "via", ADDRESSES["srv"])

    def start_servers(self):
        """nginx on all addresses."""
        with open(f"{self.folder}/nginx.conf", "w", encoding="utf-8") as f:
            f.write(NGINX.format(dir=self.folder, files=FILES))
        p = self.procs.start("nginx", [*on_cpu("srv"),
                                       shutil.which("nginx") or "/usr/sbin/nginx", "-p", self.folder, "-c",
                                       f"{self.folder}/nginx.conf"], netns=self.ns("srv"),
                             log=f"{self.folder}/nginx.log")
        self.wait_for(lambda: children(p.pid), 5, "nginx")
        for pid in children(p.pid):
            self.procs.note(pid, "nginx-worker")

    def accepted(self):
        """Connections that the servers have got so far: what is asked, as the other side counts it."""
        lines = [line.split() for line in self.inside("srv", "cat", "/proc/net/snmp").splitlines()
                 if line.startswith("Tcp:")]
        return int(dict(zip(*lines))["PassiveOpens"])

    # --- the agent ------------------------------------------------------------------------------------

    def write_config(self, n, probe):
        """n backends, up to PER_SERVICE of them in a service."""
        text = self.head()
        for first in range(0, n, PER_SERVICE):
            text += ("services:\n" if not first else "") + (
                f"  - name: s{first}\n    vip: 192.0.2.{1 + first // PER_SERVICE}\n    port: 80\n"
                f"    forward: ipip\n    probe: {probe}\n    backends:\n")
            text += "".join(f"      - {{id: b{i}, address: {address(i)}}}\n"
                            for i in range(first, min(first + PER_SERVICE, n)))
        self.configure(text)

    def timings(self):
        """What the agent says of its own pace."""
        c = UnixConnection(self.socket)
        c.request("GET", "/v1/timings")
        answer = json.loads(c.getresponse().read())
        c.close()
        return answer

    def start_fairlead(self, n, probe=HTTP):
        """The agent with n backends, all of them up; its pid."""
        self.write_config(n, probe)
        self.start_agent(120, wrapper=on_cpu("lb"))
        self.wait_for(lambda: all(b["state"] == "up" for s in self.status()["services"]
                                  for b in s["backends"]), 60, "all backends to be up")
        return self.agent.pid

    # --- HAProxy --------------------------------------------------------------------------------------

    def haproxy_up(self):
        """How many servers it has found well."""
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(f"{self.folder}/haproxy.sock")
            except OSError:
                return -1
            s.sendall(b"show stat -1 4 -1\n")
            said = b""
            while chunk := s.recv(65536):
                said += chunk
        return sum(line.split(",")[17] == "UP" for line in said.decode().splitlines()
                   if line.count(",") > 17)

    def start_haproxy(self, n):
        """HAProxy with n servers, all of them up; its pid."""
        text = HAPROXY.format(dir=self.folder, files=FILES)
        for first in range(0, n, PER_SERVICE):
            text += f"backend s{first}\n" + "".join(
                f"	server b{i} {address(i)}:80 check\n" for i in range(first, min(first + PER_SERVICE, n)))
        with open(f"{self.folder}/haproxy.cfg", "w", encoding="utf-8") as f:
            f.write(text)
        p = self.procs.start("haproxy", [*on_cpu("lb"),
                                         shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f",
                                         f"{self.folder}/haproxy.cfg"],
                             netns=self.ns("lb"), log=f"{self.folder}/haproxy.log")
        self.haproxy = p
        self.wait_for(lambda: p.poll() is not None or self.haproxy_up() == n, 60, "HAProxy's servers to be up")
        if p.poll() is not None:
            raise RuntimeError(f"haproxy ended with {p.returncode}, see {self.folder}/haproxy.log")
        return p.pid


def late_ms(before, after, share):
    """The time after its due that `share` of the tries between two looks began within, milliseconds."""
    counts = {b["below_us"]: b["count"] for b in after["buckets"]}
    for b in before["buckets"]:
        counts[b["below_us"]] = counts.get(b["below_us"], 0) - b["count"]
    wanted, n = share * sum(counts.values()), 0
    for below_us, count in sorted(counts.items()):
        n += count
        if n >= wanted:
            return below_us / 1000
    raise RuntimeError("no probe has begun")


class Turn:
    """A program that asks, watched for a while: shares of its CPU in percent, connections a second."""

    def __init__(self, net, pid):
        time.sleep(SETTLE_S)
        began, got = time.monotonic(), net.accepted()
        share = json.loads(run(f"{net.build}/tests/health/share", str(CPUS["lb"]), str(SECONDS), str(pid)))
        self.rate = (net.accepted() - got) / (time.monotonic() - began)
        self.own, self.softirq, self.others = (100 * share[k] for k in ("own", "softirq", "others"))
        self.cpu = self.own + self.softirq
        print(f"  {self.rate:.0f}/s, its threads {self.own:.1f} %, softirq {self.softirq:.1f} %, others "
              f"{self.others:.1f} %", flush=True)


def measure(net):
    """All rows."""
    ours, theirs, late = [], [], {"p50": [], "p99": [], "max": []}
    empty = memory_kb(net.start_fairlead(0))
    net.stop_agent()
    memory = []
    for i in range(ROUNDS):
        print(f"  round {i + 1} of {ROUNDS}: fairlead", flush=True)
        pid = net.start_fairlead(BACKENDS)
        time.sleep(SETTLE_S)
        before = net.timings()["probes"]["late"]
        ours.append(Turn(net, pid))
        after = net.timings()["probes"]["late"]
        for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)):
            late[name].append(late_ms(before, after, share))
        memory.append((memory_kb(pid) - empty) / BACKENDS)
        net.stop_agent()
        print(f"  round {i + 1} of {ROUNDS}: HAProxy", flush=True)
        theirs.append(Turn(net, net.start_haproxy(BACKENDS)))
        net.procs.end(net.haproxy)
    name = f"scale: {BACKENDS} http backends at 1 s"
    rows = [row(f"{name}, fairlead's threads and their softirq", "% of a core", [t.cpu for t in ours], 60)]
    for who, turns in (("fairlead", ours), ("HAProxy", theirs)):
        rows += [row(f"{name}, {who}'s threads", "% of a core", [t.own for t in turns]),
                 row(f"{name}, softirq beside {who}", "% of a core", [t.softirq for t in turns]),
                 row(f"{name}, {who}'s connections", "a second", [t.rate for t in turns]),
                 row(f"{name}, other processes beside {who}", "% of a core", [t.others for t in turns])]
    rows += [row(f"{name}, HAProxy's threads and their softirq", "% of a core", [t.cpu for t in theirs]),
             row(f"{name}, fairlead over HAProxy, for a connection", "x",
                 [a.cpu / a.rate / (b.cpu / b.rate) for a, b in zip(ours, theirs)]),
             row(f"{name}, probes' lateness, half", "ms", late["p50"]),
             row(f"{name}, probes' lateness, 99 %", "ms", late["p99"], 50),
             row(f"{name}, probes' lateness, worst", "ms", late["max"]),
             row(f"{name}, memory of the agent", "KB a backend", memory, 10)]
    return rows


def main(build, path):
    """A lab that is removed whatever happens."""
    net = Net(os.path.abspath(build))
    bpffs.mount_if_missing(net.folder)
    try:
        net.up()
        net.start_servers()
        rows = measure(net)
    finally:
        net.down()
    save(rows, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
