"""What does a deployment's directory log prove? That each ledger's checkpoints are committed to.

    listing.py   a checkpoint of a ledger as an entry of the directory, and back
    checking.py  all listings of one ledger: signed, growing, consistent with its tree
    proof.py     one listing in a file that anybody checks offline (`python -m ledger.directory`)

From the base install: no store, no sockets, no clock.
"""

from ledger.directory.checking import ListingCheck, ListingFinding, rising_roots
from ledger.directory.listing import (
    DIRECTORY,
    Listing,
    listing_entry,
    listing_stream,
    own_note,
    read_listing,
)
from ledger.directory.proof import ProvenListing, open_listing_proof, pack_listing

__all__ = [
    "DIRECTORY",
    "Listing",
    "ListingCheck",
    "ListingFinding",
    "ProvenListing",
    "listing_entry",
    "listing_stream",
    "open_listing_proof",
    "own_note",
    "pack_listing",
    "read_listing",
    "rising_roots",
]
