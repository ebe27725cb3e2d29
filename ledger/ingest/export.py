"""What does a vendor's export say? Its rows as commands, one by one, in constant memory.

    binary file ──Records──► cells ──Mapper──► Row(line, command) | Rejected(line, reason, field)

Pure and total: the same bytes give the same reads, and whatever a row holds, the next is read.
Two passes see the same rows: `file_facts` counts them, `read_export` reads them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.commands import ReportToolUse
from ledger.errors import Malformed
from ledger.events.tool_use import ACQUISITIONS, CAPTURES
from ledger.ingest.layout import Layout, NoLayout
from ledger.ingest.mapping import ROW, Header, Mapper, Origin
from ledger.ingest.records import Digest, Records
from ledger.limits import MAX_NAME_CHARS

MAX_ORG_NAMES: Final = 10_000  # the whole vendor has some thousand customers


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be read.

    Members:
        line: Physical line on which it starts, from 1.
        agency_name: Display name of the command's agency where a column gave it; None where
            it is the importer's.
    """

    line: int
    command: ReportToolUse
    agency_name: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that could not: the rule it broke and the column, as the file writes it, or `row`."""

    line: int
    reason: str
    field: str


Read: TypeAlias = Row | Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What ImportDeclared says of a file.

    Members:
        sha256: Lower-case hex over the file's bytes.
        rows: As many as `read_export` yields; repeated headers and blank lines left out.
        layout: Name of the column map.
        org_names_seen: Organisations it names, MAX_ORG_NAMES at most.
    """

    sha256: str
    rows: int
    layout: str
    org_names_seen: frozenset[str]


def read_export(
    lines: Iterable[bytes],
    *,
    agency: str,
    technology: str | None,
    source: str,
    capture: str,
    layout: Layout | None = None,
    acquisition: str | None = None,
    import_: str | None = None,
    digest: Digest | None = None,
    only: Container[int] | None = None,
) -> Iterator[Read]:
    """Read an export. The header is read at once, the rows as they are asked for.

    Args:
        lines: A binary file, or its lines.
        agency: Whose uses these are (`agencies/…`), where no column says it.
        technology: `technologies/…`.
        source: `sources/…`.
        capture: `live` or `backfill`.
        layout: The column map; None lets the header choose among the shipped ones.
        acquisition: Instead of the layout's default.
        import_: Stream of the import these rows belong to.
        digest: Is given the file's bytes as they are read.
        only: Lines at which the rows begin that are wanted; None: all. Without ids of their own
            they are told apart only among these.
    Raises:
        NoLayout: The header fits no column map, or the file has none.
        Malformed: `capture` or `acquisition` is not one of the known ones.
    """
    if capture not in CAPTURES:
        raise Malformed("capture", f"must be one of {', '.join(CAPTURES)}")
    if acquisition is not None and acquisition not in ACQUISITIONS:
        raise Malformed("acquisition", f"must be one of {', '.join(ACQUISITIONS)}")
    origin = Origin(
        agency=agency,
        technology=technology,
        source=source,
        capture=capture,
        acquisition=acquisition,
        import_=import_,
    )
    return _read_rows(_Export(lines, layout, digest), origin, only)


def _read_rows(
    export: _Export, origin: Origin, only: Container[int] | None = None
) -> Iterator[Read]:
    repeats: dict[int, int] = {}
    header, mapper = export.header, Mapper(export.header, origin, repeats)
    for line, cells, flaw in export:
        if only is not None and line not in only:
            continue
        if flaw is not None:
            yield Rejected(line, flaw, ROW)
            continue
        if header is not export.header:
            header, mapper = export.header, Mapper(export.header, origin, repeats)
        try:
            command, agency_name = mapper.read(cells)
        except Malformed as problem:
            yield Rejected(line, problem.reason, problem.field)
        else:
            yield Row(line, command, agency_name)


def layout_of(lines: Iterable[bytes], *, layout: Layout | None = None) -> Layout:
    """The column map under which `read_export` reads a file. Raises NoLayout."""
    return _Export(lines, layout).header.layout


def file_facts(lines: Iterable[bytes], *, layout: Layout | None = None) -> FileFacts:
    """Digest and count a file in one pass, under the layout that `read_export` will be given.

    Raises:
        NoLayout: As `read_export`.
    """
    digest, count = hashlib.sha256(), 0
    export = _Export(lines, layout, digest)
    names: set[str] = set()
    for _, cells, flaw in export:
        count += 1
        at = export.organisation_at
        if flaw is None and at is not None and len(names) < MAX_ORG_NAMES:
            name = cells[at].strip()
            if name and len(name) <= MAX_NAME_CHARS and not export.header.layout.hides(name):
                names.add(name)
    return FileFacts(
        sha256=digest.hexdigest(),
        rows=count,
        layout=export.header.layout.name,
        org_names_seen=frozenset(names),
    )


class _Export:
    """Iterates over the data rows of a file: (line, cells, flaw or None); keeps the header.

    A row without flaw has as many cells as `header`, the one that it stands under, has columns.
    """

    __slots__ = ("_read", "_records", "header", "organisation_at")

    def __init__(
        self, lines: Iterable[bytes], layout: Layout | None, digest: Digest | None = None
    ) -> None:
        self._records = Records(lines, digest)
        self._read = iter(self._records)
        first = next(self._read, None)
        if first is None:
            raise NoLayout("header", "is missing: the file is empty")
        _, cells, flaw = first
        if flaw is not None:
            raise NoLayout("header", flaw)
        self._take(Header(cells, layout))

    def _take(self, header: Header) -> None:
        self.header = header
        named = [
            n for n, target in enumerate(header.targets) if target in ("agency", "organisation")
        ]
        self.organisation_at = named[0] if named else None

    def __iter__(self) -> Iterator[tuple[int, list[str], str | None]]:
        for line, cells, flaw in self._read:
            if flaw is None:
                again = self.header.again(cells)
                if again is not None:
                    self._take(again)
                    continue
                width = len(self.header.columns)
                if len(cells) != width:
                    flaw = f"has {len(cells)} cells where the header has {width}"
                    self._records.reread_if_swallowed(width)
            yield line, cells, flaw
