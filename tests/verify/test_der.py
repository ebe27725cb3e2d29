"""Has each DER value one spelling here, and is every other one refused?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.verify import der

tags = st.sampled_from([der.INTEGER, der.OCTET_STRING, der.OID, der.SEQUENCE, der.SET])
sizes = st.sampled_from([0, 1, 127, 128, 255, 256, 65_535, 65_536])


@given(st.lists(st.tuples(tags, sizes), max_size=4))
def test_values_come_back(parts: list[tuple[int, int]]) -> None:
    """What is written is read, one value after another."""
    values = [(tag, bytes(size)) for tag, size in parts]
    data = b"".join(der.wrapped(tag, content) for tag, content in values)

    assert values == [(value.tag, value.content) for value in der.read_all(data)]
    assert data == b"".join(value.whole for value in der.read_all(data))


@pytest.mark.parametrize(
    "text",
    [
        "04",  # no length
        "0401",  # no content
        "048100",  # a length in the long form that has a short one
        "04817f" + "00" * 127,
        "0482007f" + "00" * 127,  # a leading zero
        "0480" + "0000",  # of indefinite length
        "0485" + "0100000000",  # beyond what anything here has
        "0484ffffffff00",
        "1f0100",  # a tag of several bytes
        "0400" + "04",  # something after its end
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    """Cut, padded, indefinite, too long, or with tags that are not used."""
    with pytest.raises(Malformed):
        der.read_all(bytes.fromhex(text))


def test_members_are_what_they_should_be() -> None:
    """In order, from the first; and one value is one."""
    value = der.one(bytes.fromhex("3006020105040100"), der.SEQUENCE)

    assert [b"\x05", b"\0"] == [one.content for one in der.members(value, der.INTEGER)]
    for tags_asked in ((der.OCTET_STRING,), (der.INTEGER, der.OCTET_STRING, der.OID)):
        with pytest.raises(Malformed):
            der.members(value, *tags_asked)
    for data in ("30003000", "0400", ""):
        with pytest.raises(Malformed):
            der.one(bytes.fromhex(data), der.SEQUENCE)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """With a Malformed, and no other error."""
    try:
        values = der.read_all(data)
    except Malformed:
        return
    assert data == b"".join(value.whole for value in values)
