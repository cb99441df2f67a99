# SPDX-License-Identifier: GPL-2.0-or-later
"""`fairlead explain` by any agent of a lab, and connections of the client to ask it of."""
import json
import subprocess

from .lab import PATIENCE
from .topology import VIP4, v4, v6


def page(one, *argv, build=None):
    """What it says to people; `one` has a socket."""
    return subprocess.run([f"{build or one.lab.build}/fairlead", "-s", one.socket, "explain", *argv], check=True,
                          stdout=subprocess.PIPE, text=True, timeout=30 * PATIENCE).stdout


def explain(one, *argv, build=None):
    """And to programs."""
    return json.loads(page(one, "--json", *argv, build=build))


def flow(client_port, port=80, vip=VIP4, host="client"):
    """SOURCE and DESTINATION."""
    client = v6(host) if ":" in vip else v4(host)
    return [f"[{client}]:{client_port}" if ":" in vip else f"{client}:{client_port}",
            f"[{vip}]:{port}" if ":" in vip else f"{vip}:{port}"]


def open_ports(lab, port, vip=VIP4):
    """Ports of the client's connections to a VIP's port."""
    out = lab.inside("client", "ss", "-Htn", "state", "established", "dst", f"[{vip}]" if ":" in vip else vip,
                     "dport", "=", f":{port}")
    return [int(line.split()[2].rsplit(":", 1)[1]) for line in out.splitlines()]
