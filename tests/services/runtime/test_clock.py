"""Is a clock's offset told in the right direction, and not at all where nobody knows?"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from services.runtime.clock import (
    LogClock,
    SinceStart,
    database_offset_s,
    kernel_offset_s,
    middle_s,
    offset_told,
)
from services.runtime.hosting import newest_us, open_ledger
from services.runtime.settings import Settings
from services.runtime.views import open_views
from tests.ledgers import Ledger


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


def test_times_of_a_log_never_go_back(caplog: pytest.LogCaptureFixture) -> None:
    """They follow the clock forward at once, and stand still while it is before the newest of them."""
    second = 1_000_000
    wall = [100 * second]
    clock = LogClock(lambda: wall[0], 50 * second, ledger="main")
    given = [clock()]
    for now in (200, 140, 199, 201):
        wall[0] = now * second
        given.append(clock())

    assert [100, 200, 200, 200, 201] == [at // second for at in given]
    assert 1 == len(caplog.records)
    assert "60 s before the newest time in main" in caplog.text


def test_a_clock_that_is_behind_says_how_far() -> None:
    """Less the newest time that stands in the ledger; 0 where it is not before that."""
    wall = [10_000_000]
    clock = LogClock(lambda: wall[0], 13_500_000)

    assert -3.5 == clock.ahead_s()
    wall[0] = 14_000_000
    assert 0.0 == clock.ahead_s()


def test_a_ledger_that_is_opened_goes_on_from_its_newest_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that starts with a clock of an hour ago gives out no time before the last entry."""
    settings = Settings(data=tmp_path)
    hosted = open_ledger(settings)
    Ledger(hosted.store).register_agencies()
    newest = newest_us(hosted.store)
    hosted.close()
    monkeypatch.setattr(time, "time_ns", lambda: (newest - 3_600_000_000) * 1_000)
    hosted = open_ledger(settings)
    try:
        assert newest == hosted.log.clock_us()
        assert -3_600 == hosted.clock.ahead_s()
    finally:
        hosted.close()
