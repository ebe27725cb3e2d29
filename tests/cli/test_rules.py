"""Does `candour rules` list, show and test packs: those of the release, and one's own?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Candour
from tests.rules.test_packs import SMALL


def test_packs_are_listed_with_their_digests(candour: Candour) -> None:
    """Name, version, and the SHA-256 that an activation names."""
    ran = candour("rules", "list", "--format", "json")

    assert {"base", "ca-ns", "eu-ai-act", "us-ca-alpr"} <= {pack["name"] for pack in ran.json}
    assert all(len(pack["sha256"]) == 64 for pack in ran.json)


@pytest.mark.parametrize("name", ["base", "ca-ns", "eu-ai-act@1", "us-ca-alpr"])
def test_shipped_pack_passes_its_examples(candour: Candour, name: str) -> None:
    """Exit status 0, and each example is printed."""
    ran = candour("rules", "test", name, "--format", "json")

    assert ran.exit_code == 0
    assert {"holds"} == {outcome["verdict"] for outcome in ran.json}


def test_own_pack_is_shown_and_tested_by_path(candour: Candour, tmp_path: Path) -> None:
    """A file of one's own, before anybody activates it."""
    path = tmp_path / "own.toml"
    path.write_text(SMALL)

    assert "late_report" in candour("rules", "show", path).out
    ran = candour("rules", "test", path)
    assert (0, True) == (ran.exit_code, "1 examples hold" in ran.err)


def test_example_that_fails_is_shown_and_ends_in_1(candour: Candour, tmp_path: Path) -> None:
    """With what was expected and what was found."""
    path = tmp_path / "own.toml"
    path.write_text(SMALL.replace("hours = 1", "hours = 2"))
    ran = candour("rules", "test", path)

    assert 1 == ran.exit_code
    assert "FAILS" in ran.out
    assert "1 of 1 examples do not hold" in ran.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[pack", "is not TOML"),
        (SMALL.replace("late_report", "run_anything"), "rule[0].predicate: must be one of"),
        (SMALL.replace('use = "u"', 'use = "u", colour = "red"'), "example[0]"),
    ],
)
def test_broken_pack_says_where_and_what_to_do(
    candour: Candour, tmp_path: Path, text: str, said: str
) -> None:
    """Exit status 2, the place, and the guide."""
    path = tmp_path / "own.toml"
    path.write_text(text)
    ran = candour("rules", "test", path)

    assert 2 == ran.exit_code
    assert said in ran.err
    assert "docs/guides/rules.md" in ran.err


def test_unknown_pack_says_which_there_are(candour: Candour) -> None:
    """Exit status 2, with the names of the release."""
    ran = candour("rules", "show", "nobody")

    assert 2 == ran.exit_code
    assert "base, ca-ns" in ran.err
