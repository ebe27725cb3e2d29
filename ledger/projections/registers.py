"""What had the registers been told? Every fact that is not about one use, kept by its stream.

    entry ──add──► Told, in the history of its stream ──► verdicts, rules, questions

It keeps what was said and when the ledger learnt it, and draws no conclusion: what a history
means is for ledger/rules. Use up to tree size N, and it is what the ledger knew at N.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeVar

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.events import Fact, TechnologyAliased
from ledger.streams import name_of_stream, stream_of_name
from ledger.times import us_of_text

F = TypeVar("F", bound=Fact)

# Streams that have folds of their own: there may be millions of their entries.
NOT_KEPT: Final = frozenset({"tool_use", "usage_index", "checkpoint", "discrepancy"})


class Aliases:
    """Which technologies are one: the symmetric, transitive closure of what was said."""

    def __init__(self) -> None:
        self._group: dict[str, list[str]] = {}

    def join(self, technology: str, alias: str) -> None:
        """The first name of a group stays its head: what uses are counted under."""
        one = self._group.setdefault(technology, [technology])
        other = self._group.setdefault(alias, [alias])
        if one is not other:
            one += other
            for name in other:
                self._group[name] = one

    def group(self, technology: str) -> tuple[str, ...]:
        """Every name of a technology, itself included, in the order they were joined."""
        return tuple(self._group.get(technology, (technology,)))

    def head(self, technology: str) -> str:
        return self._group.get(technology, (technology,))[0]

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Every name to all names of its technology; the names of one share one tuple."""
        lists = {id(group): group for group in self._group.values()}
        tuples = {number: tuple(group) for number, group in lists.items()}
        return {name: tuples[id(group)] for name, group in self._group.items()}

    def copy(self) -> Aliases:
        """The same, to be joined further without changing this."""
        found = Aliases()
        for group in {id(group): group for group in self._group.values()}.values():
            found._group.update(dict.fromkeys(group, group.copy()))
        return found


@dataclass(frozen=True, slots=True)
class Told:
    """One fact, and when the ledger learnt it.

    Members:
        leaf_index: Its place; the clock of knowledge.
        recorded_us: The operator's clock, microseconds from 1970.
        fact: What was said.
        capture: `live` or `backfill`.
        shown: Protected values that are disclosed here, by field.
    """

    leaf_index: int
    recorded_us: int
    fact: Fact
    capture: str = "live"
    shown: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))


def told_in(leaf_index: int, entry: Entry, fact: Fact, shown: Mapping[str, JsonValue]) -> Told:
    """One entry as a history keeps it."""
    return Told(leaf_index, us_of_text(entry.recorded_at), fact, entry.capture, shown)


class Registers:
    """The registers as some entries tell them; add entries in leaf order."""

    def __init__(self) -> None:
        self.aliases = Aliases()
        self._kinds: dict[str, dict[str, list[Told]]] = {}
        self._shared: set[str] = set()  # streams whose lists are another's too

    def copy(self) -> Registers:
        """The same, to be added to without changing this; histories are shared until then.

        Add to the copy only: what was added to this afterwards might show in both.
        """
        found = Registers()
        found.aliases = self.aliases.copy()
        found._kinds = {kind: dict(streams) for kind, streams in self._kinds.items()}
        found._shared = {stream for streams in self._kinds.values() for stream in streams}
        return found

    def add(self, leaf_index: int, entry: Entry, shown: Mapping[str, JsonValue]) -> None:
        """Keep one entry; those of other streams (NOT_KEPT) are passed by.

        Raises:
            UnknownFact: This release cannot read the entry.
            Malformed: Its event has another shape than its topic says.
        """
        kind = entry.stream.partition("/")[0]
        if kind in NOT_KEPT:
            return
        fact = entry.fact()
        streams = self._kinds.setdefault(kind, {})
        if entry.stream in self._shared:
            self._shared.remove(entry.stream)
            streams[entry.stream] = streams[entry.stream].copy()
        streams.setdefault(entry.stream, []).append(told_in(leaf_index, entry, fact, shown))
        if isinstance(fact, TechnologyAliased):
            self.aliases.join(fact.technology, fact.alias)

    def history(self, name: str) -> Sequence[Told]:
        """All that was told of a resource name (`technologies/…`), in leaf order."""
        stream = stream_of_name(name)
        return self._kinds.get(stream.partition("/")[0], {}).get(stream, ())

    def names(self, kind: str) -> list[str]:
        """The resource names of one kind of stream (`technology`), in the order they began."""
        return [name_of_stream(stream) for stream in self._kinds.get(kind, ())]

    def told(self, kind: str, fact: type[F]) -> Iterator[tuple[str, Told, F]]:
        """Every fact of one class in the streams of one kind: name, circumstances, fact."""
        for stream, history in self._kinds.get(kind, {}).items():
            for told in history:
                if isinstance(told.fact, fact):
                    yield name_of_stream(stream), told, told.fact

    def is_registered(self, name: str) -> bool:
        """True where the stream of a name has begun."""
        return bool(self.history(name))

    def of_technology(self, name: str) -> list[Told]:
        """What was told of a technology under any of its names, in leaf order."""
        found = [told for one in self.aliases.group(name) for told in self.history(one)]
        return sorted(found, key=lambda told: told.leaf_index)
