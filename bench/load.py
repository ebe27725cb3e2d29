"""How fast, how late? The loads, each over a running lab."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import grpc
import grpc.aio

from bench.lab import OPTIONS, SERVICE, Lab, percentile
from bench.requests import PARENT, batches, streamed, unaries
from services.pb.candour.v1 import (
    ingest_pb2,
    proofs_pb2,
    proofs_pb2_grpc,
    query_pb2,
    query_pb2_grpc,
)

_AGAIN_S: Final = 0.05


def _raw(channel: grpc.aio.Channel, method: str) -> Any:
    return channel.unary_unary(
        SERVICE + method, request_serializer=None, response_deserializer=None
    )


async def _closed_loop(lab: Lab, method: str, requests: list[bytes], callers: int) -> float:
    """Each caller sends its next request when the last is answered; returns seconds."""
    todo = iter(requests)
    channels = [grpc.aio.insecure_channel(lab.target, OPTIONS) for _ in range(min(callers, 4))]

    async def caller(number: int) -> None:
        call = _raw(channels[number % len(channels)], method)
        for request in todo:
            answer = await call(request)
            assert answer

    for channel in channels:
        await channel.channel_ready()
    started = time.perf_counter()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    took = time.perf_counter() - started
    for channel in channels:
        await channel.close()
    return took


def batch_rate(lab: Lab, *, uses: int, size: int = 500, callers: int = 4) -> float:
    """Uses a second, durable, in batches."""
    requests = batches(uses, size, seed=time.time_ns())
    return uses / asyncio.run(_closed_loop(lab, "BatchReportToolUses", requests, callers))


def closed_loop(lab: Lab, requests: list[bytes], callers: int = 4) -> float:
    """Seconds until these batches are all durable."""
    return asyncio.run(_closed_loop(lab, "BatchReportToolUses", requests, callers))


def unary_rate(lab: Lab, *, uses: int, callers: int = 64) -> float:
    """Uses a second, durable, one a call."""
    requests = unaries(uses, seed=time.time_ns())
    return uses / asyncio.run(_closed_loop(lab, "ReportToolUse", requests, callers))


def stream_rate(lab: Lab, *, uses: int) -> float:
    """Uses a second, durable, one a message of one stream."""
    requests = streamed(uses, seed=time.time_ns())
    return uses / asyncio.run(_stream(lab, requests))


async def _stream(lab: Lab, requests: list[bytes]) -> float:
    async with grpc.aio.insecure_channel(lab.target, OPTIONS) as channel:
        await channel.channel_ready()
        call: Any = channel.stream_stream(
            SERVICE + "StreamToolUses",
            request_serializer=None,
            response_deserializer=ingest_pb2.StreamToolUsesResponse.FromString,
        )
        started = time.perf_counter()
        durable = 0
        async for response in call(iter(requests)):
            durable += sum(result.HasField("receipt") for result in response.results)
        took = time.perf_counter() - started
    assert len(requests) == durable
    return took


async def _patiently(call: Any, request: bytes) -> bytes:
    """As a client does: what the ledger had no room for is sent again, and waits all the longer."""
    while True:
        try:
            answer: bytes = await call(request)
            return answer
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
        await asyncio.sleep(_AGAIN_S)


async def _offered(lab: Lab, method: str, requests: list[bytes], rate: float) -> list[float]:
    """Send at a fixed rate whatever comes back; latency from when each was due, ms."""
    channel = grpc.aio.insecure_channel(lab.target, OPTIONS)
    await channel.channel_ready()
    call = _raw(channel, method)
    latencies: list[float] = []
    started = time.perf_counter() + 0.05

    async def one(due: float, request: bytes) -> None:
        await _patiently(call, request)
        latencies.append((time.perf_counter() - due) * 1000)

    tasks = []
    for number, request in enumerate(requests):
        due = started + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(due, request)))
    await asyncio.gather(*tasks)
    await channel.close()
    return latencies


def unary_p99(lab: Lab, *, rate: float, seconds: float) -> float:
    """p99 of unary calls offered at a fixed rate, ms from when each was due."""
    requests = unaries(int(rate * seconds), seed=time.time_ns())
    return percentile(asyncio.run(_offered(lab, "ReportToolUse", requests, rate)), 0.99)


def lag_p99(lab: Lab, *, rate: float, seconds: float, size: int = 100) -> float:
    """p99 of the time from an acknowledged batch to its being in the views, ms."""
    requests = batches(int(rate * seconds), size, seed=time.time_ns())
    return percentile(asyncio.run(_lags(lab, requests, rate / size)), 0.99)


async def _lags(lab: Lab, requests: list[bytes], rate: float) -> list[float]:
    channel = grpc.aio.insecure_channel(lab.target, OPTIONS)
    await channel.channel_ready()
    call = _raw(channel, "BatchReportToolUses")
    proofs = proofs_pb2_grpc.ProofsServiceStub(channel)
    acknowledged: list[tuple[float, int]] = []
    seen: list[tuple[float, int]] = []
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            head = await proofs.GetTreeHead(proofs_pb2.GetTreeHeadRequest(parent=PARENT))
            seen.append((time.perf_counter(), head.projected_tree_size))
            await asyncio.sleep(0.005)

    async def one(request: bytes) -> None:
        answer = await _patiently(call, request)
        at = time.perf_counter()
        results = ingest_pb2.BatchReportToolUsesResponse.FromString(answer).results
        acknowledged.append((at, max(result.receipt.leaf_index for result in results) + 1))

    watcher = asyncio.create_task(watch())
    started, tasks = time.perf_counter(), []
    for number, request in enumerate(requests):
        wait = started + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(request)))
    await asyncio.gather(*tasks)
    last = max(size for _, size in acknowledged)
    while not seen or seen[-1][1] < last:
        await asyncio.sleep(0.01)
    done.set()
    await watcher
    await channel.close()
    lags, at = [], 0
    for moment, size in sorted(acknowledged, key=lambda item: item[1]):
        while seen[at][1] < size:
            at += 1
        lags.append(max(0.0, seen[at][0] - moment) * 1000)
    return lags


def proof_p99(lab: Lab, *, calls: int) -> float:
    """p99 of GetInclusionProof over random entries, ms."""

    async def run() -> list[float]:
        async with grpc.aio.insecure_channel(lab.target, OPTIONS) as channel:
            stub = proofs_pb2_grpc.ProofsServiceStub(channel)
            head = await stub.GetTreeHead(proofs_pb2.GetTreeHeadRequest(parent=PARENT))
            took = []
            for number in range(calls):
                leaf = number * 7_919 % head.checkpoint_tree_size
                started = time.perf_counter()
                await stub.GetInclusionProof(
                    proofs_pb2.GetInclusionProofRequest(parent=PARENT, leaf_index=leaf)
                )
                took.append((time.perf_counter() - started) * 1000)
            return took

    return percentile(asyncio.run(run()), 0.99)


def list_p99(lab: Lab, filters: list[str], *, calls: int) -> dict[str, float]:
    """p99 of the first page of 50 for each filter, ms."""

    async def run(text: str) -> float:
        async with grpc.aio.insecure_channel(lab.target, OPTIONS) as channel:
            stub = query_pb2_grpc.QueryServiceStub(channel)
            request = query_pb2.ListToolUsesRequest(parent=PARENT, filter=text, page_size=50)
            took = []
            for _ in range(5):  # so that plans and pages are there, as in a running service
                await stub.ListToolUses(request)
            for _ in range(calls):
                started = time.perf_counter()
                await stub.ListToolUses(request)
                took.append((time.perf_counter() - started) * 1000)
            return percentile(took, 0.99)

    return {text: asyncio.run(run(text)) for text in filters}
