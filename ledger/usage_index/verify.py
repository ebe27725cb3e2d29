"""Is this the true answer of that index? Offline, from the proof and the root. (section 5)

    own question ──► spans ──► rule ─┐
    proof ──► nodes ─────────────────┴─ walk ─► sums ──► answer
                                            └─► total, root ══ commitment

Under one root at most one list of nodes passes for a question. Every number, list and text is
bounded. Steps 1 to 3, which make the commitment one to trust (checkpoint, entry, freshness,
ids), belong to the bundle (ledger/verify).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ledger.canonical_json import JsonValue
from ledger.limits import MAX_USAGE_PROOF_NODES
from ledger.merkle import Frontier
from ledger.usage_index.answers import CountAnswer, Total, total_of
from ledger.usage_index.keys import is_withdrawn_side
from ledger.usage_index.proof import Commitment, nodes_of_proof
from ledger.usage_index.questions import CountQuestion, Question, WholeQuestion
from ledger.usage_index.refusals import ListingDiffers, NodeMalformed, RootDiffers
from ledger.usage_index.spans import Detail, OpeningRule, Span
from ledger.usage_index.walk import ProofWalk, Register, Tally


def verify_count(
    proof: JsonValue, question: CountQuestion, commitment: Commitment
) -> tuple[CountAnswer, ...]:
    """The proven answer for each range of the question; usually one.

    Args:
        proof: As `read_proof` gives it, or a member of a bundle that was read as strictly.
        question: The reader's own.
        commitment: From an entry under a checkpoint that the reader trusts.
    Raises:
        UsageProofRefused: One of its kinds, for the claim that failed.
        Malformed: The proof is not one.
    """
    return question.answers(verify_proof(proof, question, commitment, Detail.COUNT).sums)


def verify_total(proof: JsonValue, question: WholeQuestion, commitment: Commitment) -> Total:
    """The proven total over all days and seconds. Raises as `verify_count`."""
    return question.total(verify_proof(proof, question, commitment, Detail.COUNT).sums)


def verify_groups(
    proof: JsonValue, question: WholeQuestion, commitment: Commitment
) -> dict[bytes, Total]:
    """The complete list: each second part with its total. Raises as `verify_count`.

    A part is named by an id that hashes to it (`part`; NONE is what is not named); show one
    that nobody can name all the same.
    """
    placed, withdrawn = verify_proof(proof, question, commitment, Detail.GROUPS).groups
    seconds = sorted({*placed, *withdrawn})
    return {second: total_of(placed.get(second, 0), withdrawn.get(second, 0)) for second in seconds}


def verify_registers(
    proof: JsonValue, question: Question, commitment: Commitment
) -> list[Register]:
    """Every register within the question's spans, by key. Raises as `verify_count`."""
    return verify_proof(proof, question, commitment, Detail.REGISTERS).registers


def verify_proof(
    proof: JsonValue, question: Question, commitment: Commitment, detail: Detail
) -> Tally:
    """What a proof adds up to, in any detail. Raises as `verify_count`."""
    nodes = nodes_of_proof(proof, question=question, commitment=commitment, detail=detail)
    return tally_nodes(nodes, question.spans(), detail, commitment)


def tally_nodes(
    nodes: JsonValue, spans: Sequence[Span], detail: Detail, commitment: Commitment
) -> Tally:
    """Steps 5 to 8, for any sorted, disjoint spans.

    Raises:
        UsageProofRefused: One of its kinds.
    """
    if not isinstance(nodes, list) or len(nodes) > MAX_USAGE_PROOF_NODES:
        raise NodeMalformed(f"nodes must be a list of {MAX_USAGE_PROOF_NODES} at most")
    walk = ProofWalk(OpeningRule(spans, detail), len(spans), detail)
    for number, node in enumerate(nodes):
        walk.take(number, node)
    root = walk.fold()
    if (root.total, root.hash) != (commitment.total, commitment.root):
        raise RootDiffers(total=root.total, committed_total=commitment.total)
    return walk.tally


def check_listing(register: Register, entries: Iterable[tuple[int, bytes]]) -> None:
    """Are these all the entries of a register, in order? (section 6)

    Args:
        register: Proven.
        entries: leaf_index and leaf hash of each. A leaf_index is a claim until its inclusion
            proof is checked, and an entry must itself yield the key (`placements`).
    Raises:
        ListingDiffers: Out of order, too few, too many, or others. On the withdrawn side an
            ImportWithdrawn stands once for each use that it took back.
    """
    listed = list(entries)
    repeats = is_withdrawn_side(register.key)
    for before, after in pairwise(listed):
        if before[0] >= after[0] and not (repeats and before == after):
            raise ListingDiffers(f"entry {after[0]} is listed after entry {before[0]}")
    if len(listed) != register.size:
        raise ListingDiffers(f"{len(listed)} entries are listed of {register.size}")
    if Frontier().extended(leaf_hash for _, leaf_hash in listed).root() != register.root:
        raise ListingDiffers("the entries lead to another register root")
