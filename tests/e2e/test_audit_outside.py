"""Does `candour audit` come to the operator's verdict, from outside, of what a real server shows?"""

from __future__ import annotations

from pathlib import Path

from ledger.ingest.sample import sample_export
from tests.audit.copies import KEY
from tests.e2e.conftest import Place, run
from tests.e2e.test_export import wait_until_published


def outcomes(report: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {item["name"]: item["outcome"] for item in report["checks"]}


def test_one_ledger_in_all_its_forms(place: Place, tmp_path: Path) -> None:
    """Server, tiles and Parquet: the same tree, the same verdict; a changed byte is refused."""
    export = tmp_path / "export.csv"
    export.write_bytes(sample_export(400))
    who = ("--agency", "Sampleton PD", "--technology", "Platewatch")
    size = place.json("import", "flock", export, *who)["tree_size"]
    place.candour(
        *("prove", "count", *who, "--from", "2025-07-01", "--to", "2025-07-03"),
        *("--out", tmp_path / "count.json"),
    )  # commits a root of the usage index
    wait_until_published(place, size + 1)
    tiles, parquet = tmp_path / "tiles", tmp_path / "parquet"
    place.candour("export", "tiles", "--out", tiles)
    place.candour("export", "parquet", "--out", parquet)
    trust = ("--trust", place.data / "trust.txt", "--older", tiles / "checkpoint")
    url = f"http://{place.server.http}/ledgers/main"
    state = tmp_path / "state"
    reports = [
        place.json("audit", "--url", url, "--state", state, *trust),
        place.json("audit", "--url", tiles, *trust),
        place.json("audit", "--parquet", parquet, *trust),
    ]

    for report in reports:
        kinds = outcomes(report)
        assert ("good", size + 1) == (report["verdict"], report["tree_size"])
        assert {"ok"} == {outcome for name, outcome in kinds.items() if name != "tiles"}
        assert 1 == report["counts"]["usage_roots"]
    assert "good" == place.json("audit")["verdict"]

    bundle = tiles / "tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b"Z", b"Y", 1))
    refused = place.candour("audit", "--url", tiles, *trust, exit_code=1)
    assert "does not hash to the leaf that is stored for it" in refused.out
    assert "difference found" in refused.err


def test_what_cannot_run_says_what_to_do(tmp_path: Path) -> None:
    """Status 2, one sentence, and never a verdict."""
    key = tmp_path / "vkey"
    key.write_text(KEY.format())
    for arguments, said in (
        (("--url", tmp_path), "--trust FILE or --vkey FILE"),
        (("--url", tmp_path, "--vkey", key), "is this a log's prefix?"),
        (("--url", "http://127.0.0.1:1/x", "--vkey", key), "could not run"),
        (("--parquet", tmp_path, "--vkey", key), "is this an export?"),
        (("--older", key), "--url or --parquet"),
        (("--parquet", tmp_path, "--url", tmp_path, "--vkey", key), "give one"),
    ):
        ran = run("candour", "audit", *arguments)
        assert (2, "") == (ran.exit_code, ran.out)
        assert said in ran.err
