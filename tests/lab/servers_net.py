# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers on the lab's backends that probes ask: unbound, librdkafka's mock of Kafka, stubs."""
import os
import re
import signal
import subprocess
import sys

from .topology import v4, v6

STUBS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stubs.py")

UNBOUND = """\
server:
	interface: {v4}
	interface: {v6}
	access-control: 0.0.0.0/0 allow
	access-control: ::/0 allow
	do-daemonize: no
	username: ""
	chroot: ""
	directory: "{folder}"
	pidfile: ""
	use-syslog: no
	num-threads: 1
	module-config: "iterator"
	do-not-query-localhost: no
	local-zone: "example." static
	local-zone: "refused.example." refuse
{data}
remote-control:
	control-enable: no
"""


class Servers:
    """Servers of one test; end() takes them away, stopped ones too."""

    def __init__(self, lab):
        self.lab = lab
        self.running = []

    def start(self, host, name, argv):
        """Any server in the foreground."""
        log = f"{self.lab.folder}/{host}/{name}.log"
        p = self.lab.procs.start(f"{name}-{host}", argv, netns=self.lab.ns(host), log=log)
        self.running.append(p)
        return p

    def listening(self, host, port, what="-ltun"):
        """Waits until somebody listens there."""
        self.lab.wait_for(
            lambda: re.search(rf":{port}\s", self.lab.inside(host, "ss", "-H", what)), 10,
            f"{host} to listen at {port}")

    def unbound(self, host, *records):
        """Authoritative for `example.`: records as in "www.example. A 192.0.2.1"."""
        folder = f"{self.lab.folder}/{host}"
        path = f"{folder}/unbound.conf"
        data = "\n".join(f"\tlocal-data: '{r}'" for r in records)
        with open(path, "w", encoding="utf-8") as f:
            f.write(UNBOUND.format(v4=v4(host), v6=v6(host), folder=folder, data=data))
        p = self.start(host, "unbound", ["/usr/sbin/unbound", "-d", "-c", path])
        self.listening(host, 53)
        return p

    def stub(self, host, kind, port, argument):
        """One of stubs.py."""
        p = self.start(host, kind, [sys.executable, "-B", STUBS, kind, str(port), str(argument)])
        self.listening(host, port)
        return p

    def kafka(self, host, brokers):
        """A cluster on one host: its process, and the ports of its brokers 1, 2, ..."""
        argv = ["nsenter", f"--net=/run/netns/{self.lab.ns(host)}",
                f"{self.lab.build}/tests/kafkamock", v4(host), str(brokers)]
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.lab.procs.note(p.pid, f"kafkamock-{host}")
        self.running.append(p)
        return p, [int(p.stdout.readline()) for _ in range(brokers)]

    def kill(self, p):
        """As a crash: no goodbye."""
        self.running.remove(p)
        p.kill()
        p.wait()
        if p.stdout:
            p.stdout.close()

    @staticmethod
    def hang(p):
        """It holds its sockets and says nothing any more."""
        p.send_signal(signal.SIGSTOP)

    @staticmethod
    def resume(p):
        """It goes on."""
        p.send_signal(signal.SIGCONT)

    def end(self):
        """Kills what still runs."""
        for p in list(self.running):
            self.kill(p)
