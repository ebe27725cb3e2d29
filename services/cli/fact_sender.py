"""How do many facts cross one channel? Batches one after another, sent again until answered.

facts ──batches──► BatchRecord ──► a receipt a fact, or None where another said it before
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import grpc

from ledger.limits import IMPORT_GIVE_UP_S, TOLD_AT_ONCE
from services.cli.client import Client
from services.cli.failures import CommandFailed, details_of
from services.cli.patience import Patience
from services.pb.candour.v1 import record_pb2
from services.pb.candour.v1.common_pb2 import Receipt
from services.pb.candour.v1.proofs_pb2 import GetTreeHeadRequest

# What is told under this name stands there already, in other words or with its end.
_HELD: Final = ("CONFLICTING_RESUBMISSION", "NOT_IN_STATE")


def batches(
    facts: Iterator[record_pb2.RecordedFact],
) -> Iterator[list[record_pb2.RecordedFact]]:
    while batch := list(islice(facts, TOLD_AT_ONCE)):
        yield batch


class FactSender:
    """Sends batches, again where an answer was lost: what landed is known by its name."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._patience = Patience(client.target, self._alive)

    def send(self, facts: Sequence[record_pb2.RecordedFact]) -> list[Receipt | None]:
        """A receipt for each, None where another said it before. Raises CommandFailed."""
        request = record_pb2.BatchRecordRequest(parent=self._client.parent, facts=facts)
        while True:
            sent_at = time.monotonic()
            try:
                response = self._client.record.BatchRecord(request, timeout=3 * IMPORT_GIVE_UP_S)
            except grpc.RpcError as error:
                self._patience.wait(error, sent_at=sent_at)
            else:
                break
        self._patience.heard()
        receipts: list[Receipt | None] = []
        for result in response.results:
            if result.WhichOneof("result") == "receipt":
                receipts.append(result.receipt)
                continue
            details = details_of(result.error)
            if details.reason not in _HELD:
                raise CommandFailed(
                    f"The ledger refused a discrepancy: {result.error.message.rstrip('.')}",
                    "What was told before it stands; compare again once this is mended",
                )
            receipts.append(None)
        return receipts

    def _alive(self) -> bool:
        request = GetTreeHeadRequest(parent=self._client.parent)
        try:
            self._client.proofs.GetTreeHead(request, timeout=1)
        except grpc.RpcError:
            return False
        return True
