"""What waits between callers and the ledger? Items that were taken, and parcels to be sent.

report ──Item──► intake ──batch──► Backlog.put … Backlog.take ──Parcel──► one request

InMemory      put, take: a queue that the intake bounds
Spooled       put: on disk, and then it counts as kept; take: read back, in order
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from services.client.errors import SpoolFailed
from services.client.receipts import Receipt
from services.client.spool import Place, Spool

_log: Final = logging.getLogger("candour.client")


@dataclass(slots=True, eq=False)
class Item:
    """A use that was taken.

    Members:
        data: The ToolUse, as it is sent.
        future: Of whoever waits for its receipt; None where nobody does.
        kept: Of whoever waits until it is spooled.
        held_bytes: It takes so much of the intake's room until somebody knows what became of
            it; 0 where it takes none any more.
    """

    data: bytes
    future: Future[Receipt] | None = None
    kept: Future[None] | None = None
    held_bytes: int = 0


@dataclass(slots=True, eq=False)
class Parcel:
    """Uses of one request.

    Members:
        items: Without an answer as yet.
        places: In the spool; none without one.
        unheard: True where a refusal could not be handed over, so that it must not be forgotten.
        sent_at: Of the last attempt, on the monotonic clock.
    """

    items: list[Item]
    places: list[Place] = field(default_factory=list)
    unheard: bool = False
    sent_at: float = 0.0
    call: Any = None


class Backlog(Protocol):
    """One thread puts, another takes."""

    durable: bool

    def put(self, batch: list[Item]) -> None:
        """Take a batch over. Whoever waits is told if that fails."""

    def take(self) -> Parcel | None:
        """The next to be sent; None where there is none now."""

    def empty(self) -> bool:
        """Whether everything was taken."""

    def done(self, parcel: Parcel) -> None:
        """Each of its uses has a receipt, or was refused and handed over."""

    def waiters(self) -> list[Future[Receipt]]:
        """Who waits for a receipt of something that was not taken yet."""


class InMemory:
    """A backlog that ends with the process."""

    durable = False

    def __init__(self) -> None:
        self._batches: deque[list[Item]] = deque()

    def put(self, batch: list[Item]) -> None:
        self._batches.append(batch)

    def take(self) -> Parcel | None:
        return Parcel(self._batches.popleft()) if self._batches else None

    def empty(self) -> bool:
        return not self._batches

    def done(self, parcel: Parcel) -> None:
        pass

    def waiters(self) -> list[Future[Receipt]]:
        batches = list(self._batches)
        return [item.future for batch in batches for item in batch if item.future is not None]


class Spooled:
    """A backlog on disk.

    Args:
        release: Gives an item's room back to the intake.
    """

    durable = True

    def __init__(self, spool: Spool, release: Callable[[Item], None]) -> None:
        self._spool, self._release = spool, release
        self._waiting: dict[Place, list[Item | None]] = {}

    def put(self, batch: list[Item]) -> None:
        def kept(place: Place) -> None:
            if any(item.future is not None for item in batch):
                self._waiting[place] = [item if item.future else None for item in batch]

        reserved = sum(self._spool.cost_of(item.data) for item in batch)
        try:
            self._spool.append([item.data for item in batch], reserved=reserved, kept=kept)
        except SpoolFailed as error:
            for item in batch:
                _fail(item, error)
                self._release(item)
            return
        for item in batch:
            if item.kept is not None:
                item.kept.set_result(None)
                self._release(item)

    def take(self) -> Parcel | None:
        items: list[Item] = []
        taken = self._spool.take()
        for place, uses in taken:
            waiting = self._waiting.pop(place, None) or [None] * len(uses)
            items += [item or Item(data) for item, data in zip(waiting, uses, strict=True)]
        return Parcel(items, [place for place, _ in taken]) if taken else None

    def empty(self) -> bool:
        return self._spool.all_taken()

    def done(self, parcel: Parcel) -> None:
        for place in parcel.places:
            try:
                self._spool.done(place)
            except OSError as error:  # it stays, and is sent again: the ledger knows it
                _log.warning("what the ledger has could not be deleted: %s", error)

    def waiters(self) -> list[Future[Receipt]]:
        batches = list(self._waiting.values())
        return [item.future for batch in batches for item in batch if item and item.future]


def _fail(item: Item, error: Exception) -> None:
    for future in (item.future, item.kept):
        if future is not None:
            future.set_exception(error)
