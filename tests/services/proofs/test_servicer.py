"""Do the proofs that are served convince a verifier, and only for what is there?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import EMPTY_ROOT, leaf_hash, verify_consistency, verify_inclusion
from ledger.merkle.reference import tree_hash
from ledger.tlog import open_checkpoint
from services.pb.candour.v1 import proofs_pb2 as pb
from tests.services.harness import PARENT, Refusal, Server, fresh, refused, use

FULL = 700  # entries: three tiles of the lowest level, two of them whole


@pytest.fixture(scope="module")
def leaves(server: Server) -> list[bytes]:
    """The leaf hashes of a ledger that does not grow any more, and is published."""
    while (missing := FULL - server.size()) > 0:
        server.batch(*[use() for _ in range(min(missing, 93))])
    entries = server.hosted.store.read_entries(0, FULL + 1)
    assert FULL == len(entries)
    server.run(server.publisher._try())
    return [leaf_hash(stored.entry) for stored in entries]


def inclusion(server: Server, leaf_index: int, tree_size: int) -> pb.GetInclusionProofResponse:
    return server.proofs.GetInclusionProof(
        pb.GetInclusionProofRequest(parent=PARENT, leaf_index=leaf_index, tree_size=tree_size)
    )


def consistency(server: Server, old: int, new: int) -> pb.GetConsistencyProofResponse:
    return server.proofs.GetConsistencyProof(
        pb.GetConsistencyProofRequest(parent=PARENT, old_tree_size=old, tree_size=new)
    )


@given(st.data())
def test_inclusion_is_proven_in_every_tree(
    server: Server, leaves: list[bytes], data: st.DataObject
) -> None:
    """Any leaf, in any tree that has it: the proof leads to that tree's root."""
    size = data.draw(st.integers(1, FULL))
    index = data.draw(st.integers(0, size - 1))
    found = inclusion(server, index, size)

    assert (leaves[index], size) == (found.leaf_hash, found.tree_size)
    verify_inclusion(
        found.leaf_hash,
        leaf_index=index,
        tree_size=size,
        proof=list(found.hashes),
        root=found.root_hash,
    )


@given(st.data())
def test_consistency_is_proven_between_all_trees(
    server: Server, leaves: list[bytes], data: st.DataObject
) -> None:
    """Any earlier tree is a beginning of any later one; both roots are told."""
    new = data.draw(st.integers(1, FULL))
    old = data.draw(st.integers(1, new))
    found = consistency(server, old, new)

    verify_consistency(
        old_size=old,
        old_root=found.old_root_hash,
        new_size=found.tree_size,
        new_root=found.root_hash,
        proof=list(found.hashes),
    )


def test_roots_are_those_of_the_entries(server: Server, leaves: list[bytes]) -> None:
    """What is proven is the tree over the stored bytes, made by the slow reference."""
    for size in (1, 2, 255, 256, 257, FULL):
        assert tree_hash(leaves[:size]) == inclusion(server, 0, size).root_hash


def test_the_newest_checkpoint_is_what_is_meant_by_no_size(
    server: Server, leaves: list[bytes]
) -> None:
    """Without a size a proof is for the published tree, and comes with its checkpoint."""
    head = server.proofs.GetTreeHead(pb.GetTreeHeadRequest(parent=PARENT))
    found = inclusion(server, 3, 0)
    key = server.hosted.keys.checkpoint.verifier_key
    signed = open_checkpoint(found.checkpoint.encode(), [key]).checkpoint

    assert FULL == head.tree_size == head.checkpoint_tree_size == found.tree_size
    assert found.checkpoint == head.checkpoint
    assert head.root_hash == found.root_hash == signed.root
    assert FULL == consistency(server, 1, 0).tree_size
    assert "" == inclusion(server, 3, 5).checkpoint


def test_entries_are_served_as_they_are_hashed(server: Server, leaves: list[bytes]) -> None:
    """The bytes give the leaf hash."""
    for index in (0, 255, 256, FULL - 1):
        found = server.proofs.GetEntry(pb.GetEntryRequest(parent=PARENT, leaf_index=index))
        assert leaves[index] == found.leaf_hash == leaf_hash(found.entry)


def _beyond(server: Server) -> list[Refusal]:
    entry = pb.GetEntryRequest(parent=PARENT, leaf_index=FULL)
    return [
        refused(inclusion, server, 0, FULL + 1),
        refused(inclusion, server, FULL, FULL),
        refused(inclusion, server, 2**62, 0),
        refused(consistency, server, 1, 2**62),
        refused(server.proofs.GetEntry, entry),
    ]


def test_beyond_the_tree_is_out_of_range(server: Server, leaves: list[bytes]) -> None:
    """The refusal carries how far the tree goes."""
    for found in _beyond(server):
        assert "OUT_OF_RANGE" == found.code
        assert str(FULL) in found.facts.values()


def test_malformed_questions_are_refused(server: Server, leaves: list[bytes]) -> None:
    """Negative numbers, and a proof from nothing or from the later tree, by field."""
    negative = pb.GetEntryRequest(parent=PARENT, leaf_index=-1)
    found = [
        refused(inclusion, server, -1, 0),
        refused(inclusion, server, 0, -1),
        refused(consistency, server, 0, 5),
        refused(consistency, server, 6, 5),
        refused(consistency, server, -1, 5),
        refused(server.proofs.GetEntry, negative),
        refused(server.proofs.GetTreeHead, pb.GetTreeHeadRequest()),
    ]
    old = "old_tree_size"
    assert ["leaf_index", "tree_size", old, old, old, "leaf_index", "parent"] == [
        one.field for one in found
    ]


def test_damaged_tiles_are_told_apart_from_bad_questions(
    server: Server, leaves: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tile that lost a hash is our fault: DATA_LOSS, naming the tile."""
    read = server.hosted.store.read_tile
    monkeypatch.setattr(server.hosted.store, "read_tile", lambda *tile: read(*tile)[:-32])

    for found in (refused(inclusion, server, 0, FULL), refused(consistency, server, 9, FULL)):
        assert "DATA_LOSS" == found.code
        assert found.facts["what"].startswith("tile/")


def test_a_receipt_is_found_by_source_and_id(own_server: Server) -> None:
    """The first receipt again, under a checkpoint that covers it; the id is never quoted."""
    own = fresh()
    first = own_server.report(use(own)).receipt
    request = pb.GetReceiptRequest(parent=PARENT, source="sources/s", source_event_id=own)
    key = own_server.hosted.keys.checkpoint.verifier_key
    for _ in range(2):  # before and after that head is published
        found = own_server.proofs.GetReceipt(request)
        signed = open_checkpoint(found.checkpoint.encode(), [key]).checkpoint
        assert first == found.receipt
        assert first.leaf_index < signed.tree_size
        own_server.run(own_server.publisher._try())
    request.source_event_id = "Jane"
    refusal = refused(own_server.proofs.GetReceipt, request)
    assert ("NOT_FOUND", "NOT_REPORTED") == (refusal.code, refusal.reason)
    assert "Jane" not in refusal.message + str(refusal.facts)
    request.source_event_id = ""
    assert "source_event_id" == refused(own_server.proofs.GetReceipt, request).field


def test_an_empty_ledger_has_a_head(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first checkpoint nothing can be proven of the published tree, which is said."""
    monkeypatch.setattr(own_server.hosted.store, "published", lambda **_: None)
    head = own_server.proofs.GetTreeHead(pb.GetTreeHeadRequest(parent=PARENT))

    assert (1, "") == (head.tree_size, head.checkpoint)
    assert "OUT_OF_RANGE" == refused(inclusion, own_server, 0, 0).code
    assert EMPTY_ROOT != head.root_hash
