"""Does `candour db` say how far a database is, show what it would do, and do it?"""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import psycopg
import pytest

from ledger.store.postgres_migrating import begin
from ledger.store.postgres_steps import STEPS
from services.cli.main import main
from services.runtime.hosting import open_ledger
from services.runtime.settings import Settings
from tests.e2e.conftest import STORES, Ran
from tests.store.olden import catalogs, make
from tests.store.test_migrations import file_says, make_file


@pytest.fixture(params=STORES)
def olden(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A ledger that release 0.1.0 began."""
    if request.param == "sqlite":
        make_file(tmp_path / "main.db")
        yield Settings(data=tmp_path)
        return
    url = request.getfixturevalue("postgres_url")
    make(url, 1)
    yield Settings(data=tmp_path, database_url=url)


def candour(at: Settings, *arguments: str) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    environment = {"CANDOUR_DATA": str(at.data), "CANDOUR_DATABASE_URL": at.database_url or ""}
    with patch.dict(os.environ, environment), redirect_stdout(out), redirect_stderr(err):
        code = main(["db", *arguments])
    return Ran(code, out.getvalue(), err.getvalue())


def said_by(at: Settings) -> object:
    return catalogs(at.database_url) if at.database_url else file_says(at.data / "main.db")


def test_pending_steps_are_shown_and_taken(olden: Settings) -> None:
    """Status, dry run, migration, status: each says what to do next, and only one of them does it."""
    before = said_by(olden)
    status = candour(olden, "status")
    assert (1, True, True) == (
        status.exit_code, "pending" in status.out, "candour db migrate" in status.err
    )  # fmt: skip
    planned = candour(olden, "migrate", "--dry-run")
    assert (0, before) == (planned.exit_code, said_by(olden))
    sql = "PARTITION BY RANGE" if olden.database_url else "PRAGMA application_id"
    assert sql in planned.out
    assert planned.out.startswith("-- ledger main, 2.1 ")
    rows = json.loads(candour(olden, "migrate", "--dry-run", "--format", "json").out)
    assert all(row["locks"] and row["sql"] in planned.out for row in rows)

    done = candour(olden, "migrate")
    assert (0, True) == (done.exit_code, "step 2" in done.err)
    after = candour(olden, "status", "--format", "json")
    states = {row["number"]: row["state"] for row in json.loads(after.out)}
    assert 0 == after.exit_code
    assert "taken" == states.pop(1)
    if olden.database_url:
        assert "held: --to 5" == states.pop(5)
        assert "--to 5" in done.err
        assert 0 == candour(olden, "migrate", "--to", "5").exit_code
    assert {"taken"} == set(states.values())
    assert "nothing to do" in candour(olden, "migrate").err
    assert "nothing to do" in candour(olden, "migrate", "--dry-run").err


def test_all_ledgers_of_a_place_are_brought_along(postgres_url: str, tmp_path: Path) -> None:
    """The directory too, unless one is named."""
    with psycopg.connect(postgres_url) as connection:
        for name in ("main", "court", "directory"):
            begin(connection, f"candour_{name}", to=1)
    at = Settings(data=tmp_path, database_url=postgres_url)
    one = json.loads(candour(at, "migrate", "--ledger", "court", "--format", "json").out)
    assert {("court", 2), ("court", 3), ("court", 4)} == {(r["ledger"], r["number"]) for r in one}
    rest = json.loads(candour(at, "migrate", "--format", "json").out)
    assert {"directory", "main"} == {row["ledger"] for row in rest}


def test_where_nothing_is_it_says_so(tmp_path: Path) -> None:
    """A wrong place is not made into a ledger."""
    at = Settings(data=tmp_path)
    for arguments in (["status"], ["migrate"], ["migrate", "--ledger", "main"]):
        ran = candour(at, *arguments)
        assert (1, True) == (ran.exit_code, "no ledger" in ran.err), ran.err
    assert [] == list(tmp_path.iterdir())


def test_server_brings_a_file_along_and_tells_of_postgres(
    olden: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite is mended as it is opened; PostgreSQL is served as it is, and somebody is told."""
    with caplog.at_level(logging.INFO, logger="candour.schema"):
        hosted = open_ledger(olden)
    hosted.close()
    if olden.database_url is None:
        assert "has schema 2 now" in caplog.text
    else:
        assert f"has schema 1, and this release makes {STEPS[-1].number}" in caplog.text
        assert "candour db migrate" in caplog.text
