"""Does an office's witness vouch for a real ledger's answers, and refuse a forged one?

`candour serve` ─► policy: `candour witness serve --replay` and a plain one ─► published, or held back
"""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import psycopg
import pytest

from services.cli.local_server import LocalServer
from services.pb.candour.v1 import ingest_pb2 as pb
from services.pb.candour.v1 import proofs_pb2
from services.pb.candour.v1.proofs_pb2_grpc import ProofsServiceStub
from services.runtime.http_client import get
from tests.e2e.conftest import STORES
from tests.e2e.witnessed import AGENCY, PARENT, Watch, Watched, begin, eventually
from tests.postgres import create_database, drop_database

BOTH = "group both all office plain\nquorum both\n"


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """A fresh database for PostgreSQL, nothing for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    server_url = request.getfixturevalue("postgres_server")
    url = create_database(server_url)
    yield url
    drop_database(server_url, url)


def test_forged_root_is_not_vouched_for(tmp_path: Path, database_url: str | None) -> None:
    """Both cosign an honest ledger; when its database is made to lie, the plain one alone goes on."""
    data = tmp_path / "data"
    key = begin(data, database_url)
    http = _free_address()
    replay = {"office": f"http://{http}/ledgers/main"}
    with (
        Watch(tmp_path, key, ("office", "plain"), BOTH, replay) as watch,
        LocalServer(
            data, database_url=database_url, http=http, environment=watch.environment
        ) as server,
    ):
        watched = Watched(server)
        watched.register()
        watched.report("1", pb.WAIT_FOR_WITNESSED)
        _count(server)
        watched.await_published(3)
        assert {"office", "plain"} == set(watched.published().cosigned)
        office = _status(watch, "office")
        assert (3, 1, None) == (office["replayed"], office["roots_made_anew"], office["refuses"])

        watched.report("2", pb.WAIT_FOR_WITNESSED)
        eventually(lambda: _index_size(data, database_url), lambda size: size == 4)
        _sql(data, database_url, "UPDATE view_usage_position SET total = total - 1")
        with pytest.raises(grpc.RpcError):  # never published, so never proven
            _count(server, timeout_s=3)

        why = "entry 4 commits to a root that the first 4 entries do not give"
        status = eventually(watched.status, lambda found: why in json.dumps(found["held_back"]))
        assert 5 == status["witnesses"]["plain"]["tree_size"]
        assert 4 == status["published"]["tree_size"]
        assert why == _status(watch, "office")["refuses"]
        assert _status(watch, "plain") is None


def _count(server: LocalServer, timeout_s: float = 30) -> None:
    """Ask for a proven count of now, which commits a root over all there is."""
    request = proofs_pb2.ProveUsageRequest(
        parent=PARENT,
        agency=AGENCY,
        technology="technologies/reader",
        first_day="2026-01-01",
        last_day="2026-12-31",
    )
    with grpc.insecure_channel(server.grpc) as channel:
        list(ProofsServiceStub(channel).ProveUsage(request, timeout=timeout_s))


def _status(watch: Watch, name: str) -> Any:
    url = f"http://{watch.witnesses[name].listen}/status"
    (log,) = json.loads(get(url, most=100_000, timeout_s=10).body)["logs"]
    return log["replay"]


def _index_size(data: Path, database_url: str | None) -> int:
    rows = _sql(data, database_url, "SELECT tree_size FROM view_usage_position")
    return int(rows[0][0]) if rows else 0


def _sql(data: Path, database_url: str | None, statement: str) -> list[Any]:
    """As whoever has all rights on the database."""
    if database_url is not None:
        with psycopg.connect(database_url) as connection:
            connection.execute("SET search_path = candour_main")
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []
    with closing(sqlite3.connect(data / "main.views.db", timeout=20)) as db, db:
        return db.execute(statement).fetchall()


def _free_address() -> str:
    """A port that was free a moment ago: the witness is told of it before the server is there."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"
