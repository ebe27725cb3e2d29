"""Pacing: later and later, never sooner than asked, and one alone until there is an answer."""

from __future__ import annotations

from services.client.pacing import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def paced(clock: Clock) -> Pace:
    return Pace(1.0, 4, clock=clock, jitter=lambda: 1.0)


def test_delays_double_up_to_their_bound() -> None:
    """From a tenth of a second to the longest, and back after an answer."""
    clock = Clock()
    pace = paced(clock)
    waits = []
    for _ in range(6):
        pace.failed(None, sent_at=clock.now)
        waits.append(round(pace.wait_s, 6))
        clock.now += pace.wait_s
    assert [0.1, 0.2, 0.4, 0.8, 1.0, 1.0] == waits
    pace.answered()
    pace.failed(None, sent_at=clock.now)
    assert 0.1 == round(pace.wait_s, 6)


def test_retry_info_is_honoured() -> None:
    """The ledger may ask for more than we would wait, and never gets less."""
    clock = Clock()
    pace = paced(clock)
    pace.failed(30.0, sent_at=clock.now)
    assert 30.0 == pace.wait_s
    clock.now += 30.0
    assert 0.0 == pace.wait_s


def test_requests_that_fail_together_are_one_failure() -> None:
    """Four that were under way when the ledger went away slow us down once."""
    clock = Clock()
    pace = paced(clock)
    for _ in range(4):
        pace.failed(None, sent_at=99.0)
    assert 0.1 == round(pace.wait_s, 6)


def test_one_alone_while_there_is_trouble() -> None:
    """A ledger that comes back is not met by all that waited."""
    clock = Clock()
    pace = paced(clock)
    assert (4, 0.0) == (pace.allowed, pace.troubled_s)
    pace.failed(None, sent_at=98.0)
    assert (1, 2.0) == (pace.allowed, pace.troubled_s)
    pace.answered()
    assert (4, 0.0) == (pace.allowed, pace.troubled_s)
