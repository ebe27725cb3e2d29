"""Does one bad value lose nothing else of a batch, and is it never taken for a good one?"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import decode, encode
from ledger.errors import Malformed
from ledger.ingest.loose_json import DOUBLED, FRACTION, HALVES, TOO_LARGE, clear, read_loosely
from ledger.limits import MAX_JSON_DEPTH
from tests.strategies import json_values

BAD = {
    "1.5": FRACTION,
    "1e3": FRACTION,
    "NaN": FRACTION,
    "-0": TOO_LARGE,
    "9" * 5_000: TOO_LARGE,
    '{"a":1,"a":1}': DOUBLED,
    '"\\ud800"': HALVES,
    '{"\\udc00":1}': HALVES,
}


@given(json_values)
def test_what_is_clear_is_read_as_the_strict_reader_reads_it(value: Any) -> None:
    """The two agree on all that a strict reader takes."""
    data = encode(value)

    assert decode(data) == read_loosely(data, what="x")
    assert value == clear(read_loosely(data, what="x"), "x", max_depth=MAX_JSON_DEPTH)


@pytest.mark.parametrize("bad", BAD, ids=lambda text: text[:12])
@given(before=json_values, after=json_values)
def test_a_bad_value_stands_alone(bad: str, before: Any, after: Any) -> None:
    """It is marked where it stands; its neighbours are what they were."""
    text = b"[%b,{%b:[%b]},%b]" % (encode(before), b'"\\u00e9"', bad.encode(), encode(after))
    found = read_loosely(text, what="x")

    assert [before, {"é": [BAD[bad]]}, after] == found
    with pytest.raises(Malformed):
        clear(found, "x", max_depth=MAX_JSON_DEPTH)


@given(st.binary(max_size=40) | st.text(max_size=40).map(lambda text: text.encode("utf-8")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """A value, or our own error."""
    with suppress(Malformed):
        read_loosely(data, what="x")


def test_depth_is_refused_before_it_is_parsed() -> None:
    """A million brackets are no recursion."""
    with pytest.raises(Malformed, match="deep"):
        read_loosely(b"[" * 1_000_000, what="x")
