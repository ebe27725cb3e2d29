"""The disk is full: callers are told when to come again, nothing is lost, and room is enough to go on.

candour serve, reports flow ─► no room left ─► refused, still read ─► room ─► reports flow ─► audit
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import grpc
import psycopg
import pytest

from services.cli.client import Client
from services.cli.local_server import LocalServer
from services.cli.options import Connection
from services.pb.candour.v1 import query_pb2
from tests.faults.servers.callers import (
    PARENT,
    SOON_S,
    Watched,
    register,
    tree_size,
    until,
    watched,
)
from tests.faults.servers.checks import audited, nothing_lost
from tests.faults.small_disk import SmallDisk, small_disk
from tests.faults.tally import Tally
from tests.postgres import PostgresCluster, create_database

_LEFT_BYTES = 256 * 1024


def full_and_back(seen: Watched, disk: SmallDisk) -> set[str]:
    """Fill the disk under a busy server, watch it refuse, make room; what callers were told."""
    disk.fill(leave_bytes=_LEFT_BYTES)
    reporters = seen.reporters
    refused = [0.0]

    def is_full() -> bool:
        bad = [told for told in reporters.since(seen.began) if told.code is not grpc.StatusCode.OK]
        refused[0] = bad[-1].sent_at if bad else 0.0
        return len(bad) >= 5

    until(is_full, "reports are refused")
    size = tree_size(seen.server.grpc)  # it is read all the while
    assert size > 100
    disk.fill(leave_bytes=0)
    until(lambda: seen.watcher.was("livez", 200, refused[0]), "alive while the disk is full")
    assert seen.server.process is not None
    assert seen.server.process.poll() is None
    told = [told for told in reporters.since(seen.began) if told.code is not grpc.StatusCode.OK]
    assert all(one.retry_s is not None for one in told), told
    disk.make_room()
    room_at = max(one.sent_at for one in reporters.told)
    until(lambda: reporters.recorded_since(room_at), "reports are recorded again", within_s=SOON_S)
    until(lambda: seen.watcher.was("readyz", 200, room_at), "ready again")
    return {f"{one.code.name} {one.reason}" for one in told}


def views_follow(server: LocalServer) -> None:
    """The projector has gone on, too: a page of uses as of the head."""
    with Client(Connection(target=server.grpc)) as client:
        request = query_pb2.ListToolUsesRequest(
            parent=PARENT, page_size=1, min_tree_size=tree_size(server.grpc)
        )
        assert len(client.query.ListToolUses(request, timeout=SOON_S).tool_uses) == 1


@pytest.mark.timeout(300)
def test_full_disk_under_sqlite(tmp_path: Path, tally: Tally) -> None:
    """The whole data directory is full: the server refuses, lives, and goes on without a restart."""
    with small_disk(tmp_path / "small", 24) as disk:
        data = disk.root / "data"
        with LocalServer(data) as server:
            register(server.grpc)
            with watched(server, callers=2, batch=100) as seen:
                told = full_and_back(seen, disk)
            assert {"UNAVAILABLE STORE_UNAVAILABLE"} == told
            nothing_lost(server.grpc, seen.reporters.places, seen.reporters.unsent)
            views_follow(server)
        audited(data, None)
        tally("disk full", "sqlite, data directory", "refused, went on")


def folder_on(disk: SmallDisk, cluster: PostgresCluster, name: str) -> Path:
    """A folder of PostgreSQL's own on a small disk."""
    folder, owner = disk.root / name, cluster.data.stat()
    folder.mkdir(mode=0o700)
    os.chown(folder, owner.st_uid, owner.st_gid)
    return folder


def database_on(disk: SmallDisk, cluster: PostgresCluster) -> str:
    """URL of a database whose tables lie on a small disk, and whose log does not."""
    place = folder_on(disk, cluster, "tables")
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
        connection.execute("CREATE DATABASE small TABLESPACE small TEMPLATE template0")
    return cluster.url("small")


@pytest.mark.timeout(300)
def test_full_disk_under_postgres(
    postgres_cluster: PostgresCluster, tmp_path: Path, tally: Tally
) -> None:
    """PostgreSQL's tables have no room: likewise; its own log is elsewhere."""
    # Not in tmp_path, which is ours alone.
    with small_disk(postgres_cluster.home / "small", 40) as disk:
        url = database_on(disk, postgres_cluster)
        with LocalServer(tmp_path / "data", database_url=url) as server:
            register(server.grpc)
            with watched(server, callers=2, batch=100) as seen:
                told = full_and_back(seen, disk)
            assert {"UNAVAILABLE STORE_UNAVAILABLE"} == told
            nothing_lost(server.grpc, seen.reporters.places, seen.reporters.unsent)
            views_follow(server)
        audited(tmp_path / "data", url)
        postgres_cluster.kill()  # it holds files there
        tally("disk full", "postgres, tables", "refused, went on")


@pytest.mark.chaos
@pytest.mark.timeout(600)
def test_full_disk_under_the_log_of_postgres(
    postgres_cluster: PostgresCluster, tmp_path: Path, tally: Tally
) -> None:
    """PostgreSQL's own log has no room: it ends itself. Whoever makes room starts it again, and
    the server, which lived, goes on by itself."""
    cluster = postgres_cluster
    cluster.stop()
    with small_disk(cluster.home / "small", 80) as disk:
        wal, there = cluster.data / "pg_wal", folder_on(disk, cluster, "wal")
        subprocess.run(["cp", "-a", f"{wal}/.", there], check=True)
        wal.rename(cluster.data / "pg_wal.before")
        wal.symlink_to(there)
        cluster.start()
        url = create_database(cluster.url())
        with LocalServer(tmp_path / "data", database_url=url) as server:
            register(server.grpc)
            with watched(server, callers=4, batch=500) as seen:
                disk.fill(leave_bytes=_LEFT_BYTES)
                until(lambda: not cluster.running, "PostgreSQL has ended itself", within_s=180)
                down_at = seen.reporters.told[-1].sent_at
                until(lambda: seen.watcher.was("readyz", 503, down_at), "not ready")
                assert seen.watcher.was("livez", 200, down_at)
                disk.make_room()
                cluster.kill()  # so that it is known to have ended
                cluster.start()
                up_at = seen.reporters.told[-1].sent_at
                until(lambda: seen.reporters.recorded_since(up_at), "reports are recorded again")
            nothing_lost(server.grpc, seen.reporters.places, seen.reporters.unsent)
            views_follow(server)
        audited(tmp_path / "data", url)
        cluster.kill()
        tally("disk full", "postgres, its log", "ended; restarted, went on")
