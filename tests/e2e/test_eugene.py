"""Does a police department's published search log come back as answers? (4,294 rows, CC0)"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import STORES, Place, Ran, place_of
from tests.shared_data import shared_data

ROWS = 4294
AGENCY, TECHNOLOGY = "Eugene Police Department", "Flock Safety"


@pytest.fixture(scope="module")
def log() -> Path:
    return shared_data("eugene/EPDSearchAuditLogs.csv", unjudged="a real export, end to end")


@pytest.fixture(scope="module", params=STORES)
def place(
    request: pytest.FixtureRequest, log: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A ledger that holds the log, imported twice."""
    with place_of(request, tmp_path_factory.mktemp("eugene") / "data") as found:
        first = imported(found, log)
        assert (ROWS, ROWS, 0, 0) == counts(first)
        yield found


def imported(place: Place, log: Path) -> Ran:
    flags = ("--agency", AGENCY, "--technology", TECHNOLOGY, "--format", "json")
    return place.candour("import", "flock", log, *flags)


def counts(ran: Ran) -> tuple[Any, ...]:
    found = ran.json
    return found["rows"], found["accepted"], found["duplicates"], found["rejected"]


@pytest.fixture(scope="module")
def uses(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.json("uses", "list", "--full")
    return found


def test_again_adds_nothing(place: Place, log: Path) -> None:
    """Importing the same file twice gives duplicates, and the tree does not grow."""
    before = place.json("uses", "list", "--limit", 1)
    again = imported(place, log)

    assert (ROWS, 0, ROWS, 0) == counts(again)
    assert ROWS + 5 == again.json["tree_size"]  # agency, technology, source, declared, completed
    assert before == place.json("uses", "list", "--limit", 1)


def test_who_when_and_why(uses: list[dict[str, Any]]) -> None:
    """All rows, 147 performers, first and last time, searches of no camera, blank reasons."""
    times = sorted(use["occurred"]["earliest"] for use in uses)

    assert ROWS == len(uses) == len({use["name"] for use in uses})
    assert 147 == len({use["performer"] for use in uses})
    assert "2025-06-18T00:02:04.789Z" == times[0]
    assert "2025-12-02T23:01:50.984Z" == times[-1]
    assert 79 == sum(use["devices_searched"] == {"exactly": 0} for use in uses)
    assert 5 == sum(use["protected"]["reason"] == "" for use in uses)
    assert {"UTC"} == {use["occurred"]["zone_assumed"] for use in uses}
    assert {("backfill", "counted", True)} == {
        (use["capture"], use["state"], use["definite"]) for use in uses
    }


def test_the_four_answers(place: Place, uses: list[dict[str, Any]]) -> None:
    """Summaries by each key add up to every use, and agree with the list."""

    def by(key: str) -> dict[str, int]:
        return {
            group["key"]: group["count"] for group in place.json("uses", "summary", "--by", key)
        }

    performers = by("performer")
    assert (147, ROWS) == (len(performers), sum(performers.values()))
    assert performers == {
        who: sum(use["performer"] == who for use in uses) for who in {u["performer"] for u in uses}
    }
    assert {"technologies/flock-safety": ROWS} == by("technology")
    assert {"agencies/eugene-police-department": ROWS} == by("agency")
    assert {"": ROWS} == by("authorization")
    months = by("month")
    assert ["2025-06", "2025-12"] == [min(months), max(months)]
    assert ROWS == sum(months.values())


def test_windows_hold_their_days(place: Place, uses: list[dict[str, Any]]) -> None:
    """--from and --to take whole UTC days, and names as well as ids."""
    expected = sum("2025-06-18" <= use["occurred"]["earliest"][:10] <= "2025-06-30" for use in uses)
    window = ("--from", "2025-06-18", "--to", "2025-06-30", "--definite")

    for flags in (("--agency", AGENCY), ("--agency", "eugene-police-department")):
        assert expected == len(place.json("uses", "list", *window, *flags)) > 0
    assert [] == place.json("uses", "list", *window, "--technology", "Clearview AI")
    assert [] == place.json("uses", "list", "--to", "2025-06-17")


def test_performer_by_either_name(place: Place, uses: list[dict[str, Any]]) -> None:
    """A performer is found by pseudonym, and by what the source calls them."""
    who = uses[0]["performer"]
    user_id = uses[0]["protected"]["performer"]["user_id"]
    expected = [use["name"] for use in uses if use["performer"] == who]

    for given in (who, user_id):
        found = place.json("uses", "list", "--performer", given)
        assert sorted(expected) == sorted(use["name"] for use in found)


def test_earlier_knowledge(place: Place) -> None:
    """Before the first use was recorded the ledger knew of none; at 1,000 entries of some."""
    assert [] == place.json("uses", "list", "--as-of", 4)
    at_1000 = place.json("uses", "list", "--as-of", 1000)
    assert 996 == len(at_1000)
    assert max(use["leaf_index"] for use in at_1000) < 1000
    beyond = place.candour("uses", "list", "--as-of", 10**6, exit_code=1)
    assert "--as-of" in beyond.err
    assert [] == place.json("uses", "list", "--as-of", "2020-02-21")


def test_show(place: Place, uses: list[dict[str, Any]]) -> None:
    """One use shows its protected values and the entry that made it."""
    shown = place.json("uses", "show", uses[7]["name"])

    assert uses[7]["protected"] == shown["protected"]
    assert [uses[7]["leaf_index"]] == [item["leaf_index"] for item in shown["history"]]
    assert "tool_use.reported.v1" == shown["history"][0]["topic"]
    assert '"topic":"tool_use.reported.v1"' in shown["history"][0]["entry"]


def test_proof_of_a_day(place: Place, tmp_path: Path) -> None:
    """A bundle verifies offline with the reasons it discloses; a changed byte is refused."""
    bundle = tmp_path / "day.json"
    day = ("--from", "2025-06-18", "--to", "2025-06-18")
    told = place.json("prove", "uses", *day, "--disclose", "reason", "--out", bundle)
    listed = place.json("uses", "list", *day)
    verified = place.verify(bundle)

    assert len(listed) == told["count"] > 0
    assert 0 == verified.exit_code, verified.out
    assert "verified" in verified.out
    assert "completeness not proven" in verified.out
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    refused = place.verify(bundle)
    assert 1 == refused.exit_code
    assert "refused" in refused.out


def test_proof_of_a_summary(place: Place, tmp_path: Path) -> None:
    """With every entry in it, a bundle proves that nothing was left out."""
    bundle = tmp_path / "months.json"
    told = place.json("prove", "uses", "--by", "month", "--complete", "--out", bundle)
    verified = place.verify(bundle)

    assert ROWS == told["count"]
    assert 0 == verified.exit_code, verified.out
    assert "nothing was left out" in verified.out


def test_audit(place: Place) -> None:
    """Everything in the database follows from the entries, while the server runs."""
    report = place.json("audit")

    assert ("good", ROWS + 5) == (report["verdict"], report["tree_size"])
