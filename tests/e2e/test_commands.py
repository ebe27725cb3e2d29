"""Do the commands together tell a story: register, report, authorize, correct, prove, audit?"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg

from ledger.ingest.sample import sample_audit, sample_export
from tests.e2e.conftest import Place, run

WHO = ("--agency", "Sampleton PD", "--technology", "Platewatch")


def load(place: Place, folder: Path, rows: int = 60) -> dict[str, Any]:
    export = folder / "export.csv"
    export.write_bytes(sample_export(rows))
    found: dict[str, Any] = place.json("import", "flock", export, *WHO)
    return found


def change_entry(place: Place, leaf_index: int) -> None:
    """Behind the ledger's back, as whoever runs the database can."""
    if place.database_url is None:
        with closing(sqlite3.connect(place.data / "main.db")) as database, database:
            text = "CAST(replace(CAST(entry AS TEXT), 'procured', 'demo') AS BLOB)"
            database.execute(f"UPDATE entries SET entry = {text} WHERE leaf_index = {leaf_index}")
        return
    with psycopg.connect(place.database_url) as connection:
        text = "convert_to(replace(convert_from(entry, 'UTF8'), 'procured', 'demo'), 'UTF8')"
        connection.execute(
            f"UPDATE candour_main.entries SET entry = {text} WHERE leaf_index = {leaf_index}"
        )


def names(found: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in found]


def test_authority(place: Place, tmp_path: Path) -> None:
    """A link puts a use under an authority from its entry on; what is in force is asked by time."""
    load(place, tmp_path)
    span = ("--from", "2025-07-01", "--to", "2025-07-31")
    grant = ("authorizations", "grant", "Warrant 25-1", "--agency", "Sampleton PD")
    place.candour(*grant, "--kind", "warrant", "--identifier", "25-1", *span)
    use, *_ = place.json("uses", "list", "--limit", 2)
    linked = place.json("uses", "link", use["name"], "25-1")

    assert [use["name"]] == names(place.json("uses", "list", "--authorization", "25-1"))
    assert [] == place.json(
        "uses", "list", "--authorization", "Warrant 25-1", "--as-of", linked["leaf_index"]
    )
    assert 59 == len(place.json("uses", "list", "--authorization", "none"))
    history = place.json("uses", "show", use["name"])["history"]
    assert ["tool_use.reported.v1", "authorization.linked_to_use.v1"] == [
        item["topic"] for item in history
    ]
    for instant, expected in (
        ("2025-06-30T23:59:59Z", []),
        ("2025-07-01", ["authorizations/warrant-25-1"]),
        ("2025-07-31T23:59:59Z", ["authorizations/warrant-25-1"]),
        ("2025-08-01", []),
    ):
        found = place.json("authorizations", "in-force", "--at", instant)
        assert expected == names(found), instant


def test_corrections(place: Place, tmp_path: Path) -> None:
    """What is taken back counts no longer, stays visible, and was known before."""
    first = load(place, tmp_path)
    size = first["tree_size"]
    one, two, *_ = place.json("uses", "list", "--limit", 2)
    place.candour("uses", "withdraw", one["name"], "--reason", "entered twice", "--code", "typo")
    place.candour("uses", "same-as", two["name"], place.json("uses", "list")[-1]["name"])

    assert 58 == len(place.json("uses", "list"))
    everything = place.json("uses", "list", "--show-withdrawn")
    assert (60, {"counted", "withdrawn", "same_as"}) == (
        len(everything),
        {use["state"] for use in everything},
    )
    assert 60 == len(place.json("uses", "list", "--as-of", size))
    place.candour("import", "withdraw", first["import"], "--reason", "wrong agency")
    assert [] == place.json("uses", "list")
    assert [True] == [item["withdrawn"] for item in place.json("import", "list")]
    again = load(place, tmp_path)
    assert (60, 60) == (again["accepted"], len(place.json("uses", "list")))
    assert 0 == place.candour("audit").exit_code


def test_aliases_are_one(place: Place, tmp_path: Path) -> None:
    """An answer about a technology covers its other names, asked either way."""
    load(place, tmp_path)
    other = tmp_path / "audit.csv"
    other.write_bytes(sample_audit(15, seed=9))
    place.candour("import", "flock", other, "--agency", "Sampleton PD", "--technology", "PW Two")
    place.candour("technologies", "alias", "Platewatch", "PW Two")

    assert 75 == len(place.json("uses", "list", "--technology", "PW Two"))
    assert 75 == len(place.json("uses", "list", "--technology", "Platewatch"))
    groups = place.json("uses", "summary", "--by", "technology")
    assert [("technologies/platewatch", 75)] == [(item["key"], item["count"]) for item in groups]


def test_http_and_files(shared: Place) -> None:
    """The ledger, its key and an empty log's checkpoint are there for anybody, from the start."""

    def get(path: str) -> bytes:
        with urlopen(f"http://{shared.server.http}{path}", timeout=5) as answer:
            return bytes(answer.read())

    assert ["main"] == json.loads(get("/ledgers"))["ledgers"]
    assert (shared.data / "main.vkey").read_bytes() == get("/ledgers/main/vkey")
    origin, size, *_ = get("/ledgers/main/checkpoint").decode().splitlines()
    assert "0" == size  # nothing has been reported: this test stands first
    assert origin in (shared.data / "trust.txt").read_text()
    assert [] == shared.json("uses", "list")


def test_masked_and_missing_stay_apart(shared: Place, tmp_path: Path) -> None:
    """Masked performers, masked cases and blanks of an organisation audit are three things."""
    who = ("--agency", "Maskton PD", "--technology", "Platewatch")
    export = tmp_path / "audit.csv"
    export.write_bytes(sample_audit(200))
    summary = shared.json("import", "flock", export, *who)
    uses = shared.json("uses", "list", "--full", "--agency", "Maskton PD")

    assert (200, 0) == (summary["accepted"], summary["rejected"])
    cases = [use["protected"]["case_number"] for use in uses]
    assert {"masked": "REDACTED"} in cases
    assert "" in cases
    known = next(case for case in cases if isinstance(case, str) and case)
    found = shared.json("uses", "list", "--case", known, "--definite")
    assert cases.count(known) == len(found)
    assert any(use["performer"] is None for use in uses)


def test_rejected_rows_and_no_register(shared: Place, tmp_path: Path) -> None:
    """Bad rows end in 0 with their lines; an agency nobody registered ends in 1."""
    who = ("--agency", "Rejecton PD", "--technology", "Platewatch")
    export = tmp_path / "export.csv"
    good = sample_export(5).decode()
    long = "x" * 70_000
    bad = f'a,u,never,1,r\nb,u,"2025-06-18 00:00:00.000",1,"{long}"\nc,u\n'
    export.write_text(good + bad)
    refused = shared.candour("import", "flock", export, *who, "--no-register", exit_code=1)
    assert "agencies/rejecton-pd is not registered" in refused.err
    found = shared.json("import", "flock", export, *who)

    assert (8, 5, 0, 3) == tuple(
        found[name] for name in ("rows", "accepted", "duplicates", "rejected")
    )
    assert 3 == len(found["rejects"])
    assert {"searchDate", "reason", "row"} == {item["field"] for item in found["rejects"]}


def test_conflicting_resubmission(shared: Place, tmp_path: Path) -> None:
    """Another content under an id the source used is rejected by its row, and says so."""
    load(shared, tmp_path, rows=4)
    export = tmp_path / "export.csv"
    lines = export.read_text().splitlines(keepends=True)
    lines[2] = lines[2].rpartition(",")[0] + ',"another reason"\n'
    export.write_text("".join(lines))
    found = shared.json("import", "flock", export, *WHO)

    assert (3, 1) == (found["duplicates"], found["rejected"])
    assert 3 == found["rejects"][0]["line"]
    assert "another content" in found["rejects"][0]["reason"]


def test_audit_names_what_differs(place: Place, tmp_path: Path) -> None:
    """A changed row of a view, then of an entry, is found and named; no ledger is no audit."""
    load(place, tmp_path, rows=20)
    place.candour("audit")
    place.server.stop()
    change_entry(place, 7)
    found = place.candour("audit", "--format", "json", exit_code=1).json
    assert 7 == found["findings"][0]["where"]
    nowhere = run("candour", "audit", "--data", tmp_path / "nowhere")
    assert (2, "") == (nowhere.exit_code, nowhere.out)
    assert not (tmp_path / "nowhere").exists()
    gone = run("candour", "audit", "--database-url", "postgresql://127.0.0.1:1/none")
    assert 2 == gone.exit_code
