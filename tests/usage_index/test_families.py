"""Do the families' subtrees, one of them closed, give the root over all of them?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.usage_index import EMPTY, MemoryNodes, Ref, insert, root_of_families, subtree_of
from ledger.usage_index.keys import KEY_BYTES
from ledger.usage_index.nodes import Ref as _Ref

FIRST_BYTES = [*range(1, 7), *range(0x81, 0x87)]
keys = st.builds(
    lambda first, rest: bytes((first,)) + rest,
    st.sampled_from(FIRST_BYTES),
    st.binary(min_size=KEY_BYTES - 1, max_size=KEY_BYTES - 1),
)
registers = st.dictionaries(keys, st.lists(st.binary(min_size=32, max_size=32), min_size=1))


def index_of(additions: dict[bytes, list[bytes]]) -> tuple[MemoryNodes, Ref]:
    nodes = MemoryNodes()
    return nodes, insert(nodes, EMPTY, additions, tree_size=1, kept=-1)


def told(ref: _Ref) -> tuple[int, bytes]:
    return ref.total, ref.hash


@given(registers)
def test_families_give_the_root(additions: dict[bytes, list[bytes]]) -> None:
    """Each family made by itself is the subtree of the whole, and together they are the root."""
    nodes, root = index_of(additions)
    apart = {
        first: index_of({key: value for key, value in additions.items() if key[0] == first})[1]
        for first in FIRST_BYTES
    }

    assert {first: told(ref) for first, ref in apart.items()} == {
        first: told(subtree_of(nodes, root, first)) for first in FIRST_BYTES
    }
    assert told(root) == told(root_of_families(apart))


@given(registers, st.sampled_from(FIRST_BYTES))
def test_another_family_gives_another_root(additions: dict[bytes, list[bytes]], first: int) -> None:
    """A subtree that is changed, left out or invented leads to another root."""
    nodes, root = index_of(additions)
    subtrees = {byte: subtree_of(nodes, root, byte) for byte in FIRST_BYTES}
    changed = subtrees[first]._replace(total=subtrees[first].total + 1, hash=bytes(32))

    assert told(root) != told(root_of_families({**subtrees, first: changed}))
