"""Is what is too deep or too much told before it is parsed, and nothing else?"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger import canonical_json
from ledger.canonical_json import check_shape, decode, encode
from ledger.errors import Malformed
from tests.strategies import json_values


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth_of, inner), default=0) if isinstance(value, dict | list) else 0


def count_of(value: Any) -> int:
    """Values, and the brackets of empty ones counted as the reader does: commas and brackets."""
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(len(value) - 1, 0) + sum(map(count_of, inner))


marks = st.text('[]{}",:\\a', max_size=12)  # what could be taken for structure
tricky = st.recursive(
    marks | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(marks, inner, max_size=3),
)


@given(tricky | json_values, st.integers(0, 6))
def test_depth_is_that_of_the_brackets(value: Any, bound: int) -> None:
    """Brackets inside texts count for nothing, whatever stands around them."""
    if depth_of(value) <= bound:
        check_shape(encode(value), max_depth=bound)
    else:
        with pytest.raises(Malformed, match="nested deeper"):
            check_shape(encode(value), max_depth=bound)


@given(tricky)
def test_values_are_counted_outside_texts(value: Any) -> None:
    """As many as the bound are read; one more is refused before it takes memory."""
    count = count_of(value)
    assume(count > 0 and encode(value).count(b'"') <= 4 * (count - 1) < 4 * len(encode(value)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canonical_json, "MAX_JSON_VALUES", count)
        check_shape(encode(value), max_depth=depth_of(value))
        patch.setattr(canonical_json, "MAX_JSON_VALUES", count - 1)
        with pytest.raises(Malformed, match="more than"):
            decode(encode(value))


@given(st.binary(max_size=20) | marks.map(str.encode))
def test_no_bytes_break_it(data: bytes) -> None:
    """Strings without end, lone backslashes, closing brackets alone: no error but ours."""
    with suppress(Malformed):
        check_shape(data, max_depth=0)
