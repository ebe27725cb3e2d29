"""Is what was said in public borne out by the record, and did the record hold it when they spoke?

    StatementMade ─► which uses speak to it ─► known then, recorded later, or in another's log

| verdict                        | a denial, where                                             |
|--------------------------------|-------------------------------------------------------------|
| contradicted_by_known          | a use in its scope was in the ledger when it was made       |
| contradicted_later             | one was recorded after; with the lag, live or by backfill   |
| order_unknown                  | one was recorded, and whether before or after cannot be told |
| contradicted_by_other_observer | another's log has a use in scope that the ledger has not    |
| supported                      | none of these, and the coverage is not thin                 |
| not_provable                   | none of these, and it is                                    |

All that apply are listed. A confirmation, whole or in part, is `supported` by a use in scope or
another's sighting of one, and `not_provable` without; who declines to say is not judged. Only what
may have happened by the time they spoke counts. This judges the record, never what a speaker knew.

Source: docs/adr/0020-oversight-record.md; docs/guides/oversight.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ledger.errors import Malformed
from ledger.events import DiscrepancyFound, StatementCorrected, StatementMade
from ledger.events.statements import Scope
from ledger.filters import And, IntegerTest, Or, Query, TextTest, TimeTest
from ledger.projections.registers import Registers, Told
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.rules.coverage import Covered
from ledger.rules.judgement import Judgement, all_of, any_of, exactly, not_
from ledger.rules.moments import Span, Timed, effective, ends, of_use

CODES: Final = (
    *("contradicted_by_known", "contradicted_later", "order_unknown"),
    *("contradicted_by_other_observer", "supported", "not_provable"),
)


class Recorded(Timed, Protocol):
    """As much of a use as a statement is held against: a UseRow, or less."""

    @property
    def first(self) -> int: ...
    @property
    def capture(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Sighting:
    """A use that another observer's log has, and the ledger had not when the two were compared."""

    name: str
    told: Told
    found: DiscrepancyFound


@dataclass(frozen=True, slots=True)
class StatementVerdict:
    """One thing that the record says of a statement.

    Members:
        code: One of CODES.
        certain: False where a use may lie outside the scope, or after the words.
        lag_us: Of what was recorded later: at least how long after the words; the shortest.
        capture: `live` or `backfill`, of the entry that the lag is to.
        leaves: Leaf indexes of the entries it rests on.
    """

    code: str
    certain: bool = True
    lag_us: int | None = None
    capture: str | None = None
    leaves: tuple[int, ...] = ()

    def to_object(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "code": self.code,
            "certain": self.certain,
            "leaf_indexes": list(self.leaves),
        }
        if self.lag_us is not None:
            found["lag_s"] = self.lag_us // 1_000_000
        if self.capture is not None:
            found["capture"] = self.capture
        return found


def scope_query(scope: Scope, made: Span, registers: Registers) -> Query:
    """A filter for every use that may speak to a statement: in its scope, by the time it was made.

    Technologies by all their names; a period that the scope bounds; a use whose time is not
    known may lie in any.
    """
    parts: list[Query] = []
    if scope.agency is not None:
        parts.append(TextTest("agency", "=", scope.agency))
    if scope.technology is not None:
        names = registers.aliases.group(scope.technology)
        tests: tuple[Query, ...] = tuple(TextTest("technology", "=", name) for name in names)
        parts.append(tests[0] if len(tests) == 1 else Or(tests))
    if scope.unit is not None:
        parts.append(TextTest("unit", "=", scope.unit))
    first, last = ends(scope.period) if scope.period is not None else (OPEN_EARLIEST, OPEN_LATEST)
    last = min(last, made[1])
    if first > OPEN_EARLIEST:
        parts.append(TimeTest("occurred", ">=", first))
    if last < OPEN_LATEST:
        parts.append(TimeTest("occurred", "<=", last))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def by_order(history: Sequence[Told]) -> tuple[Judgement, ...]:
    """Conditions that tell uses apart by when the ledger learnt them, as `_order` does.

    A scope may hold more uses than anybody reads; of each kind a few are enough to judge.
    """
    statement, told, made = made_of(history)
    asked = None if statement.coverage is None else statement.coverage.tree_size
    if asked is not None:
        known = exactly(IntegerTest("leaf_index", "<", asked))
        return known, not_(known)
    known = exactly(TimeTest("recorded", "<", made[0]))
    later = exactly(TimeTest("recorded", ">", made[1]))
    if told.capture == "live":
        later = any_of((later, exactly(IntegerTest("leaf_index", ">", told.leaf_index))))
    later = all_of((not_(known), later))
    return known, later, not_(any_of((known, later)))


def made_of(history: Sequence[Told]) -> tuple[StatementMade, Told, Span]:
    """The statement of a history, and the span in which it was made. Raises Malformed."""
    told = history[0] if history else None
    if told is None or not isinstance(told.fact, StatementMade):
        raise Malformed("statement", "was not made in these entries")
    return told.fact, told, effective(told.fact.made, told.recorded_us)


def judge_statement(
    history: Sequence[Told],
    uses: Iterable[tuple[Recorded, bool]],
    sightings: Iterable[Sighting],
    covered: Covered,
) -> list[StatementVerdict]:
    """All that the record says of a statement, worst first.

    Args:
        history: Of the statement's stream, in leaf order.
        uses: That match `scope_query`, each with whether it does for certain.
        sightings: Of other observers, in its scope.
        covered: What the ledger covered of its scope.
    """
    statement, told, made = made_of(history)
    if statement.polarity == "declines":
        return []
    matched = [(use, certain) for use, certain in uses if of_use(use)[0] <= made[1]]
    seen = [one for one in sightings if _may_precede(one, made)]
    if statement.polarity != "denies":
        return [_borne_out(told, matched, seen)]
    found = _contradictions(told, statement, made, matched)
    if seen:
        leaves = (told.leaf_index, *(one.told.leaf_index for one in seen))
        certain = any(_span(one)[1] <= made[0] for one in seen)
        code = "contradicted_by_other_observer"
        found.append(StatementVerdict(code, certain, leaves=_sorted(leaves)))
    if found:
        return found
    code = "not_provable" if _thin(statement, covered) else "supported"
    return [StatementVerdict(code, leaves=_sorted((told.leaf_index, *covered.leaves)))]


def corrections(history: Sequence[Told]) -> list[Told]:
    """Where a statement was taken back or put right."""
    return [told for told in history if isinstance(told.fact, StatementCorrected)]


def _borne_out(
    told: Told, matched: list[tuple[Recorded, bool]], seen: list[Sighting]
) -> StatementVerdict:
    leaves = [use.first for use, _ in matched] + [one.told.leaf_index for one in seen]
    if not leaves:
        return StatementVerdict("not_provable", leaves=(told.leaf_index,))
    certain = bool(seen) or any(certain for _, certain in matched)
    return StatementVerdict("supported", certain, leaves=_sorted((told.leaf_index, *leaves)))


def _contradictions(
    told: Told, statement: StatementMade, made: Span, matched: list[tuple[Recorded, bool]]
) -> list[StatementVerdict]:
    by_code: dict[str, list[tuple[Recorded, bool]]] = {}
    for use, certain in matched:
        code = _order(told, statement, made, use)
        by_code.setdefault(code, []).append((use, certain and of_use(use)[1] <= made[0]))
    found = []
    for code in CODES[:3]:
        rows = by_code.get(code)
        if not rows:
            continue
        leaves = _sorted((told.leaf_index, *(use.first for use, _ in rows)))
        lag_us = capture = None
        if code == "contradicted_later":
            first = min((use for use, _ in rows), key=lambda use: (use.recorded_us, use.first))
            lag_us, capture = max(0, first.recorded_us - made[1]), first.capture
        certain = any(certain for _, certain in rows)
        found.append(StatementVerdict(code, certain, lag_us, capture, leaves))
    return found


def _order(told: Told, statement: StatementMade, made: Span, use: Recorded) -> str:
    """Was the use in the ledger when they spoke?

    A statement that says what the ledger answered when it was made was made at that size: the
    tree orders the two. So does its own entry, for what came after it and was told live. Else
    the operator's clock does, where it can.
    """
    asked = None if statement.coverage is None else statement.coverage.tree_size
    if asked is not None:
        return "contradicted_by_known" if use.first < asked else "contradicted_later"
    if use.recorded_us < made[0]:
        return "contradicted_by_known"
    if use.recorded_us > made[1] or (told.capture == "live" and use.first > told.leaf_index):
        return "contradicted_later"
    return "order_unknown"


def _thin(statement: StatementMade, covered: Covered) -> bool:
    """A "no" needs everybody who could know to have been asked, and heard."""
    said = statement.coverage
    if said is not None and said.asked is not None and said.of is not None and said.asked < said.of:
        return True
    return covered.thin


def _may_precede(sighting: Sighting, made: Span) -> bool:
    return _span(sighting)[0] <= made[1]


def _span(sighting: Sighting) -> Span:
    return effective(sighting.found.occurred, sighting.told.recorded_us)


def _sorted(leaves: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(leaves)))
