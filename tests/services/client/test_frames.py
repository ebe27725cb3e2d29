"""Frames: whatever a crash leaves, what was synced is read, and nothing else is made of it."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.client.frames import FrameDamaged, Scanned, encode_frame, payload_of, scan

payloads = st.binary(max_size=60)
FRAMES = [encode_frame(b"first", 1), encode_frame(b"", 2), encode_frame(b"third CSP1 third", 3)]
FILE = b"".join(FRAMES)


@given(payloads)
def test_payload_comes_back(payload: bytes) -> None:
    """A frame gives the payload that it was made of."""
    assert payload == payload_of(encode_frame(payload, 1))


@given(st.lists(st.tuples(payloads, st.integers(0, 500)), max_size=6), st.booleans())
def test_whole_file_is_scanned_whole(batches: list[tuple[bytes, int]], last: bool) -> None:
    """Every frame, every use, every byte of a file that no crash met."""
    data = b"".join(encode_frame(payload, uses) for payload, uses in batches)
    first = batches[0][0] if batches else b""
    expected = Scanned(len(batches), sum(uses for _, uses in batches), len(data), first)

    assert expected == scan(data, last=last)


@pytest.mark.parametrize("kept", range(len(FILE)))
def test_torn_at_every_byte(kept: int) -> None:
    """Of a last file that ends anywhere, just the whole frames are left."""
    ends = [0, len(FRAMES[0]), len(FRAMES[0] + FRAMES[1]), len(FILE)]
    whole = [end for end in ends if end <= kept]
    found = scan(FILE[:kept], last=True)

    assert (len(whole) - 1, whole[-1]) == (found.frames, found.end)


@given(st.data())
def test_rubbish_behind_is_torn(data: st.DataObject) -> None:
    """A last frame that ends in other bytes, or in a hole in the file, is cut off too."""
    whole, kept = FRAMES[0] + FRAMES[1], data.draw(st.integers(0, len(FRAMES[2]) - 1))
    left = len(FRAMES[2]) - kept
    rubbish = data.draw(st.binary(max_size=left) | st.integers(0, left).map(bytes))
    torn = FRAMES[2][:kept] + rubbish
    assume(torn != FRAMES[2])

    assert len(whole) == scan(whole + torn, last=True).end


@pytest.mark.parametrize("last", [True, False])
@given(data=st.data())
def test_damage_before_others_is_never_cut(last: bool, data: st.DataObject) -> None:
    """A changed bit in a frame that has others behind it is refused, at that frame."""
    at = data.draw(st.integers(0, len(FRAMES[0] + FRAMES[1]) - 1))
    changed = bytearray(FILE)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(FrameDamaged) as refused:
        scan(bytes(changed), last=last)

    assert (0 if at < len(FRAMES[0]) else len(FRAMES[0])) == refused.value.offset


@pytest.mark.parametrize("kept", range(1, len(FRAMES[2])))
def test_only_the_last_file_may_be_torn(kept: int) -> None:
    """A file that has another behind it was synced to its end, so one that is short is damaged."""
    with pytest.raises(FrameDamaged):
        scan(FRAMES[0] + FRAMES[2][:kept], last=False)
