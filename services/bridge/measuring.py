"""How much came through, and how late is it? The bridge's rows of the one table of metrics."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import Observation

from services.runtime.metrics import Instruments

if TYPE_CHECKING:
    from nats.aio.msg import Msg

OUTCOMES: Final = ("recorded", "duplicate", "dead", "returned")


class BridgeMetrics:
    """Of one bridge.

    Args:
        instruments: Of the process.
        stream: Its name.
    """

    def __init__(self, instruments: Instruments, stream: str) -> None:
        self._counter, self._labels = instruments.bridged, {"stream": stream}
        self._pending: int | None = None
        self._oldest_at: float | None = None  # Unix time; None where nothing is held
        for outcome in OUTCOMES:
            self.count(outcome, 0)
        instruments.observe("candour.bridge.pending", self._observe_pending)
        instruments.observe("candour.bridge.lag", self._observe_lag)

    def count(self, outcome: str, count: int = 1) -> None:
        """So many messages ended so; `outcome` is one of OUTCOMES."""
        self._counter.add(count, {**self._labels, "outcome": outcome})

    def pulled(self, messages: Sequence[Msg]) -> None:
        """What the stream gave last; none where it is empty."""
        if not messages:
            self._pending, self._oldest_at = 0, None
            return
        about = [message.metadata for message in messages]
        self._pending = about[-1].num_pending + len(about)
        self._oldest_at = min(one.timestamp.timestamp() for one in about)

    def _observe_pending(self) -> Iterator[Observation]:
        if self._pending is not None:
            yield Observation(self._pending, self._labels)

    def _observe_lag(self) -> Iterator[Observation]:
        if self._pending is not None:
            late_s = 0.0 if self._oldest_at is None else time.time() - self._oldest_at
            yield Observation(max(late_s, 0.0), self._labels)
