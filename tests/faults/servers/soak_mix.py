"""What is a server asked while it soaks? Reports at a steady rate; pages, summaries, proofs between.

pacer ──batches of BATCH──► receipts, of which one in KEPT is remembered
askers, one a kind ──► ListToolUses, SummarizeToolUses, GetInclusionProof, ProveToolUses, ProveUsage
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import grpc

from services.pb.candour.v1 import (
    ingest_pb2,
    ingest_pb2_grpc,
    proofs_pb2,
    proofs_pb2_grpc,
    query_pb2,
    query_pb2_grpc,
)
from tests.faults.servers.callers import AGENCY, OPTIONS, PARENT, Places, use

BATCH: Final = 50
KEPT: Final = 200  # one use in so many is remembered, so that this process stays small
ASK_EVERY_S: Final = 0.5
DEADLINE_S: Final = 60.0
_TECHNOLOGY: Final = "technologies/plate-reader"


@dataclass(slots=True)
class Done:
    """What came of it so far.

    Members:
        uses: With a receipt.
        calls: By kind and status.
        late_s: How far the reports were behind their pace, at worst.
    """

    uses: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    late_s: float = 0.0
    places: Places = field(default_factory=dict)


class Mix:
    """Callers of one server. Use it as a context manager.

    Args:
        rate: Uses a second.
    """

    def __init__(self, target: str, rate: float) -> None:
        self.rate, self.done = rate, Done()
        self._target = target
        self._ended = threading.Event()
        askers = (self._list, self._summarize, self._include, self._prove, self._count)
        self._threads = [threading.Thread(target=self._report, name="report")]
        self._threads += [
            threading.Thread(target=self._ask, args=(each, seed), name=each.__name__)
            for seed, each in enumerate(askers)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    # --- reports ----------------------------------------------------------------------------
    def _report(self) -> None:
        began, done = time.monotonic(), self.done
        with grpc.insecure_channel(self._target, OPTIONS) as channel:
            stub = ingest_pb2_grpc.IngestServiceStub(channel)
            for number in itertools.count():
                due = began + number * BATCH / self.rate
                if self._ended.wait(max(0.0, due - time.monotonic())):
                    return
                done.late_s = max(done.late_s, time.monotonic() - due)
                first = number * BATCH
                ids = [f"soak-{first + each}" for each in range(BATCH)]
                request = ingest_pb2.BatchReportToolUsesRequest(
                    parent=PARENT, tool_uses=[use(own_id) for own_id in ids]
                )
                self._count_call("report", lambda: self._keep(stub, request, ids))  # noqa: B023

    def _keep(self, stub: Any, request: Any, ids: list[str]) -> None:
        results = stub.BatchReportToolUses(request, timeout=DEADLINE_S).results
        for own_id, result in zip(ids, results, strict=True):
            receipt = result.receipt
            assert receipt.leaf_hash, result.error.message
            self.done.uses += 1
            if self.done.uses % KEPT == 0:
                self.done.places[own_id] = receipt.leaf_index, receipt.leaf_hash

    # --- questions --------------------------------------------------------------------------
    def _ask(self, ask: Callable[[grpc.Channel, random.Random], Any], seed: int) -> None:
        draw = random.Random(seed)
        with grpc.insecure_channel(self._target, OPTIONS) as channel:
            while not self._ended.wait(ASK_EVERY_S):
                if self.done.uses:
                    self._count_call(ask.__name__.strip("_"), lambda: ask(channel, draw))

    def _count_call(self, kind: str, call: Callable[[], Any]) -> None:
        try:
            call()
        except grpc.RpcError as error:
            code: Any = error
            self.done.calls[f"{kind} {code.code().name}"] += 1
        else:
            self.done.calls[f"{kind} OK"] += 1

    def _list(self, channel: grpc.Channel, draw: random.Random) -> None:
        text = f'performer = "user-{draw.randrange(50)}"'
        query_pb2_grpc.QueryServiceStub(channel).ListToolUses(
            query_pb2.ListToolUsesRequest(parent=PARENT, filter=text, page_size=50),
            timeout=DEADLINE_S,
        )

    def _summarize(self, channel: grpc.Channel, draw: random.Random) -> None:
        by = draw.choice([query_pb2.SUMMARY_KEY_AGENCY, query_pb2.SUMMARY_KEY_TECHNOLOGY])
        text = f'performer = "user-{draw.randrange(50)}"'
        query_pb2_grpc.QueryServiceStub(channel).SummarizeToolUses(
            query_pb2.SummarizeToolUsesRequest(parent=PARENT, by=by, filter=text),
            timeout=DEADLINE_S,
        )

    def _include(self, channel: grpc.Channel, draw: random.Random) -> None:
        stub = proofs_pb2_grpc.ProofsServiceStub(channel)
        head = stub.GetTreeHead(proofs_pb2.GetTreeHeadRequest(parent=PARENT), timeout=DEADLINE_S)
        leaf = draw.randrange(head.checkpoint_tree_size)
        stub.GetInclusionProof(
            proofs_pb2.GetInclusionProofRequest(parent=PARENT, leaf_index=leaf), timeout=DEADLINE_S
        )

    def _prove(self, channel: grpc.Channel, draw: random.Random) -> None:
        case = f"soak-{draw.randrange(self.done.uses)}"
        request = proofs_pb2.ProveToolUsesRequest(parent=PARENT, filter=f'case_number = "{case}"')
        chunks = proofs_pb2_grpc.ProofsServiceStub(channel).ProveToolUses(
            request, timeout=DEADLINE_S
        )
        assert any(chunk.chunk for chunk in chunks)

    def _count(self, channel: grpc.Channel, _draw: random.Random) -> None:
        request = proofs_pb2.ProveUsageRequest(
            parent=PARENT,
            agency=AGENCY,
            technology=_TECHNOLOGY,
            first_day="2026-01-01",
            last_day="2026-01-31",
        )
        chunks = proofs_pb2_grpc.ProofsServiceStub(channel).ProveUsage(request, timeout=DEADLINE_S)
        assert any(chunk.chunk for chunk in chunks)
