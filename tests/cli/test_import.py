"""Does an import say what became of every row, whatever the server does?"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.status_pb2 import Status

from ledger.ingest.sample import sample_audit, sample_export
from services.cli import patience
from services.pb.candour.v1 import common_pb2, ingest_pb2, registry_pb2
from tests.cli.conftest import Candour
from tests.cli.fake_ledger import AFTER, FakeLedger, serving, status

WHO = ("--agency", "Sampleton Police", "--technology", "Flock Safety", "--format", "json")


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "export.csv"
    path.write_bytes(sample_export(1_234))
    return path


def counts(found: dict[str, Any]) -> tuple[Any, ...]:
    return found["rows"], found["accepted"], found["duplicates"], found["rejected"]


@pytest.mark.usefixtures("target")
def test_twice_adds_nothing(candour: Candour, ledger: FakeLedger, export: Path) -> None:
    """The second import of a file finds every row there, and registers nothing anew."""
    first = candour("import", "flock", export, *WHO)
    assert (0, (1234, 1234, 0, 0)) == (first.exit_code, counts(first.json))
    second = candour("import", "flock", export, *WHO)

    assert (0, (1234, 0, 1234, 0)) == (second.exit_code, counts(second.json))
    assert len(ledger.uses) == 1234
    assert first.json["import"] == second.json["import"]
    assert first.json["registered"] == [
        "agencies/sampleton-police",
        "technologies/flock-safety",
        "sources/sampleton-police-flock-portal",
    ]
    assert second.json["registered"] == []
    assert len(ledger.asked_of(registry_pb2.RegisterAgencyRequest)) == 1


@pytest.mark.usefixtures("target")
def test_declared_before_completed_after(
    candour: Candour, ledger: FakeLedger, export: Path
) -> None:
    """A file is declared before its first row and completed, with its counts, after its last."""
    candour("import", "flock", export, *WHO)
    kinds = [
        type(request).__name__
        for request in ledger.asked
        if isinstance(
            request,
            ingest_pb2.DeclareImportRequest
            | ingest_pb2.BatchReportToolUsesRequest
            | ingest_pb2.CompleteImportRequest,
        )
    ]

    assert ["DeclareImportRequest", "CompleteImportRequest"] == [kinds[0], kinds[-1]]
    [completed] = ledger.asked_of(ingest_pb2.CompleteImportRequest)
    assert (1234, 0, 0) == (completed.accepted, completed.duplicates, completed.rejected)
    batches = ledger.asked_of(ingest_pb2.BatchReportToolUsesRequest)
    assert [500, 500, 234] == sorted((len(item.tool_uses) for item in batches), reverse=True)
    imports = {getattr(use, "import") for item in batches for use in item.tool_uses}
    assert {completed.name.removeprefix("ledgers/main/")} == imports


@pytest.mark.usefixtures("target")
def test_rejected_rows_stop_nothing(candour: Candour, ledger: FakeLedger, tmp_path: Path) -> None:
    """Rows that the reader or the ledger refuses are listed by line; the rest goes in."""
    lines = sample_export(10).splitlines(keepends=True)
    lines[3:3] = [b"x,y\n", b'"z","u","no time",1,"r"\n']
    path = tmp_path / "export.csv"

    def refuse(use: common_pb2.ToolUse) -> Status | None:
        conflict = status(grpc.StatusCode.ALREADY_EXISTS, "said otherwise before", reason="X")
        return conflict if use.reason.value == "refuse me" else None

    lines[8] = b'"a","u","2025-06-18 00:00:00.000",1,"refuse me"\n'
    path.write_bytes(b"".join(lines))
    ledger.refuse = refuse
    ran = candour("import", "flock", path, *WHO)

    assert 0 == ran.exit_code
    rows = ran.json["rows"]
    assert (rows, rows - 3, 0, 3) == counts(ran.json)
    by_line = {item["line"]: item for item in ran.json["rejects"]}
    assert "row" == by_line[4]["field"]
    assert "searchDate" == by_line[5]["field"]
    assert "said otherwise before" in [item["reason"] for item in by_line.values()]


@pytest.mark.usefixtures("target")
def test_rejects_are_listed_as_asked(candour: Candour, tmp_path: Path) -> None:
    """Twenty by default, all or fewer when told; the count is always of all."""
    path = tmp_path / "export.csv"
    path.write_bytes(sample_export(3) + b"x\n" * 30)

    def listed(*more: str) -> tuple[int, int]:
        found = candour("import", "flock", path, *WHO, "--dry-run", *more).json
        return found["rejected"], len(found["rejects"])

    assert (30, 20) == listed()
    assert (30, 30) == listed("--show-rejected", "all")
    assert (30, 0) == listed("--show-rejected", "0")
    assert 2 == candour("import", "flock", path, *WHO, "--show-rejected", "many").exit_code


def test_dry_run_asks_nobody(candour: Candour, export: Path) -> None:
    """A dry run reads the whole file, and needs no server."""
    ran = candour("import", "flock", export, *WHO, "--dry-run", "--target", "127.0.0.1:1")

    assert 0 == ran.exit_code
    assert (1234, 1234, None, 0) == counts(ran.json)
    assert ran.json["dry_run"] is True
    assert "nothing was sent" in ran.err


@pytest.mark.usefixtures("target")
def test_lost_answers_are_not_duplicates(
    candour: Candour, ledger: FakeLedger, export: Path
) -> None:
    """A batch that landed and whose answer was lost counts as accepted, once."""
    ledger.failing["BatchReportToolUses"] = deque([AFTER, None, AFTER])
    ran = candour("import", "flock", export, *WHO)

    assert (0, (1234, 1234, 0, 0)) == (ran.exit_code, counts(ran.json))
    assert len(ledger.uses) == 1234


@pytest.mark.usefixtures("target")
def test_busy_server_is_waited_for(candour: Candour, ledger: FakeLedger, export: Path) -> None:
    """RESOURCE_EXHAUSTED and UNAVAILABLE, with or without advice when to retry, are tried again."""
    busy = status(grpc.StatusCode.RESOURCE_EXHAUSTED, "others first", retry_s=0.01)
    away = status(grpc.StatusCode.UNAVAILABLE, "no store", retry_s=0.01)
    ledger.failing["BatchReportToolUses"] = deque([busy, away, None, busy])
    ran = candour("import", "flock", export, *WHO)

    assert (0, (1234, 1234, 0, 0)) == (ran.exit_code, counts(ran.json))


def test_server_lost_in_the_middle(
    candour: Candour, ledger: FakeLedger, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives up in time, not with 0, and prints what was acknowledged; later it goes on."""
    monkeypatch.setattr(patience, "IMPORT_GIVE_UP_S", 0.5)
    with serving(ledger) as (address, server):
        ledger.after_batch = lambda: len(ledger.uses) >= 1000 and server.stop(None)
        ran = candour("import", "flock", export, *WHO, "--target", address)

    assert 1 == ran.exit_code
    assert ran.json["complete"] is False
    rows, accepted, duplicates, rejected = counts(ran.json)
    assert (1234, 0, 0) == (rows, duplicates, rejected)
    assert accepted <= len(ledger.uses)
    assert f"{accepted} of 1234 rows were acknowledged" in ran.err
    assert "No ledger answers" in ran.err
    ledger.after_batch = lambda: None
    there = len(ledger.uses)
    with serving(ledger) as (address, _server):
        again = candour("import", "flock", export, *WHO, "--target", address)
    assert (0, (1234, 1234 - there, there, 0)) == (again.exit_code, counts(again.json))


@pytest.mark.usefixtures("target")
def test_whole_request_refused(candour: Candour, ledger: FakeLedger, export: Path) -> None:
    """What trying again cannot mend ends the import at once, with what was acknowledged."""
    broken = status(grpc.StatusCode.INTERNAL, "the disk is full")
    ledger.failing["BatchReportToolUses"] = deque([None, broken])
    ran = candour("import", "flock", export, *WHO)

    assert 1 == ran.exit_code
    assert ran.json["complete"] is False
    assert "the disk is full" in ran.err
    assert [] == ledger.asked_of(ingest_pb2.CompleteImportRequest)


@pytest.mark.usefixtures("target")
def test_unknown_agency_without_register(
    candour: Candour, ledger: FakeLedger, export: Path
) -> None:
    """With --no-register an agency nobody registered is a clear error, and nothing is sent."""
    ran = candour("import", "flock", export, *WHO, "--no-register")

    assert 1 == ran.exit_code
    assert "agencies/sampleton-police is not registered" in ran.err
    assert "candour agencies register" in ran.err
    assert {} == ledger.uses


@pytest.mark.usefixtures("target")
def test_network_audit_registers_searchers(
    candour: Candour, ledger: FakeLedger, tmp_path: Path
) -> None:
    """Each organisation a network audit names becomes an agency, unless --no-register."""
    first = sample_audit(30, org_name="Sampleton OR PD")
    second = sample_audit(30, seed=2, org_name="Fernville WA PD")
    path = tmp_path / "network.csv"
    path.write_bytes(first + second)
    ledger.put("agencies", "agencies/fernville", "Fernville WA PD")
    ran = candour("import", "flock", path, *WHO, "--layout", "flock-network")

    assert (0, (60, 60, 0, 0)) == (ran.exit_code, counts(ran.json))
    assert "agencies/sampleton-or-pd" in ran.json["registered"]
    assert "agencies/fernville-wa-pd" not in ran.json["registered"]
    found = {use.tool_use.agency for use in ledger.uses.values()}
    assert {"agencies/sampleton-or-pd", "agencies/fernville"} == found


@pytest.mark.usefixtures("target")
def test_own_layout_by_file(candour: Candour, ledger: FakeLedger, tmp_path: Path) -> None:
    """A column map of one's own is a file; its name goes into the source."""
    layout = tmp_path / "own.toml"
    layout.write_text(
        'name = "own"\nzone = "UTC"\ntimes = ["%Y-%m-%d %H:%M:%S"]\n'
        '[columns]\n"When" = "occurred"\n"Ref" = "source_event_id"\n'
    )
    path = tmp_path / "own.csv"
    path.write_text("Ref,When\n1,2025-01-01 00:00:00\n")
    ran = candour("import", "flock", path, *WHO, "--layout", layout)

    assert (0, (1, 1, 0, 0)) == (ran.exit_code, counts(ran.json))
    assert "sources/sampleton-police-own" == ran.json["source"]
    assert 2 == candour("import", "flock", path, *WHO, "--layout", "nonesuch").exit_code
    assert 1 == candour("import", "flock", path, *WHO, "--layout", "gone.toml").exit_code


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize("form", ["table", "csv"])
def test_other_formats(candour: Candour, export: Path, form: str) -> None:
    """Tables and CSV say the counts too, on stdout."""
    ran = candour("import", "flock", export, *WHO[:-1], form)

    assert 0 == ran.exit_code
    assert "1234" in ran.out
    assert "accepted" in ran.out
