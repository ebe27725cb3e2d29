"""Is the index a function of its registers, and does an old root stay what it was?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_COUNT
from ledger.merkle import Frontier
from ledger.usage_index import EMPTY, Detail, Leaf, MemoryNodes, Ref, Span, insert, prove_nodes
from tests.usage_index.reference import Registers, root_and_total
from tests.usage_index.strategies import HASHES, RowNodes, build, keys, registers

EVERYTHING = [Span(bytes(69), b"\xff" * 69)]


@given(registers)
def test_root_is_the_one_of_the_definition(found: Registers) -> None:
    """Root and total are those of the recursive definition."""
    _, root = build(found)

    assert root_and_total(found) == (root.hash, root.total)


@given(registers, st.data())
def test_order_and_batches_do_not_matter(found: Registers, data: st.DataObject) -> None:
    """However registers were parted into batches, kept or not, the root is the same."""
    _, root = build(found)
    entries = [(key, hashed) for key, hashes in found.items() for hashed in hashes]
    order = data.draw(st.permutations(range(len(entries))))
    rank = {key: iter(hashes) for key, hashes in found.items()}
    cuts = sorted(data.draw(st.sets(st.integers(0, len(entries)), max_size=6)))
    nodes, grown, kept = RowNodes(), EMPTY, -1
    for size, (start, end) in enumerate(
        zip([0, *cuts], [*cuts, len(entries)], strict=True), start=1
    ):
        batch: dict[bytes, list[bytes]] = {}
        for place in order[start:end]:
            key = entries[place][0]
            batch.setdefault(key, []).append(next(rank[key]))  # in leaf order within a register
        grown = insert(nodes, grown, batch, tree_size=size, kept=kept)
        kept = data.draw(st.sampled_from([kept, size]))

    assert (root.hash, root.total) == (grown.hash, grown.total)


@given(st.lists(registers, min_size=1, max_size=5), st.data())
def test_kept_roots_stay(batches: list[Registers], data: st.DataObject) -> None:
    """What stood under a kept root still does, after more batches and after thinning."""
    nodes, root, newest = RowNodes(), EMPTY, -1
    kept: dict[int, tuple[Ref, list[object]]] = {}
    for size, batch in enumerate(batches, start=1):
        root = insert(nodes, root, batch, tree_size=size, kept=newest)
        if data.draw(st.booleans()):
            newest = size
            kept[size] = root, list(prove_nodes(nodes, root, EVERYTHING, Detail.REGISTERS))

    for old, shown in kept.values():
        assert shown == prove_nodes(nodes, old, EVERYTHING, Detail.REGISTERS)


@given(st.lists(registers, min_size=2, max_size=5))
def test_thinning_keeps_what_is_needed(batches: list[Registers]) -> None:
    """Roots that are kept can be shown in full; of the others no node is left over."""
    nodes, roots = MemoryNodes(), [EMPTY]
    for size, batch in enumerate(batches, start=1):
        roots.append(insert(nodes, roots[-1], batch, tree_size=size, kept=size - 1))
    shown = {root: prove_nodes(nodes, root, EVERYTHING, Detail.REGISTERS) for root in roots[::2]}
    nodes.forget_all_but(roots[::2])

    for root, expected in shown.items():
        assert expected == prove_nodes(nodes, root, EVERYTHING, Detail.REGISTERS)
    newest = roots[::2][-1]
    nodes.forget_all_but([newest])
    assert len(prove_nodes(nodes, newest, EVERYTHING, Detail.REGISTERS)) == len(nodes)


@given(registers, keys)
def test_replacing_in_place_adds_no_node(found: Registers, key: bytes) -> None:
    """Where no root is kept, a register that grows takes no new node; else some."""
    nodes, root = build({**found, key: HASHES[:1]})
    size = len(nodes)
    root = insert(nodes, root, {key: HASHES[1:3]}, tree_size=2, kept=0)
    assert size == len(nodes)

    insert(nodes, root, {key: HASHES[3:4]}, tree_size=3, kept=2)
    assert size < len(nodes)


def test_deepest_trie_needs_no_recursion() -> None:
    """A chain as long as a key has bits is built, proven and read level by level."""
    chain = {(1 << bit).to_bytes(69, "big"): HASHES[:1] for bit in range(552)}
    nodes, root = build({**chain, bytes(69): HASHES[:2]})

    assert root.total == 554
    shown = prove_nodes(nodes, root, [Span(bytes(69), bytes(69))], Detail.COUNT)
    assert len(shown) == 2 * 552 + 1


def test_nothing_added_changes_nothing() -> None:
    """No key, or keys without leaf hashes, leave the root as it is."""
    nodes, root = build({bytes(69): HASHES[:3]})

    assert root == insert(nodes, root, {}, tree_size=2, kept=1)
    assert root == insert(nodes, root, {b"\x01" * 69: []}, tree_size=2, kept=1)
    assert len(nodes) == 1


@pytest.mark.parametrize(
    "bad", [{b"short": HASHES[:1]}, {b"\x01" * 69: [b"short"]}, {bytes(69): [b"", HASHES[0]]}]
)
def test_bad_batch_changes_nothing(bad: dict[bytes, list[bytes]]) -> None:
    """A key or leaf hash of another length, and no node is written."""
    nodes, root = build({bytes(69): HASHES[:3]})
    before = nodes.get([root.node_id])

    with pytest.raises(Malformed):
        insert(nodes, root, {**bad, b"\xff" * 69: HASHES[:1]}, tree_size=2, kept=-1)
    assert before == nodes.get([root.node_id])
    assert len(nodes) == 1


def test_total_is_bounded() -> None:
    """A browser must add the counts exactly, so no index holds more than 2^53-1."""
    nodes = MemoryNodes()
    full = Frontier(MAX_COUNT, tuple(HASHES[:53]))
    nodes.put([Leaf(nodes.reserve(1), 1, bytes(69), full, full.root())], [])

    with pytest.raises(Malformed):
        insert(
            nodes, Ref(1, MAX_COUNT, HASHES[0]), {b"\x01" * 69: HASHES[:1]}, tree_size=2, kept=-1
        )
