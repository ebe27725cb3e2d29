"""How does a reader prove what the directory lists of a ledger? In one file, offline.

    entry, inclusion proof, the directory's checkpoint ──pack_listing──► *.tlog-proof
    *.tlog-proof, two trust files ──open_listing_proof──► ProvenListing | why not

The file is a C2SP tlog-proof; the entry travels in its `extra` line. Nobody signed that line,
and nobody needs to: it is hashed, and the hash is what the directory's checkpoint covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.directory.listing import Listing, read_listing
from ledger.errors import VerificationFailed
from ledger.merkle import leaf_hash
from ledger.tlog import (
    KeyUntrusted,
    TlogProof,
    TrustPolicy,
    WitnessedCheckpoint,
    answers_name,
    log_key,
    open_checkpoint,
)


class ListingUnproven(VerificationFailed):
    """The file does not show that this directory lists a checkpoint of this ledger."""


@dataclass(frozen=True, slots=True)
class ProvenListing:
    """A listing that the directory's checkpoint covers, signed by its ledger.

    It says that the ledger stands by this checkpoint, and that whoever sees this directory sees
    so too. It does not say that no newer one is listed: ask again for that.

    Members:
        listing: What is listed, and where.
        directory: The directory's checkpoint, and who cosigned it.
    """

    listing: Listing
    directory: WitnessedCheckpoint


def pack_listing(entry: bytes, *, leaf_index: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The file; nothing is verified.

    Args:
        entry: The directory's entry, as it is hashed.
        leaf_index: Its place.
        proof: Sibling hashes, leaf to root.
        note: The directory's published checkpoint, cosignatures and all.
    """
    return TlogProof(leaf_index, tuple(proof), note, entry).marshal()


def open_listing_proof(
    data: bytes, *, directory: TrustPolicy, ledger: TrustPolicy
) -> ProvenListing:
    """What the file proves, in five steps.

    Args:
        data: The file.
        directory: The reader's trust file of the directory; its quorum is demanded.
        ledger: The reader's trust file of the ledger.
    Raises:
        Malformed, VerificationFailed: The first step that fails.
        KeyUntrusted: A trust file names no log, or several.
    """
    packed = TlogProof.parse(data)  # 1 the form
    if not packed.extra:
        raise ListingUnproven("the file holds no entry")
    origin = only_log(directory)
    witnessed = packed.verify(leaf_hash(packed.extra), directory, origin)  # 2 the directory's word
    listing = read_listing(packed.extra, packed.leaf_index)  # 3 what the entry says
    if listing.directory != origin:
        raise ListingUnproven("the entry names another directory than the one it stands in")
    expected = only_log(ledger)
    if listing.checkpoint.origin != expected:  # 4 whose checkpoint it is
        raise ListingUnproven(f"it lists {listing.checkpoint.origin}, and not {expected}")
    open_checkpoint(listing.note, [log_key(ledger, expected)])  # 5 the ledger's word
    return ProvenListing(listing, witnessed)


def only_log(policy: TrustPolicy) -> str:
    """The origin of the one log that a trust file names, its answers key beside it.

    Raises:
        KeyUntrusted: It names none, or several.
    """
    names = {log.key.name for log in policy.logs}
    origins = [name for name in names if not _signs_answers(name, names)]
    if len(origins) != 1:
        raise KeyUntrusted(key_name="of the log", found=len(origins))
    return origins[0]


def _signs_answers(name: str, names: set[str]) -> bool:
    return any(name == answers_name(other) for other in names)
