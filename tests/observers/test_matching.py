"""Is every record matched once, the same from either side? (small sides, close together)"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_MATCH_NEIGHBOURS, MAX_MATCH_WINDOW_S
from ledger.observers import by_time
from ledger.observers.keys import FIRST_VALUE
from ledger.observers.matching import Matching, Standing, match
from ledger.observers.sides import Comparer, Side
from ledger.observers.verdicts import Judge, judge_pairs
from ledger.times import DAY_US
from tests.observers.strategies import FIELDS, SECOND_US, WINDOW_US, Told, records, side, unnamed

two_sides = st.tuples(st.lists(records, max_size=8), st.lists(records, max_size=8))


def said(here: Side, there: Side, found: Matching) -> tuple[Any, ...]:
    """The outcome, in what the records say and not in their numbers."""
    judge = Judge(here, there, window_us=WINDOW_US)
    pairs = Counter(
        (here.order_key(one), there.order_key(other), verdict)
        for one, other, verdict in judge_pairs(found, judge)
    )
    left = [
        Counter(
            (side.order_key(number), standing)
            for number, standing in enumerate(standings)
            if standing != Standing.PAIRED
        )
        for side, standings in ((here, found.here), (there, found.there))
    ]
    return pairs, *left


@given(two_sides)
def test_reconciliation_is_symmetric(told: tuple[list[Told], list[Told]]) -> None:
    """Exchanging the sides exchanges what is missing here and there, and nothing else."""
    here, there = map(side, told)
    pairs, left_here, left_there = said(here, there, match(here, there, window_us=WINDOW_US))
    swapped = said(there, here, match(there, here, window_us=WINDOW_US))

    exchanged: Counter[Any] = Counter()
    for (one, other, verdict), times in pairs.items():
        back = type(verdict)(
            differing=verdict.differing,
            masked_here=verdict.masked_there,
            masked_there=verdict.masked_here,
            flattened_here=verdict.flattened_there,
            flattened_there=verdict.flattened_here,
        )
        exchanged[other, one, back] += times
    assert (exchanged, left_there, left_here) == swapped


@given(two_sides)
def test_every_record_ends_in_one_class(told: tuple[list[Told], list[Told]]) -> None:
    """Each of both sides has a standing; pairs are mutual, and nobody is in two."""
    here, there = map(side, told)
    found = match(here, there, window_us=WINDOW_US)
    pairs = list(found.pairs())

    assert (len(here), len(there)) == (len(found.here), len(found.there))
    assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
    assert len(pairs) == found.there.count(Standing.PAIRED)
    assert all(found.here_of[other] == one for one, other in pairs)
    for standings, known in ((found.here, here), (found.there, there)):
        missing = [n for n, standing in enumerate(standings) if standing == Standing.MISSING]
        assert not any(known.optional[number] for number in missing)


@given(two_sides)
def test_same_id_leaves_nothing_missing(told: tuple[list[Told], list[Told]]) -> None:
    """A record whose only id stands on both sides is missed on neither."""
    here, there = map(side, told)
    found = match(here, there, window_us=WINDOW_US)
    shared = set(here.ids) & set(there.ids)
    for known, standings in ((here, found.here), (there, found.there)):
        for digest, owner in zip(known.ids, known.owners, strict=True):
            alone = list(known.owners).count(owner) == 1
            if digest in shared and alone and list(known.ids).count(digest) == 1:
                others = there if known is here else here
                single = [n for d, n in zip(others.ids, others.owners, strict=True) if d == digest]
                if list(others.owners).count(single[0]) == 1:
                    assert standings[owner] in (Standing.PAIRED, Standing.REPEATED)


@given(st.lists(unnamed, max_size=8), st.lists(unnamed, max_size=8))
def test_nothing_that_fits_is_left_on_both_sides(here: list[Told], there: list[Told]) -> None:
    """No missing record has a missing one on the other side that it could be."""
    mine, theirs = side(here), side(there)
    found = match(mine, theirs, window_us=WINDOW_US)
    comparer = Comparer(mine, theirs)
    for one in found.numbers(found.here, Standing.MISSING):
        for other in found.numbers(found.there, Standing.MISSING):
            near = comparer.gap_us(one, other) <= WINDOW_US
            assert not (near and comparer.fit(one, other) is not None)


@given(st.lists(unnamed, max_size=8), st.lists(unnamed, max_size=8))
def test_closest_pair_is_always_made(here: list[Told], there: list[Told]) -> None:
    """Of all candidates that are not identical, no closer one is given up for a farther one."""
    mine, theirs = side(here), side(there)
    found = match(mine, theirs, window_us=WINDOW_US)
    comparer = Comparer(mine, theirs)
    gaps = {pair: comparer.gap_us(*pair) for pair in found.pairs()}
    there_of = {one: pair for pair in gaps for one in (("here", pair[0]), ("there", pair[1]))}
    for one in range(len(mine)):
        for other in range(len(theirs)):
            gap = comparer.gap_us(one, other)
            if gap > WINDOW_US or comparer.fit(one, other) is None:
                continue
            taken = [
                gaps[there_of[end]] for end in (("here", one), ("there", other)) if end in there_of
            ]
            assert taken
            assert min(taken) <= gap


@given(st.lists(records, max_size=10))
def test_log_agrees_with_itself(told: list[Told]) -> None:
    """A log compared with itself misses nothing that has a time or an id of its own."""
    here = [
        Told(one.earliest_us, one.latest_us, one.codes, (1000 + n,)) for n, one in enumerate(told)
    ]
    mine, theirs = side(here), side(here[::-1])
    found = match(mine, theirs, window_us=0)

    assert [Standing.PAIRED] * len(here) == list(found.here) == list(found.there)
    judge = Judge(mine, theirs, window_us=0)
    assert all(verdict.kind == "matched" for _, _, verdict in judge_pairs(found, judge))


@given(two_sides)
def test_unknown_is_no_difference(told: tuple[list[Told], list[Told]]) -> None:
    """A field differs only where both sides have a value."""
    here, there = map(side, told)
    found = match(here, there, window_us=WINDOW_US)
    for one, other, verdict in judge_pairs(found, Judge(here, there, window_us=WINDOW_US)):
        for field in verdict.differing:
            if field != "occurred":
                at = FIELDS.index(field)
                assert here.row(one)[at] >= FIRST_VALUE
                assert there.row(other)[at] >= FIRST_VALUE


def test_rings_are_as_one_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few candidates fit in memory, the pairs are the same."""
    many = [
        Told(at * SECOND_US, at * SECOND_US, (0, 0, FIRST_VALUE + 2 * (at % 3), 0, 0))
        for at in range(0, 400, 7)
    ]
    other = [
        Told(
            one.earliest_us + 90 * SECOND_US + n % 5,
            one.earliest_us + 90 * SECOND_US + n % 5,
            one.codes,
        )
        for n, one in enumerate(many)
    ]
    whole = list(match(side(many), side(other), window_us=WINDOW_US).pairs())
    monkeypatch.setattr(by_time, "MAX_MATCH_CANDIDATES", 100)

    assert whole == list(match(side(many), side(other), window_us=WINDOW_US).pairs())
    assert len(whole) > 40


def test_crowd_is_not_guessed_at() -> None:
    """Where a day's records are told apart by nothing, none is called missing or matched."""
    crowd = MAX_MATCH_NEIGHBOURS + 1
    day = [Told(0, DAY_US + 1, (0, 0, FIRST_VALUE + 2 * n, 0, 0)) for n in range(crowd)]
    others = [Told(0, DAY_US, (0, 0, FIRST_VALUE + 2 * n, 0, 0)) for n in range(crowd)]
    found = match(side(day), side(others), window_us=WINDOW_US)

    assert [Standing.UNCLEAR] * crowd == list(found.here) == list(found.there)


def test_which_of_two_equals_is_missing_stays_open() -> None:
    """Two sightings, one use, nothing between them: one is missing, and it is said which is unsure."""
    use = Told(0, 0, (0, 0, 0, 0, 0))
    sightings = [Told(SECOND_US, SECOND_US, (0, 0, 0, 0, 0))] * 2
    found = match(side([use]), side(sightings), window_us=WINDOW_US)

    assert 1 == list(found.there).count(Standing.MISSING)
    assert found.doubted_there == frozenset(found.numbers(found.there, Standing.MISSING))


@pytest.mark.parametrize("window_us", [-1, MAX_MATCH_WINDOW_S * SECOND_US + 1])
def test_window_has_bounds(window_us: int) -> None:
    """A window of more than a day would pair anything."""
    with pytest.raises(Malformed):
        match(side([]), side([]), window_us=window_us)
