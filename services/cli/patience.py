"""How long is a server waited for that was lost, or is busy? Backoff with an end.

failed attempt ──wait──► sleeps, and returns to try again | ServerLost
answer ──heard──► all is forgotten
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

import grpc

from ledger.limits import IMPORT_BUSY_S, IMPORT_GIVE_UP_S
from services.cli.failures import CommandFailed, details_of_error, failure_of

_FIRST_DELAY_S: Final = 0.1
_MAX_DELAY_S: Final = 2.0
_LOST: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_BUSY: Final = (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED)


class ServerLost(CommandFailed):
    """The server was away, or busy, for longer than anybody waits."""


class Patience:
    """Waits between attempts of requests that may be sent twice.

    Args:
        target: For what is said in the end.
        alive: Asks the server for a sign of life, in a second or so.
        clock, sleep: As time.monotonic, time.sleep.
    """

    def __init__(
        self,
        target: str,
        alive: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._target, self._alive, self._clock, self._sleep = target, alive, clock, sleep
        self.heard()

    def heard(self) -> None:
        """The server did what it was asked to."""
        self._lost_at: float | None = None
        self._busy_at: float | None = None
        self._delay_s = _FIRST_DELAY_S

    def wait(self, error: grpc.RpcError, *, sent_at: float) -> None:
        """Wait before the next attempt.

        Args:
            error: What the last one ended in.
            sent_at: When it began.
        Raises:
            ServerLost: It was tried for long enough.
            CommandFailed: Trying again would not help.
        """
        now, code = self._clock(), error.code()
        if code in _BUSY or (code is grpc.StatusCode.DEADLINE_EXCEEDED and self._alive()):
            self._lost_at = None
            self._busy_at = self._busy_at if self._busy_at is not None else sent_at
            left_s = self._busy_at + IMPORT_BUSY_S - now
        elif code in _LOST:
            # A server that hangs was lost when it stopped answering, not when we noticed.
            silent = code is grpc.StatusCode.DEADLINE_EXCEEDED
            if self._lost_at is None:
                self._lost_at = sent_at if silent else now
            left_s = self._lost_at + IMPORT_GIVE_UP_S - now
        else:
            raise failure_of(error, self._target)
        if left_s <= 0:
            failed = failure_of(error, self._target)
            raise ServerLost(failed.sentence, failed.advice)
        self._sleep(min(self._next_delay_s(error), left_s))

    def _next_delay_s(self, error: grpc.RpcError) -> float:
        asked_s = details_of_error(error).retry_s
        if asked_s is not None:
            return min(asked_s, _MAX_DELAY_S)
        delay_s = self._delay_s * random.uniform(0.7, 1.3)  # noqa: S311  many clients, not secrets
        self._delay_s = min(self._delay_s * 2, _MAX_DELAY_S)
        return delay_s
