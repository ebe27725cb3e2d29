"""What becomes of a batch? Each message is acknowledged, kept as a dead letter, or given back.

    read ──► report, again and again while the ledger is away ──► receipts ──► ack
      │         │  +WPI meanwhile: the stream waits        └── refused ──┐
      └─ malformed ──────────────────────────────────► dead letters ──► term
                └─ beyond our patience, or we are to end ──► nak, after a delay

In the stream's order, and none is let go unanswered.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import nats.errors

from ledger.errors import Malformed
from ledger.limits import BRIDGE_ANSWER_S, BRIDGE_MAX_DELAY_S, BRIDGE_NAK_DELAY_S
from services.bridge.course import Course
from services.bridge.dead_letters import DeadLetters, NotKept
from services.bridge.measuring import BridgeMetrics
from services.bridge.reading import read_message
from services.bridge.reporting import Away, ForGood, Recorded, Reporter
from services.bridge.settings import Settings
from services.client.pacing import Pace

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg

_log: Final = logging.getLogger("candour.bridge")


@dataclass(slots=True)
class Held:
    """A message that was delivered, and the use it tells of."""

    message: Msg
    use: bytes


class Taker:
    """Sees to batches, one at a time."""

    def __init__(
        self,
        settings: Settings,
        connection: Nats,
        reporter: Reporter,
        dead_letters: DeadLetters,
        metrics: BridgeMetrics,
        course: Course,
    ) -> None:
        self._settings, self._connection, self._reporter = settings, connection, reporter
        self._dead_letters, self._metrics, self._course = dead_letters, metrics, course

    async def take(self, messages: list[Msg]) -> None:
        """See to it that each message is acknowledged, kept as a dead letter, or given back."""
        beating = asyncio.create_task(self._beat(messages))
        try:
            held: list[Held] = []
            for message in messages:
                try:
                    held.append(Held(message, read_message(message.headers, message.data)))
                except Malformed as error:
                    await self._bury(message, "MALFORMED", str(error))
            await self._report(held)
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
            await self._give_back([one for one in messages if not one.is_acked])
            with suppress(nats.errors.Error, OSError):
                await self._connection.flush(
                    int(BRIDGE_ANSWER_S)
                )  # acks are there before more is asked

    async def _report(self, held: list[Held]) -> None:
        """Report until each has its outcome, we lose patience, or are to end."""
        pace = Pace(BRIDGE_MAX_DELAY_S, 1, clock=time.monotonic)
        while held:
            sent_at = time.monotonic()
            told: Away | None
            try:
                outcomes = await self._reporter.report([one.use for one in held])
            except Away as away:
                told = away
            else:
                held, told = await self._settle(held, outcomes)
            if told is None:
                self._course.is_well()
                return
            self._course.is_troubled(f"the ledger takes nothing: {told}", of_nats=False)
            pace.failed(told.retry_s, sent_at=sent_at)
            if self._course.ended.is_set() or pace.troubled_s > self._settings.patience_s:
                return
            await self._course.pause(pace.wait_s)

    async def _settle(
        self, held: list[Held], outcomes: Iterable[Recorded | ForGood | Away]
    ) -> tuple[list[Held], Away | None]:
        """Acknowledge and bury; returns what has to be sent again, and why."""
        left: list[Held] = []
        told: Away | None = None
        for one, outcome in zip(held, outcomes, strict=True):
            if isinstance(outcome, Recorded):
                await _tell(one.message.ack())
                self._metrics.count("duplicate" if outcome.duplicate else "recorded")
            elif isinstance(outcome, ForGood):
                await self._bury(one.message, outcome.reason, outcome.says)
            else:
                left.append(one)
                told = outcome
        return left, told

    async def _bury(self, message: Msg, reason: str, says: str) -> None:
        """End a message once its dead letter is stored; else it is given back with the rest."""
        where = f"{message.metadata.stream} {message.metadata.sequence.stream}"
        try:
            await self._dead_letters.keep(message, reason, says)
        except NotKept as error:
            _log.error("message %s is refused (%s), and is not kept: %s", where, reason, error)
            return
        await _tell(message.term())
        self._metrics.count("dead")
        _log.warning("message %s is a dead letter: %s: %s", where, reason, says)

    async def _give_back(self, messages: list[Msg]) -> None:
        """Deliver them again after a delay, in which this bridge takes nothing newer."""
        if not messages:
            return
        delay_s = 0.0 if self._course.ended.is_set() else BRIDGE_NAK_DELAY_S
        for message in messages:
            await _tell(message.nak(delay_s or None))
        self._metrics.count("returned", len(messages))
        _log.warning("%d messages are given back to the stream", len(messages))
        await self._course.pause(delay_s)

    async def _beat(self, messages: list[Msg]) -> None:
        """Say that they are worked on, so that they are not delivered again meanwhile."""
        while True:
            await asyncio.sleep(self._settings.ack_wait_s / 3)
            for message in messages:
                if not message.is_acked:
                    await _tell(message.in_progress())


async def _tell(word: Coroutine[Any, Any, None]) -> None:
    """An answer about a message. One that is lost costs a delivery more, which the ledger knows."""
    with suppress(nats.errors.Error, OSError):
        await word
