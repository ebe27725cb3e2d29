"""How are a spool's files made, synced, cut and deleted? The only place that touches its disk.

    <number, 20 digits>.spool    one after another; only the last may be written to
    lock                         held by the client that has the spool

Files are for their owner alone (0600): they hold names and cases in the clear.
"""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import Final

from services.client.errors import SpoolInUse

_NAME: Final = re.compile(r"(\d{20})\.spool")


class Lock:
    """Held from its making to `release`, or the end of the process.

    Raises:
        SpoolInUse: Somebody else holds it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise SpoolInUse(folder) from None

    def release(self) -> None:
        os.close(self._file)


def numbers_in(folder: Path) -> list[int]:
    """Of the segments there are, in order."""
    return sorted(
        int(found[1]) for path in folder.iterdir() if (found := _NAME.fullmatch(path.name))
    )


def path_of(folder: Path, number: int) -> Path:
    """Of a segment."""
    return folder / f"{number:020d}.spool"


def sync_folder(folder: Path) -> None:
    """Make what was created or deleted there durable."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def cut(path: Path, size: int) -> None:
    """Let a file end at `size`, durably."""
    opened = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.ftruncate(opened, size)
        os.fsync(opened)
    finally:
        os.close(opened)


class Writer:
    """The segment that is written to.

    Raises:
        OSError: From each method, as the disk does.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.number, self.path, self.size = number, path_of(folder, number), 0
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        try:
            sync_folder(folder)
        except OSError:
            os.close(self._file)
            raise

    def append(self, data: bytes) -> None:
        """Write and sync; `size` grows only when that is done."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        os.fsync(self._file)
        self.size += len(data)

    def repair(self) -> None:
        """Take back what a failed `append` left."""
        cut(self.path, self.size)

    def close(self) -> None:
        os.close(self._file)


class Reader:
    """Reads one segment at any offset."""

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self._file = os.open(path_of(folder, number), os.O_RDONLY | os.O_CLOEXEC)

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes, or fewer where the file ends."""
        parts = []
        while length > 0 and (part := os.pread(self._file, length, offset)):
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return b"".join(parts)

    def close(self) -> None:
        os.close(self._file)
