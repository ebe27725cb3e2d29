"""Where do other observers' logs differ from the ledger? Reads of `view_discrepancies`.

Each is one read at one tree size; what was found and why it was resolved stands in the entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, case, func, select

from ledger.store import view_tables as t
from ledger.store.view_writer import unread_count


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which discrepancies; None: of any.

    Members:
        open: True for those that nobody has resolved, False for the others.
    """

    tree_size: int
    observer: str | None = None
    agency: str | None = None
    kind: str | None = None
    open: bool | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many of one observer and kind stand open, and were resolved."""

    observer: str
    kind: str
    open: int
    resolved: int


def discrepancies_page(
    engine: Engine, wanted: Wanted, after: int, limit: int
) -> list[tuple[int, int | None]]:
    """Leaf indexes of what was found beyond `after`, each with that of its resolution, if any."""
    columns = t.discrepancies.c
    resolved = case((columns.resolved < wanted.tree_size, columns.resolved), else_=None)
    query = (
        select(columns.found, resolved)
        .where(*_conditions(wanted), columns.found > after)
        .order_by(columns.found)
        .limit(limit)
    )
    with engine.connect() as connection:
        return [(found, end) for found, end in connection.execute(query)]


def discrepancy_counts(engine: Engine, wanted: Wanted) -> tuple[list[Count], int]:
    """Open and resolved, by observer and kind, whatever state was asked for; unread entries."""
    columns = t.discrepancies.c
    ended = func.sum(case((columns.resolved < wanted.tree_size, 1), else_=0))
    query = (
        select(columns.observer, columns.kind, func.count(), ended)
        .where(*_conditions(wanted, with_state=False))
        .group_by(columns.observer, columns.kind)
        .order_by(columns.observer, columns.kind)
    )
    with engine.connect() as connection:
        counts = [
            Count(observer, kind, int(total) - int(done or 0), int(done or 0))
            for observer, kind, total, done in connection.execute(query)
        ]
        return counts, unread_count(connection, wanted.tree_size)


def _conditions(wanted: Wanted, *, with_state: bool = True) -> list[ColumnElement[Any]]:
    columns = t.discrepancies.c
    conditions: list[ColumnElement[Any]] = [columns.found < wanted.tree_size]
    for column, text in (
        (columns.observer, wanted.observer),
        (columns.agency, wanted.agency),
        (columns.kind, wanted.kind),
    ):
        if text is not None:
            conditions.append(column == text)
    if with_state and wanted.open is not None:
        ended = columns.resolved < wanted.tree_size
        conditions.append(~ended if wanted.open else and_(ended))
    return conditions
