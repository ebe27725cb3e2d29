"""What is measured, and on what? A real server process, a real database, real gRPC.

    Places ──place──► Place ──serve──► Lab(target, pid)

    encoded requests ──grpc.aio──► `candour serve` (own process, projector a child of it)
                                        │ fsync on
                                   PostgreSQL (own cluster) or SQLite (a file on disk)

Client, server, projector and database share the machine. Requests are serialized before
the clock starts; nothing else is left out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import grpc
import grpc.aio
import psycopg
from sqlalchemy import select

from bench.processes import children
from bench.requests import AGENCY, PARENT
from ledger.store.usage_tables import position as usage_position
from services.cli.local_server import LocalServer
from services.pb.candour.v1 import (
    proofs_pb2,
    proofs_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from services.runtime.settings import Settings
from services.runtime.views import open_views
from tests.postgres import PostgresCluster, create_database, drop_database

SERVICE = "/candour.v1.IngestService/"
OPTIONS = [
    ("grpc.max_send_message_length", 64 << 20),
    ("grpc.max_receive_message_length", 64 << 20),
]
_POLL_S: Final = 0.05
_END_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where one ledger lives: an empty folder, and a database of its own on PostgreSQL."""

    store: str
    data: Path
    database_url: str | None
    postmaster: int | None

    @property
    def settings(self) -> Settings:
        return Settings(data=self.data, database_url=self.database_url)


class Places:
    """Places for ledgers. One PostgreSQL server is behind them all, started when first needed.

    Use it as a context manager. `CANDOUR_BENCH_DIR` says where folders are made.
    """

    def __init__(self) -> None:
        self._cluster: PostgresCluster | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._cluster is not None:
            self._cluster.destroy()

    @contextmanager
    def place(self, store: str) -> Iterator[Place]:
        """A fresh place on `sqlite` or `postgres`, gone afterwards."""
        where = os.environ.get("CANDOUR_BENCH_DIR")
        data = Path(tempfile.mkdtemp(prefix="candour-bench-", dir=where))
        try:
            if store == "sqlite":
                yield Place(store, data, None, None)
                return
            cluster = self._server()
            url = create_database(cluster.url())
            postmaster = int((cluster.data / "postmaster.pid").read_text().splitlines()[0])
            try:
                yield Place(store, data, url, postmaster)
            finally:
                drop_database(cluster.url(), url)
                # Whoever is measured next shall not write what we left.
                with psycopg.connect(cluster.url(), autocommit=True) as connection:
                    connection.execute("CHECKPOINT")
        finally:
            shutil.rmtree(data, ignore_errors=True)

    def _server(self) -> PostgresCluster:
        if self._cluster is None:
            self._cluster = PostgresCluster({"shared_buffers": "256MB", "max_wal_size": "2GB"})
            self._cluster.start()
        return self._cluster

    @contextmanager
    def lab(self, store: str, environment: Mapping[str, str] | None = None) -> Iterator[Lab]:
        """A fresh ledger with one registered agency, and its server; nothing of it is kept."""
        with self.place(store) as place, serve(place, environment, keep=False) as running:
            register_agencies(running.target, {AGENCY: "Sampleton Police"})
            yield running


@dataclass(frozen=True, slots=True)
class Lab:
    """A running server, and its place."""

    place: Place
    target: str
    pid: int

    @property
    def store(self) -> str:
        return self.place.store

    @property
    def data(self) -> Path:
        return self.place.data

    @property
    def database_url(self) -> str | None:
        return self.place.database_url

    def heads(self) -> proofs_pb2.GetTreeHeadResponse:
        with grpc.insecure_channel(self.target, OPTIONS) as channel:
            stub = proofs_pb2_grpc.ProofsServiceStub(channel)
            return stub.GetTreeHead(proofs_pb2.GetTreeHeadRequest(parent=PARENT))

    def wait_for_views(self) -> int:
        """Wait until they hold all there is; returns the tree size."""
        with grpc.insecure_channel(self.target, OPTIONS) as channel:
            stub = proofs_pb2_grpc.ProofsServiceStub(channel)
            while True:
                head = stub.GetTreeHead(proofs_pb2.GetTreeHeadRequest(parent=PARENT))
                if head.projected_tree_size >= head.tree_size:
                    return head.tree_size
                time.sleep(_POLL_S)

    def wait_for_index(self) -> None:
        """Wait until the usage index holds all there is, by the projector's own pace."""
        size = self.wait_for_views()
        engine = open_views(self.place.settings, make=False)
        try:
            while True:
                with engine.connect() as connection:
                    position = connection.execute(select(usage_position.c.tree_size)).scalar()
                # The row is there from the first batch on.
                if (position or 0) >= size:
                    return
                time.sleep(_POLL_S)
        finally:
            engine.dispose()


@contextmanager
def serve(
    place: Place, environment: Mapping[str, str] | None = None, *, keep: bool = True
) -> Iterator[Lab]:
    """`candour serve` in a process of its own.

    Args:
        keep: False where its ledger goes with it: nothing is waited for but the end of its projector.
    """
    server = LocalServer(place.data, database_url=place.database_url, environment=environment)
    with server:
        assert server.process is not None
        yield Lab(place, server.grpc, server.process.pid)
        if not keep:
            projectors = children(server.process.pid)
            server.kill()
            _wait_for_end(projectors)
            server.process = None


def _wait_for_end(pids: list[int]) -> None:
    """They end by themselves when their parent is gone."""
    until = time.monotonic() + _END_S
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < until:
        time.sleep(_POLL_S / 5)


def register_agencies(target: str, names: Mapping[str, str]) -> None:
    """Display names by name; all at once, so that they share commits."""
    with grpc.insecure_channel(target) as channel:
        stub = registry_pb2_grpc.RegistryServiceStub(channel)
        asked = [
            stub.RegisterAgency.future(
                registry_pb2.RegisterAgencyRequest(
                    parent=PARENT, agency=registry_pb2.Agency(name=name, display_name=display)
                )
            )
            for name, display in names.items()
        ]
        for call in asked:
            call.result()


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
