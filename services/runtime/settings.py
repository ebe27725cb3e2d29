"""What does a process need to be told? Its settings, from flags or the environment.

CANDOUR_DATA   CANDOUR_DATABASE_URL   CANDOUR_LEDGER   CANDOUR_GRPC   CANDOUR_HTTP
CANDOUR_PUBLISH_ENTRIES   CANDOUR_WITNESS_POLICY   CANDOUR_START_UNCONFIRMED   CANDOUR_INDEX_EVERY
CANDOUR_LEDGERS   CANDOUR_DIRECTORY   CANDOUR_DIRECTORY_AT   CANDOUR_DIRECTORY_WITNESS_POLICY
CANDOUR_ROUTES   CANDOUR_LOG_FORMAT   OTEL_… (services/runtime/telemetry.py)
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ledger.directory import DIRECTORY
from ledger.errors import Malformed, Refused
from ledger.limits import INDEX_COMMIT_EVERY_S, MAX_LEDGERS
from services.runtime.routes import Routes

DEFAULT_DATA: Final = Path("candour-data")
DEFAULT_GRPC: Final = "127.0.0.1:50051"
DEFAULT_HTTP: Final = "127.0.0.1:8080"
DEFAULT_LEDGER: Final = "main"
LEDGER_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


class NotLoopback(Refused):
    """An address can be reached from other machines, and nothing guards it yet."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} can be reached from elsewhere, and neither TLS nor access rules are"
            " configured; use 127.0.0.1 or [::1]"
        )
        self.address = address


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where one ledger lives and where it is served.

    Members:
        data: Directory of keys, trust.txt and, without `database_url`, the SQLite files.
        database_url: libpq URL of PostgreSQL; None for SQLite.
        routes: Which ledger lives where; then `database_url` is said by it alone.
        origin: Of the ledger that must be there; None where whatever is there will do.
        ledger: Name of the ledger that is spoken of.
        ledgers: Of all that one process serves; empty where it is `ledger` alone.
        directory: Whether a directory log is kept beside them; None for what follows: where
            there are several, or where it was kept before.
        directory_at: Where the directory lives if not with the others: a folder, or a libpq
            URL, whose keys stay in `data`.
        directory_witness_policy: As `witness_policy`, for the directory.
        grpc, http: HOST:PORT to serve on; port 0 picks a free one.
        index_every_s: A root of the usage index goes into the log so often at most, where
            there is news; 0 for midnight UTC and on demand only.
        publish_entries: Entry bundles are for everybody, not for this machine alone.
        witness_policy: File that says who must cosign before a checkpoint is published; None
            where nobody must.
        start_unconfirmed: Go on at once with a policy, before its witnesses have said what they
            cosigned last: for a database that is known not to have been restored.
        log_format: `text` or `json`, of what goes to stderr.
    """

    data: Path = DEFAULT_DATA
    database_url: str | None = None
    routes: Routes | None = None
    origin: str | None = None
    ledger: str = DEFAULT_LEDGER
    ledgers: tuple[str, ...] = ()
    directory: bool | None = None
    directory_at: str | None = None
    directory_witness_policy: Path | None = None
    grpc: str = DEFAULT_GRPC
    http: str = DEFAULT_HTTP
    index_every_s: float = INDEX_COMMIT_EVERY_S
    publish_entries: bool = False
    witness_policy: Path | None = None
    start_unconfirmed: bool = False
    log_format: str = "text"

    @property
    def names(self) -> tuple[str, ...]:
        """Of all ledgers that are served; the directory is not among them."""
        return self.ledgers or (self.ledger,)

    def check_names(self) -> None:
        """Raises Malformed where a ledger cannot be called so, or too many are asked for."""
        for name in self.names:
            if not LEDGER_NAME.fullmatch(name):
                raise Malformed("ledger", "must be letters, digits, _ and -")
            if name == DIRECTORY:
                raise Malformed(
                    "ledger", f"{name} is the log that lists the others; choose another"
                )
        if len(set(self.names)) != len(self.names):
            raise Malformed("ledger", "must name each ledger once")
        if len(self.names) > MAX_LEDGERS:
            raise Malformed("ledger", f"must be {MAX_LEDGERS} at most in one process")

    def of(self, ledger: str) -> Settings:
        """The settings of one of them. Raises RoutesRefused where the routes name none such."""
        own = replace(self, ledger=ledger, ledgers=())
        if self.routes is None:
            return own
        route = self.routes.of(ledger)
        return replace(own, database_url=route.database, origin=route.origin)

    @property
    def session_url(self) -> str | None:
        """As `database_url`, past a pooler: for dumps, migrations and moves."""
        return self.database_url if self.routes is None else self.routes.of(self.ledger).session

    def of_directory(self) -> Settings:
        """The settings of the directory."""
        where = self.directory_at
        routed = self.routes is not None and self.routes.directory is not None and where is None
        base = self if routed else replace(self, routes=None)
        own = replace(base.of(DIRECTORY), witness_policy=self.directory_witness_policy)
        if where is None:
            return own
        if where.startswith(("postgresql:", "postgres:")):
            return replace(own, database_url=where)
        return replace(own, data=Path(where), database_url=None)

    @property
    def keeps_directory(self) -> bool:
        """True where a directory log is kept: its key says that it was before."""
        if self.directory is not None:
            return self.directory
        if self.routes is not None:  # front-ends that share ledgers share the directory
            return self.routes.directory is not None or self.directory_at is not None
        key = self.of_directory().data / "keys" / f"{DIRECTORY}.checkpoint.pem"
        return len(self.names) > 1 or key.exists()

    def check_addresses(self) -> None:
        """Raises NotLoopback where an address is open to others."""
        for address in (self.grpc, self.http):
            if not is_loopback(address):
                raise NotLoopback(address)


def host_and_port(address: str) -> tuple[str, int]:
    """Raises Refused unless `address` is HOST:PORT."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise Refused(f"{address} is not HOST:PORT")
    return host.strip("[]"), int(port)


def is_loopback(address: str) -> bool:
    """True where nobody on another machine can connect."""
    host, _ = host_and_port(address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
