"""Do the entries of one slice hash to its tiles, and is each of them an entry?

    Slice ──paths──► whoever reads ──bundle, tile, bundle, tile, …, tile of level 1──► audit_slice
                                                              ──► SliceAudit: roots, findings

A slice is 65,536 neighbours: 256 tiles of leaf hashes, and the one tile above them. Slices know
nothing of one another, so any process or machine may take any of them, and one that was audited
need not be again. Hot: some 3 microseconds an entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from typing import Final, NamedTuple

from ledger.audit.checks import Number
from ledger.audit.report import Finding
from ledger.audit.shapes import EntryReader, why_no_entry
from ledger.entry import decode_entry
from ledger.errors import CandourError, Malformed
from ledger.events import ImportWithdrawn, UsageIndexCommitted
from ledger.limits import AUDIT_SLICE_TILES, MAX_FINDINGS, TILE_HEIGHT, TILE_WIDTH
from ledger.merkle import HASH_BYTES, Frontier, tile_width
from ledger.merkle.hashing import pair_up
from ledger.streams import name_of_stream
from ledger.tlog import TilePath, decode_bundle
from ledger.usage_index import Commitment

SLICE_ENTRIES: Final = AUDIT_SLICE_TILES * TILE_WIDTH
STREAM_BYTES: Final = 16  # of a digest of a stream's name
TILES: Final = "tile_hashes"
ENTRIES: Final = "entries"
COMMITTED: Final = "usage_index"
_KEPT_TOPICS: Final = {UsageIndexCommitted.TOPIC, ImportWithdrawn.TOPIC}


class Committed(NamedTuple):
    """A root of the usage index that an entry commits to; hashes as hex.

    Members:
        performers: Both sides of family agency+performer, closed: total, hash, total, hash.
    """

    leaf_index: int
    tree_size: int
    root: str
    total: int
    performers: tuple[int, str, int, str]


@dataclass(frozen=True, slots=True)
class Slice:
    """Some neighbours of a tree: 65,536, fewer in the last slice.

    Args:
        index: Zero-based.
        tree_size: Of the audited tree.
    """

    index: int
    tree_size: int

    @property
    def start(self) -> int:
        return self.index * SLICE_ENTRIES

    @property
    def stop(self) -> int:
        return min(self.start + SLICE_ENTRIES, self.tree_size)

    def leaf_tiles(self) -> list[TilePath]:
        """The tiles of leaf hashes, each as wide as it is in the tree."""
        first = self.index * AUDIT_SLICE_TILES
        return [
            TilePath(0, index, tile_width(level=0, index=index, tree_size=self.tree_size))
            for index in range(first, -(-self.stop // TILE_WIDTH))
        ]

    def tile_above(self) -> TilePath | None:
        """The tile of level 1 over this slice; None where no tile in it is full."""
        width = tile_width(level=1, index=self.index, tree_size=self.tree_size)
        return TilePath(1, self.index, width) if width else None

    def paths(self) -> Iterator[TilePath]:
        """What `audit_slice` wants read, in its order."""
        for tile in self.leaf_tiles():
            yield TilePath(None, tile.index, tile.width)
            yield tile
        above = self.tile_above()
        if above is not None:
            yield above


def slices_of(tree_size: int) -> list[Slice]:
    """All slices of a tree, in order."""
    return [Slice(index, tree_size) for index in range(-(-tree_size // SLICE_ENTRIES))]


@dataclass(slots=True)
class SliceAudit:
    """What became of one slice.

    Members:
        index: Of the slice.
        subtrees: Roots of the whole subtrees that its entries make, largest first, 32 bytes
            each: one for a full slice.
        whole: False where entries were missing, and hashes stored for them stand in.
        findings, differences: As in AuditReport.
        failed: Differences by the number of the check that found them.
        counts: Likewise.
        committed: Roots of the usage index that entries here commit to.
        withdrawn_imports: Names (`imports/…`) that entries here take back.
        streams: A record for each entry, sorted; see stream_order. Empty once they are kept
            elsewhere.
        records: How many there are.
    """

    index: int
    subtrees: list[bytes] = field(default_factory=list)
    whole: bool = True
    findings: list[Finding] = field(default_factory=list)
    differences: int = 0
    failed: dict[int, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    committed: list[Committed] = field(default_factory=list)
    withdrawn_imports: list[str] = field(default_factory=list)
    streams: bytes = b""
    records: int = 0

    def differs(self, number: Number, what: str, where: int | str, sentence: str) -> None:
        """Note a difference that a check has found."""
        self.differences += 1
        self.failed[number] = self.failed.get(number, 0) + 1
        if sum(item.what == what for item in self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(what, where, sentence))

    def count(self, what: str, more: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + more


def audit_slice(part: Slice, read: Iterable[bytes | None], reader: EntryReader) -> SliceAudit:
    """Make everything of a slice anew, and compare.

    Args:
        part: Which.
        read: The bytes under each of `part.paths()`, in order; None where nothing is.
        reader: Of the ledger's entries.
    """
    found, coming = SliceAudit(part.index), iter(read)
    roots: list[bytes] = []  # of full tiles
    records: list[bytes] = []
    last: list[bytes] = []  # leaf hashes of a tile that is not full
    for tile in part.leaf_tiles():
        bundle, stored = next(coming), next(coming)
        hashes = _leaves(tile, bundle, found, reader, records)
        made = stored if hashes is None else b"".join(hashes)
        compare_tile(tile, made, stored, found)
        if hashes is None:
            hashes = _split(stored or b"", tile.width)
            found.whole = False
        if tile.is_partial:
            last = hashes
        else:
            roots.append(root_of_full(hashes))
    above = part.tile_above()
    if above is not None:
        compare_tile(above, b"".join(roots), next(coming), found)
    found.subtrees = subtrees_of(roots, last)
    records.sort()
    found.streams, found.records = b"".join(records), len(records)
    return found


def _leaves(
    tile: TilePath,
    bundle: bytes | None,
    found: SliceAudit,
    reader: EntryReader,
    records: list[bytes],
) -> list[bytes] | None:
    """Leaf hashes of a bundle's entries; None where there is none that can be read."""
    first = tile.index * TILE_WIDTH
    path = TilePath(None, tile.index, tile.width).format()
    if bundle is None:
        found.differs(Number.ENTRIES, ENTRIES, first, f"{path} is missing")
        return None
    try:
        entries = decode_bundle(bundle, width=tile.width)
    except Malformed as error:
        found.differs(Number.ENTRIES, ENTRIES, first, f"{path}: {error.reason}")
        return None
    found.count("entries", len(entries))
    records += check_entries(first, entries, found, reader)
    return [sha256(b"\0" + entry).digest() for entry in entries]


def check_entries(
    first: int, entries: Iterable[bytes], found: SliceAudit, reader: EntryReader
) -> list[bytes]:
    """Are they entries of this ledger? Returns the record of each for stream_order."""
    records = []
    unread = 0
    for leaf_index, entry in enumerate(entries, first):
        try:
            stream, version, is_ours, topic = seen = reader.read(entry)
        except CandourError:
            found.differs(Number.FORM, ENTRIES, leaf_index, f"is no entry: {why_no_entry(entry)}")
            continue
        if not is_ours:
            found.differs(Number.FORM, ENTRIES, leaf_index, "names another ledger as its origin")
        unread += seen.is_unread
        if topic is None:
            continue
        records.append(stream_record(stream, version, leaf_index))
        if topic in _KEPT_TOPICS:
            _keep(leaf_index, entry, found)
    if unread:
        found.count("unread", unread)
    return records


def stream_record(stream: bytes, version: int, leaf_index: int) -> bytes:
    """32 bytes that sort by stream, version and place: a digest of 16, and twice 8."""
    digest = blake2b(stream, digest_size=STREAM_BYTES).digest()
    return digest + (version << 64 | leaf_index).to_bytes(16, "big")


def _keep(leaf_index: int, entry: bytes, found: SliceAudit) -> None:
    """Note what the usage index is made anew by."""
    try:
        read = decode_entry(entry)
        fact = read.fact()
        if isinstance(fact, ImportWithdrawn):
            found.withdrawn_imports.append(name_of_stream(read.stream))
        elif isinstance(fact, UsageIndexCommitted):
            said = Commitment.of_fact(fact)
            placed, withdrawn = said.performers
            closed = (placed.total, placed.hash.hex(), withdrawn.total, withdrawn.hash.hex())
            found.committed.append(
                Committed(leaf_index, said.tree_size, said.root.hex(), said.total, closed)
            )
    except CandourError as error:
        found.differs(
            Number.USAGE_INDEX, COMMITTED, leaf_index, f"commits to nothing that holds: {error}"
        )


def compare_tile(
    tile: TilePath, made: bytes | None, stored: bytes | None, found: SliceAudit
) -> None:
    """Is a stored tile what was made, to the byte? Each hash that is not is named.

    Args:
        made: None where nothing could be made, which is told elsewhere.
        stored: None where there is none.
    """
    assert tile.level is not None, "a tile of hashes"
    first = tile.index * TILE_WIDTH
    where = first if tile.level == 0 else f"{tile.level}/{tile.index}"
    number = Number.TILES if tile.level else Number.LEAF_HASHES
    if stored is None:
        found.differs(number, TILES, where, f"{tile.format()} is missing")
        return
    if len(stored) != tile.width * HASH_BYTES:
        found.differs(number, TILES, where, f"{tile.format()} does not hold {tile.width} hashes")
        return
    found.count(TILES, tile.width)
    if made is None or made == stored:
        return
    for place in range(tile.width):
        at = place * HASH_BYTES
        if made[at : at + HASH_BYTES] == stored[at : at + HASH_BYTES]:
            continue
        if tile.level == 0:
            sentence = f"entry {first + place} does not hash to the leaf that is stored for it"
            found.differs(number, TILES, first + place, sentence)
        else:
            sentence = f"hash {place} of tile {where} is not that of its entries"
            found.differs(number, TILES, where, sentence)


def root_of_full(hashes: list[bytes]) -> bytes:
    """Root over the 256 hashes of a full tile."""
    while len(hashes) > 1:
        hashes = pair_up(hashes)
    return hashes[0]


def subtrees_of(roots: list[bytes], last: list[bytes]) -> list[bytes]:
    """Roots of the whole subtrees over some full tiles and the leaves after them, largest first."""
    above = Frontier().extended(roots).subtrees
    return [*above, *Frontier().extended(last).subtrees]


def _split(hashes: bytes, width: int) -> list[bytes]:
    """As many hashes as a tile has; zeros where too few are stored, which is told elsewhere."""
    padded = hashes[: width * HASH_BYTES].ljust(width * HASH_BYTES, b"\0")
    return [padded[at : at + HASH_BYTES] for at in range(0, len(padded), HASH_BYTES)]


assert 1 << 2 * TILE_HEIGHT == SLICE_ENTRIES, "a slice is one hash of level 2"
