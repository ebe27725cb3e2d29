"""What is counted, and where? Instruments made from the one table, and what fills them by ledger.

    committer ──committed, failed──┐
    prepare   ──refused────────────┼─► LedgerMetrics ──► Instruments ──► a meter: OTLP, /metrics
    reads     ──unsound────────────┘        (ledger=…)      (metric_names.METRICS)

Labels are names of ledgers and reasons of errors; nothing of what was reported is among them.
Without a meter each call costs a tenth of a microsecond, and nothing is kept.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Final, TypeAlias

from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    NoOpMeterProvider,
    Observation,
)

from ledger.errors import CandourError
from ledger.events import ToolUseReported, UsageIndexCommitted
from ledger.log import Receipt
from ledger.store.core import NewEntry
from services.runtime.explaining import explain
from services.runtime.metric_names import BY_NAME, CLAIMS, OUR_REASONS, Kind, Metric

Observe: TypeAlias = Callable[[], Iterable[Observation]]
_NAME: Final = "candour"
# The calls that bring reports; a refusal before one of them is read counts as one report.
_INGEST: Final = "/candour.v1.IngestService/"
REPORTING: Final = frozenset(
    {_INGEST + "ReportToolUse", _INGEST + "BatchReportToolUses", _INGEST + "StreamToolUses"}
    | {"/opentelemetry.proto.collector.logs.v1.LogsService/Export"}
)


class Instruments:
    """Makes instruments, none of which is not in the table.

    Args:
        meter: Of a provider; without one everything counts into nothing.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self._meter = NoOpMeterProvider().get_meter(_NAME) if meter is None else meter
        self.made: set[str] = set()
        self.call_duration = self._histogram("rpc.server.call.duration")
        self.request_duration = self._histogram("http.server.request.duration")
        self.batch_size = self._histogram("candour.commit.batch_size")
        self.commit_duration = self._histogram("candour.commit.duration")
        self.accepted = self._counter("candour.reports.accepted")
        self.duplicates = self._counter("candour.reports.duplicates")
        self.rejected = self._counter("candour.reports.rejected")
        self.index_commitments = self._counter("candour.index.commitments")
        self.verification_failures = self._counter("candour.verification.failures")
        self.bridged = self._counter("candour.bridge.messages")

    def observe(self, name: str, observe: Observe) -> None:
        """Let a metric be asked for whenever somebody looks; its callback must not wait."""

        def callback(_options: CallbackOptions) -> Iterable[Observation]:
            return observe()

        metric = self._known(name)
        assert metric.kind is not Kind.HISTOGRAM, name
        make = self._meter.create_observable_gauge
        if metric.kind is Kind.COUNTER:
            make = self._meter.create_observable_counter  # type: ignore[assignment]
        make(name, [callback], metric.unit, metric.description)

    def _counter(self, name: str) -> Counter:
        metric = self._known(name)
        assert metric.kind is Kind.COUNTER, name
        return self._meter.create_counter(name, metric.unit, metric.description)

    def _histogram(self, name: str) -> Histogram:
        metric = self._known(name)
        assert metric.kind is Kind.HISTOGRAM, name
        return self._meter.create_histogram(
            name,
            metric.unit,
            metric.description,
            explicit_bucket_boundaries_advisory=metric.buckets,
        )

    def _known(self, name: str) -> Metric:
        self.made.add(name)
        return BY_NAME[name]


class _TurningAway:
    """Counts one where its block raises: a call that is refused before its reports are read."""

    __slots__ = ("_turned_away",)

    def __init__(self, turned_away: Callable[[Exception], None]) -> None:
        self._turned_away = turned_away

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, CandourError):
            self._turned_away(error)


class LedgerMetrics:
    """What is counted of one ledger.

    Args:
        instruments: Of the process.
        ledger: Its name.
    Members:
        turning_away: For `with`, around what refuses a call before its reports are read.
    """

    def __init__(self, instruments: Instruments, ledger: str) -> None:
        self._to, self.ledger = instruments, ledger
        self._labels = {"ledger": ledger}
        self.turning_away = _TurningAway(self.turned_away)
        for counter in (
            instruments.accepted,
            instruments.duplicates,
            instruments.index_commitments,
        ):
            counter.add(0, self._labels)  # from 0, or the first one would not show as a rise
        for reason in OUR_REASONS:
            instruments.rejected.add(0, {**self._labels, "reason": reason})
        for claim in CLAIMS:
            instruments.verification_failures.add(0, {**self._labels, "claim": claim})

    def committed(
        self,
        entries: Sequence[NewEntry],
        results: Sequence[Receipt | CandourError],
        took_s: float,
    ) -> None:
        """One commit, and what became of each of its entries."""
        to, labels = self._to, self._labels
        to.batch_size.record(len(entries), labels)
        to.commit_duration.record(took_s, labels)
        accepted = duplicates = roots = 0
        refused: list[CandourError] = []
        for entry, result in zip(entries, results, strict=True):
            if entry.topic == ToolUseReported.TOPIC:
                if not isinstance(result, Receipt):
                    refused.append(result)
                elif result.duplicate:
                    duplicates += 1
                else:
                    accepted += 1
            elif entry.topic == UsageIndexCommitted.TOPIC and isinstance(result, Receipt):
                roots += not result.duplicate
        if accepted:
            to.accepted.add(accepted, labels)
        if duplicates:
            to.duplicates.add(duplicates, labels)
        if roots:
            to.index_commitments.add(roots, labels)
        if refused:
            self.refused(refused)

    def failed(self, entries: Iterable[NewEntry], error: Exception) -> None:
        """None of these was committed, or nobody knows; other entries than reports do not count."""
        count = sum(entry.topic == ToolUseReported.TOPIC for entry in entries)
        if count:
            self.turned_away(error, count)

    def refused(self, errors: Iterable[CandourError]) -> None:
        """Each is of one report."""
        for reason, count in Tally(map(reason_of, errors)).items():
            self._to.rejected.add(count, {**self._labels, "reason": reason})

    def turned_away(self, error: Exception, count: int = 1) -> None:
        """So many reports got no receipt, all for one error; 1 where nobody looked inside."""
        self._to.rejected.add(count, {**self._labels, "reason": reason_of(error)})

    def unsound(self, claim: str) -> None:
        """Something of our own was checked and did not fit; `claim` is one of CLAIMS."""
        self._to.verification_failures.add(1, {**self._labels, "claim": claim})


def reason_of(error: Exception) -> str:
    """What callers are told as ErrorInfo's reason: a code of ours, never a text."""
    return explain(error).reason if isinstance(error, CandourError) else "INTERNAL"


def silent(ledger: str = "") -> LedgerMetrics:
    """Counts nothing: for whoever has no telemetry."""
    return LedgerMetrics(_SILENT, ledger)


_SILENT: Final = Instruments()
