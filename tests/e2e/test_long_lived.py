# SPDX-License-Identifier: GPL-2.0-or-later
"""The short form of tests/bench/transition/tcp.py: connections outlive changes and kills of the agent."""
import json
import os
import subprocess
import sys

from conftest import BUILD, ROOT
from lab.lab import PREFIX


def test_long_lived(tmp_path):
    """300 connections, 12 s of drains, flaps, removals, weights and kills: none is reset or moved."""
    path = tmp_path / "rows.json"
    env = {**os.environ, "FL_LAB": f"{PREFIX}-tcp", "TRANSITION_SECONDS": "12",
           "TRANSITION_CONNECTIONS": "300"}
    r = subprocess.run([sys.executable, "-B", f"{ROOT}/tests/bench/transition/tcp.py", BUILD, str(path),
                        "--kill"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=120, check=False)
    assert r.returncode == 0, r.stdout
    rows = {row["name"].rpartition(", ")[2]: row["value"] for row in json.loads(path.read_text())}
    assert rows["opened"] >= 300 and rows["exchanges"] > 600, rows
