"""What does a servicer need of a ledger? The open ledger, its one writer, and threads to read.

Hosted ──Serving──► committer (one writer)   run (bounded threads)   intakes (streams)
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from grpc.aio import ServicerContext

from ledger.limits import MAX_READ_CONNECTIONS
from services.runtime.committer import Committer
from services.runtime.hosting import Hosted
from services.runtime.learning import Learning
from services.runtime.metrics import LedgerMetrics
from services.runtime.native_reports import native_reports
from services.runtime.publication import Publication
from services.runtime.refusals import Damaged, DeadlineOver
from services.runtime.telemetry import SILENT, Telemetry

T = TypeVar("T")


class Serving:
    """One hosted ledger, being served.

    Args:
        hosted: The open ledger; closing it stays with whoever opened it.
        projected: How many entries the views hold; None where there are no views.
        telemetry: Where it is said how it goes.
    """

    def __init__(
        self,
        hosted: Hosted,
        projected: Callable[[], Awaitable[int]] | None = None,
        telemetry: Telemetry = SILENT,
    ) -> None:
        self.hosted, self.projected = hosted, projected
        self.metrics = LedgerMetrics(telemetry.instruments, hosted.name)
        self.tracing = telemetry.tracing
        self.committer = Committer(hosted.log, self.metrics, self.tracing)
        self.learning = Learning(functools.partial(self.run, hosted.log.learn))
        self.native = native_reports(hosted.log)
        self.publication = Publication(hosted.policy)
        # Tasks that take in a stream; whoever reads on would keep the process from ending.
        self.intakes: set[asyncio.Task[None]] = set()
        # Its queue is as long as there are calls: the server bounds those.
        self._threads = ThreadPoolExecutor(
            MAX_READ_CONNECTIONS, thread_name_prefix=f"serve-{hosted.name}"
        )

    def start(self) -> None:
        """Begin to commit; on the running loop."""
        self.committer.start()

    async def run(self, call: Callable[..., T], *arguments: object, **named: object) -> T:
        """Run what waits for the database in a thread of a bounded pool."""
        work = functools.partial(call, *arguments, **named)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Damaged as error:
            self.metrics.unsound(error.claim)
            raise

    def close_intakes(self) -> None:
        """End open streams, after the receipts of what they brought."""
        for task in list(self.intakes):
            task.cancel()

    async def drain(self) -> None:
        """Commit what was accepted, and let the threads go. Nothing new is taken."""
        self.close_intakes()
        await self.committer.drain()
        self._threads.shutdown()


def check_deadline(context: ServicerContext[object, object]) -> None:
    """Raises DeadlineOver where the caller waits no longer; call it right before a submit."""
    left_s: float | None = context.time_remaining()
    if left_s is not None and left_s <= 0:
        raise DeadlineOver
