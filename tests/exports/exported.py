"""Uses for exports: a ledger told anything, and one use that says all there is to say.

operations ──tests.ledgers──► entries ──About, UseRecord──► writers
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Final

from ledger.canonical_json import JsonValue
from ledger.commands import Performer, ReportToolUse
from ledger.errors import CandourError
from ledger.events import (
    Amendment,
    AuthorizationGranted,
    Count,
    DataFlow,
    Interval,
    Occurred,
    OutcomeReported,
    TechnologyRegistered,
    ToolUseReported,
)
from ledger.exports import About, Line, UseRecord, line_of, record_of
from ledger.store.core import StoredEntry
from ledger.store.reading_entries import shown_values
from tests.ledgers import ORIGIN, Ledger, Place, fold_of
from tests.strategies import Operation

SECRET: Final = "what nobody asked to be shown"


def about_of(entries: Sequence[StoredEntry], *, disclosed: Collection[str] = ()) -> About:
    """What an export of all uses says of itself."""
    fold, unread = fold_of(entries)
    return About(
        origin=ORIGIN,
        tree_size=len(entries),
        filter="",
        checkpoint="",
        registers=fold.registers,
        disclosed=tuple(disclosed),
        unread=unread,
    )


def records_of(
    entries: Sequence[StoredEntry], *, disclosed: Collection[str] = ()
) -> list[UseRecord]:
    """Every use that counts, as an export has it."""
    fold, _ = fold_of(entries)
    judge = fold.authorities.judge(fold.registers)
    lines: dict[str, list[StoredEntry]] = {}
    for stored in entries:
        lines.setdefault(stored.stream, []).append(stored)
    records = []
    for row in fold.uses.values():
        if fold.counted(row):
            read = [line for stored in lines[row.use] for line in _read(stored, disclosed)]
            records.append(record_of(read, certain=True, verdicts=judge(row)))
    return records


def _read(stored: StoredEntry, disclosed: Collection[str]) -> Iterator[Line]:
    with suppress(CandourError):  # of a later release
        yield line_of(stored.leaf_index, stored.entry, shown(stored, disclosed))


def shown(stored: StoredEntry, disclosed: Collection[str]) -> dict[str, JsonValue]:
    """The pseudonym, and what was asked for."""
    wanted = {"performer", *disclosed}
    return {name: value for name, value in shown_values(stored).items() if name in wanted}


def told(place: Place, *steps: Sequence[Operation]) -> list[StoredEntry]:
    """The entries of a new ledger that was told these operations."""
    store, _engine = place.begin()
    ledger = Ledger(store)
    for some in steps:
        ledger.tell(some)
    return ledger.entries()


def told_once(place: Place) -> list[StoredEntry]:
    """A ledger in which one use says all that a report can say, and was amended and followed up."""
    store, _engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    ledger.register(
        "technologies/t",
        TechnologyRegistered(technology="technologies/t", name="Faces", vendor="V", category="x"),
    )
    grant = AuthorizationGranted(
        authorization="authorizations/w",
        agency="agencies/a",
        kind="warrant",
        identifier="W-17",
        granted_at="2020-02-20T00:00:00Z",
        valid=Interval(earliest="2020-02-20T00:00:00Z", latest="2020-02-28T00:00:00Z"),
    )
    ledger.register("authorizations/w", grant)
    (receipt,) = ledger.report(FULL)
    assert not isinstance(receipt, CandourError)
    by, decide = ledger.provenance(), ledger.registrar
    amended = Amendment(purpose="other")
    ledger.append(
        decide.amend_use(receipt.name, amended, by, unset=("unit",), protected={"reason": SECRET})
    )
    ledger.append(decide.report_outcome(receipt.name, OutcomeReported(outcome="lead"), by, {}))
    ledger.report(UNKNOWN)
    return ledger.entries()


FULL = ReportToolUse(
    use=ToolUseReported(
        agency="agencies/a",
        authorizations=("authorizations/w",),
        technology="technologies/t",
        technology_version="2.1",
        occurred=Occurred(earliest="2020-02-21T10:00:00Z", latest="2020-02-21T10:00:00Z"),
        unit="fraud",
        purpose="identification",
        object_category="face",
        objects=Count(at_least=2),
        reference_database="scraped photos",
        data_flows=(
            DataFlow(category="photos", recipient="V", processing_country="US", permission="p"),
        ),
    ),
    source="sources/s",
    source_event_id="1",
    capture="live",
    performer=Performer(user_id="officer-7731"),
    protected={"case_number": "24-1", "reason": SECRET, "object": {"plate": "AAA 111"}},
)
UNKNOWN = ReportToolUse(
    use=ToolUseReported(agency="agencies/a"),
    source="sources/s",
    source_event_id="2",
    capture="live",
)
