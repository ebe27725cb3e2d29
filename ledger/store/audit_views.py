"""Do the views hold what the entries say? They are made anew beside, and compared row by row.

    entries ──ViewWriter──► fresh views in a temporary file ─┐
                                                             ├─ row by row, in key order
    stored views, one snapshot ──────────────────────────────┘

Most of the fresh views are made before the snapshot is taken, so that it is not held for
long; the projector may go on meanwhile. Memory is constant but for the names, as in the
projector itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    Boolean,
    Connection,
    Engine,
    Integer,
    Table,
    Text,
    collate,
    select,
    type_coerce,
)
from sqlalchemy.types import TypeEngine

from ledger.limits import AUDIT_BATCH
from ledger.store import view_tables as t
from ledger.store.audit_report import AuditReport, Progress
from ledger.store.core import LedgerStore
from ledger.store.view_writer import ViewWriter

_TABLES: Final = [table for table in t.metadata.sorted_tables if table is not t.position]
_Row: TypeAlias = tuple[Any, ...]


def audit_views(
    store: LedgerStore, engine: Engine, report: AuditReport, progress: Progress
) -> None:
    """Compare the stored views with what the entries make of them; `engine` is only read."""
    with _fresh_views() as fresh:
        writer = ViewWriter(fresh, store)
        with engine.connect() as connection:
            seen = _position(connection)
        done = _fold(writer, store, min(seen or 0, report.tree_size), report, progress)
        with _snapshot(engine) as stored:
            position = _position(stored)
            head = max(report.tree_size, store.head_row().size)  # read after the position
            if position is None or position > head:
                found = "no single position" if position is None else f"{position} entries"
                report.differs("view_position", None, f"says {found}; the log holds {head}")
                return
            if position < done:
                report.not_checked.append("the views: they were dropped while they were compared")
                return
            if _fold(writer, store, position, report, progress) == position:
                report.counts["views_tree_size"] = position
                _compare_tables(stored, fresh, report, progress)


def _fold(
    writer: ViewWriter, store: LedgerStore, stop: int, report: AuditReport, progress: Progress
) -> int:
    """Fold entries up to `stop`; returns how far they reached."""
    done = writer.position()
    while done < stop:
        wanted = min(AUDIT_BATCH, stop - done)
        entries = store.read_entries(done, wanted, with_disclosures=True)
        if len(entries) < wanted:
            report.differs("entries", done, f"entries after {done} are missing")
            return done
        done = writer.apply(entries)
        progress("views", done, stop)
    return done


def _compare_tables(
    stored: Connection, fresh: Engine, report: AuditReport, progress: Progress
) -> None:
    with fresh.connect() as made:
        for number, table in enumerate(_TABLES):
            progress("view tables", number, len(_TABLES))
            with closing(_rows(stored, table)) as ours, closing(_rows(made, table)) as theirs:
                report.count("view_rows", _compare(table, ours, theirs, report))
    progress("view tables", len(_TABLES), len(_TABLES))


def _compare(
    table: Table, stored: Iterable[_Row], made: Iterable[_Row], report: AuditReport
) -> int:
    """Name the first row that differs; returns how many were compared."""
    columns = [column.name for column in table.columns]
    keys = len(table.primary_key.columns)
    compared = 0
    for ours, theirs in zip_longest(stored, made):
        compared += 1
        if ours == theirs:
            continue
        if theirs is None or (ours is not None and _before(ours[:keys], theirs[:keys])):
            key, sentence = ours[:keys], "stands there, and no entry says so"
        elif ours is None or ours[:keys] != theirs[:keys]:
            key, sentence = theirs[:keys], "is missing"
        else:
            wrong = [
                name for name, one, other in zip(columns, ours, theirs, strict=True) if one != other
            ]
            key, sentence = ours[:keys], f"has another {', '.join(wrong)} than the entries give"
        where = ", ".join(f"{name}={value}" for name, value in zip(columns, key, strict=False))
        report.differs(table.name, where, f"the row {where} {sentence}")
        break
    return compared


def _before(one: _Row, other: _Row) -> bool:
    """Does a key sort before another? Numbers first, whatever SQLite let into a column."""
    return [_rank(value) for value in one] < [_rank(value) for value in other]


def _rank(value: Any) -> tuple[int, Any, str]:
    return (0, value, "") if isinstance(value, int) else (1, 0, str(value))


def _rows(connection: Connection, table: Table) -> Generator[_Row, None, None]:
    """All rows, by key, key columns first, as the database holds them."""
    keys = list(table.primary_key.columns)
    assert keys == list(table.columns)[: len(keys)], "keys come first"
    order: list[Any] = list(keys)
    if connection.dialect.name == "postgresql":  # whose own order of texts is the locale's
        order = [collate(key, "C") if isinstance(key.type, Text) else key for key in keys]
    wanted = select(*(_as_stored(column) for column in table.columns)).order_by(*order)
    options = {"yield_per": AUDIT_BATCH}
    with connection.execute(wanted, execution_options=options) as rows:
        for row in rows:
            yield tuple(row)


def _as_stored(column: Any) -> Any:
    """A boolean as the number it is, so that SQLite's 5 is not taken for true."""
    if isinstance(column.type, Boolean):
        kind: TypeEngine[Any] = Integer()
        return type_coerce(column, kind)
    return column


def _position(connection: Connection) -> int | None:
    """Entries that the views say they hold; None where they do not say it in one number."""
    rows = connection.execute(select(t.position.c.id, t.position.c.tree_size)).all()
    if len(rows) != 1 or rows[0].id != 0 or type(rows[0].tree_size) is not int:
        return None
    size: int = rows[0].tree_size
    return size if size >= 0 else None


@contextmanager
def _fresh_views() -> Iterator[Engine]:
    """Empty views in a file that is gone afterwards, without the indexes that only pages need."""
    with tempfile.TemporaryDirectory(prefix="candour-audit-") as folder:
        engine = t.open_engine(f"sqlite:///{Path(folder) / 'views.db'}")
        try:
            with engine.begin() as connection:
                for table in _TABLES:
                    for index in table.indexes:
                        index.drop(connection)
            yield engine
        finally:
            engine.dispose()


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """One moment of the stored views, for as long as it is looked at."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":  # SQLite reads so in any transaction
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
