"""Do the entries of each stream bear the versions 1, 2, 3, … in the order in which they stand?

    records of each slice, sorted ──kept in a file──┐
    records of each slice, sorted ──kept in a file──┴─ a range of digests at a time ──► the first
                                                          entry whose version is not its place

The streams of a large ledger do not fit in memory: they are sorted by ranges. A record stands
for a stream by a digest of 16 bytes (slices.stream_record).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ledger.audit.slices import STREAM_BYTES
from ledger.limits import AUDIT_SORT_RECORDS

RECORD_BYTES: Final = 32
_PREFIX_BYTES: Final = 4  # a range of digests is one of their first four bytes
_VERSION: Final = slice(STREAM_BYTES, STREAM_BYTES + 8)
_PLACE: Final = slice(STREAM_BYTES + 8, RECORD_BYTES)


@dataclass(slots=True)
class StreamOrder:
    """What was found.

    Members:
        first_wrong: Leaf index of the first entry whose version is not its place in its
            stream, and the version it should have; None where all are right.
        changed: Digests of streams with more than one entry.
    """

    first_wrong: tuple[int, int] | None = None
    changed: set[bytes] = field(default_factory=set)


def order_of_streams(
    files: Sequence[Path],
    *,
    at_once: int = AUDIT_SORT_RECORDS,
    told: Callable[[int, int], None] = lambda _done, _total: None,
) -> StreamOrder:
    """Look at the records of all slices.

    Args:
        files: One for each slice, its records sorted.
        at_once: Records in memory, about.
        told: Ranges done, and in all.
    Raises:
        OSError: A file cannot be read.
    """
    total = sum(path.stat().st_size for path in files) // RECORD_BYTES
    ranges = max(1, -(-total // at_once))
    found = StreamOrder()
    for number in range(ranges):
        low, high = ((part << 8 * _PREFIX_BYTES) // ranges for part in (number, number + 1))
        records: list[bytes] = []
        for path in files:
            records += _between(path, low, high)
        records.sort()
        _walk(records, found)
        told(number + 1, ranges)
    return found


def _walk(records: Iterable[bytes], found: StreamOrder) -> None:
    stream, place, earlier = b"", 0, -1
    for record in records:
        digest = record[:STREAM_BYTES]
        leaf_index = int.from_bytes(record[_PLACE], "big")
        if digest == stream:
            place += 1
            found.changed.add(digest)
        else:
            stream, place, earlier = digest, 1, -1
        version = int.from_bytes(record[_VERSION], "big")
        if (version != place or earlier > leaf_index) and (
            found.first_wrong is None or leaf_index < found.first_wrong[0]
        ):
            found.first_wrong = leaf_index, place
        earlier = leaf_index


def _between(path: Path, low: int, high: int) -> Iterator[bytes]:
    """The records whose digests begin with low..high-1."""
    with path.open("rb") as file:
        count = os.fstat(file.fileno()).st_size // RECORD_BYTES

        def prefix(at: int) -> int:
            file.seek(at * RECORD_BYTES)
            return int.from_bytes(file.read(_PREFIX_BYTES), "big")

        start, stop = (_first_at_least(prefix, count, bound) for bound in (low, high))
        file.seek(start * RECORD_BYTES)
        data = file.read((stop - start) * RECORD_BYTES)
    return (data[at : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES))


def _first_at_least(prefix: Callable[[int], int], count: int, bound: int) -> int:
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if prefix(middle) < bound:
            low = middle + 1
        else:
            high = middle
    return low
