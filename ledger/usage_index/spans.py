"""Which nodes must a proof open? The rule that prover and verifier both follow. (section 4)

    position (bits that lead to a node) ──► interval of keys ──► out | in span i | cut
                                                             ──► opened, or closed

Positions are integers of 552 bits: the bits that lead there, then zeros.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple

from ledger.usage_index.keys import KEY_BITS

OUT: Final = -1  # meets no span
CUT: Final = -2  # meets one, and is not within it

# BELOW[bits]: all ones after the first `bits` bits of a key.
BELOW: Final = [(1 << (KEY_BITS - bits)) - 1 for bits in range(KEY_BITS + 1)]


class Span(NamedTuple):
    """An inclusive range of keys."""

    first: bytes
    last: bytes


class Detail(Enum):
    """How much of the inside of a span is shown."""

    COUNT = "count"
    GROUPS = "groups"
    REGISTERS = "registers"

    @property
    def bits(self) -> int:
        """Inside a span, positions shorter than this are opened."""
        return _DETAIL_BITS[self]


# One total a second part: family, first and second are 65 bytes. Every leaf: beyond all.
_DETAIL_BITS: Final = {Detail.COUNT: 0, Detail.GROUPS: 520, Detail.REGISTERS: KEY_BITS + 1}


class OpeningRule:
    """What is opened, for these spans in this detail.

    Args:
        spans: Sorted, disjoint, 69-byte keys. They come from the verifier's own question.
        detail: How much of their inside is shown.
    """

    def __init__(self, spans: Sequence[Span], detail: Detail) -> None:
        self._firsts = [int.from_bytes(span.first, "big") for span in spans]
        self._lasts = [int.from_bytes(span.last, "big") for span in spans]
        self._detail_bits = detail.bits
        ends = [end for pair in zip(self._firsts, self._lasts, strict=True) for end in pair]
        assert ends == sorted(ends), "spans are sorted"
        assert all(a < b for a, b in zip(self._lasts, self._firsts[1:], strict=False)), "disjoint"

    def place(self, position: int, bits: int) -> int:
        """OUT, CUT, or the index of the span that the position lies within."""
        last = position | BELOW[bits]
        index = bisect_left(self._lasts, position)
        if index == len(self._lasts) or self._firsts[index] > last:
            return OUT
        if self._firsts[index] <= position and last <= self._lasts[index]:
            return index
        return CUT

    def opens(self, place: int, bits: int) -> bool:
        """True where a node at this place, `bits` bits below the top, must be opened."""
        return place == CUT or (place >= 0 and bits < self._detail_bits)
