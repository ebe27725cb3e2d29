"""How do many uses cross one channel? Batches, a few of them under way, results in order.

    add(line, use) ──► batch of IMPORT_BATCH ──► IMPORT_IN_FLIGHT requests ──► Outcome a use

A batch whose answer was lost is sent again: the ledger knows each use by its source's id, so
it lands once.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from google.rpc.status_pb2 import Status

from ledger.limits import IMPORT_BATCH, IMPORT_GIVE_UP_S, IMPORT_IN_FLIGHT, IMPORT_REQUEST_BYTES
from services.cli.client import Client
from services.cli.failures import CommandFailed, details_of
from services.cli.patience import Patience
from services.pb.candour.v1 import ingest_pb2
from services.pb.candour.v1.common_pb2 import Receipt, ToolUse
from services.pb.candour.v1.proofs_pb2 import GetTreeHeadRequest

ACCEPTED: Final = "accepted"
DUPLICATE: Final = "duplicate"
REJECTED: Final = "rejected"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one use; `field` and `reason` say why it was rejected."""

    line: int
    kind: str
    field: str = ""
    reason: str = ""


@dataclass(slots=True)
class _Batch:
    """A request under way.

    Members:
        floor: Tree size that was known when it was first sent: what the ledger held below
            it, an attempt of ours whose answer was lost did not bring.
    """

    lines: list[int]
    request: Any
    floor: int
    attempts: int = 0
    sent_at: float = 0.0
    future: Any = None
    brought: set[int] = field(default_factory=set)


class Sender:
    """Reports uses in batches.

    Args:
        client: Of the ledger.
        tree_size: Of the ledger, before the first use.
        deliver: Called with each batch's outcomes, in the order of `add`.
    """

    def __init__(
        self, client: Client, tree_size: int, deliver: Callable[[list[Outcome]], None]
    ) -> None:
        self._client, self._floor, self._deliver = client, tree_size, deliver
        self._under_way: deque[_Batch] = deque()
        self._patience = Patience(client.target, self._alive)
        self._begin()

    def add(self, line: int, use: ToolUse) -> None:
        """Send a use with its batch; waits while enough is under way.

        Raises:
            CommandFailed: As `finish`.
        """
        size_bytes = use.ByteSize()
        if self._lines and self._bytes + size_bytes > IMPORT_REQUEST_BYTES:
            self._send()
        self._lines.append(line)
        self._uses.append(use)
        self._bytes += size_bytes
        if len(self._lines) >= IMPORT_BATCH:
            self._send()

    def finish(self) -> None:
        """Send what is left, and wait for every answer.

        Raises:
            ServerLost: It stayed away; `salvage` says what else it acknowledged.
            CommandFailed: It refuses the request as a whole.
        """
        if self._lines:
            self._send()
        while self._under_way:
            self._settle()

    def salvage(self) -> None:
        """After a failure: deliver what was acknowledged out of turn, and let go of the rest."""
        while self._under_way:
            batch = self._under_way.popleft()
            if batch.future.done() and batch.future.exception() is None:
                self._take(batch, batch.future.result())
            else:
                batch.future.cancel()

    def _begin(self) -> None:
        self._lines: list[int] = []
        self._uses: list[ToolUse] = []
        self._bytes = 0

    def _send(self) -> None:
        while len(self._under_way) >= IMPORT_IN_FLIGHT:
            self._settle()
        request = ingest_pb2.BatchReportToolUsesRequest(
            parent=self._client.parent, tool_uses=self._uses
        )
        batch = _Batch(self._lines, request, self._floor)
        self._begin()
        self._under_way.append(batch)
        self._start(batch)

    def _start(self, batch: _Batch) -> None:
        batch.attempts += 1
        batch.sent_at = time.monotonic()
        method = self._client.ingest.BatchReportToolUses
        batch.future = method.future(batch.request, timeout=IMPORT_GIVE_UP_S)

    def _settle(self) -> None:
        """Wait for the oldest batch, however often it must be sent."""
        batch = self._under_way[0]
        while True:
            try:
                response = batch.future.result()
            except grpc.RpcError as error:
                self._patience.wait(error, sent_at=batch.sent_at)
                self._start(batch)
            else:
                break
        self._under_way.popleft()
        self._patience.heard()
        self._take(batch, response)

    def _take(self, batch: _Batch, response: ingest_pb2.BatchReportToolUsesResponse) -> None:
        if len(response.results) != len(batch.lines):
            raise CommandFailed(
                f"The server answered {len(response.results)} of {len(batch.lines)} uses",
                "It is of another release than this command",
            )
        outcomes = []
        for line, result in zip(batch.lines, response.results, strict=True):
            if result.WhichOneof("result") == "receipt":
                outcomes.append(Outcome(line, self._kind(batch, result.receipt)))
                self._floor = max(self._floor, result.receipt.leaf_index + 1)
            else:
                outcomes.append(_rejected(line, result.error))
        self._deliver(outcomes)

    @staticmethod
    def _kind(batch: _Batch, receipt: Receipt) -> str:
        """A lost attempt of this very batch may have brought what is now called a duplicate."""
        if not receipt.duplicate:
            return ACCEPTED
        leaf_index = receipt.leaf_index
        if batch.attempts > 1 and leaf_index >= batch.floor and leaf_index not in batch.brought:
            batch.brought.add(leaf_index)
            return ACCEPTED
        return DUPLICATE

    def _alive(self) -> bool:
        request = GetTreeHeadRequest(parent=self._client.parent)
        try:
            self._client.proofs.GetTreeHead(request, timeout=1)
        except grpc.RpcError:
            return False
        return True


def _rejected(line: int, status: Status) -> Outcome:
    details = details_of(status)
    where = ", ".join(name for name, _ in details.violations)
    why = "; ".join(text for _, text in details.violations) or status.message
    return Outcome(line, REJECTED, where, why or details.reason)
