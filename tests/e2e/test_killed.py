"""The server killed with -9 in the middle of ingest, twenty times: what was acknowledged stays.

report ─► receipt ─┐  kill -9  ┌─ start again ─► the same receipt, the same place
                   └───────────┘  … 20 times, then an audit
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from services.cli.local_server import LocalServer
from services.pb.candour.v1 import (
    common_pb2,
    ingest_pb2,
    ingest_pb2_grpc,
    proofs_pb2,
    proofs_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from tests.e2e.conftest import STORES
from tests.postgres import create_database, drop_database

PARENT = "ledgers/main"
AGENCY = "agencies/sampleton-police"
SOURCE = "sources/killed"
KILLS = 20
BATCH = 40

Places = dict[str, tuple[int, bytes]]


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


def _use(own_id: str) -> common_pb2.ToolUse:
    return common_pb2.ToolUse(
        agency=AGENCY,
        technology="technologies/plate-reader",
        source=SOURCE,
        source_event_id=own_id,
        capture=common_pb2.CAPTURE_LIVE,
        performer=common_pb2.Performer(user_id=f"user-{len(own_id) + int(own_id[-1])}"),
    )


def _report_until_killed(target: str, unsent: list[str], places: Places, seed: int) -> None:
    """Report batch after batch; what got no answer goes back to `unsent`."""
    number = 0
    with grpc.insecure_channel(target) as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        while True:
            ids = unsent[:BATCH]
            del unsent[:BATCH]
            while len(ids) < BATCH:
                ids.append(f"{seed}-{number}")
                number += 1
            request = ingest_pb2.BatchReportToolUsesRequest(
                parent=PARENT, tool_uses=[_use(own_id) for own_id in ids]
            )
            try:
                answer = stub.BatchReportToolUses(request, timeout=10)
            except grpc.RpcError:
                unsent += ids
                return
            for own_id, result in zip(ids, answer.results, strict=True):
                assert result.WhichOneof("result") == "receipt", result.error.message
                place = (result.receipt.leaf_index, result.receipt.leaf_hash)
                assert places.setdefault(own_id, place) == place


def _kill_in_the_middle(server: LocalServer, unsent: list[str], places: Places, seed: int) -> None:
    reporters = []
    parts: list[list[str]] = [unsent[::2], unsent[1::2]]
    unsent.clear()
    for number, part in enumerate(parts):
        arguments = (server.grpc, part, places, seed * 10 + number)
        reporters.append(threading.Thread(target=_report_until_killed, args=arguments))
    for reporter in reporters:
        reporter.start()
    time.sleep(0.15 + 0.5 * random.random())
    server.kill()
    for reporter in reporters:
        reporter.join()
    for part in parts:
        unsent += part


def _register(target: str) -> None:
    with grpc.insecure_channel(target) as channel:
        registry_pb2_grpc.RegistryServiceStub(channel).RegisterAgency(
            registry_pb2.RegisterAgencyRequest(
                parent=PARENT,
                agency=registry_pb2.Agency(name=AGENCY, display_name="Sampleton Police"),
            )
        )


def _report_again(target: str, ids: list[str]) -> Places:
    """Where each stands: the first receipts again, or new ones where nothing had landed."""
    found: Places = {}
    with grpc.insecure_channel(target) as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        for start in range(0, len(ids), 1000):
            some = ids[start : start + 1000]
            request = ingest_pb2.BatchReportToolUsesRequest(
                parent=PARENT, tool_uses=[_use(own_id) for own_id in some]
            )
            answer = stub.BatchReportToolUses(request)
            for own_id, result in zip(some, answer.results, strict=True):
                found[own_id] = (result.receipt.leaf_index, result.receipt.leaf_hash)
    return found


def _tree_size(target: str) -> int:
    with grpc.insecure_channel(target) as channel:
        request = proofs_pb2.GetTreeHeadRequest(parent=PARENT)
        return int(proofs_pb2_grpc.ProofsServiceStub(channel).GetTreeHead(request).tree_size)


@pytest.mark.timeout(600)
def test_killed_server_loses_nothing_acknowledged(tmp_path: Path, database_url: str | None) -> None:
    """Every acknowledged use is there once, at the place its receipt says; the audit passes."""
    places: Places = {}
    unsent: list[str] = []
    data = tmp_path / "data"
    for seed in range(KILLS):
        server = LocalServer(data, database_url=database_url)
        server.start()
        if seed == 0:
            _register(server.grpc)
        _kill_in_the_middle(server, unsent, places, seed)
    assert len(places) > KILLS * BATCH
    with LocalServer(data, database_url=database_url) as server:
        # What got no answer is reported again: it lands once, wherever it was cut off.
        late = _report_again(server.grpc, unsent)
        assert places == _report_again(server.grpc, list(places))
        everywhere = {leaf_index for leaf_index, _ in [*places.values(), *late.values()]}
        assert len(places) + len(late) == len(everywhere)
        # The agency and the uses, nothing else and nothing twice.
        assert 1 + len(everywhere) == _tree_size(server.grpc)
    where = ["--database-url", database_url] if database_url else []
    audited = subprocess.run(
        [sys.executable, "-m", "services.cli", "audit", "--data", str(data), *where],
        check=False,
        capture_output=True,
        text=True,
    )
    assert audited.returncode == 0, audited.stdout + audited.stderr
