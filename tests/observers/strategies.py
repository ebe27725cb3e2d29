"""Sides to be compared, small and close together, so that ids clash and times are near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hypothesis import strategies as st

from ledger.observers.fields import ABSENT, BLANK, MASKED, WITHHELD
from ledger.observers.keys import FIRST_VALUE
from ledger.observers.sides import Side
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST

FIELDS: Final = ("technology", "performer.user_id", "devices_searched", "reason", "case_number")
SECOND_US: Final = 1_000_000
WINDOW_US: Final = 300 * SECOND_US
_START: Final = 1_582_243_200 * SECOND_US
_states = st.sampled_from((ABSENT, BLANK, MASKED, WITHHELD))
_codes = st.sampled_from((FIRST_VALUE, FIRST_VALUE + 1, FIRST_VALUE + 2)) | _states
_offsets = st.sampled_from((0, 1, SECOND_US, 3 * SECOND_US, WINDOW_US, WINDOW_US + 1)) | (
    st.integers(0, 2 * WINDOW_US)
)
_lengths = st.sampled_from((0, 0, 0, SECOND_US, 120 * SECOND_US, 86_400 * SECOND_US))


@dataclass(frozen=True)
class Told:
    """One record, before it has a number."""

    earliest_us: int
    latest_us: int
    codes: tuple[int, ...]
    ids: tuple[int, ...] = ()
    optional: bool = False


_spans = st.tuples(_offsets, _lengths).map(lambda pair: (_START + pair[0], _START + sum(pair)))
_times = _spans | st.sampled_from(
    ((OPEN_EARLIEST, OPEN_LATEST), (OPEN_EARLIEST, _START), (_START, OPEN_LATEST))
)
_ids = st.lists(st.integers(100, 104), max_size=2, unique=True).map(tuple)
records = st.builds(
    lambda times, codes, ids, optional: Told(times[0], times[1], codes, ids, optional),
    _times,
    st.tuples(*[_codes] * len(FIELDS)),
    _ids,
    st.booleans(),
)
# Records without ids, all in scope: everything is decided by time and fields.
unnamed = st.builds(
    lambda times, codes: Told(times[0], times[1], codes),
    _spans,
    st.tuples(*[_codes] * len(FIELDS)),
)


def side(told: list[Told]) -> Side:
    """The side that holds these records, in their order."""
    found = Side(FIELDS)
    for one in told:
        found.add(one.earliest_us, one.latest_us, one.codes, one.ids, optional=one.optional)
    return found
