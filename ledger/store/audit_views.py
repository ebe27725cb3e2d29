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
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, select

from ledger.audit.report import AuditReport, Progress
from ledger.limits import AUDIT_BATCH
from ledger.store import view_tables as t
from ledger.store.audit_rows import compare, rows_of
from ledger.store.audit_usage import audit_usage
from ledger.store.core import LedgerStore
from ledger.store.view_layout import BEFORE_NUMBERS, NO_ROW, layout_in
from ledger.store.view_writer import ViewWriter

_TABLES: Final = [table for table in t.metadata.sorted_tables if table is not t.position]


def audit_views(
    store: LedgerStore, engine: Engine, report: AuditReport, progress: Progress
) -> None:
    """Compare the stored views with what the entries make of them; `engine` is only read."""
    layout = layout_in(engine)
    if layout in (None, BEFORE_NUMBERS):
        report.not_checked.append("the views: `candour serve` of this release makes them first")
        return
    if layout not in (t.LAYOUT, NO_ROW):
        found = f"the views have layout {layout}, this release's is {t.LAYOUT}"
        report.differs("view_position", None, found)
        return
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
                audit_usage(store, stored, fresh, report, progress)


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
            with closing(rows_of(stored, table)) as ours, closing(rows_of(made, table)) as theirs:
                report.count("view_rows", compare(table, ours, theirs, report))
    progress("view tables", len(_TABLES), len(_TABLES))


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
