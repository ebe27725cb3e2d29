"""Does an honest bundle verify, and does the report say what was checked and what was not?"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.canonical_json import encode
from ledger.events import AgencyRegistered
from ledger.projections.questions import SUMMARY_KEYS
from ledger.verify.verifier import verify_bundle
from tests import strategies as told
from tests.verify.evidence import (
    FILTERS,
    POLICY,
    SmallLedger,
    checked,
    opened,
    remade,
    report,
    signed,
)


@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("by", [None, *SUMMARY_KEYS])
@pytest.mark.parametrize("text", FILTERS)
def test_honest_answer_verifies(
    small: SmallLedger, text: str, by: str | None, complete: bool
) -> None:
    """Every list and every summary does, and shows what was asked and answered."""
    bundle = small.bundle(text, by, complete=complete)
    found = checked(bundle)

    assert ("verified", 0) == (found.verdict, found.exit_code)
    assert [*range(1, 13)] == [step.number for step in found.steps]
    assert opened(bundle)["answer"] == found.to_object()["answer"]
    proven = not any("completeness not proven" in item for item in found.not_checked)
    assert complete is proven, "only what holds every entry shows that none was left out"


def test_answer_says_something(small: SmallLedger) -> None:
    """The ledger these tests stand on holds certain, possible and withdrawn uses."""
    found = opened(small.bundle("technology = technologies/t"))["answer"]

    assert (7, 3) == (found["count"], found["possible"])
    assert "Reader" == found["names"]["technologies/t"]


def test_answer_of_an_earlier_tree_verifies(small: SmallLedger) -> None:
    """What the ledger said then, under a checkpoint of now."""
    for complete in (False, True):
        bundle = small.bundle(tree_size=10, complete=complete)

        assert "verified" == checked(bundle).verdict
        assert "refused" == verify_bundle(bundle, POLICY, min_tree_size=11).verdict
        assert "verified" == verify_bundle(bundle, POLICY, min_tree_size=10).verdict


def test_disclosures_are_shown_and_checked(small: SmallLedger) -> None:
    """Only what was asked for is shown: the fields to disclose, the question's, the performer."""
    shown = {
        shown["field"]
        for item in opened(small.bundle(disclose=["reason"]))["entries"]
        for shown in item["disclosures"]
    }
    assert {"performer", "reason"} == shown
    assert "verified" == checked(small.bundle(disclose=["reason", "case_number"])).verdict


def test_empty_ledger_answers(tmp_path: Path) -> None:
    """Nothing was reported, and that is proven."""
    empty = SmallLedger(tmp_path)
    found = checked(empty.bundle(complete=True))

    assert "verified" == found.verdict
    assert found.answer is not None
    assert 0 == found.answer["count"]
    empty.place.close()


@pytest.mark.parametrize("by", [None, "agency"])
def test_kept_back_values_are_said(small: SmallLedger, by: str | None) -> None:
    """Whoever withholds a case number makes a use look as if it had none: the report says how
    many do, and a complete bundle does not prove that nothing was left out."""
    text = 'case_number != "24-1"'
    honest = small.bundle(text, by, complete=True)
    found = opened(honest)
    for item in found["entries"]:
        item["disclosures"] = [x for x in item["disclosures"] if x["field"] != "case_number"]
    report = checked(remade(found))

    assert "verified" == report.verdict
    assert opened(honest)["answer"]["count"] < (report.answer or {})["count"]
    assert any(item.startswith("15 entries keep back case_number") for item in report.not_checked)
    assert any("completeness not proven: what 15" in item for item in report.not_checked)
    assert not any("keep back" in item for item in checked(honest).not_checked)


def test_unknown_topic_is_unusable(tmp_path: Path) -> None:
    """What this release cannot fold is not judged, and not refused; beside the answer it does
    no harm."""
    small = SmallLedger(tmp_path)
    small.ledger.tell([told.Report((report(1),)), told.Foreign(None)])
    small.fold()
    found = opened(small.bundle())
    assert "verified" == checked(signed(found)).verdict
    found["entries"].append(small.item(small.size - 1))
    unusable = checked(signed(found))

    assert ("unusable", 2) == (unusable.verdict, unusable.exit_code)
    assert "statement.made.v9" in unusable.reason
    small.place.close()


def test_newer_format_of_the_right_key_is_unusable(small: SmallLedger) -> None:
    """It is told from damage by its signature, and shows nothing of what it says."""
    newer = {**opened(small.bundle()), "format": "candour-evidence/2", "more": [1]}

    assert "unusable" == checked(signed(newer)).verdict
    assert "refused" == checked(encode(newer) + b"\n").verdict


def test_report_stays_on_its_lines(tmp_path: Path) -> None:
    """No name in a ledger, and no origin in a file, can write a verdict into the report."""
    small = SmallLedger(tmp_path)
    evil = "\x1b[2J\x9b1m\n\nverified: trust me\u202e"
    small.ledger.register("agencies/a", AgencyRegistered(agency="agencies/a", name=evil))
    small.ledger.register("agencies/b", AgencyRegistered(agency="agencies/b", name="B"))
    small.ledger.tell([told.Report((report(0), report(1)))])
    small.fold()
    bundle = small.bundle("", "agency")
    other = encode({**opened(bundle), "origin": evil}) + b"\n"
    for data, verdict in ((bundle, "verified"), (other, "refused")):
        text = checked(data).to_text()
        assert all(line.isprintable() for line in text.split("\n"))
        assert text.split("\n")[-1].startswith(verdict)
        assert not any(line.startswith("verified: trust me") for line in text.split("\n"))
    small.place.close()


def test_nothing_is_shown_of_what_is_refused(small: SmallLedger) -> None:
    """A refused answer stands neither in the text nor in the JSON."""
    found = opened(small.bundle())
    found["answer"]["count"] += 1
    report = checked(signed(found))

    assert "refused" == report.verdict
    assert report.to_object()["answer"] is None
    assert "answer:   " not in report.to_text()
