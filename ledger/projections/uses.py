"""What does the record say of a use, after these entries? A pure fold.

    ToolUseReported ──reported──► UseRow ──changed──► UseRow ──changed──► …

The projector stores these rows by the batch, the verifier folds them from a bundle: one
fold, two readers. A row holds from leaf index `since` on, until the next one of its use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.events import (
    AuthorizationLinked,
    Fact,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.times import MAX_US, MIN_US

# Where an end is not known; beyond every real time, so that comparisons need no special case.
OPEN_EARLIEST: Final = MIN_US - 1
OPEN_LATEST: Final = MAX_US + 1


class UseState(IntEnum):
    """Whether a use counts. A withdrawn import is looked up beside it."""

    COUNTED = 0
    WITHDRAWN = 1
    SAME_AS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRow:
    """One use as of one entry.

    Members:
        use: Its stream.
        first, since: Leaf index of the report, and of the entry that made this row.
        performer: Pseudonym; None where unknown, masked, or no longer disclosed.
        case_number: None where absent, masked, or no longer disclosed.
        earliest_us, latest_us: Inclusive; OPEN_EARLIEST and OPEN_LATEST where unknown.
        month: Year * 12 + month - 1 in UTC, if the use is dated; else None.
        authorizations: Cited by the report or linked since, in that order.
    """

    use: str
    first: int
    since: int
    state: UseState
    agency: str
    capture: str
    source: str | None
    technology: str | None
    performer: str | None
    case_number: str | None
    earliest_us: int
    latest_us: int
    month: int | None
    unit: str | None
    purpose: str | None
    offence_class: str | None
    capability: str | None
    acquisition: str | None
    trigger: str | None
    outcome: str | None
    import_: str | None
    authorizations: tuple[str, ...]
    same_as: str | None = None

    @property
    def vague(self) -> bool:
        """True where a question about time, performer or technology may stay open."""
        return (
            self.performer is None or self.technology is None or self.earliest_us != self.latest_us
        )


def reported(
    fact: ToolUseReported, entry: Entry, leaf_index: int, shown: Mapping[str, JsonValue]
) -> UseRow:
    """The first row of a use.

    Args:
        fact: Of `entry`.
        entry: The report.
        leaf_index: Where it stands.
        shown: Disclosed values, by field.
    """
    earliest = latest = month = None
    if fact.occurred is not None:
        earliest, latest = fact.occurred.bounds_us()
        day = fact.occurred.day_within(earliest, latest)
        month = None if day is None else month_of_day(day)
    return UseRow(
        use=entry.stream,
        first=leaf_index,
        since=leaf_index,
        state=UseState.COUNTED,
        agency=fact.agency,
        capture=entry.capture,
        source=entry.source,
        technology=fact.technology,
        performer=_text(shown.get("performer")),
        case_number=_text(shown.get("case_number")),
        earliest_us=OPEN_EARLIEST if earliest is None else earliest,
        latest_us=OPEN_LATEST if latest is None else latest,
        month=month,
        unit=fact.unit,
        purpose=fact.purpose,
        offence_class=fact.offence_class,
        capability=fact.capability,
        acquisition=fact.acquisition,
        trigger=fact.trigger,
        outcome=fact.outcome,
        import_=fact.import_,
        authorizations=fact.authorizations,
    )


def changed(row: UseRow, fact: Fact, leaf_index: int) -> UseRow | None:
    """The next row of a use; None where the fact does not change what it says."""
    if isinstance(fact, AuthorizationLinked):
        if fact.authorization in row.authorizations:
            return None
        linked = (*row.authorizations, fact.authorization)
        return replace(row, since=leaf_index, authorizations=linked)
    if isinstance(fact, ToolUseWithdrawn):
        return replace(row, since=leaf_index, state=UseState.WITHDRAWN)
    if isinstance(fact, ToolUseSameAs):
        return replace(row, since=leaf_index, state=UseState.SAME_AS, same_as=fact.same_as)
    return None


def _text(value: JsonValue) -> str | None:
    return value if isinstance(value, str) and value else None


def month_of_day(day: int) -> int:
    """Months from year 0, of a day counted from 1970-01-01 (H. Hinnant, civil_from_days)."""
    days = day + 719_468
    era, of_era = divmod(days, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153  # March is 0
    return (era * 400 + year_of_era) * 12 + shifted + 2


def month_text(month: int) -> str:
    """`YYYY-MM` of a month counted from year 0."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"
