"""How does the eventsourcing library see the store? A thin adapter; never the hot path.

    Application ─► Recorder.insert_events ─► LedgerStore.append (atomic) ─► one transaction

notification_id = leaf_index + 1, so the library's positions are ours, gapless, and start
at 1. Source: eventsourcing 9.5 persistence.py; its shipped test cases run over this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    TrackingRecorder,
)
from eventsourcing.persistence import Tracking as LibraryTracking
from eventsourcing.utils import Environment

from ledger.domain.mapper import SealedEvent
from ledger.errors import Refused
from ledger.limits import FOLLOW_POLL_S
from ledger.merkle import leaf_hash
from ledger.store.core import (
    LedgerStore,
    NewEntry,
    Placed,
    StoredEntry,
    StoreUnavailable,
    StreamConflict,
    Tracking,
)


def _new_entry(event: StoredEvent) -> NewEntry:
    return NewEntry(
        stream=str(event.originator_id),
        version=event.originator_version,
        topic=event.topic,
        entry=event.state,
        leaf_hash=leaf_hash(event.state),
        disclosures=event.disclosures if isinstance(event, SealedEvent) else None,
    )


class _Adapter:
    """What the recorders share: the store, and how streams are named to the library."""

    def __init__(
        self, store: LedgerStore, originator_id: Callable[[str], UUID | str] = str
    ) -> None:
        self.store = store
        self.originator_id = originator_id

    def _append(
        self, stored_events: Sequence[StoredEvent], tracking: LibraryTracking | None = None
    ) -> list[int]:
        mark = None
        if tracking is not None:
            mark = Tracking(tracking.application_name, tracking.notification_id)
        try:
            outcomes, _ = self.store.append(
                [_new_entry(event) for event in stored_events], atomic=True, tracking=mark
            )
        except StoreUnavailable as error:
            raise OperationalError(str(error)) from error
        except (StreamConflict, Refused) as error:
            raise IntegrityError(str(error)) from error
        return [item.leaf_index + 1 for item in outcomes if isinstance(item, Placed)]

    def _stored_event(self, row: StoredEntry) -> StoredEvent:
        return StoredEvent(self.originator_id(row.stream), row.version, row.topic, row.entry)


class LedgerAggregateRecorder(_Adapter, AggregateRecorder):
    """Streams of events by version."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **_kwargs: Any
    ) -> Sequence[int] | None:
        self._append(stored_events)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        rows = self.store.read_stream(str(originator_id), gt=gt, lte=lte, desc=desc, limit=limit)
        return [self._stored_event(row) for row in rows]


class LedgerApplicationRecorder(LedgerAggregateRecorder, ApplicationRecorder):
    """The whole log in leaf order."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **_kwargs: Any
    ) -> Sequence[int] | None:
        return self._append(stored_events)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        first = max((start or 1) - 1 + (0 if inclusive_of_start or start is None else 1), 0)
        if start == 0 and not inclusive_of_start:
            first = 0
        rows = self.store.select_notifications(
            first, limit, stop=None if stop is None else stop - 1, topics=topics
        )
        return [
            Notification(
                originator_id=self.originator_id(row.stream),
                originator_version=row.version,
                topic=row.topic,
                state=row.entry,
                id=row.leaf_index + 1,
            )
            for row in rows
        ]

    def max_notification_id(self) -> int | None:
        return self.store.head().tree_size or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        return PollingSubscription(self, gt, topics)


class PollingSubscription(Subscription[ApplicationRecorder]):
    """Follows by asking: a lost notification costs a poll, never an event."""

    def __init__(
        self, recorder: ApplicationRecorder, gt: int | None, topics: Sequence[str]
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._ready: list[Notification] = []

    def __next__(self) -> Notification:
        while not self._ready:
            if self._has_been_stopped:
                raise StopIteration
            self._ready = list(
                self._recorder.select_notifications(
                    self._last_notification_id or 0,
                    500,
                    topics=self._topics,
                    inclusive_of_start=False,
                )
            )
            if not self._ready:
                time.sleep(FOLLOW_POLL_S)
        if self._has_been_stopped:
            raise StopIteration
        notification = self._ready.pop(0)
        self._last_notification_id = notification.id
        return notification


class LedgerTrackingRecorder(_Adapter, TrackingRecorder):
    """How far followers have come."""

    def insert_tracking(self, tracking: LibraryTracking) -> None:
        try:
            self.store.track(Tracking(tracking.application_name, tracking.notification_id))
        except StoreUnavailable as error:
            raise OperationalError(str(error)) from error
        except Refused as error:
            raise IntegrityError(str(error)) from error

    def max_tracking_id(self, application_name: str) -> int | None:
        return self.store.tracked(application_name)


class LedgerProcessRecorder(LedgerTrackingRecorder, LedgerApplicationRecorder, ProcessRecorder):
    """Events and the position they were made from, in one transaction."""

    def insert_events(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: LibraryTracking | None = None,
        **_kwargs: Any,
    ) -> Sequence[int] | None:
        return self._append(stored_events, tracking)


class LedgerFactory(InfrastructureFactory[LedgerTrackingRecorder]):
    """Hands the library one store, opened by whoever assembles the process."""

    def __init__(self, env: Environment, store: LedgerStore) -> None:
        super().__init__(env)
        self.store = store

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        if purpose != "events":
            raise NotImplementedError("snapshots do not enter the ledger, and none are needed")
        return LedgerAggregateRecorder(self.store)

    def application_recorder(self) -> ApplicationRecorder:
        return LedgerApplicationRecorder(self.store)

    def tracking_recorder(
        self, tracking_recorder_class: type[Any] | None = None
    ) -> LedgerTrackingRecorder:
        if tracking_recorder_class is None:
            return LedgerTrackingRecorder(self.store)
        recorder = tracking_recorder_class(self.store)
        assert isinstance(recorder, LedgerTrackingRecorder)
        return recorder

    def process_recorder(self) -> ProcessRecorder:
        return LedgerProcessRecorder(self.store)
