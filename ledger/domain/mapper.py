"""How does a domain event become an entry, and an entry a domain event again?

The whole Mapper of the library is ours: state = entry bytes, topic = the fact's topic. No
import path of a class ever enters the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import get_topic

from ledger.canonical_json import encode
from ledger.disclosure import protect
from ledger.domain.base import LedgerAggregate, Provenance
from ledger.domain.imports import Import
from ledger.domain.lives import Life, RulePack
from ledger.domain.register import Agency, Authorization, Source, Technology
from ledger.domain.tool_use import ToolUse
from ledger.entry import Entry, decode_entry, encode_entry
from ledger.errors import Unverifiable
from ledger.times import full_text_of_us, us_of_text

AGGREGATES: Final[dict[str, type[LedgerAggregate]]] = {
    "agency": Agency,
    "technology": Technology,
    "source": Source,
    "authorization": Authorization,
    "import": Import,
    "tool_use": ToolUse,
    "rule_pack": RulePack,
    **dict.fromkeys(
        (
            "instrument",
            "approval",
            "nil_return",
            "mandate",
            "proceeding",
            "legal_hold",
            "incident",
            "holding",
            "statement",
            "allegation",
            "observation",
            "discrepancy",
        ),
        Life,
    ),
}


class SealedEvent(StoredEvent):
    """A stored event, with the disclosures that are kept beside the log for it."""

    disclosures: bytes | None = None


class EntryMapper(Mapper[str]):
    """Between domain events and entries of one ledger.

    Args:
        origin: Of the ledger, as its checkpoints say.
        random_bytes: Source of salts, as `os.urandom`.
    """

    def __init__(self, origin: str, random_bytes: Callable[[int], bytes]) -> None:
        super().__init__(JSONTranscoder())
        self.origin, self.random_bytes = origin, random_bytes

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> SealedEvent:
        event: Any = domain_event
        told: Provenance = event.provenance
        committed, kept = protect(event.protected, event.originator_id, self.random_bytes)
        entry = Entry(
            topic=event.fact.TOPIC,
            stream=event.originator_id,
            version=event.originator_version,
            event=event.fact.to_object(),
            protected=committed,
            origin=self.origin,
            recorded_at=full_text_of_us(told.recorded_us),
            reporter=told.reporter,
            capture=told.capture,
            source=told.source,
        )
        sealed = SealedEvent(entry.stream, entry.version, entry.topic, encode_entry(entry))
        object.__setattr__(sealed, "disclosures", encode(kept) if kept else None)
        return sealed

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        entry = decode_entry(stored_event.state)
        aggregate = AGGREGATES.get(entry.stream.partition("/")[0])
        if aggregate is None:
            raise Unverifiable(f"no aggregate of this release holds stream {entry.stream!r}")
        recorded_us = us_of_text(entry.recorded_at)
        members: dict[str, Any] = {
            "originator_id": entry.stream,
            "originator_version": entry.version,
            "timestamp": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=recorded_us),
            "fact": entry.fact(),
            "provenance": Provenance(
                reporter=entry.reporter,
                recorded_us=recorded_us,
                capture=entry.capture,
                source=entry.source,
            ),
            "protected": {},
        }
        if entry.version == 1:
            members["originator_topic"] = get_topic(aggregate)
            return aggregate.Created(**members)
        return aggregate.Happened(**members)
