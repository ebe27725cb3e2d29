"""Does a service pack what a verifier needs, all of it, and no more than was asked for?"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import canonical_json, evidence
from ledger.errors import Malformed
from ledger.evidence import TooManyEntries
from tests.verify.evidence import SmallLedger, checked, opened


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallLedger:
    small = SmallLedger(tmp_path_factory.mktemp("small"))
    small.live()
    return small


def topics(bundle: bytes) -> list[str]:
    return [
        item["entry"].partition('"topic":"')[2].partition('"')[0]
        for item in opened(bundle)["entries"]
    ]


def test_bundle_holds_whole_histories_and_names(small: SmallLedger) -> None:
    """Every entry about a use that matches, and what the names in it stand for; nothing else."""
    found = topics(small.bundle("authorization = authorizations/l"))

    assert ["authorization.linked_to_use.v1"] * 2 == found[-2:]
    assert {
        "agency.registered.v1",
        "technology.registered.v1",
        "technology.aliased.v1",
        "source.registered.v1",
        "authorization.granted.v1",
        "tool_use.reported.v1",
        "authorization.linked_to_use.v1",
    } == set(found)


def test_withdrawn_uses_are_not_in_the_answer(small: SmallLedger) -> None:
    """Neither those withdrawn, nor those of a withdrawn import, nor those told twice."""
    bundle = small.bundle()

    assert 15 - 1 - 1 - 3 == opened(bundle)["answer"]["count"]
    assert "tool_use.withdrawn.v1" not in topics(bundle)
    assert "tool_use.withdrawn.v1" in topics(small.bundle(complete=True))


def test_only_protected_fields_are_disclosed(small: SmallLedger) -> None:
    """A name that is none is refused before anything is read."""
    with pytest.raises(Malformed):
        small.bundle(disclose=["reason", "everything"])


def test_erased_value_is_not_shown(tmp_path: Path) -> None:
    """The bundle of a use whose values are erased holds fewer, and verifies."""
    import sqlite3
    from contextlib import closing

    small = SmallLedger(tmp_path)
    small.live()
    with closing(sqlite3.connect(small.place.path)) as file, file:
        file.execute("UPDATE disclosures SET fields = NULL")
    bundle = small.bundle(disclose=["reason"])

    assert "verified" == checked(bundle).verdict
    assert not any(item["disclosures"] for item in opened(bundle)["entries"])
    small.place.close()


@pytest.mark.parametrize("complete", [False, True])
def test_too_much_evidence_is_refused(
    small: SmallLedger, monkeypatch: pytest.MonkeyPatch, complete: bool
) -> None:
    """A bundle that no verifier would read is not made: audit instead."""
    monkeypatch.setattr(evidence, "MAX_BUNDLE_ENTRIES", 5)
    with pytest.raises(TooManyEntries, match="audit the ledger"):
        small.bundle(complete=complete)
    monkeypatch.undo()
    monkeypatch.setattr(canonical_json, "MAX_JSON_VALUES", 100)
    with pytest.raises(TooManyEntries, match="values"):
        small.bundle(complete=complete)
