"""Is this store a whole tree? Every leaf, tile, head and column, recomputed from the entries."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.entry import decode_entry
from ledger.limits import TILE_HEIGHT
from ledger.merkle import HASH_BYTES, Frontier, leaf_hash, tile_width
from ledger.merkle.reference import tree_hash
from ledger.store.core import LedgerStore, StoredEntry
from tests.merkle.strategies import tiles_in_memory


def check_tree(store: LedgerStore, *, of_entries: bool = True) -> list[StoredEntry]:
    """Laws 1, 2, 3 and 5 of a store at rest; returns its entries.

    Args:
        of_entries: False where the entries are any bytes.
    """
    head = store.head()
    entries = store.read_entries(0, 2**40)
    assert list(range(head.tree_size)) == [stored.leaf_index for stored in entries]
    leaves = [leaf_hash(stored.entry) for stored in entries]
    assert (tree_hash(leaves), Frontier().extended(leaves)) == (head.root, head.frontier)
    _check_tiles(store, leaves)
    if of_entries:
        for stored in entries:
            entry = decode_entry(stored.entry)
            said = (entry.stream, entry.version, entry.topic)
            assert said == (stored.stream, stored.version, stored.topic)
    return entries


def _check_tiles(store: LedgerStore, leaves: Sequence[bytes]) -> None:
    expected = tiles_in_memory(leaves)
    size, level = len(leaves), 0
    while level == 0 or size >> level * TILE_HEIGHT:
        there = size >> level * TILE_HEIGHT
        for index in range(there // 256 + 1):
            width = tile_width(level=level, index=index, tree_size=size)
            # Asked for more than there is, so that a hash too many is seen.
            found = store.read_tile(level, index, 256)
            assert (expected(level, index, width) if width else b"") == found
            assert width * HASH_BYTES == len(found)
        level += 1
