"""Is a clock's offset told in the right direction, and not at all where nobody knows?"""

from __future__ import annotations

import time

import pytest

from services.runtime.clock import (
    SinceStart,
    database_offset_s,
    kernel_offset_s,
    middle_s,
    offset_told,
)
from services.runtime.hosting import open_ledger
from services.runtime.settings import Settings
from services.runtime.views import open_views


@pytest.mark.parametrize(
    ("expected", "state", "status", "offset"),
    [
        (-0.002, 0, 0x0001, 2_000),  # behind: the kernel will add 2 ms
        (0.003, 0, 0x2001, -3_000_000),  # in nanoseconds, and ahead
        (None, 5, 0x0001, 2_000),  # TIME_ERROR
        (None, 0, 0x0040, 2_000),  # STA_UNSYNC
        (None, -1, 0, 0),  # not allowed to ask
    ],
)
def test_the_kernel_is_believed_while_it_is_synchronised(
    expected: float | None, state: int, status: int, offset: int
) -> None:
    """Ours less the server's, in seconds; an unsynchronised clock knows no offset."""
    assert expected == offset_told(state, status, offset)


def test_the_kernel_can_be_asked() -> None:
    """On this machine too, whatever it says."""
    found = kernel_offset_s()
    assert found is None or abs(found) < 3_600


def test_a_clock_that_is_set_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """By how much it was moved since the start, and nothing while nobody touches it."""
    moved = SinceStart()
    assert abs(moved.offset_s()) < 1

    now_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now_ns() - 90 * 1_000_000_000)
    assert -91 < moved.offset_s() < -89


def test_one_wrong_witness_says_nothing() -> None:
    """The middle one counts; of none there is none."""
    assert 0.1 == middle_s([9_000.0, 0.1, -0.2])
    assert 0.5 == middle_s([None, 0.5])
    assert middle_s([None]) is None


def test_a_database_server_has_a_clock(settings: Settings) -> None:
    """PostgreSQL's on this machine is ours; a file has none."""
    open_ledger(settings).close()
    engine = open_views(settings)
    found = database_offset_s(engine)
    engine.dispose()

    if settings.database_url is None:
        assert found is None
    else:
        assert found is not None
        assert abs(found) < 2
