"""How does a report become a receipt? One by one or by the batch, all in one queue.

    commands ──check──► ──learn (thread, the first time only)──► ──prepare──► entries
        entries ──committer──► receipts, or why not, each in its place

Slices of USES_A_SLICE with a pause in between: a large batch starves nobody. A batch is not
atomic; what was committed before the store went away is found again on resubmission.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import islice
from typing import Any, Final, TypeAlias

from grpc.aio import ServicerContext

from ledger.errors import CandourError, Malformed
from ledger.limits import MAX_BATCH_USES, MAX_COMMIT_ENTRIES, USES_A_SLICE
from ledger.log import Checked, Receipt
from ledger.store.core import NewEntry
from services.ingest.raw import decode_use
from services.ingest.waiting import check_wait, checkpoint_for
from services.pb.candour.v1 import ingest_pb2 as pb
from services.runtime.committer import Committed
from services.runtime.messages import to_command
from services.runtime.serving import Serving, check_deadline
from services.runtime.status import status_of
from services.runtime.value_messages import receipt_message

# While one part is committed the next is prepared.
_PART: Final = MAX_COMMIT_ENTRIES // 2

Result: TypeAlias = Receipt | CandourError


async def prepare(
    serving: Serving, commands: Iterable[Checked], reporter: str
) -> list[NewEntry | CandourError]:
    """Each command's entry, or why it has none. Hand over a slice at a time.

    Raises:
        StoreUnavailable: A name had to be looked up and could not.
    """
    log = serving.hosted.log
    checked = log.check(commands)
    missing = log.missing(checked)
    if missing:
        await serving.run(log.learn, missing)
    return log.prepare(checked, reporter)


async def report_one(
    serving: Serving,
    request: pb.ReportToolUseRequest,
    reporter: str,
    context: ServicerContext[Any, Any],
) -> pb.ReportToolUseResponse:
    """Raises whatever refuses the report; a field's path begins with `tool_use.`."""
    if not request.HasField("tool_use"):
        raise Malformed("tool_use", "must be set")
    check_wait(serving, request.wait_for)
    try:
        command = to_command(request.tool_use)
        (entry,) = await prepare(serving, [command], reporter)
        if isinstance(entry, CandourError):
            raise entry
    except Malformed as error:
        path = [] if error.field == "tool_use" else [error.field]
        raise Malformed(".".join(["tool_use", *path]), error.reason) from None
    check_deadline(context)
    committed = await serving.committer.submit([entry])
    (result,) = committed.results
    if isinstance(result, CandourError):
        raise result
    checkpoint = await checkpoint_for(serving, committed, request.wait_for, context)
    return pb.ReportToolUseResponse(receipt=receipt_message(result), checkpoint=checkpoint.decode())


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
    if not 0 < len(request.tool_uses) <= MAX_BATCH_USES:
        raise Malformed("tool_uses", f"must hold 1 to {MAX_BATCH_USES} uses")
    check_wait(serving, request.wait_for)
    refused: dict[int, CandourError] = {}
    part: list[NewEntry] = []
    commits: list[asyncio.Future[Committed]] = []
    uses, count = iter(request.tool_uses), 0
    while some := list(islice(uses, USES_A_SLICE)):
        for item in await prepare(serving, map(decode_use, some), reporter):
            if isinstance(item, CandourError):
                refused[count] = item
            else:
                part.append(item)
            count += 1
        if part and (len(part) >= _PART or count == len(request.tool_uses)):
            check_deadline(context)
            commits.append(serving.committer.enqueue(part))
            part = []
        await asyncio.sleep(0)
    results: list[Result] = []
    committed: Committed | None = None
    for commit in commits:
        committed = await asyncio.shield(commit)
        results += committed.results
    checkpoint = b""
    if committed is not None:
        checkpoint = await checkpoint_for(serving, committed, request.wait_for, context)
    return pb.BatchReportToolUsesResponse(
        results=await _merged(results, refused, count), checkpoint=checkpoint.decode()
    )


async def _merged(
    results: list[Result], refused: dict[int, CandourError], count: int
) -> list[pb.ReportResult]:
    messages = []
    committed = iter(results)
    for index in range(count):
        if index % USES_A_SLICE == 0:
            await asyncio.sleep(0)
        messages.append(result_message(refused.get(index) or next(committed)))
    return messages


def result_message(result: Result) -> pb.ReportResult:
    """An item's receipt, or its own status."""
    if isinstance(result, CandourError):
        return pb.ReportResult(error=status_of(result))
    return pb.ReportResult(receipt=receipt_message(result))
