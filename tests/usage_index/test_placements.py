"""What does each kind of entry do to the registers?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import (
    AgencyRegistered,
    AuthorizationLinked,
    ImportWithdrawn,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.usage_index import (
    Family,
    Use,
    key_of,
    placements,
    use_before,
    use_reported,
    withdrawn_side,
)
from ledger.usage_index.keys import is_withdrawn_side
from tests.usage_index.strategies import AUTHORIZATIONS, occurred_on, uses


def report_of(use: Use) -> ToolUseReported:
    assert use.agency is not None
    return ToolUseReported(
        agency=use.agency,
        technology=use.technology,
        occurred=occurred_on(use.day),
        authorizations=use.authorizations,
    )


def change_of(use: Use, **more: str) -> dict[str, object]:
    """The members that every change carries of a use as it was before."""
    return {
        "agency": use.agency,
        "technology": use.technology,
        "occurred": occurred_on(use.day),
        "authorizations_before": use.authorizations,
        **more,
    }


def linked_to(use: Use, authorization: str) -> AuthorizationLinked:
    return AuthorizationLinked(**change_of(use, authorization=authorization))  # type: ignore[arg-type]


def withdrawal_of(use: Use) -> ToolUseWithdrawn:
    return ToolUseWithdrawn(**change_of(use))  # type: ignore[arg-type]


def test_report_enters_one_key_a_family() -> None:
    """And in family 04 one for each authorization; what is not named stands under none."""
    use = Use(agency="A", technology="T", day=3, authorizations=("W", "V", "W"), performer="P")
    expected = {
        key_of(Family.AGENCY, "A", None, 3),
        key_of(Family.TECHNOLOGY, "T", None, 3),
        key_of(Family.AGENCY_TECHNOLOGY, "A", "T", 3),
        key_of(Family.AGENCY_AUTHORIZATION, "A", "V", 3),
        key_of(Family.AGENCY_AUTHORIZATION, "A", "W", 3),
        key_of(Family.AGENCY_PERFORMER, "A", "P", 3),
        key_of(Family.TECHNOLOGY_AGENCY, "T", "A", 3),
    }
    placed = placements(report_of(use), performer="P")
    assert (expected, 7) == (set(placed), len(placed))

    bare = {
        key_of(Family.AGENCY, "A", None, None),
        key_of(Family.TECHNOLOGY, None, None, None),
        *(key_of(Family(number), "A", None, None) for number in (3, 4, 5)),
        key_of(Family.TECHNOLOGY_AGENCY, None, "A", None),
    }
    assert bare == set(placements(ToolUseReported(agency="A")))


@given(uses)
def test_change_says_what_the_use_was(use: Use) -> None:
    """From a report, and from any change of it, the same use is read."""
    assert use == use_reported(report_of(use), use.performer)
    assert use == use_before(withdrawal_of(use), use.performer)
    assert use == use_before(linked_to(use, "W"), use.performer)


@given(uses)
def test_withdrawal_leaves_every_key(use: Use) -> None:
    """Withdrawn or told twice, a use leaves each key that it entered, once."""
    expected = [withdrawn_side(key) for key in use.placed_keys()]
    same_as = ToolUseSameAs(**change_of(use, same_as="tool_use/x"))  # type: ignore[arg-type]

    assert expected == placements(withdrawal_of(use), performer=use.performer)
    assert expected == placements(same_as, performer=use.performer)


@given(uses)
def test_link_moves_the_use_in_family_04_only(use: Use) -> None:
    """The first link leaves `none`; a further one enters; one that is there does nothing."""
    placed = placements(linked_to(use, "authorizations/new"), performer=use.performer)
    entered = key_of(Family.AGENCY_AUTHORIZATION, use.agency, "authorizations/new", use.day)
    left = key_of(Family.AGENCY_AUTHORIZATION, use.agency, None, use.day, withdrawn=True)

    assert [*([] if use.authorizations else [left]), entered] == placed
    after = replace(use, authorizations=(*use.authorizations, "authorizations/new"))
    assert placements(linked_to(after, "authorizations/new"), performer=use.performer) == []


@given(uses)
def test_what_stands_no_more_moves_no_more(use: Use) -> None:
    """A use that was withdrawn, by itself or with its import, is taken out once."""
    assert placements(withdrawal_of(use), stands=False) == []
    assert placements(linked_to(use, "W"), stands=False) == []


@given(uses)
def test_report_of_a_withdrawn_import_leaves_at_once(use: Use) -> None:
    """It is placed, so that it was seen, and withdrawn, so that it does not count."""
    entered = list(use.placed_keys())
    placed = placements(report_of(use), performer=use.performer, stands=False)

    assert entered + [withdrawn_side(key) for key in entered] == placed


@given(uses, uses)
def test_import_takes_out_each_use(one: Use, other: Use) -> None:
    """A key that several uses share is left once for each of them."""
    placed = placements(ImportWithdrawn(), of_import=[one, other, one])
    expected = [*one.placed_keys(), *other.placed_keys(), *one.placed_keys()]

    assert [withdrawn_side(key) for key in expected] == placed


class Ledger:
    """Uses as entries leave them, and what the index counts under each key."""

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self.standing: dict[int, Use] = {}
        self.placed: Counter[bytes] = Counter()
        self.withdrawn: Counter[bytes] = Counter()

    def append(self, kind: str, number: int) -> None:
        """One entry of a kind, about a use that was reported before, if there is one."""
        about = number % len(self.uses) if self.uses else None
        if kind == "import":
            self.take(placements(ImportWithdrawn(), of_import=self.standing.values()))
            self.standing.clear()
        elif about is not None:
            use, stands = self.uses[about], about in self.standing
            if kind == "withdraw":
                fact = withdrawal_of(use)
                self.take(placements(fact, performer=use.performer, stands=stands))
                self.standing.pop(about, None)
            else:
                link = linked_to(use, kind)
                self.take(placements(link, performer=use.performer, stands=stands))
                linked = (*use.authorizations, kind)
                self.uses[about] = replace(use, authorizations=linked)
                if stands:
                    self.standing[about] = self.uses[about]

    def report(self, use: Use) -> None:
        self.standing[len(self.uses)] = use
        self.uses.append(use)
        self.take(placements(report_of(use), performer=use.performer))

    def take(self, keys: list[bytes]) -> None:
        for key in keys:
            if is_withdrawn_side(key):
                self.withdrawn[bytes((key[0] & 0x7F,)) + key[1:]] += 1
            else:
                self.placed[key] += 1


_changes = st.tuples(st.sampled_from(["withdraw", "import", *AUTHORIZATIONS]), st.integers(0, 9))


@given(st.lists(uses | _changes, max_size=30))
def test_placed_less_withdrawn_is_what_stands(course: list[Use | tuple[str, int]]) -> None:
    """After any course of entries each key counts the uses that stand under it, no other."""
    ledger = Ledger()
    for item in course:
        if isinstance(item, Use):
            ledger.report(item)
        else:
            ledger.append(*item)

    expected = Counter(key for use in ledger.standing.values() for key in use.placed_keys())
    current = {key: placed - ledger.withdrawn[key] for key, placed in ledger.placed.items()}
    assert expected == Counter({key: count for key, count in current.items() if count})
    assert set(ledger.withdrawn) <= set(ledger.placed)


@pytest.mark.parametrize("fact", [AgencyRegistered(agency="A", name="A"), ImportWithdrawn()])
def test_other_entries_do_nothing(fact: AgencyRegistered | ImportWithdrawn) -> None:
    """Registers of names move no use; nor does an import that nobody's use names."""
    assert placements(fact) == []
