# SPDX-License-Identifier: GPL-2.0-or-later
"""fairlead doctor on the balancer: what it finds, and the commands that it prints."""
import json
import os
import subprocess

from .lab import PATIENCE


def doctor(lab, *argv, env=None, shell=()):
    """(exit status, document) of a run on the balancer."""
    r = subprocess.run(["nsenter", f"--net=/run/netns/{lab.ns('lb')}", *shell, f"{lab.build}/fairlead", "-s",
                        lab.socket, "doctor", "--json", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       text=True, check=False, timeout=30 * PATIENCE, env=env)
    assert r.stderr == "" and r.returncode in (0, 1, 2), r.stderr
    return r.returncode, json.loads(r.stdout)


def found(lab, check, *argv):
    """The findings of one check that are not ok."""
    document = doctor(lab, *argv)[1]
    assert any(f["check"] == check for f in document["findings"]), f"{check} was not looked at"
    return [f for f in document["findings"] if f["check"] == check and f["level"] != "ok"]


def only(findings):
    """The one finding that there is."""
    assert len(findings) == 1, findings
    return findings[0]


def mend(lab, finding):
    """Runs the command that a finding names, as it stands there."""
    environment = {**os.environ, "PATH": f"{lab.build}:{os.environ['PATH']}"}
    r = subprocess.run(["nsenter", f"--net=/run/netns/{lab.ns('lb')}", "sh", "-c", finding["fix"]], check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, timeout=30)
    assert r.returncode == 0, f"{finding['fix']}: {r.stdout}"
