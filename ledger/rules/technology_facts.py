"""What was said of technologies, as conditions on uses: approved then, on trial then, suspended then.

    Registers ──► Approval, Trial, … with the uses it applies to (Judgement)

A technology's names are one (aliases). A fact that names an agency speaks of its uses alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from ledger.events import (
    Fact,
    TechnologyApproved,
    TechnologyRegistered,
    TrialEnded,
    TrialStarted,
)
from ledger.projections.registers import Registers, Told
from ledger.projections.uses import OPEN_LATEST
from ledger.rules.judgement import (
    ALWAYS,
    Judgement,
    all_of,
    any_of,
    not_,
    says,
    since,
    until,
)
from ledger.rules.kinds import Context
from ledger.rules.moments import effective
from ledger.times import us_of_text

F = TypeVar("F", bound=Fact)


@dataclass(frozen=True, slots=True)
class Applied:
    """A fact of a technology, and the uses it applies to: by technology, agency and time."""

    technology: str
    told: Told
    applies: Judgement


def technologies(registers: Registers) -> list[str]:
    """Every technology of the register once, by the first of its names."""
    return list(dict.fromkeys(map(registers.aliases.head, registers.names("technology"))))


def of_technology(name: str | None) -> Judgement:
    """Uses of a technology, under any of its names."""
    return ALWAYS if name is None else says("technology", name)


def of_agency(name: str | None) -> Judgement:
    """Uses of an agency; None: everybody's."""
    return ALWAYS if name is None else says("agency", name)


def told_of(
    registers: Registers, context: Context, kind: type[F]
) -> Iterator[tuple[str, Told, F, list[Told]]]:
    """Facts of one class: technology, circumstances, fact, and all that was told of it since."""
    for name in technologies(registers):
        history = registers.of_technology(name)
        for place, told in enumerate(history):
            fact = told.fact
            if isinstance(fact, kind) and context.concerns(getattr(fact, "agency", None)):
                yield name, told, fact, history[place + 1 :]


def from_then_on(technology: str, told: Told) -> Judgement:
    """Uses that a fact speaks of, from when it took effect."""
    fact = told.fact
    when = effective(getattr(fact, "effective", None), told.recorded_us)
    agency: str | None = getattr(fact, "agency", None)
    return all_of((of_technology(technology), of_agency(agency), since(when)))


def approvals(registers: Registers, context: Context) -> list[Applied]:
    """Approvals, with the uses that took place while each held."""
    return [
        Applied(name, told, all_of((from_then_on(name, told), _no_later(fact.until))))
        for name, told, fact, _ in told_of(registers, context, TechnologyApproved)
    ]


def trials(registers: Registers, context: Context) -> list[Applied]:
    """Trials, with the uses that took place while each ran."""
    found = []
    for name, told, fact, later in told_of(registers, context, TrialStarted):
        ended = any_of(
            since(effective(end.fact.effective, end.recorded_us))
            for end in later
            if isinstance(end.fact, TrialEnded) and end.fact.agency == fact.agency
        )
        ran = all_of((from_then_on(name, told), _no_later(fact.until), not_(ended)))
        found.append(Applied(name, told, ran))
    return found


def categories(registers: Registers) -> dict[str, set[str]]:
    """Technology to the categories it was registered under; none where nobody said."""
    found: dict[str, set[str]] = {name: set() for name in technologies(registers)}
    for name, _told, fact in registers.told("technology", TechnologyRegistered):
        if fact.category is not None:
            found[registers.aliases.head(name)].add(fact.category)
    return found


def _no_later(text: str | None) -> Judgement:
    last = OPEN_LATEST if text is None else us_of_text(text)
    return until((last, last))
