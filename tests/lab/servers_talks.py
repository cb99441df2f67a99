# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers with a protocol of their own on the lab's backends: Redis and its sentinels, ZooKeeper, Exim,
OpenLDAP, Mosquitto."""
import os
import shutil

from .servers_net import Servers
from .topology import run, v4

SENTINEL = """\
port 26379
bind 0.0.0.0
protected-mode no
dir {folder}
sentinel monitor grp {master} 6379 {quorum}
sentinel down-after-milliseconds grp 1500
sentinel failover-timeout grp 3000
{more}
"""

ZOOKEEPER = """\
tickTime=500
initLimit=20
syncLimit=4
dataDir={folder}
clientPort={port}
admin.enableServer=false
"""

EXIM = """\
primary_hostname = {host}.example
local_interfaces = 0.0.0.0
daemon_smtp_ports = 25 : 465
tls_on_connect_ports = 465
tls_advertise_hosts = {advertise}
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/cert.key
spool_directory = {folder}
log_file_path = {folder}/%slog
pid_file_path = {folder}/pid
host_lookup =
acl_smtp_connect = at_connect
begin acl
at_connect:
	deny condition = ${{if exists{{{folder}/closed}}}}
		message = closed for today
	accept
"""

SLAPD = """\
pidfile {folder}/pid
TLSCACertificateFile {pki}/ca.pem
TLSCertificateFile {pki}/{host}.pem
TLSCertificateKeyFile {pki}/{host}.key
{more}
database config
rootdn cn=probe,cn=config
rootpw geheim-1
"""

MOSQUITTO = """\
user root
per_listener_settings true
listener 1883 0.0.0.0
allow_anonymous true
listener 1884 0.0.0.0
allow_anonymous false
password_file {folder}/users
listener 8883 0.0.0.0
allow_anonymous true
cafile {pki}/ca.pem
certfile {pki}/{host}.pem
keyfile {pki}/{host}.key
"""


class TalkServers(Servers):
    """The same, and those."""

    def folder(self, host, name):
        """A new folder of that server's."""
        path = f"{self.lab.folder}/{host}/{name}"
        shutil.rmtree(path, ignore_errors=True)
        os.makedirs(path)
        return path

    def redis(self, host, *options, port=6379, keep=False):
        """A server of Redis; `keep`: with the data that an earlier one has left."""
        name = f"redis-{port}"
        folder = f"{self.lab.folder}/{host}/{name}" if keep else self.folder(host, name)
        p = self.start(host, name, ["redis-server", "--port", str(port), "--bind", "0.0.0.0",
                                    "--protected-mode", "no", "--save", "", "--dir", folder,
                                    "--repl-ping-replica-period", "1", "--repl-diskless-sync-delay",
                                    "0", "--enable-debug-command", "yes", *options])
        self.listening(host, port)
        return p

    def redis_cli(self, host, *words, port=6379, to=None, at="lb"):
        """What redis-cli prints, asked from the host `at`."""
        return self.lab.inside(at, "redis-cli", "-h", to or v4(host), "-p", str(port), *words,
                               check=False).strip()

    def sentinel(self, host, master, quorum=2, more=""):
        """A sentinel that watches the group of that master."""
        folder = self.folder(host, "sentinel")
        with open(f"{folder}/sentinel.conf", "w", encoding="ascii") as f:
            f.write(SENTINEL.format(folder=folder, master=v4(master), quorum=quorum, more=more))
        p = self.start(host, "sentinel", ["redis-server", f"{folder}/sentinel.conf", "--sentinel"])
        self.listening(host, 26379)
        # How soon it notices that a master of yesterday is back, and tells it so.
        self.redis_cli(host, "SENTINEL", "DEBUG", "info-period", "500", "publish-period", "500",
                       port=26379)
        return p

    def zookeeper(self, host, port=2181, ensemble=()):
        """A server of ZooKeeper: one of the hosts of an ensemble, or alone."""
        name = f"zookeeper-{port}"
        folder = self.folder(host, name)
        with open(f"{folder}/zoo.cfg", "w", encoding="ascii") as f:
            f.write(ZOOKEEPER.format(folder=folder, port=port))
            f.writelines(f"\nserver.{i}={v4(h)}:2888:3888" for i, h in enumerate(ensemble))
        if ensemble:
            with open(f"{folder}/myid", "w", encoding="ascii") as f:
                f.write(f"{ensemble.index(host)}\n")
        jars = "/usr/share/java"
        return self.start(host, name, [
            "java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
            f"{jars}/zookeeper.jar:{jars}/slf4j-simple.jar",
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", f"{folder}/zoo.cfg"])

    def exim(self, host, pki, advertise="*"):
        """A mail server at 25, and 465 with TLS; refuses everybody while its folder has a file `closed`."""
        folder = self.folder(host, "exim")
        for end in ("pem", "key"):
            shutil.copy(pki.path(f"{host}.{end}"), f"{folder}/cert.{end}")
            os.chmod(f"{folder}/cert.{end}", 0o644)
        os.chmod(folder, 0o777)
        with open(f"{folder}/conf", "w", encoding="ascii") as f:
            f.write(EXIM.format(host=host, folder=folder, advertise=advertise))
        p = self.start(host, "exim", ["/usr/sbin/exim4", "-bdf", "-C", f"{folder}/conf"])
        self.listening(host, 465)
        return p

    def slapd(self, host, pki, more=""):
        """A directory at 389, and 636 with TLS, with one entry that may log in."""
        folder = self.folder(host, "slapd")
        with open(f"{folder}/conf", "w", encoding="ascii") as f:
            f.write(SLAPD.format(host=host, folder=folder, pki=pki.folder, more=more))
        p = self.start(host, "slapd", ["/usr/sbin/slapd", "-d", "0", "-f", f"{folder}/conf", "-h",
                                       "ldap://0.0.0.0 ldaps://0.0.0.0"])
        self.listening(host, 636)
        return p

    def mosquitto(self, host, pki):
        """A broker: 1883 for everybody, 1884 for one with a password, 8883 with TLS."""
        folder = self.folder(host, "mosquitto")
        with open(f"{folder}/conf", "w", encoding="ascii") as f:
            f.write(MOSQUITTO.format(host=host, folder=folder, pki=pki.folder))
        run("mosquitto_passwd", "-b", "-c", f"{folder}/users", "probe", "geheim-1")
        p = self.start(host, "mosquitto", ["mosquitto", "-c", f"{folder}/conf"])
        self.listening(host, 8883)
        return p
