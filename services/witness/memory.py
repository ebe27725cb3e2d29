"""What did this witness cosign last? One SQLite file, with the key that cosigned it.

    <data>/witness.sqlite   name, key, and each log's latest checkpoint; mode 0600

The key lives beside what it promised: a key without its memory would cosign a fork, so losing
the one must lose the other. For the same reason this file is never restored from a backup:
make a new witness instead.

Threads share one connection, processes the file; compare-and-swap lets one of them through
at a time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from ledger.errors import Refused
from ledger.merkle import EMPTY_ROOT
from ledger.tlog import Checkpoint, Cosigner, Signature, add_signatures
from services.witness.database import MemoryRefused, open_private

FILE_NAME: Final = "witness.sqlite"
_VERSION: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE cosigner (name TEXT NOT NULL, seed BLOB NOT NULL)",
    "CREATE TABLE cosigned (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL,"
    " root BLOB NOT NULL, cosigned_at INTEGER NOT NULL, note BLOB) WITHOUT ROWID",
    f"PRAGMA user_version = {_VERSION}",
)
_READ: Final = "SELECT tree_size, root, cosigned_at, note FROM cosigned WHERE origin = ?"
_SWAP: Final = (
    "UPDATE cosigned SET tree_size = :new_size, root = :new_root, cosigned_at = :now, note = :note"
    " WHERE origin = :origin AND tree_size = :old_size AND root = :old_root"
)


class ClockWentBack(Refused):
    """The clock shows less than the last cosignature says; two statements would contradict."""

    def __init__(self, *, now: int, cosigned_at: int) -> None:
        super().__init__(f"the clock shows {now}, and the last cosignature says {cosigned_at}")
        self.now, self.cosigned_at = now, cosigned_at


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The largest tree of a log that this witness vouched for.

    Args:
        tree_size, root: 0 and the empty root where it never did.
        cosigned_at: Seconds since 1970, 0 for never.
        note: The checkpoint with the log's signature and ours; None for never.
    """

    tree_size: int = 0
    root: bytes = EMPTY_ROOT
    cosigned_at: int = 0
    note: bytes | None = None


class Memory:
    """The file of one witness, made on first use.

    Args:
        data: Its directory; made where missing.
        name: The cosigner's name, fixed when the file is made; None takes the one it has, or
            one after the new key.
    Raises:
        MemoryRefused: Others can read the file, it bears another name, or it is no witness's.
    """

    def __init__(self, data: Path, name: str | None = None) -> None:
        self.path = data / FILE_NAME
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = open_private(self.path)
        try:
            self.cosigner = self._open_cosigner(name)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Let go of the file; every cosignature is on disk already."""
        with self._lock:
            self._db.close()

    def know(self, origins: Iterable[str]) -> None:
        """Have a place for each of these logs; one that has its place keeps what stands there."""
        with self._writing():
            self._db.executemany(
                "INSERT OR IGNORE INTO cosigned VALUES (?, ?, ?, 0, NULL)",
                [(origin, 0, EMPTY_ROOT) for origin in origins],
            )

    def last(self, origin: str) -> Cosigned:
        """What was cosigned last for a log that `know` was told of."""
        with self._lock:
            return self._read(origin)

    def swap(
        self, old: Cosigned, new: Checkpoint, *, note: bytes, clock: Callable[[], int]
    ) -> Signature | None:
        """Cosign `new` and remember it in the place of `old`; None where that is gone by now.

        The time is taken while nobody else can write, so that times rise as trees do.

        Args:
            old: What `last` gave, and `new` was checked against.
            note: The log's own; kept with our cosignature below it.
            clock: Seconds since 1970.
        Raises:
            ClockWentBack: Nothing is cosigned.
            sqlite3.Error: Whether it is remembered is not known, and nobody saw it.
        """
        with self._writing():
            last = self._read(new.origin)
            if (last.tree_size, last.root) != (old.tree_size, old.root):
                return None
            now = clock()
            if now < last.cosigned_at:
                raise ClockWentBack(now=now, cosigned_at=last.cosigned_at)
            signature = self.cosigner.cosign(new, cosigned_at=now)
            values = {
                "origin": new.origin,
                "old_size": old.tree_size,
                "old_root": old.root,
                "new_size": new.tree_size,
                "new_root": new.root,
                "now": now,
                "note": add_signatures(note, [signature]),
            }
            swapped = self._db.execute(_SWAP, values)
            assert swapped.rowcount == 1, "nobody else writes while we do"
        return signature

    def _read(self, origin: str) -> Cosigned:
        return Cosigned(*self._db.execute(_READ, (origin,)).fetchone())

    def _open_cosigner(self, name: str | None) -> Cosigner:
        with self._writing():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                seed = os.urandom(32)
                cosigner = Cosigner(name or _name_after(seed), seed)
                for statement in _SCHEMA:
                    self._db.execute(statement)
                own = (cosigner.verifier_key.name, seed)
                self._db.execute("INSERT INTO cosigner VALUES (?, ?)", own)
                return cosigner
            if version != _VERSION:
                raise MemoryRefused(self.path, f"is of version {version}, not {_VERSION}")
            own_name, seed = self._db.execute("SELECT name, seed FROM cosigner").fetchone()
        if name not in (None, own_name):
            raise MemoryRefused(self.path, f"belongs to {own_name}; a new name needs a new key")
        return Cosigner(own_name, seed)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")


def _name_after(seed: bytes) -> str:
    public_key = Cosigner("new", seed).verifier_key.public_key
    return f"candour.local/witness/{sha256(public_key).hexdigest()[:16]}"
