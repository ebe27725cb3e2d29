"""Is this entry in that tree, and does this tree extend that one? (RFC 9162, section 2.1)

Arithmetic on bytes: no I/O, no clock. Callers give hashes, or a function that reads tiles.

    hashing ◄── inclusion, consistency ◄── frontier ◄── tiles
    reference: the same, word for word from the RFC and slow; tests judge the rest by it
"""

from ledger.merkle.consistency import ConsistencyFailed, prove_consistency, verify_consistency
from ledger.merkle.frontier import Frontier
from ledger.merkle.hashing import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash
from ledger.merkle.inclusion import (
    InclusionFailed,
    RangeRoot,
    prove_inclusion,
    root_from_proof,
    verify_inclusion,
)
from ledger.merkle.tiles import (
    ReadTile,
    TileGrowth,
    TileTree,
    consistency_proof,
    inclusion_proof,
    new_tiles,
    root_at,
    tile_width,
)

__all__ = [
    "EMPTY_ROOT",
    "HASH_BYTES",
    "ConsistencyFailed",
    "Frontier",
    "InclusionFailed",
    "RangeRoot",
    "ReadTile",
    "TileGrowth",
    "TileTree",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "new_tiles",
    "node_hash",
    "prove_consistency",
    "prove_inclusion",
    "root_at",
    "root_from_proof",
    "tile_width",
    "verify_consistency",
    "verify_inclusion",
]
