"""QueryService: who used which technology, when, and under what authority?

    request ──settle──► tree size ──views──► which uses ──log──► what they are ──► response

Decode, one read, encode. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import grpc.aio

from ledger.canonical_json import JsonValue
from ledger.domain.base import NotRegistered
from ledger.entry import decode_entry
from ledger.errors import Malformed
from ledger.events import UnknownFact
from ledger.projections.questions import Question
from ledger.projections.registers import Registers
from ledger.rules.authority import granted_at
from ledger.store.core import PerformerRecord
from ledger.store.reading_entries import shown_values
from ledger.store.view_queries import Found, Place
from ledger.streams import check_id, name_of_stream, stream_of_name
from ledger.times import us_of_text
from services.pb.candour.v1 import common_pb2, query_pb2, query_pb2_grpc
from services.query.exporting import export_tool_uses
from services.query.rendering import Told, histories, use_message
from services.runtime.names import ledger_of, named_in
from services.runtime.pages import page_size, read_token, spelt, write_token
from services.runtime.reading import Reading, summary_key
from services.runtime.registry_messages import authorization_message
from services.runtime.value_messages import read_time

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE: Final = query_pb2.DESCRIPTOR.services_by_name["QueryService"].full_name


class QueryServicer(query_pb2_grpc.QueryServiceServicer):
    """Answers from the views of the hosted ledgers."""

    def __init__(self, ledgers: Mapping[str, Reading]) -> None:
        self._ledgers = ledgers

    async def ListToolUses(  # noqa: N802
        self, request: query_pb2.ListToolUsesRequest, _context: Context
    ) -> query_pb2.ListToolUsesResponse:
        reading = ledger_of(request.parent, self._ledgers)
        keys = reading.hosted.keys.identity
        asked = _asked(request.parent, request.filter, request.as_of, request.show_withdrawn)
        after, tree_size = None, 0
        if request.page_token:
            tree_size, *place = read_token(keys, asked, request.page_token)
            after = Place(place[0], int(str(place[1])), place[2])
        else:
            tree_size = await reading.settle(request.as_of, request.min_tree_size)
        size = page_size(request.page_size)
        full = request.view == query_pb2.TOOL_USE_VIEW_FULL
        found, messages, unread = await reading.run(
            _list, reading, request.filter, tree_size, after, size, request.show_withdrawn, full
        )
        response = query_pb2.ListToolUsesResponse(
            tool_uses=messages[:size], tree_size=tree_size, unread_entries=unread
        )
        if len(found) > size:
            last = found[size - 1].place
            place = [tree_size, last.phase, spelt(last.earliest_us), last.first]
            response.next_page_token = write_token(keys, asked, place)
        return response

    async def SummarizeToolUses(  # noqa: N802
        self, request: query_pb2.SummarizeToolUsesRequest, _context: Context
    ) -> query_pb2.SummarizeToolUsesResponse:
        reading = ledger_of(request.parent, self._ledgers)
        by = summary_key(request.by)
        if by is None:
            raise Malformed("by", "must be set")
        tree_size = await reading.settle(request.as_of, request.min_tree_size)
        question = await reading.run(reading.question, request.filter, tree_size, by)
        summary = await reading.run(reading.views.summary, question)
        return query_pb2.SummarizeToolUsesResponse(
            groups=[
                query_pb2.SummaryGroup(
                    key=group.key,
                    display_name=group.display_name,
                    count=group.count,
                    possible=group.possible,
                )
                for group in summary.groups
            ],
            count=summary.count,
            possible=summary.possible,
            tree_size=tree_size,
            unread_entries=summary.unread,
        )

    async def GetToolUse(  # noqa: N802
        self, request: query_pb2.GetToolUseRequest, _context: Context
    ) -> query_pb2.GetToolUseResponse:
        reading, name = named_in(request.name, self._ledgers)
        stream = stream_of_name(name)
        if not stream.startswith("tool_use/"):
            raise Malformed("name", "must name a tool use")
        tree_size = await reading.settle(request.as_of, request.min_tree_size)
        response = await reading.run(_get, reading, stream, tree_size)
        if response is None:
            raise NotRegistered(name)
        return response

    async def ExportToolUses(  # noqa: N802
        self, request: query_pb2.ExportToolUsesRequest, _context: Context
    ) -> AsyncIterator[query_pb2.ExportToolUsesResponse]:
        reading = ledger_of(request.parent, self._ledgers)
        async for message in export_tool_uses(reading, request):
            yield message

    async def ListAuthorizationsInForce(  # noqa: N802
        self, request: query_pb2.ListAuthorizationsInForceRequest, _context: Context
    ) -> query_pb2.ListAuthorizationsInForceResponse:
        reading = ledger_of(request.parent, self._ledgers)
        keys = reading.hosted.keys.identity
        if not request.HasField("instant"):
            raise Malformed("instant", "must be set")
        instant = read_time(request.instant, "instant")
        if request.agency:
            check_id(request.agency, "agencies", field="agency")
        asked = [*_asked(request.parent, request.agency, request.as_of, False), instant]
        after = ""
        if request.page_token:
            tree_size, after = read_token(keys, asked, request.page_token)
        else:
            tree_size = await reading.settle(request.as_of, request.min_tree_size)
        size = page_size(request.page_size)
        names = await reading.run(
            reading.views.in_force,
            us_of_text(instant),
            request.agency or None,
            tree_size,
            after,
            size + 1,
        )
        shown = await reading.run(
            _authorizations, reading, names[:size], tree_size, us_of_text(instant)
        )
        response = query_pb2.ListAuthorizationsInForceResponse(
            authorizations=shown, tree_size=tree_size
        )
        if len(names) > size:
            response.next_page_token = write_token(keys, asked, [tree_size, names[size - 1]])
        return response


def _asked(parent: str, text: str, as_of: common_pb2.AsOf, flag: bool) -> list[JsonValue]:
    return [parent, text, as_of.SerializeToString(deterministic=True).hex(), flag]


def _list(
    reading: Reading,
    filter_text: str,
    tree_size: int,
    after: Place | None,
    size: int,
    withdrawn: bool,
    full: bool,
) -> tuple[list[Found], list[query_pb2.RecordedToolUse], int]:
    question: Question = reading.question(filter_text, tree_size)
    found, unread = reading.views.page(question, after, size + 1, withdrawn=withdrawn)
    store = reading.hosted.store
    reports = store.entries_at([item.first for item in found[:size]])
    told = histories(store, [item.stream for item in reports], tree_size)
    by_leaf = {one.report.leaf_index: one for one in told.values()}
    performers = _performers(reading, list(told.values())) if full else {}
    messages = [
        use_message(
            by_leaf[item.first],
            definite=item.definite,
            import_withdrawn=item.import_withdrawn,
            full=full,
            performers=performers,
        )
        for item in found[:size]
    ]
    return found, messages, unread


def _performers(reading: Reading, told: Sequence[Told]) -> Mapping[str, PerformerRecord]:
    wanted = sorted({one.row.performer for one in told if one.row.performer is not None})
    return reading.hosted.store.describe_performers(wanted)


def _get(reading: Reading, stream: str, tree_size: int) -> query_pb2.GetToolUseResponse | None:
    told = histories(reading.hosted.store, [stream], tree_size).get(stream)
    if told is None:
        return None
    question = Question.ask(f'name = "{name_of_stream(stream)}"', tree_size)
    found, _unread = reading.views.page(question, None, 1, withdrawn=True)
    taken_back = bool(found) and found[0].import_withdrawn
    return query_pb2.GetToolUseResponse(
        tool_use=use_message(
            told,
            definite=True,
            import_withdrawn=taken_back,
            full=True,
            performers=_performers(reading, [told]),
        ),
        history=[
            query_pb2.HistoryEntry(
                leaf_index=stored.leaf_index,
                topic=stored.topic,
                recorded_at=entry.recorded_at,
                entry=stored.entry,
            )
            for stored, entry in told.history
        ],
        tree_size=tree_size,
    )


def _authorizations(
    reading: Reading, names: Sequence[str], tree_size: int, instant_us: int
) -> list[Any]:
    """As they were at that instant: the interval that holds it, the scope in force."""
    registers = Registers()
    for stored in reading.hosted.store.entries_of_streams([stream_of_name(name) for name in names]):
        if stored.leaf_index < tree_size:
            with suppress(UnknownFact):  # its grant was read when it was folded
                registers.add(stored.leaf_index, decode_entry(stored.entry), shown_values(stored))
    return [
        authorization_message(granted_at(registers.history(name), instant_us)) for name in names
    ]


def add_to_server(servicer: QueryServicer, server: grpc.aio.Server) -> None:
    query_pb2_grpc.add_QueryServiceServicer_to_server(servicer, server)
