"""How do uses leave for an export? Their entries as they stand in the log, page after page.

    question ─► header ─► entries of the registers ─► pages of uses: entries, shown values, verdicts

The client folds the entries itself. Verdicts come from here, for they rest on values that an
export need not show: who granted an authority, and who acted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from ledger.canonical_json import encode
from ledger.errors import Malformed
from ledger.exports.records import DISCLOSABLE
from ledger.limits import BUNDLE_CHUNK_BYTES, EXPORT_BATCH
from ledger.projections.questions import Question
from ledger.projections.registers import Registers
from ledger.rules.active import active_packs
from ledger.rules.judging import Authorities
from ledger.rules.verdicts import Verdict, with_grace
from ledger.store.core import StoredEntry
from ledger.store.reading_entries import shown_values
from ledger.store.register_entries import register_entries
from ledger.store.view_queries import Found, Place
from services.pb.candour.v1 import query_pb2 as pb
from services.query.rendering import Told, histories
from services.runtime.reading import Reading

# Every answer of the ledger names a performer by the pseudonym, and by no more.
_ALWAYS: Final = "performer"
T = TypeVar("T", pb.ExportedEntry, pb.ExportedUse)


async def export_tool_uses(
    reading: Reading, request: pb.ExportToolUsesRequest
) -> AsyncIterator[pb.ExportToolUsesResponse]:
    """All uses that match, as messages of a megabyte or so.

    Raises:
        Malformed: The filter, or a field to disclose that there is not; and what settle raises.
    """
    for field in request.disclose:
        if field not in DISCLOSABLE:
            raise Malformed("disclose", f"must be of {', '.join(DISCLOSABLE)}")
    tree_size = await reading.settle(request.as_of, request.min_tree_size)
    question = await reading.run(reading.question, request.filter, tree_size)
    export = _Export(reading, question, frozenset({_ALWAYS, *request.disclose}))
    found, unread = await reading.run(export.page, None)
    yield pb.ExportToolUsesResponse(header=await reading.run(export.header, unread))
    registers = await reading.run(export.register_pages)
    while page := await reading.run(next, registers, ()):
        for some in _chunks(page):
            yield pb.ExportToolUsesResponse(registers=some)
    while found:
        uses = await reading.run(export.uses, found)
        for several in _chunks(uses):
            yield pb.ExportToolUsesResponse(tool_uses=several)
        if len(found) < EXPORT_BATCH:
            return
        found, _ = await reading.run(export.page, found[-1].place)


class _Export:
    """One export: blocking reads of one ledger at one tree size."""

    def __init__(self, reading: Reading, question: Question, shown: Collection[str]) -> None:
        self._views, self._hosted = reading.views, reading.hosted
        self._question, self._shown = question, shown
        self._registers: Registers = self._views.registers_at(question.tree_size)
        self._grace: dict[str, int] = {}

    def header(self, unread: int) -> pb.ExportHeader:
        newest = self._hosted.store.published()
        covers = newest is not None and newest.tree_size >= self._question.tree_size
        return pb.ExportHeader(
            origin=self._hosted.log.origin,
            tree_size=self._question.tree_size,
            filter=self._question.filter,
            checkpoint=newest.note.decode() if covers and newest is not None else "",
            unread_entries=unread,
            uses=sum(self._views.count(self._question)),
        )

    def page(self, after: Place | None) -> tuple[list[Found], int]:
        return self._views.page(self._question, after, EXPORT_BATCH)

    def register_pages(self) -> Iterator[Sequence[pb.ExportedEntry]]:
        views, store = self._views, self._hosted.store
        for page in register_entries(views.engine, store, self._question.tree_size):
            yield [self._entry(stored) for stored in page]

    def uses(self, found: Sequence[Found]) -> list[pb.ExportedUse]:
        """One page, in its order."""
        reports = self._hosted.store.entries_at([item.first for item in found])
        streams = [stored.stream for stored in reports]
        told = histories(self._hosted.store, streams, self._question.tree_size)
        by_leaf = {one.report.leaf_index: one for one in told.values()}
        authorities = Authorities()
        for stored, entry in (line for one in told.values() for line in one.history):
            authorities.add(stored.leaf_index, entry, entry.fact(), shown_values(stored))
        judge = authorities.judge(self._registers)
        return [
            self._use(one, judge(one.row), definite=item.definite)
            for item, one in ((item, by_leaf[item.first]) for item in found)
        ]

    def _use(self, told: Told, verdicts: Iterable[Verdict], *, definite: bool) -> pb.ExportedUse:
        grace_us = self._grace_us(told.row.agency)
        return pb.ExportedUse(
            definite=definite,
            entries=[self._entry(stored) for stored, _entry in told.history],
            verdicts=[
                pb.AuthorityVerdict(
                    authorization=found.authorization or "",
                    code=found.code,
                    lag_us=found.lag_us,
                    leaf_indexes=found.leaves,
                )
                for found in (with_grace(verdict, grace_us) for verdict in verdicts)
            ],
        )

    def _grace_us(self, agency: str) -> int:
        """The longest grace that a pack allows the agency."""
        if agency not in self._grace:
            packs = active_packs(self._registers, agency)
            self._grace[agency] = max((one.pack.grace_us for one in packs), default=0)
        return self._grace[agency]

    def _entry(self, stored: StoredEntry) -> pb.ExportedEntry:
        return pb.ExportedEntry(
            leaf_index=stored.leaf_index,
            entry=stored.entry,
            shown=[
                pb.ShownValue(field=field, value=encode(value))
                for field, value in sorted(shown_values(stored).items())
                if field in self._shown
            ],
        )


def _chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """Lists of a megabyte or so, none of them empty."""
    chunk: list[T] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += item.ByteSize()
        if size >= BUNDLE_CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
