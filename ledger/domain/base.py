"""How do the library's aggregates speak in our facts?

    command method ──checks──► _tell(fact) ──Happened──► when(fact) ──mapper──► entry bytes

An aggregate is one stream. Its events carry a Fact and nothing of their own, so that what
is decided, what is hashed and what is folded are one thing.

Source: eventsourcing 9.5 domain.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from eventsourcing.domain import (
    BaseAggregate,
    CanInitAggregate,
    CanMutateAggregate,
    MetaDomainEvent,
)

from ledger.canonical_json import JsonValue
from ledger.errors import Refused
from ledger.events import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """How a fact came to the ledger: the envelope's members that are not the fact's.

    `recorded_us` is the operator's clock, in microseconds from 1970.
    """

    reporter: str
    recorded_us: int
    capture: str = "live"
    source: str | None = None

    @property
    def recorded(self) -> datetime:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.recorded_us)


class NotInState(Refused):
    """The state of a thing does not allow what was asked of it.

    Args:
        stream: What was asked.
        state: The state it is in.
        allowed: What may be asked of it instead.
        track: The agency whose own state it is; None: everybody's.
    """

    def __init__(
        self, stream: str, state: str, allowed: tuple[str, ...], track: str | None = None
    ) -> None:
        whose = "" if track is None else f" for {track}"
        super().__init__(f"{stream} is {state}{whose}; allowed: {', '.join(allowed) or 'nothing'}")
        self.stream, self.state, self.allowed, self.track = stream, state, allowed, track


class NotRegistered(Refused):
    """A name that must be registered is not.

    Args:
        name: The resource name (`agencies/…`), which is never protected.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is not registered")
        self.name = name


class Already(Refused):
    """What is asked for was done before, by this version of the stream; it is no error."""

    def __init__(self, stream: str, version: int) -> None:
        super().__init__(f"{stream}: version {version} says so already")
        self.stream, self.version = stream, version


class LedgerAggregate(BaseAggregate[str]):
    """One stream of facts."""

    class Event(CanMutateAggregate[str], metaclass=MetaDomainEvent):
        """A fact, at its place in the stream."""

        originator_id: str
        originator_version: int
        timestamp: datetime
        fact: Fact
        provenance: Provenance
        # Field to value in the clear while the event is new; empty once it is read back.
        protected: Mapping[str, JsonValue]

        def apply(self, aggregate: Any) -> None:
            aggregate.when(self.fact, self.originator_version)

    class Happened(Event):
        """Any fact but a stream's first."""

    class Created(Event, CanInitAggregate[str]):
        """The first fact of a stream."""

        originator_topic: str

    def when(self, fact: Fact, version: int) -> None:
        """Fold a fact into the state; facts of no consequence to decisions are passed by."""

    @classmethod
    def begin(
        cls,
        stream: str,
        fact: Fact,
        provenance: Provenance,
        protected: Mapping[str, JsonValue] | None = None,
    ) -> Self:
        """A new stream with its first fact."""
        return cls._create(
            cls.Created,
            id=stream,
            timestamp=provenance.recorded,
            fact=fact,
            provenance=provenance,
            protected=protected or {},
        )

    def _tell(
        self,
        fact: Fact,
        provenance: Provenance,
        protected: Mapping[str, JsonValue] | None = None,
    ) -> None:
        self.trigger_event(
            self.Happened,
            timestamp=provenance.recorded,
            fact=fact,
            provenance=provenance,
            protected=protected or {},
        )
