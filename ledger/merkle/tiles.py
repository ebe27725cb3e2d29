"""Which 256 hashes hold this node, and which does an append add? (C2SP tlog-tiles)

A tile is a row of up to 256 neighbours; the hash n of level L is the root over the
leaves n * 256**L up to (n + 1) * 256**L - 1, and is there once all of those are.
We do no I/O: the caller reads tiles, and writes what an append adds.

    (level, index, width) ──read_tile──► hashes ──TileTree──► root, frontier, proofs
    Frontier + leaf hashes ──new_tiles──► Frontier, [TileGrowth] ──► the store's rows
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed
from ledger.limits import MAX_TREE_SIZE, TILE_HEIGHT, TILE_WIDTH
from ledger.merkle.consistency import prove_consistency
from ledger.merkle.frontier import Frontier
from ledger.merkle.hashing import HASH_BYTES, pair_up
from ledger.merkle.inclusion import prove_inclusion

# (level, index, width) -> the first `width` hashes of that tile, 32 bytes each.
ReadTile = Callable[[int, int, int], bytes]

_MAX_KEPT_TILES: Final = 64  # of one TileTree: some 2 MB, and enough for proofs in index order


@dataclass(frozen=True, slots=True)
class TileGrowth:
    """Hashes that one append adds to one tile, after those it already had.

    Args:
        level: 0 for leaf hashes, each next one 256 times coarser.
        index: Zero-based place of the tile in its level.
        offset: Hashes that the tile had before, 0 for a new one, 255 at most.
        hashes: The new ones, concatenated, 32 bytes each.
    """

    level: int
    index: int
    offset: int
    hashes: bytes

    @property
    def width(self) -> int:
        """Hashes in the tile after this append, 1 to 256."""
        return self.offset + len(self.hashes) // HASH_BYTES

    def onto(self, row: bytes) -> bytes:
        """The tile's whole row after this append, given the row before; b"" for a new tile.

        Raises:
            Malformed: The row does not hold the hashes this append was computed for.
        """
        if len(row) != self.offset * HASH_BYTES:
            raise Malformed(f"tile/{self.level}/{self.index}", f"must hold {self.offset} hashes")
        return row + self.hashes


def new_tiles(old: Frontier, leaf_hashes: Iterable[bytes]) -> tuple[Frontier, list[TileGrowth]]:
    """The frontier after these leaves, and what each tile gains, from level 0 up.

    One pass of hashing serves both. No two items name the same tile.

    Raises:
        Malformed: As `Frontier.extended`.
    """
    frontier, by_height = old.grown(leaf_hashes)
    growths: list[TileGrowth] = []
    for level, hashes in enumerate(by_height[::TILE_HEIGHT]):
        index, offset = divmod(old.size >> level * TILE_HEIGHT, TILE_WIDTH)
        taken = 0
        while taken < len(hashes):
            some = hashes[taken : taken + TILE_WIDTH - offset]
            growths.append(TileGrowth(level, index, offset, b"".join(some)))
            taken, index, offset = taken + len(some), index + 1, 0
    return frontier, growths


def tile_width(*, level: int, index: int, tree_size: int) -> int:
    """Hashes of this tile in a tree of this size: 0 (there is no such tile) to 256."""
    there = tree_size >> level * TILE_HEIGHT
    return min(max(there - index * TILE_WIDTH, 0), TILE_WIDTH)


class TileTree:
    """The tree of one size, read from tiles; keeps the last few, so ask in index order.

    Args:
        tree_size: Leaves in the tree, 0 or more; tiles may hold more by now.
        read_tile: Called with the width the tile has in a tree of this size.
    Raises:
        Malformed: (from every method) a tile that was read has another width.
    """

    def __init__(self, tree_size: int, read_tile: ReadTile) -> None:
        if not 0 <= tree_size <= MAX_TREE_SIZE:
            raise Malformed("tree_size", f"must lie in 0..{MAX_TREE_SIZE}")
        self.tree_size = tree_size
        self._read_tile = read_tile
        self._kept: dict[tuple[int, int], list[list[bytes]]] = {}

    def frontier(self) -> Frontier:
        """The right edge: what an append needs."""
        return Frontier(self.tree_size, tuple(self._subtrees(0, self.tree_size)))

    def root(self) -> bytes:
        """Root hash, 32 bytes."""
        return self.frontier().root()

    def inclusion_proof(self, leaf_index: int) -> list[bytes]:
        """As `prove_inclusion`; Malformed where the tree has no such leaf."""
        return prove_inclusion(self._range_root, leaf_index=leaf_index, tree_size=self.tree_size)

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """As `prove_consistency` from `old_size`; Malformed outside 1..tree_size."""
        return prove_consistency(self._range_root, old_size=old_size, new_size=self.tree_size)

    def _range_root(self, start: int, end: int) -> bytes:
        """Root over start..end-1. A proof only asks where whole subtrees make it up."""
        return Frontier(end - start, tuple(self._subtrees(start, end))).root()

    def _subtrees(self, start: int, end: int) -> Iterable[bytes]:
        while start < end:
            height = (end - start).bit_length() - 1
            assert start % (1 << height) == 0, "ranges of RFC 9162 begin where a subtree does"
            yield self._subtree_root(height, start >> height)
            start += 1 << height

    def _subtree_root(self, height: int, index: int) -> bytes:
        """Root over index * 2**height up to (index + 1) * 2**height - 1."""
        level, height_in_tile = divmod(height, TILE_HEIGHT)
        tile, place = divmod(index, TILE_WIDTH >> height_in_tile)
        return self._tile(level, tile)[height_in_tile][place]

    def _tile(self, level: int, index: int) -> list[list[bytes]]:
        """The tile's hashes, and above them the rows of subtrees that are whole in it."""
        rows = self._kept.get((level, index))
        if rows is None:
            width = tile_width(level=level, index=index, tree_size=self.tree_size)
            data = self._read_tile(level, index, width)
            if len(data) != width * HASH_BYTES:
                raise Malformed(f"tile/{level}/{index}", f"must hold {width} hashes")
            rows = [[data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES)]]
            while len(rows[-1]) > 1:
                rows.append(pair_up(rows[-1]))
            if len(self._kept) >= _MAX_KEPT_TILES:
                del self._kept[next(iter(self._kept))]
            self._kept[level, index] = rows
        return rows


def root_at(tree_size: int, read_tile: ReadTile) -> bytes:
    """Root hash of the tree of this size, 32 bytes."""
    return TileTree(tree_size, read_tile).root()


def inclusion_proof(*, leaf_index: int, tree_size: int, read_tile: ReadTile) -> list[bytes]:
    """One proof; for several of the same size share a `TileTree`."""
    return TileTree(tree_size, read_tile).inclusion_proof(leaf_index)


def consistency_proof(*, old_size: int, new_size: int, read_tile: ReadTile) -> list[bytes]:
    """One proof; for several of the same new size share a `TileTree`."""
    return TileTree(new_size, read_tile).consistency_proof(old_size)
