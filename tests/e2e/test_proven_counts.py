"""Is a count proven from command to command: server, projector, log, bundle, verifier, audit?"""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.conftest import Place, Ran, run
from tests.e2e.test_commands import WHO, load

YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")


def verify(place: Place, bundle: Path, least: int) -> Ran:
    trust = place.data / "trust.txt"
    least_size = ("--min-tree-size", least, "--format", "json")
    return run("candour-verify", bundle, "--trust", trust, *least_size)


def test_count_and_absence(place: Place, tmp_path: Path) -> None:
    """What was imported is counted, what was never used is absent, and both are verified."""
    load(place, tmp_path)
    bundle = tmp_path / "count.json"
    counted = place.json("prove", "count", *WHO, *YEAR, "--out", bundle)
    listed = place.json("uses", "list", *WHO, *YEAR, "--limit", 1000)
    verified = verify(place, bundle, counted["tree_size"])

    assert (0, "verified") == (verified.exit_code, verified.json["verdict"])
    definite = [use for use in listed if use.get("definite", True)]
    assert len(definite) == counted["count"] == verified.json["answer"]["count"]
    assert counted["tree_size"] == verified.json["tree_size"]

    none = ("--agency", "Sampleton PD", "--technology", "Clearview AI")
    zero = tmp_path / "zero.json"
    absent = place.json("prove", "absence", *none, *YEAR, "--out", zero)
    verified = verify(place, zero, absent["tree_size"])
    assert (0, 0) == (absent["count"], verified.exit_code)
    assert 0 == verified.json["answer"]["count"]
    used = [row["technology"] for row in verified.json["answer"]["technologies"]]
    assert ["technologies/platewatch"] == used

    used_after_all = tmp_path / "used.json"
    place.candour("prove", "absence", *WHO, *YEAR, "--out", used_after_all, exit_code=1)
    assert 0 == verify(place, used_after_all, 0).exit_code
    assert 2 == place.verify(used_after_all).exit_code, "how fresh was not said"


def test_root_is_committed_when_there_is_news(place: Place, tmp_path: Path) -> None:
    """Proofs of one state share a root; a new entry calls for the next; old ones answer still."""
    load(place, tmp_path, 20)
    sizes = []
    for number in range(3):
        bundle = tmp_path / f"{number}.json"
        sizes.append(place.json("prove", "count", *WHO, *YEAR, "--out", bundle)["tree_size"])
    use, *_ = place.json("uses", "list", "--limit", 1)
    before = json.loads((tmp_path / "0.json").read_text())["answer"]
    place.candour("uses", "withdraw", use["name"], "--reason", "entered twice")
    now = place.json("prove", "count", *WHO, *YEAR, "--out", tmp_path / "now.json")
    then = place.json(
        "prove", "count", *WHO, *YEAR, "--as-of", sizes[0], "--out", tmp_path / "then.json"
    )

    assert [sizes[0]] * 3 == sizes
    assert sizes[0] < now["tree_size"]
    assert (before["count"] - 1, 1) == (now["count"], now["withdrawn"])
    assert (before["count"], sizes[0]) == (then["count"], then["tree_size"])
    early = place.candour(
        "prove", "count", *WHO, *YEAR, "--as-of", 1, "--out", tmp_path / "x.json", exit_code=1
    )
    assert "larger tree size" in early.err
    assert "good" in place.candour("audit").out


def test_index_is_made_anew_and_thinned_by_command(place: Place, tmp_path: Path) -> None:
    """Made anew it has the same roots; nothing is old enough to be let go; what was never committed
    cannot be asked for."""
    load(place, tmp_path, 20)
    size = place.json("prove", "count", *WHO, *YEAR, "--out", tmp_path / "a.json")["tree_size"]
    listed = place.json("index", "roots")
    assert size in [root["tree_size"] for root in listed if root["cited"]]

    rebuilt = place.json("index", "rebuild", "--with", size)
    assert (rebuilt["with"], rebuilt["not_made"]) == ([size], [])
    assert listed == place.json("index", "roots")
    thinned = place.json("index", "thin", "--dry-run")
    assert (len(listed), 0) == (thinned["roots_kept"], thinned["roots_let_go"])
    assert 0 == place.json("index", "thin")["nodes_deleted"]
    refused = place.candour("index", "rebuild", "--with", size - 1, exit_code=1)
    assert "commits to no root" in refused.err
    again = place.json("prove", "count", *WHO, *YEAR, "--as-of", size, "--out", tmp_path / "b.json")
    assert size == again["tree_size"]
    assert 0 == verify(place, tmp_path / "b.json", size).exit_code
