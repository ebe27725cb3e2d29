"""Do the design's own vectors agree? (shared/data/usage-index-vectors.json)

Each is judged as it says, and none is left out; an invalid one is refused for its reason.
"""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from ledger.errors import CandourError, Malformed
from ledger.merkle import leaf_hash
from ledger.usage_index import (
    EMPTY,
    Commitment,
    CountQuestion,
    CountTooLarge,
    Detail,
    Family,
    KeyOutOfPlace,
    MemoryNodes,
    NodeMalformed,
    NodesLeftOver,
    ProofTruncated,
    RootDiffers,
    Span,
    WithdrawnAbovePlaced,
    WronglyClosed,
    WronglyOpened,
    insert,
    key_of,
    part,
    prove_nodes,
    question_of_object,
    read_proof,
    tally_nodes,
)
from ledger.usage_index.keys import day_of_text
from tests.shared_data import shared_data

# What the vectors call a check, and what we raise for it.
REASONS: Final[dict[str, tuple[type[CandourError], ...]]] = {
    "root or total differs": (RootDiffers,),
    "empty proof for a root that is not empty": (RootDiffers,),
    "count out of bounds": (NodeMalformed, CountTooLarge, Malformed),
    "hex": (NodeMalformed,),
    "skip": (NodeMalformed,),
    "node": (NodeMalformed,),
    "node fields": (NodeMalformed,),
    "nodes": (NodeMalformed,),
    "truncated": (ProofTruncated,),
    "nodes left over": (NodesLeftOver,),
    "node hidden that must be opened": (WronglyClosed,),
    "node opened that must stay closed": (WronglyOpened,),
    "key out of place": (KeyOutOfPlace,),
    "more withdrawn than placed": (WithdrawnAbovePlaced,),
    "duplicate name": (Malformed,),
    "number": (Malformed,),
    "not JSON": (Malformed,),
}


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    path = shared_data("usage-index-vectors.json", unjudged="all vectors of usage-index/1")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def query(vectors: dict[str, Any], number: int) -> tuple[list[Span], Detail]:
    [found] = [item for item in vectors["queries"] if item["query"] == number]
    spans = [Span(bytes.fromhex(first), bytes.fromhex(last)) for first, last in found["spans"]]
    return spans, Detail(found["detail"])


def commitment(found: dict[str, Any]) -> Commitment:
    return Commitment(tree_size=9, root=bytes.fromhex(found["root"]), total=found["total"])


def test_7_parts_and_11_keys(vectors: dict[str, Any]) -> None:
    """Every id and key has the bytes that the vectors say."""
    for item in vectors["parts"]:
        assert item["hash"] == part(item["id"]).hex()
    for item in vectors["keys"]:
        day = None if item["day"] is None else day_of_text(item["day"], field="day")
        family = Family.of_text(item["family"])
        made = key_of(family, item["first"], item["second"], day, withdrawn=item["withdrawn"])
        assert item["key"] == made.hex()

    assert (7, 11) == (len(vectors["parts"]), len(vectors["keys"]))


def test_6_sets_and_27_proofs(vectors: dict[str, Any]) -> None:
    """Each set has its root; each proof is the one we make, and proves its sums and answer."""
    proofs = answers = 0
    for item in vectors["sets"]:
        nodes = MemoryNodes()
        registers = {
            bytes.fromhex(register["key"]): [leaf_hash(e.encode()) for e in register["entries"]]
            for register in item["registers"]
        }
        root = insert(nodes, EMPTY, registers, tree_size=9, kept=-1)
        assert (item["root"], item["total"]) == (root.hash.hex(), root.total), item["name"]

        for proof in item["proofs"]:
            spans, detail = query(vectors, proof["query"])
            tally = tally_nodes(proof["nodes"], spans, detail, commitment(item))
            assert proof["sums"] == tally.sums
            assert proof["nodes"] == prove_nodes(nodes, root, spans, detail)
            proofs += 1
            if "answer" in proof:
                question = question_of_object(proof["question"])
                assert isinstance(question, CountQuestion)
                assert spans == question.spans()
                [answer] = question.answers(tally.sums)
                assert proof["answer"] == answer.to_object()
                answers += 1

    assert (6, 27) == (len(vectors["sets"]), proofs)
    assert answers > 0


def test_61_invalid_proofs(vectors: dict[str, Any]) -> None:
    """Each is refused, and for the reason that it says."""
    for item in vectors["invalid"]:
        spans, detail = query(vectors, item["query"])
        with pytest.raises(REASONS[item["check"]]):
            tally_nodes(item["nodes"], spans, detail, commitment(item))

    assert len(vectors["invalid"]) == 61


def test_12_invalid_texts(vectors: dict[str, Any]) -> None:
    """Texts that two readers could take differently are refused; so is what is no list."""
    sets = {item["name"]: item for item in vectors["sets"]}
    for item in vectors["invalid_text"]:
        spans, detail = query(vectors, item["query"])
        with pytest.raises(REASONS[item["check"]]):
            tally_nodes(
                read_proof(item["text"].encode()), spans, detail, commitment(sets[item["set"]])
            )

    assert len(vectors["invalid_text"]) == 12


def test_4_invalid_questions(vectors: dict[str, Any]) -> None:
    """A question about another family, or about no days, is not asked."""
    for item in vectors["invalid_question"]:
        with pytest.raises(Malformed):
            question_of_object(item["question"])

    assert len(vectors["invalid_question"]) == 4


def test_1_invalid_answer(vectors: dict[str, Any]) -> None:
    """Nodes that verify under a dishonest root give no answer where it shows."""
    [item] = vectors["invalid_answer"]
    spans, detail = query(vectors, item["query"])
    question = question_of_object(item["question"])
    tally = tally_nodes(item["nodes"], spans, detail, commitment(item))

    assert isinstance(question, CountQuestion)
    with pytest.raises(REASONS[item["check"]]):
        question.answers(tally.sums)
