"""Under which path lies which tile, and how are entries bundled? (C2SP tlog-tiles)

A path and a tile belong together one to one, so that each can be cached for good.

    TilePath(level 0, index 1234067, width 8) ◄──► tile/0/x001/x234/067.p/8
    entries ──encode_bundle──► u16 length, entry, u16 length, entry, … ──decode_bundle──► entries
    tree size ──tiles_of──► every tile of that tree
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed
from ledger.limits import (
    MAX_ENTRY_BYTES,
    MAX_TILE_LEVEL,
    MAX_TREE_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
)
from ledger.merkle import tile_width

_MAX_INDEX: Final = MAX_TREE_SIZE >> TILE_HEIGHT
_LENGTH_BYTES: Final = 2
# Six groups hold every index; more digits are refused before they are counted.
_PATH: Final = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})"
    r"(?:\.p/(?P<width>[0-9]{1,3}))?"
)


@dataclass(frozen=True, slots=True)
class TilePath:
    """Which tile of hashes, or which bundle of entries.

    Args:
        level: 0 to 63, 0 for leaf hashes; None for entries.
        index: Zero-based place in its level.
        width: Hashes or entries in it: 256 in a full tile, 1 to 255 in a partial one.
    Raises:
        Malformed: No tree has such a tile.
    """

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if self.level is not None and not 0 <= self.level <= MAX_TILE_LEVEL:
            raise Malformed("tile.level", f"must lie in 0..{MAX_TILE_LEVEL}")
        if not 0 <= self.index <= _MAX_INDEX:
            raise Malformed("tile.index", f"must lie in 0..{_MAX_INDEX}")
        if not 1 <= self.width <= TILE_WIDTH:
            raise Malformed("tile.width", f"must lie in 1..{TILE_WIDTH}")

    @property
    def is_partial(self) -> bool:
        """True where the tile can still grow, under another path."""
        return self.width < TILE_WIDTH

    def format(self) -> str:
        """The path, without a slash before it."""
        groups = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            groups.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        level = "entries" if self.level is None else str(self.level)
        partial = f".p/{self.width}" if self.is_partial else ""
        return f"tile/{level}/{'/'.join(groups)}{partial}"

    @classmethod
    def parse(cls, path: str) -> TilePath:
        """The tile that `format` wrote this path for; one path for each tile.

        Raises:
            Malformed: Another form: leading zeros, empty groups, a width of 0 or 256.
        """
        match = _PATH.fullmatch(path)
        if match is None:
            raise Malformed("tile", "must be tile/<level>|entries/<index>[.p/<width>]")
        level, index, width = match["level"], match["index"], match["width"]
        tile = cls(
            None if level == "entries" else int(level),
            int(re.sub("[x/]", "", index)),
            TILE_WIDTH if width is None else int(width),
        )
        if tile.format() != path:
            raise Malformed("tile", "must be the shortest path of its tile")
        return tile


def tiles_of(tree_size: int) -> Iterator[TilePath]:
    """Every tile of hashes of the tree of this size, each as wide as it is there, from level 0 up.

    Bundles of entries lie as the tiles of level 0 do.
    """
    level = 0
    while (hashes := tree_size >> level * TILE_HEIGHT) > 0:
        for index in range(-(-hashes // TILE_WIDTH)):
            width = tile_width(level=level, index=index, tree_size=tree_size)
            yield TilePath(level, index, width)
        level += 1


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries of one tile, each after its length in 16 bits, big-endian.

    Args:
        entries: 1 to 256, of 65,535 bytes each at most.
    Raises:
        Malformed: Too many or none, or one too long: such a log keeps a digest in the entry.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise Malformed("bundle", f"must hold 1 to {TILE_WIDTH} entries")
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise Malformed("bundle.entry", f"must be {MAX_ENTRY_BYTES} bytes at most")
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def decode_bundle(data: bytes, *, width: int) -> list[bytes]:
    """The entries of a bundle, to its last byte.

    Args:
        data: As served, decompressed.
        width: Entries it must hold, from its path.
    Raises:
        Malformed: It is cut, holds more or fewer entries, or bytes after the last.
    """
    entries: list[bytes] = []
    at = 0
    while at < len(data) and len(entries) < width:
        start = at + _LENGTH_BYTES
        at = start + int.from_bytes(data[at:start], "big")
        entries.append(data[start:at])
    if at != len(data) or len(entries) != width:
        raise Malformed("bundle", f"must hold {width} entries and end with the last")
    return entries
