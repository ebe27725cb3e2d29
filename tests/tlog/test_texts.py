"""Has each value one text?"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.tlog.texts import (
    decode_base64,
    encode_base64,
    has_control,
    is_utf8,
    parse_decimal,
)


@given(st.binary(max_size=80))
def test_base64_round_trips(data: bytes) -> None:
    """What was written is read back."""
    assert data == decode_base64(encode_base64(data), field="x")


@given(st.text("ABab01+/= \n-_", max_size=12))
@example("QQ==")
@example("QR==")  # the bits of R that no byte holds
@example("QQ")
@example("QQ==QQ==")
def test_base64_has_one_text(text: str) -> None:
    """A text is refused, or it is the one its bytes are written as."""
    try:
        data = decode_base64(text, field="x")
    except Malformed:
        return
    assert text == encode_base64(data)


def test_other_digits_are_no_base64() -> None:
    """Letters beyond ASCII end as our own error."""
    with pytest.raises(Malformed, match="proof: must be standard base64"):
        decode_base64("\u0661\u0661\u0661\u0661", field="proof")


@given(st.integers(0, 2**53 - 1))
def test_decimal_round_trips(number: int) -> None:
    """A number is read from its shortest decimal."""
    assert number == parse_decimal(str(number), field="x", maximum=2**53 - 1)


@pytest.mark.parametrize("text", ["", "00", "01", "+1", "-1", " 1", "1 ", "1\n", "1_0", "1e1"])
def test_decimal_has_one_text(text: str) -> None:
    """No sign, space, separator or leading zero."""
    with pytest.raises(Malformed):
        parse_decimal(text, field="x", maximum=100)


@pytest.mark.parametrize("text", ["\u0661", "101", "9" * 5_000])
def test_decimal_is_ascii_and_bounded(text: str) -> None:
    """Neither digits of other scripts nor numbers beyond the maximum, however long."""
    with pytest.raises(Malformed):
        parse_decimal(text, field="x", maximum=100)


def test_controls_and_surrogates_are_seen() -> None:
    """C2SP's controls lie below U+0020, so DEL is none; a lone surrogate is no UTF-8."""
    assert has_control("a\tb")
    assert has_control("a\n")
    assert not has_control("a\x7f\u0085b")
    assert is_utf8("\u2014")
    assert not is_utf8("\udc80")
