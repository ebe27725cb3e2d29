"""What do many uses show that one does not? Copied reasons, busy accounts, numbers that are missing.

    Sought ──certain uses──► GROUP BY, window functions ──► Copied, Busy, Sequence

Only uses that are found for certain count. The pure form of each is in ledger/rules/patterns.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Subquery, case, func, select

from ledger.limits import MAX_FINDING_LEAVES, MAX_PATTERNS, MAX_SEQUENCE_GAPS
from ledger.projections.sought import Sought
from ledger.projections.uses import month_text
from ledger.store import view_tables as t
from ledger.store.core import LedgerStore
from ledger.store.view_aggregates import names_of
from ledger.store.view_names import compiler_for

_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Copied:
    """One reason that an agency gave so often in one month; `leaves` of some reports, rising."""

    agency: str
    month: str
    digest: int
    uses: int
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Busy:
    """A stretch of uses by one performer, any so many neighbours of it within so short a time."""

    agency: str
    performer: str
    uses: int
    earliest_us: int
    latest_us: int
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NumbersOf:
    """The numbers of one source: the first and last seen, how many uses bear one.

    Members:
        gaps: Stretches between them that no use bears: first and last, MAX_SEQUENCE_GAPS at most.
        gap_count, missing: How many stretches there are, and how many numbers in all.
        twice: Numbers that several uses bear, MAX_SEQUENCE_GAPS at most.
        repeated: How many uses bear a number that an earlier one bears already.
    """

    source: str
    first: int
    last: int
    uses: int
    gaps: tuple[tuple[int, int], ...]
    gap_count: int
    missing: int
    twice: tuple[int, ...]
    repeated: int


class ViewPatterns:
    """Patterns over the views of one ledger. MAX_PATTERNS cases at most are returned of each."""

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self._engine, self._store = engine, store

    def copied_reasons(self, sought: Sought, uses: int) -> list[Copied]:
        """Reasons that stand in at least so many uses of one agency in one month, by leaf index."""
        columns = t.uses.c
        group = (columns.agency, columns.month, columns.reason_digest)
        with self._engine.connect() as connection:
            base = self._certain(connection, sought)
            base += [columns.reason_digest.is_not(None), columns.month.is_not(None)]
            often = (
                select(*group, func.count().label("uses"), func.min(columns.first).label("least"))
                .where(*base)
                .group_by(*group)
                .having(func.count() >= uses)
                .order_by("least")
                .limit(MAX_PATTERNS)
            )
            rows = connection.execute(often).all()
            leaves = self._leaves_of_reasons(connection, base, rows)
            names = names_of(connection, {row.agency for row in rows})
        return [
            Copied(
                names[row.agency],
                month_text(row.month),
                row.reason_digest,
                int(row.uses),
                tuple(leaves[row.agency, row.month, row.reason_digest]),
            )
            for row in rows
        ]

    def _leaves_of_reasons(
        self, connection: Connection, base: list[Any], rows: Sequence[Row[Any]]
    ) -> dict[tuple[int, int, int], list[int]]:
        columns = t.uses.c
        group = (columns.agency, columns.month, columns.reason_digest)
        found: dict[tuple[int, int, int], list[int]] = {}
        for row in rows:  # MAX_PATTERNS at most; an index holds each in the order of reports
            key = (row.agency, row.month, row.reason_digest)
            own = [column == value for column, value in zip(group, key, strict=True)]
            wanted = select(columns.first).where(*base, *own).order_by(columns.first)
            firsts = connection.execute(wanted.limit(MAX_FINDING_LEAVES)).scalars()
            found[key] = list(firsts)
        return found

    def busy_accounts(self, sought: Sought, uses: int, seconds: int) -> list[Busy]:
        """Performers with at least so many uses within so few seconds; spans of time left out.

        A pseudonym is one agency's, so whoever bears it works for that agency.
        """
        columns = t.uses.c
        order: dict[str, Any] = {
            "partition_by": columns.performer,
            "order_by": (columns.earliest_us, columns.first),
        }
        with self._engine.connect() as connection:
            base = self._certain(connection, sought)
            base += [columns.performer.is_not(None), columns.earliest_us == columns.latest_us]
            before_us = func.lag(columns.earliest_us, uses - 1).over(**order)
            windows = (
                select(
                    columns.agency,
                    columns.performer,
                    columns.earliest_us,
                    before_us.label("before_us"),
                    func.row_number().over(**order).label("place"),
                )
                .where(*base)
                .subquery()
            )
            close = (
                select(windows)
                .where(windows.c.earliest_us - windows.c.before_us <= seconds * _SECOND_US)
                .order_by(windows.c.performer, windows.c.place)
                .limit(MAX_PATTERNS * uses)
            )
            runs = list(_runs(connection.execute(close).all(), uses))[:MAX_PATTERNS]
            names = names_of(connection, {n for run in runs for n in (run.agency, run.performer)})
            return [
                Busy(
                    names[run.agency],
                    names[run.performer],
                    run.end - run.start,
                    run.earliest_us,
                    run.latest_us,
                    self._leaves_of_run(connection, base, run),
                )
                for run in runs
            ]

    def _leaves_of_run(self, connection: Connection, base: list[Any], run: _Run) -> tuple[int, ...]:
        columns = t.uses.c
        wanted = select(columns.first).where(
            *base,
            columns.performer == run.performer,
            columns.earliest_us >= run.earliest_us,
            columns.earliest_us <= run.latest_us,
        )
        order = columns.earliest_us, columns.first
        rows = connection.execute(wanted.order_by(*order).limit(run.end - run.start)).scalars()
        return tuple(sorted(rows)[:MAX_FINDING_LEAVES])

    def sequences(self, sought: Sought) -> list[NumbersOf]:
        """The numbers that each source gave its uses, and those that are missing in between."""
        columns = t.uses.c
        with self._engine.connect() as connection:
            before = func.lag(columns.sequence).over(
                partition_by=columns.source, order_by=columns.sequence
            )
            steps = (
                select(columns.source, columns.sequence, (columns.sequence - before).label("step"))
                .where(
                    *self._certain(connection, sought),
                    columns.sequence.is_not(None),
                    columns.source.is_not(None),
                )
                .subquery()
            )
            number, step = steps.c.sequence, steps.c.step
            is_gap = step > 1
            totals = select(
                steps.c.source,
                func.min(number).label("least"),
                func.max(number).label("most"),
                func.count().label("uses"),
                func.sum(case((is_gap, 1), else_=0)).label("gaps"),
                func.sum(case((is_gap, step - 1), else_=0)).label("missing"),
                func.sum(case((step == 0, 1), else_=0)).label("repeated"),
            ).group_by(steps.c.source)
            found = connection.execute(totals).all()
            names = names_of(connection, {row.source for row in found})
            numbers = [
                NumbersOf(
                    names[row.source],
                    *(int(row.least), int(row.most), int(row.uses)),
                    self._gaps(connection, steps, row.source) if row.gaps else (),
                    *(int(row.gaps), int(row.missing)),
                    self._twice(connection, steps, row.source) if row.repeated else (),
                    int(row.repeated),
                )
                for row in found
            ]
        return sorted(numbers, key=lambda one: one.source)

    def _gaps(
        self, connection: Connection, steps: Subquery, source: int
    ) -> tuple[tuple[int, int], ...]:
        columns = steps.c
        wanted = select(columns.sequence, columns.step).where(
            columns.source == source, columns.step > 1
        )
        rows = connection.execute(wanted.order_by(columns.sequence).limit(MAX_SEQUENCE_GAPS))
        return tuple((number - step + 1, number - 1) for number, step in rows)

    def _twice(self, connection: Connection, steps: Subquery, source: int) -> tuple[int, ...]:
        columns = steps.c
        wanted = select(columns.sequence).where(columns.source == source, columns.step == 0)
        ordered = wanted.distinct().order_by(columns.sequence).limit(MAX_SEQUENCE_GAPS)
        return tuple(connection.execute(ordered).scalars())

    def _certain(self, connection: Connection, sought: Sought) -> list[Any]:
        compiler = compiler_for(connection, self._store, sought)
        return [compiler.standing(), compiler.counted(), compiler.certain(sought.certain)]


@dataclass(slots=True)
class _Run:
    """A stretch of one performer's uses, by their places in order of time, half open."""

    agency: int
    performer: int
    start: int
    end: int
    earliest_us: int
    latest_us: int


def _runs(rows: Sequence[Row[Any]], uses: int) -> Iterator[_Run]:
    """Windows that meet are one; each row ends a window of `uses`."""
    run: _Run | None = None
    for row in rows:
        start, end = row.place - uses, row.place
        if run is not None and run.performer == row.performer and start < run.end:
            run.end, run.latest_us = end, row.earliest_us
            continue
        if run is not None:
            yield run
        run = _Run(row.agency, row.performer, start, end, row.before_us, row.earliest_us)
    if run is not None:
        yield run
