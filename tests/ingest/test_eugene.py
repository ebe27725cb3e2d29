"""Is a police department's published search log read as it is? (4,294 rows, CC0)"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.ingest import Rejected, Row, file_facts, read_export
from tests.shared_data import shared_data

PORTAL_LOG = "eugene/EPDSearchAuditLogs.csv"


@pytest.fixture
def log() -> Path:
    return shared_data(PORTAL_LOG, unjudged="a real portal export")


@pytest.fixture
def reads(log: Path) -> list[Row | Rejected]:
    with log.open("rb") as file:
        return list(
            read_export(
                file,
                agency="agencies/eugene-police-department",
                technology="technologies/flock-safety",
                source="sources/flock-portal-export",
                capture="backfill",
            )
        )


def test_every_row_is_accepted(log: Path, reads: list[Row | Rejected]) -> None:
    """All 4,294 rows are uses, and both passes count them so."""
    assert [row for row in reads if isinstance(row, Rejected)] == []
    assert [row.line for row in reads] == list(range(2, 4296))
    with log.open("rb") as file:
        facts = file_facts(file)
    assert (facts.rows, facts.layout) == (4294, "flock-portal")


def test_who_when_and_why(reads: list[Row | Rejected]) -> None:
    """Performers, first and last use, blank reasons, and searches of no camera."""
    found = [row.command for row in reads if isinstance(row, Row)]
    times = [item.use.occurred for item in found if item.use.occurred]

    assert len({item.performer for item in found}) == 147
    assert min(at.earliest or "" for at in times) == "2025-06-18T00:02:04.789Z"
    assert max(at.latest or "" for at in times) == "2025-12-02T23:01:50.984Z"
    assert {at.zone_assumed for at in times} == {"UTC"}
    assert sum(item.protected["reason"] == "" for item in found) == 5
    counts = [item.use.devices_searched for item in found]
    assert sum(count is not None and count.exactly == 0 for count in counts) == 79


def test_first_row_is_the_vector(reads: list[Row | Rejected]) -> None:
    """The first row says exactly what the entry of the vectors says."""
    path = shared_data("entry-vectors.json", unjudged="the entry of the vectors")
    vectors = json.loads(path.read_text("utf-8"))
    entry = json.loads(vectors["entry"])
    values = {item["field"]: item["value"] for item in vectors["disclosures"]}
    assert isinstance(reads[0], Row)
    command = reads[0].command

    assert command.use.to_object() == entry["event"]
    assert (command.source, command.capture) == (entry["source"], entry["capture"])
    assert command.source_event_id == values["source_event_id"]
    assert command.protected == {field: values[field] for field in ("reason", "source_record")}
