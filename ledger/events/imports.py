"""Which file did these uses come from, and was it taken back? Facts of a file import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, fact


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDeclared(Fact):
    """A file was about to be read: its digest and row count, before any of its rows.

    Stream `import/<uuid>`. `file_sha256` is lower-case hex over the file's bytes; `rows`
    counts data rows, repeated header rows left out.
    """

    TOPIC: ClassVar[str] = "import.declared.v1"

    agency: str
    source: str
    file_sha256: str
    rows: int
    layout: str
    technology: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCompleted(Fact):
    """The file was read to its end: what became of its rows, the first time it was."""

    TOPIC: ClassVar[str] = "import.completed.v1"

    accepted: int
    duplicates: int
    rejected: int


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWithdrawn(Fact):
    """Every use that names this import stops counting; all stay in the log.

    The reason in words is protected; `code` says its kind.
    """

    TOPIC: ClassVar[str] = "import.withdrawn.v1"

    code: str | None = None
