"""How does a log become files that any web server can serve? (C2SP tlog-tiles)

    published checkpoint ──► root of the stored tiles? ──► only adds to what DIR holds?
       ──► DIR/vkey ──► DIR/tile/… each checked against the tile above it
       ──► DIR/checkpoint, last ──► partial tiles that are full by now are taken away

A file is written once, whole or not at all, and never changed; only the checkpoint is replaced.
So an export that was broken off goes on where it was, and one that grew writes what is new.
Whoever reads meanwhile finds all that the checkpoint speaks of.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeAlias

from ledger.errors import CandourError, Refused, VerificationFailed
from ledger.limits import TILE_WIDTH
from ledger.merkle import HASH_BYTES, TileTree, leaf_hash, tile_width
from ledger.merkle.hashing import pair_up
from ledger.store.core import LedgerStore
from ledger.tlog import (
    Checkpoint,
    TilePath,
    VerifierKey,
    check_growth,
    encode_bundle,
    open_checkpoint,
    tiles_of,
)

# (entries done, entries in all)
Told: TypeAlias = Callable[[int, int], None]

_PARTIALS: Final = re.compile(r"[0-9]{3}\.p")
_KEPT_PARENTS: Final = 2  # neighbours share the tile above them


class ExportRefused(Refused):
    """The directory cannot take this export; nothing in it was changed."""

    def __init__(self, out: Path, reason: str) -> None:
        super().__init__(f"{out}: {reason}")
        self.out, self.reason = out, reason


class TileMismatch(VerificationFailed):
    """What is stored does not lead to the published checkpoint, which stays as it was in DIR."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place} {reason}; `candour audit` says more")
        self.place, self.reason = place, reason


@dataclass(frozen=True, slots=True)
class Exported:
    """What one export did.

    Members:
        tree_size: Of the checkpoint that the directory holds now.
        written, kept: Files of tiles and bundles that are new, and that were there.
        collected: Partial ones that were taken away, since the full one is there.
    """

    tree_size: int
    written: int
    kept: int
    collected: int


def export_tiles(
    store: LedgerStore,
    out: Path,
    *,
    vkey: VerifierKey,
    entries: bool = True,
    told: Told = lambda _done, _total: None,
) -> Exported:
    """Bring a directory up to the newest published checkpoint.

    Args:
        store: Of the ledger; it may go on growing meanwhile.
        out: The directory, made where it is missing; one for each ledger.
        vkey: The ledger's checkpoint key.
        entries: False leaves the bundles of entries out: then nobody can audit the copy.
        told: Told how far it is.
    Raises:
        ExportRefused: Nothing is published yet; the directory is another ledger's, ahead of
            this one, not one of its past, or being written to by somebody else.
        TileMismatch: The store is damaged.
        VerificationFailed: The published checkpoint is not signed by `vkey`.
        StoreUnavailable, OSError: It was broken off; call it again.
    """
    published = store.published()
    if published is None:
        raise ExportRefused(out, "nothing is published yet; `candour serve` publishes")
    checkpoint = open_checkpoint(published.note, [vkey]).checkpoint
    export = _Export(store, out, checkpoint, entries)
    export.check_root()
    out.mkdir(parents=True, exist_ok=True)
    with _alone(out):
        export.check_directory(vkey)
        export.write(out / "vkey", f"{vkey.format()}\n".encode(), again=True)
        export.write_tiles(told)
        export.settle()
        export.write(out / "checkpoint", published.note, again=True)
        export.settle()
        collected = _collect(out / "tile")
    return replace(export.done, collected=collected)


class _Export:
    """One export on its way."""

    def __init__(
        self, store: LedgerStore, out: Path, checkpoint: Checkpoint, entries: bool
    ) -> None:
        self._store, self._out, self._entries = store, out, entries
        self._checkpoint, self._size = checkpoint, checkpoint.tree_size
        self._tree = TileTree(self._size, self._hashes)
        self._touched: set[Path] = set()
        self._parent = lru_cache(_KEPT_PARENTS)(self._read_parent)
        self.done = Exported(self._size, 0, 0, 0)

    # --- before anything is written -------------------------------------------------
    def check_root(self) -> None:
        """The right edge of the stored tiles has the root that was signed. Raises TileMismatch."""
        if self._tree.root() != self._checkpoint.root:
            raise TileMismatch("the tree", "has another root than its published checkpoint")

    def check_directory(self, vkey: VerifierKey) -> None:
        """The directory is new, or holds an earlier state of this log. Raises ExportRefused."""
        known, older = self._out / "vkey", self._out / "checkpoint"
        if known.exists() and known.read_text("utf-8", "replace").strip() != vkey.format():
            raise ExportRefused(self._out, "holds the tiles of another ledger")
        if not known.exists() and (older.exists() or (self._out / "tile").exists()):
            raise ExportRefused(self._out, "holds tiles, and no vkey that says whose")
        if not older.exists():
            return
        try:
            old = open_checkpoint(older.read_bytes(), [vkey]).checkpoint
        except CandourError as error:
            raise ExportRefused(self._out, f"its checkpoint is no good: {error}") from None
        if old.tree_size > self._size:
            ahead = f"is ahead: it holds {old.tree_size} entries, and {self._size} are published"
            raise ExportRefused(self._out, f"{ahead}; was the ledger restored from a backup?")
        proof = self._tree.consistency_proof(old.tree_size) if old.tree_size else []
        try:
            check_growth(
                old_size=old.tree_size, old_root=old.root, newer=self._checkpoint, proof=proof
            )
        except VerificationFailed as error:
            forked = (
                "its checkpoint does not fit this ledger's tiles: it is of another history, or"
                f" the database is damaged, which `candour audit` tells ({error})"
            )
            raise ExportRefused(self._out, forked) from None

    # --- tiles ------------------------------------------------------------------------
    def write_tiles(self, told: Told) -> None:
        """Every tile and bundle that is not there yet. Raises TileMismatch."""
        for path in tiles_of(self._size):
            if path.level == 0:
                self._write_bundle_and_tile(path)
                told(path.index * TILE_WIDTH + path.width, self._size)
            elif self._is_wanted(path):
                assert path.level is not None
                self._write_tile(path, self._checked(path.level, path))

    def _write_bundle_and_tile(self, path: TilePath) -> None:
        bundle = replace(path, level=None)
        tile_wanted = self._is_wanted(path)
        bundle_wanted = self._entries and self._is_wanted(bundle)
        if not tile_wanted and not bundle_wanted:
            return
        hashes = self._checked(0, path)
        if bundle_wanted:
            rows = self._store.read_entries(path.index * TILE_WIDTH, path.width)
            if b"".join(leaf_hash(row.entry) for row in rows) != hashes:
                raise TileMismatch(bundle.format(), "holds other entries than its leaf hashes say")
            self._write_tile(bundle, encode_bundle([row.entry for row in rows]))
        if tile_wanted:
            self._write_tile(path, hashes)

    def _checked(self, level: int, path: TilePath) -> bytes:
        """A tile's hashes. What is above a full one names its root; the right edge is checked."""
        hashes = self._hashes(level, path.index, path.width)
        if not path.is_partial:
            parent, place = divmod(path.index, TILE_WIDTH)
            above = self._parent(level + 1, parent)
            if above[place * HASH_BYTES : (place + 1) * HASH_BYTES] != _root_of(hashes):
                raise TileMismatch(path.format(), "has another root than the tile above it says")
        return hashes

    def _read_parent(self, level: int, index: int) -> bytes:
        width = tile_width(level=level, index=index, tree_size=self._size)
        return self._hashes(level, index, width)

    def _hashes(self, level: int, index: int, width: int) -> bytes:
        hashes = self._store.read_tile(level, index, width)
        if len(hashes) != width * HASH_BYTES:
            raise TileMismatch(TilePath(level, index, width).format(), "is not there whole")
        return hashes

    # --- files ------------------------------------------------------------------------
    def _is_wanted(self, path: TilePath) -> bool:
        """True where it is not there; what is there was whole when it got its name."""
        wanted = not (self._out / path.format()).exists()
        if not wanted:
            self.done = replace(self.done, kept=self.done.kept + 1)
        return wanted

    def _write_tile(self, path: TilePath, data: bytes) -> None:
        self.write(self._out / path.format(), data)
        self.done = replace(self.done, written=self.done.written + 1)

    def write(self, path: Path, data: bytes, *, again: bool = False) -> None:
        """Write a file that is there whole, or not at all, whenever the power fails."""
        if again and path.exists() and path.read_bytes() == data:
            return
        if path.parent not in self._touched:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._touched.update(_up_to(path.parent, self._out))
        draft = path.with_name(f".{path.name}.new")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def settle(self) -> None:
        """The names written so far are on disk, too."""
        for folder in sorted(self._touched):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._touched.clear()


def _root_of(hashes: bytes) -> bytes:
    """Root over the hashes of a full tile."""
    nodes = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(nodes) > 1:
        nodes = pair_up(nodes)
    return nodes[0]


def _up_to(folder: Path, top: Path) -> Iterator[Path]:
    """The folder and those above it, up to `top`."""
    yield folder
    while folder != top:
        folder = folder.parent
        yield folder


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """No other export writes there meanwhile. Raises ExportRefused."""
    descriptor = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportRefused(out, "another export is writing there") from None
        yield
    finally:
        os.close(descriptor)


def _collect(tiles: Path) -> int:
    """Take away partial tiles whose full one is there; how many files that were."""
    collected = 0
    for top, folders, _ in os.walk(tiles):
        for name in [name for name in folders if _PARTIALS.fullmatch(name)]:
            folders.remove(name)
            folder = Path(top, name)
            if folder.with_suffix("").exists():
                collected += len(os.listdir(folder))
                shutil.rmtree(folder)
    return collected
