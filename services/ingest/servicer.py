"""IngestService: reports of uses, and corrections of them.

    request ──names, credential──► reporting.py, stream.py (reports)      ──► receipt
                              └──► registrar, deciding.py (corrections)   ──►

Decode, call, encode. Methods only raise; the interceptor makes statuses of errors.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import grpc
import grpc.aio

from ledger.domain.base import NotRegistered
from ledger.domain.checks import check_number, check_prose, check_text
from ledger.errors import Malformed
from ledger.events import ImportDeclared
from ledger.limits import MAX_CODE_CHARS
from ledger.streams import check_id
from services.ingest.raw import RawBatch, RawStreamed
from services.ingest.reporting import report_batch, report_one
from services.ingest.stream import UseStream
from services.pb.candour.v1 import ingest_pb2 as pb
from services.pb.candour.v1 import ingest_pb2_grpc
from services.runtime.authn import reporter_of
from services.runtime.deciding import Asked, answer
from services.runtime.messages import read_capture
from services.runtime.names import check_request_id, ledger_of, named_in
from services.runtime.serving import Serving

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE: Final = pb.DESCRIPTOR.services_by_name["IngestService"].full_name
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class IngestServicer(ingest_pb2_grpc.IngestServiceServicer):
    """Takes reports for the hosted ledgers."""

    def __init__(self, ledgers: Mapping[str, Serving]) -> None:
        self._ledgers = ledgers

    # --- reports ------------------------------------------------------------------
    async def ReportToolUse(  # noqa: N802
        self, request: pb.ReportToolUseRequest, context: Context
    ) -> pb.ReportToolUseResponse:
        serving = ledger_of(request.parent, self._ledgers)
        check_request_id(request.request_id)
        return await report_one(serving, request, reporter_of(context), context)

    async def BatchReportToolUses(  # noqa: N802
        self, request: Any, context: Context
    ) -> pb.BatchReportToolUsesResponse:
        serving = ledger_of(request.parent, self._ledgers)
        check_request_id(request.request_id)
        return await report_batch(serving, request, reporter_of(context), context)

    async def StreamToolUses(  # noqa: N802
        self, requests: AsyncIterator[Any], context: Context
    ) -> AsyncIterator[pb.StreamToolUsesResponse]:
        stream = UseStream(requests, self._ledgers, reporter_of(context), context)
        async for response in stream.responses():
            yield response

    # --- corrections --------------------------------------------------------------
    async def DeclareImport(  # noqa: N802
        self, request: pb.DeclareImportRequest, context: Context
    ) -> pb.DeclareImportResponse:
        serving = ledger_of(request.parent, self._ledgers)
        check_request_id(request.request_id)
        capture, fact = read_capture(request.capture), _declared(request)
        log = serving.hosted.log
        if not await serving.run(log.is_registered, fact.agency):
            raise NotRegistered(fact.agency)
        asked = Asked(
            decide=lambda registrar, told: registrar.declare_import(
                log.new_uuid(told.recorded_us), fact, capture, told
            ),
            reporter=reporter_of(context),
            capture=capture,
            source=fact.source,
        )
        return pb.DeclareImportResponse(**await answer(serving, asked, context, request.wait_for))

    async def CompleteImport(  # noqa: N802
        self, request: pb.CompleteImportRequest, context: Context
    ) -> pb.CompleteImportResponse:
        serving, name = named_in(request.name, self._ledgers, collection="imports")
        counts = {
            field: check_number(getattr(request, field), field)
            for field in ("accepted", "duplicates", "rejected")
        }
        asked = Asked(
            decide=lambda registrar, told: registrar.complete_import(name, told, **counts),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("complete", name, counts),
        )
        return pb.CompleteImportResponse(**await answer(serving, asked, context, request.wait_for))

    async def WithdrawImport(  # noqa: N802
        self, request: pb.WithdrawImportRequest, context: Context
    ) -> pb.WithdrawImportResponse:
        serving, name = named_in(request.name, self._ledgers, collection="imports")
        reason, code = _why(request.reason, request.code)
        asked = Asked(
            decide=lambda registrar, told: registrar.withdraw_import(name, reason, code, told),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("withdraw", name, reason, code),
        )
        return pb.WithdrawImportResponse(**await answer(serving, asked, context, request.wait_for))

    async def WithdrawToolUse(  # noqa: N802
        self, request: pb.WithdrawToolUseRequest, context: Context
    ) -> pb.WithdrawToolUseResponse:
        serving, name = named_in(request.name, self._ledgers, collection="toolUses")
        reason, code = _why(request.reason, request.code)
        asked = Asked(
            decide=lambda registrar, told: registrar.withdraw_use(name, reason, code, told),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("withdraw", name, reason, code),
        )
        return pb.WithdrawToolUseResponse(**await answer(serving, asked, context, request.wait_for))

    async def MarkToolUseSameAs(  # noqa: N802
        self, request: pb.MarkToolUseSameAsRequest, context: Context
    ) -> pb.MarkToolUseSameAsResponse:
        serving, name = named_in(request.name, self._ledgers, collection="toolUses")
        other = check_id(request.same_as, "toolUses", field="same_as")
        asked = Asked(
            decide=lambda registrar, told: registrar.mark_same_as(name, other, told),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("same_as", name, other),
        )
        return pb.MarkToolUseSameAsResponse(
            **await answer(serving, asked, context, request.wait_for)
        )


def _declared(request: pb.DeclareImportRequest) -> ImportDeclared:
    """Raises Malformed."""
    if not _SHA256.fullmatch(request.file_sha256):
        raise Malformed("file_sha256", "must be 64 lower-case hex digits")
    technology = request.technology or None
    if technology is not None:
        check_id(technology, "technologies", field="technology")
    return ImportDeclared(
        agency=check_id(request.agency, "agencies", field="agency"),
        source=check_id(request.source, "sources", field="source"),
        technology=technology,
        file_sha256=request.file_sha256,
        rows=check_number(request.rows, "rows"),
        layout=check_text(request.layout, "layout", MAX_CODE_CHARS),
    )


def _why(reason: str, code: str) -> tuple[str, str | None]:
    """Raises Malformed."""
    if not reason.strip():
        raise Malformed("reason", "must be set")
    return check_prose(reason, "reason"), check_text(code, "code", MAX_CODE_CHARS) if code else None


def add_to_server(servicer: IngestServicer, server: grpc.aio.Server) -> None:
    """As the generated function, except that each use of a request is decoded by itself."""
    ingest_pb2_grpc.add_IngestServiceServicer_to_server(servicer, server)
    raw = {
        "BatchReportToolUses": grpc.unary_unary_rpc_method_handler(
            servicer.BatchReportToolUses,
            request_deserializer=RawBatch.FromString,
            response_serializer=pb.BatchReportToolUsesResponse.SerializeToString,
        ),
        "StreamToolUses": grpc.stream_stream_rpc_method_handler(
            servicer.StreamToolUses,
            request_deserializer=RawStreamed.FromString,
            response_serializer=pb.StreamToolUsesResponse.SerializeToString,
        ),
    }
    server.add_registered_method_handlers(SERVICE, raw)  # in place of the generated ones
