"""Laws 1 to 5: entry and leaf stand or fall together, whatever happens to the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Refused
from ledger.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, verify_consistency
from ledger.store.core import (
    Growth,
    Head,
    Held,
    LedgerStore,
    NewEntry,
    Placed,
    StoreMismatch,
    StoreUnavailable,
    Tracking,
)
from ledger.tlog import open_checkpoint
from tests.faults.commits import Fault, break_call, break_commits, mend
from tests.laws.trees import check_tree
from tests.ledgers import SIGNER, Ledger, Place, numbered
from tests.strategies import effort


def any_entry(number: int, *, identified: bool = True) -> NewEntry:
    """An entry of its own stream."""
    data = b"entry %d" % number
    return NewEntry(
        stream=f"tool_use/{number}",
        version=1,
        topic="t.v1",
        entry=data,
        leaf_hash=leaf_hash(data),
        fresh=identified and number % 2 == 0,
        identity=leaf_hash(b"identity %d" % number) if identified else None,
        content=bytes(32),
        disclosures=b"{}" if number % 3 else None,
    )


@pytest.mark.parametrize("when", Fault)
def test_entry_is_stored_iff_its_leaf_is(place: Place, when: Fault) -> None:
    """Lose the database at any call of a commit: all of it is there or nothing, and a retry mends."""
    for nth in range(100):
        store, _ = place.begin()
        store.append([any_entry(number) for number in range(250)])
        store.append([NewEntry.of("tool_use/0", 2, "withdrawn", b"")])
        again = NewEntry.of("tool_use/again", 1, "t.v1", b"again")
        batch = [any_entry(number) for number in range(249, 261)]
        batch.append(_identified(again, any_entry(0).identity, replaces=0))
        tracking = Tracking("follower", nth + 1)
        with break_call(store, nth=nth, when=when) as connection:
            try:
                store.append(batch, tracking=tracking)
            except StoreUnavailable:
                assert not connection.survived
        entries = check_tree(place.open(), of_entries=False)
        assert len(entries) in (251, 263)
        assert (None if len(entries) == 251 else nth + 1) == store.tracked("follower")

        outcomes, head = store.append(batch)
        assert 263 == head.tree_size == len(check_tree(store, of_entries=False))
        assert [Held(249, same=True)] == outcomes[:1]
        kind = Placed if len(entries) == 251 else Held
        assert all(isinstance(outcome, kind) for outcome in outcomes[1:])
        if connection.survived:
            break
    assert 5 < nth < 99, "every call was lost once"


def _identified(entry: NewEntry, identity: bytes | None, *, replaces: int) -> NewEntry:
    return NewEntry(
        entry.stream,
        entry.version,
        entry.topic,
        entry.entry,
        entry.leaf_hash,
        identity=identity,
        content=bytes(32),
        replaces=replaces,
    )


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from((0, 1, 2, 3, 100, 255, 256, 257, 600))),
        st.tuples(st.just("repeat"), st.integers(0, 20)),
        st.tuples(st.just("before"), st.integers(1, 5)),
        st.tuples(st.just("after"), st.integers(1, 5)),
        st.tuples(st.just("abandon"), st.just(0)),
        st.tuples(st.just("clash"), st.just(0)),
    ),
    min_size=1,
    max_size=6,
)


@effort(0.3)
@given(steps)
def test_head_and_tiles_are_those_of_the_entries(place: Place, told: list[tuple[str, int]]) -> None:
    """However the tree grew, what was rolled back left no gap, no tile and no hash behind."""
    store, _ = place.begin()
    made: list[NewEntry] = []
    for step, count in told:
        batch = [any_entry(len(made) + n, identified=count < 10) for n in range(count)]
        match step:
            case "append":
                store.append(batch)
                made += batch
            case "repeat":
                store.append(made[:count])
            case "before" | "after":
                break_commits(store, deque([Fault(step)]))
                with pytest.raises(StoreUnavailable):
                    store.append(batch)
                mend(store)
                made += batch if step == "after" else []
            case "abandon":
                with store.transaction() as transaction:
                    transaction.begin([], [])
            case "clash":
                taken = NewEntry.of("tool_use/1", 1, "t.v1", b"other")
                with suppress(Refused):
                    store.append([any_entry(10**6), taken, taken], atomic=True)
    assert len(made) == len(check_tree(store, of_entries=False))


def swap_from_another_size(store: LedgerStore, tracking: Tracking | None) -> None:
    with store.transaction() as transaction:
        head, _, _ = transaction.begin([], [])
        transaction.commit(Growth(7, [any_entry(7)], [], head), tracking)


def test_swap_from_another_size_is_refused_whole(place: Place) -> None:
    """A commit for a tree of another size writes nothing, and the store goes on working."""
    store, _ = place.begin()
    store.append([any_entry(0)])
    for tracking in (None, Tracking("follower", 1)):
        with pytest.raises(StoreMismatch):
            swap_from_another_size(store, tracking)
        assert 1 == len(check_tree(store, of_entries=False))
        assert store.tracked("follower") is None
    store.append([any_entry(1)])
    assert 2 == len(check_tree(store, of_entries=False))


def test_empty_ledger_has_the_empty_head(place: Place) -> None:
    """A ledger begins with the tree of no leaves, before and after appending nothing."""
    store, _ = place.begin()
    assert ([], Head()) == store.append([])
    assert (Head(), EMPTY_ROOT, []) == (store.head(), store.head().root, check_tree(store))


def grown(store: LedgerStore, sizes: list[int]) -> Iterator[bytes]:
    """The checkpoints of a ledger that grows by these many reports at a time."""
    ledger = Ledger(store)
    ledger.register_agencies()
    yield ledger.log.checkpoint(store.head())
    made = 0
    for size in sizes:
        ledger.report(*(numbered(made + n) for n in range(size)))
        made += size
        yield ledger.log.checkpoint(store.head())


@effort(0.2)
@given(st.lists(st.sampled_from((1, 2, 3, 60, 130)), min_size=1, max_size=5), st.data())
def test_any_two_checkpoints_are_consistent(
    place: Place, sizes: list[int], data: st.DataObject
) -> None:
    """Each checkpoint that was ever signed is proved to be a prefix of each later one."""
    store, _ = place.begin()
    notes = list(grown(store, sizes))
    old, new = sorted(data.draw(st.tuples(*(st.integers(0, len(notes) - 1),) * 2)))
    before, after = (
        open_checkpoint(notes[at], [SIGNER.verifier_key]).checkpoint for at in (old, new)
    )
    proof = Ledger(store).log.tree(after.tree_size).consistency_proof(before.tree_size)

    verify_consistency(
        old_size=before.tree_size,
        old_root=before.root,
        new_size=after.tree_size,
        new_root=after.root,
        proof=proof,
    )


def test_what_is_hashed_is_what_is_stored(place: Place) -> None:
    """By every way of reading, an entry's bytes are those that were hashed when it was made."""
    store, _ = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    made = [
        entry for entry in ledger.prepare(map(numbered, range(5))) if isinstance(entry, NewEntry)
    ]
    ledger.log.append(made)

    for leaf_index, entry in enumerate(made, 2):
        readings = [
            store.read_entries(leaf_index, 1),
            store.read_entries(leaf_index, 1, with_disclosures=True),
            store.entries_at([leaf_index]),
            store.read_stream(entry.stream),
            store.entries_of_streams([entry.stream]),
            store.select_notifications(leaf_index, 1, stop=None, topics=[]),
        ]
        assert [[entry.entry]] * 6 == [[row.entry for row in rows] for rows in readings]
        tile = store.read_tile(0, 0, leaf_index + 1)
        assert leaf_hash(entry.entry) == entry.leaf_hash == tile[-HASH_BYTES:]
