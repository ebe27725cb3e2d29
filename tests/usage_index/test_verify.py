"""Does one list of nodes pass, and no other? And is all that stands around it read strictly?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.canonical_json import encode
from ledger.errors import Malformed
from ledger.limits import MAX_COUNT
from ledger.usage_index import (
    Commitment,
    CountQuestion,
    CountTooLarge,
    Days,
    Detail,
    Family,
    ListingDiffers,
    NodeMalformed,
    OtherQuestion,
    Register,
    RootDiffers,
    Span,
    UsageProofRefused,
    Use,
    WholeQuestion,
    WithdrawnAbovePlaced,
    check_listing,
    key_of,
    prove_nodes,
    prove_question,
    read_proof,
    tally_nodes,
    verify_count,
    verify_groups,
    verify_registers,
    withdrawn_side,
)
from tests.usage_index.reference import Registers
from tests.usage_index.strategies import (
    HASHES,
    build,
    commitment_to,
    mutated,
    registers,
    span_lists,
)

ASKED = CountQuestion(
    family=Family.AGENCY_TECHNOLOGY, first="A", second="T", ranges=(Days(18_000, 18_030),)
)
INDEX = build(
    {
        key: [HASHES[number]]
        for number in range(40)
        for key in Use(
            agency="A", technology=f"T{number % 5}"[: 1 + number % 2], day=18_000 + number
        ).placed_keys()
    }
)
PROOF = prove_question(*INDEX, ASKED, tree_size=1)
COMMITTED = commitment_to(INDEX[1])


@given(registers, span_lists(), st.sampled_from(Detail), st.data())
def test_one_list_of_nodes_passes(
    found: Registers, spans: list[Span], detail: Detail, data: st.DataObject
) -> None:
    """Nodes after any change are refused, unless the change left them as they were."""
    nodes, root = build(found)
    true = prove_nodes(nodes, root, spans, detail)
    bad = data.draw(mutated(true))
    try:
        tally_nodes(bad, spans, detail, commitment_to(root))
    except UsageProofRefused:
        return
    assert encode(true) == encode(bad)


@given(registers, span_lists(), span_lists(), st.sampled_from(Detail), st.sampled_from(Detail))
def test_proof_of_another_question_proves_the_same_or_nothing(
    found: Registers, one: list[Span], other: list[Span], detail: Detail, other_detail: Detail
) -> None:
    """Where nodes pass for spans that they were not made for, they are those spans' own."""
    nodes, root = build(found)
    shown = prove_nodes(nodes, root, one, detail)
    try:
        tally_nodes(shown, other, other_detail, commitment_to(root))
    except UsageProofRefused:
        return
    assert shown == prove_nodes(nodes, root, other, other_detail)


@given(registers, registers, span_lists())
def test_proof_of_another_index_is_refused(
    found: Registers, others: Registers, spans: list[Span]
) -> None:
    """A true proof does not stand under the root of other registers."""
    (nodes, root), (_, other) = build(found), build(others)
    shown = prove_nodes(nodes, root, spans, Detail.COUNT)
    assume(root.hash != other.hash)

    with pytest.raises(RootDiffers):
        tally_nodes(shown, spans, Detail.COUNT, commitment_to(other))


@pytest.mark.parametrize("member", ["question", "detail", "index"])
def test_what_the_proof_claims_must_be_what_was_asked(member: str) -> None:
    """Question, detail and index are the verifier's own where they stand, and may be absent."""
    [answer] = verify_count(PROOF, ASKED, COMMITTED)
    less = {name: value for name, value in PROOF.items() if name != member}
    assert (answer,) == verify_count(less, ASKED, COMMITTED)

    others: list[object] = [None, {}, [], "groups", True, {**COMMITTED.to_object(), "tree_size": 2}]
    for other in others:
        with pytest.raises(OtherQuestion) as refused:
            verify_count({**PROOF, member: other}, ASKED, COMMITTED)
        assert member == refused.value.member


def test_true_is_not_one() -> None:
    """A claim is compared as JSON: `true` is not the tree size 1."""
    index = {**COMMITTED.to_object(), "tree_size": True}

    with pytest.raises(OtherQuestion):
        verify_count({**PROOF, "index": index}, ASKED, COMMITTED)


@pytest.mark.parametrize(
    "proof", [None, [], "nodes", {}, {"nodes": [], "more": 1}, {"nodes": [], "format": "x/2"}]
)
def test_other_shapes_are_no_proofs(proof: object) -> None:
    """Unknown members, another format, or no object at all."""
    with pytest.raises(Malformed):
        verify_count(proof, ASKED, COMMITTED)


@pytest.mark.parametrize("nodes", [None, {}, "[]", 0, [None] * 65_537])
def test_nodes_are_a_bounded_list(nodes: object) -> None:
    """65,536 nodes at most, whatever they are."""
    with pytest.raises(NodeMalformed):
        verify_count({"nodes": nodes}, ASKED, COMMITTED)


def test_text_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text beyond the bound is refused before it is read."""
    data = encode(PROOF)
    assert PROOF == read_proof(data)

    monkeypatch.setattr("ledger.usage_index.proof.MAX_USAGE_PROOF_BYTES", len(data) - 1)
    with pytest.raises(Malformed):
        read_proof(data)


def test_sums_are_bounded() -> None:
    """Counts that each lie within bounds and add up beyond them are refused as such."""
    half = {"n": MAX_COUNT, "h": "0" * 64}
    edge = [Span(b"\x80" + bytes(68), b"\xff" * 69)]
    with pytest.raises(CountTooLarge):
        tally_nodes([{"s": ""}, half, half], edge, Detail.COUNT, COMMITTED)


@pytest.mark.parametrize(
    "bad",
    [
        {"root": b"short"},
        {"total": -1},
        {"total": MAX_COUNT + 1},
        {"total": True},
        {"tree_size": -1},
        {"tree_size": 1.0},
    ],
)
def test_commitment_is_bounded(bad: dict[str, Any]) -> None:
    """A root of 32 bytes, and two integers that every JSON reader holds exactly."""
    with pytest.raises(Malformed):
        Commitment(**{"tree_size": 1, "root": bytes(32), "total": 1, **bad})


def test_commitment_round_trip() -> None:
    """What to_object wrote is read back; capitals, more and less are not."""
    written = COMMITTED.to_object()
    assert COMMITTED == Commitment.from_object(written)

    short = {"root": written["root"], "total": 1}
    others: list[object] = [{**written, "root": "A" * 64}, {**written, "x": 1}, short, [], None]
    for bad in others:
        with pytest.raises(Malformed):
            Commitment.from_object(bad)


def test_dishonest_index_is_named() -> None:
    """More withdrawn than placed, in a span or in a group, is the index's own lie."""
    key = key_of(Family.AGENCY_TECHNOLOGY, "A", "T", 18_001)
    undated = key_of(Family.AGENCY_TECHNOLOGY, "A", None, None)
    nodes, root = build({key: HASHES[:3], withdrawn_side(undated): HASHES[:1]})
    with pytest.raises(WithdrawnAbovePlaced):
        verify_count(prove_question(nodes, root, ASKED, tree_size=1), ASKED, commitment_to(root))

    whole = WholeQuestion(family=Family.AGENCY_TECHNOLOGY, first="A")
    with pytest.raises(WithdrawnAbovePlaced):
        verify_groups(
            prove_question(nodes, root, whole, tree_size=1, detail=Detail.GROUPS),
            whole,
            commitment_to(root),
        )


def test_register_is_listed_in_full() -> None:
    """A register's entries, in order, are the ones whose hashes lead to its root."""
    key = key_of(Family.AGENCY_TECHNOLOGY, "A", "T", 18_001)
    nodes, root = build({key: HASHES[:3], withdrawn_side(key): [HASHES[7]] * 2})
    proof = prove_question(nodes, root, ASKED, tree_size=1, detail=Detail.REGISTERS)
    placed, withdrawn = verify_registers(proof, ASKED, commitment_to(root))
    entries = [(3, HASHES[0]), (4, HASHES[1]), (6, HASHES[2])]

    assert (key, withdrawn_side(key)) == (placed.key, withdrawn.key)
    check_listing(placed, entries)
    check_listing(withdrawn, [(7, HASHES[7])] * 2)
    for bad in (
        entries[:2],
        [*entries, (9, HASHES[3])],
        entries[::-1],
        [*entries[:2], (6, HASHES[9])],
    ):
        with pytest.raises(ListingDiffers):
            check_listing(placed, bad)
    with pytest.raises(ListingDiffers):
        check_listing(placed, [(3, HASHES[0]), (3, HASHES[1]), (6, HASHES[2])])
    with pytest.raises(ListingDiffers):
        check_listing(Register(withdrawn.key, 2, withdrawn.root), [(7, HASHES[7]), (7, HASHES[8])])
