"""How fast is a ledger that has just begun? Loads, views, checks, on one server a store.

Every load adds to the same ledger, so the last ones meet some hundred thousand uses.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import grpc

from bench import evidence, load, projection, targets
from bench.figures import Figure
from bench.lab import OPTIONS, Lab, register_agencies
from bench.requests import agency_name, batches, many_agencies, technology_name
from bench.sizes import Sizes
from bench.storage import by_kind, table_bytes
from bench.suite import Bench, rounded
from bench.usage_at_size import AGENCIES, TECHNOLOGIES, usage_request
from services.pb.candour.v1 import proofs_pb2_grpc

COUNT: Final = "proven count of a month, p99"
AUDIT: Final = "audit, views and usage index included"
_OFFERED: Final = 600  # unary calls a second
_WARM: Final = 10_000


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a running lab, some times over."""

    name: str
    unit: str
    take: Callable[[Lab, Sizes], float]
    size: Callable[[Lab, Sizes], int]
    runs: Callable[[Sizes], int]


def _once(_: Sizes) -> int:
    return 1


def _some(sizes: Sizes) -> int:
    return sizes.runs


def _entries(lab: Lab, _: Sizes) -> int:
    return rounded(lab.heads().tree_size)


def _half_load(lab: Lab) -> int:
    return targets.half_load(lab.store)


MEASURES: Final = (
    Measure(
        *(targets.BATCHES, "uses/s"),
        take=lambda lab, sizes: load.batch_rate(lab, uses=sizes.batch),
        size=lambda _, sizes: sizes.batch,
        runs=lambda sizes: sizes.batch_runs,
    ),
    # Here, before the log is too long to be audited in a minute.
    Measure(AUDIT, "entries/s", lambda lab, _: _audit(lab), _entries, _once),
    Measure(
        *(targets.UNARY, "uses/s"),
        take=lambda lab, sizes: load.unary_rate(lab, uses=sizes.unary),
        size=lambda _, sizes: sizes.unary,
        runs=_some,
    ),
    Measure(
        *(targets.STREAM, "uses/s"),
        take=lambda lab, sizes: load.stream_rate(lab, uses=sizes.stream),
        size=lambda _, sizes: sizes.stream,
        runs=_some,
    ),
    Measure(
        *(targets.OFFERED, "ms"),
        take=lambda lab, sizes: load.unary_p99(lab, rate=_OFFERED, seconds=sizes.offered_s),
        size=lambda _, sizes: int(_OFFERED * sizes.offered_s),
        runs=_some,
    ),
    Measure(
        *(targets.LAG, "ms"),
        take=lambda lab, sizes: _lag(lab, sizes.lag_s),
        size=lambda lab, sizes: int(_half_load(lab) * sizes.lag_s),
        runs=_some,
    ),
    Measure(
        *(targets.CATCH_UP, "entries/s"),
        take=lambda lab, sizes: projection.catch_up_rate(lab, most=sizes.fold),
        size=lambda _, sizes: sizes.fold,
        runs=_some,
    ),
    Measure(
        *(targets.VERIFYING, "s"),
        take=lambda lab, sizes: evidence.verify_seconds(lab, entries=sizes.verified),
        size=lambda _, sizes: sizes.verified,
        runs=_some,
    ),
    Measure(
        *(COUNT, "ms"),
        take=lambda lab, sizes: _after_views(lab, evidence.count_p99, sizes.counts),
        size=_entries,
        runs=_some,
    ),
    Measure(
        *(targets.INDEX_KEEPS_UP, "uses/s"),
        take=lambda lab, sizes: _keeping_up(lab, sizes.spread),
        size=lambda _, sizes: sizes.spread,
        runs=_some,
    ),
    Measure(targets.STORAGE, "bytes/use", lambda lab, _: _storage(lab), _entries, _once),
)
STEPS: Final = tuple(measure.name for measure in MEASURES)


def fresh(bench: Bench) -> Iterator[Figure]:
    """The figures, one a measure."""
    with bench.places.lab(bench.store) as lab:
        load.batch_rate(lab, uses=min(_WARM, bench.sizes.batch // 4))
        for measure in MEASURES:
            if not bench.wants(measure.name):
                continue
            try:
                with bench.step(measure.name):
                    size = measure.size(lab, bench.sizes)
                    runs = range(measure.runs(bench.sizes))
                    values = [measure.take(lab, bench.sizes) for _ in runs]
            except Exception:  # noqa: BLE001  the next measure may well go on with this ledger
                bench.failed(measure.name)
                continue
            yield bench.figure(measure.name, values, measure.unit, size=size)


def _lag(lab: Lab, seconds: float) -> float:
    lab.wait_for_index()  # what came before is not this load's lag
    return load.lag_p99(lab, rate=_half_load(lab), seconds=seconds)


def _audit(lab: Lab) -> float:
    lab.wait_for_index()
    return evidence.audit_rate(lab)


def _after_views(lab: Lab, measure: Callable[..., float], calls: int) -> float:
    lab.wait_for_views()
    return measure(lab, calls=calls)


def _keeping_up(lab: Lab, uses: int) -> float:
    """Uses a second of 200 agencies, from the first report to a root that covers the last."""
    register_agencies(lab.target, many_agencies(AGENCIES))
    requests = batches(uses, 500, time.time_ns(), agencies=AGENCIES, technologies=TECHNOLOGIES)
    lab.wait_for_index()
    started = time.perf_counter()
    load.closed_loop(lab, requests)
    _prove_all(lab)
    return uses / (time.perf_counter() - started)


def _prove_all(lab: Lab) -> None:
    """A proof of all there is: the server commits a root, once the index is there."""
    request = usage_request(agency_name(0), technology_name(0), 0, 1)
    with grpc.insecure_channel(lab.target, OPTIONS) as channel:
        stub = proofs_pb2_grpc.ProofsServiceStub(channel)
        while True:
            try:
                assert b"".join(part.chunk for part in stub.ProveUsage(request))
                return
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:  # the index is not there yet
                    raise


def _storage(lab: Lab) -> float:
    lab.wait_for_index()
    found = by_kind(table_bytes(lab.data, lab.database_url))
    return sum(found.values()) / lab.heads().tree_size
