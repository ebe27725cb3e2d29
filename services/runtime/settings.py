"""What does a process need to be told? Its settings, from flags or the environment.

CANDOUR_DATA   CANDOUR_DATABASE_URL   CANDOUR_LEDGER   CANDOUR_GRPC   CANDOUR_HTTP
CANDOUR_PUBLISH_ENTRIES   CANDOUR_WITNESS_POLICY   CANDOUR_INDEX_EVERY
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import Refused
from ledger.limits import INDEX_COMMIT_EVERY_S

DEFAULT_DATA: Final = Path("candour-data")
DEFAULT_GRPC: Final = "127.0.0.1:50051"
DEFAULT_HTTP: Final = "127.0.0.1:8080"
DEFAULT_LEDGER: Final = "main"


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
        ledger: Name of the ledger.
        grpc, http: HOST:PORT to serve on; port 0 picks a free one.
        index_every_s: A root of the usage index goes into the log so often at most, where
            there is news; 0 for midnight UTC and on demand only.
        publish_entries: Entry bundles are for everybody, not for this machine alone.
        witness_policy: File that says who must cosign before a checkpoint is published; None
            where nobody must.
    """

    data: Path = DEFAULT_DATA
    database_url: str | None = None
    ledger: str = DEFAULT_LEDGER
    grpc: str = DEFAULT_GRPC
    http: str = DEFAULT_HTTP
    index_every_s: float = INDEX_COMMIT_EVERY_S
    publish_entries: bool = False
    witness_policy: Path | None = None

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
