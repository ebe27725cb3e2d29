"""Does another observer's log agree with ours? A real export against a real server, both stores."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ledger.limits import MAX_MATCH_STREAMS
from services.cli.client import Client
from services.cli.failures import CommandFailed
from services.cli.options import Connection
from services.pb.candour.v1 import observers_pb2 as pb
from tests.e2e.conftest import STORES, Place, place_of
from tests.shared_data import shared_data

ROWS = 4294
TECHNOLOGY = "Flock Safety"
Rows = list[dict[str, str]]
_numbers = itertools.count()


@dataclass(frozen=True)
class Case:
    """An agency and an observer of this test's own, so that tests keep out of each other's way."""

    place: Place
    log: Path
    folder: Path
    own: int = field(default_factory=lambda: next(_numbers))

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--agency", f"Agency {self.own}", "--technology", TECHNOLOGY)

    @property
    def observer(self) -> str:
        return f"Vendor {self.own}"

    def report(self, path: Path) -> Any:
        return self.place.json("import", "flock", path, *self.flags)

    def reconcile(self, path: Path, *flags: object) -> Any:
        return self.place.json("reconcile", path, *self.flags, "--observer", self.observer, *flags)

    def discrepancies(self, *flags: object) -> Any:
        return self.place.json("discrepancies", "list", "--observer", self.observer, *flags)

    def copy(self, change: Callable[[Rows], Rows]) -> Path:
        """A copy of the log with other rows."""
        rows = change(list(csv.DictReader(io.StringIO(self.log.read_text("utf-8")))))
        target = self.folder / f"{next(_numbers)}.csv"
        with target.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return target


@pytest.fixture(scope="module")
def log() -> Path:
    return shared_data("eugene/EPDSearchAuditLogs.csv", unjudged="reconciling a real export")


@pytest.fixture(scope="module", params=STORES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    with place_of(request, tmp_path_factory.mktemp("reconcile") / "data") as found:
        yield found


@pytest.fixture
def case(place: Place, log: Path, tmp_path: Path) -> Case:
    return Case(place, log, tmp_path)


@pytest.fixture(scope="module")
def whole(place: Place, log: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """An agency whose ledger holds the whole log."""
    found = Case(place, log, tmp_path_factory.mktemp("whole"))
    assert ROWS == found.report(log)["accepted"]
    return found


def test_log_agrees_with_itself(whole: Case, log: Path) -> None:
    """Every row is matched, and the same file again adds nothing to the tree."""
    first = whole.reconcile(log)
    again = whole.reconcile(log)

    assert (ROWS, ROWS, ROWS) == (first["sightings"], first["uses"], first["matched"])
    counts = ("differing", "masked", "flattened", "missing_here", "missing_there", "rejected")
    assert [0] * 6 == [first[name] for name in counts]
    assert (first["observation"], 0) == (again["observation"], again["told"])
    assert first["told_tree_size"] == again["tree_size"]
    assert again["tree_size"] == whole.reconcile(log, "--dry-run")["tree_size"]


def test_what_was_withheld_altered_and_masked_is_found(whole: Case, tmp_path: Path) -> None:
    """Exactly those rows that are not as ours: each of one kind, by its line, and as an event."""

    def change(rows: Rows) -> Rows:
        for row in rows[:10]:
            row["id"] = row["id"][::-1]  # searches that nobody reported, long before ours
            row["searchDate"] = row["searchDate"].replace("2025", "2024")
        for row in rows[10:17]:
            row["cameraCount"] = str(int(row["cameraCount"]) + 1)
        for row in rows[17:20]:
            row["reason"] = "***"
        return rows[:4000]

    report = tmp_path / "report.json"
    window = ("--from", "2024-01-01", "--to", "2025-12-31")
    found = whole.reconcile(whole.copy(change), *window, "--out", report)

    missing_there = ROWS - 4000 + 10
    assert (10, missing_there) == (found["missing_here"], found["missing_there"])
    assert {"differing": {"devices_searched": 7}, "masked_there": {"reason": 3}} == found["fields"]
    assert (4000 - 10 - 7, 10 + 7 + missing_there) == (found["matched"], found["told"])
    listed = json.loads(report.read_text("utf-8"))["discrepancies"]
    assert [*range(2, 12)] == [row["line"] for row in listed if row["kind"] == "missing_here"]
    assert [*range(12, 19)] == [row["line"] for row in listed if row["kind"] == "differing"]
    told = whole.discrepancies()
    assert Counter(row["kind"] for row in listed) == Counter(row["kind"] for row in told)
    assert {row["discrepancy"] for row in listed} == {row["discrepancy"] for row in told}


def test_rows_without_ids_are_found_by_time_and_fields(whole: Case) -> None:
    """Times to the second and no ids: the same searches are the same all the same."""

    def change(rows: Rows) -> Rows:
        for row in rows:
            row["id"], row["searchDate"] = "", row["searchDate"][:19]
        return rows[100:]

    window = ("--from", "2025-06-01", "--to", "2025-12-31")
    found = whole.reconcile(whole.copy(change), *window, "--dry-run")

    expected = (ROWS - 100, 0, 100)
    assert expected == (found["matched"], found["missing_here"], found["missing_there"])
    assert {} == found["fields"]


def test_observer_that_says_more_shows_masks_and_blanks(case: Case) -> None:
    """Where ours is masked or blank and theirs is not, that is told; it is no difference."""

    def change(rows: Rows) -> Rows:
        rows[0]["reason"], rows[1]["reason"], rows[2]["userId"] = "***", "", "REDACTED"
        return rows[:30]

    case.report(case.copy(change))
    found = case.reconcile(case.copy(lambda rows: rows[:30]))

    assert (27, 2, 1, 0) == tuple(
        found[kind] for kind in ("matched", "masked", "flattened", "differing")
    )
    kinds = {(row["kind"], *row["fields"]) for row in case.discrepancies()}
    assert {
        ("masked", "reason"),
        ("masked", "performer.user_id"),
        ("flattened", "reason"),
    } == kinds


def test_release_that_overlaps_tells_nothing_twice(case: Case) -> None:
    """Two releases of one log, other masks, columns moved, headers repeated: told once."""
    case.report(case.copy(lambda rows: rows[5:60]))

    def moved(rows: Rows) -> Rows:
        found = [{name: row[name] for name in reversed(row)} for row in rows[:50]]
        found[0]["userId"] = "***"
        return [*found[:20], {name: name for name in found[0]}, *found[20:]]

    first = case.reconcile(case.copy(lambda rows: rows[:40]))
    second = case.reconcile(case.copy(moved))

    assert (5, 5) == (first["missing_here"], second["missing_here"])
    assert (5, 0, 5) == (first["told"], second["told"], second["told_before"])


def test_what_is_reported_since_is_resolved(case: Case) -> None:
    """A row that was missing is found at the next run, and its discrepancy names the use."""
    theirs = case.copy(lambda rows: rows[:40])
    case.report(case.copy(lambda rows: rows[3:40]))
    first = case.reconcile(theirs)
    case.report(theirs)
    second = case.reconcile(theirs)

    assert (3, 0, 0) == (first["missing_here"], first["resolved"], second["missing_here"])
    assert (3, []) == (second["resolved"], case.discrepancies())
    one, *_rest = case.discrepancies("--state", "resolved", "--full")
    assert "reported_since" == one["resolved"]["code"]
    assert one["resolved"]["use"].startswith("toolUses/")
    assert 2 == one["sighting"]["line"]
    assert 3 == len(case.discrepancies("--as-of", first["told_tree_size"]))
    counts = case.place.json("discrepancies", "summary", "--observer", case.observer)
    expected = {"observer": case.observer, "kind": "missing_here", "open": 0, "resolved": 3}
    assert [expected] == counts
    assert (0, 0) == (case.reconcile(theirs)["resolved"], case.reconcile(theirs)["told"])


def test_bound_is_said_out_loud_and_raised_later(case: Case) -> None:
    """Beyond --max-discrepancies the counts stand in the ledger, and a later run tells the rest."""
    theirs = case.copy(lambda rows: rows[:21])
    case.report(case.copy(lambda rows: rows[20:21]))
    asked = (*case.flags, "--observer", case.observer, "--format", "json")
    ran = case.place.candour("reconcile", theirs, *asked, "--max-discrepancies", 15)
    rest = case.reconcile(theirs)

    assert (15, 5, 20) == (ran.json["told"], ran.json["not_told"], ran.json["missing_here"])
    assert "5 more discrepancies were NOT told" in ran.err
    assert (5, 15, 0) == (rest["told"], rest["told_before"], rest["not_told"])


def test_row_is_protected_and_a_person_resolves(case: Case, tmp_path: Path) -> None:
    """No entry holds the observer's row in the clear; a resolution takes a code and a reason."""
    theirs = case.copy(lambda rows: rows[:5])
    case.report(case.copy(lambda rows: rows[1:5]))
    case.reconcile(theirs)
    (found,) = case.discrepancies("--full")
    entry = tmp_path / "one.entry"
    files = ("--out", tmp_path / "one.proof", "--entry-out", entry)
    case.place.candour("prove", "entry", found["leaf_index"], *files)
    resolve = ("discrepancies", "resolve", found["discrepancy"], "--reason", "A test account")
    case.place.candour(*resolve, "--code", "observer_wrong")

    row = next(itertools.islice(csv.reader(theirs.read_text("utf-8").splitlines()), 1, None))
    assert row == found["sighting"]["row"]
    assert b"discrepancy.found.v1" in entry.read_bytes()
    assert not any(text.encode() in entry.read_bytes() for text in (row[0], row[1], row[4]))
    (ended,) = case.discrepancies("--state", "resolved", "--full")
    assert "A test account" == ended["resolved"]["reason"]
    assert "resolved" in case.place.candour(*resolve, "--code", "explained", exit_code=1).err
    assert 0 == case.reconcile(theirs)["told"]


def test_network_log_is_compared_for_one_of_its_agencies(case: Case) -> None:
    """Of a network's log only the rows of this agency are compared, under the name we know it by."""
    case.report(case.copy(lambda rows: rows[:10]))
    agencies = [f"Agency {case.own}", "Elsewhere PD"]

    def audit(rows: Rows) -> Rows:
        return [
            {
                "ID": row["id"],
                "Org Name": agencies[n % 2],
                "Search Time": row["searchDate"][:19],
                "Reason": row["reason"],
            }
            for n, row in enumerate(rows[:10])
        ]

    found = case.reconcile(case.copy(audit), "--layout", "flock-network")

    assert (10, 5, 5, 5) == tuple(
        found[name] for name in ("rows", "outside", "sightings", "matched")
    )
    assert 4 == found["missing_there"] + found["unplaced"]["here"]


def test_same_search_told_by_two_sources_is_one(case: Case) -> None:
    """A report marked `same as` another lends it its id, and is missed nowhere."""
    first = case.report(case.copy(lambda rows: rows[:6]))

    def renamed(rows: Rows) -> Rows:
        rows[2]["id"] = "another-systems-id"
        return rows[2:3]

    other = case.copy(renamed)
    flags = ("--source", f"Other system {case.own}")
    case.place.candour("import", "flock", other, *case.flags, *flags)
    agency = first["agency"]
    uses = case.place.json("uses", "list", "--agency", agency, "--full")
    ids = {use["protected"]["source_event_id"]: use["name"] for use in uses}
    original = [row["id"] for row in csv.DictReader(case.log.read_text("utf-8").splitlines())][2]
    case.place.candour("uses", "same-as", ids["another-systems-id"], ids[original])

    def theirs(rows: Rows) -> Rows:
        rows[2]["id"] = "another-systems-id"
        return rows[:6]

    found = case.reconcile(case.copy(theirs))

    assert (6, 6, 0, 0) == tuple(
        found[name] for name in ("uses", "matched", "missing_here", "missing_there")
    )


def test_wrong_questions_are_refused(case: Case, tmp_path: Path) -> None:
    """A flag that cannot be meant so is named; the server refuses what no client of ours asks."""
    file = case.copy(lambda rows: rows[:1])
    asked = ("reconcile", file, *case.flags, "--observer", "V")
    for flag, value in (
        ("--window", "2d"),
        ("--window", "soon"),
        ("--ignore", "name"),
        ("--zone", "Mars/Olympus"),
        ("--layout", "nobodys"),
        ("--from", "yesterday"),
    ):
        case.place.candour(*asked, flag, value, exit_code=2)
    with Client(Connection(target=case.place.server.grpc)) as client:
        wrong = pb.StreamUsesForMatchingRequest(
            parent=client.parent, observer="V", agency="agencies/a", fields=["name"]
        )
        with pytest.raises(CommandFailed, match="column map"):
            list(client.stream(client.observers.StreamUsesForMatching, wrong))
        wrong = pb.StreamUsesForMatchingRequest(
            parent=client.parent, observer="V", agency="agencies/a", tree_size=10**9
        )
        with pytest.raises(CommandFailed, match="beyond the head"):
            list(client.stream(client.observers.StreamUsesForMatching, wrong))


def test_reader_that_goes_away_leaves_the_server_well(whole: Case, log: Path) -> None:
    """Streams broken off in the middle hold no place: later ones are served all the same."""
    with Client(Connection(target=whole.place.server.grpc)) as client:
        begun = client.call(
            client.observers.BeginMatching,
            pb.BeginMatchingRequest(
                parent=client.parent, observer="V", min_tree_size=client.head_size()
            ),
        )
        request = pb.StreamUsesForMatchingRequest(
            parent=client.parent,
            observer="V",
            agency=whole.report(log)["agency"],
            fields=["reason"],
            tree_size=begun.tree_size,
        )
        for _ in range(2 * MAX_MATCH_STREAMS):
            call = client.observers.StreamUsesForMatching(request, timeout=60)
            assert next(call).names
            call.cancel()
        chunks = list(client.stream(client.observers.StreamUsesForMatching, request))

    assert ROWS == sum(len(chunk.names) for chunk in chunks)
