"""How does a ledger become Parquet, and the Parquet what the ledger grew to?

    published checkpoint ──► entries of each slice that is not there ──► DIR/entries/….parquet
        ──► do all files together lead to its root? ──► DIR/checkpoint, last ──► old last file away

Streaming: some tiles of entries are in memory at a time. A file gets its name when it is whole.
Each says in its metadata what its slice hashes to, so that growing need not read old entries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.audit.slices import SLICE_ENTRIES, Slice, SliceAudit, slices_of
from ledger.audit.tree import prefix_root, root_of
from ledger.audit.trusted import Trust, open_trusted
from ledger.errors import CandourError, Refused, VerificationFailed
from ledger.limits import AUDIT_BATCH, TILE_WIDTH
from ledger.merkle import Frontier, leaf_hash
from ledger.store.core import LedgerStore
from ledger.tlog import Checkpoint, TilePath, decode_bundle
from services.audit.parquet_files import FOLDER, SCHEMA, derived_columns, file_of, strangers
from services.audit.sources import Source, SourceFailed, read_note

# (entries done, entries in all)
Told: TypeAlias = Callable[[int, int], None]
_ROW_GROUP: Final = 32 * TILE_WIDTH  # rows: some 8 MB, read and written at once
_SUBTREES: Final = b"candour.subtrees"  # hashes that the file's entries make, largest first


class ParquetRefused(Refused):
    """The directory cannot take this export; nothing in it was changed."""

    def __init__(self, out: Path, reason: str) -> None:
        super().__init__(f"{out}: {reason}")
        self.out, self.reason = out, reason


class Entries(Protocol):
    """A published log."""

    def note(self) -> bytes:
        """Its newest checkpoint."""

    def read(self, part: Slice) -> Iterator[list[bytes]]:
        """A slice's entries, in leaf order, some tiles at a time."""


@dataclass(frozen=True, slots=True)
class FromTiles:
    """Entries out of a tile directory or a server."""

    source: Source

    def note(self) -> bytes:
        return read_note(self.source)

    def read(self, part: Slice) -> Iterator[list[bytes]]:
        paths = [TilePath(None, tile.index, tile.width) for tile in part.leaf_tiles()]
        for path, data in zip(paths, self.source.read_all(paths), strict=True):
            if data is None:
                raise SourceFailed(f"{self.source}/{path.format()}", "is missing")
            yield decode_bundle(data, width=path.width)


@dataclass(frozen=True, slots=True)
class FromStore:
    """Entries out of the ledger's database."""

    store: LedgerStore

    def note(self) -> bytes:
        published = self.store.published()
        if published is None:
            raise Refused("nothing is published yet; `candour serve` publishes")
        return published.note

    def read(self, part: Slice) -> Iterator[list[bytes]]:
        for start in range(part.start, part.stop, AUDIT_BATCH):
            rows = self.store.read_entries(start, min(AUDIT_BATCH, part.stop - start))
            yield [row.entry for row in rows]


@dataclass(frozen=True, slots=True)
class Exported:
    """What one export did.

    Members:
        tree_size: Of the checkpoint that the directory holds now.
        written, kept: Files that are new, and that were there.
        collected: Files of a last slice that has grown, taken away.
    """

    tree_size: int
    written: int
    kept: int
    collected: int


def export_parquet(
    entries: Entries, out: Path, *, trust: Trust, vkey: str, told: Told = lambda _done, _all: None
) -> Exported:
    """Bring a directory up to the newest published checkpoint.

    Args:
        entries: Of the ledger.
        out: The directory, made where it is missing; one for each ledger.
        trust: Whose checkpoints count.
        vkey: The log's key, written beside the files.
        told: Told how far it is.
    Raises:
        ParquetRefused: The directory is another ledger's, or holds another history of it.
        VerificationFailed: The checkpoint, or what the entries lead to; DIR/checkpoint stays.
        SourceFailed, StoreUnavailable, OSError: It was broken off; call it again.
    """
    note = entries.note()
    checkpoint = open_trusted(note, trust).checkpoint
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    _check_directory(out, vkey, checkpoint)
    done = Exported(checkpoint.tree_size, 0, 0, 0)
    parts = slices_of(checkpoint.tree_size)
    audits = []
    for part in parts:
        path = out / file_of(part)
        is_new = not path.exists()
        subtrees = _write(path, part, entries) if is_new else _subtrees_in(path)
        audits.append(SliceAudit(part.index, subtrees))
        done = replace(done, written=done.written + is_new, kept=done.kept + (not is_new))
        told(part.stop, checkpoint.tree_size)
    _check_root(out, audits, checkpoint, trust)
    _replace(out / "vkey", f"{vkey}\n".encode())
    _replace(out / "checkpoint", note)
    old = strangers(out, [file_of(part) for part in parts])
    for name in old:
        (out / name).unlink()
    return replace(done, collected=len(old))


def _check_directory(out: Path, vkey: str, checkpoint: Checkpoint) -> None:
    known = out / "vkey"
    if known.exists() and known.read_text("utf-8", "replace").strip() != vkey:
        raise ParquetRefused(out, "holds the entries of another ledger")
    if (
        not known.exists()
        and any((out / FOLDER).glob("*.parquet"))
        and (out / "checkpoint").exists()
    ):
        raise ParquetRefused(out, "holds entries, and no vkey that says whose")


def _check_root(out: Path, audits: list[SliceAudit], checkpoint: Checkpoint, trust: Trust) -> None:
    """All files together lead to the checkpoint, and to the one that was there before."""
    if root_of(audits, checkpoint.tree_size) != checkpoint.root:
        raise VerificationFailed(
            f"the entries in {out} do not lead to the published checkpoint; files that were there"
            " before may be of another history, or the ledger is damaged, which `candour audit` tells"
        )
    older = out / "checkpoint"
    if not older.exists():
        return
    try:
        old = open_trusted(older.read_bytes(), trust).checkpoint
    except CandourError as error:
        raise ParquetRefused(out, f"its checkpoint is no good: {error}") from None
    if old.tree_size > checkpoint.tree_size:
        raise ParquetRefused(
            out,
            f"is ahead: it holds {old.tree_size} entries, and {checkpoint.tree_size} are"
            " published; was the ledger restored from a backup?",
        )
    if old.tree_size == 0:
        return
    leaves = leaf_hashes(out, old.tree_size, checkpoint.tree_size)
    if prefix_root(audits, old.tree_size, leaves) != old.root:
        raise ParquetRefused(out, "its checkpoint is of another history of this ledger")


def leaf_hashes(folder: Path, size: int, tree_size: int) -> list[bytes]:
    """Leaf hashes of the slice in which a smaller tree ends, from its start up to there."""
    part = Slice(size // SLICE_ENTRIES, tree_size)
    wanted = size - part.start
    if not wanted:
        return []
    table = pq.read_table(
        folder / file_of(part), columns=["leaf_index", "leaf_hash"], partitioning=None
    )
    return list(table.sort_by("leaf_index").column("leaf_hash").slice(0, wanted).to_pylist())


def _write(path: Path, part: Slice, entries: Entries) -> list[bytes]:
    """Write one file; returns the roots of the subtrees that its entries make."""
    draft = path.with_name(f".{path.name}.new")
    frontier, at = Frontier(), part.start
    with pq.ParquetWriter(draft, SCHEMA, compression="zstd") as writer:
        for some in _groups(entries.read(part)):
            hashes = [leaf_hash(entry) for entry in some]
            frontier = frontier.extended(hashes)
            indexes = pa.array(range(at, at + len(some)), pa.int64())
            columns = [indexes, pa.array(hashes, SCHEMA.field("leaf_hash").type)]
            columns += [pa.array(some, pa.binary()), *derived_columns(some)]
            writer.write_table(pa.table(columns, schema=SCHEMA))
            at += len(some)
        if at != part.stop:
            raise VerificationFailed(
                f"entry {at} of {part.tree_size} is missing; `candour audit` says more"
            )
        writer.add_key_value_metadata({_SUBTREES.decode(): b"".join(frontier.subtrees).hex()})
    descriptor = os.open(draft, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)
    return list(frontier.subtrees)


def _groups(lists: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
    """The same entries, as many at a time as a row group has."""
    waiting: list[bytes] = []
    for some in lists:
        waiting += some
        if len(waiting) >= _ROW_GROUP:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _subtrees_in(path: Path) -> list[bytes]:
    """What a file says that its entries make. An audit believes none of it."""
    found = (pq.read_metadata(path).metadata or {}).get(_SUBTREES, b"")
    data = bytes.fromhex(found.decode("ascii"))
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
