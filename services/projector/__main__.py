"""The projector: a process that folds the log into views and the usage index, and dies with its parent.

    stdin: a line after each commit (a hint; polling finds what a lost hint misses)
           end of file: the parent is gone, stop

Run by `candour serve`, one a ledger, so that folding has a core of its own. Several may run
on one ledger: the position row lets one of them through at a time.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ledger.limits import (
    FOLLOW_POLL_S,
    GARBAGE_S,
    PROJECTOR_BATCH,
    PROJECTOR_EVERY_S,
    THIN_EVERY_S,
    USAGE_BATCH,
    USAGE_EVERY_S,
    USAGE_FAR_BEHIND,
    USAGE_LIVE_SLICE,
    USAGE_QUIET_S,
    USAGE_SLICE,
)
from ledger.store.core import StoreUnavailable
from ledger.store.usage_thinning import Thinned, UsageThinning
from ledger.store.usage_writer import UsageWriter
from ledger.store.view_tables import let_go_when_idle
from ledger.store.view_writer import PositionMoved, ViewWriter
from services.projector.traces import Traces, traces
from services.runtime.hosting import now_us, open_store
from services.runtime.log_lines import TEXT, log_to_stderr
from services.runtime.settings import Settings
from services.runtime.views import open_views

_log = logging.getLogger("candour.projector")
_RETRY_S = 0.5
# Recording comes first: under full load views fall behind, and catch up when it is over.
_NICENESS = 10
# Tell the planner how the tables have grown each time they grew by half again.
_GROWTH = 1.5
# Entries of a pass of the views with which the index has half as much time as they have.
_SPARE = 60
# For bench/ only, which measures what keeping the usage index costs: no proofs without it.
_WITHOUT_INDEX = os.environ.get("CANDOUR_BENCH_WITHOUT_INDEX") == "1"


def main() -> None:
    """Follow one ledger until stdin closes."""
    parser = argparse.ArgumentParser(prog="python -m services.projector")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--ledger", required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when we stop
    os.nice(_NICENESS)
    gc.disable()  # see _GarbagePace
    # The URL may hold a password: it comes by the environment, never on the command line.
    settings = Settings(
        data=options.data,
        database_url=os.environ.get("CANDOUR_DATABASE_URL") or None,
        ledger=options.ledger,
    )
    log_to_stderr(os.environ.get("CANDOUR_LOG_FORMAT", TEXT))
    told = traces()
    try:
        follow(settings, told)
    finally:
        told.close()


def follow(settings: Settings, told: Traces | None = None) -> None:
    """Fold until stdin closes; a database that goes away is waited for.

    Args:
        told: Where it is said how long batches take; None for nowhere.
    """
    told = Traces() if told is None else told
    os.set_blocking(0, False)
    while True:
        try:
            _follow_one(settings, told)
            return
        except Exception as error:  # noqa: BLE001  whatever it was, the log is still there
            kind, extra = type(error).__name__, {"ledger": settings.ledger}
            _log.warning("projector of %s starts over: %s", settings.ledger, kind, extra=extra)
        gc.collect()  # a cursor in the traceback would keep its closed connection's lock
        if _parent_gone(_RETRY_S):
            return


def _follow_one(settings: Settings, told: Traces) -> None:
    store = open_store(settings)
    engine = open_views(settings)
    let_go_when_idle(engine)
    try:
        writer = ViewWriter(engine, store)
        index = _IndexPace(UsageWriter(engine, store, clock_us=now_us), settings.ledger, told)
        thinning, garbage = _ThinningPace(UsageThinning(engine, store)), _GarbagePace()
        analysed = before = writer.position()
        while True:
            started, started_ns = time.monotonic(), time.time_ns()
            done = writer.catch_up(batch=PROJECTOR_BATCH)
            told.folded("candour.project", settings.ledger, before, done, started_ns)
            moved, before = done - before, done
            if done > analysed * _GROWTH + PROJECTOR_BATCH:
                writer.refresh_statistics()
                analysed = done
            if not _WITHOUT_INDEX and not index.follow(done, moved=moved):
                thinning.follow()
            garbage.follow()
            # Between passes, and not after one that took as long: what comes in meanwhile is one pass.
            if moved > 0:
                time.sleep(max(0.0, started + PROJECTOR_EVERY_S - time.monotonic()))
            if _parent_gone(FOLLOW_POLL_S):
                return
    finally:
        engine.dispose()
        store.close()


class _IndexPace:
    """The usage index comes after the views. While reports come in it takes small slices, and views
    have as long again after each, or longer where they have much to do; when none do, large
    batches, which touch fewer nodes.
    """

    def __init__(self, index: UsageWriter, ledger: str, told: Traces) -> None:
        self._index, self._done, self._at = index, index.position(), 0.0
        self._ledger, self._told = ledger, told
        self._rests_until = self._live_until = 0.0

    def follow(self, views: int, *, moved: int) -> bool:
        """One slice, if it is full or a while has passed.

        Args:
            views: How far they are.
            moved: Entries that they have just folded.
        Returns:
            False where there was nothing to do.
        """
        behind, now = views - self._done, time.monotonic()
        if moved > 0:
            self._live_until = now + USAGE_QUIET_S
        live = now < self._live_until
        size = _slice(behind, live=live)
        if behind < size and (behind <= 0 or now < self._at + USAGE_EVERY_S):
            return False
        if live and now < self._rests_until:
            return True  # later: nothing that matters less goes before
        started_ns, done = time.time_ns(), self._done
        try:
            self._done = self._index.advance(views, batch=size)
        except PositionMoved:
            self._done = self._index.position()
        self._told.folded("candour.index", self._ledger, done, self._done, started_ns)
        ended = time.monotonic()
        # The more came in during a pass, the less time views have to spare.
        self._at, self._rests_until = now, ended + (ended - now) * (1 + moved / _SPARE)
        return True


def _slice(behind: int, *, live: bool) -> int:
    """Entries of one slice."""
    if live and behind < USAGE_FAR_BEHIND:
        return USAGE_LIVE_SLICE
    return USAGE_BATCH if behind >= USAGE_BATCH and not live else USAGE_SLICE


class _ThinningPace:
    """Old roots of the index are let go when there is nothing else to do, for moments at a time."""

    def __init__(self, thinning: UsageThinning) -> None:
        self._thinning, self._at = thinning, 0.0
        self._under_way: Iterator[Thinned] | None = None

    def follow(self) -> None:
        """Some steps, of which none takes long; or a look for old roots, every so often."""
        started = time.monotonic()
        if self._under_way is None:
            if started < self._at:
                return
            self._at = started + THIN_EVERY_S
            self._under_way = self._thinning.run(now_us())
        while time.monotonic() < started + FOLLOW_POLL_S:
            if next(self._under_way, None) is None:
                self._under_way = None
                return


class _GarbagePace:
    """Folding makes millions of objects and hardly a circle, and a look for some goes through every
    node in the cache: 0.1 to 0.2 s, for which views wait. By Python's count of objects it came every
    few seconds under load; here it comes by the clock.
    """

    def __init__(self) -> None:
        self._at = time.monotonic()

    def follow(self) -> None:
        """Collect, if it is time."""
        if time.monotonic() >= self._at + GARBAGE_S:
            gc.collect()
            self._at = time.monotonic()


def _parent_gone(wait_s: float) -> bool:
    """Wait for a hint, `wait_s` at most; True where stdin is at its end."""
    deadline = time.monotonic() + wait_s
    ready, _, _ = select.select([0], [], [], max(0.0, deadline - time.monotonic()))
    if not ready:
        return False
    try:
        return os.read(0, 65_536) == b""
    except BlockingIOError:
        return False


if __name__ == "__main__":
    try:
        main()
    except StoreUnavailable as gone:
        sys.exit(str(gone))
