"""Which nodes show the answer? (section 4)

    question ──spans──► opening rule ──walk from the root──► nodes in preorder

One pass and no choice: the rule says what is opened, so there is one proof for a question
under a root.
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.canonical_json import JsonValue
from ledger.limits import MAX_USAGE_PROOF_NODES
from ledger.usage_index.keys import KEY_BITS
from ledger.usage_index.nodes import Inner, Node, NodeStore, Ref
from ledger.usage_index.proof import Commitment, proof_object
from ledger.usage_index.questions import Question
from ledger.usage_index.refusals import ProofTooLarge
from ledger.usage_index.spans import Detail, OpeningRule, Span


def prove_question(
    nodes: NodeStore,
    root: Ref,
    question: Question,
    *,
    tree_size: int,
    detail: Detail = Detail.COUNT,
) -> dict[str, JsonValue]:
    """The proof that answers a question.

    Args:
        nodes, root: The index at a root that is kept.
        question: What is asked.
        tree_size: What the root's commitment says.
        detail: How much is shown inside the question's spans.
    Raises:
        ProofTooLarge: More than MAX_USAGE_PROOF_NODES.
    """
    return proof_object(
        prove_nodes(nodes, root, question.spans(), detail),
        question=question,
        commitment=Commitment(tree_size=tree_size, root=root.hash, total=root.total),
        detail=detail,
    )


def prove_nodes(
    nodes: NodeStore, root: Ref, spans: Sequence[Span], detail: Detail
) -> list[dict[str, JsonValue]]:
    """The nodes of a proof for any sorted, disjoint spans. Raises ProofTooLarge."""
    if not root.node_id:
        return []
    opened = _opened(nodes, root, OpeningRule(spans, detail))
    written: list[dict[str, JsonValue]] = []
    waiting = [(root, 0)]
    while waiting:
        ref, bits = waiting.pop()
        node = opened.get(ref.node_id)
        if node is None:
            written.append({"n": ref.total, "h": ref.hash.hex()})
        elif isinstance(node, Inner):
            written.append({"s": _label(node)[bits:]})
            waiting += [(node.right, node.bits + 1), (node.left, node.bits + 1)]
        else:
            register_root = node.register_root.hex()
            written.append({"k": node.key.hex(), "n": node.register.size, "r": register_root})
    return written


def _opened(nodes: NodeStore, root: Ref, rule: OpeningRule) -> dict[int, Node]:
    """The nodes that the rule opens, by id: one read for each level. Raises ProofTooLarge."""
    opened: dict[int, Node] = {}
    shown = 1  # each opened inner node shows two more
    level = [(root.node_id, 0, 0)]  # id, position and its bits
    while True:
        wanted = [
            node_id
            for node_id, position, bits in level
            if rule.opens(rule.place(position, bits), bits)
        ]
        if not wanted:
            return opened
        level = []
        for node in nodes.get(wanted):
            opened[node.node_id] = node
            if isinstance(node, Inner):
                shown += 2
                bits = node.bits + 1
                left = int.from_bytes(node.prefix, "big") << (KEY_BITS - 8 * len(node.prefix))
                level.append((node.left.node_id, left, bits))
                level.append((node.right.node_id, left | (1 << (KEY_BITS - bits)), bits))
        if shown > MAX_USAGE_PROOF_NODES:
            raise ProofTooLarge


def _label(node: Inner) -> str:
    """Its label as a string of 0 and 1."""
    if not node.bits:
        return ""
    return f"{int.from_bytes(node.prefix, 'big'):0{8 * len(node.prefix)}b}"[: node.bits]
