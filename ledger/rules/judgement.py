"""What does a rule ask of uses? Two filters: one that holds for certain, one that may hold.

    since(span)   certain: at or after its end     possible: at or after its start
    not_(j)       certain: not even possible       possible: not certain

Both are filters (ledger/filters), so SQL and the offline verifier judge them alike. A use meets a
rule for certain where `certain` is True, and possibly where `possible` is not False.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger.errors import Unverifiable
from ledger.filters import And, IntegerTest, Not, Or, Query, TextTest, TimeTest
from ledger.limits import MAX_RULE_TESTS
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.rules.moments import Span

_ALWAYS: Final[Query] = And(())
_NEVER: Final[Query] = Not(_ALWAYS)


class RuleTooLarge(Unverifiable):
    """A rule needs more conditions than can be judged, for what these registers hold."""

    def __init__(self, rule: str, tests: int) -> None:
        super().__init__(
            f"rule {rule} needs {tests} conditions, {MAX_RULE_TESTS} at most: "
            "ask about one agency, or bound the rule to fewer technologies"
        )
        self.rule, self.tests = rule, tests


@dataclass(frozen=True, slots=True)
class Basis:
    """Entries of the registers that a rule rests on, for the uses that `when` may hold for."""

    when: Query
    leaves: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """A condition on uses, as far as registers and parameters settle it.

    Members:
        certain: True only for uses that meet it, whatever the registers leave open.
        possible: False only for uses that do not. Not False wherever `certain` is True.
        basis: The register entries behind it.
    """

    certain: Query
    possible: Query
    basis: tuple[Basis, ...] = ()


ALWAYS: Final = Judgement(_ALWAYS, _ALWAYS)
NEVER: Final = Judgement(_NEVER, _NEVER)


def exactly(query: Query) -> Judgement:
    """A condition that the registers leave nothing open of."""
    return Judgement(query, query)


def says(field: str, value: str | None) -> Judgement:
    """The use says this of a text field; None: it says nothing."""
    return exactly(TextTest(field, "=", value))


def says_any(field: str, values: Iterable[str]) -> Judgement:
    """The use says one of these."""
    return any_of(says(field, value) for value in values)


def above(field: str, number: int) -> Judgement:
    """A number of the use is larger."""
    return exactly(IntegerTest(field, ">", number))


def below(field: str, number: int) -> Judgement:
    """A number of the use is smaller."""
    return exactly(IntegerTest(field, "<", number))


def since(span: Span) -> Judgement:
    """The use took place at or after a moment in this span."""
    return Judgement(_at_or_after(span[1]), _at_or_after(span[0]))


def until(span: Span) -> Judgement:
    """The use took place at or before a moment in this span."""
    return Judgement(_at_or_before(span[0]), _at_or_before(span[1]))


def within(first: int, last: int) -> Judgement:
    """The use took place in an interval whose ends are known, or open."""
    return all_of((since((first, first)), until((last, last))))


def all_of(judgements: Iterable[Judgement]) -> Judgement:
    """All hold."""
    given = list(judgements)
    return Judgement(_and(j.certain for j in given), _and(j.possible for j in given), _bases(given))


def any_of(judgements: Iterable[Judgement]) -> Judgement:
    """One holds, or more."""
    given = list(judgements)
    return Judgement(_or(j.certain for j in given), _or(j.possible for j in given), _bases(given))


def not_(judgement: Judgement) -> Judgement:
    """It does not hold."""
    return Judgement(_not(judgement.possible), _not(judgement.certain), judgement.basis)


def resting_on(judgement: Judgement, when: Judgement, leaves: Iterable[int]) -> Judgement:
    """The same, with the entries behind it for those uses that `when` may hold for."""
    basis = Basis(when.possible, tuple(sorted(set(leaves))))
    return Judgement(judgement.certain, judgement.possible, (*judgement.basis, basis))


def count_tests(query: Query) -> int:
    """How many conditions a filter sets."""
    match query:
        case And(parts) | Or(parts):
            return sum(map(count_tests, parts))
        case Not(part):
            return count_tests(part)
        case _:
            return 1


def bounded(judgement: Judgement, rule: str) -> Judgement:
    """The judgement itself. Raises RuleTooLarge beyond MAX_RULE_TESTS."""
    tests = max(count_tests(judgement.certain), count_tests(judgement.possible))
    if tests > MAX_RULE_TESTS:
        raise RuleTooLarge(rule, tests)
    return judgement


def _at_or_after(us: int) -> Query:
    if us <= OPEN_EARLIEST:
        return _ALWAYS
    return _NEVER if us >= OPEN_LATEST else TimeTest("occurred", ">=", us)


def _at_or_before(us: int) -> Query:
    if us >= OPEN_LATEST:
        return _ALWAYS
    return _NEVER if us <= OPEN_EARLIEST else TimeTest("occurred", "<=", us)


def _bases(given: list[Judgement]) -> tuple[Basis, ...]:
    return tuple(basis for judgement in given for basis in judgement.basis)


def _and(queries: Iterable[Query]) -> Query:
    parts: list[Query] = []
    for query in queries:
        if query == _NEVER:
            return _NEVER
        parts += query.parts if isinstance(query, And) else [query]
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _or(queries: Iterable[Query]) -> Query:
    parts: list[Query] = []
    for query in queries:
        if query == _ALWAYS:
            return _ALWAYS
        if query != _NEVER:
            parts += query.parts if isinstance(query, Or) else [query]
    if not parts:
        return _NEVER
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _not(query: Query) -> Query:
    return query.part if isinstance(query, Not) else Not(query)
