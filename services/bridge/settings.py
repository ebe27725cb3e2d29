"""What is a bridge told? Which stream it empties, which ledger it fills, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ledger.errors import Malformed, Refused
from ledger.limits import BRIDGE_ACK_WAIT_S, BRIDGE_BATCH_USES, BRIDGE_PATIENCE_S
from services.runtime.settings import is_loopback

DEFAULT_SERVER: Final = "nats://127.0.0.1:4222"
_SCHEMES: Final = ("nats", "tls")
_NAME_BREAKS: Final = frozenset(" .*>/\\\t\r\n")
_SUBJECT_BREAKS: Final = frozenset(" *>\t\r\n")


class InTheClear(Refused):
    """A server on another machine is named without TLS: names and reasons would travel readable."""

    def __init__(self, server: str) -> None:
        super().__init__(
            f"{server} is on another machine, and uses would travel there in the clear: use"
            " tls://… and --ca FILE"
        )
        self.server = server


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Whom to believe, and who we are: three PEM files; `certificate` and `key` go together."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_wanted(self) -> bool:
        return self.ca is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of one bridge.

    Members:
        servers: NATS servers of one cluster, `nats://` or `tls://`; a user and password may
            stand in them.
        tls: To NATS.
        stream: Emptied.
        durable: The consumer's name: it is what remembers how far this bridge has come.
        subject: Of the messages that are taken; "" for all of the stream.
        dead_letters: Subject that a stream keeps.
        make: Subjects of the stream, to make it where it is missing; () to take it as it is.
        target, target_tls, ledger: Where the uses go.
        batch_uses: That are held, and reported in one request.
        ack_wait_s: After which what a killed bridge held is delivered again.
        patience_s: Of trying a request again, before its messages are given back.
        http: HOST:PORT of /livez, /readyz and /metrics; None for nowhere.
        once: End when the stream holds nothing more.
    """

    servers: tuple[str, ...] = (DEFAULT_SERVER,)
    tls: Tls = Tls()
    stream: str
    durable: str
    subject: str = ""
    dead_letters: str = ""
    make: tuple[str, ...] = ()
    target: str
    target_tls: Tls = Tls()
    ledger: str = "main"
    batch_uses: int = BRIDGE_BATCH_USES
    ack_wait_s: float = BRIDGE_ACK_WAIT_S
    patience_s: float = BRIDGE_PATIENCE_S
    http: str | None = None
    once: bool = False

    @property
    def dead_subject(self) -> str:
        """`dead.<stream>` unless another is named."""
        return self.dead_letters or f"dead.{self.stream}"

    @property
    def parent(self) -> str:
        return self.ledger if self.ledger.startswith("ledgers/") else f"ledgers/{self.ledger}"

    def check(self) -> None:
        """Raises Malformed, InTheClear, or Refused by `is_loopback`."""
        for name, text in (("stream", self.stream), ("durable", self.durable)):
            if not text or _NAME_BREAKS & set(text):
                raise Malformed(name, "must have no space, dot, slash or wildcard")
        if not self.dead_subject or _SUBJECT_BREAKS & set(self.dead_subject):
            raise Malformed("dead_letters", "must be one subject, without wildcards")
        for tls, name in ((self.tls, "ca"), (self.target_tls, "target-ca")):
            if (tls.certificate is None) != (tls.key is None):
                raise Malformed(name, "a certificate and its key go together")
            if tls.certificate is not None and not tls.is_wanted:
                raise Malformed(name, "must be given with a certificate")
        for server in self.servers:
            self._check_server(server)
        if not is_loopback(self.target) and not self.target_tls.is_wanted:
            raise InTheClear(self.target)
        if self.http is not None and not is_loopback(self.http):
            raise Malformed("http", "must be an address of this machine alone")

    def _check_server(self, server: str) -> None:
        found = urlsplit(server)
        if found.scheme not in _SCHEMES or not found.hostname:
            raise Malformed("server", "must be nats://HOST:PORT or tls://HOST:PORT")
        shown = f"{found.scheme}://{found.hostname}"
        if not is_loopback(f"{found.hostname}:0") and not self.tls.is_wanted:
            raise InTheClear(shown)
