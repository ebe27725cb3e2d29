"""Where do a proof's hashes come from? Tiles, at the size the caller names. Blocking reads.

    tree size 0: the newest published checkpoint's; beyond the head: refused with the head

Source: RFC 9162, section 2.1.3 and 2.1.4; C2SP tlog-tiles.
"""

from __future__ import annotations

from ledger.domain.checks import check_text
from ledger.errors import Malformed
from ledger.limits import MAX_SOURCE_EVENT_ID_CHARS, TILE_WIDTH
from ledger.log import Receipt
from ledger.merkle import HASH_BYTES, TileTree, leaf_hash, root_at
from ledger.streams import check_id, name_of_stream
from services.pb.candour.v1 import proofs_pb2 as pb
from services.runtime.hosting import Hosted
from services.runtime.refusals import Damaged, LeafBeyondTree, NotReported, TreeSizeBeyondHead
from services.runtime.value_messages import receipt_message


def tree_head(hosted: Hosted) -> pb.GetTreeHeadResponse:
    """The committed head, and the newest published checkpoint where there is one."""
    head, published = hosted.store.head(), hosted.store.published()
    response = pb.GetTreeHeadResponse(tree_size=head.tree_size, root_hash=head.root)
    if published is not None:
        response.checkpoint = published.note.decode()
        response.checkpoint_tree_size = published.tree_size
    return response


def inclusion(hosted: Hosted, *, leaf_index: int, tree_size: int) -> pb.GetInclusionProofResponse:
    """Raises Malformed, LeafBeyondTree, TreeSizeBeyondHead, Damaged."""
    size = _size(hosted, tree_size)
    if leaf_index < 0:
        raise Malformed("leaf_index", "must be 0 or more")
    if leaf_index >= size:
        raise LeafBeyondTree(leaf_index, tree_size=size)
    tree, store = hosted.log.tree(size), hosted.store
    tile, place = divmod(leaf_index, TILE_WIDTH)
    try:
        hashes, root = tree.inclusion_proof(leaf_index), tree.root()
    except Malformed as error:
        raise Damaged(error.field) from error
    published = store.published(tree_size=size)
    return pb.GetInclusionProofResponse(
        leaf_hash=store.read_tile(0, tile, place + 1)[place * HASH_BYTES :],
        hashes=hashes,
        tree_size=size,
        root_hash=root,
        checkpoint="" if published is None else published.note.decode(),
    )


def consistency(hosted: Hosted, *, old_size: int, new_size: int) -> pb.GetConsistencyProofResponse:
    """Raises Malformed, TreeSizeBeyondHead, Damaged."""
    size = _size(hosted, new_size)
    if not 1 <= old_size <= size:
        raise Malformed("old_tree_size", f"must lie in 1..{size}: of nothing there is no proof")
    tree: TileTree = hosted.log.tree(size)
    try:
        return pb.GetConsistencyProofResponse(
            hashes=tree.consistency_proof(old_size),
            old_root_hash=root_at(old_size, hosted.store.read_tile),
            tree_size=size,
            root_hash=tree.root(),
        )
    except Malformed as error:
        raise Damaged(error.field) from error


def entry(hosted: Hosted, leaf_index: int) -> pb.GetEntryResponse:
    """Raises Malformed, LeafBeyondTree."""
    if leaf_index < 0:
        raise Malformed("leaf_index", "must be 0 or more")
    found = hosted.store.entries_at([leaf_index])
    if not found:
        raise LeafBeyondTree(leaf_index, tree_size=hosted.store.head().tree_size)
    data = found[0].entry
    return pb.GetEntryResponse(entry=data, leaf_hash=leaf_hash(data))


def receipt(hosted: Hosted, source: str, source_event_id: str) -> pb.GetReceiptResponse:
    """The first receipt again, with a checkpoint that covers it. Raises Malformed, NotReported."""
    check_id(source, "sources", field="source")
    check_text(source_event_id, "source_event_id", MAX_SOURCE_EVENT_ID_CHARS)
    store = hosted.store
    leaf_index = store.leaf_of_identity(hosted.keys.identity.of_report(source, source_event_id))
    if leaf_index is None:
        raise NotReported(source)
    (first,) = store.entries_at([leaf_index])
    published = store.published()
    if published is not None and published.tree_size > leaf_index:
        note = published.note
    else:
        note = hosted.log.checkpoint(hosted.log.durable_head())
    found = Receipt(name_of_stream(first.stream), leaf_index, leaf_hash(first.entry))
    return pb.GetReceiptResponse(receipt=receipt_message(found), checkpoint=note.decode())


def _size(hosted: Hosted, asked: int) -> int:
    if asked < 0:
        raise Malformed("tree_size", "must be 0 or more")
    if asked == 0:
        published = hosted.store.published()
        return 0 if published is None else published.tree_size
    head = hosted.store.head().tree_size
    if asked > head:
        raise TreeSizeBeyondHead(asked, head)
    return asked
