"""Is a time read as its writer meant it, and never more exactly than written?"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.events import Interval, Occurred
from ledger.ingest import layout_named
from ledger.ingest.moments import TimeReader
from ledger.ingest.time_formats import Unusable
from ledger.times import is_utc_text, us_of_text

ISO = "%Y-%m-%d %H:%M:%S"
FORMATS = (ISO, "%Y-%m-%d %H:%M", "%Y-%m-%d", "%d %b %Y, %I:%M %p")
FLOCK = layout_named("flock-organisation").times


def at(text: str, *, assumed: str | None = None) -> Occurred:
    return Occurred(earliest=text, latest=text, zone_assumed=assumed)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (at("2025-06-18T00:02:04.789Z", assumed="UTC"), "2025-06-18 00:02:04.789"),
        (at("2025-06-18T00:02:04.789Z"), "2025-06-18T00:02:04.789Z"),
        (at("2025-06-18T00:02:04.500Z", assumed="UTC"), "2025-06-18 00:02:04.5"),
        (at("2025-06-18T00:02:04Z"), "2025-06-18 07:02:04+07:00"),
        (at("2025-06-18T00:02:04Z"), "2025-06-17 19:02:04 -0500"),
        (at("2025-06-18T00:02:04Z"), "2025-06-17 19:02:04-05"),
        (at("2025-11-14T09:53:36Z"), "11/14/2025, 09:53:36 AM UTC"),
        (at("2025-11-14T21:53:36Z"), "11/14/2025, 9:53:36\u202fPM UTC"),
        (at("2025-01-04T00:00:00Z", assumed="UTC"), "1/4/2025, 12:00:00 am"),
    ],
)
def test_flock_times(expected: Occurred, text: str) -> None:
    """The spellings that exports use, with and without a zone of their own."""
    assert expected == FLOCK.occurred(text)


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-29 00:00:00",
        "2025-02-29 00:00:00.000",
        "2025-13-01 00:00:00",
        "2025-06-18 24:00:00",
        "2025-06-18 23:59:60",
        "0000-06-18 00:00:00",
        "12025-06-18 00:00:00",
        "0001-01-01 00:00:00 +05:00",
        "9999-12-31 23:59:59 -05:00",
        "2025-06-18 00:00:00 +24:00",
        "13/14/2025, 09:53:36 AM UTC",
        "11/14/2025, 13:53:36 PM UTC",
        "11/14/2025, 00:53:36 AM UTC",
        "11/14/2025, 09:53:36 AM EST",
        "2025-06-18 00:00:00 and later",
        "١٢/٢٥/٢٠٢٥, 09:53:36 AM UTC",
        "45826.5",
        "x" * 100_000,
    ],
)
def test_impossible_times(text: str) -> None:
    """No moment is made up for a text that names none; the reason does not quote it."""
    with pytest.raises(Unusable) as caught:
        FLOCK.occurred(text)
    assert text not in str(caught.value)


def test_precision_stays_as_written() -> None:
    """A time without seconds spans its minute, a date its day, in the layout's zone."""
    reader = TimeReader(FORMATS, "America/Toronto")

    minute = reader.occurred("14 Nov 2025, 9:53 AM")
    assert (minute.earliest, minute.latest) == ("2025-11-14T14:53:00Z", "2025-11-14T14:54:00Z")
    day = reader.occurred("2025-11-02")  # clocks go back: 25 hours
    assert (day.earliest, day.latest) == ("2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z")
    for occurred in (minute, day):
        assert (occurred.latest_exclusive, occurred.zone_assumed) == (True, "America/Toronto")


def test_clocks_go_back() -> None:
    """A civil time that came twice spans both readings."""
    occurred = TimeReader(FORMATS, "America/Toronto").occurred("2025-11-02 01:30:00.25")

    assert occurred.earliest == "2025-11-02T05:30:00.250Z"
    assert occurred.latest == "2025-11-02T06:30:00.250Z"


def test_clocks_go_forward() -> None:
    """A civil time that never came is refused; with a zone of its own it is read."""
    reader = TimeReader(FORMATS, "America/Toronto")

    with pytest.raises(Unusable):
        reader.occurred("2025-03-09 02:30:00")
    assert at("2025-03-09T02:30:00Z") == reader.occurred("2025-03-09 02:30:00 UTC")


def test_no_zone_at_all() -> None:
    """Where nobody knows the zone, only the date stands; a zone in the cell is one."""
    reader = TimeReader(FORMATS, None)

    assert Occurred(date="2025-06-18") == reader.occurred("2025-06-18 00:02:04.789")
    assert at("2025-06-18T00:02:04Z") == reader.occurred("2025-06-18 00:02:04Z")
    assert reader.window("2025-06-18 00:02:04 to 2025-06-19 00:02:04") is None
    with pytest.raises(Unusable):
        reader.occurred("2025-06-31 00:02:04")


WINDOW = Interval(earliest="2025-11-13T09:00:00Z", latest="2025-11-14T21:00:00Z")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (WINDOW, "11/13/2025, 09:00:00 AM UTC\n11/14/2025, 09:00:00 PM UTC"),
        (WINDOW, "11/13/2025, 09:00:00 AM UTC to 11/14/2025, 09:00:00 PM UTC"),
        (WINDOW, "[11/13/2025, 09:00:00 AM UTC, 11/14/2025, 09:00:00 PM UTC]"),
        (WINDOW, "2025-11-13 09:00:00 - 2025-11-14 21:00:00"),
        (None, "11/14/2025, 09:00:00 PM UTC\n11/13/2025, 09:00:00 AM UTC"),
        (None, "2025-11-13 09:00:00.5 to 2025-11-13 09:00:00"),
        (None, "11/13/2025, 09:00:00 AM UTC"),
        (None, "last 7 days"),
        (None, "2025-11-13 09:00:00 but not 2025-11-14 21:00:00"),
        (None, "2025-11-31 09:00:00 to 2025-12-14 21:00:00"),
        (None, "-" * 100_000),
    ],
)
def test_windows(expected: Interval | None, text: str) -> None:
    """Two times and what parts them; anything else is left to the raw row."""
    assert expected == FLOCK.window(text)


zones = st.sampled_from(["America/Halifax", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata"])


@given(st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1)), zones)
def test_true_moment_lies_within(moment: datetime, zone: str) -> None:
    """Written as civil time of a zone, a moment lies between the ends that are read back."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    civil = moment.astimezone(ZoneInfo(zone)).strftime(ISO)
    occurred = TimeReader((ISO,), zone).occurred(civil)

    assert occurred.earliest is not None
    assert occurred.latest is not None
    assert is_utc_text(occurred.earliest)
    true_us = int(moment.timestamp()) * 1_000_000
    assert us_of_text(occurred.earliest) <= true_us <= us_of_text(occurred.latest)


@pytest.mark.parametrize(
    "formats",
    [("%m/%d/%Y", "%d/%m/%Y"), (ISO, ISO), ("%H:%M",), ("%Y-%m",), ("%Y-%m-%d %I:%M",), ("%Q",)],
)
def test_formats_that_could_mislead(formats: tuple[str, ...]) -> None:
    """Day and month exchanged, half a date, a 12-hour clock without half: refused."""
    with pytest.raises(Malformed):
        TimeReader(formats, "UTC")
