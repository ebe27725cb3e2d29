"""What is a discrepancy called, and what of the observer's row is kept with it?

sighting ──id, else time, else what it says──► keyed digest ──► discrepancies/<32 hex digits>
"""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import Any

from ledger.canonical_json import encode
from ledger.limits import MAX_SIGHTING_BYTES
from ledger.observers.keys import FIRST_VALUE, Digests
from ledger.observers.sides import NO_ID, Side


class Names:
    """What the discrepancies of a release are called: the same name for the same sighting, always.

    By the observer's id. Without one by the time, and where several rows of the file share that,
    by what they say as well. So a row that comes again in another release, under other masks or in
    other columns, is known.
    """

    def __init__(self, side: Side, digests: Digests) -> None:
        self._side, self._digests = side, digests
        self._ids = array("Q", [NO_ID]) * len(side)
        for digest, owner in zip(side.ids, side.owners, strict=True):
            self._ids[owner] = digest
        self._shared = _sharing_their_time(side, self._ids)

    def of_sighting(self, kind: str, number: int) -> str:
        """`discrepancies/…` of one kind about a sighting."""
        side, digest = self._side, self._ids[number]
        if digest != NO_ID:
            key: tuple[str | int, ...] = ("id", digest)
        else:
            key = ("time", side.earliest_us[number], side.latest_us[number])
            if self._shared[number]:
                codes = zip(side.fields, side.row(number), strict=True)
                said = sorted(code for code in codes if code[1] >= FIRST_VALUE)
                key += tuple(part for code in said for part in code)
        return f"discrepancies/{self._digests.name(kind, *key)}"

    def of_use(self, kind: str, use: str) -> str:
        """`discrepancies/…` of one kind about a use that the observer does not have."""
        return f"discrepancies/{self._digests.name(kind, 'use', use)}"


def _sharing_their_time(side: Side, ids: array[int]) -> bytearray:
    """1 for a record without id whose time is not known, or is that of another without id."""
    shared = bytearray(len(side))
    unnamed = [number for number, digest in enumerate(ids) if digest == NO_ID]

    def time(number: int) -> tuple[int, int]:
        return side.earliest_us[number], side.latest_us[number]

    unnamed.sort(key=time)
    for one, other in pairwise(unnamed):
        if time(one) == time(other):
            shared[one] = shared[other] = 1
    for number in unnamed:
        if not side.dated(number):
            shared[number] = 1
    return shared


def sighting_json(line: int, columns: list[str], cells: list[str]) -> str:
    """The observer's row, to be protected; cells are cut where it would be too long, and it says so.

    At most MAX_SIGHTING_BYTES in UTF-8.
    """
    for length in (None, 1_000, 100, 10):
        cut = [cell[:length] for cell in cells]
        found: dict[str, Any] = {"line": line, "columns": columns, "row": cut}
        if cut != cells:
            found["cut"] = True
        data = encode(found)
        if len(data) <= MAX_SIGHTING_BYTES:
            return data.decode()
    return encode({"line": line, "cut": True}).decode()
