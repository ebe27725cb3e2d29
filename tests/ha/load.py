"""Who reports all the while? A program with the client SDK, at a steady rate; it knows what it was told.

    a use each 1/rate s ──Client──► receipt ──► Acknowledged(when, id, receipt)

What is not acknowledged is sent again by the SDK, as it was; nothing here is ever given up.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Final

from services.client import CAPTURE_LIVE, Client, Receipt, ToolUse
from services.client.settings import Settings
from tests.e2e.witnessed import AGENCY

PATIENCE_S: Final = 600.0  # longer than any event: what fails before is a finding
SETTLE_S: Final = 120.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A use has its receipt. `at`: seconds of the monotonic clock."""

    at: float
    source_event_id: str
    receipt: Receipt


@dataclass
class Load:
    """Reports until it is stopped; pause it to look at what is there.

    Members:
        acknowledged: In the order of arrival.
        failed: What became of those that the SDK gave up.
    """

    target: str
    rate: float
    acknowledged: list[Acknowledged] = field(default_factory=list)
    failed: list[BaseException] = field(default_factory=list)
    offered: int = 0

    def __post_init__(self) -> None:
        self._client = Client(self.target, settings=Settings(patience_s=PATIENCE_S, max_delay_s=1))
        self._going, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def resume(self) -> None:
        self._going.set()

    def pause(self) -> None:
        """Offer nothing more, and wait until all that was offered is acknowledged."""
        self._going.clear()
        deadline = time.monotonic() + SETTLE_S
        while len(self.acknowledged) + len(self.failed) < self.offered or self._reporting:
            assert time.monotonic() < deadline, self.state()
            time.sleep(_POLL_S)

    def state(self) -> str:
        answered = len(self.acknowledged)
        return f"{answered} of {self.offered} acknowledged, {len(self.failed)} failed: {self._client.trouble}"

    def close(self) -> None:
        self._ended.set()
        self._going.set()
        self._client.close(timeout_s=1)

    _reporting = False

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ended.is_set():
            if not self._going.is_set():
                self._reporting = False
                self._going.wait()
                due = time.monotonic()
                continue
            self._reporting = True
            one = f"use-{self.offered}"
            use = ToolUse(
                agency=AGENCY,
                technology="technologies/reader",
                source="sources/s",
                source_event_id=one,
                capture=CAPTURE_LIVE,
            )
            self.offered += 1
            try:
                self._client.report(use).add_done_callback(partial(self._done, one))
            except Exception as error:  # noqa: BLE001  closed, or a mistake: a finding either way
                self.failed.append(error)
                return
            due = max(due + 1 / self.rate, time.monotonic() - 1)  # an outage is not made up for
            time.sleep(max(0.0, due - time.monotonic()))

    def _done(self, source_event_id: str, future: Future[Receipt]) -> None:
        if (error := future.exception()) is not None:
            self.failed.append(error)
            return
        told = Acknowledged(time.monotonic(), source_event_id, future.result())
        self.acknowledged.append(told)

    # --- what it saw ------------------------------------------------------------------------
    def await_acknowledged(self, more: int, within_s: float) -> bool:
        """True once so many more are acknowledged; False where they are not in time."""
        wanted, deadline = len(self.acknowledged) + more, time.monotonic() + within_s
        while len(self.acknowledged) < wanted:
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_S)
        return True

    def longest_gap_s(self, since: float, until: float) -> float:
        """The longest time without an acknowledgement, between two moments."""
        times = sorted(told.at for told in self.acknowledged if since <= told.at <= until)
        moments = [since, *times, until]
        return max(later - sooner for sooner, later in pairwise(moments))
