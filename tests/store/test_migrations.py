"""Is a ledger the same however it came to its schema, and does nobody notice it on the way?"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import UniqueViolation

from ledger.errors import CandourError
from ledger.limits import MIGRATION_HOLD_S, MIGRATION_LOCK_S
from ledger.log import Receipt
from ledger.store import sqlite_steps
from ledger.store.core import LedgerStore, NewEntry, StoreMismatch
from ledger.store.moved import LedgerMoved, Mark, seal
from ledger.store.postgres import PostgresStore
from ledger.store.postgres_steps import STEPS
from ledger.store.sqlite import SqliteStore
from ledger.store.steps import COMPATIBLE, VERSION, SchemaMismatch
from services.runtime.committer import Committer
from tests.laws.trees import check_tree
from tests.ledgers import Ledger, Place, SqlitePlace
from tests.postgres import create_database, drop_database
from tests.store.audited import Audited, report
from tests.store.olden import SCHEMA, SMALL, Killed, OldenPlace, catalogs, killed_at, make, rows
from tests.store.test_contract import entry_of

LAST = STEPS[-1].number
WORDS = [(VERSION, str(LAST)), (COMPATIBLE, "2"), ("schema", "2")]


@pytest.fixture
def olden(postgres_url: str) -> Iterator[OldenPlace]:
    """A ledger as release 0.1.0 made it."""
    place = OldenPlace(postgres_url)
    yield place
    place.close()


@pytest.fixture
def olden_file(tmp_path: Path) -> Iterator[SqlitePlace]:
    """Likewise, in a file."""
    place = SqlitePlace(tmp_path)
    make_file(place.path)
    yield place
    place.close()


def make_file(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("BEGIN")
        sqlite_steps.begin(file, to=1)
        file.execute("COMMIT")


def file_says(path: Path) -> list[Any]:
    """All that SQLite would need to make the file's tables again."""
    with closing(sqlite3.connect(path)) as file:
        return [
            *file.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"),
            *file.execute("PRAGMA application_id"),
            *file.execute("PRAGMA user_version"),
            *file.execute("SELECT name, value FROM meta ORDER BY name"),
        ]


# --- where it ends -----------------------------------------------------------------
@pytest.mark.parametrize("version", range(1, LAST))
def test_fresh_and_migrated_are_the_same(
    postgres_server: str, postgres_url: str, version: int
) -> None:
    """From whichever schema it comes, a ledger's catalogs are to the byte those of a new one."""
    url = create_database(postgres_server)
    try:
        place = OldenPlace(url, version)
        place.open().append([entry_of(f"s/{n}") for n in range(SMALL - 1)])
        assert list(range(version + 1, LAST + 1)) == place.migrate(to=LAST)
        place.close()
        PostgresStore(postgres_url, entries_a_partition=SMALL).close()

        assert catalogs(postgres_url) == catalogs(url)
        assert sorted(WORDS) == rows(url, "SELECT name, value FROM meta ORDER BY name")
        assert sorted(WORDS) == rows(postgres_url, "SELECT name, value FROM meta ORDER BY name")
    finally:
        drop_database(postgres_server, url)


def test_fresh_and_migrated_files_are_the_same(olden_file: SqlitePlace, tmp_path: Path) -> None:
    """Likewise of SQLite."""
    sqlite_steps.migrate(olden_file.path)
    SqliteStore(tmp_path / "fresh.db").close()

    assert file_says(tmp_path / "fresh.db") == file_says(olden_file.path)


def test_old_ledger_is_brought_along_and_goes_on(olden: OldenPlace) -> None:
    """What stood there before and what comes after is one ledger, good in every part."""
    audited = Audited(olden)
    audited.live()
    assert 1 == audited.store.schema_state().version
    assert audited.audit().good
    assert [2, 3, 4] == olden.migrate()
    assert audited.audit().good
    audited.ledger.report(*(report(number) for number in range(5_000, 5_000 + 3 * SMALL)))
    audited.fold()
    audited.publish()
    assert [5] == olden.migrate(to=5)
    audited.ledger.report(report(6_000), report(5_000), report(3))

    found = audited.audit()
    assert [] == found.findings
    assert audited.size == found.counts["entries"]
    assert [audited.size] == [
        count for (count,) in rows(olden.url, "SELECT count(*) FROM stream_versions")
    ]


def test_old_file_is_brought_along_and_goes_on(olden_file: SqlitePlace) -> None:
    """Likewise of SQLite, under an open store."""
    audited = Audited(olden_file)
    audited.live()
    assert 1 == audited.store.schema_state().version
    assert [2] == [step.number for step in sqlite_steps.migrate(olden_file.path)]
    audited.ledger.report(report(6_000))

    assert (2, True) == (audited.store.schema_state().version, audited.audit().good)
    assert [] == sqlite_steps.migrate(olden_file.path)


def test_what_takes_away_waits_to_be_named(olden: OldenPlace) -> None:
    """By default front-ends of the last release can still be started afterwards."""
    olden.migrate()
    said = "SELECT name, value FROM meta ORDER BY name"
    there = "SELECT to_regclass('entries_stream') IS NOT NULL"
    words = [(COMPATIBLE, "1"), ("schema", "1"), (VERSION, "4")]
    assert (words, [(True,)]) == (rows(olden.url, said), rows(olden.url, there))
    olden.migrate(to=5)
    words = [(COMPATIBLE, "2"), ("schema", "2"), (VERSION, "5")]
    assert (words, [(False,)]) == (rows(olden.url, said), rows(olden.url, there))


def test_dry_run_changes_nothing(olden: OldenPlace) -> None:
    """The plan is SQL without blanks to fill in, and the database is as it was."""
    olden.open().append([entry_of(f"s/{n}") for n in range(7)])
    before = catalogs(olden.url), rows(olden.url, "SELECT * FROM meta")
    with olden.migrator() as migrator:
        plan = migrator.plan(to=LAST)

    assert [2, 3, 4, 5] == [step.number for step, _ in plan]
    sql = [text for _, parts in plan for _, text in parts]
    assert all("{" not in text for text in sql)
    assert any(f"CHECK (leaf_index < {2 * SMALL}) NOT VALID" in text for text in sql)
    assert all(part.locks for _, parts in plan for part, _ in parts)
    assert before == (catalogs(olden.url), rows(olden.url, "SELECT * FROM meta"))


# --- on the way ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("first", "stride"), [(0, 4), pytest.param(0, 1, marks=pytest.mark.thorough)]
)
def test_killed_anywhere_it_goes_on(postgres_url: str, first: int, stride: int) -> None:
    """Wherever a migration ends, the ledger goes on, and the next run ends it, to the byte."""
    # It is the order of things that is tested: no commit waits for the disk.
    url = f"{postgres_url}?options=-c%20synchronous_commit%3Doff"
    points: list[str] = []
    with closing(OldenPlace(url)) as place:
        _fill(place)
        place.migrate(to=LAST, watch=points.append)
    rows(url, f"DROP SCHEMA {SCHEMA} CASCADE")
    with closing(PostgresStore(url, entries_a_partition=SMALL)):
        wanted = catalogs(url)
    assert len(points) > 4 * (LAST - 1)
    for number in range(first, len(points), stride):
        rows(url, f"DROP SCHEMA {SCHEMA} CASCADE")
        with closing(OldenPlace(url)) as place:
            store = _fill(place)
            with pytest.raises(Killed):
                place.migrate(to=LAST, watch=killed_at(number))
            store.append([entry_of(f"t/{number}"), entry_of("s/0", 11), entry_of("s/0", 11)])
            place.migrate(to=LAST)
            store.append([entry_of("s/0", 12)])
            assert 93 == len(check_tree(store, of_entries=False)), points[number]
            assert (None, None) == (store.misnumbered(93), store.misplaced())
            assert 12 == len(store.read_stream("s/0"))
            assert wanted == catalogs(url), points[number]


def _fill(place: OldenPlace) -> LedgerStore:
    """Nine streams of ten entries each."""
    store = place.open()
    store.append([entry_of(f"s/{n % 9}", n // 9 + 1) for n in range(90)])
    return store


def test_killed_anywhere_a_file_goes_on(tmp_path: Path) -> None:
    """Likewise of SQLite: a step is there whole, or not at all."""
    for point in range(2):
        path = tmp_path / f"{point}.db"
        make_file(path)
        with pytest.raises(Killed):
            sqlite_steps.migrate(path, watch=killed_at(point))
        assert point + 1 == sqlite_steps.schema_of_file(path).version
        assert 1 - point == len(sqlite_steps.migrate(path))
        assert file_says(path)[-1] == ("schema_version", "2")


def test_two_migrators_take_turns(olden: OldenPlace) -> None:
    """Whoever starts a second one changes nothing, and both end well."""
    olden.open().append([entry_of(f"s/{n}") for n in range(90)])
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: olden.migrate(to=LAST), range(2)))

    assert max(done) == [2, 3, 4, 5]
    store = olden.open()
    assert (LAST, None) == (store.schema_state().version, store.misplaced())
    store.append([entry_of(f"t/{n}") for n in range(3 * SMALL)])
    assert 90 + 3 * SMALL == len(check_tree(store, of_entries=False))


BEARABLE_S = MIGRATION_LOCK_S + MIGRATION_HOLD_S + 2.0  # the last for a machine with other work


def test_writers_go_on(olden: OldenPlace) -> None:
    """Four front-ends report meanwhile: none fails, none waits for long, each use is there once."""
    first = Ledger(olden.open())
    first.register_agencies()
    first.report(*(report(number) for number in range(150)))
    ended = threading.Event()
    waited: list[float] = []

    async def front_end(number: int) -> list[Receipt | CandourError]:
        ledger = Ledger(olden.open(), seed=number + 1)
        committer = Committer(ledger.log)
        committer.start()
        results: list[Receipt | CandourError] = []
        turn = 0
        while not (ended.is_set() and turn >= 10):
            start = 10_000 * (number + 1) + 8 * turn
            # Every second turn is the same for all: whoever comes second gets the first's receipt.
            start = start if turn % 2 else 1_000 + 8 * turn
            reports = [report(each) for each in range(start, start + 8)]
            prepared = await asyncio.to_thread(ledger.prepare, reports)
            entries = [item for item in prepared if isinstance(item, NewEntry)]
            assert len(reports) == len(entries)
            began = time.monotonic()
            results += (await committer.submit(entries)).results
            waited.append(time.monotonic() - began)
            turn += 1
        await committer.drain()
        return results

    async def all_of_them() -> list[list[Receipt | CandourError]]:
        async def bring_along() -> None:
            try:
                await asyncio.sleep(0.2)
                await asyncio.to_thread(lambda: olden.migrate(to=LAST))
            finally:
                ended.set()

        migrating = asyncio.create_task(bring_along())
        told = await asyncio.gather(*map(front_end, range(4)))
        await migrating
        return told

    told = [result for results in asyncio.run(all_of_them()) for result in results]
    failed = [result for result in told if not isinstance(result, Receipt)]
    assert [] == failed
    assert max(waited) < BEARABLE_S
    store = olden.open()
    places = {result.name: result.leaf_index for result in told if isinstance(result, Receipt)}
    entries = check_tree(store)
    assert all(places[r.name] == r.leaf_index for r in told if isinstance(r, Receipt))
    assert 2 + 150 + len(places) == len(entries)
    assert (None, None) == (store.misnumbered(len(entries)), store.misplaced())
    audited = Audited(olden)
    audited.fold()
    assert [] == audited.audit().findings


def test_who_reads_for_long_keeps_nobody_waiting(olden: OldenPlace) -> None:
    """A backup reads on: the step tries again, writers go in between, and then it is done."""
    store = olden.open()
    store.append([entry_of(f"s/{n}") for n in range(20)])
    waited, tried = [], threading.Event()
    with psycopg.connect(olden.url) as reader, ThreadPoolExecutor(1) as pool:
        reader.execute(f"SELECT count(*) FROM {SCHEMA}.entries")
        done = pool.submit(olden.migrate, LAST, progress=lambda *_: tried.set())
        turn = 0
        while turn < 100 and not (tried.is_set() and turn > 10):
            began = time.monotonic()
            store.append([entry_of(f"t/{turn}")])
            waited.append(time.monotonic() - began)
            turn += 1
            time.sleep(0.05)
        assert not done.done()
        reader.rollback()
        assert [2, 3, 4, 5] == done.result()
    assert tried.is_set()
    assert max(waited) < BEARABLE_S
    assert 20 + turn == len(check_tree(store, of_entries=False))


# --- what it must not weaken ---------------------------------------------------------
def test_database_itself_refuses_a_second_version(olden: OldenPlace) -> None:
    """Whoever inserts, by whatever statement, a version of a stream is there once over all parts."""
    store = olden.open()
    store.append([entry_of("s/1")])
    insert = "INSERT INTO entries SELECT * FROM unnest(%s::bigint[], %s::text[], %s::int[], %s::text[], %s::bytea[])"
    for step in STEPS[1:]:
        olden.migrate(to=step.number)
        for place in (50, 2 * SMALL + 50):
            beyond = step.number < 3 and place > SMALL
            with pytest.raises(UniqueViolation):
                rows(olden.url, insert, [place], ["s/1"], [1], ["t"], [b"e"])
            if not beyond:
                with pytest.raises(UniqueViolation):
                    rows(olden.url, insert, [place] * 2, ["s/2"] * 2, [1, 2], ["t"] * 2, [b"e"] * 2)
    assert [(0, "s/1", 1)] == rows(
        olden.url, "SELECT leaf_index, stream, version FROM stream_versions"
    )


def test_statements_of_release_0_1_0_keep_streams_whole(olden: OldenPlace) -> None:
    """A front-end of the last release that still runs writes what the new one needs."""
    store = olden.open()
    olden.migrate()
    rows(
        olden.url,
        "INSERT INTO entries SELECT * FROM"
        " unnest(%s::bigint[], %s::text[], %s::int[], %s::text[], %s::bytea[])",
        *([0, 1], ["s/1", "s/1"], [1, 2], ["t", "t"], [b"a", b"b"]),
    )
    assert ([1, 2], None) == ([e.version for e in store.read_stream("s/1")], store.misplaced())


def test_lost_stream_is_named_by_an_audit(olden: OldenPlace) -> None:
    """Whoever takes a row from the table by which streams are found hides an entry: it is seen."""
    audited = Audited(olden)
    audited.live()
    olden.migrate(to=LAST)
    audited.sql("DELETE FROM stream_versions WHERE leaf_index = 41")
    assert ("stream_versions", 41) in [(f.what, f.where) for f in audited.audit().findings]
    audited.sql("INSERT INTO stream_versions VALUES ('s/none', 1, 41)")
    assert ("stream_versions", 41) in [(f.what, f.where) for f in audited.audit().findings]


def test_samples_of_what_is_protected_go(olden: OldenPlace) -> None:
    """ANALYZE keeps no value of a disclosure or of a person, and what it had kept is gone."""
    audited = Audited(olden)
    audited.live()
    rows(olden.url, "ANALYZE disclosures")
    rows(olden.url, "ANALYZE performers")
    kept = (
        "SELECT attname FROM pg_stats WHERE schemaname = 'candour_main' AND (tablename, attname) IN"
        " (('disclosures', 'fields'), ('performers', 'user_id'), ('performers', 'name'))"
    )
    assert [] != rows(olden.url, kept)
    olden.migrate()
    assert [] == rows(olden.url, kept)
    rows(olden.url, "ANALYZE disclosures")
    rows(olden.url, "ANALYZE performers")
    assert [] == rows(olden.url, kept)


def test_grants_stay(olden: OldenPlace) -> None:
    """Whoever may read entries, and they alone, may read them afterwards, and find streams."""
    role = f"candour_reader_{secrets.token_hex(4)}"
    rows(olden.url, f"CREATE ROLE {role}")
    try:
        rows(olden.url, f"GRANT SELECT ON entries TO {role}")
        olden.migrate(to=LAST)
        may = "SELECT has_table_privilege(%s, %s, %s)"
        for table in ("entries", "stream_versions"):
            assert [(True,)] == rows(olden.url, may, role, table, "SELECT")
            assert [(False,)] == rows(olden.url, may, role, table, "INSERT")
    finally:
        rows(olden.url, f"DROP OWNED BY {role}")
        rows(olden.url, f"DROP ROLE {role}")


# --- which release may work on what -------------------------------------------------
def test_newer_schema_is_refused_unless_it_says_otherwise(place: Place) -> None:
    """A release works on what a newer one has added, and refuses, or stops, when that asks for more."""
    place.forget()
    store = place.open()
    store.append([entry_of("s/1")])
    _set_meta(place, VERSION, "99")
    place.open().append([entry_of("s/2")])
    _set_meta(place, COMPATIBLE, "98")
    with pytest.raises(SchemaMismatch, match="newer release"):
        place.open()
    if not isinstance(place, SqlitePlace):  # a file's only other front-end has been stopped
        for call in _CALLS:
            with pytest.raises(SchemaMismatch):
                call(store)
    _set_meta(place, COMPATIBLE, "two")
    with pytest.raises(StoreMismatch, match="none"):
        place.open()
    place.forget()


_CALLS: list[Callable[[Any], Any]] = [
    lambda store: store.append([entry_of("s/3")]),
    lambda store: store.head(),
]


def _set_meta(place: Place, name: str, value: str) -> None:
    if isinstance(place, SqlitePlace):
        with closing(sqlite3.connect(place.path)) as file, file:
            file.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))
    else:
        rows(place.url, "UPDATE meta SET value = %s WHERE name = %s", value, name)  # type: ignore[attr-defined]


def test_no_ledger_is_not_begun(postgres_url: str, tmp_path: Path) -> None:
    """Whoever migrates where nothing is makes nothing."""
    with pytest.raises(StoreMismatch, match="no ledger"):
        OldenPlace.migrate(_Nowhere(postgres_url))  # type: ignore[arg-type]
    sqlite3.connect(tmp_path / "x.db").close()
    with pytest.raises(StoreMismatch, match="no ledger"):
        sqlite_steps.migrate(tmp_path / "x.db")


class _Nowhere:
    migrator = OldenPlace.migrator

    def __init__(self, url: str) -> None:
        self.url = url


def test_ledger_that_was_given_away_stays_as_it_is(olden: OldenPlace) -> None:
    """A move copies what stands there: nothing is changed under it."""
    seal(olden.url, SCHEMA, Mark("m", "elsewhere", "2026-11-24T00:00:00Z"))
    with pytest.raises(LedgerMoved):
        olden.migrate()


def test_made_again_it_is_left_alone(postgres_url: str) -> None:
    """Opening a ledger that is there makes nothing, at whichever schema it is."""
    make(postgres_url, 3)
    before = catalogs(postgres_url)
    PostgresStore(postgres_url).close()
    assert before == catalogs(postgres_url)
