"""What does the ledger say of the uses in scope? One side of a comparison, from the stream.

StreamUsesForMatching ──columns──► Side, and the names of its records in 16 bytes each
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ledger.observers.fields import TECHNOLOGY
from ledger.observers.sides import NO_ID, Side
from ledger.observers.sightings import Scope
from services.pb.candour.v1.observers_pb2 import StreamUsesForMatchingResponse

_PREFIX = "toolUses/"
_UUID_BYTES = 16


class UseNames:
    """Names of uses by number; those that are no UUID are kept as they are."""

    def __init__(self) -> None:
        self._packed = bytearray()
        self._odd: dict[int, str] = {}

    def append(self, name: str) -> None:
        number = len(self._packed) // _UUID_BYTES
        own = name.removeprefix(_PREFIX)
        try:
            packed = bytes.fromhex(own.replace("-", ""))
        except ValueError:
            packed = b""
        if len(packed) != _UUID_BYTES or _dashed(packed) != own:
            self._odd[number], packed = name, bytes(_UUID_BYTES)
        self._packed += packed

    def __getitem__(self, number: int) -> str:
        start = number * _UUID_BYTES
        packed = bytes(self._packed[start : start + _UUID_BYTES])
        return self._odd.get(number) or f"{_PREFIX}{_dashed(packed)}"


def _dashed(packed: bytes) -> str:
    text = packed.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


@dataclass(frozen=True, slots=True)
class _Use:
    name: str
    leaf_index: int
    earliest_us: int
    latest_us: int
    codes: Sequence[int]
    ids: Sequence[int]
    same_as: int | None


class ObservedUses:
    """The ledger's side.

    Args:
        scope: With the period that is compared; what only may lie in it need not be matched.
        technology: The code of the one that is asked about; None where any will do.
    """

    def __init__(self, fields: Sequence[str], scope: Scope, technology: int | None) -> None:
        self.side, self.names = Side(fields), UseNames()
        self._scope, self._technology = scope, technology
        self._at = self.side.fields.index(TECHNOLOGY)
        self._leaves: list[int] = []
        self._repeated: list[_Use] = []

    def take(self, chunk: StreamUsesForMatchingResponse) -> None:
        """Add the uses of one message."""
        for use in _uses(chunk, len(self.side.fields)):
            if use.same_as is None:
                self._add(use, optional=not self._in_scope(use))
            else:
                self._repeated.append(use)

    def finish(self) -> None:
        """Let each report of a search that another one holds lend that one its ids."""
        heads = {use.leaf_index: use.same_as for use in self._repeated}
        wanted = set()
        for use in self._repeated:
            wanted.add(_follow(use.leaf_index, heads))
        places = {leaf: n for n, leaf in enumerate(self._leaves) if leaf in wanted}
        for use in self._repeated:
            number = places.get(_follow(use.leaf_index, heads))
            if number is None:  # what holds it is not compared, so it may stand for itself
                number = self._add(use, optional=True)
            else:
                for digest in use.ids:
                    self.side.add_id(digest, number)
        self._leaves, self._repeated = [], []

    def _in_scope(self, use: _Use) -> bool:
        same = self._technology is None or use.codes[self._at] == self._technology
        return same and self._scope.holds(use.earliest_us, use.latest_us) is True

    def _add(self, use: _Use, *, optional: bool) -> int:
        ids = [digest for digest in use.ids if digest != NO_ID]
        self.names.append(use.name)
        self._leaves.append(use.leaf_index)
        return self.side.add(use.earliest_us, use.latest_us, use.codes, ids, optional=optional)


def _follow(leaf_index: int, heads: dict[int, int | None]) -> int:
    """From a report to the one that holds its search, over those that hold it for others."""
    seen = set()
    while leaf_index in heads and leaf_index not in seen:
        seen.add(leaf_index)
        head = heads[leaf_index]
        assert head is not None
        leaf_index = head
    return leaf_index


def _uses(chunk: StreamUsesForMatchingResponse, width: int) -> Iterator[_Use]:
    codes, ids = list(chunk.codes), list(chunk.ids)
    columns: Iterable[tuple[str, int, int, int, int]] = zip(
        chunk.names,
        chunk.leaf_indexes,
        chunk.earliest_us,
        chunk.latest_us,
        chunk.same_as,
        strict=True,
    )
    for n, (name, leaf_index, earliest_us, latest_us, same_as) in enumerate(columns):
        yield _Use(
            name,
            leaf_index,
            earliest_us,
            latest_us,
            codes[n * width : (n + 1) * width],
            ids[2 * n : 2 * n + 2],
            same_as - 1 if same_as else None,
        )
