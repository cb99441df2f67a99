# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers behind TLS and HTTP/2, with certificates of an authority of the tests' own."""
import os
import shutil

from .topology import run

NGINX = """\
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 128; }}
http {{
	access_log {dir}/access.log;
	client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fcgi;
	uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
	server {{
		listen 8443 ssl http2;
		ssl_protocols TLSv1.2 TLSv1.3;
		ssl_certificate {pki}/{cert}.pem;
		ssl_certificate_key {pki}/{cert}.key;
		ssl_client_certificate {pki}/ca.pem;
		ssl_verify_client optional;
		location / {{ default_type text/plain; return 200 "state: ready by $server_protocol\\n"; }}
		location /mtls {{ if ($ssl_client_verify != SUCCESS) {{ return 403; }} return 204; }}
		location /header {{ if ($http_x_probe != "yes") {{ return 400; }} return 204; }}
		location /user {{ auth_basic "probe"; auth_basic_user_file {pki}/users; alias {dir}/; }}
	}}
	server {{ # no gRPC server: its answers, as files over HTTP/2 without TLS
		listen 9100 http2;
		root {dir}/grpc;
		default_type application/grpc;
		error_page 405 =200 $uri; # a POST of a file
		add_header grpc-status 0 always; # nginx 1.22 has no trailer for it
	}}
}}
"""


class Pki:
    """An authority, and what it has signed, in a folder: NAME.pem and NAME.key."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-days", "30", "-subj", "/CN=ca", "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"))

    def path(self, name):
        """Of a file here."""
        return f"{self.folder}/{name}"

    def sign(self, name, alternative, days=30):
        """A certificate for `alternative`, as in DNS:www.example.org,IP:10.0.0.1."""
        with open(self.path("ext"), "w", encoding="ascii") as f:
            f.write(f"subjectAltName={alternative}\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            f"/CN={name}", "-keyout", self.path(f"{name}.key"), "-out", self.path("csr"))
        run("openssl", "x509", "-req", "-in", self.path("csr"), "-CA", self.path("ca.pem"), "-CAkey",
            self.path("ca.key"), "-CAcreateserial", "-days", str(days), "-extfile", self.path("ext"),
            "-out", self.path(f"{name}.pem"))


def say_grpc(lab, host, status):
    """What the stand-in for a gRPC server says of its health: a HealthCheckResponse, framed."""
    folder = f"{lab.folder}/tls-{host}/grpc/grpc.health.v1.Health"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/new", "wb") as f:
        f.write(b"\0\0\0\0\2\x08" + bytes([status]))
    os.rename(f"{folder}/new", f"{folder}/Check")


def start_nginx_tls(lab, host, pki, cert):
    """nginx on port 8443 of a host, with TLS and HTTP/2."""
    folder = f"{lab.folder}/tls-{host}"
    os.makedirs(folder, exist_ok=True)
    with open(pki.path("users"), "w", encoding="ascii") as f:
        f.write("prober:{PLAIN}secret-of-the-probe\n")
    with open(f"{folder}/page", "w", encoding="ascii") as f:
        f.write("page\n")
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as f:
        f.write(NGINX.format(dir=folder, pki=pki.folder, cert=cert))
    say_grpc(lab, host, 1)
    return lab.procs.start(f"nginx-tls-{host}",
                           [shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-c",
                            f"{folder}/nginx.conf"], netns=lab.ns(host), log=f"{folder}/nginx.log")

