"""A server was broken and is whole again: is all there that was acknowledged, once?

places ──sent again──► the same places ──► as many entries as ids ──► `candour audit`
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from ledger.limits import TILE_WIDTH
from ledger.merkle import HASH_BYTES
from services.runtime.hosting import open_store
from services.runtime.settings import Settings
from tests.faults.servers.callers import Places, places_again, tree_size

_AGAIN: Final = 2_000  # ids that are reported again where there are too many for all


def nothing_lost(target: str, places: Places, unsent: list[str], *, others: int = 1) -> int:
    """Every acknowledged use has its place still, and the rest lands once; returns the tree size.

    Args:
        unsent: Ids without a receipt.
        others: Entries that are no reports: the agency.
    """
    assert places, "nothing was acknowledged"
    again = places_again(target, list(places))
    lost = [own_id for own_id in places if places[own_id] != again[own_id]]
    assert not lost, f"{len(lost)} of {len(places)} moved or were lost, {lost[0]} first"
    late = places_again(target, unsent)
    everywhere = {leaf for leaf, _ in [*places.values(), *late.values()]}
    assert len(places) + len(late) == len(everywhere), "two uses have one place"
    size = tree_size(target)
    assert others + len(everywhere) == size, "something was recorded twice, or nobody's"
    return size


def all_stand(target: str, settings: Settings, places: Places, unsent: list[str]) -> None:
    """As `nothing_lost`, for very many: each receipt's hash stands at its place in the tree; of
    those without one no more landed than were sent, and some of all are reported again."""
    assert places, "nothing was acknowledged"
    store = open_store(settings, create=False)
    try:
        size = store.head().tree_size
        leaves = b"".join(
            store.read_tile(0, tile, min(TILE_WIDTH, size - tile * TILE_WIDTH))
            for tile in range(-(-size // TILE_WIDTH))
        )
    finally:
        store.close()
    lost = [
        own_id
        for own_id, (leaf, leaf_hash) in places.items()
        if leaves[leaf * HASH_BYTES : (leaf + 1) * HASH_BYTES] != leaf_hash
    ]
    assert not lost, f"{len(lost)} of {len(places)} moved or were lost, {lost[0]} first"
    assert len(places) == len({leaf for leaf, _ in places.values()}), "two uses have one place"
    assert 0 <= size - 1 - len(places) <= len(unsent), "something was recorded twice, or nobody's"
    some = list(places)[:: len(places) // _AGAIN + 1]
    assert {own_id: places[own_id] for own_id in some} == places_again(target, some)
    late = places_again(target, unsent[:_AGAIN])
    assert len(late) == len({leaf for leaf, _ in late.values()})


def audited(data: Path, database_url: str | None) -> None:
    """`candour audit` finds entries, tree, streams, checkpoints and views whole."""
    where = ["--database-url", database_url] if database_url else []
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "audit", "--data", str(data), *where],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
