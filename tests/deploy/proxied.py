"""How is a ledger reached through its proxy, as it will be? A real nginx, real certificates.

    Authority ──► server.crt, a certificate a client, clients.crl
    LocalServer ◄──loopback── nginx with deploy/proxy/nginx.conf ◄──TLS── grpc, HTTP clients

The configuration is the one that is shipped; only ports, addresses and folders are the test's.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import grpc

from services.cli.local_server import LocalServer
from tests.deploy.tools import DEPLOY, need, run

START_S: Final = 30
PORTS: Final = (8443, 8444, 8081)
_CA: Final = """\
[ca]
default_ca = own
[own]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = 30
"""
_SERVER: Final = "subjectAltName=DNS:localhost,IP:127.0.0.1"


class Authority:
    """Signs certificates, and takes them back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self._openssl = need("openssl")
        (folder / "ca.cnf").write_text(_CA)
        (folder / "index.txt").touch()
        (folder / "crlnumber").write_text("01\n")
        self._run("req", "-x509", *self._new("ca"), "-subj", "/CN=Test CA", "-days", "2")
        self.list_revoked()

    def sign(self, name: str, subject: str, extension: str = "basicConstraints=CA:FALSE") -> None:
        """`name`.crt and `name`.key, for this subject."""
        (self.folder / "extensions").write_text(extension + "\n")
        self._run("req", *self._new(name), "-subj", subject)
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2")
        out = ("-in", f"{name}.crt", "-out", f"{name}.signed", "-extfile", "extensions")
        self._run("x509", "-req", *out, *signed)
        (self.folder / f"{name}.signed").replace(self.folder / f"{name}.crt")

    def revoke(self, name: str) -> None:
        """Put it on the list."""
        own = ("-config", "ca.cnf", "-keyfile", "ca.key", "-cert", "ca.crt")
        self._run("ca", *own, "-revoke", f"{name}.crt")
        self.list_revoked()

    def list_revoked(self) -> None:
        """clients.crl, with those that were revoked so far."""
        own = ("-config", "ca.cnf", "-keyfile", "ca.key", "-cert", "ca.crt")
        self._run("ca", *own, "-gencrl", "-out", "clients.crl")

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def _new(self, name: str) -> tuple[str, ...]:
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        return (*key, "-keyout", f"{name}.key", "-out", f"{name}.crt")

    def _run(self, *arguments: str) -> None:
        done = run(self._openssl, *arguments, cwd=self.folder)
        assert done.code == 0, done.said


@dataclass
class Proxy:
    """nginx in front of a server. Use it as a context manager."""

    folder: Path
    server: LocalServer
    authority: Authority
    clients: dict[str, str]

    def __enter__(self) -> Self:
        self._nginx = need("nginx")
        self.ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        self.lay_out()
        start = [self._nginx, "-e", "stderr", "-c", str(self.folder / "nginx.conf")]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen([*start, "-g", "daemon off;"], stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not answers(self.ports[8443]):
            said = (self.folder / "log").read_text("utf-8", "replace")
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.terminate()
        self.process.wait(START_S)

    def lay_out(self) -> None:
        """The shipped configuration, with this test's ports and folders."""
        text = (DEPLOY / "proxy" / "nginx.conf").read_text("utf-8")
        for shipped, own in self.ports.items():
            text, count = re.subn(rf"listen {shipped}\b", f"listen 127.0.0.1:{own}", text)
            assert count == 1
        text = text.replace("127.0.0.1:50051", self.server.grpc)
        text = text.replace("127.0.0.1:8080", self.server.http)
        text = text.replace(" /tmp/", f" {self.folder}/")
        (self.folder / "tls").mkdir(parents=True)
        (self.folder / "nginx.conf").write_text(text)
        lines = [f'"{subject}" {role};\n' for subject, role in self.clients.items()]
        (self.folder / "clients.map").write_text("".join(lines))
        for name, shipped_name in (
            *(("server.crt", "server.crt"), ("server.key", "server.key")),
            *(("ca.crt", "clients-ca.crt"), ("clients.crl", "clients.crl")),
        ):
            (self.folder / "tls" / shipped_name).write_bytes(self.authority.read(name))

    def channel(self, client: str) -> grpc.Channel:
        """gRPC with this client's certificate."""
        read = self.authority.read
        own = (read(f"{client}.key"), read(f"{client}.crt"))
        credentials = grpc.ssl_channel_credentials(read("ca.crt"), *own)
        return grpc.secure_channel(f"localhost:{self.ports[8443]}", credentials)

    def ask(
        self, path: str, client: str | None = None, port: int = 8443, method: str = "GET"
    ) -> tuple[int, bytes]:
        """HTTP over TLS; the raw path, as it stands here. Raises OSError."""
        context = ssl.create_default_context(cafile=str(self.authority.folder / "ca.crt"))
        if client is not None:
            folder = self.authority.folder
            context.load_cert_chain(folder / f"{client}.crt", folder / f"{client}.key")
        connection = http.client.HTTPSConnection(
            "localhost", self.ports[port], timeout=START_S, context=context
        )
        connection.request(method, path)
        response = connection.getresponse()
        found = response.status, response.read()
        connection.close()
        return found


def free_ports(count: int) -> list[int]:
    """Ports that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
