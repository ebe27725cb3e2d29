"""What can be asked of the ledger? Commands: imperative, checked for form, not yet facts.

    foreign format ──ledger/ingest──► command ──ledger/domain──► fact ──ledger/entry──► bytes

A command carries protected values in the clear; it lives in memory only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ledger.canonical_json import JsonValue
from ledger.events import ToolUseReported


@dataclass(frozen=True, slots=True)
class Masked:
    """A value that the source hid, with the mark it used (`***`, `REDACTED`)."""

    mark: str

    def to_json(self) -> dict[str, str]:
        return {"masked": self.mark}


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """Whoever carried out the use, as the source names them; at least one member stands.

    `user_id` is what the source knows them by and what the pseudonym is found again by;
    where a source has only names, the name serves.
    """

    user_id: str | None = None
    name: str | None = None
    badge: str | None = None

    @property
    def key(self) -> str:
        """What the pseudonym hangs on."""
        return self.user_id or self.name or self.badge or ""

    def to_json(self) -> dict[str, str]:
        members = {"user_id": self.user_id, "name": self.name, "badge": self.badge}
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportToolUse:
    """Record one use.

    Members:
        use: What stands in the clear.
        source: The register name of what reports it (`sources/…`).
        source_event_id: The source's own id; None where it gives none. Then the ledger
            names the row by a keyed digest of `source_record` and `occurrence`.
        occurrence: Which of several identical rows of one file this is, from 0.
        capture: `live` or `backfill`.
        performer: None where the source says nothing of one.
        protected: Field to value, as PROTECTED_FIELDS names them, without `performer`,
            `source_event_id`. A blank is "", a mask is Masked(…).to_json(), and what the
            source does not have is absent.
    """

    use: ToolUseReported
    source: str
    capture: str
    source_event_id: str | None = None
    occurrence: int = 0
    performer: Performer | Masked | None = None
    protected: Mapping[str, JsonValue] = field(default_factory=dict)
