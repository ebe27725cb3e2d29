"""What do many uses show together? Counts by keys, and the first and last, as of a tree size.

    Sought ──compiler_for──► conditions ──GROUP BY──► ids ──names──► GroupCount

Pure twins: ledger/projections/aggregates.py; what they say of a fold is what these say of the views.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, case, func, select

from ledger.errors import Refused
from ledger.limits import MAX_GROUPS
from ledger.projections.aggregates import (
    DELAYS,
    GROUP_KEYS,
    LONGER,
    MAX_GROUP_KEYS,
    Extent,
    GroupCount,
)
from ledger.projections.questions import fields_of
from ledger.projections.sought import Sought
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST, ReasonState, month_text
from ledger.store import view_tables as t
from ledger.store.chunks import chunks
from ledger.store.core import LedgerStore
from ledger.store.view_names import aliases_at, compiler_for, counting

_HOUR_US: Final = 3_600_000_000
# Keys that indexes begin with, after the agency, in the order of reports; and how names of them begin.
_IN_ORDER: Final = {"technology": "technologies", "source": "sources"}
_MANY_NAMES: Final = 200  # each a query of some 0.1 ms


class TooManyGroups(Refused):
    """The uses fall into more groups than one answer holds."""

    def __init__(self) -> None:
        super().__init__(f"there are more than {MAX_GROUPS} groups: narrow the question")


class ViewAggregates:
    """Aggregates over the views of one ledger."""

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self._engine, self._store = engine, store

    def groups(self, sought: Sought, by: Sequence[str]) -> list[GroupCount]:
        """How many uses in each group, by one or two of GROUP_KEYS, sorted by key.

        Raises:
            TooManyGroups: Beyond MAX_GROUPS.
        """
        assert 0 < len(by) <= MAX_GROUP_KEYS
        assert set(by) <= set(GROUP_KEYS)
        with self._engine.connect() as connection:
            compiler = compiler_for(connection, self._store, sought)
            certain, parts = counting(compiler, sought)
            source: Any = t.uses
            if "authorization" in by:
                source = _with_citations(sought.tree_size)
            keys = [_column(name) for name in by]
            rows: list[Any] = []
            for conditions in parts:
                query = (
                    select(*keys, func.sum(certain), func.count())
                    .select_from(source)
                    .where(*conditions)
                    .group_by(*keys)
                    .limit(MAX_GROUPS + 1)
                )
                rows += connection.execute(query).all()
            if len(rows) > MAX_GROUPS:
                raise TooManyGroups
            texts = [
                _texts(connection, name, {row[place] for row in rows}, sought.tree_size)
                for place, name in enumerate(by)
            ]
        counts: dict[tuple[str, ...], list[int]] = {}
        for row in rows:
            key = tuple(told[row[place]] for place, told in enumerate(texts))
            sums, (count, matched) = counts.setdefault(key, [0, 0]), row[len(by) :]
            sums[0] += int(count)
            sums[1] += int(matched) - int(count)
        return sorted(GroupCount(key, *numbers) for key, numbers in counts.items())

    def examples(self, sought: Sought, by: Sequence[str]) -> dict[tuple[str, ...], int]:
        """For each group of uses that may be found, the first to be reported, by leaf index."""
        with self._engine.connect() as connection:
            compiler = compiler_for(connection, self._store, sought)
            _certain, parts = counting(compiler, sought)
            source: Any = _with_citations(sought.tree_size) if "authorization" in by else t.uses
            rows = self._one_by_one(connection, sought, by, parts[0])
            if rows is None:
                rows, keys = [], [_column(name) for name in by]
                for conditions in parts:
                    query = (
                        select(*keys, func.min(t.uses.c.first))
                        .select_from(source)
                        .where(*conditions)
                        .group_by(*keys)
                        .limit(MAX_GROUPS + 1)
                    )
                    rows += [tuple(row) for row in connection.execute(query)]
            if len(rows) > MAX_GROUPS:
                raise TooManyGroups
            texts = [
                _texts(connection, name, {row[place] for row in rows}, sought.tree_size)
                for place, name in enumerate(by)
            ]
        firsts: dict[tuple[str, ...], int] = {}
        for *numbers, first in rows:
            key = tuple(told[number] for told, number in zip(texts, numbers, strict=True))
            firsts[key] = min(int(first), firsts.get(key, int(first)))
        return dict(sorted(firsts.items()))

    def _one_by_one(
        self, connection: Connection, sought: Sought, by: Sequence[str], conditions: Sequence[Any]
    ) -> list[tuple[Any, ...]] | None:
        """The first of each technology, or source, of an agency, where an index begins with it.

        None where reading all uses once is the better way: many names, or bounds of time.
        """
        fields = fields_of(sought.possible)
        if len(by) != 1 or by[0] not in _IN_ORDER or fields != {"agency"}:
            return None
        begins = _IN_ORDER[by[0]]
        named = select(t.names.c.id).where(t.names.c.name.between(f"{begins}/", f"{begins}0"))
        numbers = connection.execute(named.limit(_MANY_NAMES + 1)).scalars().all()
        if len(numbers) > _MANY_NAMES:
            return None
        uses, found = t.uses.c, []
        for number in (None, *numbers):
            wanted = select(uses.first).where(*conditions, uses[by[0]] == number)
            first = connection.execute(wanted.order_by(uses.first).limit(1)).scalar()
            if first is not None:
                found.append((number, first))
        return found

    def extent(self, sought: Sought) -> Extent | None:
        """The first and the last use that are found for certain; None where there is none."""
        uses = t.uses.c
        with self._engine.connect() as connection:
            compiler = compiler_for(connection, self._store, sought)
            base = [
                compiler.standing(),
                compiler.counted(),
                compiler.certain(sought.certain),
            ]
            first = connection.execute(
                select(uses.first, uses.earliest_us)
                .where(*base, uses.earliest_us != OPEN_EARLIEST)
                .order_by(uses.earliest_us, uses.first)
                .limit(1)
            ).first()
            last = connection.execute(
                select(uses.first, uses.latest_us)
                .where(*base, uses.latest_us != OPEN_LATEST)
                .order_by(uses.latest_us.desc(), uses.first.desc())
                .limit(1)
            ).first()
        if first is None or last is None:
            return None
        return Extent(first.first, first.earliest_us, last.first, last.latest_us)


def _with_citations(tree_size: int) -> Any:
    cited = t.use_authorizations.c
    return t.uses.outerjoin(
        t.use_authorizations,
        and_(cited.first == t.uses.c.first, cited.since < tree_size, cited.until >= tree_size),
    )


def _column(key: str) -> Any:
    """A key's numbers. `+ 0` keeps SQLite from reading rows one by one in an index's order."""
    if key == "authorization":
        return t.use_authorizations.c.authorization + 0
    if key != "delay":
        return t.uses.c[key] + 0
    late_us = t.uses.c.recorded_us - t.uses.c.latest_us
    upto = [(late_us <= hours * _HOUR_US, place) for place, (hours, _) in enumerate(DELAYS)]
    return case((t.uses.c.latest_us == OPEN_LATEST, -1), *upto, else_=len(DELAYS))


def _texts(
    connection: Connection, key: str, numbers: Iterable[int | None], tree_size: int
) -> dict[int | None, str]:
    """What the numbers of a key stand for; None is the text "" of what is not said."""
    known = {number for number in numbers if number is not None}
    if key == "month":
        found = {number: month_text(number) for number in known}
    elif key == "reason_state":
        found = {number: ReasonState(number).name.lower() for number in known}
    elif key == "delay":
        names = ("", *(name for _, name in DELAYS), LONGER)
        found = {number: names[number + 1] for number in known}
    else:
        found = names_of(connection, known)
        if key == "technology":
            aliases = aliases_at(connection, tree_size)
            found = {number: aliases.head(name) for number, name in found.items()}
    return {None: "", **{number: found[number] for number in known}}


def names_of(connection: Connection, numbers: Iterable[int]) -> dict[int, str]:
    """The names of ids."""
    found: dict[int, str] = {}
    for some in chunks(sorted(numbers)):
        wanted = select(t.names.c.id, t.names.c.name).where(t.names.c.id.in_(some))
        found.update(connection.execute(wanted).tuples().all())
    return found
