"""How does the bridge go on, whatever is away? One batch at a time, and the next when it is done.

    pull ──► Taker: read, report, acknowledge ──► pull …          NATS away ──► pause ──► pull

So uses are recorded as stations published them. What a bridge that was killed held comes back after
`ack_wait`; a new one waits for that before it takes anything newer. What comes twice the ledger
knows by its id.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import nats.errors

from ledger.errors import Refused
from ledger.limits import BRIDGE_PULL_S
from services.bridge.course import Course
from services.bridge.measuring import BridgeMetrics
from services.bridge.pulling import NobodyAnswers, Puller
from services.bridge.settings import Settings
from services.bridge.taking import Taker

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg
    from nats.js.api import ConsumerInfo

_log: Final = logging.getLogger("candour.bridge")


class ConnectionLost(Refused):
    """NATS has closed the connection for good, and only a new start can help."""

    def __init__(self) -> None:
        super().__init__("NATS has closed the connection for good; its log says why")


@dataclass(slots=True)
class Bridge:
    """Empties one stream into one ledger."""

    settings: Settings
    connection: Nats
    puller: Puller
    taker: Taker
    metrics: BridgeMetrics
    course: Course

    async def run(self, consumer: ConsumerInfo) -> None:
        """Go on until the course is ended, or with `once` until there is nothing more.

        Args:
            consumer: As it was found at the start.
        Raises:
            ConnectionLost: As named.
        """
        await self._await_what_others_held(consumer)
        while not self.course.ended.is_set():
            messages = await self._pull()
            if messages:
                await self.taker.take(messages)
            elif messages is not None and self.settings.once and await self._is_done():
                return

    async def _await_what_others_held(self, consumer: ConsumerInfo) -> None:
        """Until it is delivered again: nothing newer may overtake it."""
        if not consumer.num_ack_pending:
            return
        wait_s = self.settings.ack_wait_s
        _log.info(
            "%d messages were held by a bridge that did not finish them; they come back within %s s",
            consumer.num_ack_pending,
            wait_s,
        )
        await self.course.pause(wait_s)

    async def _pull(self) -> list[Msg] | None:
        """None where nothing can be told of the stream now."""
        if self.connection.is_closed:
            raise ConnectionLost
        if not self.connection.is_connected:
            await self._nothing("NATS is away")
            return None
        try:
            messages = await self.puller.pull(self.settings.batch_uses, wait_s=BRIDGE_PULL_S)
        except (NobodyAnswers, nats.errors.Error, OSError) as error:
            await self._nothing(f"the stream gives nothing: {str(error) or type(error).__name__}")
            return None
        self.metrics.pulled(messages)
        if not messages or self.course.of_nats:
            # A ledger that was away shows itself well by an answer, or has nothing to do.
            self.course.is_well()
        return messages

    async def _nothing(self, why: str) -> None:
        self.course.is_troubled(why, of_nats=True)
        await self.course.pause(BRIDGE_PULL_S)

    async def _is_done(self) -> bool:
        """Whether the stream has nothing for this consumer, held or not."""
        settings, streams = self.settings, self.connection.jetstream()
        try:
            about = await streams.consumer_info(settings.stream, settings.durable)
        except (nats.errors.Error, OSError):
            return False
        return not (about.num_pending or about.num_ack_pending)
