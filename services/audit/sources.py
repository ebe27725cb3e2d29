"""Where do the tiles of a log lie? In a directory, or behind a server that may be slow or hostile.

    TilePath ──read──► bytes of just this width, or None where nothing is
                  └──► SourceFailed: it could not be told; the audit can be resumed

A server's answer is read within a time, up to the most that can be right; it is asked three
times. A partial tile that is gone is cut from the full one, as C2SP tlog-tiles has it.
"""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from ledger.errors import Malformed, Refused
from ledger.limits import (
    AUDIT_IN_FLIGHT,
    AUDIT_SLICE_S,
    AUDIT_TIMEOUT_S,
    AUDIT_TRIES,
    MAX_ENTRY_BYTES,
    MAX_NOTE_BYTES,
    TILE_WIDTH,
)
from ledger.merkle import HASH_BYTES
from ledger.tlog import TilePath
from services.runtime.http_client import AnswerTooLong, get

_MOST_OF_TILE: Final = TILE_WIDTH * HASH_BYTES
_MOST_OF_BUNDLE: Final = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)
_PAUSE_S: Final = 0.2  # before asking again; grows with each try
_ABSENT: Final = (404, 410)


class SourceFailed(Refused):
    """What lies there cannot be read now; nothing is shown by it."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place, self.reason = place, reason

    def __reduce__(self) -> tuple[type[SourceFailed], tuple[str, str]]:
        """It comes from another process, mostly."""
        return SourceFailed, (self.place, self.reason)


class Source(Protocol):
    """Where a log's files lie. Workers get a copy of their own."""

    def file(self, path: str, most: int) -> bytes | None:
        """The bytes under a path; None where nothing is.

        Where there are more than `most`, one more comes, whatever they are.

        Raises:
            SourceFailed: It could not be told.
        """

    def read_all(self, paths: Iterable[TilePath]) -> Iterator[bytes | None]:
        """The bytes under each path, in order; raises as `file`."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory, as `candour export tiles` writes it."""

    root: Path

    def file(self, path: str, most: int) -> bytes | None:
        try:
            # A pipe or device would keep us waiting, or never end.
            descriptor = os.open(self.root / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SourceFailed(str(self.root / path), error.strerror or str(error)) from None
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            with open(descriptor, "rb", buffering=0, closefd=False) as file:
                return file.read(most + 1)
        except OSError as error:
            raise SourceFailed(str(self.root / path), error.strerror or str(error)) from None
        finally:
            os.close(descriptor)

    def read_all(self, paths: Iterable[TilePath]) -> Iterator[bytes | None]:
        return (read_tile(self, path) for path in paths)

    def __str__(self) -> str:
        return str(self.root)


@dataclass(frozen=True, slots=True)
class Server:
    """A log's prefix over HTTP.

    Members:
        url: Without a slash at the end.
        timeout_s: Of one request, to its last byte.
        tries: Of one request.
    """

    url: str
    timeout_s: float = AUDIT_TIMEOUT_S
    tries: int = AUDIT_TRIES
    slice_s: float = AUDIT_SLICE_S

    def file(self, path: str, most: int) -> bytes | None:
        place, reason = f"{self.url}/{path}", ""
        for number in range(self.tries):
            time.sleep(_PAUSE_S * number)
            try:
                reply = get(place, most=most, timeout_s=self.timeout_s, gzip=True)
            except AnswerTooLong:
                return bytes(most + 1)  # which nothing takes for what it should be
            except OSError as error:
                reason = str(error) or type(error).__name__
                continue
            if reply.status == 200:
                return reply.body
            if reply.status in _ABSENT:
                return None
            reason = f"answers {reply.status}"
            if reply.status < 500 and reply.status != 429:
                break
        raise SourceFailed(place, reason)

    def read_all(self, paths: Iterable[TilePath]) -> Iterator[bytes | None]:
        """Several requests are under way at once; all of them within `slice_s`."""
        deadline = time.monotonic() + self.slice_s
        waiting: deque[Future[bytes | None]] = deque()
        coming = iter(paths)
        with ThreadPoolExecutor(AUDIT_IN_FLIGHT, thread_name_prefix="audit-read") as pool:
            try:
                for path in coming:
                    waiting.append(pool.submit(read_tile, self, path))
                    if len(waiting) == AUDIT_IN_FLIGHT:
                        yield self._next(waiting, deadline)
                while waiting:
                    yield self._next(waiting, deadline)
            finally:
                for future in waiting:
                    future.cancel()

    def _next(self, waiting: deque[Future[bytes | None]], deadline: float) -> bytes | None:
        found = waiting.popleft().result()
        if time.monotonic() > deadline:
            raise SourceFailed(self.url, f"{self.slice_s:g} s were not enough for 65,536 entries")
        return found

    def __str__(self) -> str:
        return self.url


def source_of(text: str) -> Source:
    """The source that a person names: a URL, `file:` and a path, or a path. Raises Malformed."""
    if text.startswith(("http://", "https://")):
        return Server(text.rstrip("/"))
    if text.startswith("file:"):
        parts = urlsplit(text)
        if parts.netloc not in ("", "localhost"):
            raise Malformed("--url", "a file: URL must name a path of this machine")
        text = unquote(parts.path)
    if "://" in text:
        raise Malformed("--url", "must be of http, https or file, or a directory")
    return Folder(Path(text))


def read_note(source: Source) -> bytes:
    """The log's checkpoint. Raises SourceFailed, too where there is none."""
    note = source.file("checkpoint", MAX_NOTE_BYTES)
    if note is None:
        raise SourceFailed(f"{source}/checkpoint", "is not there; is this a log's prefix?")
    return note


def read_tile(source: Source, path: TilePath) -> bytes | None:
    """A tile or bundle of just this width; None where nothing is. Raises SourceFailed."""
    most = _MOST_OF_BUNDLE if path.level is None else _MOST_OF_TILE
    found = source.file(path.format(), most)
    if found is None and path.is_partial:
        found = source.file(TilePath(path.level, path.index).format(), most)
        if found is not None:
            return _first_of(found, path)
    return found


def _first_of(data: bytes, path: TilePath) -> bytes:
    """What a narrower tile or bundle holds of a wider one."""
    if path.level is not None:
        return data[: path.width * HASH_BYTES]
    at = 0
    for _ in range(path.width):
        at += 2 + int.from_bytes(data[at : at + 2], "big")
    return data[:at]
