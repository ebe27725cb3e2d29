"""Was anything lost, or doubled? What a broken ledger must be, at once and in the end.

broken ──► as_it_stands    a whole tree, all that was acknowledged, at most one step more
     mended, gone on ──► in_the_end    the entries of an unharmed run, the same receipts,
                                       views and usage index as they are made anew
"""

from __future__ import annotations

from typing import Final, TypeAlias

import sqlalchemy.exc
from sqlalchemy import Engine, select

from ledger.events import UsageIndexCommitted
from ledger.store import usage_tables as t
from ledger.store.audit import audit_ledger
from ledger.store.core import LedgerStore, StoreUnavailable
from ledger.store.usage_roots import INDEX_STREAM
from ledger.store.view_writer import read_stored
from ledger.streams import name_of_stream
from tests.faults.workload import ENTRIES, STEPS, entries_through, go_on, said
from tests.faults.world import Acknowledged, World
from tests.laws.test_thinning import needed, there
from tests.laws.trees import check_tree
from tests.ledgers import ORIGIN, SIGNER, Place, view_rows

# What a caller is told UNAVAILABLE for (services/runtime/explaining.py); anything else is a bug.
UNAVAILABLE: Final = (
    StoreUnavailable,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
)
# (tree size, root, total, leaf index of the commitment)
Roots: TypeAlias = set[tuple[int, bytes, int, int | None]]


def unharmed(place: Place) -> list[str]:
    """What the entries of a run say in which nothing is broken."""
    place.forget()
    world = World(place.open(), place.engine(), 0, {})
    go_on(world)
    in_the_end(world)
    entries = check_tree(world.store)
    assert ENTRIES == len(entries)
    return [said(entry) for entry in entries]


def as_it_stands(
    store: LedgerStore, engine: Engine | None, acknowledged: Acknowledged, expected: list[str]
) -> str:
    """The ledger was broken while it was busy; what is there, before anything is mended?

    Args:
        store, engine: As a process opens them that was not there.
        expected: Of `unharmed`.
    Returns:
        What became of the step that was under way: "lost", "done" or "in part".
    """
    entries = check_tree(store)
    assert expected[: len(entries)] == [said(entry) for entry in entries]
    names = [step.name for step in STEPS]
    done = names.index(list(acknowledged)[-1]) if acknowledged else -1
    least = entries_through(names[done]) if acknowledged else 0
    most = entries_through(names[min(done + 1, len(names) - 1)])
    assert least <= len(entries) <= most, (least, len(entries), most)
    for told in acknowledged.values():
        for name, leaf_index, leaf_hash in told:
            (entry,) = store.entries_at([leaf_index])
            assert name_of_stream(entry.stream) == name
            assert leaf_hash == store.read_tile(0, 0, leaf_index + 1)[-32:].hex()
    audited(store, engine)
    if least == most:
        return "nothing to lose"
    return {least: "lost", most: "done"}.get(len(entries), "in part")


def audited(store: LedgerStore, engine: Engine | None) -> None:
    """Entries, tree, streams, checkpoints, views and usage index fit together."""
    report = audit_ledger(store, engine, vkey=SIGNER.verifier_key, origin=ORIGIN)
    assert report.good, report.findings


def in_the_end(world: World) -> None:
    """Every step was taken and acknowledged: nothing of what was broken is to be seen."""
    assert [step.name for step in STEPS] == list(world.acknowledged)
    world.fold()
    world.thin()
    audited(world.store, world.engine)
    roots = kept_roots(world.engine)
    assert committed_sizes(world.store) - {_let_go(world)} == {size for size, *_ in roots}
    assert needed(world.engine) == there(world.engine), "a node is left over, or missing"
    rows = view_rows(world.engine)
    world.views.drop()
    world.fold(100)
    world.thin()
    assert rows == view_rows(world.engine)
    assert roots == kept_roots(world.engine)
    for step in STEPS:
        if step.again:
            assert world.acknowledged[step.name] == step.do(world), step.name
    assert len(check_tree(world.store)) == ENTRIES


def kept_roots(engine: Engine) -> Roots:
    """The roots that are kept, whatever their nodes are called."""
    with engine.connect() as connection:
        return {
            (row.tree_size, bytes(row.root), row.total, row.leaf_index)
            for row in connection.execute(select(t.roots))
        }


def committed_sizes(store: LedgerStore) -> set[int]:
    """Tree sizes of the roots that the log commits to."""
    found = set()
    for stored in store.read_stream(INDEX_STREAM):
        _, fact = read_stored(stored)
        assert isinstance(fact, UsageIndexCommitted)
        found.add(fact.tree_size)
    return found


def _let_go(world: World) -> int:
    """The third of four: neither the first of its day, nor cited, nor the newest."""
    return sorted(committed_sizes(world.store))[2]
