"""What do the views answer, as an answer asks it? The asker of a server, at one tree size.

    Judgement ──SQL──► counts, groups, which uses ──log──► their entries ──fold──► rows, verdicts
    registers, differences: from the log, by leaf index

That it answers as PureAsker does over all entries is a law (tests/inquiries/test_askers.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import case, func, not_, or_, select

from ledger.entry import decode_entry
from ledger.errors import CandourError
from ledger.inquiries.answering import summed
from ledger.inquiries.asker import (
    After,
    Counted,
    DifferenceCount,
    Differing,
    JudgedUse,
    Keys,
    Mark,
)
from ledger.inquiries.pure_asker import in_order
from ledger.inquiries.world import World
from ledger.limits import MAX_SEQUENCE_GAPS
from ledger.projections.registers import Registers, Told, told_in
from ledger.projections.sought import Sought
from ledger.rules.judgement import Judgement, all_of, says
from ledger.rules.kinds import Hit, Parameters, PatternPredicate
from ledger.rules.patterns import gaps_between
from ledger.store import view_tables as t
from ledger.store.chunks import chunks
from ledger.store.reading_entries import read_stored, shown_values
from ledger.store.view_aggregates import names_of
from ledger.store.view_names import compiler_for, found_at_all, left_open, parts_in_time
from ledger.store.view_patterns import NumbersOf
from ledger.store.view_queries import Place, ViewReader
from ledger.store.view_sql import Compiler
from ledger.streams import name_of_stream
from ledger.times import us_of_text

_SECOND_US: Final = 1_000_000


class ViewAsker:
    """Asks the views of one ledger, which hold at least `tree_size` entries.

    One asker serves one answer: it remembers what it was asked.
    """

    def __init__(self, views: ViewReader, tree_size: int) -> None:
        self._views, self._store, self.tree_size = views, views.store, tree_size
        self._registers: Registers | None = None
        self._remembered: dict[Any, Any] = {}

    def registers(self) -> Registers:
        if self._registers is None:
            self._registers = self._views.registers_at(self.tree_size)
        return self._registers

    def count(self, found: Judgement, *, grace_us: int = 0) -> Counted:
        key = ("count", found.certain, found.possible, grace_us)
        if key not in self._remembered:
            self._remembered[key] = Counted(*self._views.count(self._sought(found, grace_us)))
        counted: Counted = self._remembered[key]
        return counted

    def uses(
        self, found: Judgement, limit: int, *, after: After | None = None, grace_us: int = 0
    ) -> list[JudgedUse]:
        key = ("uses", found.certain, found.possible, after, grace_us)
        limit_before, page = self._remembered.get(key, (-1, []))
        if limit_before < limit and (limit_before < 0 or len(page) == limit_before):
            place = None if after is None else Place(*after)
            phases = self._phases(found, grace_us)
            listed, _unread = self._views.page(
                self._sought(found, grace_us), place, limit, phases=phases
            )
            page = self._judged([(item.first, item.definite) for item in listed])
            self._remembered[key] = limit, page
        return list(page[:limit])

    def marks(
        self, found: Judgement, limit: int, *, grace_us: int = 0, by_time: bool = False
    ) -> list[Mark]:
        columns, sought = t.uses.c, self._sought(found, grace_us)
        wanted = select(
            *(columns.first, columns.earliest_us, columns.latest_us, columns.recorded_us),
            columns.capture,
        )
        with self._views.engine.connect() as connection:
            compiler = compiler_for(connection, self._store, sought)
            base = [compiler.standing(), compiler.counted()]
            rows: list[tuple[Any, bool]] = []
            for phase in self._phases(found, grace_us):
                order = (columns.earliest_us, columns.first) if by_time else (columns.first,)
                marked: list[Any] = []
                for condition in _of_phase(compiler, sought, phase):
                    ordered = wanted.where(*base, *condition).order_by(*order).limit(limit)
                    marked += connection.execute(ordered).all()
                marked.sort(key=lambda row: (row.earliest_us if by_time else 0, row.first))
                rows += [(row, phase == 0) for row in marked[:limit]]
            captures = names_of(connection, {row.capture for row, _ in rows})
        return [
            Mark(
                *(row.first, row.earliest_us, row.latest_us, row.recorded_us),
                captures[row.capture],
                definite,
            )
            for row, definite in rows
        ]

    def _phases(self, found: Judgement, grace_us: int) -> list[int]:
        """Which of certain (0) and possible (1) may hold anything, as far as was counted before."""
        known: Counted | None = self._remembered.get(
            ("count", found.certain, found.possible, grace_us)
        )
        if known is None:
            return [0, 1]
        return [phase for phase, many in enumerate((known.count, known.possible)) if many]

    def examples(self, found: Judgement, by: Keys) -> Mapping[Keys, int]:
        return self._views.aggregates.examples(self._sought(found), by)

    def groups(self, found: Judgement, by: Keys) -> list[tuple[Keys, Counted]]:
        key = ("groups", found.certain, found.possible, by)
        if key not in self._remembered:
            groups = self._views.aggregates.groups(self._sought(found), by)
            counts = [(group.key, Counted(group.count, group.possible)) for group in groups]
            self._remembered[key] = counts
            if "authorization" not in by:  # of which a use may cite several
                whole = ("count", found.certain, found.possible, 0)
                self._remembered.setdefault(whole, summed(counts))
        return list(self._remembered[key])

    def patterns(
        self, predicate: PatternPredicate, parameters: Parameters, found: Judgement
    ) -> list[Hit]:
        asked, sought = self._views.patterns, self._sought(found)
        if predicate.name == "copied_reason":
            return in_order(
                Hit(
                    subject=one.agency,
                    agency=one.agency,
                    leaves=one.leaves,
                    detail={"month": one.month, "uses": one.uses},
                )
                for one in asked.copied_reasons(sought, parameters["uses"])
            )
        if predicate.name == "impossible_use":
            busy = asked.busy_accounts(sought, parameters["uses"], parameters["seconds"])
            return in_order(
                Hit(
                    subject=one.agency,
                    agency=one.agency,
                    leaves=one.leaves,
                    detail={
                        "uses": one.uses,
                        "within_s": (one.latest_us - one.earliest_us) // _SECOND_US,
                    },
                )
                for one in busy
            )
        assert predicate.name == "sequence_gap", "each pattern has its SQL"
        seen = {one.source: self._borne(found, one) for one in asked.sequences(sought)}
        return in_order(gaps_between(seen, self.registers()))

    def _borne(self, found: Judgement, numbers: NumbersOf) -> list[tuple[int, int]]:
        """The stretches of numbers that a source's uses bear."""
        if numbers.gap_count > MAX_SEQUENCE_GAPS:  # not all are listed
            return self._each_borne(all_of((found, says("source", numbers.source))))
        starts = [numbers.first, *(last + 1 for _, last in numbers.gaps)]
        ends = [*(first - 1 for first, _ in numbers.gaps), numbers.last]
        return list(zip(starts, ends, strict=True))

    def _each_borne(self, found: Judgement) -> list[tuple[int, int]]:
        sought = self._sought(found)
        with self._views.engine.connect() as connection:
            compiler = compiler_for(connection, self._store, sought)
            wanted = select(t.uses.c.sequence).where(
                compiler.standing(),
                compiler.counted(),
                compiler.certain(sought.certain),
                t.uses.c.sequence.is_not(None),
            )
            rows = connection.execute(wanted.distinct()).scalars()
            return [(number, number) for number in rows]

    def withdrawn(self, found: Judgement, limit: int) -> list[JudgedUse]:
        columns, sought = t.uses.c, self._sought(found)
        with self._views.engine.connect() as connection:
            compiler = compiler_for(connection, self._store, sought)
            gone = [compiler.standing(), not_(compiler.counted())]
            definite = case((compiler.certain(sought.certain), 0), else_=1).label("phase")
            order = (definite, columns.earliest_us, columns.first)
            wanted = select(columns.first, columns.earliest_us, definite).where(*gone)
            rows: list[Any] = []
            for own, part in parts_in_time(compiler, sought):
                asked = wanted.where(found_at_all(own, sought), *part)
                rows += connection.execute(asked.order_by(*order).limit(limit)).all()
        rows.sort(key=lambda row: (row.phase, row.earliest_us, row.first))
        return self._judged([(row.first, row.phase == 0) for row in rows[:limit]])

    def differences(self, wanted: Differing, limit: int) -> list[tuple[str, Sequence[Told]]]:
        columns, conditions = t.discrepancies.c, self._differing(wanted)
        if wanted.open:
            conditions.append(self._is_open(wanted))
        query = select(columns.found, columns.resolved).where(*conditions)
        with self._views.engine.connect() as connection:
            rows = connection.execute(query.order_by(columns.found).limit(limit)).tuples().all()
        leaves = [leaf for row in rows for leaf in row if leaf < self.tree_size]
        histories: dict[str, list[Told]] = {}
        for some in chunks(sorted(leaves)):
            for stored in self._store.entries_at(some, with_disclosures=True):
                entry, fact = read_stored(stored)
                told = told_in(stored.leaf_index, entry, fact, shown_values(stored))
                histories.setdefault(name_of_stream(entry.stream), []).append(told)
        ordered = {
            name: sorted(told, key=lambda one: one.leaf_index) for name, told in histories.items()
        }
        return sorted(ordered.items(), key=lambda one: one[1][0].leaf_index)

    def difference_counts(self, wanted: Differing) -> list[DifferenceCount]:
        columns, conditions = t.discrepancies.c, self._differing(wanted)
        is_open = func.sum(case((self._is_open(wanted), 1), else_=0))
        if wanted.open:
            conditions.append(self._is_open(wanted))
        query = (
            select(columns.observer, columns.kind, func.count(), is_open)
            .where(*conditions)
            .group_by(columns.observer, columns.kind)
        )
        with self._views.engine.connect() as connection:
            rows = connection.execute(query).tuples().all()
        return sorted(
            DifferenceCount(observer, kind, int(open_), int(total) - int(open_))
            for observer, kind, total, open_ in rows
        )

    def _differing(self, wanted: Differing) -> list[Any]:
        columns = t.discrepancies.c
        conditions: list[Any] = [columns.found < self.tree_size]
        if wanted.observer is not None:
            conditions.append(columns.observer == wanted.observer)
        if wanted.agency is not None:
            conditions.append(columns.agency == wanted.agency)
        if wanted.kinds:
            conditions.append(columns.kind.in_(wanted.kinds))
        return conditions

    def _is_open(self, wanted: Differing) -> Any:
        columns = t.discrepancies.c
        still = columns.resolved >= self.tree_size
        if not wanted.reported_since_is_open:
            return still
        return or_(still, columns.code == "reported_since")

    def cited(self, found: Judgement) -> Collection[str]:
        examples = self._views.aggregates.examples(self._sought(found), ("authorization",))
        return frozenset(name for (name,) in examples if name)

    def heard(self, source: str) -> Sequence[int]:
        return sorted(recorded_us for _first, recorded_us in self.reports_of(source))

    def reports_of(self, source: str) -> list[tuple[int, int]]:
        """Leaf index and time of record of each report of a source, whatever became of it."""
        columns = t.uses.c
        with self._views.engine.connect() as connection:
            number = select(t.names.c.id).where(t.names.c.name == source).scalar_subquery()
            wanted = (
                select(columns.first, columns.recorded_us)
                .where(columns.source == number, columns.first < self.tree_size)
                .distinct()
            )
            return [(row.first, row.recorded_us) for row in connection.execute(wanted)]

    def register_leaves(self, limit: int, *, but: tuple[str, ...] = ()) -> list[int]:
        """Leaf indexes of entries of the registers, but for some kinds; `limit` at most."""
        columns = t.register_entries.c
        wanted = select(columns.leaf_index).where(
            columns.leaf_index < self.tree_size, columns.kind.not_in(but)
        )
        with self._views.engine.connect() as connection:
            rows = connection.execute(wanted.order_by(columns.leaf_index).limit(limit))
            return list(rows.scalars())

    def as_of_us(self) -> int | None:
        if not self.tree_size:
            return None
        (last,) = self._store.entries_at([self.tree_size - 1])
        return us_of_text(decode_entry(last.entry).recorded_at)

    def _sought(self, found: Judgement, grace_us: int = 0) -> Sought:
        return Sought(found.certain, found.possible, self.tree_size, grace_us)

    def _judged(self, listed: Sequence[tuple[int, bool]]) -> list[JudgedUse]:
        """Uses by the leaf indexes of their reports, as their entries tell them."""
        if not listed:
            return []
        world, streams = World(), {}
        for some in chunks([first for first, _ in listed]):
            streams.update({one.leaf_index: one.stream for one in self._store.entries_at(some)})
        stored = [
            row
            for some in chunks(sorted(streams.values()))
            for row in self._store.entries_of_streams(some)
            if row.leaf_index < self.tree_size
        ]
        for kept in sorted(stored, key=lambda row: row.leaf_index):
            with suppress(CandourError):  # the views passed it by, and count it as unread
                entry, _fact = read_stored(kept)
                world.add(kept.leaf_index, entry, shown_values(kept))
        verdicts = world.authorities.judge(self.registers())
        return [
            JudgedUse(
                row := world.uses[streams[first]],
                certain,
                verdicts(row),
                tuple(world.histories[row.use]),
            )
            for first, certain in listed
        ]


def _of_phase(compiler: Compiler, sought: Sought, phase: int) -> list[list[Any]]:
    """Conditions on what is found for certain (0), or possibly and not for certain (1), in parts."""
    if phase == 0:
        return [[compiler.certain(sought.certain)]]
    return [
        [own.possible(sought.possible), own.possible(sought.certain, negated=True), *part]
        for own, part in left_open(compiler, sought)
    ]
