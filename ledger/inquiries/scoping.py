"""Which uses are asked about? The parameters that many questions share, as one condition.

Asked ──scope_of──► Judgement over uses      ──scope_in_words──► Scope, for coverage
"""

from __future__ import annotations

from ledger.events import Interval
from ledger.events.statements import Scope
from ledger.filters import Query, TextTest, TimeTest
from ledger.inquiries.asked import Asked
from ledger.projections.registers import Registers
from ledger.rules.judgement import Judgement, all_of, any_of, exactly, says
from ledger.times import text_of_us

SCOPE = ("agency", "technology", "unit", "performer", "case_number", "from", "to", "zone")


def scope_of(asked: Asked, registers: Registers) -> Judgement:
    """Uses within the parameters; a technology under all of its names."""
    parts: list[Judgement] = []
    for name in ("agency", "unit", "performer", "case_number"):
        value = asked.text(name)
        if value is not None:
            parts.append(says(name, value))
    technology = asked.text("technology")
    if technology is not None:
        parts.append(
            any_of(says("technology", name) for name in registers.aliases.group(technology))
        )
    first, last = asked.period_us()
    tests: list[Query] = []
    if first is not None:
        tests.append(TimeTest("occurred", ">=", first))
    if last is not None:
        tests.append(TimeTest("occurred", "<=", last))
    return all_of([*parts, *map(exactly, tests)])


def scope_in_words(asked: Asked) -> Scope:
    """The same scope as statements and coverage have it."""
    first, last = asked.period_us()
    period = None
    if first is not None or last is not None:
        period = Interval(
            earliest=None if first is None else text_of_us(first),
            latest=None if last is None else text_of_us(last),
        )
    return Scope(
        agency=asked.text("agency"),
        technology=asked.text("technology"),
        unit=asked.text("unit"),
        period=period,
    )


def none_of(field: str, values: tuple[str, ...]) -> Judgement:
    """The use says none of these of a field."""
    return all_of(exactly(TextTest(field, "!=", value)) for value in values)
