"""Is a copy of a SQLite ledger one moment of it, however hard it is written to?"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from ledger.store.copied import NOT_SERVABLE
from ledger.store.core import NewEntry
from ledger.store.sqlite import SqliteStore
from ledger.store.sqlite_copy import copy_file, put_together, root_of, split

SECRET = b"a name that nobody may find in the log"


def entry(number: int) -> NewEntry:
    made = NewEntry.of(f"s{number}", 1, "t", b"entry %d" % number)
    identity = number.to_bytes(32, "big")
    return NewEntry(
        *(made.stream, made.version, made.topic, made.entry, made.leaf_hash),
        identity=identity,
        disclosures=SECRET + b" %d" % number,
    )


def test_copy_under_load_is_one_moment(tmp_path: Path) -> None:
    """Head, entries, tiles and disclosures of a copy agree, while a writer never rests."""
    store, ended = SqliteStore(tmp_path / "main.db"), threading.Event()
    store.append([entry(n) for n in range(3_000)])

    def write() -> None:
        number = 3_000
        while not ended.is_set():
            store.append([entry(number)])
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        steps: list[tuple[int, int]] = []
        for turn in range(3):
            whole, log = tmp_path / f"whole{turn}.db", tmp_path / f"log{turn}.db"
            copy_file(tmp_path / "main.db", whole, lambda done, of: steps.append((done, of)))
            held = split(whole, log, tmp_path / f"apart{turn}.db")
            assert held.root == root_of(log, held.tree_size)
            assert {held.tree_size} == {held.counts["entries"], held.counts["disclosures"]}
            assert held.tree_size == held.reports
    finally:
        ended.set()
        writer.join()
        store.close()
    assert steps
    assert all(done <= of for done, of in steps)


def test_parts_make_the_ledger_again(tmp_path: Path) -> None:
    """Nothing protected is in the log's file; with the other part all rows are back, and marked."""
    with closing(SqliteStore(tmp_path / "main.db")) as store:
        store.append([entry(n) for n in range(300)])
        wanted = store.read_entries(0, 300, with_disclosures=True), store.head()
    whole, log, apart = (tmp_path / name for name in ("whole.db", "log.db", "apart.db"))
    copy_file(tmp_path / "main.db", whole, lambda _done, _of: None)
    split(whole, log, apart)
    assert SECRET not in log.read_bytes()
    assert SECRET in apart.read_bytes()

    put_together(log, apart, tmp_path / "again.db", why_not="it is a test")
    with closing(SqliteStore(tmp_path / "again.db")) as store:
        assert wanted == (store.read_entries(0, 300, with_disclosures=True), store.head())
        assert "it is a test" == store.meta()[NOT_SERVABLE]
    with closing(sqlite3.connect(tmp_path / "again.db")) as file:
        assert [("ok",)] == file.execute("PRAGMA integrity_check").fetchall()
