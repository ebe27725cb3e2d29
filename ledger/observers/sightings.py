"""What does an observer's file tell? Release -> row -> sighting, in one pass.

    rows of a file (ledger/ingest) ──take──► Release: a side of sightings, and what is not among them

A sighting is one search as the observer tells of it. Rows of other agencies, and rows outside the
period that is asked about, are counted and left out.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.commands import Masked, Performer, ReportToolUse
from ledger.events import ToolUseReported
from ledger.events.facts import Record, members_of
from ledger.ingest import Layout, Read, Rejected
from ledger.observers.fields import TECHNOLOGY, Encoder, Said, comparable
from ledger.observers.keys import Digests
from ledger.observers.sides import Side
from ledger.observers.uses import id_digest
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST

_MAX_REJECTS: Final = 1_000  # kept of one file; the rest are counted
_IN_THE_CLEAR: Final = frozenset(member.name for member in members_of(ToolUseReported))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a comparison is about.

    Members:
        agency: `agencies/…`
        since_us, until_us: Inclusive; None: as far as the file reaches.
    """

    agency: str
    since_us: int | None = None
    until_us: int | None = None

    def holds(self, earliest_us: int, latest_us: int) -> bool | None:
        """True where a time lies in the period, False where it does not, None where it may."""
        since = OPEN_EARLIEST if self.since_us is None else self.since_us
        until = OPEN_LATEST if self.until_us is None else self.until_us
        if earliest_us > until or latest_us < since:
            return False
        return True if since <= earliest_us and latest_us <= until else None


@dataclass(slots=True)
class Release:
    """What a file told.

    Members:
        side: The sightings; `lines` has the physical line at which each begins.
        rows: All that were read; `outside` and `rejected` of them are no sightings.
        rejects: The first of those that could not be read.
    """

    side: Side
    lines: array[int] = field(default_factory=lambda: array("L"))
    rows: int = 0
    outside: int = 0
    rejected: int = 0
    rejects: list[Rejected] = field(default_factory=list)

    def period_us(self) -> tuple[int, int] | None:
        """The first and the last moment that a sighting may be of; None where none has a time."""
        firsts = [us for us in self.side.earliest_us if us != OPEN_EARLIEST]
        lasts = [us for us in self.side.latest_us if us != OPEN_LATEST]
        return (min(firsts), max(lasts)) if firsts and lasts else None


def observed_fields(layout: Layout) -> tuple[str, ...]:
    """What a log under this column map can be compared by."""
    found = (target for target in layout.columns.values() if comparable(target))
    return (TECHNOLOGY, *dict.fromkeys(found))


def id_columns(layout: Layout) -> tuple[str, ...]:
    """Columns, folded, in which the observer writes its own ids."""
    return tuple(name for name, target in layout.columns.items() if target == "source_event_id")


def take(
    reads: Iterable[Read],
    scope: Scope,
    fields: tuple[str, ...],
    digests: Digests,
    *,
    agency_of: Callable[[str], str],
) -> Release:
    """Read all rows of a file.

    Args:
        reads: Of `read_export`, whose agency is the scope's.
        fields: As observed_fields.
        agency_of: From an agency as the observer writes it to its register name.
    """
    encoder, release = Encoder(fields, digests), Release(Side(fields))
    members = [name for name in fields if name in _IN_THE_CLEAR and name != TECHNOLOGY]
    for read in reads:
        release.rows += 1
        if isinstance(read, Rejected):
            release.rejected += 1
            if len(release.rejects) < _MAX_REJECTS:
                release.rejects.append(read)
            continue
        command = read.command
        agency = command.use.agency if read.agency_name is None else agency_of(read.agency_name)
        earliest_us, latest_us = _bounds(command)
        inside = scope.holds(earliest_us, latest_us) if agency == scope.agency else False
        if inside is False:
            release.outside += 1
            continue
        own = command.source_event_id
        release.side.add(
            earliest_us,
            latest_us,
            encoder.encode(_said(command, members)),
            () if own is None else (id_digest(digests, own),),
            # Where the file itself is the period, all of it is in scope.
            optional=inside is None and (scope.since_us is not None or scope.until_us is not None),
        )
        release.lines.append(read.line)
    return release


def _bounds(command: ReportToolUse) -> tuple[int, int]:
    occurred = command.use.occurred
    earliest, latest = (None, None) if occurred is None else occurred.bounds_us()
    return (
        OPEN_EARLIEST if earliest is None else earliest,
        OPEN_LATEST if latest is None else latest,
    )


def _said(command: ReportToolUse, members: Iterable[str]) -> Said:
    event: dict[str, Any] = {}
    for name in members:
        value = getattr(command.use, name)
        event[name] = value.to_object() if isinstance(value, Record) else value
    who = command.performer
    named: Mapping[str, str] | None = None
    if isinstance(who, Performer | Masked):
        named = who.to_json()
    return event, command.protected, (), named
