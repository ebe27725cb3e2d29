"""Do commands ask the ledger the right thing, and print what it says?"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest

from ledger.ingest.sample import sample_export
from services.pb.candour.v1 import ingest_pb2, proofs_pb2, query_pb2, record_pb2, registry_pb2
from tests.cli.conftest import Candour
from tests.cli.fake_ledger import AFTER, FakeLedger

pytestmark = pytest.mark.usefixtures("target")


@pytest.fixture
def filled(candour: Candour, ledger: FakeLedger, tmp_path: Path) -> FakeLedger:
    path = tmp_path / "export.csv"
    path.write_bytes(sample_export(1_100))
    candour("import", "flock", path, "--agency", "Sampleton", "--technology", "Flock")
    ledger.asked.clear()
    return ledger


def test_list_follows_pages(candour: Candour, filled: FakeLedger) -> None:
    """All pages make one JSON list, asked as of the head, when views have reached it."""
    ran = candour("uses", "list", "--format", "json")

    assert (0, 1100) == (ran.exit_code, len(ran.json))
    first, second = filled.asked_of(query_pb2.ListToolUsesRequest)
    assert ("", "1000") == (first.page_token, second.page_token)
    assert filled.size == first.min_tree_size == first.as_of.tree_size
    assert "as of tree size" in ran.err


def test_list_says_what_is_known(candour: Candour, filled: FakeLedger) -> None:
    """A use in JSON has its members, unknowns as null."""
    use = candour("uses", "list", "--limit", 1, "--format", "json").json[0]

    assert {"name", "leaf_index", "agency", "technology", "performer", "occurred"} <= set(use)
    assert "agencies/sampleton" == use["agency"]
    assert use["occurred"]["earliest"] == use["occurred"]["latest"]
    assert "UTC" == use["occurred"]["zone_assumed"]
    assert ("counted", True, []) == (use["state"], use["definite"], use["authorizations"])
    assert {"exactly"} == set(use["devices_searched"])
    assert use["same_as"] is None


def test_limit_asks_for_no_more(candour: Candour, filled: FakeLedger) -> None:
    """A limit of a few is one small page."""
    assert 3 == len(candour("uses", "list", "--limit", 3, "--format", "json").json)
    [request] = filled.asked_of(query_pb2.ListToolUsesRequest)
    assert 3 == request.page_size


def test_definite_leaves_out_possible(candour: Candour, filled: FakeLedger) -> None:
    """--definite shows certain matches only, as many as the limit says."""
    uses = list(filled.uses.values())
    for use in uses[::2]:
        use.definite = False
    everything = candour("uses", "list", "--format", "json").json
    certain = candour("uses", "list", "--definite", "--limit", 540, "--format", "json").json

    assert 1100 == len(everything)
    assert (540, {True}) == (len(certain), {use["definite"] for use in certain})


def test_flags_reach_the_ledger(candour: Candour, filled: FakeLedger) -> None:
    """Filter, view, withdrawn ones and as-of are asked as the flags say."""
    flags = ("--agency", "Sampleton", "--show-withdrawn", "--full", "--as-of", 7)
    assert 0 == candour("uses", "list", *flags).exit_code
    request, *_ = filled.asked_of(query_pb2.ListToolUsesRequest)

    assert 'agency = "agencies/sampleton"' == request.filter
    assert query_pb2.TOOL_USE_VIEW_FULL == request.view
    assert request.show_withdrawn
    assert 7 == request.as_of.tree_size


def test_csv_has_one_header(candour: Candour, filled: FakeLedger) -> None:
    """CSV reads back: one header, one row a use, dotted members as columns."""
    rows = list(csv.DictReader(io.StringIO(candour("uses", "list", "--format", "csv").out)))

    assert 1100 == len(rows)
    assert rows[0]["occurred.earliest"].endswith("Z")
    assert "true" == rows[0]["definite"]
    assert "backfill" == rows[0]["capture"]


def test_table_cannot_drive_a_terminal(candour: Candour, filled: FakeLedger) -> None:
    """Control characters from a report are shown, not sent; nothing is cut where it is piped."""
    use = next(iter(filled.uses.values()))
    use.performer = "\x1b[31mred\x07"
    ran = candour("uses", "list", "--limit", 2)

    assert "\x1b" not in ran.out
    assert r"\x1b[31mred\x07" in ran.out
    assert "…" not in ran.out


def test_nothing_is_an_empty_list(candour: Candour) -> None:
    """No use is `[]` in JSON, a bare header in CSV, and 0."""
    assert (0, []) == (
        (ran := candour("uses", "list", "--format", "json")).exit_code,
        ran.json,
    )
    assert 1 == candour("uses", "list", "--format", "csv").out.count("\n")


def test_summary(candour: Candour, ledger: FakeLedger) -> None:
    """A summary is a list of key, count, possible and display name; --definite drops the rest."""
    ran = candour("uses", "summary", "--by", "agency", "--format", "json")

    assert [
        {"key": "agencies/x", "count": 2, "possible": 1, "display_name": "X"},
        {"key": "", "count": 0, "possible": 3, "display_name": ""},
    ] == ran.json
    [request] = ledger.asked_of(query_pb2.SummarizeToolUsesRequest)
    assert query_pb2.SUMMARY_KEY_AGENCY == request.by
    assert "2 for certain, 4 more possibly" in ran.err
    definite = candour("uses", "summary", "--by", "agency", "--definite", "--format", "json")
    assert ["agencies/x"] == [group["key"] for group in definite.json]
    assert "(none cited)" in candour("uses", "summary", "--by", "authorization").out


@pytest.mark.parametrize("name", ["toolUses/1", "1"])
def test_corrections(candour: Candour, ledger: FakeLedger, name: str) -> None:
    """Withdraw, same-as and link name the use, and print the receipt."""
    ran = candour("uses", "withdraw", name, "--reason", "typo", "--code", "t", "--format", "json")
    assert {"name", "leaf_index", "leaf_hash", "duplicate"} == set(ran.json)
    candour("uses", "same-as", name, "2")
    candour("uses", "link", name, "Warrant 25-1")
    [withdrawn] = ledger.asked_of(ingest_pb2.WithdrawToolUseRequest)
    [same] = ledger.asked_of(ingest_pb2.MarkToolUseSameAsRequest)
    [linked] = ledger.asked_of(registry_pb2.LinkAuthorizationRequest)

    full_name = "ledgers/main/toolUses/1"
    assert (full_name, "typo", "t") == (withdrawn.name, withdrawn.reason, withdrawn.code)
    assert (full_name, "toolUses/2") == (same.name, same.same_as)
    assert (full_name, "authorizations/warrant-25-1") == (linked.name, linked.authorization)


def test_registers(candour: Candour, ledger: FakeLedger) -> None:
    """Registering, aliasing and granting name things alike, and lists show them."""
    candour("agencies", "register", "Sampleton Police", "--country", "CA")
    candour("technologies", "register", "technologies/fv", "--display-name", "FaceView")
    candour("technologies", "alias", "FaceView", "Old FaceView")
    candour("sources", "register", "Portal", "--agency", "Sampleton Police")
    grant = ("grant", "Warrant 25-1", "--agency", "Sampleton Police", "--kind", "warrant")
    span = ("--from", "2025-06-01", "--to", "2025-06-30", "--technology", "FaceView", "--urgent")
    assert 0 == candour("authorizations", *grant, *span).exit_code
    [source] = ledger.asked_of(registry_pb2.RegisterSourceRequest)
    [told] = ledger.asked_of(record_pb2.RecordRequest)

    assert "agencies/sampleton-police" == source.source.agency
    authorization = told.fact.authorization_granted
    assert "authorizations/warrant-25-1" == authorization.authorization
    assert ["technologies/fv"] == list(authorization.technologies)
    assert "2025-06-01T00:00:00Z" == authorization.valid.earliest.ToJsonString()
    assert "2025-06-30T23:59:59.999999Z" == authorization.valid.latest.ToJsonString()
    assert authorization.urgency_used
    [technology] = candour("technologies", "list", "--format", "json").json
    assert ("technologies/fv", "FaceView") == (technology["name"], technology["display_name"])
    assert (["technologies/old-faceview"], "registered") == (
        technology["aliases"],
        technology["state"],
    )
    assert "Sampleton Police" in candour("agencies", "list").out
    assert 2 == candour("authorizations", *grant[:-1], "licence").exit_code


def test_in_force(candour: Candour, ledger: FakeLedger) -> None:
    """An open end is null, and the instant is what was asked for."""
    ran = candour("authorizations", "in-force", "--at", "2025-06-18", "--format", "json")

    assert [{"earliest": None, "latest": None}] == [item["valid"] for item in ran.json]
    assert "warrant" == ran.json[0]["kind"]
    [request] = ledger.asked_of(query_pb2.ListAuthorizationsInForceRequest)
    assert "2025-06-18T00:00:00Z" == request.instant.ToJsonString()


def test_imports(candour: Candour, filled: FakeLedger) -> None:
    """Imports are listed, and withdrawn by name or id."""
    [item] = candour("import", "list", "--format", "json").json
    ran = candour("import", "withdraw", item["name"], "--reason", "wrong file")

    assert 0 == ran.exit_code
    [request] = filled.asked_of(ingest_pb2.WithdrawImportRequest)
    assert f"ledgers/main/{item['name']}" == request.name


def test_prove_writes_whole_or_nothing(
    candour: Candour, ledger: FakeLedger, tmp_path: Path
) -> None:
    """A bundle is there once it is whole; a broken stream leaves what was there before."""
    out = tmp_path / "bundle.json"
    flags = ("--by", "month", "--disclose", "reason, performer", "--complete", "--out", out)
    ran = candour("prove", "uses", *flags, "--format", "json")

    assert (0, 2, 1) == (ran.exit_code, ran.json["count"], ran.json["possible"])
    assert str(out) == ran.json["bundle"]
    [request] = ledger.asked_of(proofs_pb2.ProveToolUsesRequest)
    assert ["reason", "performer"] == list(request.disclose)
    assert (True, query_pb2.SUMMARY_KEY_MONTH) == (request.complete, request.by)
    before = out.read_bytes()
    ledger.failing["ProveToolUses"] = deque([AFTER])
    broken = candour("prove", "uses", "--out", out)
    assert (1, before) == (broken.exit_code, out.read_bytes())
    assert "the disk is gone" in broken.err
    assert ["bundle.json"] == os.listdir(tmp_path)
    nowhere = candour("prove", "uses", "--out", tmp_path / "no" / "bundle.json")
    assert (1, "") == (nowhere.exit_code, nowhere.out)
    assert "No such file" in nowhere.err


def test_ledger_flag_names_the_parent(candour: Candour, ledger: FakeLedger) -> None:
    """--ledger is asked for by its resource name."""
    candour("uses", "list", "--ledger", "other")
    assert "ledgers/other" == ledger.asked_of(query_pb2.ListToolUsesRequest)[0].parent


def test_help_is_light(candour: Candour) -> None:
    """Every command explains itself, and loads neither gRPC nor a database to do so."""
    for group in ("uses", "prove", "import", "agencies", "technologies", "sources"):
        assert 0 == candour(group, "--help").exit_code
    assert candour("--version").out.startswith("candour ")
    heavy = "{'grpc', 'google', 'sqlalchemy', 'eventsourcing', 'cryptography', 'psycopg'}"
    program = f"import sys, services.cli.main; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ("set()\n", "") == (done.stdout, done.stderr)


def test_largest_groups(candour: Candour) -> None:
    """--limit keeps the largest groups of a summary, the largest first."""
    ran = candour("uses", "summary", "--by", "agency", "--limit", 1, "--format", "json")
    assert ["agencies/x"] == [group["key"] for group in ran.json]
