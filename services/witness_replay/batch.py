"""One batch: entries in, the state moved, in one transaction that is there whole or not at all.

entries ──judge──► facts ──UsageFold──► keys ──► pending ──► families, at each committed root
   └──hash──► frontier, which led to the checkpoint before we came here
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.entry import Entry
from ledger.events import Fact, ImportWithdrawn, UsageIndexCommitted
from ledger.merkle import Frontier, leaf_hash
from ledger.streams import name_of_stream
from ledger.usage_index import UsageFold
from services.witness_replay.judging import (
    check_commitment,
    keys_of,
    read_commitment,
    read_entry,
)
from services.witness_replay.state import Placed, ReplayState

_Facts = Sequence[tuple[int, Entry, Fact]]


def replay(state: ReplayState, frontier: Frontier, entries: Sequence[bytes], origin: str) -> None:
    """Judge entries, fold them, make every root among them anew, and remember all of it.

    Args:
        frontier: After these entries; the log signed a tree that adds to it.
        entries: From the state's position on.
    Raises:
        Differs: The first entry that this witness does not vouch for; nothing is remembered.
        sqlite3.Error: Nothing is remembered.
    """
    before, root_size, roots = state.position()
    facts = _read(before.size, entries, origin)
    with state.writing():
        fold, known = UsageFold(), state.recall(*_wanted(facts))
        fold.uses, fold.withdrawn_imports = dict(known), state.withdrawn_imports()
        waiting: list[Placed] = []
        for leaf_index, entry, fact in facts:
            if isinstance(fact, UsageIndexCommitted):
                said = read_commitment(leaf_index, fact, least=root_size)
                state.put_off(waiting)
                waiting = []
                check_commitment(leaf_index, said, state.index_up_to(said.tree_size))
                root_size, roots = said.tree_size, roots + 1
            elif keys := keys_of(leaf_index, entry, fact, fold):
                waiting.append((leaf_index, leaf_hash(entries[leaf_index - before.size]), keys))
        state.put_off(waiting)
        state.remember({name: use for name, use in fold.uses.items() if known.get(name) is not use})
        state.withdraw_imports(fold.withdrawn_imports)
        state.move(frontier, root_size=root_size, roots=roots)


def _read(start: int, entries: Sequence[bytes], origin: str) -> _Facts:
    """Raises Differs."""
    read = [
        (leaf_index, *read_entry(leaf_index, data, origin=origin))
        for leaf_index, data in enumerate(entries, start)
    ]
    return [(leaf_index, entry, fact) for leaf_index, entry, fact in read if fact is not None]


def _wanted(facts: _Facts) -> tuple[set[str], set[str]]:
    """Streams of uses that are spoken of, and imports that are withdrawn."""
    streams = {entry.stream for _, entry, _ in facts if entry.stream.startswith("tool_use/")}
    imports = {
        name_of_stream(entry.stream)
        for _, entry, fact in facts
        if isinstance(fact, ImportWithdrawn)
    }
    return streams, imports
