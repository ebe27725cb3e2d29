"""Under which key does a use stand, and on which day?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.events import Occurred
from ledger.usage_index import NONE, UNUSED, Family, day_of_use, key_of, part, withdrawn_side
from ledger.usage_index.keys import (
    FIRST_DAY,
    LAST_DAY,
    day_of_text,
    is_withdrawn_side,
    slot,
    text_of_day,
)

NEW_YEAR_2020 = 18_262


@pytest.mark.parametrize(
    ("expected", "occurred"),
    [
        (None, None),
        (None, Occurred()),
        (None, Occurred(earliest="2020-01-01T10:00:00Z")),
        (None, Occurred(latest="2020-01-01T10:00:00Z")),
        (None, Occurred(date="2020-01-01")),
        (0, Occurred(earliest="2020-01-01T00:00:00Z", latest="2020-01-01T23:59:59.999999999Z")),
        (None, Occurred(earliest="2020-01-01T00:00:00Z", latest="2020-01-02T00:00:00Z")),
        (-1, Occurred(earliest="2019-12-31T23:59:59.999Z", latest="2019-12-31T23:59:59.999Z")),
    ],
)
def test_use_is_dated_within_one_day(expected: int | None, occurred: Occurred | None) -> None:
    """Both ends are known and fall in one UTC day; all else is undated."""
    day = day_of_use(occurred)
    assert expected == (day if day is None else day - NEW_YEAR_2020)


@pytest.mark.parametrize(
    ("expected", "latest"),
    [
        (0, "2020-01-02T00:00:00Z"),
        (0, "2020-01-02T00:00:00.000000000Z"),
        (None, "2020-01-02T00:00:00.000001Z"),
        (None, "2020-01-02T00:00:00.000000001Z"),
        (0, "2020-01-01T10:00:00.000000001Z"),
        (None, "2020-01-01T00:00:00Z"),
    ],
)
def test_exclusive_midnight_is_the_day_before(expected: int | None, latest: str) -> None:
    """Only an end that stands at midnight itself, to the nanosecond, moves to the day before."""
    occurred = Occurred(earliest="2020-01-01T00:00:00Z", latest=latest, latest_exclusive=True)
    day = day_of_use(occurred)

    assert expected == (day if day is None else day - NEW_YEAR_2020)


def test_families_are_six() -> None:
    """A question about a family that nobody keeps would prove zero for everything."""
    assert [
        "agency",
        "technology",
        "agency+technology",
        "agency+authorization",
        "agency+performer",
        "technology+agency",
    ] == [family.text for family in Family]
    for text in ("agency+vendor", "Agency", "agency_technology", "", None, 1, ["agency"]):
        with pytest.raises(Malformed):
            Family.of_text(text)


@given(st.sampled_from(Family), st.text(), st.integers(FIRST_DAY, LAST_DAY) | st.none())
def test_key_has_its_four_fields(family: Family, first: str, day: int | None) -> None:
    """Family, two parts and a slot, 69 bytes; the withdrawn side differs in one bit."""
    key = key_of(family, first, None, day)
    withdrawn = key_of(family, first, None, day, withdrawn=True)

    second = NONE if family.has_second else UNUSED
    assert bytes((family,)) + part(first) + second + slot(day) == key
    assert len(key) == 69
    assert withdrawn_side(key) == withdrawn
    assert (key[0] | 0x80, key[1:]) == (withdrawn[0], withdrawn[1:])
    assert (False, True) == (is_withdrawn_side(key), is_withdrawn_side(withdrawn))


@given(st.integers(FIRST_DAY, LAST_DAY), st.integers(FIRST_DAY, LAST_DAY))
def test_slots_rise_with_days(one: int, other: int) -> None:
    """A range of days is a range of keys, and undated uses stand before all."""
    assert (one < other) == (slot(one) < slot(other))
    assert slot(None) < slot(one)
    assert one == day_of_text(text_of_day(one), field="day")


def test_ids_are_told_apart() -> None:
    """Case and white space count, composition does not; nothing named is not the empty name."""
    assert part("Caf\u00e9") == part("Cafe\u0301")
    assert len({part(text) for text in ("a", "A", " a", "a ", "", None)}) == 6
    with pytest.raises(Malformed):
        part("\ud800")


def test_unused_stays_unused() -> None:
    """A second id has no place in a family of one; a day lies in the years 1 to 9999."""
    with pytest.raises(Malformed):
        key_of(Family.AGENCY, "agencies/a", "technologies/x", 0)
    for day in (FIRST_DAY - 1, LAST_DAY + 1):
        with pytest.raises(Malformed):
            slot(day)
