"""Do `candour prove uses --count` and `candour-verify --count` show that nothing was left out?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ledger.ingest.sample import sample_export
from tests.e2e.conftest import Place, run


def test_list_and_count_go_together(place: Place, tmp_path: Path) -> None:
    """Proven, corrected and proven again; a list of another moment does not fit the count."""
    export = tmp_path / "export.csv"
    export.write_bytes(sample_export(60))
    who = ("--agency", "Sampleton PD", "--technology", "Platewatch")
    place.candour("import", "flock", export, *who)
    days = ("--from", "2025-07-01", "--to", "2025-07-31")
    listed, count = tmp_path / "list.json", tmp_path / "count.json"

    def proven() -> tuple[Any, str]:
        told = place.candour(
            *("prove", "uses", *who, *days, "--out", listed, "--count", count, "--format", "json")
        )
        return told.json, told.err

    first, advice = proven()
    size = first["tree_size"]
    assert f"--count {count} --min-tree-size {size}" in advice
    trust = ("--trust", place.data / "trust.txt", "--min-tree-size", size)
    found = run("candour-verify", listed, *trust, "--count", count)
    assert 0 == found.exit_code, found.out
    assert "uses that the index counts for these days" in found.out
    assert "completeness not proven:" not in found.out

    old = tmp_path / "old.json"
    listed.rename(old)
    name = place.json("uses", "list", *who, *days)[0]["name"]
    place.candour("uses", "withdraw", name, "--reason", "wrong", "--wait", "published")
    second, _ = proven()
    assert second["count"] == first["count"] - 1
    refused = run("candour-verify", old, *trust, "--count", count)
    assert 2 == refused.exit_code, refused.out
    assert "ask for both as of one" in refused.out

    answer = tmp_path / "answer.json"
    asked = ("ask", 1, *who, *days, "--out", answer, "--with-count")
    place.candour(*asked)
    found = place.verify(answer)
    assert 0 == found.exit_code, found.out
    assert f"the list holds all {second['count']} uses" in found.out
    assert "completeness not proven:" not in found.out
    told = place.candour(*asked, "--unit", "ICE", exit_code=2)
    assert "--with-count takes question 1" in told.err

    told = place.candour(
        *("uses", "withdraw", name, "--reason", "wrong", "--wait", "witnessed"), exit_code=1
    )
    assert "no witness has to cosign this ledger" in told.err
    told = place.candour("prove", "uses", *days, "--out", old, "--count", count, exit_code=1)
    assert "--count takes --agency, --technology, --from and --to" in told.err
