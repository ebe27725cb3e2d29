"""Is every metric in the table made by the code, and the other way round? And counted right?"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.domain.base import NotRegistered
from ledger.errors import CandourError, Malformed
from ledger.events import ToolUseReported, UsageIndexCommitted
from ledger.log import ConflictingResubmission, Receipt
from ledger.store.core import NewEntry, StoreUnavailable
from services.bridge.measuring import BridgeMetrics
from services.runtime.audited import COMPLETED, FINDINGS
from services.runtime.hosting import now_us
from services.runtime.metric_names import CLAIMS, METRICS, OUR_REASONS
from services.runtime.metrics import Instruments, LedgerMetrics, reason_of
from services.runtime.observing import Observatory
from services.runtime.refusals import Damaged, DirectoryLost, HistoryLost, Overloaded, Unconfirmed
from services.runtime.telemetry import open_telemetry
from tests.collector import metrics_of, value_of


def _entry(topic: str) -> NewEntry:
    return NewEntry.of("tool_use/x", 1, topic, b"{}")


def _committed(results: Sequence[tuple[str, Receipt | CandourError]]) -> bytes:
    """What /metrics says after one commit."""
    telemetry = open_telemetry("test", {})
    metrics = LedgerMetrics(telemetry.instruments, "main")
    metrics.committed([_entry(topic) for topic, _ in results], [one for _, one in results], 0.01)
    assert telemetry.render is not None
    return telemetry.render()


def test_code_and_table_have_the_same_metrics() -> None:
    """What a process makes, all of it, is what the table lists, and nothing else."""
    instruments = Instruments()
    Observatory({}, instruments, clock_us=now_us)
    BridgeMetrics(instruments, "USES")

    # An audit says its own, by services/runtime/audited.py.
    told = instruments.made | {COMPLETED, FINDINGS}
    assert {metric.name for metric in METRICS} == told


def test_a_figure_out_of_the_table_is_not_made() -> None:
    """An instrument that the table does not know is an error of ours."""
    with pytest.raises(KeyError):
        Instruments().observe("candour.unheard_of", list)


def test_reports_are_counted_by_their_fate() -> None:
    """A new report, one that was there, one that is refused; other entries are no reports."""
    use, root = ToolUseReported.TOPIC, UsageIndexCommitted.TOPIC
    new, again = Receipt("a", 0, b""), Receipt("a", 0, b"", duplicate=True)
    text = _committed(
        [
            (use, new),
            (use, new),
            (use, again),
            (use, ConflictingResubmission("a", 0)),
            (root, new),
            (root, again),
            ("agency.registered.v1", new),
        ]
    )
    main = {"ledger": "main"}

    assert 2 == value_of(text, "candour_reports_accepted_total", main)
    assert 1 == value_of(text, "candour_reports_duplicates_total", main)
    refused = {**main, "reason": "CONFLICTING_RESUBMISSION"}
    assert 1 == value_of(text, "candour_reports_rejected_total", refused)
    assert 1 == value_of(text, "candour_index_commitments_total", main)
    assert 7 == value_of(text, "candour_commit_batch_size_sum", main)
    assert 1 == value_of(text, "candour_commit_duration_seconds_count", main)


def test_counters_begin_at_zero() -> None:
    """A first refusal of ours, or failure, shows as a rise, not as a series out of nowhere."""
    text = _committed([])
    rejected = metrics_of(text)["candour_reports_rejected_total"]
    failures = metrics_of(text)["candour_verification_failures_total"]

    assert set(OUR_REASONS) == {dict(labels)["reason"] for labels in rejected}
    assert set(CLAIMS) == {dict(labels)["claim"] for labels in failures}
    assert {0.0} == {*rejected.values(), *failures.values()}


def test_a_failed_commit_counts_its_reports() -> None:
    """All reports of it, under the error's reason; what is none of ours is INTERNAL."""
    telemetry = open_telemetry("test", {})
    metrics = LedgerMetrics(telemetry.instruments, "main")
    entries = [_entry(ToolUseReported.TOPIC)] * 3 + [_entry("agency.registered.v1")]
    metrics.failed(entries, StoreUnavailable("away"))
    metrics.failed(entries, ValueError("a value"))
    metrics.failed([], Overloaded(1))
    assert telemetry.render is not None
    text = telemetry.render()

    for reason, count in (("STORE_UNAVAILABLE", 3), ("INTERNAL", 3), ("OVERLOADED", 0)):
        labels = {"ledger": "main", "reason": reason}
        assert count == value_of(text, "candour_reports_rejected_total", labels)


def test_a_call_that_is_turned_away_counts_one() -> None:
    """Where nobody looked inside; what goes well, or is our own error, counts nothing."""
    telemetry = open_telemetry("test", {})
    metrics = LedgerMetrics(telemetry.instruments, "main")
    with metrics.turning_away:
        pass
    with pytest.raises(Malformed), metrics.turning_away:
        raise Malformed("request", "is wrong")
    with pytest.raises(asyncio.CancelledError), metrics.turning_away:
        raise asyncio.CancelledError
    assert telemetry.render is not None
    rejected = metrics_of(telemetry.render())["candour_reports_rejected_total"]

    labels = frozenset({"ledger": "main", "reason": "MALFORMED"}.items())
    assert {labels: 1.0} == {key: value for key, value in rejected.items() if value}


@pytest.mark.parametrize(
    "error",
    [
        Malformed("case_number", "a value"),
        NotRegistered("agencies/x"),
        StoreUnavailable("a value"),
        HistoryLost(signed_size=2, tree_size=1),
        DirectoryLost(ledger="main", noted_size=2, tree_size=1),
        Unconfirmed({"w": "a value"}),
        Damaged("a value"),
        RuntimeError("a value"),
    ],
)
def test_a_reason_is_a_code(error: Exception) -> None:
    """A label holds a code of ours, and nothing of what an error says."""
    assert re.fullmatch("[A-Z_]+", reason_of(error))


def test_the_guide_has_the_table() -> None:
    """Each metric stands in the operator's guide with its unit, labels and words."""
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "operator.md").read_text("utf-8")
    rows = [line for line in guide.splitlines() if line.startswith("| `")]
    for metric in METRICS:
        labels = ", ".join(metric.labels) or "–"
        kind = f"{metric.kind.value}, {metric.unit}"
        assert f"| `{metric.name}` | {kind} | {labels} | {metric.description} |" in rows
