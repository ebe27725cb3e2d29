"""Which logs are here, and what does the directory list of one? Blocking reads."""

from __future__ import annotations

from ledger.directory import DIRECTORY
from ledger.errors import Malformed
from ledger.store.directory_listing import listing_proof, newest_listing
from services.pb.candour.v1 import proofs_pb2 as pb
from services.runtime.hosting import Hosted
from services.runtime.refusals import Damaged, NotListed


def ledger_message(hosted: Hosted, directory: Hosted | None) -> pb.Ledger:
    """One log as ListLedgers tells of it. Raises Damaged."""
    head, published = hosted.store.head(), hosted.store.published()
    found = pb.Ledger(
        name=f"ledgers/{hosted.name}",
        origin=hosted.keys.origin,
        vkey=hosted.keys.checkpoint.verifier_key.format(),
        tree_size=head.tree_size,
        directory=hosted.name == DIRECTORY,
    )
    if published is not None:
        found.checkpoint = published.note.decode()
        found.checkpoint_tree_size = published.tree_size
    if directory is not None and hosted is not directory:
        try:
            listed = newest_listing(directory.store, hosted.keys.origin)
        except Malformed:
            raise Damaged("the directory", "listing") from None
        if listed is not None:
            found.listed_tree_size = listed.checkpoint.tree_size
    return found


def directory_proof(hosted: Hosted, directory: Hosted | None) -> pb.GetDirectoryProofResponse:
    """What the directory lists of a ledger last. Raises NotListed, Damaged."""
    if directory is None:
        raise NotListed(hosted.name, "no directory is kept here")
    if hosted is directory:
        raise NotListed(hosted.name, "a directory does not list itself")
    try:
        found = listing_proof(directory.store, hosted.keys.origin)
    except Malformed as error:
        raise Damaged(f"{error.field} of the directory", "listing") from None
    if found is None:
        raise NotListed(hosted.name, "nothing of it is listed yet; ask again")
    return pb.GetDirectoryProofResponse(tlog_proof=found)
