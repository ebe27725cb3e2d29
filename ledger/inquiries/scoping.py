"""Which uses are asked about? The parameters that many questions share, as one condition.

Asked ──scope_of──► Judgement over uses      ──scope_in_words──► Scope, for coverage
"""

from __future__ import annotations

from ledger.events import Interval
from ledger.events.statements import Scope
from ledger.filters import Query, TimeTest
from ledger.inquiries.asked import Asked
from ledger.projections.registers import Registers
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.rules.judgement import Judgement, all_of, any_of, exactly, says, says_any
from ledger.rules.moments import ends
from ledger.times import MAX_US, text_of_us


def scope_of(asked: Asked, registers: Registers) -> Judgement:
    """Uses within the parameters; a technology under all of its names."""
    parts: list[Judgement] = []
    for name in ("agency", "unit", "case_number"):
        value = asked.text(name)
        if value is not None:
            parts.append(says(name, value))
    performer = asked.text("performer")
    if performer is not None:  # one pseudonym, or those of one person with several agencies
        parts.append(says_any("performer", performer.split(",")))
    technology = asked.text("technology")
    if technology is not None:
        parts.append(
            any_of(says("technology", name) for name in registers.aliases.group(technology))
        )
    first, last = asked.period_us()
    tests: list[Query] = []
    if first is not None:
        tests.append(TimeTest("occurred", ">=", first))
    if last is not None and last <= MAX_US:
        tests.append(TimeTest("occurred", "<=", last))
    return all_of([*parts, *map(exactly, tests)])


def scope_in_words(asked: Asked) -> Scope:
    """The same scope as statements and coverage have it."""
    first, last = asked.period_us()
    period = None
    if first is not None or last is not None:
        period = Interval(
            earliest=None if first is None else text_of_us(first),
            latest=None if last is None else text_of_us(min(last, MAX_US)),
        )
    return Scope(
        agency=asked.text("agency"),
        technology=asked.text("technology"),
        unit=asked.text("unit"),
        period=period,
    )


def reporting_in(scope: Scope) -> Judgement:
    """Uses that show their source to have been heard in a scope: its agency's, in its period."""
    parts = [] if scope.agency is None else [says("agency", scope.agency)]
    first, last = ends(scope.period) if scope.period is not None else ends(Interval())
    if first > OPEN_EARLIEST:
        # One with an open end took place before it was reported.
        parts += [exactly(TimeTest("occurred", ">=", first))]
        parts += [exactly(TimeTest("recorded", ">=", first))]
    if last < OPEN_LATEST:
        parts.append(exactly(TimeTest("occurred", "<=", last)))
    return all_of(parts)
