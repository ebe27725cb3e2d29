"""Does an observer's log agree with ours? What was told of it, up to a tree size, added up.

    (leaf index, fact), … ──agreement──► observer ► logs compared, last counts, open, resolved

A pure fold of four facts, so that who holds their entries can make it anew; others are passed by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger.events import (
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
    ExternalLogReconciled,
    Fact,
)


@dataclass(slots=True)
class Agreement:
    """What stands of one observer.

    Members:
        compared: Each observation with its last counts, None where it was only begun.
        open, resolved: Discrepancies by kind. `untold`: those that the counts have and that are
            no entries, for a run tells a bounded number.
        leaves: The entries that this rests on.
    """

    compared: dict[str, ExternalLogReconciled | None] = field(default_factory=dict)
    open: Counter[str] = field(default_factory=Counter)
    resolved: Counter[str] = field(default_factory=Counter)
    untold: int = 0
    leaves: list[int] = field(default_factory=list)

    @property
    def agrees(self) -> bool | None:
        """True where nothing stands open; None where no comparison came to its end."""
        if not any(self.compared.values()):
            return None
        return not self.open.total() and not self.untold


def agreement(told: Iterable[tuple[int, Fact]], tree_size: int) -> dict[str, Agreement]:
    """What entries 0..tree_size-1 tell of each observer, by its name; in leaf order."""
    found: dict[str, Agreement] = {}
    observers: dict[str, str] = {}  # of observations
    kinds: dict[str, tuple[str, str, str]] = {}  # of discrepancies: observer, observation, kind
    for leaf_index, fact in told:
        if leaf_index >= tree_size:
            break
        if isinstance(fact, ExternalLogImported):
            observers[fact.observation] = fact.observer
            one = found.setdefault(fact.observer, Agreement())
            one.compared.setdefault(fact.observation, None)
        elif isinstance(fact, ExternalLogReconciled):
            one = found[observers[fact.observation]]
            one.compared[fact.observation] = fact
        elif isinstance(fact, DiscrepancyFound):
            one = found.setdefault(fact.observer, Agreement())
            kinds[fact.discrepancy] = fact.observer, fact.observation, fact.kind
            one.open[fact.kind] += 1
        elif isinstance(fact, DiscrepancyResolved):
            observer, _observation, kind = kinds[fact.discrepancy]
            one = found[observer]
            one.open[kind] -= 1
            one.resolved[kind] += 1
        else:
            continue
        one.leaves.append(leaf_index)
    for observer, one in found.items():
        one.untold = _untold(one, observer, kinds)
    return found


def _untold(one: Agreement, observer: str, kinds: dict[str, tuple[str, str, str]]) -> int:
    """At least so many more than are told: logs overlap, so the largest gap of one log counts."""
    told = sum(name == observer for name, _observation, _kind in kinds.values())
    gaps = [
        counts.missing_here
        + counts.missing_there
        + counts.differing
        + counts.flattened
        + counts.masked
        - told
        for counts in one.compared.values()
        if counts is not None
    ]
    return max([0, *gaps])
