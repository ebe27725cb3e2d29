"""Is the arithmetic for a country right?"""

from __future__ import annotations

import pytest

from bench.country import BUSIEST_HOUR, Case, hours, ledgers_of_memory, need


def test_need_is_agencies_times_uses_times_cost() -> None:
    """86,400 uses a day are one a second; bytes and cores follow from what one costs."""
    found = need(Case("ten", 10, 8_640), bytes_a_use=2_000, cpu_us_a_use=250_000)

    assert (86_400, 1.0) == (found.uses_a_day, found.mean_a_second)
    assert 86_400 * 365 * 2_000 == found.bytes_a_year
    assert pytest.approx(BUSIEST_HOUR / 4) == found.cores


def test_ledgers_fill_the_memory_and_no_more() -> None:
    """One ledger more would not fit; where not even one does, there is none."""
    fit = ledgers_of_memory(1_000, server_mb=100, more_mb=10, each_mb=90)

    assert 9 == fit
    assert 100 + (fit - 1) * 10 + fit * 90 <= 1_000 < 100 + fit * 10 + (fit + 1) * 90
    assert 0 == ledgers_of_memory(50, server_mb=100, more_mb=10, each_mb=90)


def test_hours_are_uses_by_rate() -> None:
    """An hour is 3,600 seconds of the rate."""
    assert 2.0 == hours(7_200, 1)
