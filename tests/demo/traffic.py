# SPDX-License-Identifier: GPL-2.0-or-later
"""The demo's traffic: wrk for pressure, samplers that know when each request was made and who answered.

Both use one connection a request. wrk runs throughout, a new count for each phase of the story.
"""
import collections
import datetime
import os
import re
import shutil
import signal
import sys
import time

from lab.topology import VIP4, VIP4_B

SAMPLES_PER_S = 100
SERVICES = {"web": VIP4, "tunnel": VIP4_B}


class Failed:
    """What a phase cost: wrk's errors, and the samplers' failures with the times they began."""

    def __init__(self, wrk_errors, wrk_requests, times, reasons, samples):
        self.wrk_errors = wrk_errors
        self.wrk_requests = wrk_requests
        self.times = times
        self.reasons = reasons
        self.samples = samples
        self.total = wrk_errors + len(times)

    def text(self):
        """For people."""
        why = [f"{self.wrk_errors} wrk"] if self.wrk_errors else []
        why += [f"{n} {r}" for r, n in self.reasons.items()]
        return (f"{self.total} of {self.wrk_requests + self.samples}" +
                (f" ({', '.join(why)})" if why else ""))


class Traffic:
    """Starts and stops clients in the lab's client namespace."""

    def __init__(self, lab, connections):
        self.lab = lab
        self.connections = connections
        self.samplers = []
        self.wrk = None
        self.phase_began = 0.0
        self.phase = 0

    def _file(self, name):
        return f"{self.lab.folder}/{name}.samples"

    def start(self):
        """One sampler a service."""
        script = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "lab",
                              "sampler.py")
        for name, vip in SERVICES.items():
            if os.path.exists(self._file(name)):
                os.unlink(self._file(name))
            self.samplers.append(self.lab.procs.start(
                f"sampler-{name}", [sys.executable, script, vip, "80", str(SAMPLES_PER_S),
                                    self._file(name)],
                netns=self.lab.ns("client"), log=f"{self.lab.folder}/sampler.log"))

    def new_phase(self):
        """wrk starts to count from zero."""
        self.phase += 1
        self.phase_began = time.time()
        log = f"{self.lab.folder}/wrk-{self.phase}.log"
        if os.path.exists(log):
            os.unlink(log)
        self.wrk = self.lab.procs.start(
            "wrk", [shutil.which("wrk") or "wrk", "-t1", f"-c{self.connections}", "-d600s",
                    "-H", "Connection: close", f"http://{VIP4}/"],
            netns=self.lab.ns("client"), log=log)
        self.settle(0.3)

    def end_phase(self):
        """What the phase cost."""
        self.settle(0.3)
        self.lab.procs.end(self.wrk, signal.SIGINT)
        with open(f"{self.lab.folder}/wrk-{self.phase}.log", encoding="utf-8") as f:
            text = f.read()
        requests = re.search(r"(\d+) requests in", text)
        if not requests:
            raise RuntimeError(f"wrk did not report: {text.strip()}")
        errors = sum(int(n) for line in re.findall(r"Socket errors: .*", text)
                     for n in re.findall(r"(\d+)", line))
        errors += sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
        rows = self._rows(self.phase_began)
        bad = [(t, who) for _, t, who in rows if who.startswith("!")]
        return Failed(errors, int(requests.group(1)), [t for t, _ in bad],
                      collections.Counter(who[1:] for _, who in bad), len(rows))

    @staticmethod
    def settle(seconds):
        """Lets the traffic go on."""
        time.sleep(seconds)

    def _rows(self, since):
        rows = []
        for name in SERVICES:
            try:
                with open(self._file(name), encoding="utf-8") as f:
                    for line in f:
                        began, _, who = line.rstrip("\n").split(" ", 2)
                        if float(began) >= since:
                            rows.append((name, float(began), who))
            except FileNotFoundError:
                pass
        return rows

    def shares(self, since):
        """{service: {backend: answers}} of requests made since then."""
        shares = {name: collections.Counter() for name in SERVICES}
        for name, _, who in self._rows(since):
            if not who.startswith("!"):
                shares[name][who] += 1
        return shares

    @staticmethod
    def parse_time(text):
        """The API's time stamps as seconds since the epoch."""
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    def stop(self):
        """Ends the samplers."""
        for p in self.samplers:
            self.lab.procs.end(p)
