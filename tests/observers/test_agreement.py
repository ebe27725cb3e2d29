"""Does an observer's log agree, as of a tree size?"""

from __future__ import annotations

from typing import Any

from ledger.events import (
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
    ExternalLogReconciled,
    Fact,
)
from ledger.observers.agreement import agreement

LOG = "observations/1"


def imported(observer: str, observation: str = LOG) -> ExternalLogImported:
    return ExternalLogImported(
        observation=observation,
        observer=observer,
        agency="agencies/a",
        file_sha256="0" * 64,
        rows=9,
        layout="mine",
    )


def reconciled(observation: str = LOG, **counts: int) -> ExternalLogReconciled:
    names = ("matched", "missing_here", "missing_there", "differing", "flattened", "masked")
    said: dict[str, Any] = dict.fromkeys((*names, "rejected"), 0) | counts
    return ExternalLogReconciled(observation=observation, tree_size=3, **said)


def found(name: str, kind: str = "missing_here", observer: str = "Vendor") -> DiscrepancyFound:
    return DiscrepancyFound(
        discrepancy=f"discrepancies/{name}",
        observation=LOG,
        observer=observer,
        kind=kind,
        agency="agencies/a",
    )


def test_open_and_resolved_at_each_tree_size() -> None:
    """A resolution counts from its own entry on; before, the discrepancy stands open."""
    resolved = DiscrepancyResolved(discrepancy="discrepancies/x", code="explained")
    told: list[tuple[int, Fact]] = [
        (3, imported("Vendor")),
        (4, found("x")),
        (6, found("y", "differing")),
        (7, reconciled(matched=7, missing_here=1, differing=1)),
        (9, resolved),
    ]
    before, after = (agreement(told, size)["Vendor"] for size in (9, 10))

    assert ({"missing_here": 1, "differing": 1}, {}) == (dict(before.open), dict(before.resolved))
    assert (0, 1, 1) == (
        after.open["missing_here"],
        after.open["differing"],
        after.resolved.total(),
    )
    assert ([3, 4, 6, 7, 9], False) == (after.leaves, after.agrees)
    assert {} == agreement(told, 3)
    assert agreement(told, 7)["Vendor"].agrees is None


def test_what_was_counted_and_not_told_is_no_agreement() -> None:
    """A run tells a bounded number; the counts say that there are more."""
    told: list[tuple[int, Fact]] = [
        (0, imported("Vendor")),
        (1, found("x")),
        (2, reconciled(missing_here=5)),
        (3, DiscrepancyResolved(discrepancy="discrepancies/x", code="explained")),
    ]
    one = agreement(told, 9)["Vendor"]

    assert (4, 0, False) == (one.untold, one.open.total(), one.agrees)


def test_observers_stand_apart() -> None:
    """One observer's agreement says nothing of another's."""
    told: list[tuple[int, Fact]] = [
        (0, imported("Vendor")),
        (1, reconciled(matched=9)),
        (2, imported("Partner", "observations/2")),
        (3, found("x", observer="Partner")),
        (4, reconciled("observations/2", missing_here=1)),
    ]
    said = agreement(told, 5)

    assert {"Vendor": True, "Partner": False} == {name: one.agrees for name, one in said.items()}
