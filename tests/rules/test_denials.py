"""Is a "no" only ever said without a word more where the judge would support it?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import Occurred, StatementMade
from ledger.events.statements import Scope
from ledger.projections.registers import Told
from ledger.rules.coverage import Covered
from ledger.rules.denials import Denial, listed
from ledger.rules.statements import judge_statement

_names = st.lists(st.sampled_from(["sources/a", "sources/b"]), unique=True, max_size=2).map(tuple)
covers = st.builds(Covered, *[_names] * 5, leaves=st.just(()))


def _denial(asked: tuple[int, int] | None, **members: Any) -> Denial:
    some, more = asked or (None, 0)
    return Denial(**members, asked=some, of=None if some is None else some + more)


def denials(**given_: int) -> st.SearchStrategy[Denial]:
    """Any denial; `given_` fixes numbers of it."""
    numbers = dict.fromkeys(("count", "possible", "sighted"), st.integers(0, 2))
    return st.builds(
        _denial,
        asked=st.none() | st.tuples(st.integers(0, 3), st.integers(0, 2)),
        tree_size=st.just(9),
        covered=covers,
        **{**numbers, **{name: st.just(number) for name, number in given_.items()}},
    )


FULL = Covered(("sources/a",), (), (), (), (), ())
SAID: dict[str, Any] = {"tree_size": 9, "count": 0, "possible": 0, "sighted": 0, "covered": FULL}


@given(denials(count=0, sighted=0, possible=0))
def test_unqualified_denial_is_what_the_judge_supports(denial: Denial) -> None:
    """Not thin here, and supported there, are one thing where nothing contradicts it."""
    made = StatementMade(
        statement="statements/s",
        polarity="denies",
        scope=Scope(agency="agencies/a"),
        made=Occurred(date="2025-01-01"),
        coverage=denial.coverage(),
    )
    [verdict] = judge_statement([Told(9, 0, made)], [], [], denial.covered)
    assert ("not_provable" if denial.thin else "supported") == verdict.code


@given(denials())
def test_what_is_thin_or_contradicted_is_said_in_words(denial: Denial) -> None:
    """There is a reason in words exactly where the denial is refused."""
    assert denial.contradicted == bool(denial.against())
    assert denial.thin == bool(denial.left_open())


@pytest.mark.parametrize(
    ("words", "members"),
    [
        ("2 uses on record may be in scope, or not", {"possible": 2}),
        ("7 of 12 units were asked", {"asked": 7, "of": 12}),
        (
            "not heard in the period: sources/b",
            {"covered": Covered(("a",), ("sources/b",), (), (), (), ())},
        ),
        (
            "a gap was declared by sources/a",
            {"covered": Covered(("a",), (), (), ("sources/a",), (), ())},
        ),
        (
            "no source stands behind holdings/h",
            {"covered": Covered(("a",), (), (), (), ("holdings/h",), ())},
        ),
        (
            "no source was heard in the period, and no nil return holds it",
            {"covered": Covered((), (), (), (), (), ())},
        ),
    ],
)
def test_each_gap_is_named(words: str, members: dict[str, Any]) -> None:
    """One sentence for each thing that was not asked."""
    assert [words] == Denial(**{**SAID, **members}).left_open()


def test_whole_denial_leaves_nothing_open() -> None:
    """Everybody asked, every source heard, nothing on record: an unqualified no."""
    whole = Denial(**{**SAID, "asked": 12, "of": 12})
    assert (False, False, []) == (whole.contradicted, whole.thin, whole.left_open())
    assert (12, 9, ("sources/a",), 0) == (
        whole.coverage().asked,
        whole.coverage().tree_size,
        whole.coverage().heard,
        whole.coverage().unconnected,
    )


def test_long_lists_are_cut_with_their_number() -> None:
    """A sentence names some, and says how many more there are."""
    assert "n0, n1, n2, n3, n4, n5, n6, n7, n8, n9 and 2 more" == listed(
        [f"n{i}" for i in range(12)]
    )
