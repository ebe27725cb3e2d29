"""How does an entry become durable, once, at its place? The core that both databases share.

    [NewEntry] ──append──► lock head ► find what is held ► place ► extend ► insert ► head ► commit
                           └────────────────── one transaction ──────────────────────────┘

Everything that needs deciding is decided here, under the lock on the head row, by pure
code; `PostgresStore` and `SqliteStore` only carry rows. The library's recorders are a thin
adapter over this (recorders.py).

Source: tessera and sunlight for the order of writes; docs/adr/0002-leaf-index.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from ledger.errors import Refused
from ledger.merkle import new_tiles
from ledger.store.rows import (
    Clash,
    Growth,
    Head,
    HeadRow,
    Held,
    HeldIdentities,
    NewEntry,
    Outcome,
    PerformerRecord,
    Placed,
    Published,
    StoredEntry,
    TileKey,
    TileRow,
    Tracking,
)

if TYPE_CHECKING:
    from ledger.store.steps import Schema

__all__ = [
    "Clash",
    "Growth",
    "Head",
    "HeadRow",
    "Held",
    "HeldIdentities",
    "HistoryLost",
    "LedgerStore",
    "NewEntry",
    "Outcome",
    "PerformerRecord",
    "Placed",
    "Published",
    "StoreMismatch",
    "StoreUnavailable",
    "StoredEntry",
    "StreamConflict",
    "TileKey",
    "TileRow",
    "Tracking",
    "Transaction",
    "place",
]


class StoreUnavailable(Refused):
    """The database could not be reached or could not write; whether it did is not known.

    Submit again: what was committed all the same is found by its identity.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"the store is not available: {reason}")
        self.reason = reason


class StreamConflict(Refused):
    """An event with this stream and version is there already."""

    def __init__(self, stream: str, version: int) -> None:
        super().__init__(f"{stream} has a version {version} already")
        self.stream, self.version = stream, version


class StoreMismatch(Refused):
    """The database belongs to another ledger, key or release."""


class HistoryLost(Refused):
    """This ledger has signed a tree that its database does not hold.

    The database was restored from a backup, is a server that was behind when it was promoted, or
    was changed. What it would sign next would be a second history, so it signs nothing more.
    """

    def __init__(self, *, signed_size: int, tree_size: int, ledger: str = "") -> None:
        super().__init__(
            f"{f'ledger {ledger}' if ledger else 'this ledger'} has signed a tree of"
            f" {signed_size} entries, and its database, with"
            f" {tree_size}, does not hold that tree; it signs nothing more"
        )
        self.signed_size, self.tree_size, self.ledger = signed_size, tree_size, ledger


def place(
    old_size: int,
    entries: Sequence[NewEntry],
    held: HeldIdentities,
    taken: Iterable[tuple[str, int]],
) -> tuple[list[Outcome], list[NewEntry]]:
    """Decide what becomes of each entry, in order; two with one identity are one.

    What follows a version of its stream that was not placed is not placed either: it was
    decided on what that one would have said, and would leave a gap.

    Args:
        old_size: Tree size under the lock.
        entries: The candidates.
        held: Which of their identities the store holds.
        taken: Which of their (stream, version) the store holds.
    Returns:
        An outcome for each entry, and the entries to insert from `old_size` on.
    """
    known = dict(held)
    versions = set(taken)
    unplaced: set[tuple[str, int]] = set()
    outcomes: list[Outcome] = []
    placed: list[NewEntry] = []
    for item in entries:
        if item.identity is not None:
            first = known.get(item.identity)
            if first is not None and first[0] != item.replaces:
                leaf_index, content = first
                same = None if content is None else content == item.content
                outcomes.append(Held(leaf_index, same))
                if not item.fresh:
                    unplaced.add((item.stream, item.version))
                continue
        if not item.fresh:
            place_in = item.stream, item.version
            if place_in in versions or (item.stream, item.version - 1) in unplaced:
                outcomes.append(Clash(*place_in))
                unplaced.add(place_in)
                continue
            versions.add(place_in)
            unplaced.discard(place_in)
        leaf_index = old_size + len(placed)
        if item.identity is not None:
            known[item.identity] = (leaf_index, item.content)
        outcomes.append(Placed(leaf_index))
        placed.append(item)
    return outcomes, placed


class Transaction(ABC):
    """One write transaction; the head row is locked from `begin` to the end."""

    @abstractmethod
    def begin(
        self, identities: list[bytes], streams: list[tuple[str, int]]
    ) -> tuple[Head, HeldIdentities, list[tuple[str, int]]]:
        """Lock the head; say what is held of these identities and (stream, version)s."""

    @abstractmethod
    def commit(self, growth: Growth, tracking: Tracking | None) -> None:
        """Write it all, swap the head from `growth.old_size`, commit."""


def _nobody_asks() -> None:
    """A change of server concerns nobody."""


class LedgerStore(ABC):
    """One ledger in one database. Safe to call from several threads.

    Members:
        on_server_changed: Called where another server answers than before, before anything is
            done there; in whatever thread noticed it.
    """

    on_server_changed: Callable[[], None] = staticmethod(_nobody_asks)

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Transaction]:
        """A write transaction; leaving the block without `commit` rolls it back.

        Raises:
            StoreUnavailable: The database is away, full, read-only or too slow.
        """

    def append(
        self,
        entries: Sequence[NewEntry],
        *,
        atomic: bool = False,
        tracking: Tracking | None = None,
    ) -> tuple[list[Outcome], Head]:
        """Append entries in one transaction; an outcome for each, in order.

        Args:
            entries: Candidates; hashed already.
            atomic: All or nothing: raise on the first that cannot be placed.
            tracking: A follower's position to store with them.
        Returns:
            Outcomes, and the committed head that covers every one of them.
        Raises:
            StreamConflict: `atomic`, and a stream and version is taken.
            StoreUnavailable: As `transaction`; the outcome is not known.
        """
        identities = [item.identity for item in entries if item.identity is not None]
        streams = [(item.stream, item.version) for item in entries if not item.fresh]
        with self.transaction() as transaction:
            head, held, taken = transaction.begin(identities, streams)
            outcomes, placed = place(head.tree_size, entries, held, taken)
            if atomic and len(placed) != len(entries):
                clash = next(item for item in outcomes if not isinstance(item, Placed))
                if isinstance(clash, Clash):
                    raise StreamConflict(clash.stream, clash.version)
                raise Refused("an identity is held already")
            if not placed and tracking is None:
                return outcomes, head
            frontier, tiles = new_tiles(head.frontier, [item.leaf_hash for item in placed])
            grown = Head(frontier, frontier.root())
            transaction.commit(Growth(head.tree_size, placed, tiles, grown), tracking)
        return outcomes, grown

    # --- reading ----------------------------------------------------------------
    @abstractmethod
    def head(self) -> Head:
        """The committed head."""

    def durable_head(self) -> Head:
        """The committed head, once no failover can take it back: only that may be signed.

        A commit whose wait for a standby was cut short is seen by readers, and may still be lost.

        Raises:
            HistoryLost: It does not extend what was committed before.
            StoreUnavailable: It cannot be told, or another server answers than before.
        """
        return self.head()

    @abstractmethod
    def read_entries(
        self, start: int, limit: int, *, with_disclosures: bool = False
    ) -> list[StoredEntry]:
        """Entries from leaf index `start` on, in order, `limit` at most."""

    @abstractmethod
    def entries_at(
        self, leaf_indexes: Sequence[int], *, with_disclosures: bool = False
    ) -> list[StoredEntry]:
        """The entries at these places, in rising order; missing ones are left out."""

    @abstractmethod
    def read_stream(
        self,
        stream: str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEntry]:
        """The entries of one stream by version."""

    @abstractmethod
    def entries_of_streams(self, streams: Sequence[str]) -> list[StoredEntry]:
        """All entries of these streams, by leaf index, with disclosures."""

    @abstractmethod
    def streams_with(self, streams: Sequence[str], topics: Sequence[str]) -> set[str]:
        """Which of these streams hold an entry of one of these topics."""

    @abstractmethod
    def select_notifications(
        self, start: int, limit: int, *, stop: int | None, topics: Sequence[str]
    ) -> list[StoredEntry]:
        """Entries whose leaf index lies in start..stop, of these topics (all if empty)."""

    @abstractmethod
    def read_tile(self, level: int, index: int, width: int) -> bytes:
        """The first `width` hashes of a tile, concatenated."""

    @abstractmethod
    def held(self, identity: bytes) -> tuple[int, bytes | None] | None:
        """Where the entry with this identity stands, and the digest of what it says, if kept."""

    def leaf_of_identity(self, identity: bytes) -> int | None:
        """Where the report with this identity stands."""
        found = self.held(identity)
        return None if found is None else found[0]

    # --- beside the log -----------------------------------------------------------
    @abstractmethod
    def pseudonyms(self, wanted: Mapping[bytes, PerformerRecord]) -> dict[bytes, str]:
        """The pseudonym of each keyed digest; the proposed one where there is none yet."""

    @abstractmethod
    def find_performers(self, text: str) -> list[str]:
        """Pseudonyms of whom a source knows by exactly this user id, name or badge."""

    @abstractmethod
    def describe_performers(self, pseudonyms: Sequence[str]) -> dict[str, PerformerRecord]:
        """What sources call these performers; the unknown are left out."""

    @abstractmethod
    def publish(self, checkpoint: Published) -> bool:
        """Keep a checkpoint; False where one of this size or a larger one is there."""

    @abstractmethod
    def add_cosignatures(self, tree_size: int, note: bytes) -> bool:
        """Exchange the note of a published size for one with more signatures over its text.

        When it was published stays. False where no checkpoint of this size is there.
        """

    @abstractmethod
    def published(
        self, *, before_us: int | None = None, tree_size: int | None = None
    ) -> Published | None:
        """The newest published checkpoint: of all, before a time, or of one size."""

    def writable(self) -> bool:
        """False while the database says that it can only be read, as a standby does."""
        return True

    @abstractmethod
    def meta(self) -> dict[str, str]:
        """What the ledger says of itself: origin, secret fingerprint; not how far its schema is."""

    @abstractmethod
    def schema_state(self) -> Schema:
        """How far its tables are. Raises StoreMismatch where what they say is no number."""

    @abstractmethod
    def claim(self, values: Mapping[str, str]) -> dict[str, str]:
        """Set what is not set yet; returns what stands. Atomic."""

    # --- rows as they stand, for an audit -------------------------------------------
    @abstractmethod
    def head_row(self) -> HeadRow:
        """The columns of the head, parsed by nobody; zero and blank where there is no row."""

    @abstractmethod
    def tile_rows(self, after: TileKey, limit: int) -> list[TileRow]:
        """Rows of tile_hashes beyond a key, in the order of their keys, `limit` at most."""

    @abstractmethod
    def checkpoint_rows(self, above: int, limit: int) -> list[Published]:
        """Published checkpoints of more than `above` entries, by size, `limit` at most."""

    @abstractmethod
    def leaf_spans(self) -> dict[str, tuple[int, int]]:
        """Least and greatest leaf index in `entries` and `disclosures`; none of an empty one."""

    @abstractmethod
    def misnumbered(self, tree_size: int) -> tuple[int, int] | None:
        """The first entry below `tree_size` whose version is not its place in its stream.

        The database compares, streaming along its index, for the streams do not fit in memory.

        Returns:
            Its leaf index, and the version it should have; None where all are right.
        """

    @abstractmethod
    def misplaced(self) -> int | None:
        """The first leaf index at which the table by which streams are found is not `entries`' own.

        None where there is no such table: then an index of `entries` finds them.
        """

    # --- followers ------------------------------------------------------------------
    @abstractmethod
    def tracked(self, follower: str) -> int | None:
        """The last notification id a follower has stored."""

    @abstractmethod
    def track(self, tracking: Tracking) -> None:
        """Store a follower's position; raises Refused unless it is beyond the last."""

    @abstractmethod
    def close(self) -> None:
        """Let go of all connections."""

    def scan(
        self, start: int, stop: int, *, batch: int, with_disclosures: bool = False
    ) -> Iterator[StoredEntry]:
        """Entries start..stop-1 in order, read by the batch."""
        while start < stop:
            rows = self.read_entries(
                start, min(batch, stop - start), with_disclosures=with_disclosures
            )
            if not rows:
                return
            yield from rows
            start = rows[-1].leaf_index + 1
