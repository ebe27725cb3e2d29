"""Which indexes do the tests build? Keys that share many bits, uses of a small world, faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from ledger.events import Occurred
from ledger.merkle import Frontier, leaf_hash
from ledger.times import DAY_US, text_of_us
from ledger.usage_index import (
    EMPTY,
    Commitment,
    Inner,
    Leaf,
    MemoryNodes,
    Node,
    Ref,
    Span,
    Use,
    insert,
)

HASHES = [leaf_hash(b"%d" % number) for number in range(4_000)]

# Few patterns, few bits changed: long common prefixes, and neighbours that differ in any bit.
_patterns = st.sampled_from([0, (1 << 552) - 1, int("01" * 276, 2), 3 << 544, 0x83 << 544])
_changes = st.lists(st.integers(0, 551), max_size=3).map(lambda bits: sum({1 << b for b in bits}))
keys = st.builds(lambda a, b: (a ^ b).to_bytes(69, "big"), _patterns, _changes)
registers = st.dictionaries(keys, st.integers(1, 5), max_size=25).map(
    lambda sizes: {
        key: HASHES[7 * place : 7 * place + size] for place, (key, size) in enumerate(sizes.items())
    }
)


@st.composite
def span_lists(draw: st.DrawFn) -> list[Span]:
    """Sorted, disjoint, now and then neighbours; from one key up to all of them."""
    ends = sorted(draw(st.sets(keys, min_size=2, max_size=10)))
    spans = [Span(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False)]
    if draw(st.booleans()) and int.from_bytes(ends[0], "big"):
        before = (int.from_bytes(ends[0], "big") - 1).to_bytes(69, "big")
        spans.insert(0, Span(draw(st.sampled_from([before, bytes(69)])), before))
    return spans


def build(found: Mapping[bytes, Sequence[bytes]]) -> tuple[MemoryNodes, Ref]:
    """An index in memory, in one batch."""
    nodes = MemoryNodes()
    return nodes, insert(nodes, EMPTY, found, tree_size=1, kept=-1)


def commitment_to(root: Ref, tree_size: int = 1) -> Commitment:
    return Commitment(tree_size=tree_size, root=root.hash, total=root.total)


# --- uses ---------------------------------------------------------------------------------
AGENCIES = ["agencies/a", "agencies/b"]
TECHNOLOGIES = ["technologies/x", "technologies/y"]
AUTHORIZATIONS = ["authorizations/1", "authorizations/2"]
PERFORMERS = ["p-1", "p-2"]
DAYS = range(-2, 5)

uses = st.builds(
    Use,
    agency=st.sampled_from(AGENCIES),
    technology=st.sampled_from([*TECHNOLOGIES, None]),
    day=st.sampled_from([*DAYS, None]),
    authorizations=st.lists(st.sampled_from(AUTHORIZATIONS), max_size=3).map(tuple),
    performer=st.sampled_from([*PERFORMERS, None]),
)


def occurred_on(day: int | None) -> Occurred | None:
    """Some interval within that day."""
    if day is None:
        return None
    end = text_of_us((day + 1) * DAY_US)
    return Occurred(earliest=text_of_us(day * DAY_US), latest=end, latest_exclusive=True)


# --- faults -------------------------------------------------------------------------------
_VALUES: list[object] = [
    0,
    -1,
    1,
    2,
    5.0,
    True,
    None,
    "",
    "0",
    "1",
    "01",
    [],
    {},
    2**53,
    "f" * 64,
    "0" * 138,
]


@st.composite
def mutated(draw: st.DrawFn, nodes: list[Any]) -> list[Any]:
    """The nodes of a proof after one to three changes of any kind."""
    bad: list[Any] = deepcopy(nodes)
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["drop", "repeat", "swap", "insert", "field", "bit"]))
        at = draw(st.integers(0, len(bad) - 1)) if bad else 0
        if kind == "insert" or not bad:
            node = draw(st.sampled_from([None, {}, {"s": ""}, {"n": 1, "h": "0" * 64}]))
            bad.insert(at, node)
        elif kind == "drop":
            del bad[at]
        elif kind == "repeat":
            bad.insert(at, deepcopy(bad[at]))
        elif kind == "swap":
            other = draw(st.integers(0, len(bad) - 1))
            bad[at], bad[other] = bad[other], bad[at]
        elif bad[at]:
            name = draw(st.sampled_from(sorted(bad[at])))
            value = draw(st.sampled_from(_VALUES)) if kind == "field" else None
            bad[at][name] = _nudged(draw, bad[at][name]) if kind == "bit" else value
    return bad


def _nudged(draw: st.DrawFn, value: object) -> object:
    """A value of the same kind, one step away."""
    if type(value) is int:
        return value + draw(st.sampled_from([-1, 1]))
    if not isinstance(value, str) or not value:
        return "1"
    at = draw(st.integers(0, len(value) - 1))
    return value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]


# --- a store of rows ----------------------------------------------------------------------
Row = tuple[object, ...]


class RowNodes(MemoryNodes):
    """A store that keeps what the columns of section 7 hold, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[int, Row] = {}

    def put(self, new: Sequence[Node], changed: Sequence[Node]) -> None:
        assert not {node.node_id for node in new} & set(self.rows)
        assert {node.node_id for node in changed} <= set(self.rows)
        self.rows.update({node.node_id: row_of(node) for node in (*new, *changed)})

    def get(self, node_ids: Sequence[int]) -> list[Node]:
        return [node_of(self.rows[node_id]) for node_id in node_ids]


def row_of(node: Node) -> Row:
    """node_id, bits, prefix, born, then the children, or count, register root and frontier."""
    head = (node.node_id, node.bits, node.prefix, node.born)
    if isinstance(node, Inner):
        return (*head, *node.left, *node.right, None, None, None)
    none = (None,) * 6
    return (*head, *none, node.register.size, node.register_root, node.register.to_bytes())


def node_of(row: Row) -> Node:
    """The node of a row."""
    node_id, bits, prefix, born, *children, _count, root, frontier = row
    assert isinstance(node_id, int)
    assert isinstance(bits, int)
    assert isinstance(prefix, bytes)
    assert isinstance(born, int)
    if frontier is None:
        left, right = Ref(*children[:3]), Ref(*children[3:])  # type: ignore[arg-type]
        return Inner(node_id, born, bits, prefix, left, right)
    assert isinstance(root, bytes)
    assert isinstance(frontier, bytes)
    return Leaf(node_id, born, prefix, Frontier.from_bytes(frontier), root)
