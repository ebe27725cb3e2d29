"""What would a ledger answer? A small one in memory, over real gRPC, that can be told to fail.

It knows registers, imports and idempotent reports; it evaluates no filter, but keeps what it
was asked, and `failing` says what becomes of the next calls of a method.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status.rpc_status import to_status

from ledger.events.register import AUTHORIZATION_KINDS
from services.pb.candour.v1 import (
    common_pb2,
    ingest_pb2,
    ingest_pb2_grpc,
    proofs_pb2,
    proofs_pb2_grpc,
    query_pb2,
    query_pb2_grpc,
    record_pb2,
    record_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)

AFTER = "after"  # the call is carried out, and its answer lost


def status(
    code: grpc.StatusCode,
    message: str,
    *,
    reason: str = "",
    field: str = "",
    retry_s: float | None = None,
) -> Status:
    """A google.rpc.Status as services/runtime/status.py makes them."""
    made = Status(code=code.value[0], message=message)
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        made.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    if reason:
        made.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="candour"))
    if retry_s is not None:
        delay = Duration()
        delay.FromMilliseconds(int(retry_s * 1000))
        made.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return made


class FakeLedger(
    ingest_pb2_grpc.IngestServiceServicer,
    registry_pb2_grpc.RegistryServiceServicer,
    record_pb2_grpc.RecordServiceServicer,
    query_pb2_grpc.QueryServiceServicer,
    proofs_pb2_grpc.ProofsServiceServicer,
):
    """The state, and the methods that the commands call."""

    def __init__(self) -> None:
        self.size = 0
        self.registers: dict[str, dict[str, registry_pb2.Registered]] = {}
        self.uses: dict[tuple[str, str], query_pb2.RecordedToolUse] = {}
        self.asked: list[Any] = []
        # Of the next calls of a method: None goes well, AFTER loses the answer, a Status aborts.
        self.failing: dict[str, deque[Status | str | None]] = {}
        self.after_batch: Callable[[], object] = lambda: None
        self.refuse: Callable[[common_pb2.ToolUse], Status | None] = lambda _use: None

    # --- plumbing -------------------------------------------------------------------
    def _met(self, name: str, request: Any, context: Any) -> bool:
        """Note the request; True where its answer will be lost."""
        self.asked.append(request)
        queue = self.failing.get(name)
        fate = queue.popleft() if queue else None
        if isinstance(fate, Status):
            self._abort(context, fate)
        return fate == AFTER

    @staticmethod
    def _abort(context: Any, made: Status) -> NoReturn:
        context.abort_with_status(to_status(made))
        raise AssertionError

    # No command calls these.
    unknown: Any = None
    ReportToolUse = StreamToolUses = GetToolUse = GetEntry = GetReceipt = unknown
    GetInclusionProof = GetConsistencyProof = GrantAuthorization = unknown
    BatchRecord = MakeStatement = AmendToolUse = ReportOutcome = ReportDataFlows = unknown
    ListHistory = unknown

    def asked_of(self, kind: type) -> list[Any]:
        return [request for request in self.asked if isinstance(request, kind)]

    def _append(self, name: str, *, duplicate: bool = False) -> common_pb2.Receipt:
        if not duplicate:
            self.size += 1
        return common_pb2.Receipt(
            name=name,
            leaf_index=self.size - 1,
            leaf_hash=bytes(32),
            duplicate=duplicate,
            content_compared=True,
        )

    def put(self, collection: str, name: str, shown: str) -> common_pb2.Receipt:
        register = self.registers.setdefault(collection, {})
        if name in register:
            return self._append(name, duplicate=True)
        register[name] = registry_pb2.Registered(name=name, display_name=shown)
        return self._append(name)

    # --- registry -------------------------------------------------------------------
    def RegisterAgency(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("RegisterAgency", request, context)
        receipt = self.put("agencies", request.agency.name, request.agency.display_name)
        return registry_pb2.RegisterAgencyResponse(receipt=receipt)

    def RegisterTechnology(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("RegisterTechnology", request, context)
        technology = request.technology
        receipt = self.put("technologies", technology.name, technology.display_name)
        return registry_pb2.RegisterTechnologyResponse(receipt=receipt)

    def RegisterSource(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("RegisterSource", request, context)
        receipt = self.put("sources", request.source.name, request.source.display_name)
        return registry_pb2.RegisterSourceResponse(receipt=receipt)

    def AliasTechnology(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("AliasTechnology", request, context)
        name = request.name.split("/", 2)[2]
        self.registers["technologies"][name].aliases.append(request.alias)
        return registry_pb2.AliasTechnologyResponse(receipt=self._append(name))

    def Record(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("Record", request, context)
        granted = request.fact.authorization_granted
        if granted.kind not in AUTHORIZATION_KINDS:
            code = grpc.StatusCode.INVALID_ARGUMENT
            self._abort(context, status(code, "unknown", reason="MALFORMED", field="kind"))
        receipt = self.put("authorizations", granted.authorization, granted.identifier)
        return record_pb2.RecordResponse(receipt=receipt)

    def LinkAuthorization(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("LinkAuthorization", request, context)
        return registry_pb2.LinkAuthorizationResponse(receipt=self._append(request.name))

    def ListRegistered(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("ListRegistered", request, context)
        items = list(self.registers.get(request.collection, {}).values())
        page, token = _page(items, request)
        return registry_pb2.ListRegisteredResponse(
            registered=page, next_page_token=token, tree_size=self.size
        )

    def ListThings(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("ListThings", request, context)
        things = [
            record_pb2.Thing(name=name, states={"": "registered"})
            for name in self.registers.get(request.collection, {})
        ]
        return record_pb2.ListThingsResponse(things=things, tree_size=self.size)

    # --- ingest ---------------------------------------------------------------------
    def DeclareImport(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("DeclareImport", request, context)
        if request.agency not in self.registers.get("agencies", {}):
            message = f"{request.agency} is not registered: call RegistryService.RegisterAgency"
            code = grpc.StatusCode.FAILED_PRECONDITION
            self._abort(context, status(code, message, reason="AGENCY_NOT_REGISTERED"))
        receipt = self.put("imports", f"imports/{request.file_sha256[:8]}", "")
        return ingest_pb2.DeclareImportResponse(receipt=receipt)

    def BatchReportToolUses(self, request: Any, context: Any) -> Any:  # noqa: N802
        lost = self._met("BatchReportToolUses", request, context)
        results = [self._report(use) for use in request.tool_uses]
        self.after_batch()
        if lost:
            self._abort(context, status(grpc.StatusCode.UNAVAILABLE, "gone", retry_s=0.01))
        return ingest_pb2.BatchReportToolUsesResponse(results=results)

    def _report(self, use: common_pb2.ToolUse) -> ingest_pb2.ReportResult:
        refusal = self.refuse(use)
        if refusal is not None:
            return ingest_pb2.ReportResult(error=refusal)
        key = (use.source, use.source_event_id)
        held = self.uses.get(key)
        receipt = self._append(f"toolUses/{self.size}", duplicate=held is not None)
        if held is not None:
            receipt.name, receipt.leaf_index = held.name, held.leaf_index
        else:
            self.uses[key] = query_pb2.RecordedToolUse(
                name=receipt.name,
                leaf_index=receipt.leaf_index,
                recorded_at="2025-06-18T00:00:00.000000Z",
                state=query_pb2.TOOL_USE_STATE_COUNTED,
                definite=True,
                performer="p-00000000000000000000000000000000",
                tool_use=use,
                authorizations=use.authorizations,
            )
        return ingest_pb2.ReportResult(receipt=receipt)

    def CompleteImport(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("CompleteImport", request, context)
        return ingest_pb2.CompleteImportResponse(receipt=self._append(request.name))

    def WithdrawImport(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("WithdrawImport", request, context)
        return ingest_pb2.WithdrawImportResponse(receipt=self._append(request.name))

    def WithdrawToolUse(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("WithdrawToolUse", request, context)
        return ingest_pb2.WithdrawToolUseResponse(receipt=self._append(request.name))

    def MarkToolUseSameAs(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("MarkToolUseSameAs", request, context)
        return ingest_pb2.MarkToolUseSameAsResponse(receipt=self._append(request.name))

    # --- query and proofs -----------------------------------------------------------
    def ListToolUses(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("ListToolUses", request, context)
        page, token = _page(list(self.uses.values()), request)
        return query_pb2.ListToolUsesResponse(
            tool_uses=page, next_page_token=token, tree_size=self.size
        )

    def SummarizeToolUses(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("SummarizeToolUses", request, context)
        groups = [
            query_pb2.SummaryGroup(key="agencies/x", display_name="X", count=2, possible=1),
            query_pb2.SummaryGroup(key="", count=0, possible=3),
        ]
        return query_pb2.SummarizeToolUsesResponse(
            groups=groups, count=2, possible=4, tree_size=self.size
        )

    def ListAuthorizationsInForce(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("ListAuthorizationsInForce", request, context)
        return query_pb2.ListAuthorizationsInForceResponse(
            authorizations=[
                registry_pb2.Authorization(
                    name="authorizations/w-1",
                    agency="agencies/x",
                    kind=registry_pb2.AUTHORIZATION_KIND_WARRANT,
                    valid=common_pb2.Interval(),
                )
            ],
            tree_size=self.size,
        )

    def GetTreeHead(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._met("GetTreeHead", request, context)
        return proofs_pb2.GetTreeHeadResponse(tree_size=self.size)

    def ProveToolUses(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        broken = self._met("ProveToolUses", request, context)
        bundle = b'{"answer":{"count":2,"possible":1},"entries":[],"question":{"filter":"","tree_size":3}}\n'
        yield proofs_pb2.ProveToolUsesResponse(chunk=bundle[:10])
        if broken:
            self._abort(context, status(grpc.StatusCode.INTERNAL, "the disk is gone"))
        yield proofs_pb2.ProveToolUsesResponse(chunk=bundle[10:])

    def ProveUsage(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        self._met("ProveUsage", request, context)
        yield proofs_pb2.ProveUsageResponse(chunk=b"{}")


def _page(items: list[Any], request: Any) -> tuple[list[Any], str]:
    start = int(request.page_token or 0)
    end = start + request.page_size
    return items[start:end], str(end) if end < len(items) else ""


@contextmanager
def serving(ledger: FakeLedger) -> Iterator[tuple[str, grpc.Server]]:
    """The ledger on a free port: its address, and the server to stop."""
    server = grpc.server(ThreadPoolExecutor(4))
    ingest_pb2_grpc.add_IngestServiceServicer_to_server(ledger, server)
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(ledger, server)
    record_pb2_grpc.add_RecordServiceServicer_to_server(ledger, server)
    query_pb2_grpc.add_QueryServiceServicer_to_server(ledger, server)
    proofs_pb2_grpc.add_ProofsServiceServicer_to_server(ledger, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", server
    finally:
        server.stop(None).wait()
