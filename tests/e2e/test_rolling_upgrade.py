"""The last release and this one, on one ledger: side by side, and one after the other."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli.local_server import LocalServer
from tests.e2e.conftest import STORES, Place, run
from tests.e2e.front_ends import (
    ANY_SIZE,
    PROVE_COUNT,
    FrontEnd,
    head,
    make_keys,
    register,
    report_again,
    writers,
)
from tests.e2e.last_release import run_last, unpack
from tests.postgres import create_database, drop_database


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources of the last release."""
    sources = unpack(tmp_path_factory.mktemp("last"))
    where = [sys.executable, "-c", "import services.cli.serve as s; print(s.__file__)"]
    said = subprocess.run(where, cwd=sources, capture_output=True, text=True, check=True).stdout
    assert str(sources) in said, "the tests would compare this release with itself"
    return sources


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


def migrate(place: Place) -> None:
    """As an operator does, whatever the release before left."""
    place.candour("db", "migrate")


def proven_by(release: Path, place: Place, out: Path) -> Path:
    """A bundle by the commands of another release."""
    asked = (*PROVE_COUNT, "--out", out)
    done = run_last(release, "services.cli", *asked, CANDOUR_TARGET=place.server.grpc)
    assert 0 == done.exit_code, done.err
    return out


def proven(place: Place, out: Path) -> Path:
    """A bundle by ours."""
    place.candour(*PROVE_COUNT, "--out", out)
    return out


def await_views(place: Place, uses: int) -> None:
    """Wait until ours counts so many uses; each question waits half a minute for views of its own."""
    for _ in range(6):
        target = {"CANDOUR_TARGET": place.server.grpc}
        asked = ("uses", "summary", "--by", "agency", "--format", "json")
        done = run("candour", *asked, environment=target)
        if done.exit_code == 0 and sum(row["count"] for row in json.loads(done.out)) == uses:
            return
        time.sleep(0.5)  # between questions, each a process of its own
    raise AssertionError(done.out + done.err)


@pytest.mark.timeout(600)
def test_side_by_side(last: Path, postgres_url: str, tmp_path: Path) -> None:
    """Old and new front-ends write to one ledger while it is migrated; each verifies the other's."""
    keys = make_keys(tmp_path / "secret")
    environment = {"CANDOUR_DATABASE_URL": postgres_url}
    old = FrontEnd(tmp_path / "old", keys, environment, release=last)
    new = FrontEnd(tmp_path / "new", keys, environment)
    trust = tmp_path / "new" / "trust.txt"
    try:
        old.start()
        register(old.grpc)
        with writers([old.grpc], tmp_path) as early:
            early.await_more(20)
            # With a writer of the last release.
            migrate(Place(new.data, postgres_url, old.running))
            early.await_more(20)
            place = Place(old.data, postgres_url, old.running)
            by_old = proven_by(last, place, tmp_path / "old.json")
            new.start()
            with writers([new.grpc], tmp_path, prefix="late") as late:
                late.await_more(20)
                early.await_more(20)
                old.kill()
                old.start()  # the last release still starts on what was migrated
                early.await_more(20)
                placed = early.end() | late.end()
        place = Place(new.data, postgres_url, new.running)
        old.running.stop()
        assert placed == report_again(new.grpc, list(placed))
        assert len(placed) == len(set(placed.values()))
        # Side by side both make the views anew, where their layouts differ; alone, this one ends.
        await_views(place, len(placed))
        by_new = proven(place, tmp_path / "new.json")
        place.candour("audit")
    finally:
        old.kill()
        new.kill()
    for bundle in (by_old, by_new):
        checked = run_last(last, "ledger.verify", bundle, "--trust", trust, *ANY_SIZE)
        assert 0 == checked.exit_code, checked.out + checked.err
        checked = run("candour-verify", bundle, "--trust", trust, *ANY_SIZE)
        assert 0 == checked.exit_code, checked.out + checked.err


@pytest.mark.timeout(600)
def test_one_after_the_other(last: Path, database_url: str | None, tmp_path: Path) -> None:
    """What the last release left, keys and all, this one goes on with, and the audit is clean."""
    data, spool = tmp_path / "data", tmp_path
    with LocalServer(data, database_url=database_url, release=last) as server:
        register(server.grpc)
        with writers([server.grpc], spool) as load:
            load.await_more(100)
            placed = load.end()
        place = Place(data, database_url, server)
        by_old = proven_by(last, place, tmp_path / "old.json")
        size = head(server.grpc)
    migrate(place)
    with LocalServer(data, database_url=database_url) as server:
        assert size == head(server.grpc)
        assert placed == report_again(server.grpc, list(placed))
        place = Place(data, database_url, server)
        rows = place.json("uses", "summary", "--by", "agency")
        assert [len(placed)] == [row["count"] for row in rows]
        for bundle in (by_old, proven(place, tmp_path / "new.json")):
            checked = run("candour-verify", bundle, "--trust", data / "trust.txt", *ANY_SIZE)
            assert 0 == checked.exit_code, checked.out + checked.err
    place.candour("audit")
