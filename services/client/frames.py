"""How does a batch stand on disk? One frame, whose digest shows whether it is whole.

    magic 4 ‖ length 4 ‖ uses 4 ‖ CRC-32 of these 4 ‖ SHA-256 of all that and the payload 32 ‖ payload

The payload is a BatchReportToolUsesRequest, as it is sent. Integers are unsigned, big end first.

A writer syncs each frame before it begins the next, so a crash leaves at most the last one torn,
and nobody was told that this one is kept. A frame that is not whole and has others behind it was
whole once: that is damage, and is never cut off. What cannot be told apart: a last frame that
rotted on disk, and one that is torn.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Final

_MAGIC: Final = b"CSP1"
_HEAD: Final = struct.Struct(">4sII")
_CRC: Final = struct.Struct(">I")
_DIGEST_BYTES: Final = 32
HEADER_BYTES: Final = _HEAD.size + _CRC.size + _DIGEST_BYTES


class FrameDamaged(Exception):
    """The frame at `offset` is not what was written."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"no whole frame at byte {offset}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Header:
    """Of a frame whose payload has `length` bytes and holds `uses` uses."""

    length: int
    uses: int
    digest: bytes

    @property
    def frame_bytes(self) -> int:
        return HEADER_BYTES + self.length


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a file holds: whole frames, up to byte `end`."""

    frames: int
    uses: int
    end: int
    first_payload: bytes = b""


def encode_frame(payload: bytes, uses: int) -> bytes:
    """A frame, ready to be written."""
    head = _HEAD.pack(_MAGIC, len(payload), uses)
    head += _CRC.pack(zlib.crc32(head))
    return head + hashlib.sha256(head + payload).digest() + payload


def header_of(data: bytes) -> Header | None:
    """The header that these bytes begin with; None where there is no whole one."""
    if len(data) < HEADER_BYTES:
        return None
    magic, length, uses = _HEAD.unpack_from(data)
    (crc,) = _CRC.unpack_from(data, _HEAD.size)
    if magic != _MAGIC or crc != zlib.crc32(data[: _HEAD.size]):
        return None
    return Header(length, uses, bytes(data[HEADER_BYTES - _DIGEST_BYTES : HEADER_BYTES]))


def payload_of(frame: bytes, *, offset: int = 0) -> bytes:
    """The payload of just one frame.

    Args:
        offset: Of the frame in its file, for the error.
    Raises:
        FrameDamaged: These bytes are no whole frame.
    """
    header = header_of(frame)
    if header is None or header.frame_bytes != len(frame):
        raise FrameDamaged(offset)
    head, payload = frame[: HEADER_BYTES - _DIGEST_BYTES], frame[HEADER_BYTES:]
    if hashlib.sha256(head + payload).digest() != header.digest:
        raise FrameDamaged(offset)
    return payload


def scan(data: bytes, *, last: bool) -> Scanned:
    """Every frame of a file.

    Args:
        last: Whether the writer ended with this file, so that its last frame may be torn.
    Returns:
        `end` lies before the end of `data` where the rest is a torn frame.
    Raises:
        FrameDamaged: A frame is not whole, and not torn either.
    """
    frames = uses = end = 0
    first = b""
    while end < len(data):
        header = header_of(data[end : end + HEADER_BYTES])
        frame = data[end : end + header.frame_bytes] if header else b""
        try:
            payload = payload_of(frame, offset=end)
        except FrameDamaged:
            if not last or _goes_on(data, end, header):
                raise
            break
        first = payload if frames == 0 else first
        frames, uses, end = frames + 1, uses + (header.uses if header else 0), end + len(frame)
    return Scanned(frames, uses, end, first)


def _goes_on(data: bytes, offset: int, header: Header | None) -> bool:
    """Whether something was written behind the frame at `offset`, which is not whole."""
    if header is not None:
        return offset + header.frame_bytes < len(data)
    at = data.find(_MAGIC, offset + 1)
    while at >= 0:
        found = header_of(data[at : at + HEADER_BYTES])
        if found is not None:
            try:
                payload_of(data[at : at + found.frame_bytes])
            except FrameDamaged:
                pass
            else:
                return True
        at = data.find(_MAGIC, at + 1)
    return False
