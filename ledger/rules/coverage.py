"""What does a "no" cover? Which sources were heard in a scope, which were silent, what has none.

    Registers, uses in scope ──coverage_of──► Covered: heard, silent, nil returns, gaps, unconnected

A source is heard in a period by a use that may lie in it, by a heartbeat, or by a nil return that
holds it whole. Nothing here says that a source told all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ledger.events import (
    CoverageGapDeclared,
    Fact,
    HeartbeatReceived,
    HoldingConnected,
    HoldingEnded,
    HoldingRecorded,
    Interval,
    NilReturnAttested,
    SourceRegistered,
)
from ledger.events.statements import Scope
from ledger.projections.registers import Registers, Told
from ledger.projections.uses import UseRow
from ledger.rules.moments import Span, ends, exact, of_use


@dataclass(frozen=True, slots=True)
class Covered:
    """How far an answer about a scope reaches.

    Members:
        heard, silent: Sources of the scope, by name.
        nil_returns: Attestations that hold the period.
        gaps: Sources that declared a gap within it.
        unconnected: Holdings of the scope with no source behind them.
        leaves: Leaf indexes of the register entries this rests on.
    """

    heard: tuple[str, ...]
    silent: tuple[str, ...]
    nil_returns: tuple[str, ...]
    gaps: tuple[str, ...]
    unconnected: tuple[str, ...]
    leaves: tuple[int, ...]

    @property
    def thin(self) -> bool:
        """True where an unqualified "no" would say more than anybody can know."""
        answered = bool(self.heard or self.nil_returns)
        return not answered or bool(self.silent or self.gaps or self.unconnected)

    def to_object(self) -> dict[str, Any]:
        return {
            "heard": list(self.heard),
            "silent": list(self.silent),
            "nil_returns": list(self.nil_returns),
            "gaps": list(self.gaps),
            "unconnected": list(self.unconnected),
            "thin": self.thin,
        }


def coverage_of(registers: Registers, scope: Scope, uses: Iterable[UseRow]) -> Covered:
    """What is covered.

    Args:
        registers: At the tree size of the answer.
        scope: What was asked about; an absent period is all time.
        uses: Any uses of the agency; those outside the scope's period are passed by.
    """
    period = ends(scope.period) if scope.period is not None else ends(Interval())
    reported = {use.source for use in uses if _overlap(of_use(use), period) and use.source}
    return coverage_from(registers, scope, reported, reported)


def coverage_from(
    registers: Registers, scope: Scope, reported: Collection[str], in_scope: Collection[str]
) -> Covered:
    """What is covered, where it is known already which sources reported.

    Args:
        reported: Sources of uses of the agency that may lie in the period: they were heard.
        in_scope: Those of uses within the whole scope: heard even where nobody registered them.
    """
    period = ends(scope.period) if scope.period is not None else ends(Interval())
    leaves: set[int] = set()
    heard: list[str] = []
    silent: list[str] = []
    gaps: list[str] = []
    for name, told, fact in registers.told("source", SourceRegistered):
        if not _within(registers, scope, fact.agency, fact.technology):
            continue
        leaves.add(told.leaf_index)
        speaking = name in reported
        for later in registers.history(name):
            if isinstance(later.fact, HeartbeatReceived) and _holds(period, exact(later.fact.at)):
                speaking = True
                leaves.add(later.leaf_index)
            if isinstance(later.fact, CoverageGapDeclared) and _overlap(
                ends(later.fact.period), period
            ):
                gaps.append(name)
                leaves.add(later.leaf_index)
        (heard if speaking else silent).append(name)
    # Whoever reports without being registered was heard all the same.
    heard += sorted(name for name in in_scope if name not in {*heard, *silent})
    nil_returns = list(_nil_returns(registers, scope, period, leaves))
    unconnected = [name for name, _ in _unconnected(registers, scope, leaves)]
    return Covered(
        tuple(sorted(set(heard))),
        tuple(sorted(silent)),
        tuple(nil_returns),
        tuple(sorted(set(gaps))),
        tuple(unconnected),
        tuple(sorted(leaves)),
    )


def unconnected_holdings(registers: Registers, scope: Scope) -> list[tuple[str, HoldingRecorded]]:
    """Units, licences, trials, invoices and accounts in scope with no source behind them."""
    return list(_unconnected(registers, scope, set()))


def _unconnected(
    registers: Registers, scope: Scope, leaves: set[int]
) -> Iterator[tuple[str, HoldingRecorded]]:
    for name, told, fact in registers.told("holding", HoldingRecorded):
        if not _within(registers, scope, fact.agency, fact.technology):
            continue
        if _says(registers.history(name), HoldingConnected, HoldingEnded):
            continue
        leaves.add(told.leaf_index)
        yield name, fact


def _nil_returns(
    registers: Registers, scope: Scope, period: Span, leaves: set[int]
) -> Iterator[str]:
    for name, told, fact in registers.told("nil_return", NilReturnAttested):
        held = ends(fact.period)
        covers = scope.period is not None and held[0] <= period[0] and period[1] <= held[1]
        narrower = fact.unit is not None and fact.unit != scope.unit
        if covers and not narrower and _within(registers, scope, fact.agency, fact.technology):
            leaves.add(told.leaf_index)
            yield name


def _within(registers: Registers, scope: Scope, agency: str | None, technology: str | None) -> bool:
    """May something of this agency and technology tell of the scope? What is absent may."""
    if scope.agency is not None and agency is not None and agency != scope.agency:
        return False
    if scope.technology is None or technology is None:
        return True
    return technology in registers.aliases.group(scope.technology)


def _says(history: Iterable[Told], *kinds: type[Fact]) -> bool:
    return any(isinstance(told.fact, kinds) for told in history)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _holds(outer: Span, inner: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
