"""Which uses match, how many in each group, what is registered? Reads of the views.

Each read is one short transaction over one tree size; nothing here knows the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    and_,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from ledger.projections.questions import SUMMARY_KEYS, Question
from ledger.projections.registers import Aliases, Registers
from ledger.projections.sought import Sought
from ledger.projections.uses import month_text
from ledger.store import view_tables as t
from ledger.store.chunks import chunks
from ledger.store.core import LedgerStore
from ledger.store.register_snapshots import RegisterSnapshots
from ledger.store.view_aggregates import ViewAggregates
from ledger.store.view_names import aliases_at, compiler_for, counting, left_open
from ledger.store.view_patterns import ViewPatterns
from ledger.store.view_sql import Compiler
from ledger.store.view_writer import unread_count


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the phase (0 definite, 1 possible), time and leaf index."""

    phase: int
    earliest_us: int
    first: int


@dataclass(frozen=True, slots=True)
class Found:
    """One use of a page."""

    first: int
    definite: bool
    state: int
    import_withdrawn: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a summary; key "" where the value is not known or none is cited."""

    key: str
    display_name: str
    count: int
    possible: int


@dataclass(frozen=True, slots=True)
class Summary:
    groups: list[Group]
    count: int
    possible: int
    unread: int


@dataclass(frozen=True, slots=True)
class RegisteredName:
    name: str
    display_name: str
    aliases: tuple[str, ...]
    leaf_index: int
    withdrawn: bool


class ViewReader:
    """Answers from the views of one ledger."""

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self.engine, self.store = engine, store
        self._registers = RegisterSnapshots(engine, store)
        self.aggregates = ViewAggregates(engine, store)
        self.patterns = ViewPatterns(engine, store)

    def position(self) -> int:
        """Entries that the views hold."""
        with self.engine.connect() as connection:
            return int(connection.execute(select(t.position.c.tree_size)).scalar_one())

    def page(
        self,
        asked: Question | Sought,
        after: Place | None,
        limit: int,
        *,
        withdrawn: bool = False,
        phases: Sequence[int] = (0, 1),
    ) -> tuple[list[Found], int]:
        """Matching uses by time, those that match for certain first.

        Args:
            after: Where the last page ended; None for the first.
            limit: How many at most.
            withdrawn: Show uses that no longer count too.
            phases: 0, 1 or both: who knows that there is nothing in one leaves it out.
        Returns:
            The uses, and how many entries below the tree size could not be read.
        """
        sought = sought_of(asked)
        found: list[Found] = []
        with self.engine.connect() as connection:
            compiler = compiler_for(connection, self.store, sought)
            base = [compiler.standing()]
            if not withdrawn:
                base.append(compiler.counted())
            for phase in phases:
                if len(found) == limit or (after is not None and after.phase > phase):
                    continue
                room = limit - len(found)
                rows: list[Any] = []
                whole: list[tuple[Compiler, list[Any]]] = [(compiler, [])]
                for own, part in left_open(compiler, sought) if phase else whole:
                    wanted = _page_query(own, sought, phase).where(*base, *part)
                    if after is not None and after.phase == phase:
                        place = tuple_(t.uses.c.earliest_us, t.uses.c.first)
                        last = tuple_(literal(after.earliest_us), literal(after.first))
                        wanted = wanted.where(place > last)
                    rows += connection.execute(wanted.limit(room)).all()
                rows.sort(key=lambda row: (row.earliest_us, row.first))
                found += [_found(row, phase) for row in rows[:room]]
            return found, unread_count(connection, sought.tree_size)

    def count(self, asked: Question | Sought) -> tuple[int, int]:
        """How many uses match for certain, and how many more possibly."""
        sought = sought_of(asked)
        with self.engine.connect() as connection:
            compiler = compiler_for(connection, self.store, sought)
            found, matched = _total(connection, *counting(compiler, sought))
        return found, matched - found

    def summary(self, asked: Question | Sought, by: str | None = None) -> Summary:
        """How many uses match, in groups.

        Args:
            by: One of SUMMARY_KEYS, for what is not a Question that says it.
        """
        sought = sought_of(asked)
        by = asked.by if by is None and isinstance(asked, Question) else by
        assert by in SUMMARY_KEYS
        with self.engine.connect() as connection:
            compiler = compiler_for(connection, self.store, sought)
            certain, parts = counting(compiler, sought)
            key: Any = t.uses.c["agency"]
            source: Any = t.uses
            if by == "authorization":
                cited = t.use_authorizations
                source = t.uses.outerjoin(
                    cited,
                    and_(
                        cited.c.first == t.uses.c.first,
                        cited.c.since < sought.tree_size,
                        cited.c.until >= sought.tree_size,
                    ),
                )
                key = cited.c.authorization
            else:
                key = t.uses.c[by] + 0  # not in an index's order, which reads rows one by one
            sums: dict[int | None, list[int]] = {}
            for conditions in parts:
                grouped = (
                    select(key, func.sum(certain), func.count())
                    .select_from(source)
                    .where(*conditions)
                    .group_by(key)
                )
                for number, found, matched in connection.execute(grouped):
                    before = sums.setdefault(number, [0, 0])
                    before[0], before[1] = before[0] + int(found), before[1] + int(matched)
            rows = [(number, found, matched) for number, (found, matched) in sums.items()]
            if by == "authorization":  # a use that cites several stands in several groups
                count, matched = _total(connection, certain, parts)
            else:
                count, matched = sum(row[1] for row in rows), sum(row[2] for row in rows)
            groups = self._named(connection, by, rows, sought.tree_size)
            unread = unread_count(connection, sought.tree_size)
        return Summary(groups, count, matched - count, unread)

    def _named(
        self,
        connection: Connection,
        by: str,
        rows: list[tuple[int | None, int, int]],
        tree_size: int,
    ) -> list[Group]:
        counts: dict[str, list[int]] = {}
        labels: dict[int, str] = {}
        if by != "month":
            numbers = [row[0] for row in rows if row[0] is not None]
            for some in chunks(numbers):
                found = select(t.names.c.id, t.names.c.name).where(t.names.c.id.in_(some))
                labels.update(connection.execute(found).tuples().all())
        aliases = aliases_at(connection, tree_size) if by == "technology" else None
        for number, count, matched in rows:
            if number is None:
                key = ""
            else:
                key = month_text(number) if by == "month" else labels[number]
                key = aliases.head(key) if aliases is not None else key
            sums = counts.setdefault(key, [0, 0])
            sums[0] += count
            sums[1] += matched - count
        display = self.display_names(connection, counts, tree_size)
        return [
            Group(key, display.get(key, ""), count, possible)
            for key, (count, possible) in sorted(counts.items())
        ]

    def display_names(
        self, connection: Connection, names: Iterable[str], tree_size: int
    ) -> dict[str, str]:
        """What registered names stand for."""
        found: dict[str, str] = {}
        for some in chunks([name for name in names if "/" in name]):
            wanted = select(t.registered.c.name, t.registered.c.display_name).where(
                t.registered.c.name.in_(some), t.registered.c.leaf_index < tree_size
            )
            found.update(connection.execute(wanted).tuples().all())
        return found

    def registered(
        self, collection: str, tree_size: int, after: str, limit: int
    ) -> list[RegisteredName]:
        """What is registered in one collection, by name."""
        if collection == "discrepancies":
            return self._discrepancies(tree_size, after, limit)
        with self.engine.connect() as connection:
            aliases = aliases_at(connection, tree_size)
            wanted = (
                select(t.registered.c.name, t.registered.c.display_name, t.registered.c.leaf_index)
                .where(
                    t.registered.c.collection == collection,
                    t.registered.c.leaf_index < tree_size,
                    t.registered.c.name > after,
                )
                .order_by(t.registered.c.name)
                .limit(limit)
            )
            taken_back = self._withdrawn_imports(connection, tree_size)
            return [
                RegisteredName(
                    name,
                    display,
                    tuple(other for other in aliases.group(name) if other != name),
                    leaf_index,
                    name in taken_back,
                )
                for name, display, leaf_index in connection.execute(wanted)
            ]

    def _discrepancies(self, tree_size: int, after: str, limit: int) -> list[RegisteredName]:
        """There may be millions, so they stand in a table of their own (view_discrepancies.py)."""
        columns = t.discrepancies.c
        wanted = (
            select(columns.discrepancy, columns.kind, columns.observer, columns.found)
            .where(columns.found < tree_size, columns.discrepancy > after)
            .order_by(columns.discrepancy)
            .limit(limit)
        )
        with self.engine.connect() as connection:
            return [
                RegisteredName(name, f"{kind}, {observer}", (), found, withdrawn=False)
                for name, kind, observer, found in connection.execute(wanted)
            ]

    def cited_authorizations(self, tree_size: int) -> frozenset[str]:
        """The names of all authorizations that uses cite, registered or not."""
        cited, columns = t.use_authorizations.c, t.names.c
        wanted = select(columns.name).where(
            columns.id.in_(select(cited.authorization).where(cited.since < tree_size).distinct())
        )
        with self.engine.connect() as connection:
            return frozenset(connection.execute(wanted).scalars())

    def registers_at(self, tree_size: int) -> Registers:
        """The registers as the first `tree_size` entries tell them; not to be added to."""
        return self._registers.at(tree_size)

    def in_force(
        self, instant_us: int, agency: str | None, tree_size: int, after: str, limit: int
    ) -> list[str]:
        """The authorizations of which some interval holds an instant, renewals and revocations
        counted in, by name; one that may be revoked by then, or may not, is among them.
        """
        columns = t.authorizations.c
        wanted = select(columns.name).where(
            columns.valid_from_us <= instant_us,
            columns.valid_until_us >= instant_us,
            columns.since < tree_size,
            columns.until >= tree_size,
            columns.name > after,
        )
        if agency is not None:
            wanted = wanted.where(columns.agency == agency)
        with self.engine.connect() as connection:
            rows = connection.execute(wanted.distinct().order_by(columns.name).limit(limit))
            return list(rows.scalars())

    def aliases(self, tree_size: int) -> Aliases:
        """Which technologies are one, as the ledger knew at a tree size."""
        with self.engine.connect() as connection:
            return aliases_at(connection, tree_size)

    def leaves_of_names(self, names: Sequence[str], tree_size: int) -> list[int]:
        """Leaf indexes of the entries that say what these names stand for."""
        found: list[int] = []
        with self.engine.connect() as connection:
            for some in chunks(list(names)):
                wanted = select(t.registered.c.leaf_index).where(t.registered.c.name.in_(some))
                found += connection.execute(wanted).scalars()
                aliased = select(t.technology_aliases.c.since).where(
                    or_(
                        t.technology_aliases.c.technology.in_(some),
                        t.technology_aliases.c.alias.in_(some),
                    )
                )
                found += connection.execute(aliased).scalars()
        return sorted({leaf_index for leaf_index in found if leaf_index < tree_size})

    def _withdrawn_imports(self, connection: Connection, tree_size: int) -> set[str]:
        wanted = (
            select(t.names.c.name)
            .join(t.withdrawn_imports, t.withdrawn_imports.c["import"] == t.names.c.id)
            .where(t.withdrawn_imports.c.since < tree_size)
        )
        return set(connection.execute(wanted).scalars())


def sought_of(asked: Question | Sought) -> Sought:
    """What is asked, as a pair of filters."""
    return Sought.of_question(asked) if isinstance(asked, Question) else asked


def _total(connection: Connection, certain: Any, parts: list[list[Any]]) -> tuple[int, int]:
    """How many uses are found for certain, and how many at all."""
    found = matched = 0
    for conditions in parts:
        total = select(func.sum(certain), func.count()).where(*conditions)
        row = connection.execute(total.select_from(t.uses)).one()
        found, matched = found + int(row[0] or 0), matched + int(row[1])
    return found, matched


def _page_query(compiler: Compiler, sought: Sought, phase: int) -> Select[Any]:
    uses = t.uses.c
    withdrawn: Any = literal(False)
    if compiler.any_withdrawn_import:
        withdrawn = exists().where(
            t.withdrawn_imports.c["import"] == uses["import"],
            t.withdrawn_imports.c.since < compiler.tree_size,
        )
    wanted = select(uses.first, uses.earliest_us, uses.state, withdrawn.label("taken_back"))
    if phase == 0:
        wanted = wanted.where(compiler.certain(sought.certain))
    else:
        not_certain = compiler.possible(sought.certain, negated=True)
        wanted = wanted.where(compiler.possible(sought.possible), not_certain)
    return wanted.order_by(uses.earliest_us, uses.first)


def _found(row: Row[Any], phase: int) -> Found:
    return Found(
        first=row.first,
        definite=phase == 0,
        state=row.state,
        import_withdrawn=bool(row.taken_back),
        place=Place(phase, row.earliest_us, row.first),
    )
