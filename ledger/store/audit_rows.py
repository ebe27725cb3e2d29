"""Where do two tables first differ? Row by row, by key, in constant memory."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from itertools import zip_longest
from typing import Any, TypeAlias

from sqlalchemy import (
    Boolean,
    Connection,
    Integer,
    Table,
    Text,
    collate,
    select,
    type_coerce,
)
from sqlalchemy.types import TypeEngine

from ledger.audit.report import AuditReport
from ledger.limits import AUDIT_BATCH

Row: TypeAlias = tuple[Any, ...]


def compare(table: Table, stored: Iterable[Row], made: Iterable[Row], report: AuditReport) -> int:
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


def _before(one: Row, other: Row) -> bool:
    """Does a key sort before another? Numbers first, whatever SQLite let into a column."""
    return [_rank(value) for value in one] < [_rank(value) for value in other]


def _rank(value: Any) -> tuple[int, Any, str]:
    return (0, value, "") if isinstance(value, int) else (1, 0, str(value))


def rows_of(connection: Connection, table: Table) -> Generator[Row, None, None]:
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
