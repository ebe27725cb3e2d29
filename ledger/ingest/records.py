"""Which lines of a file are one record? CSV taken apart so that one bad row costs only itself.

    file ──bounded lines──► Lines ──csv──► cells, or the flaw of this record
                              ▲──────────────── on a flaw: go on at the line after its first

A quote that is never closed would swallow the rows behind it. So a record that is not CSV, or
grows beyond MAX_CSV_ROW_BYTES, or runs into the end of the file, gives back all lines but its
first. The work stays linear: of two such records neither reaches past the other's quote.

Source: RFC 4180, with line feeds alone allowed.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final, Protocol

from ledger.limits import MAX_CSV_ROW_BYTES

_BOM: Final = b"\xef\xbb\xbf"
_PIECE_BYTES: Final = MAX_CSV_ROW_BYTES + 1  # read of a line at once: enough to see it is too long

NOT_UTF8: Final = "is not UTF-8"
NOT_CSV: Final = "is not CSV: a quote is out of place or is never closed"
HAS_NUL: Final = "holds a NUL character"
TOO_LONG: Final = f"is longer than {MAX_CSV_ROW_BYTES} bytes"

Record = tuple[int, list[str], str | None]


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes, /) -> None: ...


class _TooLong(Exception):
    pass


class Lines:
    """Physical lines as text, by number, with a way back to the second of those taken."""

    __slots__ = ("_again", "_pieces", "_size", "_taken", "_update", "flaw", "number")

    def __init__(self, source: Iterable[bytes], digest: Digest | None = None) -> None:
        readline = getattr(source, "readline", None)
        self._pieces = (
            iter(source) if readline is None else iter(partial(readline, _PIECE_BYTES), b"")
        )
        self._update = digest.update if digest is not None else None
        self._again: deque[bytes] = deque()
        self._taken: list[bytes] = []
        self._size = 0
        self.number = 0  # of the line handed out last, from 1
        self.flaw: str | None = None  # of the lines taken since `begin`

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._fetch()
        self.number += 1
        if self.number == 1:
            line = line.removeprefix(_BOM)
        self._taken.append(line)
        self._size += len(line)
        if self._size > MAX_CSV_ROW_BYTES:
            raise _TooLong
        if b"\0" in line:
            self.flaw = HAS_NUL
        try:
            return line.decode()
        except UnicodeDecodeError:
            self.flaw = NOT_UTF8
            return line.decode("utf-8", "replace")

    def begin(self) -> None:
        """A record starts at the next line."""
        self._taken.clear()
        self._size = 0
        self.flaw = None

    def give_back(self) -> None:
        """The lines taken since `begin`, but for the first, will be handed out again."""
        self._again.extendleft(reversed(self._taken[1:]))
        self.number -= len(self._taken) - 1

    def swallowed(self, width: int) -> bool:
        """True where one of the lines after the first is a record of `width` cells by itself."""
        texts = (line.decode("utf-8", "replace") for line in self._taken[1:])
        return any(_width(text) == width for text in texts)

    def _fetch(self) -> bytes:
        line = self._read()
        if len(line) >= _PIECE_BYTES:
            piece = line
            while len(piece) == _PIECE_BYTES and not piece.endswith(b"\n"):
                piece = self._read(b"")  # the rest of a line that is too long already
        return line

    def _read(self, *at_end: bytes) -> bytes:
        piece = next(self._pieces, *at_end)
        if self._update is not None:
            self._update(piece)
        return piece


def _width(text: str) -> int:
    try:
        return len(next(csv.reader([text], strict=True), []))
    except csv.Error:
        return 0


class Records:
    """Iterates over (line on which it starts, cells, flaw or None); blank lines are left out."""

    __slots__ = ("_lines", "_reader")

    def __init__(self, source: Iterable[bytes], digest: Digest | None = None) -> None:
        self._lines = Lines(source, digest)
        self._reader = csv.reader(self._lines, strict=True)

    def __iter__(self) -> Iterator[Record]:
        lines, reader = self._lines, self._reader
        while True:
            lines.begin()
            start = lines.number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except _TooLong:
                lines.give_back()
                yield start, [], TOO_LONG
            except csv.Error:
                flaw = lines.flaw or NOT_CSV
                lines.give_back()
                yield start, [], flaw
            else:
                if cells:
                    yield start, cells, lines.flaw

    def reread_if_swallowed(self, width: int) -> None:
        """After a record of a wrong number of cells: were rows drawn into it by a quote?

        Then all its lines but the first are read again, each for itself. A row of several
        lines that merely lacks a cell stays one row.
        """
        if self._lines.swallowed(width):
            self._lines.give_back()
