"""Is every root of the usage index that the log commits to the one that its entries give?

    entries, in order ──UsageFold──► keys ──insert──► tries in memory, of performers and of the rest
       at each committed size: families made anew, performers' closed ──root_of_families──► root

Family 05 stands under pseudonyms that reports disclose beside the log (docs/usage-index.md,
section 1). Where a report has committed to one, that family is taken from the commitment, closed:
its hash goes into the root unseen, and its total must be that of family 01. A commitment that
does not say it is compared by its total alone, and said to be unchecked beyond that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from ledger.audit.checks import Course, Number
from ledger.audit.slices import COMMITTED, STREAM_BYTES, Committed
from ledger.entry import Entry, decode_entry
from ledger.errors import CandourError
from ledger.events import Fact, ToolUseAmended, ToolUseReported
from ledger.limits import USAGE_BATCH
from ledger.merkle import leaf_hash
from ledger.usage_index import EMPTY, Family, MemoryNodes, Ref, UsageFold, insert
from ledger.usage_index.families import (
    AGENCIES,
    PERFORMERS,
    is_of_performers,
    root_of_families,
    subtree_of,
)
from ledger.usage_index.keys import WITHDRAWN_BIT

_SIDES: Final = (0, WITHDRAWN_BIT)
_PERFORMERS: Final = tuple(PERFORMERS | side for side in _SIDES)
_OTHERS: Final = tuple(
    family | side for family in Family for side in _SIDES if family != PERFORMERS
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the first reading of all entries has found.

    Members:
        committed: All roots that the log commits to, by leaf index.
        changed: Digests of streams with more than one entry: only those uses are remembered.
        withdrawn_imports: Names; their uses are remembered, too.
    """

    committed: Sequence[Committed]
    changed: Collection[bytes]
    withdrawn_imports: Collection[str]

    def sizes(self, tree_size: int) -> list[int]:
        """Tree sizes whose roots are wanted, each once, in order."""
        return sorted({said.tree_size for said in self.committed if said.tree_size <= tree_size})


@dataclass(frozen=True, slots=True)
class Made:
    """The index at one size, family by family.

    Members:
        families: Subtrees by the first byte of their keys, those of performers left out.
        performers: Likewise these; None where pseudonyms would be needed.
        total: Placements in all; None where pseudonyms would be needed for that too.
    """

    families: Mapping[int, Ref]
    performers: Mapping[int, Ref] | None
    total: int | None


class _Trie:
    """A part of the index, in memory, that grows by batches."""

    def __init__(self) -> None:
        self._nodes, self._root = MemoryNodes(), EMPTY
        self.waiting: defaultdict[bytes, list[bytes]] = defaultdict(list)

    def insert(self, size: int) -> None:
        if self.waiting:
            self._root = insert(self._nodes, self._root, self.waiting, tree_size=size, kept=-1)
            self.waiting = defaultdict(list)

    def subtrees(self, first_bytes: Iterable[int]) -> dict[int, Ref]:
        found = {byte: subtree_of(self._nodes, self._root, byte) for byte in first_bytes}
        return {byte: ref for byte, ref in found.items() if ref.total}


@dataclass(slots=True)
class UsageAudit:
    """Makes the index anew from entries in leaf order; `add` them all, then `compare`."""

    wanted: Wanted
    tree_size: int
    withheld: int = 0  # reports and amendments that commit to a performer
    renamed: bool = False  # an amendment did: it moves its use among performers alone
    made: dict[int, Made] = field(default_factory=dict)
    _fold: UsageFold = field(default_factory=UsageFold)
    _others: _Trie = field(default_factory=_Trie)
    _performers: _Trie = field(default_factory=_Trie)
    _total: int = 0
    _size: int = 0
    _waiting: int = 0
    _sizes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sizes = self.wanted.sizes(self.tree_size)[::-1]
        self._keep()

    @property
    def size(self) -> int:
        """Entries it was given."""
        return self._size

    @property
    def needs(self) -> int:
        """Entries that it has to be given: beyond the last committed size none."""
        return self._sizes[0] if self._sizes else self._size

    def add(self, entries: Iterable[bytes]) -> None:
        """Take the next entries, in leaf order."""
        for data in entries:
            self._add(data)
            self._size += 1
            self._keep()

    def _add(self, data: bytes) -> None:
        try:
            entry = decode_entry(data)
            fact = entry.fact()
            named = "performer" in entry.protected
            keys = self._fold.add(entry.stream, fact, names_performer=named)
        except CandourError:
            return  # it does nothing; check 7 speaks of its form
        self._forget(entry, fact)
        self._total += len(keys)
        if isinstance(fact, ToolUseReported | ToolUseAmended) and named:
            self.withheld += 1
            self.renamed = self.renamed or isinstance(fact, ToolUseAmended)
            self._performers = _Trie()  # nothing more can be made of it
        if not keys:
            return
        hashed = leaf_hash(data)
        for key in keys:
            if not is_of_performers(key):
                self._others.waiting[key].append(hashed)
            elif not self.withheld:
                self._performers.waiting[key].append(hashed)
        self._waiting += 1
        if self._waiting >= USAGE_BATCH:
            self._insert()

    def _forget(self, entry: Entry, fact: Fact) -> None:
        """A use that no later entry speaks of need not be remembered."""
        if not isinstance(fact, ToolUseReported):
            return
        digest = blake2b(entry.stream.encode(), digest_size=STREAM_BYTES).digest()
        if digest not in self.wanted.changed and fact.import_ not in self.wanted.withdrawn_imports:
            del self._fold.uses[entry.stream]

    def _insert(self) -> None:
        self._others.insert(self._size + 1)
        self._performers.insert(self._size + 1)
        self._waiting = 0

    def _keep(self) -> None:
        while self._sizes and self._sizes[-1] == self._size:
            self._sizes.pop()
            self._insert()
            of_performers = None if self.withheld else self._performers.subtrees(_PERFORMERS)
            total = None if self.renamed else self._total
            self.made[self._size] = Made(self._others.subtrees(_OTHERS), of_performers, total)

    def compare(self, course: Course) -> None:
        """Compare what was made with what the log commits to."""
        by_total = 0
        for said in self.wanted.committed:
            if said.tree_size > said.leaf_index:
                wrong: str | None = f"commits to {said.tree_size} entries, ahead of itself"
            else:
                course.report.count("usage_roots", 1)
                mine = self.made[said.tree_size]
                wrong = _difference(said, mine)
                by_total += wrong is None and mine.performers is None and not said.performers[0]
            if wrong is not None:
                course.differs(Number.USAGE_INDEX, COMMITTED, said.leaf_index, wrong)
        if self.withheld:
            course.report.not_checked.append(
                "under which pseudonym uses are counted (usage index, family agency+performer):"
                " only that as many are as by agency"
            )
        if by_total:
            course.not_made(
                Number.USAGE_INDEX,
                f"of {len(self.wanted.committed)} committed roots {by_total} were compared by their"
                " totals alone: they do not say what part of them rests on pseudonyms",
            )
        else:
            course.made(
                Number.USAGE_INDEX, f"{len(self.wanted.committed)} committed roots made anew"
            )


def _difference(said: Committed, mine: Made) -> str | None:
    """How a commitment differs from the index made anew; None where it does not."""
    sentence = f"the first {said.tree_size} entries give another {{}} than this entry commits to"
    if mine.total not in (None, said.total):
        return sentence.format("total")
    performers = mine.performers
    if performers is None:
        placed, placed_hash, withdrawn, withdrawn_hash = said.performers
        if not placed and mine.families:
            return None  # it does not say; its total is right, as far as that can be told
        agencies = mine.families.get(AGENCIES, EMPTY).total
        agencies -= mine.families.get(AGENCIES | WITHDRAWN_BIT, EMPTY).total
        if placed - withdrawn != agencies:
            return "counts other uses by performer than by agency"
        performers = {
            PERFORMERS: Ref(0, placed, bytes.fromhex(placed_hash)),
            PERFORMERS | WITHDRAWN_BIT: Ref(0, withdrawn, bytes.fromhex(withdrawn_hash)),
        }
    root = root_of_families({**mine.families, **performers})
    if root.total != said.total:
        return sentence.format("total")
    return None if root.hash.hex() == said.root else sentence.format("root")
