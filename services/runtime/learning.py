"""How do performers that nobody has met get their pseudonyms? Those of all waiting reports at once.

    reports ──unmet──► waiting ──one round at a time──► one transaction ──► each goes on

A round of its own for each report would take turns with the commits, at a sync each: measured
at 600 reports a second with new performers, a commit waited 5 to 20 ms for its connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping

from ledger.limits import PERFORMERS_A_ROUND
from ledger.log import Missing
from ledger.store.core import PerformerRecord


class Learning:
    """What reports lack, looked up before they can become entries.

    Args:
        learn: `Log.learn`, in a thread.
    """

    def __init__(self, learn: Callable[[Missing], Awaitable[None]]) -> None:
        self._learn = learn
        # As long as there are calls: the server bounds those.
        self._waiting: deque[tuple[Mapping[bytes, PerformerRecord], asyncio.Future[None]]] = deque()
        self._rounds: asyncio.Task[None] | None = None

    async def learn(self, missing: Missing) -> None:
        """Return once the log knows what was missing, or that there is no such agency.

        Agencies are looked up for each report alone: whoever names many that are not there keeps
        nobody else waiting.

        Raises:
            StoreUnavailable: The database is away.
        """
        if missing.agencies:
            await self._learn(Missing(agencies=missing.agencies))
        if missing.performers:
            learnt = asyncio.get_running_loop().create_future()
            self._waiting.append((missing.performers, learnt))
            if self._rounds is None or self._rounds.done():
                self._rounds = asyncio.create_task(self._run())
            await learnt

    async def _run(self) -> None:
        while self._waiting:
            performers: dict[bytes, PerformerRecord] = {}
            served: list[asyncio.Future[None]] = []
            while self._waiting and len(performers) < PERFORMERS_A_ROUND:
                some, learnt = self._waiting.popleft()
                performers.update(some)  # of two proposals the store keeps one, and answers with it
                served.append(learnt)
            error: Exception | None = None
            try:
                await self._learn(Missing(performers=performers))
            except Exception as raised:  # noqa: BLE001  it goes to whoever asked
                error = raised
            for learnt in served:
                if learnt.done():  # its caller is gone
                    continue
                if error is None:
                    learnt.set_result(None)
                else:
                    learnt.set_exception(error)
