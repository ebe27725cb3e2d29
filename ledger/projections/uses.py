"""What does the record say of a use, after these entries? A pure fold.

    ToolUseReported ──reported──► UseRow ──changed──► UseRow ──changed──► …

The projector stores these rows by the batch, the verifier folds them from a bundle: one
fold, two readers. A row holds from leaf index `since` on, until the next one of its use.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.events import (
    AuthorizationLinked,
    DataFlow,
    DataFlowReported,
    Fact,
    Interval,
    Occurred,
    OutcomeReported,
    ResubmissionConflicted,
    ToolUseAmended,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.times import MAX_US, MIN_US, us_of_text

# Where an end is not known; beyond every real time, so that comparisons need no special case.
OPEN_EARLIEST: Final = MIN_US - 1
OPEN_LATEST: Final = MAX_US + 1


class UseState(IntEnum):
    """Whether a use counts. A withdrawn import is looked up beside it."""

    COUNTED = 0
    WITHDRAWN = 1
    SAME_AS = 2


class ReasonState(IntEnum):
    """What is known of the reason given; a column that is not there is not a blank."""

    ABSENT = 0
    BLANK = 1
    MASKED = 2
    WITHHELD = 3  # there is one, and it is not shown here
    STATED = 4


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
        recorded_us: When the ledger took the report, by the operator's clock.
        window_from_us: Where the span of data that was asked for begins.
        reason_state, reason_digest: Whether a reason stands there, and `digest_of_reason`.
        flows: Where data went, as far as it was told.
        amendments: How many times the report was put right.
        conflicts: How many other contents its source has reported under its id.
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
    recorded_us: int = 0
    window_from_us: int | None = None
    reason_state: ReasonState = ReasonState.ABSENT
    reason_digest: int | None = None
    urgency_used: bool | None = None
    credential_strength: str | None = None
    performer_role: str | None = None
    object_category: str | None = None
    reference_database: str | None = None
    technology_version: str | None = None
    source_sequence: int | None = None
    human_verified: bool | None = None
    flows: tuple[DataFlow, ...] = ()
    amendments: int = 0
    conflicts: int = 0

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
    when = _when(fact.occurred)
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
        **when,
        unit=fact.unit,
        purpose=fact.purpose,
        offence_class=fact.offence_class,
        capability=fact.capability,
        acquisition=fact.acquisition,
        trigger=fact.trigger,
        outcome=fact.outcome,
        import_=fact.import_,
        authorizations=fact.authorizations,
        recorded_us=us_of_text(entry.recorded_at),
        window_from_us=_window_from(fact.window_requested),
        **_reason(entry, shown),
        urgency_used=fact.urgency_used,
        credential_strength=fact.credential_strength,
        performer_role=fact.performer_role,
        object_category=fact.object_category,
        reference_database=fact.reference_database,
        technology_version=fact.technology_version,
        source_sequence=fact.source_sequence,
        flows=fact.data_flows or (),
    )


def _window_from(window: Interval | None) -> int | None:
    return None if window is None or window.earliest is None else us_of_text(window.earliest)


def _reason(entry: Entry, shown: Mapping[str, JsonValue]) -> dict[str, Any]:
    """What is known of the reason, for a new row. A commitment alone is not a text."""
    if entry.protected is None or "reason" not in entry.protected:
        return {"reason_state": ReasonState.ABSENT, "reason_digest": None}
    value = shown.get("reason")
    if isinstance(value, str):
        blank = not value.strip()
        return {
            "reason_state": ReasonState.BLANK if blank else ReasonState.STATED,
            "reason_digest": None if blank else digest_of_reason(value),
        }
    hidden = isinstance(value, dict)  # {"masked": …}
    return {
        "reason_state": ReasonState.MASKED if hidden else ReasonState.WITHHELD,
        "reason_digest": None,
    }


@lru_cache(maxsize=4096)  # people type the same few words
def digest_of_reason(text: str) -> int:
    """63 bits that are equal where two reasons differ only in case and white space."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return int.from_bytes(sha256(plain.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


def changed(
    row: UseRow,
    fact: Fact,
    leaf_index: int,
    *,
    entry: Entry | None = None,
    shown: Mapping[str, JsonValue] | None = None,
) -> UseRow | None:
    """The next row of a use; None where the fact does not change what it says.

    Args:
        entry, shown: Of an amendment, which may give protected fields anew.
    """
    if isinstance(fact, ToolUseAmended):
        return _amended(row, fact, leaf_index, entry, shown or {})
    if isinstance(fact, OutcomeReported):
        verified = row.human_verified if fact.human_verified is None else fact.human_verified
        return replace(row, since=leaf_index, outcome=fact.outcome, human_verified=verified)
    if isinstance(fact, DataFlowReported):
        return replace(row, since=leaf_index, flows=(*row.flows, *fact.data_flows))
    if isinstance(fact, AuthorizationLinked):
        if fact.authorization in row.authorizations:
            return None
        linked = (*row.authorizations, fact.authorization)
        return replace(row, since=leaf_index, authorizations=linked)
    if isinstance(fact, ResubmissionConflicted):
        return replace(row, since=leaf_index, conflicts=row.conflicts + 1)
    if isinstance(fact, ToolUseWithdrawn):
        return replace(row, since=leaf_index, state=UseState.WITHDRAWN)
    if isinstance(fact, ToolUseSameAs):
        return replace(row, since=leaf_index, state=UseState.SAME_AS, same_as=fact.same_as)
    return None


# Members of an amendment that a row holds under the same name.
_AMENDED: Final = (
    *("technology", "unit", "purpose", "offence_class", "capability", "acquisition", "trigger"),
    *("urgency_used", "credential_strength", "performer_role", "object_category"),
    *("reference_database", "technology_version"),
)


def _amended(
    row: UseRow,
    fact: ToolUseAmended,
    leaf_index: int,
    entry: Entry | None,
    shown: Mapping[str, JsonValue],
) -> UseRow:
    new: dict[str, Any] = {"since": leaf_index, "amendments": row.amendments + 1}
    for name in _AMENDED:
        if name in fact.unset:
            new[name] = None
        elif (value := getattr(fact.to, name)) is not None:
            new[name] = value
    if fact.to.occurred is not None or "occurred" in fact.unset:
        new |= _when(fact.to.occurred)
    if fact.to.window_requested is not None or "window_requested" in fact.unset:
        new["window_from_us"] = _window_from(fact.to.window_requested)
    protected = {} if entry is None else entry.protected
    for name in ("performer", "case_number"):
        if name in protected:
            new[name] = _text(shown.get(name))
    if entry is not None and "reason" in protected:
        new |= _reason(entry, shown)
    return replace(row, **new)


def _when(occurred: Occurred | None) -> dict[str, Any]:
    """The bounds and month of a row."""
    earliest = latest = month = None
    if occurred is not None:
        earliest, latest = occurred.bounds_us()
        day = occurred.day_within(earliest, latest)
        month = None if day is None else month_of_day(day)
    return {
        "earliest_us": OPEN_EARLIEST if earliest is None else earliest,
        "latest_us": OPEN_LATEST if latest is None else latest,
        "month": month,
    }


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
