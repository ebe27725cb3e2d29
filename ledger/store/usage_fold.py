"""What does a batch of entries add to the usage index, wherever in the log it starts?

    entries ──► read ──UsageFold──► key: leaf hashes ─► trie
       └ of uses changed here: their histories (log); of an import withdrawn here: its uses (views)

The state of a use is not kept beside the index: it is folded anew from the log where a change
needs it, which is seldom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.errors import CandourError
from ledger.events import (
    Fact,
    ImportWithdrawn,
    SourceRegistered,
    ToolUseAmended,
    ToolUseReported,
    UsageIndexCommitted,
)
from ledger.limits import PROJECTOR_BATCH
from ledger.merkle import leaf_hash
from ledger.store import usage_tables as t
from ledger.store import view_tables as views
from ledger.store.core import LedgerStore, StoredEntry
from ledger.store.view_writer import read_stored, shown_values
from ledger.streams import name_of_stream
from ledger.usage_index import UsageFold
from ledger.usage_index.keys import part, slot


@dataclass(slots=True)
class Additions:
    """What a batch adds.

    Members:
        registers: Key to leaf hashes, in leaf order.
        names: Part to technology.
        sources: (agency, source, slot) to first and last leaf index.
        commitments: Of the index, with the leaf index of each.
        end: The entries up to here are read; 0 where nobody asked.
        withheld: Reports that committed to a performer and do not disclose one.
    """

    registers: dict[bytes, list[bytes]] = field(default_factory=dict)
    names: dict[bytes, str] = field(default_factory=dict)
    sources: dict[tuple[str, str, int], tuple[int, int]] = field(default_factory=dict)
    commitments: list[tuple[int, UsageIndexCommitted]] = field(default_factory=list)
    end: int = 0
    withheld: int = 0

    def hear(self, agency: str, source: str, at_slot: int, leaf_index: int) -> None:
        first, _ = self.sources.get((agency, source, at_slot), (leaf_index, 0))
        self.sources[agency, source, at_slot] = first, leaf_index


def fold_entries(
    entries: Sequence[StoredEntry], store: LedgerStore, connection: Connection | None
) -> Additions:
    """What these entries add, contiguous from the first on.

    Args:
        entries: With disclosures.
        store: Of the ledger; asked for histories.
        connection: To the views, which hold all entries before these; None where these are
            the first.
    """
    read = list(_read(entries))
    fold = UsageFold()
    if connection is not None:
        _recall(fold, read, entries[0].leaf_index, store, connection)
    return add_entries(fold, read)


def add_entries(fold: UsageFold, read: Iterable[tuple[StoredEntry, Entry, Fact]]) -> Additions:
    """As `fold_entries`, with a fold that knows what it must."""
    found = Additions()
    for stored, entry, fact in read:
        if isinstance(fact, UsageIndexCommitted):
            found.commitments.append((stored.leaf_index, fact))
        elif isinstance(fact, SourceRegistered) and fact.agency is not None:
            found.hear(fact.agency, fact.source, t.REGISTERED, stored.leaf_index)
        try:
            keys = fold.add(
                entry.stream,
                fact,
                performer_of(stored),
                names_performer="performer" in entry.protected,
            )
        except CandourError:
            continue  # it does nothing; the views count it as unread
        hashed = leaf_hash(stored.entry)
        for key in keys:
            found.registers.setdefault(key, []).append(hashed)
        if isinstance(fact, ToolUseReported | ToolUseAmended):
            found.withheld += "performer" in entry.protected and _shown_performer(stored) is None
        if isinstance(fact, ToolUseAmended) and fact.to.technology is not None:
            found.names[part(fact.to.technology)] = fact.to.technology
        if isinstance(fact, ToolUseReported):
            if fact.technology is not None:
                found.names[part(fact.technology)] = fact.technology
            if entry.source is not None:
                day = fold.uses[entry.stream].use.day
                at_slot = int.from_bytes(slot(day), "big")
                found.hear(fact.agency, entry.source, at_slot, stored.leaf_index)
    return found


def performer_of(stored: StoredEntry) -> str | None:
    """The pseudonym that an entry discloses; None where it has none, or no longer shows it."""
    value = _shown_performer(stored)
    return value if isinstance(value, str) and value else None


def _shown_performer(stored: StoredEntry) -> JsonValue:
    """As disclosed: a pseudonym, a mask, a blank; None where nothing is."""
    if stored.disclosures is None or b'"performer":' not in stored.disclosures:
        return None
    return shown_values(stored).get("performer")


def _read(entries: Iterable[StoredEntry]) -> Iterable[tuple[StoredEntry, Entry, Fact]]:
    for stored in entries:
        try:
            yield (stored, *read_stored(stored))
        except CandourError:
            continue


def _recall(
    fold: UsageFold,
    read: Sequence[tuple[StoredEntry, Entry, Fact]],
    start: int,
    store: LedgerStore,
    connection: Connection,
) -> None:
    """Put into the fold what entries before `start` say of uses that are changed from there on."""
    taken_back = views.withdrawn_imports.c
    wanted = (
        select(views.names.c.name)
        .join(views.withdrawn_imports, taken_back["import"] == views.names.c.id)
        .where(taken_back.since < start)
    )
    withdrawn = set(connection.execute(wanted).scalars())
    changed = {
        stored.stream
        for stored, _, _ in read
        if stored.version > 1 and stored.stream.startswith("tool_use/")
    }
    for _stored, entry, fact in read:
        if isinstance(fact, ImportWithdrawn):
            changed |= _uses_of_import(name_of_stream(entry.stream), start, store, connection)
    streams = sorted(changed)
    for at in range(0, len(streams), PROJECTOR_BATCH):
        for stored, entry, fact in _read(
            store.entries_of_streams(streams[at : at + PROJECTOR_BATCH])
        ):
            if stored.leaf_index < start:
                try:
                    fold.add(
                        entry.stream,
                        fact,
                        performer_of(stored),
                        names_performer="performer" in entry.protected,
                    )
                except CandourError:
                    continue
    fold.withdrawn_imports |= withdrawn


def _uses_of_import(name: str, start: int, store: LedgerStore, connection: Connection) -> set[str]:
    """The streams of the uses that came in with an import before `start`."""
    uses = views.uses.c
    wanted = (
        select(uses.first)
        .distinct()
        .join(views.names, views.names.c.id == uses["import"])
        .where(views.names.c.name == name, uses.first < start)
    )
    firsts = sorted(connection.execute(wanted).scalars())
    return {
        stored.stream
        for at in range(0, len(firsts), PROJECTOR_BATCH)
        for stored in store.entries_at(firsts[at : at + PROJECTOR_BATCH])
    }
