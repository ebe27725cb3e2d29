"""Is a question read strictly, and does it ask about all that it should?"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ledger.errors import Malformed
from ledger.limits import MAX_USAGE_RANGES
from ledger.usage_index import CountQuestion, Days, Family, WholeQuestion, question_of_object
from ledger.usage_index.keys import FIRST_DAY, LAST_DAY

ASKED: dict[str, Any] = {
    "family": "agency+technology",
    "first": "agencies/a",
    "second": "technologies/x",
    "from": "2020-02-01",
    "to": "2020-02-29",
}
FEBRUARY = Days(18_293, 18_321)


def test_question_is_read_as_it_is_written() -> None:
    """One range as `from` and `to`, all of an agency without them."""
    assert question_of_object(ASKED) == CountQuestion(
        family=Family.AGENCY_TECHNOLOGY,
        first="agencies/a",
        second="technologies/x",
        ranges=(FEBRUARY,),
    )
    whole = WholeQuestion(family=Family.AGENCY, first=None)
    assert whole == question_of_object({"family": "agency", "first": None})


@pytest.mark.parametrize(
    "change",
    [
        {"first": 1},
        {"second": ["technologies/x"]},
        {"first": "\ud800"},
        {"from": None},
        {"from": 18_293},
        {"to": "2020-2-29"},
        {"to": "2020-02-29 "},
        {"to": "\u0662020-02-29"},
        {"from": "0000-01-01"},
        {"more": 1},
        {"ranges": []},
        {"family": "agency"},
        {"family": None},
    ],
)
def test_other_questions_are_refused(change: dict[str, Any]) -> None:
    """Unknown members, other types, no days, a second id where there is none."""
    with pytest.raises(Malformed):
        question_of_object({**ASKED, **change})


@pytest.mark.parametrize("missing", ["family", "first", "second", "from", "to"])
def test_no_member_is_left_to_guess(missing: str) -> None:
    """A question that lacks a member is not taken for a wider one."""
    with pytest.raises(Malformed):
        question_of_object({name: value for name, value in ASKED.items() if name != missing})


@pytest.mark.parametrize("found", [None, [], "agency", 5])
def test_question_is_an_object(found: object) -> None:
    with pytest.raises(Malformed):
        question_of_object(found)


@pytest.mark.parametrize(
    "ranges",
    [
        None,
        [],
        [{"from": "2020-02-01", "to": "2020-02-29"}],
        [{"from": "2020-02-01", "to": "2020-02-02"}, {"from": "2020-02-02", "to": "2020-02-03"}],
        [{"from": "2020-02-03", "to": "2020-02-04"}, {"from": "2020-02-01", "to": "2020-02-02"}],
        [{"from": "2020-02-01", "to": "2020-02-02"}, {"from": "2020-02-03"}],
        [{"from": "2020-02-01", "to": "2020-02-02"}, "2020-02-03"],
    ],
)
def test_several_ranges_rise(ranges: object) -> None:
    """Two or more, in order and disjoint; a single one has its own form."""
    head = {name: ASKED[name] for name in ("family", "first", "second")}
    with pytest.raises(Malformed):
        question_of_object({**head, "ranges": ranges})


@pytest.mark.parametrize(
    "ranges",
    [
        (),
        (Days(1, 0),),
        (Days(FIRST_DAY - 1, 0),),
        (Days(0, LAST_DAY + 1),),
        tuple(Days(day, day) for day in range(MAX_USAGE_RANGES + 1)),
    ],
)
def test_ranges_are_bounded(ranges: tuple[Days, ...]) -> None:
    with pytest.raises(Malformed):
        CountQuestion(family=Family.AGENCY, first="agencies/a", ranges=ranges)


@pytest.mark.parametrize(
    ("expected", "family", "second"),
    [
        (8, Family.AGENCY_TECHNOLOGY, "technologies/x"),
        (4, Family.AGENCY_TECHNOLOGY, None),
        (4, Family.AGENCY, None),
    ],
)
def test_spans_cover_what_hides_uses(expected: int, family: Family, second: str | None) -> None:
    """Placed and withdrawn, dated and undated, and those that name no second."""
    asked = CountQuestion(family=family, first="agencies/a", second=second, ranges=(FEBRUARY,))
    spans = asked.spans()

    assert expected == len(spans)
    assert spans == sorted(spans)
    assert all(a.last < b.first for a, b in pairwise(spans))
