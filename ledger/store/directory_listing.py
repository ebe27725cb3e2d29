"""What is not listed in the directory yet, and does a ledger still hold what is? Blocking reads.

    checkpoints of a ledger ──above its newest listing──► unlisted ──► entries to append
    newest listing of a ledger ──► holds ──► its database has that very tree, or has lost it
    note kept beside the ledger ──► directory_lost ──► the directory itself is older than it was

The checkpoints table is read again each time, so a crash leaves no hole; the version of the
stream is taken by whoever appends first, so two processes list nothing twice.
"""

from __future__ import annotations

from ledger.directory import Listing, listing_entry, listing_stream, pack_listing, read_listing
from ledger.events import CheckpointPublished
from ledger.merkle import TileTree, root_at
from ledger.store.core import LedgerStore, NewEntry, Tracking
from ledger.times import full_text_of_us
from ledger.tlog import VerifierKey, claimed_checkpoint, open_checkpoint


def newest_listing(directory: LedgerStore, origin: str) -> Listing | None:
    """What the directory lists last of the ledger of this origin.

    Raises:
        Malformed, Unverifiable: The entry is no listing.
        StoreUnavailable: The directory's database is away.
    """
    for stored in directory.read_stream(listing_stream(origin), desc=True, limit=1):
        return read_listing(stored.entry, stored.leaf_index)
    return None


def unlisted(
    ledger: LedgerStore,
    newest: Listing | None,
    *,
    key: VerifierKey,
    directory: str,
    recorded_us: int,
    most: int,
) -> list[NewEntry]:
    """Entries for what the ledger has published since its newest listing, smallest first.

    Args:
        ledger: Its store.
        newest: As `newest_listing`.
        key: The ledger's checkpoint key: nothing is listed that it has not signed.
        directory: Origin of the directory.
        recorded_us: The operator's clock.
        most: So many at once; ask again.
    Raises:
        Malformed, VerificationFailed: A stored checkpoint is not the ledger's own.
        StoreUnavailable: Its database is away.
    """
    above, version = (-1, 0) if newest is None else (newest.checkpoint.tree_size, newest.version)
    recorded_at = full_text_of_us(recorded_us)
    entries = []
    for row in ledger.checkpoint_rows(above, most):
        open_checkpoint(row.note, [key])
        version += 1
        entry = listing_entry(
            row.note, version=version, directory=directory, recorded_at=recorded_at
        )
        stream = listing_stream(key.name)
        entries.append(NewEntry.of(stream, version, CheckpointPublished.TOPIC, entry))
    return entries


def holds(ledger: LedgerStore, listing: Listing) -> bool:
    """True where the ledger's database holds the very tree that is listed.

    Raises:
        Malformed: A tile that this takes is not whole.
        StoreUnavailable: The database is away.
    """
    size, root = listing.checkpoint.tree_size, listing.checkpoint.root
    return size <= ledger.head().tree_size and root == root_at(size, ledger.read_tile)


def note_listing(ledger: LedgerStore, directory: str, leaf_index: int) -> None:
    """Keep beside a ledger where the directory lists it last: so it notices a directory gone back."""
    follower = _follower(directory)
    if leaf_index + 1 > (ledger.tracked(follower) or 0):
        ledger.track(Tracking(follower, leaf_index + 1))


def directory_lost(ledger: LedgerStore, directory: LedgerStore, *, origin: str, name: str) -> int:
    """How large the directory must be by what a ledger noted, and is not; 0 where all is well.

    Args:
        ledger, directory: Their stores.
        origin: Of the ledger.
        name: Origin of the directory.
    """
    noted = ledger.tracked(_follower(name)) or 0
    if noted == 0:
        return 0
    there = directory.entries_at([noted - 1])
    return 0 if there and there[0].stream == listing_stream(origin) else noted


def listing_proof(directory: LedgerStore, origin: str) -> bytes | None:
    """The newest listing under the directory's published checkpoint, as a file (C2SP tlog-proof).

    Returns:
        None where nothing of this ledger is listed there yet.
    Raises:
        Malformed: What is stored is damaged.
    """
    published = directory.published()
    if published is None:
        return None
    size = claimed_checkpoint(published.note).tree_size
    for stored in directory.read_stream(listing_stream(origin), desc=True, limit=_LOOKED_BACK):
        if stored.leaf_index < size:
            proof = TileTree(size, directory.read_tile).inclusion_proof(stored.leaf_index)
            return pack_listing(
                stored.entry, leaf_index=stored.leaf_index, proof=proof, note=published.note
            )
    return None


# Listings that may stand beyond the directory's own checkpoint: those of some commits.
_LOOKED_BACK = 2_000


def _follower(directory: str) -> str:
    return f"directory {directory}"
