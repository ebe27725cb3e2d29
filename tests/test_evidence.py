"""Does a service pack what a verifier needs, all of it, and no more than was asked for?"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger import canonical_json, evidence
from ledger.errors import Malformed
from ledger.evidence import OtherHistory, TooManyEntries, consistency_from
from ledger.projections.questions import Question
from ledger.rules.verdicts import CODES as VERDICT_CODES
from ledger.store.core import Published
from ledger.store.view_queries import ViewReader
from ledger.tlog import Checkpoint, Signer, sign_checkpoint
from tests.authorities import story
from tests.ledgers import ORIGIN, SIGNER
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


def test_growth_is_shown_from_our_own_checkpoints_only(small: SmallLedger) -> None:
    """Of this ledger, its key, its history, and no newer than the bundle's: whatever else
    somebody brings is refused before anything is signed."""
    log, size = small.ledger.log, small.size
    newest = Published(size, small.checkpoint(size), 0)
    other_key = Signer(ORIGIN, bytes([1]) * 32)
    for older in (
        b"",
        b"my notes\n",
        sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), other_key),
        sign_checkpoint(
            Checkpoint("example.com/log", 3, bytes(32)), Signer("example.com/log", bytes(32))
        ),
        sign_checkpoint(Checkpoint(ORIGIN, 0, log.tree(0).root()), SIGNER),
        sign_checkpoint(Checkpoint(ORIGIN, size + 1, bytes(32)), SIGNER),
    ):
        with pytest.raises(Malformed, match="older"):
            consistency_from(log, older, newest)
    with pytest.raises(OtherHistory, match="two histories"):
        consistency_from(log, sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), SIGNER), newest)
    assert [] == consistency_from(log, newest.note, newest).proof


def test_authority_is_judged_from_whole_histories(tmp_path: Path) -> None:
    """All that was told of what uses cite is here, and whoever granted it where that decides."""
    small = SmallLedger(tmp_path)
    small.ledger.tell(list(story()))
    small.fold()
    for code in VERDICT_CODES:
        for size in range(4, small.size + 1, 4):
            question = f'authority = "{code}"'
            bundle = small.bundle(question, tree_size=size)
            report = checked(bundle)
            assert "verified" == report.verdict, report.steps
            page, _unread = ViewReader(small.engine, small.store).page(
                Question.ask(question, size), None, 100
            )
            definite = sum(item.definite for item in page)
            assert definite == opened(bundle)["answer"]["count"], (code, size)
    revoked = topics(small.bundle('authority = "revoked"'))
    assert {"authorization.renewed.v1", "authorization.varied.v1", "technology.aliased.v1"} <= set(
        revoked
    )
    small.place.close()


def test_performers_are_named_only_where_they_granted_their_own_authority(tmp_path: Path) -> None:
    """A bundle on authority shows the one name that makes a use self-authorised, and no other."""
    small = SmallLedger(tmp_path)
    small.ledger.tell(list(story()))
    small.fold()
    size = next(
        size
        for size in range(small.size)
        if opened(small.bundle('authority = "self_authorised"', tree_size=size))["answer"]["count"]
    )
    shown = [
        item["value"]
        for entry in opened(small.bundle("authority:*", tree_size=size))["entries"]
        for item in entry["disclosures"]
        if item["field"] == "performer_identity"
    ]
    assert 1 == len(shown)
    assert "ann" in str(shown)
    small.place.close()
