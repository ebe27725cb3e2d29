"""A ledger and a directory made of nothing but keys: what tests of listings are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ledger.directory import listing_entry
from ledger.merkle import Frontier, TileTree, leaf_hash
from ledger.merkle.tiles import new_tiles
from ledger.tlog import Checkpoint, Signer, sign_checkpoint

LEDGER: Final = Signer("candour.local/0/main", bytes(32))
OTHER: Final = Signer("candour.local/1/court", bytes([1]) * 32)
DIRECTORY: Final = Signer("candour.local/2/directory", bytes([2]) * 32)
AT: Final = "2026-11-18T00:00:00.000000Z"


@dataclass
class Tree:
    """A tree in memory that grows."""

    leaves: list[bytes] = field(default_factory=list)
    frontier: Frontier = field(default_factory=Frontier)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def append(self, *entries: bytes) -> None:
        hashes = [leaf_hash(entry) for entry in entries]
        self.leaves += hashes
        self.frontier, grown = new_tiles(self.frontier, hashes)
        for item in grown:
            key = item.level, item.index
            self.tiles[key] = item.onto(self.tiles.get(key, b""))

    @property
    def root(self) -> bytes:
        return self.frontier.root()

    def at(self, size: int) -> TileTree:
        return TileTree(size, lambda level, index, width: self.tiles[level, index][: 32 * width])


def signed(signer: Signer, size: int, root: bytes) -> bytes:
    """A checkpoint of this signer's own log."""
    return sign_checkpoint(Checkpoint(signer.verifier_key.name, size, root), signer)


def entry_of(note: bytes, version: int, *, directory: str = DIRECTORY.verifier_key.name) -> bytes:
    return listing_entry(note, version=version, directory=directory, recorded_at=AT)
