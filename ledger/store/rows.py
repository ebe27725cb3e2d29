"""What goes into a store, what comes out, and what becomes of an entry? Values, no behaviour.

NewEntry ──append──► Placed | Held | Clash        StoredEntry, Head, Published, … ──► readers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ledger.errors import Malformed
from ledger.merkle import EMPTY_ROOT, Frontier, TileGrowth, leaf_hash


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry on its way in.

    Members:
        fresh: True where the stream was just named at random, so nobody can hold it.
        identity: Keyed digest that must be unique, 32 bytes; None for no such claim.
        content: Keyed digest of what is said, compared where the identity is held.
        disclosures: JSON of field to [salt, value], kept beside the log; None for none.
        replaces: Leaf index whose identity this takes over (a withdrawn report).
    """

    stream: str
    version: int
    topic: str
    entry: bytes
    leaf_hash: bytes
    fresh: bool = False
    identity: bytes | None = None
    content: bytes | None = None
    disclosures: bytes | None = None
    replaces: int | None = None

    @classmethod
    def of(cls, stream: str, version: int, topic: str, entry: bytes) -> NewEntry:
        return cls(stream, version, topic, entry, leaf_hash(entry))


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it stands in the log; columns beside `entry` are derived from it."""

    leaf_index: int
    stream: str
    version: int
    topic: str
    entry: bytes
    disclosures: bytes | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """It stands at this place now."""

    leaf_index: int


@dataclass(frozen=True, slots=True)
class Held:
    """The identity was known: this is where. `same`: contents agree; None: no longer known."""

    leaf_index: int
    same: bool | None


@dataclass(frozen=True, slots=True)
class Clash:
    """Stream and version are taken."""

    stream: str
    version: int


Outcome: TypeAlias = Placed | Held | Clash


@dataclass(frozen=True, slots=True)
class Head:
    """The committed tree: how many entries, and what root they have."""

    frontier: Frontier = field(default_factory=Frontier)
    root: bytes = EMPTY_ROOT

    @property
    def tree_size(self) -> int:
        return self.frontier.size


@dataclass(frozen=True, slots=True)
class Tracking:
    """How far a follower has come: all notifications up to this one are processed."""

    follower: str
    notification_id: int


@dataclass(frozen=True, slots=True)
class Published:
    """A published checkpoint, a signed note, and when it was."""

    tree_size: int
    note: bytes
    published_us: int


@dataclass(frozen=True, slots=True)
class HeadRow:
    """The head row as its columns stand, for an audit; nothing in it is believed."""

    tree_size: int
    root: bytes
    frontier: bytes

    @property
    def size(self) -> int:
        """The size that its frontier holds, which the next append goes on from."""
        try:
            return Frontier.from_bytes(self.frontier).size
        except (Malformed, TypeError):
            return max(self.tree_size, 0) if type(self.tree_size) is int else 0


# Where a row of tile_hashes stands: level, tile, place in the tile of its first hash.
TileKey: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class TileRow:
    """What one append added to one tile, as it stands in its table."""

    level: int
    tile: int
    start: int
    hashes: bytes

    @property
    def key(self) -> TileKey:
        return self.level, self.tile, self.start


@dataclass(frozen=True, slots=True)
class PerformerRecord:
    """Whom a pseudonym stands for; kept beside the log, erasable, never in an entry."""

    pseudonym: str
    agency: str
    user_id: str | None = None
    name: str | None = None
    badge: str | None = None


# identity -> (leaf index, content)
HeldIdentities: TypeAlias = Mapping[bytes, tuple[int, bytes | None]]


@dataclass(frozen=True, slots=True)
class Growth:
    """All that one transaction writes."""

    old_size: int
    entries: list[NewEntry]
    tiles: list[TileGrowth]
    head: Head
