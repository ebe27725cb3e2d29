"""An answer with a use left out: does anybody notice?

database ──DELETE FROM view_uses──► list, true and short ──with the proven count──► refused
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.commands import ReportToolUse
from ledger.events import Occurred, ToolUseReported
from ledger.evidence import build_bundle
from ledger.projections.questions import Question
from ledger.store.core import Published
from ledger.verify.__main__ import main
from ledger.verify.counted import verify_counted_list
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from tests import strategies as told
from tests.indexed import ANSWERS, Index
from tests.ledgers import Place
from tests.store.audited import Audited
from tests.verify.evidence import POLICY, TRUST

AGENCY, TECHNOLOGY, ALIAS = "agencies/a", "technologies/t", "technologies/v"
DAYS = ("2026-02-01", "2026-02-28")
FILTER = (
    f'technology = "{TECHNOLOGY}" AND agency = "{AGENCY}"'
    f' AND occurred >= "{DAYS[0]}" AND occurred <= "{DAYS[1]}"'
)


def use(number: int, day: str | None, technology: str = TECHNOLOGY) -> ReportToolUse:
    occurred = (
        None if day is None else Occurred(earliest=f"{day}T12:00:00Z", latest=f"{day}T12:00:00Z")
    )
    return ReportToolUse(
        use=ToolUseReported(agency=AGENCY, technology=technology, occurred=occurred),
        source="sources/s",
        source_event_id=str(number),
        capture="backfill",
    )


class Asked:
    """A ledger with five uses that count in February, and what is asked about them."""

    def __init__(self, place: Place) -> None:
        self.on = Audited(place)
        self.index = Index(self.on.ledger, self.on.store, self.on.views)
        ledger = self.on.ledger
        ledger.register_agencies()
        ledger.tell([told.Alias(TECHNOLOGY, ALIAS), told.Declare(0)])
        days = ["2026-02-01", "2026-02-14", "2026-02-28", "2026-01-31", "2026-03-01", None]
        ledger.report(*(use(number, day) for number, day in enumerate(days)))
        ledger.report(use(10, "2026-02-02", ALIAS), use(11, "2026-02-02", "technologies/u"))
        ledger.tell([told.Report((use(12, "2026-02-03"), use(13, "2026-02-03")))])
        ledger.tell([told.Withdraw(0), told.Link(1, "authorizations/k")])
        self.index.fold()
        self.root = self.index.commit()
        self.count = self.index.bundle(self.root, AGENCY, TECHNOLOGY, DAYS)

    def list(self, filter_text: str = FILTER, tree_size: int | None = None) -> bytes:
        head = self.on.store.head()
        return build_bundle(
            self.on.ledger.log,
            self.index.view_reader,
            Question.ask(filter_text, tree_size or self.root.tree_size),
            Published(head.tree_size, self.on.ledger.log.checkpoint(head), 0),
            signer=ANSWERS,
        )

    def judged(self, listed: bytes | None = None, count: bytes | None = None) -> Report:
        size = self.root.tree_size
        return verify_counted_list(
            self.list() if listed is None else listed,
            self.count if count is None else count,
            POLICY,
            min_tree_size=size,
        )


@pytest.fixture
def asked(place: Place) -> Asked:
    return Asked(place)


def test_whole_list_is_verified_with_its_count(asked: Asked) -> None:
    """Withdrawn, linked and aliased uses are counted in the list as the index counts them."""
    found = asked.judged()

    assert "verified" == found.verdict, found.reason
    assert "proven count" == found.steps[-1].name
    assert (
        "the list holds all 5 uses that the index counts for these days" == found.steps[-1].detail
    )
    assert not any("completeness not proven" in item for item in found.not_checked)
    assert any("at no known day" in item for item in found.not_checked)


def test_list_with_a_use_left_out_is_refused(asked: Asked) -> None:
    """By itself it is true, and says that completeness is not proven; with the count it is refused."""
    (gone,) = asked.on.sql("SELECT max(first) FROM view_uses WHERE state = 0")[0]
    asked.on.sql("DELETE FROM view_uses WHERE first = ?", gone)
    short = asked.list()
    alone = verify_bundle(short, POLICY)

    assert "verified" == alone.verdict
    assert "completeness not proven" in {step.detail for step in alone.steps}
    found = asked.judged(short)
    assert "refused" == found.verdict
    assert found.reason.endswith(
        "the list holds 4 uses of these days, and the proven count is 5: it leaves some out"
    )


@pytest.mark.parametrize(
    ("filter_text", "reason"),
    [
        (f'{FILTER} AND outcome = "lead"', "the list asks for something else than the count"),
        (FILTER.replace(DAYS[1], "2026-02-27"), "the list asks for something else than the count"),
        (FILTER.replace(" AND ", " OR "), "the list asks for something else than the count"),
        ("", "the list asks for something else than the count"),
    ],
)
def test_other_questions_are_not_compared(asked: Asked, filter_text: str, reason: str) -> None:
    """A count says nothing of a list that asks for more, less or something else."""
    found = asked.judged(asked.list(filter_text))

    assert "unusable" == found.verdict
    assert reason in found.reason


def test_two_moments_are_not_compared(asked: Asked) -> None:
    """List and count are of one tree; and each must hold by itself."""
    assert "ask for both as of one" in asked.judged(asked.list(tree_size=asked.on.size)).reason
    assert "a list of uses comes first" in asked.judged(asked.count, asked.count).reason
    broken = asked.judged(count=asked.count.replace(b'"count":5', b'"count":4'))
    assert "refused" == broken.verdict
    assert broken.reason.startswith("of the proven count: step 3, signature")


def test_command_compares_too(
    asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`candour-verify LIST --count COUNT`, with the verdict as exit status."""
    for name, data in (("list", asked.list()), ("count", asked.count), ("trust", TRUST.encode())):
        (tmp_path / name).write_bytes(data)
    arguments = [str(tmp_path / "list"), "--trust", str(tmp_path / "trust")]
    arguments += ["--count", str(tmp_path / "count")]

    assert 0 == main([*arguments, "--min-tree-size", str(asked.root.tree_size)])
    assert "the list holds all 5 uses" in capsys.readouterr().out
    assert 2 == main(arguments), "a count is not judged without a least tree size"
