"""Does whoever watches hear how an audit ended, in a file that node_exporter reads, and at a collector?"""

from __future__ import annotations

from pathlib import Path

import pytest

from services.runtime.audited import AUDIT_CLAIMS, by_claim, tell_audit
from services.runtime.metric_names import CLAIMS
from tests.collector import Collector, metrics_of, value_of


def test_every_table_is_a_claim() -> None:
    """What an audit names, by table, is one of the claims; whatever is no table of the log is a view's."""
    found = by_claim(["entries", "entries", "head", "checkpoints", "view_uses", "a_new_table"])

    assert {"entry": 2, "head": 1, "signature": 1, "view": 2} == {
        claim: count for claim, count in found.items() if count
    }
    assert set(CLAIMS) < set(AUDIT_CLAIMS) == found.keys()


def test_file_says_all_of_it_and_is_replaced_whole(tmp_path: Path) -> None:
    """Each claim, zeros too, in Prometheus' own format; the next audit leaves nothing of the last."""
    path = tmp_path / "candour-audit-main.prom"
    tell_audit("main", ["entries"], 1_795_000_000.5, path)
    first = path.read_text("utf-8")
    tell_audit('a"b\\c\nd', [], 1_795_000_001, path)
    second = metrics_of(path.read_text("utf-8"))

    assert 1_795_000_000.5 == value_of(first, "candour_audit_completed_seconds", {"ledger": "main"})
    labels = {"ledger": "main", "claim": "entry"}
    assert 1 == value_of(first, "candour_audit_findings", labels)
    assert len(AUDIT_CLAIMS) == len(metrics_of(first)["candour_audit_findings"])
    assert [{"ledger": 'a"b\\c\nd'}] == [
        dict(of) for of in second["candour_audit_completed_seconds"]
    ]
    assert {0.0} == set(second["candour_audit_findings"].values())
    assert [path] == list(tmp_path.iterdir())


def test_unwritable_file_is_an_error_and_leaves_no_draft(tmp_path: Path) -> None:
    """A folder that is not there: said, not passed by."""
    with pytest.raises(OSError, match="No such file"):
        tell_audit("main", [], 1, tmp_path / "nowhere" / "a.prom")
    (tmp_path / "folder.prom").mkdir()
    with pytest.raises(OSError, match="directory"):
        tell_audit("main", [], 1, tmp_path / "folder.prom")
    assert ["folder.prom"] == [path.name for path in tmp_path.iterdir()]


def test_collector_is_told_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one is named the gauges are there when the audit ends."""
    with Collector() as collector:
        for name, value in collector.environment.items():
            monkeypatch.setenv(name, value)
        tell_audit("main", ["head"], 1_795_000_000, None)

    (completed,) = collector.metrics["candour.audit.completed"].gauge.data_points
    assert 1_795_000_000 == (completed.as_int or completed.as_double)
    findings = collector.metrics["candour.audit.findings"].gauge.data_points
    assert len(AUDIT_CLAIMS) == len(findings)
    assert 1 == sum(point.as_int for point in findings)
