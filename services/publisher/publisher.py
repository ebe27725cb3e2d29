"""When is a committed head made public? At once, but not more often than PUBLISH_EVERY_S.

    commit ──► head ──sign──► checkpoint ──store──► published: served, and kept for good

A store that goes away is waited for; what it missed is published when it is back. Other
processes may write to the same ledger, so the head is asked for also where nobody commits here.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Final

from ledger.limits import PUBLISH_EVERY_S
from ledger.store.core import Published
from services.runtime.hosting import Hosted
from services.runtime.serving import Serving

_log: Final = logging.getLogger("candour.publisher")


class Publisher:
    """Publishes the checkpoints of one ledger, from an empty log's on."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._committed = asyncio.Event()
        serving.committer.on_commit.append(self._committed)
        self._size = -1
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Publish what there is, and go on; returns once that is tried."""
        await self._try()
        self._task = asyncio.create_task(self._follow(), name="publisher")

    async def stop(self) -> None:
        """Publish the last head; call it after the committer has drained."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(self._publish_or_log)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._committed.wait(), PUBLISH_EVERY_S)
            self._committed.clear()
            await self._try()

    async def _try(self) -> None:
        await asyncio.to_thread(self._publish_or_log)

    def _publish_or_log(self) -> None:
        try:
            self._size = publish(self._serving.hosted, self._size)
        except Exception as error:  # noqa: BLE001  whatever it was, the next round tries again
            name, kind = self._serving.hosted.name, type(error).__qualname__
            _log.warning("nothing published of %s: %s", name, kind)


def publish(hosted: Hosted, last_size: int) -> int:
    """Publish the head if it has grown beyond `last_size`; returns its size. Blocking.

    Raises:
        StoreUnavailable: Nothing is known to be published.
    """
    head = hosted.store.head()
    if head.tree_size > last_size:
        note = hosted.log.checkpoint(head)
        hosted.store.publish(Published(head.tree_size, note, hosted.log.clock_us()))
    return head.tree_size
