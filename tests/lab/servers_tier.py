# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers of whole tiers, as Debian has them: etcd (gRPC), memcached, HAProxy before nginx."""
import socket

from .topology import v4

HAPROXY = """\
global
	stats socket {folder}/haproxy.sock mode 600 level admin
defaults
	mode http
	timeout connect 1s
	timeout client 5s
	timeout server 5s
frontend web
	bind {v4}:8404
	monitor-uri /ready
	monitor fail if {{ nbsrv(nginx) lt 1 }}
	default_backend nginx
backend nginx
	server it {v4}:80
"""


def etcd(servers, host):
    """A cluster of one. Its data stay, for one that is started after it."""
    data = f"{servers.lab.folder}/{host}/etcd"
    clients, peers = f"http://{v4(host)}:2379", f"http://{v4(host)}:2380"
    p = servers.start(host, "etcd", [
        "/usr/bin/etcd", "--data-dir", data, "--unsafe-no-fsync", "--listen-client-urls", clients,
        "--advertise-client-urls", clients, "--listen-peer-urls", peers])
    servers.listening(host, 2379)
    return p


def memcached(servers, host):
    """In the foreground, with 2 MB."""
    p = servers.start(host, "memcached", ["/usr/bin/memcached", "-u", "nobody", "-m", "2", "-l", v4(host)])
    servers.listening(host, 11211)
    return p


def haproxy(servers, host):
    """Before the host's nginx: ready while it has that server."""
    folder = f"{servers.lab.folder}/{host}"
    path = f"{folder}/haproxy.cfg"
    with open(path, "w", encoding="utf-8") as f:
        f.write(HAPROXY.format(v4=v4(host), folder=folder))
    p = servers.start(host, "haproxy", ["/usr/sbin/haproxy", "-db", "-f", path])
    servers.listening(host, 8404)
    return p


def tell_haproxy(lab, host, command):
    """A command of its administrator."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{lab.folder}/{host}/haproxy.sock")
        s.sendall(f"{command}\n".encode())
        assert s.recv(4096).strip() == b""
