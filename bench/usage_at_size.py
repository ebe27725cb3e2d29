"""How fast is a proven count at a million uses, at ten, and how long does its index take to make?

A log filled by the ledger's own code, without a server in between; its index made as `candour
index rebuild` makes it; then ProveUsage of a real `candour serve`, over random questions.

The uses: 200 agencies, 40 technologies, 50 performers of each agency, the days of a year.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from typing import Final

import grpc
from sqlalchemy import Engine, update

from bench import targets
from bench.figures import Figure
from bench.lab import OPTIONS, percentile, serve
from bench.requests import PARENT, agency_name, technology_name
from bench.suite import Bench
from bench.targets import MILLION
from ledger.commands import Performer, ReportToolUse
from ledger.domain.base import Provenance
from ledger.events import AgencyRegistered, Occurred, TechnologyRegistered, ToolUseReported
from ledger.limits import MAX_COMMIT_ENTRIES, PROJECTOR_BATCH, USAGE_BATCH
from ledger.store import view_tables
from ledger.store.core import LedgerStore, NewEntry
from ledger.store.usage_writer import UsageWriter
from ledger.store.view_writer import ViewWriter
from ledger.times import text_of_us
from services.pb.candour.v1 import proofs_pb2, proofs_pb2_grpc
from services.runtime.hosting import Hosted, open_ledger
from services.runtime.settings import Settings
from services.runtime.views import open_views

AGENCIES, TECHNOLOGIES, DAYS, PERFORMERS = 200, 40, 365, 50
STEPS: Final = ("usage index: proofs of counts",)

_START_US, _DAY_US = 1_704_067_200_000_000, 86_400_000_000  # 2024-01-01
_ONE_DAY = 60_000  # uses that the fold alone follows with


def usage_at_size(bench: Bench) -> Iterator[Figure]:
    """The figures at each size."""
    for uses in bench.sizes.indexed:
        with bench.step(STEPS[0]), bench.places.place(bench.store) as place:
            rebuilt, followed, more = _fill(place.settings, uses)
            with serve(place) as lab:
                took, sizes = _ask(lab.target, bench.sizes.proofs)
        yield bench.figure("usage index: made anew from the log", [rebuilt], "uses/s", size=uses)
        yield bench.figure(targets.INDEX_FOLD, [followed], "uses/s", size=more)
        middle = percentile(took, 0.5)
        yield bench.figure("usage index: count proof and inclusion, p50", [middle], "ms", size=uses)
        yield bench.figure(targets.COUNT_PROOF, [percentile(took, 0.99)], "ms", size=uses)
        yield bench.figure(targets.PROOF_BYTES, [max(sizes) / 1000], "kB", size=uses)


def _fill(settings: Settings, uses: int) -> tuple[float, float, int]:
    """Log, views and index; uses a second of the index: made anew, and following with how many."""
    hosted = open_ledger(settings)
    engine = open_views(settings)
    draw = random.Random(11)
    try:
        _register(hosted)
        _fold(engine, hosted.store, uses)
        _report(hosted, draw, uses, DAYS)
        _fold(engine, hosted.store, uses)
        writer, head = UsageWriter(engine, hosted.store), hosted.store.head().tree_size
        rebuilt = _rate(uses, lambda: writer.catch_up(head, batch=head))
        more = min(uses, _ONE_DAY)
        _report(hosted, draw, more, 1)
        _fold(engine, hosted.store, uses)
        head = hosted.store.head().tree_size
        return rebuilt, _rate(more, lambda: writer.catch_up(head, batch=USAGE_BATCH)), more
    finally:
        engine.dispose()
        hosted.close()


def _rate(uses: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return uses / (time.perf_counter() - started)


def _register(hosted: Hosted) -> None:
    told = Provenance(reporter="bench", recorded_us=_START_US)
    names: list[NewEntry] = []
    for number in range(AGENCIES):
        name = agency_name(number)
        fact = AgencyRegistered(agency=name, name=f"Agency {number}")
        names.append(hosted.registrar.register(name, fact, told))
    for number in range(TECHNOLOGIES):
        name = technology_name(number)
        product = TechnologyRegistered(technology=name, name=f"Technology {number}")
        names.append(hosted.registrar.register(name, product, told))
    hosted.log.append(names)


def _report(hosted: Hosted, draw: random.Random, uses: int, days: int) -> None:
    """Append reports, each transaction as large as the committer's."""
    log, first = hosted.log, hosted.store.head().tree_size
    for start in range(0, uses, MAX_COMMIT_ENTRIES):
        size = min(MAX_COMMIT_ENTRIES, uses - start)
        checked = log.check(_uses(draw, first + start, size, days))
        log.learn(log.missing(checked))
        prepared = [item for item in log.prepare(checked, "bench") if isinstance(item, NewEntry)]
        assert len(prepared) == size
        log.append(prepared)


def _uses(draw: random.Random, first: int, count: int, days: int) -> Iterator[ReportToolUse]:
    for number in range(first, first + count):
        at = text_of_us(_START_US + draw.randrange(days) * _DAY_US + draw.randrange(_DAY_US))
        yield ReportToolUse(
            use=ToolUseReported(
                agency=agency_name(draw.randrange(AGENCIES)),
                technology=technology_name(draw.randrange(TECHNOLOGIES)),
                occurred=Occurred(earliest=at, latest=at),
            ),
            source="sources/bench",
            source_event_id=str(number),
            capture="backfill",
            performer=Performer(user_id=f"u{draw.randrange(PERFORMERS)}"),
        )


def _fold(engine: Engine, store: LedgerStore, uses: int) -> None:
    """Fold the views. Beyond a million, uses are passed by: no proof reads their rows."""
    writer, head = ViewWriter(engine, store), store.head().tree_size
    if uses <= MILLION or head <= AGENCIES + TECHNOLOGIES:
        writer.catch_up(batch=PROJECTOR_BATCH)
        return
    with engine.begin() as connection:
        connection.execute(update(view_tables.position).values(tree_size=head))


def usage_request(
    agency: str, technology: str, first: int, last: int
) -> proofs_pb2.ProveUsageRequest:
    """A question about days of the bench's year, counted from its first."""

    def text(day: int) -> str:
        return text_of_us(_START_US + day * _DAY_US)[:10]

    return proofs_pb2.ProveUsageRequest(
        parent=PARENT,
        agency=agency,
        technology=technology,
        first_day=text(first),
        last_day=text(last),
    )


def _ask(target: str, calls: int) -> tuple[list[float], list[int]]:
    """Milliseconds of each call, and bytes of each proof, under one committed root."""
    draw, took, sizes = random.Random(13), [], []
    with grpc.insecure_channel(target, OPTIONS) as channel:
        stub = proofs_pb2_grpc.ProofsServiceStub(channel)

        def ask(request: proofs_pb2.ProveUsageRequest) -> dict[str, dict[str, object]]:
            return json.loads(b"".join(part.chunk for part in stub.ProveUsage(request)))  # type: ignore[no-any-return]

        whole = ask(usage_request(agency_name(0), technology_name(0), 0, 1))
        size = whole["question"]["tree_size"]
        assert isinstance(size, int)
        for number in range(calls + 10):
            first, last = sorted(draw.randrange(DAYS) for _ in range(2))
            request = usage_request(
                agency_name(draw.randrange(AGENCIES)),
                technology_name(draw.randrange(TECHNOLOGIES)),
                first,
                last,
            )
            request.as_of.tree_size = size
            started = time.perf_counter()
            bundle = b"".join(part.chunk for part in stub.ProveUsage(request))
            if number >= 10:  # plans and pages are there by then, as in a running service
                took.append((time.perf_counter() - started) * 1000)
                proof = json.loads(bundle)["proofs"]["count"]
                sizes.append(len(json.dumps(proof, separators=(",", ":"))))
    return took, sizes
