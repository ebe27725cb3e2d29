"""What does the stream hold for us now? All that is there, up to a batch; else the next that comes.

    pull ──no_wait, batch──► what is there      404, 408: there is no more
      └─ nothing ──expires──► the first that comes

Every request has an inbox of its own, so a late word about an older one is not taken for an
answer; a late message is taken, whichever request brought it. After a broken connection nobody
waits for what was asked before: it is asked again.

Source: NATS ADR-13, pull subscribe internals.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import nats.errors

from ledger.errors import Refused
from ledger.limits import BRIDGE_ANSWER_S, BRIDGE_BATCH_BYTES

if TYPE_CHECKING:
    from nats.aio.client import Client as Nats
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

_NS: Final = 1_000_000_000
_ACKS: Final = "$JS.ACK."
_NO_RESPONDERS: Final = "503"
_GONE: Final = "Consumer"  # deleted, or one that pushes


class NobodyAnswers(Refused):
    """No JetStream answers for the consumer: it is gone, or the server is coming up."""


class Puller:
    """Pulls from one durable consumer; one coroutine at a time.

    Args:
        connection: Connected.
        most_bytes: Of one batch.
    """

    def __init__(
        self,
        connection: Nats,
        stream: str,
        durable: str,
        *,
        most_bytes: int = BRIDGE_BATCH_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection, self._most_bytes, self._clock = connection, most_bytes, clock
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._inbox = connection.new_inbox()
        self._number = 0
        self._subscription: Subscription | None = None

    async def pull(self, most: int, *, wait_s: float) -> list[Msg]:
        """Messages in the stream's order, those that come again before new ones.

        Args:
            most: Messages.
            wait_s: For the first one, where there is none now.
        Raises:
            NobodyAnswers: As named.
            nats.errors.Error: The connection is closed.
        """
        now = {"batch": most, "no_wait": True, "max_bytes": self._most_bytes}
        found = await self._ask(now, most, BRIDGE_ANSWER_S)
        if found:
            return found
        # One, so that what comes with it makes the next batch; and however large, or it never comes.
        soon = {"batch": 1, "expires": int(wait_s * _NS)}
        return await self._ask(soon, 1, wait_s + BRIDGE_ANSWER_S)

    async def _ask(self, request: Mapping[str, object], most: int, within_s: float) -> list[Msg]:
        if self._subscription is None:
            self._subscription = await self._connection.subscribe(f"{self._inbox}.*")
        self._number += 1
        reply = f"{self._inbox}.{self._number}"
        await self._connection.publish(self._next, json.dumps(dict(request)).encode(), reply)
        deadline = self._clock() + within_s
        found: list[Msg] = []
        while len(found) < most and (left_s := deadline - self._clock()) > 0:
            try:
                message = await self._subscription.next_msg(left_s)
            except nats.errors.TimeoutError:
                break
            if message.reply.startswith(_ACKS):
                found.append(message)
            elif message.subject == reply and _is_the_end(message):
                break
        return found


def _is_the_end(message: Msg) -> bool:
    """Whether a status ends the request. Raises NobodyAnswers."""
    said = message.headers or {}
    status = said.get("Status", "")
    if status == _NO_RESPONDERS:
        raise NobodyAnswers("no JetStream answers for this consumer")
    why = said.get("Description", "")
    if status == "409" and why.startswith(
        _GONE
    ):  # else: as many are held as may, or bytes asked for
        raise NobodyAnswers(why)
    return status != "100"  # a heartbeat
