"""How do published checkpoints come into the directory? All that is new, by the batch.

    publication moved ──► checkpoints above the newest listing ──► one commit of the directory
                                                     └──► each ledger notes where it is listed

Nothing of it is on a ledger's way: publication does not wait, and a directory that is away is
caught up with from the ledgers' own tables. A listing somebody else made meanwhile is read.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import CandourError
from ledger.limits import DIRECTORY_EVERY_S, LISTED_NOTED_EVERY_S, LISTINGS_AT_ONCE
from ledger.log import Receipt
from ledger.store.core import NewEntry, StreamConflict
from ledger.store.directory_listing import note_listing, unlisted
from services.directory.guard import Guard
from services.runtime.serving import Serving

_log: Final = logging.getLogger("candour.directory")


@dataclass(slots=True)
class _Followed:
    """One ledger on its way into the directory.

    Members:
        complained: What was last said to be wrong; "" for nothing.
        noted: Leaf index that the ledger has noted as its listing; -1 for none by us.
        noted_at: When, by the follower's clock.
    """

    serving: Serving
    guard: Guard
    complained: str = ""
    noted: int = -1
    noted_at: float = 0.0

    @property
    def behind(self) -> bool:
        newest, listed = self.serving.publication.newest, self.guard.listed
        if newest is None:
            return False
        return listed is None or listed.checkpoint.tree_size < newest.tree_size


class Follower:
    """Lists what the ledgers of a process publish.

    Args:
        directory: Being served; it commits as any ledger does.
        ledgers: By name, each with its guard.
        clock_s: Seconds that only rise.
    """

    def __init__(
        self,
        directory: Serving,
        ledgers: Mapping[str, tuple[Serving, Guard]],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory, self._clock_s = directory, clock_s
        self._followed = [_Followed(serving, guard) for serving, guard in ledgers.values()]
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="directory")

    async def stop(self) -> None:
        """List what was published last; call it before the directory's committer drains."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.catch_up(last=True)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(DIRECTORY_EVERY_S)
            await self.catch_up()

    async def catch_up(self, *, last: bool = False) -> None:
        """List all that is published and not listed; what fails is said, and left for later."""
        while behind := [item for item in self._followed if item.behind]:
            # Together, so that one commit of the directory takes them all.
            if not any(await asyncio.gather(*map(self._list, behind))):
                break
        for item in self._followed:
            await self._note(item, last=last)

    async def _list(self, item: _Followed) -> bool:
        """True where something came into the directory, or was found there."""
        name = item.serving.hosted.name
        try:
            entries = await asyncio.to_thread(self._entries, item)
            if not entries:
                return False
            committed = await self._directory.committer.submit(entries)
            moved = await asyncio.to_thread(self._listed, item, committed.results)
        except Exception as error:  # noqa: BLE001  whatever it was, the next round tries again
            said = str(error) if isinstance(error, CandourError) else type(error).__qualname__
            if said != item.complained:
                extra = {"ledger": name}
                _log.warning("%s is not listed in the directory: %s", name, said, extra=extra)
            item.complained = said
            return False
        if item.complained:
            _log.info("%s is listed in the directory again", name, extra={"ledger": name})
            item.complained = ""
        return moved

    def _entries(self, item: _Followed) -> Sequence[NewEntry]:
        hosted, directory = item.serving.hosted, self._directory.hosted
        return unlisted(
            hosted.store,
            item.guard.listed,
            key=hosted.keys.checkpoint.verifier_key,
            directory=directory.keys.origin,
            recorded_us=directory.log.clock_us(),
            most=LISTINGS_AT_ONCE,
        )

    def _listed(self, item: _Followed, results: Sequence[Receipt | CandourError]) -> bool:
        """Read what is listed now: by us, or by somebody who was faster."""
        for result in results:
            if isinstance(result, CandourError) and not isinstance(result, StreamConflict):
                raise result
        before = item.guard.listed
        item.guard.listed = item.guard.read(self._directory.hosted.store)
        return item.guard.listed != before

    async def _note(self, item: _Followed, *, last: bool) -> None:
        """Let the ledger note where it is listed, now and then, and in the end."""
        listed, now = item.guard.listed, self._clock_s()
        if listed is None or listed.leaf_index == item.noted:
            return
        if not last and now < item.noted_at + LISTED_NOTED_EVERY_S:
            return
        item.noted_at = now
        try:
            await asyncio.to_thread(
                note_listing,
                item.serving.hosted.store,
                self._directory.hosted.keys.origin,
                listed.leaf_index,
            )
        except CandourError as error:
            name = item.serving.hosted.name
            _log.warning("%s has not noted its listing: %s", name, error, extra={"ledger": name})
            return
        item.noted = listed.leaf_index
