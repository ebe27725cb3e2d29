"""A ledger moved to another PostgreSQL cluster while it is written to, by the routing table."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import grpc
import pytest

from ledger.store.moved import LedgerMoved, Mark, seal
from ledger.store.postgres import PostgresStore
from ledger.tlog import VerifierKey
from services.cli.failures import CommandFailed
from services.runtime.http_client import get
from tests.e2e.conftest import Place
from tests.e2e.front_ends import (
    FrontEnd,
    head,
    make_keys,
    register,
    report_again,
    writers,
)
from tests.e2e.test_front_ends import check_published
from tests.e2e.witnessed import candour, eventually
from tests.postgres import PostgresCluster, create_database, drop_database

LEDGERS = ("main", "court")


@pytest.fixture
def clusters(postgres_server: str, postgres_cluster: PostgresCluster) -> Iterator[tuple[str, str]]:
    """A database each in two clusters: one that all tests use, one of this test's own."""
    here, there = create_database(postgres_server), create_database(postgres_cluster.url())
    yield here, there
    drop_database(postgres_server, here)


def write_routes(path: Path, here: str) -> None:
    path.write_text(
        "# Which ledger lives where.\n"
        + "".join(f'[ledgers.{name}]\ndatabase = "{here}"\n\n' for name in LEDGERS)
        + f'[directory]\ndatabase = "{here}"\n'
    )
    path.chmod(0o600)


@pytest.mark.timeout(600)
def test_moved_while_it_is_written_to(clusters: tuple[str, str], tmp_path: Path) -> None:
    """Nothing is lost or doubled; monitors of ledger and directory see one history; the old place
    takes and signs nothing more, and the other ledger noticed nothing."""
    here, there = clusters
    table = tmp_path / "routes.toml"
    write_routes(table, here)
    keys = make_keys(tmp_path / "secret", (*LEDGERS, "directory"))
    environment = {"CANDOUR_ROUTES": str(table), "CANDOUR_LEDGER": ""}
    ends = [FrontEnd(tmp_path / f"f{n}", keys, environment) for n in range(2)]
    with ExitStack() as stack:
        for one in ends:
            stack.callback(one.kill)
            one.start()
        for name in LEDGERS:
            register(ends[0].grpc, name)
        targets = [one.grpc for one in ends]
        load = stack.enter_context(writers(targets, tmp_path))
        others = stack.enter_context(writers(targets[:1], tmp_path, ledger="court"))
        load.await_more()
        look(ends[0], tmp_path)

        # A mover that was killed after it had stopped the ledger; aborted, all go on by themselves.
        seal(here, "candour_main", Mark("0", "nowhere", "2026-01-01T00:00:00Z"))
        for one in ends:
            eventually(lambda one=one: status_of(one, "/readyz"), lambda status: status == 503)  # type: ignore[misc]  # mypy infers no lambda with a default
        assert "nowhere" in candour("ledgers", "move", "main", "--routes", table, "--abort")
        load.await_more()
        for one in ends:
            eventually(lambda one=one: status_of(one, "/readyz"), lambda status: status == 200)  # type: ignore[misc]  # mypy infers no lambda with a default

        move = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "ledgers", "move", "main"],
            env={**os.environ, "CANDOUR_ROUTES": str(table), "CANDOUR_MOVE_TO": there},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        said, _ = move.communicate(timeout=120)
        assert 0 == move.returncode, said
        assert f'"{there}"' in table.read_text()
        place = Place(ends[0].data, None, ends[0].running)
        rows = place.json("ledgers", "list", "--routes", table)
        assert ["main", "court", "directory"] == [row["ledger"] for row in rows]
        assert {"here"} == {row["state"] for row in rows}

        # Front-ends that were not told yet: callers come again, and are sent elsewhere.
        with closing(PostgresStore(here, create=False)) as old:
            left = old.head()
            with pytest.raises(LedgerMoved):
                old.pseudonyms({})
        eventually(lambda: status_of(ends[1], "/readyz"), lambda status: status == 503)
        others.await_more(5)
        with pytest.raises(grpc.RpcError) as refused:
            register(ends[1].grpc)
        assert grpc.StatusCode.UNAVAILABLE == refused.value.code()
        for one in ends:
            one.running.stop()
            one.start()
        load.await_more()
        placed, theirs = load.end(), others.end()
        look(ends[0], tmp_path)

        assert len(placed) == len(set(placed.values()))
        for one in ends:
            assert placed == report_again(one.grpc, list(placed))
        assert theirs == report_again(ends[0].grpc, list(theirs), "court")
        size = head(ends[1].grpc)
        assert size == 1 + len(placed)  # the agency, and each use once
    for name in (*LEDGERS, "directory"):
        place.candour("audit", "--routes", table, "--ledger", name)
    place.candour("audit", "--routes", table, "--directory")
    with closing(PostgresStore(there)) as new, closing(PostgresStore(here, create=False)) as old:
        key = VerifierKey.parse((ends[0].data / "main.vkey").read_text().strip())
        assert check_published(new, key) > check_published(old, key)
        assert left == old.head()
    # Somebody starts a front-end with the old table.
    write_routes(table, here)
    with pytest.raises(CommandFailed, match=r"is being moved to .*, or was"):
        ends[0].start()
    ends[0].kill()


def look(end: FrontEnd, tmp_path: Path) -> None:
    """A monitor of the ledger and one of the directory: each fails where history is not one."""
    for name in ("main", "directory"):
        url, key = f"http://{end.running.http}/ledgers/{name}", end.data / f"{name}.vkey"
        candour("monitor", url, "--vkey", key, "--state", tmp_path / f"seen-{name}", "--once")


def status_of(end: FrontEnd, path: str) -> int:
    return get(f"http://{end.running.http}{path}", most=9_999, timeout_s=10).status
