"""How do single uses become batches, and who waits when there are too many? One bounded queue.

put ──room?──► queue ──linger, or enough──► next_batch
     └─ no ──► wait, or Full ◄── release ◄── it is known what became of a use
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from services.client.errors import ClientClosed, Full
from services.client.parcels import Item
from services.client.settings import Settings


class Intake:
    """Many threads put, one takes batches.

    Args:
        clock: As time.monotonic.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        lock = threading.RLock()
        self._changed, self._room = threading.Condition(lock), threading.Condition(lock)
        self._queue: deque[Item] = deque()
        self._queued_bytes = 0
        self._first_at = 0.0
        self._uses = self._bytes = 0  # held: queued, and taken but not released
        self._asking: list[Callable[[], None]] = []
        self._closed = False

    # --- callers --------------------------------------------------------------------
    def put(self, item: Item, *, timeout_s: float | None) -> None:
        """Take a use in; waits for room, for `timeout_s` at most.

        Raises:
            Full: There is none.
            ClientClosed: Nothing more is taken.
        """
        end_at = None if timeout_s is None else self._clock() + timeout_s
        with self._changed:
            while not self._has_room(item):
                left_s = None if end_at is None else end_at - self._clock()
                if left_s is not None and left_s <= 0:
                    self._room.notify()  # the room we were woken for may do for another
                    raise Full(self._uses, self._bytes)
                self._room.wait(left_s)
            self._add(item)

    def offer(self, item: Item, otherwise: Callable[[], None]) -> bool:
        """Take a use in if there is room; else False, and `otherwise` is called when there may be.

        Raises:
            ClientClosed: Nothing more is taken.
        """
        with self._changed:
            if not self._has_room(item):
                self._asking.append(otherwise)
                return False
            self._add(item)
            return True

    def full(self) -> Full:
        """How full it is."""
        with self._changed:
            return Full(self._uses, self._bytes)

    def _has_room(self, item: Item) -> bool:
        if self._closed:
            raise ClientClosed
        size_bytes = self._bytes + len(item.data)
        return self._uses == 0 or (
            self._uses < self._settings.queue_uses and size_bytes <= self._settings.queue_bytes
        )

    def _add(self, item: Item) -> None:
        item.held_bytes = len(item.data)
        self._uses, self._bytes = self._uses + 1, self._bytes + item.held_bytes
        if not self._queue:
            self._first_at = self._clock()
        self._queue.append(item)
        self._queued_bytes += len(item.data)
        if len(self._queue) == 1 or self._enough():
            self._changed.notify_all()

    def release(self, item: Item) -> None:
        """It is known what became of it: its room is free. Twice is once."""
        with self._changed:
            if item.held_bytes == 0:
                return
            self._uses, self._bytes = self._uses - 1, self._bytes - item.held_bytes
            item.held_bytes = 0
            self._room.notify()
            asking, self._asking = self._asking, []
        for asked in asking:
            asked()

    def close(self) -> None:
        """Take nothing more; what is queued still leaves."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._room.notify_all()
            asking, self._asking = self._asking, []
        for asked in asking:
            asked()

    # --- the one who takes ------------------------------------------------------------
    def next_batch(self, *, idle_s: float) -> list[Item] | None:
        """Wait for a batch: the linger is over, or it is as large as one may be.

        Returns:
            None when it is closed and empty; an empty list after `idle_s` without a use.
        """
        with self._changed:
            if not self._queue and not self._closed:
                self._changed.wait(idle_s)
            while self._queue and not self._closed and not self._enough():
                left_s = self._first_at + self._settings.linger_s - self._clock()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            if not self._queue:
                return None if self._closed else []
            return self._cut()

    def _enough(self) -> bool:
        return (
            len(self._queue) >= self._settings.batch_uses
            or self._queued_bytes >= self._settings.batch_bytes
        )

    def _cut(self) -> list[Item]:
        batch: list[Item] = []
        size_bytes = 0
        while self._queue and len(batch) < self._settings.batch_uses:
            size_bytes += len(self._queue[0].data)
            if batch and size_bytes > self._settings.batch_bytes:
                break
            batch.append(self._queue.popleft())
            self._queued_bytes -= len(batch[-1].data)
        return batch
