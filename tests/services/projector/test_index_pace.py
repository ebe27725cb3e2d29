"""How much does the usage index take at once? Little while reports come in, much when none do."""

from __future__ import annotations

import time
from typing import Any, cast

from ledger.limits import (
    USAGE_BATCH,
    USAGE_EVERY_S,
    USAGE_FAR_BEHIND,
    USAGE_LIVE_SLICE,
    USAGE_QUIET_S,
    USAGE_SLICE,
)
from services.projector.__main__ import _IndexPace
from services.projector.traces import Traces

_TAKES_S = 0.05


class _Index:
    """In place of a UsageWriter: every slice takes as long, and says how large it was."""

    def __init__(self) -> None:
        self.done, self.slices = 0, list[int]()

    def position(self) -> int:
        return self.done

    def advance(self, stop: int, *, batch: int) -> int:
        time.sleep(_TAKES_S)  # the cost of a slice, which the pace measures
        self.slices.append(batch)
        self.done = min(stop, self.done + batch)
        return self.done


def paced() -> tuple[_IndexPace, _Index]:
    index = _Index()
    return _IndexPace(cast(Any, index), "main", Traces()), index


def test_slices_are_small_while_reports_come_in() -> None:
    """Whoever reports waits for a small slice at most, and after it views have as long again."""
    pace, index = paced()
    began = time.monotonic()
    for _ in range(1_000):
        assert pace.follow(100_000, moved=1)
        if len(index.slices) == 4:
            break
        time.sleep(_TAKES_S / 10)  # a pass of the views
    assert [USAGE_LIVE_SLICE] * 4 == index.slices
    assert time.monotonic() - began >= 7 * _TAKES_S


def test_busy_views_have_longer() -> None:
    """Where views fold thousands of entries a pass, the index has a small part of the time."""
    pace, index = paced()
    assert pace.follow(100_000, moved=5_000)
    until = time.monotonic() + 10 * _TAKES_S
    while time.monotonic() < until:
        assert pace.follow(100_000, moved=5_000)
        time.sleep(_TAKES_S / 10)  # a pass of the views
    assert [USAGE_LIVE_SLICE] == index.slices


def test_batches_are_large_when_no_reports_come_in() -> None:
    """What gathered meanwhile is taken by large batches, one after another, and the rest at the end."""
    pace, index = paced()
    while pace.follow(2 * USAGE_BATCH + USAGE_SLICE, moved=0):
        pass
    assert [USAGE_BATCH, USAGE_BATCH, USAGE_SLICE] == index.slices


def test_far_behind_it_takes_more() -> None:
    """Under a load that never ends the index does not fall behind for ever."""
    pace, index = paced()
    assert pace.follow(USAGE_FAR_BEHIND, moved=1)
    assert [USAGE_SLICE] == index.slices


def test_a_few_reports_wait_a_moment() -> None:
    """A slice that is not full waits until USAGE_EVERY_S is over, and is taken then."""
    pace, index = paced()
    assert pace.follow(USAGE_LIVE_SLICE, moved=1)
    assert not pace.follow(USAGE_LIVE_SLICE + 1, moved=0)
    time.sleep(USAGE_EVERY_S)  # the bound itself: the pace has no clock but the machine's
    assert pace.follow(USAGE_LIVE_SLICE + 1, moved=0)
    assert USAGE_LIVE_SLICE + 1 == index.done


def test_a_gap_between_reports_is_no_end() -> None:
    """One pass without a report changes nothing; USAGE_QUIET_S of them do."""
    pace, index = paced()
    assert pace.follow(10 * USAGE_BATCH, moved=1)
    until = time.monotonic() + USAGE_QUIET_S / 2
    while time.monotonic() < until:
        assert pace.follow(10 * USAGE_BATCH, moved=0)
    assert {USAGE_LIVE_SLICE} == set(index.slices)

    time.sleep(USAGE_QUIET_S / 2)  # the bound itself
    assert pace.follow(10 * USAGE_BATCH, moved=0)
    assert USAGE_BATCH == index.slices[-1]
