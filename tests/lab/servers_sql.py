# SPDX-License-Identifier: GPL-2.0-or-later
"""
MariaDB and PostgreSQL on the lab's backends: a primary, and replicas that follow it.

What takes seconds, a data directory with its users, is made once and copied; since the copies are one
database, a replica begins where its primary does. They lie in a folder of their own below /tmp, since
PostgreSQL runs as the user postgres and has to get there.
"""
import glob
import os
import shutil
import signal
import subprocess
import tempfile

from .servers_net import Servers
from .topology import v4

PASSWORD = "secret-of-the-probe"
MARIADB = "/usr/sbin/mariadbd"

MARIADB_USERS = f"""\
FLUSH PRIVILEGES;
INSTALL SONAME 'auth_ed25519';
CREATE USER probe@'%' IDENTIFIED BY '{PASSWORD}';
GRANT REPLICA MONITOR ON *.* TO probe@'%';
CREATE USER poor@'%' IDENTIFIED BY '{PASSWORD}';
CREATE USER edward@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{PASSWORD}');
CREATE USER open@'%';
CREATE USER replica@'%';
GRANT REPLICATION SLAVE ON *.* TO replica@'%';
CREATE DATABASE shop;
CREATE TABLE shop.t (n INT);
"""

POSTGRES_USERS = f"""\
CREATE ROLE probe LOGIN PASSWORD '{PASSWORD}';
SET password_encryption = md5;
CREATE ROLE old LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE clear LOGIN PASSWORD '{PASSWORD}';
CREATE ROLE open LOGIN;
CREATE ROLE replica LOGIN REPLICATION;
CREATE TABLE t (n int);
"""

POSTGRES_HBA = """\
local all all trust
host replication replica all trust
host all open all trust
host all clear all password
host all old all md5
host all all all scram-sha-256
"""


def run_in(text, *argv):
    """Runs a command with this on its standard input; its output if it fails."""
    subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                   check=True, timeout=60)


def as_postgres(*argv):
    """The command line by which the user postgres runs one."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *argv]


def postgres_program(name):
    """Debian has a folder for each version."""
    return f"{sorted(glob.glob('/usr/lib/postgresql/*/bin'))[-1]}/{name}"


class Databases:
    """Data directories, made when first asked for, and copies of them; remove() takes all away."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fairlead-sql-")
        os.chmod(self.folder, 0o755)
        self.copies = 0

    def _mariadb(self, path):
        run_in(None, "mariadb-install-db", "--no-defaults", f"--datadir={path}", "--user=root",
               "--skip-test-db", "--auth-root-authentication-method=normal", "--innodb-log-file-size=4M")
        run_in(MARIADB_USERS, MARIADB, "--no-defaults", "--bootstrap", "--user=root", f"--datadir={path}",
               "--innodb-log-file-size=4M")

    def _postgres(self, path):
        os.makedirs(path, 0o700)
        shutil.chown(path, "postgres", "postgres")
        run_in(None, *as_postgres(postgres_program("initdb"), "-N", "-A", "trust", "--locale=C", "-E",
                                  "UTF8", "--wal-segsize=1", "-D", path))
        run_in(POSTGRES_USERS, *as_postgres(postgres_program("postgres"), "--single", "-D", path,
                                            "postgres"))
        with open(f"{path}/pg_hba.conf", "w", encoding="ascii") as f:
            f.write(POSTGRES_HBA)

    def copy(self, kind):
        """A data directory of "mariadb" or "postgres" for one server."""
        template = f"{self.folder}/{kind}"
        if not os.path.exists(template):
            getattr(self, f"_{kind}")(template)
        self.copies += 1
        path = f"{template}-{self.copies}"
        run_in(None, "cp", "-a", template, path)
        return path

    def remove(self):
        """All of it."""
        shutil.rmtree(self.folder)


class SqlServers(Servers):
    """Database servers of one test. Their data: what start() was given, and stays when they are killed."""

    def __init__(self, lab, databases):
        super().__init__(lab)
        self.databases = databases

    def mariadb(self, host, data=None, *more, source=None):
        """(server, its data) once it answers; with a source, it follows that host and takes no writes."""
        fresh = not data
        data = data or self.databases.copy("mariadb")
        p = self.start(host, "mariadb", [
            MARIADB, "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={data}/socket",
            f"--pid-file={data}/pid", "--port=3306", "--skip-name-resolve", "--skip-slave-start=0",
            f"--server-id={host[1:]}", "--log-bin=bin", "--gtid-strict-mode=1",
            "--innodb-log-file-size=4M", "--innodb-buffer-pool-size=8M", "--sync-binlog=0",
            "--innodb-flush-log-at-trx-commit=0", *(["--read-only=1"] if source else []), *more])
        self.lab.wait_for(lambda: self.try_mariadb(data, "SELECT 1") == "1", 20, f"MariaDB on {host}")
        if source and fresh:
            self.ask_mariadb(data, f"CHANGE MASTER TO MASTER_HOST='{v4(source)}', "
                             "MASTER_USER='replica', MASTER_CONNECT_RETRY=1, "
                             "MASTER_USE_GTID=slave_pos; START SLAVE")
        return p, data

    @staticmethod
    def try_mariadb(data, question):
        """What root is answered, or None."""
        r = subprocess.run(["mariadb", "--no-defaults", "-u", "root", "-S", f"{data}/socket", "-N", "-B",
                            "-e", question], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           text=True, check=False, timeout=20)
        return None if r.returncode else r.stdout.strip()

    @classmethod
    def ask_mariadb(cls, data, question):
        """The same; must be answered."""
        answer = cls.try_mariadb(data, question)
        assert answer is not None, question
        return answer

    def postgres(self, host, data=None, *settings, source=None):
        """(server, its data) once it answers; with a source, it is a standby that streams from there."""
        fresh = not data
        data = data or self.databases.copy("postgres")
        if fresh and source:
            open(f"{data}/standby.signal", "w", encoding="ascii").close()
            with open(f"{data}/postgresql.auto.conf", "a", encoding="ascii") as f:
                f.write(f"primary_conninfo = 'host={v4(source)} user=replica'\n"
                        "wal_retrieve_retry_interval = 100ms\n")
        options = ["listen_addresses=*", f"unix_socket_directories={data}", "fsync=off",
                   "shared_buffers=4MB", "max_wal_size=8MB", "min_wal_size=2MB", "wal_keep_size=8MB",
                   "hot_standby=on", "autovacuum=off", *settings]
        p = self.start(host, "postgres", as_postgres(
            postgres_program("postgres"), "-D", data, *(x for o in options for x in ("-c", o))))
        self.lab.wait_for(lambda: self.try_postgres(data, "SELECT 1") == "1", 20,
                          f"PostgreSQL on {host}")
        return p, data

    def key_of_postgres(self, pki, name):
        """A copy of a key of Pki's, since PostgreSQL takes its own or root's only, and can't read those."""
        path = f"{self.databases.folder}/{name}.key"
        shutil.copy(pki.path(f"{name}.key"), path)
        os.chmod(path, 0o600)
        shutil.chown(path, "postgres", "postgres")
        return path

    @staticmethod
    def try_postgres(data, question):
        """What postgres is answered, or None."""
        r = subprocess.run([postgres_program("psql"), "-X", "-A", "-t", "-h", data, "-U", "postgres",
                            "-c", question], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           text=True, check=False, timeout=20)
        return None if r.returncode else r.stdout.strip()

    @classmethod
    def ask_postgres(cls, data, question):
        """The same; must be answered."""
        answer = cls.try_postgres(data, question)
        assert answer is not None, question
        return answer

    def end(self):
        """At once, but so that PostgreSQL gives its shared memory back."""
        for p in list(self.running):
            self.running.remove(p)
            p.send_signal(signal.SIGCONT)
            self.lab.procs.end(p, signal.SIGQUIT if "postgres" in " ".join(p.args) else signal.SIGKILL)
