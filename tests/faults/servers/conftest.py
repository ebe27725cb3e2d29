"""A real server whose way to its PostgreSQL can be broken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.cli.local_server import LocalServer
from tests.faults.servers.callers import Reporters, register
from tests.faults.servers.checks import audited, nothing_lost
from tests.faults.servers.proxy import Proxy
from tests.postgres import (
    REQUIRE_VARIABLE,
    PostgresCluster,
    PostgresMissing,
    create_database,
)


@dataclass(frozen=True, slots=True)
class Wired:
    """A server, its database, and the way between them.

    Members:
        database_url: Without the proxy.
    """

    server: LocalServer
    cluster: PostgresCluster
    proxy: Proxy
    database_url: str

    def check(self, reporters: Reporters, *, database_url: str | None = None) -> None:
        """All that was acknowledged is there once, and the audit finds nothing; callers have ended."""
        nothing_lost(self.server.grpc, reporters.places, reporters.unsent)
        audited(self.server.data, database_url or self.database_url)


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    """A running PostgreSQL of this file's own, to be broken; each test leaves it running."""
    try:
        made = PostgresCluster()
    except PostgresMissing as missing:
        if os.environ.get(REQUIRE_VARIABLE) == "1":
            pytest.fail(f"needs PostgreSQL ({REQUIRE_VARIABLE}=1): {missing}", pytrace=False)
        pytest.skip(f"needs PostgreSQL: {missing}")
    with made:
        yield made


@pytest.fixture
def wired(cluster: PostgresCluster, tmp_path: Path) -> Iterator[Wired]:
    """A server over an empty database of this test's own, its agency registered."""
    database_url = create_database(cluster.url())
    with (
        Proxy(cluster.port) as proxy,
        LocalServer(tmp_path / "data", database_url=proxy.url(database_url)) as server,
    ):
        register(server.grpc)
        yield Wired(server, cluster, proxy, database_url)
        proxy.flow()
        proxy.accept()
