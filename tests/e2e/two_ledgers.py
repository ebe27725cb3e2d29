"""Two ledgers behind one server: how tests start them, report to each, and count what is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

from services.cli.local_server import LocalServer
from services.pb.candour.v1 import common_pb2, ingest_pb2, proofs_pb2, registry_pb2
from services.pb.candour.v1.ingest_pb2_grpc import IngestServiceStub
from services.pb.candour.v1.proofs_pb2_grpc import ProofsServiceStub
from services.pb.candour.v1.registry_pb2_grpc import RegistryServiceStub
from tests.e2e.conftest import Place
from tests.e2e.witnessed import eventually
from tests.postgres import create_database, drop_database

LEDGERS: Final = ("main", "court")
AGENCY: Final = "agencies/sampleton"
Places = dict[str, tuple[int, bytes]]


def use(own_id: str) -> common_pb2.ToolUse:
    return common_pb2.ToolUse(
        agency=AGENCY,
        technology="technologies/reader",
        source="sources/s",
        source_event_id=own_id,
        capture=common_pb2.CAPTURE_LIVE,
    )


class Two:
    """A running server of two ledgers, and its directory."""

    def __init__(self, server: LocalServer, database_url: str | None = None) -> None:
        self.server = server
        self.place = Place(server.data, database_url, server)
        self._channel = grpc.insecure_channel(server.grpc)
        self.ingest = IngestServiceStub(self._channel)
        self.proofs = ProofsServiceStub(self._channel)

    def close(self) -> None:
        self._channel.close()

    def register(self) -> None:
        for ledger in LEDGERS:
            RegistryServiceStub(self._channel).RegisterAgency(
                registry_pb2.RegisterAgencyRequest(
                    parent=f"ledgers/{ledger}",
                    agency=registry_pb2.Agency(name=AGENCY, display_name=ledger),
                )
            )

    def report(
        self, ledger: str, *own_ids: str, timeout_s: float = 60
    ) -> list[ingest_pb2.ReportResult]:
        request = ingest_pb2.BatchReportToolUsesRequest(
            parent=f"ledgers/{ledger}", tool_uses=[use(own_id) for own_id in own_ids]
        )
        return list(self.ingest.BatchReportToolUses(request, timeout=timeout_s).results)

    def ledgers(self) -> dict[str, proofs_pb2.Ledger]:
        found = self.proofs.ListLedgers(proofs_pb2.ListLedgersRequest()).ledgers
        return {item.name.removeprefix("ledgers/"): item for item in found}

    def await_listed(self) -> dict[str, proofs_pb2.Ledger]:
        """All that is committed is published, listed, and the directory published over it."""

        def settled(found: dict[str, proofs_pb2.Ledger]) -> bool:
            others = [item for item in found.values() if not item.directory]
            directory = next(item for item in found.values() if item.directory)
            return directory.tree_size == directory.checkpoint_tree_size and all(
                item.HasField("listed_tree_size")
                and item.tree_size == item.checkpoint_tree_size == item.listed_tree_size
                for item in others
            )

        return eventually(self.ledgers, settled)

    def audit(self, *, exit_code: int = 0) -> Any:
        arguments = ("audit", "--directory", "--format", "json")
        return self.place.candour(*arguments, exit_code=exit_code).json


@contextmanager
def two(
    data: Path, database_url: str | None = None, *, ledgers: tuple[str, ...] = LEDGERS, **more: str
) -> Iterator[Two]:
    """Serve them until the block is left."""
    environment = {"CANDOUR_LEDGERS": " ".join(ledgers), **more}
    with LocalServer(data, database_url=database_url, environment=environment) as server:
        found = Two(server, database_url)
        try:
            yield found
        finally:
            found.close()


@contextmanager
def database_of(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """A fresh database for PostgreSQL, nothing for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    server_url = request.getfixturevalue("postgres_server")
    url = create_database(server_url)
    yield url
    drop_database(server_url, url)
