"""Where do the ledger and another observer's log differ? Pages and counts, as of a tree size.

    DiscrepancyFilter ──conditions──► view_discrepancies ──► Discrepancy, in the order they were found
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, Row, case, func, select

from ledger.store import view_tables as t

GROUPS: Final = ("observation", "observer", "kind", "agency", "technology", "code")
_ASKED: Final = ("observation", "observer", "kind", "agency", "technology", "use")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscrepancyFilter:
    """Which ones; what is None is not asked for. `resolved` False: those that stand open."""

    observation: str | None = None
    observer: str | None = None
    kind: str | None = None
    agency: str | None = None
    technology: str | None = None
    use: str | None = None
    resolved: bool | None = None


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One difference as it stood at a tree size.

    Members:
        found, resolved: Leaf indexes; None while it is open.
        use: `toolUses/…`, where the ledger has one.
        code: How it was resolved.
    """

    name: str
    observation: str
    observer: str
    kind: str
    agency: str
    technology: str | None
    use: str | None
    found: int
    resolved: int | None
    code: str | None


@dataclass(frozen=True, slots=True)
class DiscrepancyCount:
    """One group: its key (a text for each grouping, "" for none), how many, how many open."""

    key: tuple[str, ...]
    count: int
    open: int


class DiscrepancyReader:
    """Reads the discrepancies of one ledger's views."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(
        self, wanted: DiscrepancyFilter, tree_size: int, after: int, limit: int
    ) -> list[Discrepancy]:
        """Those found after leaf index `after` (-1 for the first page), `limit` at most."""
        columns = t.discrepancies.c
        query = select(t.discrepancies).where(
            columns.found > after, *_conditions(wanted, tree_size)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(columns.found).limit(limit))
            return [_discrepancy(row, tree_size) for row in rows]

    def count(
        self, wanted: DiscrepancyFilter, tree_size: int, by: Sequence[str] = ("kind",)
    ) -> list[DiscrepancyCount]:
        """How many there are, in groups by some of GROUPS; by none, all in one."""
        assert set(by) <= set(GROUPS)
        keys: list[Any] = [func.coalesce(_key(name, tree_size), "") for name in by]
        still = func.sum(case((_open(tree_size), 1), else_=0))
        query = select(*keys, func.count(), still).where(*_conditions(wanted, tree_size))
        if keys:
            query = query.group_by(*keys)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        found = [
            DiscrepancyCount(tuple(row[: len(by)]), int(row[len(by)]), int(row[len(by) + 1] or 0))
            for row in rows
        ]
        return sorted(found, key=lambda group: group.key)


def _key(name: str, tree_size: int) -> Any:
    if name == "code":  # what was said later is not known yet
        return case((_open(tree_size), None), else_=t.discrepancies.c.code)
    return t.discrepancies.c[name]


def _open(tree_size: int) -> Any:
    return t.discrepancies.c.resolved >= tree_size


def _conditions(wanted: DiscrepancyFilter, tree_size: int) -> list[Any]:
    columns = t.discrepancies.c
    found: list[Any] = [columns.found < tree_size]
    asked = {name: getattr(wanted, name) for name in _ASKED}
    found += [columns[name] == value for name, value in asked.items() if value is not None]
    if wanted.resolved is not None:
        still = _open(tree_size)
        found.append(columns.resolved < tree_size if wanted.resolved else still)
    return found


def _discrepancy(row: Row[Any], tree_size: int) -> Discrepancy:
    is_open = row.resolved >= tree_size
    return Discrepancy(
        name=row.discrepancy,
        observation=row.observation,
        observer=row.observer,
        kind=row.kind,
        agency=row.agency,
        technology=row.technology,
        use=row.use,
        found=row.found,
        resolved=None if is_open else row.resolved,
        code=None if is_open else row.code,
    )
