"""Does the fast reader of entries ever say another thing than the strict one?"""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ledger.audit.shapes import EntryReader
from ledger.canonical_json import encode
from ledger.entry import UnknownEnvelope, decode_entry, encode_entry
from ledger.errors import CandourError
from ledger.limits import MAX_AUDIT_LEARNED, MAX_AUDIT_SHAPES
from tests import strategies as told
from tests.audit.logs import ORIGIN, entry

PIECES = (b"1.5", b"-0", b"9007199254740992", b"01", b" ", b"\\u0041", b",", b"\x00", b"\xff", b'"')


def judged(data: bytes) -> tuple[Any, ...]:
    """What decode_entry makes of it: what an audit wants, or that it is refused."""
    try:
        found = decode_entry(data)
    except UnknownEnvelope:
        return ("envelope",)
    except CandourError:
        return ("refused",)
    return (found.stream.encode(), found.version, found.origin == ORIGIN, found.topic)


def read(reader: EntryReader, data: bytes) -> tuple[Any, ...]:
    try:
        found = reader.read(data)
    except CandourError:
        return ("refused",)
    return ("envelope",) if found.topic is None else tuple(found)


def agree(reader: EntryReader, data: bytes) -> None:
    assert judged(data) == read(reader, data)


@given(st.lists(told.entries, min_size=1, max_size=4))
def test_what_the_ledger_wrote_is_read_alike(entries: list[Any]) -> None:
    """Whatever shapes were met before."""
    reader = EntryReader(ORIGIN)
    for some in (entries, entries):
        for item in some:
            agree(reader, encode_entry(item))


@given(st.integers(0, 10**6), st.data())
@example(0, None)
def test_what_is_damaged_is_judged_alike(number: int, data: Any) -> None:
    """An entry of a shape that was learned, changed at any place, is judged by its bytes alone."""
    reader, good = EntryReader(ORIGIN), entry(number)
    reader.read(entry(number + 1))
    agree(reader, good)
    if data is None:
        return
    at = data.draw(st.integers(0, len(good)))
    cut = data.draw(st.integers(0, 3))
    put = data.draw(st.binary(max_size=3) | st.sampled_from(PIECES))
    agree(reader, good[:at] + put + good[at + cut :])


@given(told.json_values, st.sampled_from(["capture", "recorded_at", "version", "v", "stream"]))
def test_any_value_of_a_member_is_judged_alike(value: Any, member: str) -> None:
    """A learned shape lets through nothing that the member may not be."""
    reader = EntryReader(ORIGIN)
    reader.read(entry(1))
    agree(reader, entry(2, **{member: value}))


def test_bad_dates_are_judged_alike() -> None:
    """Days that no month has, leap days, other precisions, years out of bounds."""
    reader = EntryReader(ORIGIN)
    reader.read(entry(1))
    for text in (
        *(
            "2026-02-29T10:12:00.302288Z",
            "2024-02-29T10:12:00.302288Z",
            "2026-04-31T10:12:00.302288Z",
        ),
        *(
            "2026-12-31T24:00:00.000000Z",
            "2026-12-31T23:59:60.000000Z",
            "0000-01-01T00:00:00.000000Z",
        ),
        *("0001-01-01T00:00:00.000000Z", "9999-12-31T00:00:00.000000Z", "2026-01-01T00:00:00Z"),
        *(
            "2026-13-01T00:00:00.000000Z",
            "2026-00-01T00:00:00.000000Z",
            "2026-01-00T00:00:00.000000Z",
        ),
    ):
        agree(reader, entry(2, recorded_at=text))


def test_commitments_have_one_spelling() -> None:
    """Base64 whose last bits are not zero says the same bytes twice, and is refused."""
    reader = EntryReader(ORIGIN)
    reader.read(entry(1))
    for last in "ABCDEFGHIQgw014/+":
        agree(reader, entry(2, protected={"reason": "A" * 42 + last + "="}))


def test_shapes_are_bounded() -> None:
    """An entry of a new shape each time neither fills memory nor changes a verdict."""
    reader = EntryReader(ORIGIN)
    for number in range(MAX_AUDIT_LEARNED + 50):
        agree(reader, entry(1, event={f"member_{number}": "text"}))

    assert MAX_AUDIT_SHAPES >= max(map(len, reader._shapes.values()))
    assert MAX_AUDIT_LEARNED >= reader._learned


def test_other_ledgers_entry_is_told_apart() -> None:
    """Its shape is not learned for ours."""
    reader = EntryReader(ORIGIN)
    for origin in ("other/main", ORIGIN, "other/main"):
        agree(reader, entry(1, origin=origin))
    assert encode(ORIGIN) in entry(1)
