"""What had been told of an authorization, at this very entry? The projector's memory of it.

    names cited by a batch ──load──► log ──► histories     register entries of the batch ──add──►

Histories are read when they are first needed and kept for a while; a batch that fails, or another
projector's turn, forgets them all (ViewWriter).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.errors import CandourError, Malformed
from ledger.events import Fact, TechnologyAliased
from ledger.limits import MAX_CACHED_AUTHORIZATIONS
from ledger.projections.registers import Aliases, Told, told_in
from ledger.rules.authority import authority_of
from ledger.store.chunks import chunks
from ledger.store.core import LedgerStore
from ledger.store.reading_entries import read_stored, shown_values
from ledger.streams import name_of_stream, stream_of_name


class Histories:
    """Histories of authorizations and the aliases of technologies, as of the newest entry added.

    Args:
        store: Of the ledger.
        aliases: As they are before the first entry that is added.
    """

    def __init__(self, store: LedgerStore, aliases: Aliases) -> None:
        self._store, self.aliases = store, aliases
        self._kept: dict[str, list[Told]] = {}
        self._groups: Mapping[str, tuple[str, ...]] | None = None

    def load(self, names: Iterable[str], before: int) -> None:
        """Have these at hand, as the entries below `before` tell them."""
        wanted = [name for name in dict.fromkeys(names) if name not in self._kept]
        self._make_room(len(wanted))
        streams = []
        for name in wanted:
            self._kept[name] = []
            with suppress(Malformed):  # no name of anything has no history
                streams.append(stream_of_name(name))
        for some in chunks(sorted(streams)):
            for stored in self._store.entries_of_streams(some):
                if stored.leaf_index < before:
                    with suppress(CandourError):  # counted as unread when its own turn came
                        entry, fact = read_stored(stored)
                        told = told_in(stored.leaf_index, entry, fact, shown_values(stored))
                        self._kept[name_of_stream(entry.stream)].append(told)

    def _make_room(self, names: int) -> None:
        if len(self._kept) + names > MAX_CACHED_AUTHORIZATIONS:
            self._kept.clear()

    def of(self, name: str, before: int) -> Sequence[Told]:
        """All that entries below `before` tell of one, in leaf order; none later was added."""
        if name not in self._kept:
            self.load((name,), before)
        return self._kept[name]

    def add(
        self, leaf_index: int, entry: Entry, fact: Fact, shown: Mapping[str, JsonValue]
    ) -> Sequence[Told]:
        """Take in one entry of an authorization; returns the history that it ends.

        Raises:
            Malformed: A time in it is none.
        """
        name = name_of_stream(entry.stream)
        if name not in self._kept:
            if entry.version == 1:  # nothing stands before it: registers are filled by thousands
                self._make_room(1)
                self._kept[name] = []
            else:
                self.load((name,), leaf_index)
        told = told_in(leaf_index, entry, fact, shown)
        authority_of((*self._kept[name], told))  # whatever cannot be read is not kept
        self._kept[name].append(told)
        return self._kept[name]

    def join(self, fact: TechnologyAliased) -> tuple[str, ...]:
        """Take in one alias; returns all names of the technology."""
        self.aliases.join(fact.technology, fact.alias)
        self._groups = None
        return self.aliases.group(fact.technology)

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Every technology of several names to all of them."""
        if self._groups is None:
            self._groups = self.aliases.groups()
        return self._groups
