"""What does an observer's file tell? Read once for all its sightings, and again for a few rows.

file ──read_export──► rows ──take──► Release, SHA-256        lines ──reread──► those rows
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from ledger.ingest import Layout, Read, read_export
from ledger.observers.keys import Digests
from ledger.observers.sightings import Release, Scope, take
from services.cli.names import Names

# What read_export asks for and a sighting does not have.
_SOURCE: Final = "sources/observer"
_CAPTURE: Final = "backfill"
READING: Final = "reading"
_SAID_EVERY: Final = 1 << 20  # bytes between two signs of progress

# (phase, done so far, of how many; None where that is not known)
Watch: TypeAlias = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is compared with what; names as the register has them."""

    file: Path
    observer: str
    agency: str
    technology: str | None
    layout: Layout | None
    window_us: int
    since_us: int | None
    until_us: int | None
    ignored: frozenset[str] = frozenset()
    id_columns: tuple[str, ...] = ()

    def scope(self) -> Scope:
        """What of the file is asked about."""
        return Scope(agency=self.agency, since_us=self.since_us, until_us=self.until_us)


class _Counted:
    """A SHA-256 that says how far it is."""

    def __init__(self, watch: Callable[[int], None]) -> None:
        self.sha256, self._done, self._watch = hashlib.sha256(), 0, watch
        self._said = 0

    def update(self, data: bytes, /) -> None:
        self.sha256.update(data)
        self._done += len(data)
        if self._done - self._said >= _SAID_EVERY:
            self._said = self._done
            self._watch(self._done)


def read_file(
    question: Question,
    layout: Layout,
    fields: tuple[str, ...],
    digests: Digests,
    names: Names,
    watch: Watch,
) -> tuple[Release, str]:
    size = question.file.stat().st_size
    counted = _Counted(lambda done: watch(READING, done, size))
    with question.file.open("rb") as lines:
        reads = read_export(
            lines,
            agency=question.agency,
            technology=None,
            layout=layout,
            digest=counted,
            source=_SOURCE,
            capture=_CAPTURE,
        )
        release = take(
            reads,
            question.scope(),
            fields,
            digests,
            agency_of=lambda given: names.find("agencies", given).name,
        )
    watch(READING, size, size)
    return release, counted.sha256.hexdigest()


def reread(question: Question, layout: Layout, lines: set[int]) -> Iterator[Read]:
    """The rows of the file that begin at these lines, in its order."""
    with question.file.open("rb") as file:
        yield from read_export(
            file,
            agency=question.agency,
            technology=None,
            layout=layout,
            only=lines,
            source=_SOURCE,
            capture=_CAPTURE,
        )
