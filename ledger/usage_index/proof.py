"""How is a proof of usage written, and what does it stand on? (section 4)

    {"format", "index": {tree_size, root, total}, "detail", "question", "nodes": [...]}

    {"n": 3, "h": "<64 hex>"}                      a closed subtree: count, hash
    {"s": "0101"}                                  an opened inner node: bits after its position
    {"k": "<138 hex>", "n": 2, "r": "<64 hex>"}    an opened leaf: key, count, register root

Nodes stand flat, in preorder; `[]` proves the empty index.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ledger.canonical_json import JsonValue, decode, encode
from ledger.errors import Malformed, Unverifiable
from ledger.events import UsageIndexCommitted
from ledger.events.usage_index import Subtree
from ledger.limits import MAX_COUNT, MAX_TREE_SIZE, MAX_USAGE_PROOF_BYTES
from ledger.usage_index.nodes import EMPTY, Ref
from ledger.usage_index.questions import Question
from ledger.usage_index.refusals import OtherQuestion
from ledger.usage_index.spans import Detail

PROOF_FORMAT: Final = "candour-usage-index-proof/1"
INDEX_VERSION: Final = "usage-index/1"
_HASH_HEX: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What an entry commits to: the index over the entries 0..tree_size-1.

    Members:
        performers: The two sides of family agency+performer, placed and withdrawn, closed. They
            follow from the root, and are for those who are not shown pseudonyms.
    Raises:
        Malformed: A root that is not 32 bytes, or a number out of bounds.
    """

    tree_size: int
    root: bytes
    total: int
    performers: tuple[Ref, Ref] = field(default=(EMPTY, EMPTY), compare=False)

    def __post_init__(self) -> None:
        if len(self.root) != 32:
            raise Malformed("root", "must be 32 bytes")
        for name, number, most in (
            ("tree_size", self.tree_size, MAX_TREE_SIZE),
            ("total", self.total, MAX_COUNT),
        ):
            if type(number) is not int or not 0 <= number <= most:
                raise Malformed(name, f"must lie in 0..{most}")

    def to_object(self) -> dict[str, JsonValue]:
        return {"tree_size": self.tree_size, "root": self.root.hex(), "total": self.total}

    @classmethod
    def from_object(cls, found: JsonValue) -> Commitment:
        """Read it back, strictly. Raises Malformed."""
        if not isinstance(found, Mapping) or set(found) != {"tree_size", "root", "total"}:
            raise Malformed("index", "must hold tree_size, root and total")
        root = found["root"]
        if not isinstance(root, str) or not _HASH_HEX.fullmatch(root):
            raise Malformed("root", "must be 64 hex digits in lower case")
        return cls(tree_size=found["tree_size"], root=bytes.fromhex(root), total=found["total"])

    @classmethod
    def of_fact(cls, fact: UsageIndexCommitted) -> Commitment:
        """What an entry of the log commits to.

        Raises:
            Malformed: Its members are out of bounds.
            Unverifiable: It speaks of an index of another version.
        """
        if fact.index != INDEX_VERSION:
            raise Unverifiable(f"an index {fact.index!r} is not known to this release")
        read = cls.from_object(
            {"tree_size": fact.tree_size, "root": fact.root, "total": fact.total}
        )
        sides = _ref_of(fact.performers), _ref_of(fact.performers_withdrawn)
        return replace(read, performers=sides)

    def to_fact(self) -> UsageIndexCommitted:
        """The fact that commits to it."""
        placed, withdrawn = map(_subtree_of, self.performers)
        return UsageIndexCommitted(
            index=INDEX_VERSION,
            performers=placed,
            performers_withdrawn=withdrawn,
            **self.to_object(),
        )


def _subtree_of(ref: Ref) -> Subtree | None:
    return Subtree(total=ref.total, hash=ref.hash.hex()) if ref.total else None


def _ref_of(shown: Subtree | None) -> Ref:
    """Raises Malformed."""
    if shown is None:
        return EMPTY
    if not _HASH_HEX.fullmatch(shown.hash):
        raise Malformed("performers.hash", "must be 64 hex digits in lower case")
    if not 1 <= shown.total <= MAX_COUNT:
        raise Malformed("performers.total", f"must lie in 1..{MAX_COUNT}")
    return Ref(0, shown.total, bytes.fromhex(shown.hash))


def proof_object(
    nodes: Sequence[Mapping[str, JsonValue]],
    *,
    question: Question,
    commitment: Commitment,
    detail: Detail,
) -> dict[str, JsonValue]:
    """The proof as it travels."""
    return {
        "format": PROOF_FORMAT,
        "index": commitment.to_object(),
        "detail": detail.value,
        "question": question.to_object(),
        "nodes": list(nodes),
    }


def read_proof(data: bytes) -> JsonValue:
    """Read a proof's text strictly; what it says is judged by `nodes_of_proof`.

    Raises:
        Malformed: Too long, or not JSON of one meaning: doubled names, fractions and the like.
    """
    if len(data) > MAX_USAGE_PROOF_BYTES:
        raise Malformed("proof", f"is longer than {MAX_USAGE_PROOF_BYTES} bytes")
    return decode(data, what="proof")


def nodes_of_proof(
    proof: JsonValue, *, question: Question, commitment: Commitment, detail: Detail
) -> JsonValue:
    """The nodes of a proof that claims to answer this question, or claims nothing.

    Raises:
        Malformed: Not an object of known members, or of another format.
        OtherQuestion: `question`, `detail` or `index` is there, and another.
    """
    if not isinstance(proof, Mapping) or "nodes" not in proof:
        raise Malformed("proof", "must be an object with nodes")
    expected = proof_object((), question=question, commitment=commitment, detail=detail)
    if not set(proof) <= set(expected):
        raise Malformed("proof", "has a member that is not known")
    if proof.get("format", PROOF_FORMAT) != PROOF_FORMAT:
        raise Malformed("format", f"must be {PROOF_FORMAT}")
    for member in ("question", "detail", "index"):
        if member in proof and not same_json(proof[member], expected[member]):
            raise OtherQuestion(member)
    return proof["nodes"]


def same_json(one: JsonValue, other: JsonValue) -> bool:
    """True where two JSON values are written alike: 1 is not true, nor 1.0."""
    return encode(one) == encode(other)
