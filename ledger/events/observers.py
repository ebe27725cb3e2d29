"""What does somebody else's log say? Second observers, and where theirs and ours differ.

Streams `observation/<id>` (one imported log), `discrepancy/<id>` (one difference).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from ledger.events.facts import Fact, fact
from ledger.events.values import Interval, Occurred

DISCREPANCIES: Final = (
    "missing_here",  # the observer has it, the ledger does not: an unreported use
    "missing_there",  # the ledger has it, the observer does not
    "differing",  # both have it, and a field says something else
    "flattened",  # the observer's field says more than ours
    "masked",  # ours is masked where the observer's is not
)
RESOLUTIONS: Final = ("reported_since", "observer_wrong", "ledger_wrong", "same_as", "explained")


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLogImported(Fact):
    """A log of another observer was read: its digest and row count, before it is matched.

    Stream `observation/<id>`. `period` is what the file covers, by its own rows or by what
    the observer says.
    """

    TOPIC: ClassVar[str] = "observation.imported.v1"

    observation: str
    observer: str
    agency: str
    file_sha256: str
    rows: int
    layout: str
    technology: str | None = None
    period: Interval | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalLogReconciled(Fact):
    """It was matched with the ledger's first `tree_size` entries, with this result."""

    TOPIC: ClassVar[str] = "observation.reconciled.v1"

    observation: str
    tree_size: int
    matched: int
    missing_here: int
    missing_there: int
    differing: int
    flattened: int
    masked: int
    rejected: int


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class DiscrepancyFound(Fact):
    """One difference. Stream `discrepancy/<id>`. The observer's row is protected (`sighting`)."""

    TOPIC: ClassVar[str] = "discrepancy.found.v1"

    discrepancy: str
    observation: str
    observer: str
    kind: str
    agency: str
    technology: str | None = None
    use: str | None = None  # `toolUses/…`, where the ledger has one
    fields: tuple[str, ...] = ()
    occurred: Occurred | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class DiscrepancyResolved(Fact):
    """Somebody says why. The reason in words is protected (`reason`)."""

    TOPIC: ClassVar[str] = "discrepancy.resolved.v1"

    discrepancy: str
    code: str
    use: str | None = None
