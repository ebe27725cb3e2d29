"""RecordService: what else is told of the registers' things, and of uses after their report.

    request ──names, bounds, credential──► registrar, deciding.py ──► receipt

What a thing's state does not allow is refused with that state; a use never is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import grpc.aio

from ledger.canonical_json import JsonValue
from ledger.domain.checks import check_prose, check_text
from ledger.errors import Malformed
from ledger.events import OutcomeReported
from ledger.events.tool_use import OUTCOMES
from ledger.limits import MAX_CODE_CHARS, MAX_RECORD_BATCH, MAX_VERIFIERS
from services.pb.candour.v1 import record_pb2 as pb
from services.pb.candour.v1 import record_pb2_grpc
from services.record.history import list_history
from services.record.recording import performer_fields, read_recorded, record_batch
from services.record.stating import make_statement
from services.record.things import list_things
from services.runtime.authn import reporter_of
from services.runtime.deciding import Asked, answer
from services.runtime.fact_messages import read_amendment
from services.runtime.messages import read_protected_text
from services.runtime.names import check_request_id, ledger_of, named_in
from services.runtime.reading import Reading
from services.runtime.serving import Serving
from services.runtime.value_messages import (
    choices,
    chosen,
    read_data_flow,
    read_occurred,
)

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE: Final = pb.DESCRIPTOR.services_by_name["RecordService"].full_name
_OUTCOME: Final = choices(OUTCOMES)


class RecordServicer(record_pb2_grpc.RecordServiceServicer):
    """Records facts in the hosted ledgers."""

    def __init__(
        self, ledgers: Mapping[str, Serving], readings: Mapping[str, Reading] | None = None
    ) -> None:
        self._ledgers, self._readings = ledgers, readings or {}

    async def Record(  # noqa: N802
        self, request: pb.RecordRequest, context: Context
    ) -> pb.RecordResponse:
        serving = ledger_of(request.parent, self._ledgers)
        request_id = check_request_id(request.request_id)
        found = await read_recorded(serving, request.fact, request_id, context)
        asked = found.asked()
        return pb.RecordResponse(**await answer(serving, asked, context, request.wait_for))

    async def BatchRecord(  # noqa: N802
        self, request: pb.BatchRecordRequest, context: Context
    ) -> pb.BatchRecordResponse:
        serving = ledger_of(request.parent, self._ledgers)
        check_request_id(request.request_id)
        if len(request.facts) > MAX_RECORD_BATCH:
            raise Malformed("facts", f"more than {MAX_RECORD_BATCH}")
        return await record_batch(serving, request, context)

    async def MakeStatement(  # noqa: N802
        self, request: pb.MakeStatementRequest, context: Context
    ) -> pb.MakeStatementResponse:
        serving = ledger_of(request.parent, self._ledgers)
        reading = ledger_of(request.parent, self._readings)
        return await make_statement(serving, reading, request, context)

    async def AmendToolUse(  # noqa: N802
        self, request: pb.AmendToolUseRequest, context: Context
    ) -> pb.AmendToolUseResponse:
        serving, name = named_in(request.name, self._ledgers, collection="toolUses")
        to, unset = read_amendment(request.to), tuple(request.unset)
        code = check_text(request.code, "code", MAX_CODE_CHARS) if request.code else None
        if not request.reason.strip():
            raise Malformed("reason", "must be set")
        protected: dict[str, JsonValue] = {
            "amendment_reason": check_prose(request.reason, "reason")
        }
        for field, text in (("reason", request.new_reason), ("case_number", request.case_number)):
            if request.HasField("new_reason" if field == "reason" else "case_number"):
                protected[field] = read_protected_text(text, field)
        if request.HasField("performer"):
            protected |= await performer_fields(serving, name, request.performer)
        asked = Asked(
            decide=lambda registrar, told: registrar.amend_use(
                name, to, told, unset=unset, code=code, protected=protected
            ),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("amend", name, to.to_object(), list(unset), code, protected),
        )
        return pb.AmendToolUseResponse(**await answer(serving, asked, context, request.wait_for))

    async def ReportOutcome(  # noqa: N802
        self, request: pb.ReportOutcomeRequest, context: Context
    ) -> pb.ReportOutcomeResponse:
        serving, name = named_in(request.name, self._ledgers, collection="toolUses")
        outcome = chosen(request.outcome, _OUTCOME, "outcome")
        if outcome is None:
            raise Malformed("outcome", "must be set")
        if len(request.verifiers) > MAX_VERIFIERS:
            raise Malformed("verifiers", f"more than {MAX_VERIFIERS}")
        fact = OutcomeReported(
            outcome=outcome,
            human_verified=request.human_verified if request.HasField("human_verified") else None,
            at=read_occurred(request.at) if request.HasField("at") else None,
        )
        verifiers = [check_prose(item, "verifiers") for item in request.verifiers]
        protected: dict[str, JsonValue] = {"verifiers": list(verifiers)} if verifiers else {}
        asked = Asked(
            decide=lambda registrar, told: registrar.report_outcome(name, fact, told, protected),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("outcome", name, fact.to_object(), protected),
        )
        return pb.ReportOutcomeResponse(**await answer(serving, asked, context, request.wait_for))

    async def ReportDataFlows(  # noqa: N802
        self, request: pb.ReportDataFlowsRequest, context: Context
    ) -> pb.ReportDataFlowsResponse:
        serving, name = named_in(request.name, self._ledgers, collection="toolUses")
        flows = tuple(read_data_flow(flow) for flow in request.data_flows)
        if not flows:
            raise Malformed("data_flows", "must be set")
        asked = Asked(
            decide=lambda registrar, told: registrar.report_data_flows(name, flows, told),
            reporter=reporter_of(context),
            request_id=check_request_id(request.request_id),
            said=("data_flows", name, [flow.to_object() for flow in flows]),
        )
        return pb.ReportDataFlowsResponse(**await answer(serving, asked, context, request.wait_for))

    async def ListHistory(  # noqa: N802
        self, request: pb.ListHistoryRequest, _context: Context
    ) -> pb.ListHistoryResponse:
        reading, name = named_in(request.name, self._readings)
        return await list_history(reading, name, request)

    async def ListThings(  # noqa: N802
        self, request: pb.ListThingsRequest, _context: Context
    ) -> pb.ListThingsResponse:
        return await list_things(ledger_of(request.parent, self._readings), request)


def add_to_server(servicer: RecordServicer, server: grpc.aio.Server) -> None:
    record_pb2_grpc.add_RecordServiceServicer_to_server(servicer, server)
