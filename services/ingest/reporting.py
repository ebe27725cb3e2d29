"""What does IngestService answer to reports? Messages in, the one way of all reports, messages out.

message ──► command ──services/runtime/reporting.py──► receipt or error ──► message
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from grpc.aio import ServicerContext

from ledger.errors import CandourError, Malformed
from ledger.limits import MAX_BATCH_USES, MAX_COMMIT_ENTRIES, USES_A_SLICE
from ledger.log import Checked
from services.pb.candour.v1 import ingest_pb2 as pb
from services.runtime.messages import to_command
from services.runtime.reporting import Result, prepare, prepare_encoded, report_all
from services.runtime.serving import Serving, check_deadline
from services.runtime.status import status_of
from services.runtime.value_messages import receipt_message
from services.runtime.waiting import check_wait, checkpoint_for

# While one part is committed the next is prepared.
_PART: Final = MAX_COMMIT_ENTRIES // 2


async def report_one(
    serving: Serving,
    request: pb.ReportToolUseRequest,
    reporter: str,
    context: ServicerContext[Any, Any],
) -> pb.ReportToolUseResponse:
    """Raises whatever refuses the report; a field's path begins with `tool_use.`."""
    with serving.metrics.turning_away:
        check_wait(serving, request.wait_for)
    with serving.committer.room(1):
        return await _report_one(serving, request, reporter, context)


async def _report_one(
    serving: Serving,
    request: pb.ReportToolUseRequest,
    reporter: str,
    context: ServicerContext[Any, Any],
) -> pb.ReportToolUseResponse:
    (entry,) = await prepare(serving, [_command_of(request)], reporter)
    if isinstance(entry, Malformed):
        path = [] if entry.field == "tool_use" else [entry.field]
        raise Malformed(".".join(["tool_use", *path]), entry.reason)
    if isinstance(entry, CandourError):
        raise entry
    with serving.metrics.turning_away:
        check_deadline(context)
    committed = await serving.committer.submit([entry])
    (result,) = committed.results
    if isinstance(result, CandourError):
        raise result
    checkpoint = await checkpoint_for(serving, committed, request.wait_for, context)
    return pb.ReportToolUseResponse(receipt=receipt_message(result), checkpoint=checkpoint.decode())


def _command_of(request: pb.ReportToolUseRequest) -> Checked:
    if not request.HasField("tool_use"):
        return Malformed("tool_use", "must be set")
    try:
        return to_command(request.tool_use)
    except Malformed as error:
        return error


async def report_batch(
    serving: Serving,
    request: Any,  # RawBatch
    reporter: str,
    context: ServicerContext[Any, Any],
) -> pb.BatchReportToolUsesResponse:
    """A result a use, in order.

    Raises:
        Malformed: Too many uses, or none.
        StoreUnavailable, Overloaded, Draining: Some may be recorded; submit all again.
        NotPublished, NoQuorum: As `checkpoint_for` and `check_wait`.
    """
    with serving.metrics.turning_away:
        if not 0 < len(request.tool_uses) <= MAX_BATCH_USES:
            raise Malformed("tool_uses", f"must hold 1 to {MAX_BATCH_USES} uses")
        check_wait(serving, request.wait_for)
    with serving.committer.room(len(request.tool_uses)):
        reported = await report_all(
            serving,
            request.tool_uses,
            reporter,
            prepare=prepare_encoded,
            part=_PART,
            before_commit=lambda: check_deadline(context),
        )
    checkpoint = b""
    if reported.committed is not None:
        checkpoint = await checkpoint_for(serving, reported.committed, request.wait_for, context)
    return pb.BatchReportToolUsesResponse(
        results=await _messages(reported.results), checkpoint=checkpoint.decode()
    )


async def _messages(results: list[Result]) -> list[pb.ReportResult]:
    messages = []
    for index, result in enumerate(results):
        if index % USES_A_SLICE == 0:
            await asyncio.sleep(0)
        messages.append(result_message(result))
    return messages


def result_message(result: Result) -> pb.ReportResult:
    """An item's receipt, or its own status."""
    if isinstance(result, CandourError):
        return pb.ReportResult(error=status_of(result))
    return pb.ReportResult(receipt=receipt_message(result))
