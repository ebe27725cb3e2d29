"""A client process that offers more than a server takes: what becomes of each call?

    pool of encoded batches ──rate calls a second, whatever comes back──► counts, latencies, places

Arguments as one line of JSON on stdin (`Load`); the outcome likewise on stdout (`Outcome`). A
batch that was shed is offered again later, as a caller does that was told to come again.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import grpc
import grpc.aio

from services.pb.candour.v1 import ingest_pb2
from tests.faults.servers.callers import OPTIONS, PARENT, Places, told_by, use

METHOD: Final = "/candour.v1.IngestService/BatchReportToolUses"
_UNDER_WAY: Final = 1_500  # calls of one process that wait: of two, what a server holds unseen


@dataclass(frozen=True, slots=True)
class Load:
    """What to offer.

    Members:
        rate: Calls a second; 0 for as many as are answered, by `callers` at once.
        batch: Uses of a call.
        pool: Batches that are made beforehand, and offered in turn until they have receipts.
    """

    target: str
    prefix: str
    seconds: float
    rate: float
    batch: int
    pool: int
    deadline_s: float = 30.0
    callers: int = 4


@dataclass(slots=True)
class Outcome:
    """What came of it.

    Members:
        told: Calls by status and reason, with ` +retry` where there was a RetryInfo.
        accepted_ms: Of calls that were answered with receipts.
        refused_ms: Of all others.
        places: Of every use with a receipt: leaf index, leaf hash in hex.
        unsent: Ids that were offered, and have none.
        took_s: From the first call to the last answer.
        late: Calls that were not made since too many were waiting.
    """

    told: dict[str, int] = field(default_factory=dict)
    accepted_ms: list[float] = field(default_factory=list)
    refused_ms: list[float] = field(default_factory=list)
    places: dict[str, tuple[int, str]] = field(default_factory=dict)
    unsent: list[str] = field(default_factory=list)
    took_s: float = 0.0
    late: int = 0

    def as_places(self) -> Places:
        return {own_id: (leaf, bytes.fromhex(text)) for own_id, (leaf, text) in self.places.items()}


class Processes:
    """Client processes under way; `end` gives what came of each."""

    def __init__(self, loads: Sequence[Load]) -> None:
        self._running = []
        for load in loads:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.servers.load"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(load)) + "\n")
            process.stdin.flush()
            self._running.append(process)
        for process in self._running:  # all have made their batches
            assert process.stdout is not None
            assert "ready\n" == process.stdout.readline()
        for process in self._running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()

    def end(self) -> list[Outcome]:
        outcomes = []
        for process in self._running:
            said, _ = process.communicate()
            assert process.returncode == 0
            outcomes.append(Outcome(**json.loads(said)))
        return outcomes


def main() -> None:
    load = Load(**json.loads(sys.stdin.readline()))
    pool = deque(_made(load, number) for number in range(load.pool))
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    json.dump(asdict(asyncio.run(_offer(load, pool))), sys.stdout)


def _made(load: Load, number: int) -> tuple[list[str], bytes]:
    ids = [f"{load.prefix}-{number}-{each}" for each in range(load.batch)]
    request = ingest_pb2.BatchReportToolUsesRequest(
        parent=PARENT, tool_uses=[use(own_id) for own_id in ids]
    )
    return ids, request.SerializeToString()


async def _offer(load: Load, pool: deque[tuple[list[str], bytes]]) -> Outcome:
    outcome, told = Outcome(), Counter[str]()
    offered: dict[str, list[str]] = {}
    async with grpc.aio.insecure_channel(load.target, OPTIONS) as channel:
        await channel.channel_ready()
        call: Any = channel.unary_unary(METHOD, request_serializer=None, response_deserializer=None)

        async def one(item: tuple[list[str], bytes]) -> None:
            ids, request = item
            offered.setdefault(ids[0], ids)
            sent_at = time.monotonic()
            try:
                answer = await call(request, timeout=load.deadline_s)
            except grpc.aio.AioRpcError as error:
                said = told_by(_Call(error), sent_at)
                outcome.refused_ms.append(said.took_s * 1000)
                retry = " +retry" if said.retry_s is not None else ""
                told[f"{said.code.name} {said.reason}".rstrip() + retry] += 1
                pool.append(item)
                return
            outcome.accepted_ms.append((time.monotonic() - sent_at) * 1000)
            told["OK"] += 1
            results = ingest_pb2.BatchReportToolUsesResponse.FromString(answer).results
            for own_id, result in zip(ids, results, strict=True):
                assert result.WhichOneof("result") == "receipt", result.error.message
                receipt = result.receipt
                outcome.places[own_id] = receipt.leaf_index, receipt.leaf_hash.hex()

        began = time.monotonic()
        if load.rate:
            await _open_loop(load, pool, one, outcome, began)
        else:
            await _closed_loop(load, pool, one, began)
        outcome.took_s = time.monotonic() - began
    outcome.told = dict(told)
    outcome.unsent = [
        own_id for ids in offered.values() if ids[0] not in outcome.places for own_id in ids
    ]
    return outcome


async def _closed_loop(load: Load, pool: deque[Any], one: Any, began: float) -> None:
    async def caller() -> None:
        while pool and time.monotonic() < began + load.seconds:
            await one(pool.popleft())

    await asyncio.gather(*(caller() for _ in range(load.callers)))


async def _open_loop(
    load: Load, pool: deque[Any], one: Any, outcome: Outcome, began: float
) -> None:
    tasks: set[asyncio.Task[None]] = set()
    for number in range(int(load.rate * load.seconds)):
        wait_s = began + number / load.rate - time.monotonic()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif number % 16 == 0:
            await asyncio.sleep(0)
        if not pool or len(tasks) >= _UNDER_WAY:
            outcome.late += 1
            continue
        task = asyncio.create_task(one(pool.popleft()))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)


class _Call:
    """An AioRpcError as rpc_status wants a call."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self._error = error

    def code(self) -> grpc.StatusCode:
        return self._error.code()

    def details(self) -> str | None:
        return self._error.details()

    def trailing_metadata(self) -> Any:
        return tuple(self._error.trailing_metadata() or ())


if __name__ == "__main__":
    main()
