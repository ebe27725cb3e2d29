"""Does the page agree with the command on numbered questions, and own that it re-runs no rules?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.inquiries.table import FINDINGS, inquiry_of
from ledger.inquiry_evidence import build_inquiry_bundle
from ledger.store.core import Published
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from tests.attacks.test_left_out import AGENCY, TECHNOLOGY, Asked
from tests.inquiries.story import A, tell
from tests.ledgers import Ledger, SqlitePlace
from tests.verify.evidence import ANSWERS, bent
from tests.verify.page.bundles import Case, assert_agree
from tests.verify.page.conftest import Judge
from tests.verify.test_counted_answer import answered, counted


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """Evidence for a few questions, and for all entries there are."""
    place = SqlitePlace(Path(tmp_path_factory.mktemp("story")))
    store, engine = place.begin()
    ledger = Ledger(store)
    tell(ledger)
    ViewWriter(engine, store).catch_up(batch=100)
    head, views = store.head(), ViewReader(engine, store)
    published = Published(head.tree_size, ledger.log.checkpoint(head), 0)

    def bundle(number: int, given: dict[str, Any], *, complete: bool = False) -> bytes:
        asked = inquiry_of(number).ask(head.tree_size, given)
        return build_inquiry_bundle(
            ledger.log, views, asked, published, signer=ANSWERS, complete=complete
        )

    yield {
        "4": bundle(4, {"agency": A}),
        "11": bundle(11, {"agency": A, "zone": "America/Halifax"}),
        "15": bundle(15, {}),
        "23": bundle(23, {}),
        "findings": bundle(FINDINGS, {"agency": A}),
        "complete": bundle(4, {"agency": A}, complete=True),
    }
    place.close()


def test_page_says_what_it_does_not_re_run(judge: Judge, bundles: dict[str, bytes]) -> None:
    """Every step that both make ends alike; rules and answer are `not checked here`."""
    cases = [Case(what=name, bundle=bundle) for name, bundle in bundles.items()]
    for case, page in zip(cases, judge(cases), strict=True):
        assert_agree(case, page)
        assert "verified in part" == page["verdict"]
        passed_by = [
            step["name"] for step in page["steps"] if step["outcome"] == "not checked here"
        ]
        assert ["rules", "answer"] == passed_by


def test_bent_questions_are_refused_alike(judge: Judge, bundles: dict[str, bytes]) -> None:
    """A question of another shape is refused by both, at the same step; a lie in the answer by one."""
    changes: list[tuple[str, Any]] = [
        ("inquiry", "4"),
        ("inquiry", None),
        ("tree_size", -1),
        ("tree_size", 10**6),
        ("parameters", []),
        ("packs", {}),
        ("packs", [{"name": "base"}]),
        ("packs", [{"name": 1, "sha256": "", "version": ""}]),
        ("packs", []),
        ("inquiry", 99),
        ("parameters", {"agency": "no name"}),
        ("more", 1),
    ]
    cases = []
    for name, value in changes:

        def change(found: dict[str, Any], name: str = name, value: Any = value) -> None:
            found["question"][name] = value

        unsigned, signed = bent(bundles["4"], change)
        cases.append(Case(what=f"{name} = {value!r}, unsigned", bundle=unsigned))
        cases.append(Case(what=f"{name} = {value!r}, signed", bundle=signed))
    for case, page in zip(cases, judge(cases), strict=True):
        assert_agree(case, page)


def test_proven_count_inside_is_checked_here_too(
    judge: Judge, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whole, of something else, bent inside: as the command says, in its words."""
    place = SqlitePlace(tmp_path_factory.mktemp("counted-answer"))
    asked = Asked(place)
    answer, january = answered(asked), ("2026-01-01", "2026-01-31")
    other = asked.index.bundle(asked.root, AGENCY, TECHNOLOGY, january)
    bundles = {
        "whole": counted(asked, answer),
        "another question": counted(asked, answered(asked, 13)),
        "a narrower one": counted(asked, answered(asked, unit="x")),
        "another zone": counted(asked, answered(asked, zone="America/Halifax")),
        "UTC by name": counted(asked, answered(asked, zone="UTC")),
        "another moment": counted(asked, answered(asked, tree_size=asked.root.tree_size - 1)),
        "other days": counted(asked, answer, other),
        "a list inside": counted(asked, answer, asked.list()),
        "an answer inside": counted(asked, answer, answer),
        "bent": counted(asked, answer).replace(b'"undated":', b'"undatee":'),
    }
    place.close()
    cases = [Case(what=what, bundle=bundle, least=None) for what, bundle in bundles.items()]
    pages = dict(zip(bundles, judge(cases), strict=True))
    for case in cases:
        assert_agree(case, pages[case.what])
    assert {"whole", "UTC by name"} == {
        what for what, page in pages.items() if page["verdict"] == "verified in part"
    }
    (step,) = [step for step in pages["whole"]["steps"] if step["name"] == "proven count"]
    assert ("ok", True) == (step["outcome"], "all 5 uses" in step["detail"])
