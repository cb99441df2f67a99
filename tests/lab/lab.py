# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab: the topology with an agent on `lb` and nginx on the backends."""
import glob
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import time

from . import bpffs
from .procs import Procs, children, start_time
from .topology import Topology, run

# How many times longer than on a real machine to wait: more where the processor is emulated.
PATIENCE = float(os.environ.get("FL_PATIENCE", "1"))

# What a build with SAN=1 says of the agent, at the latest when that ends.
SANITIZER = re.compile("ERROR: (Address|Leak)Sanitizer|runtime error:")

# Where several of pytest's workers run tests, each has a lab of its own.
PREFIX = os.environ.get("FL_LAB", "fl-e2e") + os.environ.get("PYTEST_XDIST_WORKER", "").replace("gw", "")

NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 1024; }}
http {{
	access_log off;
	client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
	uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
	server {{
		{listen}
		client_max_body_size 16m;
		location / {{ default_type text/plain; return 200 "{name}\\n"; }}
		location /port {{ default_type text/plain; return 200 "$server_port\\n"; }}
		location /client {{ default_type text/plain; return 200 "$remote_addr\\n"; }}
		location /health {{ default_type text/plain; root {dir}/www; }}
	}}
}}
"""

PORTS = (80, 8000, 8001, 8080)  # where nginx listens, both families


class Lab(Topology):
    """Runs in `folder` (below the build folder); everything it starts is on record there."""

    def __init__(self, prefix, build, folder, instance=None):
        super().__init__(prefix, os.path.abspath(build))
        self.folder = os.path.abspath(folder)
        self.instance = instance or prefix
        self.config_path = f"{self.folder}/fairlead.yaml"
        self.socket = f"{self.folder}/api.sock"
        self.agent_log = f"{self.folder}/fairleadd.log"
        self.procs = Procs(f"{self.folder}/pids")
        self.agent = None
        self.nginx = {}

    # --- life -------------------------------------------------------------------------------------

    def up(self):
        os.makedirs(self.folder, exist_ok=True)
        self.clean()
        super().up()

    def clean(self):
        """Removes what this or an earlier run left: processes, namespaces, pins."""
        self.procs.end_recorded()
        self.remove_pins()
        self.remove()

    def down(self):
        self.clean()
        bpffs.unmount_if_ours(self.folder)

    def forget(self):
        """The journal of earlier agents goes, and what they set aside."""
        for path in glob.glob(f"{self.folder}/journal.db*"):
            os.unlink(path)

    def remove_pins(self):
        """What `fairleadd --detach` does, without needing a binary or a configuration."""
        root = f"/sys/fs/bpf/fairlead/{self.instance}"
        if glob.glob(f"{root}/v*/dispatched/*"):
            # Where the hook is shared, pins alone do not hold the program.
            config = f"{self.folder}/detach.yaml"
            with open(config, "w", encoding="utf-8") as f:
                f.write(self.head())
            self.inside("lb", f"{self.build}/fairleadd", "--detach", "-c", config)
        if os.path.isdir(root):
            shutil.rmtree(root)
            try:
                os.rmdir("/sys/fs/bpf/fairlead")
            except OSError:
                pass  # another instance lives there

    # --- agent --------------------------------------------------------------------------------------

    def configure(self, text):
        """Writes the agent's file as editors do: a new file takes the old one's name."""
        tmp = f"{self.config_path}.new"
        with open(tmp, "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(tmp, self.config_path)

    def verdicts(self):
        """{verdict: packets}"""
        return {v["name"]: v["packets"] for v in self.status()["verdicts"]}

    def head(self, **more):
        """The top of a configuration for this lab."""
        lines = [f"instance: {self.instance}", "interfaces: [eth0]",
                 f"api: {{socket: {self.socket}}}", f"journal: {{path: {self.folder}/journal.db}}"]
        lines += [f"{k}: {v}" for k, v in more.items()]
        return "\n".join(lines) + "\n"

    def start_agent(self, patience=30.0, env=None, wrapper=()):
        """Starts fairleadd on lb (behind the command `wrapper`) and waits until its API answers."""
        self.agent = self.procs.start(
            "fairleadd", [*wrapper, f"{self.build}/fairleadd", "-c", self.config_path, "-f"],
            netns=self.ns("lb"), log=self.agent_log, env=env)
        self.wait_for(lambda: self.agent.poll() is not None or self.try_status(), patience,
                      "the agent's API")
        if self.agent.poll() is not None:
            raise RuntimeError(f"fairleadd ended with {self.agent.returncode}:\n{self.log_tail()}")

    def stop_agent(self, sig=signal.SIGTERM):
        """Ends the agent; the data plane stays."""
        return self.procs.end(self.agent, sig)

    def log_tail(self, n=12):
        """The last lines of the agent's log."""
        with open(self.agent_log, encoding="utf-8") as f:
            return "".join(f.readlines()[-n:])

    def cli(self, *argv, check=True):
        """Runs `fairlead`; returns the CompletedProcess."""
        r = subprocess.run([f"{self.build}/fairlead", "-s", self.socket, *argv],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                           timeout=30 * PATIENCE)
        if check and r.returncode:
            raise RuntimeError(f"fairlead {' '.join(argv)}: exit {r.returncode}: {r.stderr}")
        return r

    def status(self):
        """The agent's status document."""
        return json.loads(self.cli("status", "--json").stdout)

    def try_status(self):
        """The same, or None while no agent answers."""
        r = self.cli("status", "--json", check=False)
        return json.loads(r.stdout) if r.returncode == 0 else None

    def counts(self, kind="verdicts"):
        """Packets of each verdict, or of each of the notes."""
        return {v["name"]: v["packets"] for v in self.status()[kind]}

    def backend(self, service, backend):
        """One backend's part of the status."""
        for s in self.status()["services"]:
            if s["name"] == service:
                for b in s["backends"]:
                    if b["id"] == backend:
                        return b
        raise KeyError(f"{service}/{backend}")

    def wait_state(self, service, backend, state, patience=5.0):
        """Waits for a backend's state; returns its part of the status."""
        return self.wait_for(
            lambda: (lambda b: b if b["state"] == state else None)(self.backend(service, backend)),
            patience, f"{service}/{backend} to be {state}")

    def wait_serving(self, service, patience=5.0):
        """Waits until every backend of a service is up and has its slots: verdicts go first."""
        for b in self.backends:
            self.wait_state(service, b, "up", patience)
        self.wait_for(lambda: all(self.backend(service, b)["slots"] for b in self.backends),
                      patience, f"{service}'s slots to follow the verdicts")

    @staticmethod
    def wait_for(what, patience, name):
        """Polls until what() is true; returns its value."""
        deadline = time.monotonic() + patience * PATIENCE
        while True:
            value = what()
            if value:
                return value
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {patience * PATIENCE} s for {name}")
            time.sleep(0.005)

    def pin(self, name):
        """Where a map of the instance is pinned."""
        (root,) = glob.glob(f"/sys/fs/bpf/fairlead/{self.instance}/v*")
        return f"{root}/{name}"

    def pinned(self, name):
        """Is there such a pin?"""
        return os.path.exists(self.pin(name))

    def slot_tables(self):
        """What every slot map holds, live and idle, as bpftool dumps it: {map: text}."""
        root = self.pin("slots")
        return {name: run("bpftool", "map", "dump", "pinned", f"{root}/{name}")
                for name in sorted(os.listdir(root))}

    def _row(self, name, index):
        """A row of a pinned array."""
        key = [str(b) for b in struct.pack("<I", index)]
        row = json.loads(run("bpftool", "-j", "map", "lookup", "pinned", self.pin(name), "key", *key))
        return row["formatted"]["value"] if "formatted" in row else row["value"]

    def owners(self, service=1):
        """Who owns each slot of the service with that number, by id."""
        live = self._row("services", service)["live"] & 1
        raw = bytes(int(b, 16) for b in self._row(f"slots/{service}_{live}", 0))
        indices = [slot & 0x7fff for (slot,) in struct.iter_unpack("<H", raw)]
        ids = {index: self._row("backends", index)["id"] for index in set(indices)}
        return [ids[index] for index in indices]

    # --- backends -------------------------------------------------------------------------------------

    def start_nginx(self, host, health="ok\n"):
        """A real nginx that answers with its host's name; /health serves a file."""
        folder = f"{self.folder}/{host}"
        os.makedirs(f"{folder}/www", exist_ok=True)
        self.set_health(host, health)
        with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as f:
            f.write(NGINX.format(dir=folder, name=host, listen="\n\t\t".join(
                f"listen {p} backlog=1024; listen [::]:{p} backlog=1024;" for p in PORTS)))
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        self.nginx[host] = self.procs.start(f"nginx-{host}",
                                            [binary, "-p", folder, "-c", f"{folder}/nginx.conf"],
                                            netns=self.ns(host), log=f"{folder}/nginx.log")
        self.wait_for(lambda: self._workers(host), 5, f"nginx on {host}")
        for pid in self._workers(host):
            self.procs.note(pid, f"nginx-{host}-worker")

    def set_health(self, host, text):
        """What /health answers; None removes the file (404)."""
        path = f"{self.folder}/{host}/www/health"
        if text is None:
            os.unlink(path)
            return
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def _workers(self, host):
        return children(self.nginx[host].pid)

    def kill_nginx(self, host):
        """Kills master and worker at once, as a crash does: no goodbye, connections are reset."""
        p = self.nginx[host]
        workers = [(w, start_time(w)) for w in self._workers(host)]
        p.kill()
        for pid, began in workers:
            if began and start_time(pid) == began:
                os.kill(pid, signal.SIGKILL)
        p.wait()

    def fetch(self, url, *more, host="client", patience=2):
        """What curl gets, or None."""
        out = run("nsenter", f"--net=/run/netns/{self.ns(host)}", "curl", "-s", "-g", "-m",
                  str(patience * PATIENCE), "-w", "\n%{http_code}", *more, url, check=False)
        body, _, code = out.rpartition("\n")
        return body.strip() if code == "200" else None

    def fetch_many(self, url, n, host="client", patience=2):
        """The same n times, each on a connection of its own: a list of answers."""
        out = run("nsenter", f"--net=/run/netns/{self.ns(host)}", "curl", "-s", "-g", "-m",
                  str(patience * PATIENCE), "-H", "Connection: close", "-w", "\n%{http_code}\n",
                  *[url] * n, check=False)
        words = out.split()
        return [words[i - 1] if w == "200" else None for i, w in enumerate(words) if w.isdigit()]
