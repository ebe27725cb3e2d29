"""A time-stamp authority of our own: `openssl ts`, as anybody could run it, and HTTP before it.

Authority(folder) ──reply──► response     stamp ──► token     at(…) ──► http://127.0.0.1:…
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import rfc3161_client

from ledger.verify.timestamps import Authorities, read_authorities

QUERY: Final = "application/timestamp-query"
REPLY: Final = "application/timestamp-reply"
KEYS: Final = {
    "ec": ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "rsa": ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
}
# No `certs` line: openssl 3 puts the signer's certificate into the token by itself.
CONFIG: Final = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = Root {name}
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[stamping]
basicConstraints = CA:FALSE
extendedKeyUsage = critical,timeStamping
[tsa]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
accuracy = secs:1
tsa_name = yes
"""


class OpensslMissing(Exception):
    """There is no `openssl` to run an authority with."""


class Authority:
    """A root, and a key under it that stamps."""

    def __init__(self, folder: Path, name: str = "A", kind: str = "ec") -> None:
        folder.mkdir()
        self.folder, self.root = folder, folder / "root.pem"
        self.config = folder / "tsa.cnf"
        self.config.write_text(CONFIG.format(name=name, folder=folder))
        (folder / "serial").write_text("01\n")
        root_key, self.key, self.certificate = (
            folder / file for file in ("root.key", "tsa.key", "tsa.pem")
        )
        request = folder / "tsa.csr"
        for key in (root_key, self.key):
            _openssl(*KEYS[kind], "-out", key)
        of = ("-config", self.config)
        _openssl(
            *("req", "-x509", "-new", "-key", root_key, *of, "-extensions", "root"),
            *("-days", "30", "-out", self.root),
        )
        _openssl("req", "-new", "-key", self.key, "-subj", f"/CN={name}", *of, "-out", request)
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.root, "-CAkey", root_key),
            *("-CAcreateserial", "-days", "30", "-extfile", self.config),
            *("-extensions", "stamping", "-out", self.certificate),
        )

    @property
    def trusted(self) -> Authorities:
        return read_authorities(self.root.read_bytes())

    def reply(self, query: bytes) -> bytes:
        """The response to a query."""
        asked, answered = self.folder / "query", self.folder / "reply"
        asked.write_bytes(query)
        _openssl(
            *("ts", "-reply", "-queryfile", asked, "-signer", self.certificate),
            *("-inkey", self.key, "-config", self.config, "-section", "tsa", "-out", answered),
        )
        return answered.read_bytes()

    def stamp(self, signed: bytes) -> bytes:
        """A token over some bytes."""
        builder = rfc3161_client.TimestampRequestBuilder().data(signed)
        query = builder.hash_algorithm(rfc3161_client.HashAlgorithm.SHA256).build()
        response = rfc3161_client.decode_timestamp_response(self.reply(query.as_bytes()))
        return response.time_stamp_token()

    @contextmanager
    def served(self, *, status: int = 200, body: bytes | None = None) -> Iterator[str]:
        """Its URL while it answers over HTTP; `body` answers whatever was asked."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                right = self.headers["Content-Type"] == QUERY
                reply = body if body is not None else authority.reply(query)
                self.send_response(status if right else 415)
                self.send_header("Content-Type", REPLY)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_arguments: object) -> None:
                """Nothing on stderr."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/tsr"
            finally:
                server.shutdown()
                thread.join()


def _openssl(*arguments: object) -> None:
    """Raises OpensslMissing."""
    if shutil.which("openssl") is None:
        raise OpensslMissing("no `openssl` on PATH")
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)
