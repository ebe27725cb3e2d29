"""Is the verdict on an authority what its table says, and does it stay so?"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import (
    AuthorizationGranted,
    AuthorizationLinked,
    AuthorizationRenewed,
    AuthorizationRevoked,
    AuthorizationVaried,
    Fact,
    ToolUseAmended,
)
from ledger.events.tool_use import Amendment
from ledger.rules.judging import texts_in
from ledger.rules.moments import effective
from ledger.rules.verdicts import CODES, Verdict, authority_of_use, with_grace
from ledger.times import text_of_us, us_of_text
from tests.rules.worlds import (
    AGENCIES,
    HOUR,
    MOMENTS,
    PERFORMERS,
    START,
    TECHNOLOGIES,
    UNITS,
    Line,
    World,
    at,
    intervals,
    moments,
    occurred,
    recorded_us,
    resolved_use,
    span,
    told,
    use,
    valid,
)

W = "authorizations/w"
H = MOMENTS  # H[3] is three hours after the start


def granted(first: int | None = H[1], last: int | None = H[5], **more: Any) -> Line:
    shown = more.pop("shown", {})
    more.setdefault("granted_at", text_of_us(H[0]))
    fact = AuthorizationGranted(
        authorization=W, agency=AGENCIES[0], kind=more.pop("kind", "warrant"),
        valid=valid(first, last), **more,
    )  # fmt: skip
    return Line(W, fact, shown, START)


def used(us: int = H[3], **more: Any) -> Line:
    more.setdefault("authorizations", (W,))
    more.setdefault("occurred", at(us))
    return use(recorded_us=more.pop("recorded_us", H[7]), **more)


def linked(us: int) -> Line:
    return Line("toolUses/u", AuthorizationLinked(authorization=W, agency=AGENCIES[0]), {}, us)


def later(fact: Fact) -> Line:
    return Line(W, fact, {}, H[7])


def judged(*lines: Line) -> Verdict:
    """The verdict on the one citation of the one use."""
    world = told(lines)
    (found,) = world.authorities.judge(world.fold.registers)(world.use())
    return found


def varied(since: int, **scope: Any) -> Line:
    return later(AuthorizationVaried(authorization=W, effective=at(since), **scope))


def revoked(since: Any) -> Line:
    return later(AuthorizationRevoked(authorization=W, effective=since))


def renewed(first: int, last: int, granted_us: int) -> Line:
    granted_at = text_of_us(granted_us)
    fact = AuthorizationRenewed(authorization=W, valid=valid(first, last), granted_at=granted_at)
    return later(fact)


STORIES: list[tuple[str, int | None, list[Line]]] = [
    ("valid_before", None, [granted(), used()]),
    ("valid_before", None, [granted(), used(H[1])]),
    ("valid_before", None, [granted(), used(H[5])]),
    ("valid_before", None, [granted(), used(authorizations=()), linked(H[3])]),
    # Registered afterwards, but granted before, and cited in the report itself.
    ("valid_before", None, [used(), replace(granted(), recorded_us=H[7])]),
    ("attached_late", 2 * HOUR, [granted(), used(authorizations=()), linked(H[5])]),
    ("attached_late", HOUR, [granted(granted_at=text_of_us(H[4])), used()]),
    (
        "attached_late",
        3 * HOUR,
        [granted(granted_at=text_of_us(H[6])), used(authorizations=()), linked(H[5])],
    ),
    ("expired", None, [granted(), used(H[5] + 1)]),
    ("expired", 1, [granted(), used(H[5] + 1, authorizations=()), linked(H[5] + 2)]),
    ("not_yet_valid", None, [granted(), used(H[1] - 1)]),
    ("valid_before", None, [granted(), used(H[6]), renewed(H[5], H[7], H[4])]),
    ("attached_late", HOUR, [granted(), used(H[6]), renewed(H[5], H[7], H[7])]),
    ("expired", None, [granted(H[1], H[2]), used(H[3]), renewed(H[4], H[5], H[2])]),
    # Of two renewals that hold, the one told first counts; none is older than its grant.
    (
        "attached_late",
        2 * HOUR,
        [granted(H[1], H[2]), used(), renewed(H[2], H[5], H[5]), renewed(H[2], H[5], H[2])],
    ),
    (
        "attached_late",
        HOUR,
        [
            granted(H[1], H[2], granted_at=text_of_us(H[4])),
            used(),
            renewed(H[2], H[5], H[0]),
        ],
    ),
    ("out_of_scope", None, [granted(technologies=(TECHNOLOGIES[1],)), used(technology=TECHNOLOGIES[0])]),
    ("out_of_scope", None, [granted(units=UNITS[:1]), used(unit=UNITS[1])]),
    ("out_of_scope", None, [granted(offence_classes=("theft",)), used(offence_class="fraud")]),
    ("unknown", None, [granted(units=UNITS[:1]), used()]),
    ("out_of_scope", None, [granted(), used(unit=UNITS[0]), varied(H[3], units=UNITS[1:])]),
    ("valid_before", None, [granted(), used(unit=UNITS[0]), varied(H[4], units=UNITS[1:])]),
    ("revoked", None, [granted(), used(), revoked(at(H[3]))]),
    ("valid_before", None, [granted(), used(), revoked(at(H[3] + 1))]),
    ("revoked", None, [granted(), used(H[6]), revoked(at(H[3]))]),
    # Revoked at some time unknown, before that was recorded: maybe before the use.
    ("unknown", None, [granted(), used(), revoked(None)]),
    ("self_authorised", None, [granted(self_authorisation=True), used()]),
    (
        "self_authorised",
        None,
        [
            granted(shown={"granting_officer": "Sgt. Roe"}),
            used(shown={"performer": "p-1", "performer_identity": {"name": "Sgt. Roe"}}),
        ],
    ),
    (
        "valid_before",
        None,
        [granted(shown={"granting_officer": "p-2"}), used(shown={"performer": "p-1"})],
    ),
    ("unknown", None, [used()]),
    ("unknown", None, [granted(), used(occurred=None)]),
    ("unknown", None, [granted(), used(occurred=span(H[4], H[6]))]),
    ("valid_before", None, [granted(), used(occurred=span(H[2], H[4]))]),
    # Two intervals that meet: whichever moment it was, one of them holds.
    ("valid_before", None, [granted(), used(occurred=span(H[4], H[6])), renewed(H[5], H[7], H[4])]),
    # Nobody says when it was granted: it was when it was recorded.
    ("valid_before", None, [granted(granted_at=None), used()]),
    ("unknown", None, [used(), replace(granted(granted_at=None), recorded_us=H[7])]),
    (
        "valid_before",
        None,
        [used(), replace(granted(granted_at=None, kind="statute"), recorded_us=H[7])],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("code", "lag_us", "lines"), STORIES)
def test_each_story_has_its_verdict(code: str, lag_us: int | None, lines: list[Line]) -> None:
    """Each line of the table in ledger/rules/verdicts.py, at the moment where it begins to hold."""
    found = judged(*lines)

    assert (code, lag_us) == (found.code, found.lag_us)
    assert set(found.leaves) <= set(range(len(lines)))


def test_each_code_has_a_story() -> None:
    """No code is without an example; two do not come from one citation alone."""
    told_of = {code for code, _, _ in STORIES}

    assert set(CODES) == told_of | {"none", "ratified_in_grace"}


def test_verdict_rests_on_every_entry_it_was_read_from() -> None:
    """The report, the link, and all of the authorization's history."""
    found = judged(granted(), used(authorizations=()), linked(H[5]), varied(H[4]))

    assert (0, 1, 2, 3) == found.leaves


def test_second_link_says_nothing_new() -> None:
    """What counts is when an authority was first attached; a late link stays late."""
    once = judged(granted(), used(authorizations=()), linked(H[5]))
    again = judged(granted(), used(authorizations=()), linked(H[5]), linked(H[7]))

    assert once == again


def test_amended_use_is_judged_as_it_reads_now() -> None:
    """The verdict follows an amendment, and rests on its entry."""
    amended = ToolUseAmended(agency=AGENCIES[0], to=Amendment(occurred=at(H[6])))
    found = judged(granted(), used(), Line("toolUses/u", amended, {}, H[7]))

    assert ("expired", (0, 1, 2)) == (found.code, found.leaves)


@given(st.integers(1, 100), st.integers(0, 100))
def test_grace_turns_late_into_ratified_up_to_its_end(lag: int, grace: int) -> None:
    """A lag as long as the grace is within it; no other code changes."""
    late = Verdict("attached_late", W, lag, (0,))
    expected = "ratified_in_grace" if lag <= grace else "attached_late"

    assert expected == with_grace(late, grace).code
    for code in set(CODES) - {"attached_late"}:
        other = replace(late, code=code)
        assert other == with_grace(other, grace)


# --- laws over any history --------------------------------------------------------
_granted_at = st.none() | moments.map(text_of_us)
_technologies = st.sampled_from(((), TECHNOLOGIES[:1], TECHNOLOGIES[1:]))
_units = st.sampled_from(((), UNITS[:1]))
_grants = st.builds(
    AuthorizationGranted,
    authorization=st.just(W),
    agency=st.just(AGENCIES[0]),
    kind=st.sampled_from(("warrant", "statute")),
    valid=intervals,
    granted_at=_granted_at,
    technologies=_technologies,
    units=_units,
    self_authorisation=st.sampled_from((None, False, None, True)),
)
_changes = st.one_of(
    st.builds(
        AuthorizationRenewed, authorization=st.just(W), valid=intervals, granted_at=_granted_at
    ),
    st.builds(
        AuthorizationVaried,
        authorization=st.just(W),
        effective=occurred,
        technologies=_technologies,
        units=_units,
    ),
    st.builds(AuthorizationRevoked, authorization=st.just(W), effective=occurred),
)
_uses: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "occurred": occurred,
        "technology": st.sampled_from((None, *TECHNOLOGIES)),
        "unit": st.sampled_from((None, *UNITS)),
        "shown": st.sampled_from(({}, {"performer": PERFORMERS[0]})),
    }
)


@st.composite
def histories(draw: st.DrawFn) -> list[Line]:
    """A use, perhaps linked, and what was told of its authorization, in some order."""
    cites = draw(st.booleans())
    lines = [
        Line(W, draw(_grants)),
        *(Line(W, fact) for fact in draw(st.lists(_changes, max_size=4))),
    ]
    place = draw(st.integers(0, len(lines)))
    reported = used(authorizations=(W,) if cites else (), **draw(_uses), recorded_us=None)
    lines.insert(place, reported)
    if not cites:
        link = AuthorizationLinked(authorization=W, agency=AGENCIES[0])
        lines.insert(draw(st.integers(place + 1, len(lines))), Line("toolUses/u", link))
    return lines


def verdicts_by_size(lines: list[Line]) -> list[Verdict]:
    """The verdict after each entry, as soon as the use cites something."""
    world = World([])
    found: list[Verdict] = []
    for line in lines:
        world.tell([line])
        if "tool_use/u" in world.fold.uses:
            found += world.authorities.judge(world.fold.registers)(world.use())
    return found


@given(histories())
def test_late_stays_late_and_before_stays_before(lines: list[Line]) -> None:
    """No later entry turns `valid_before` into `attached_late`, or back, or changes the lag."""
    found = verdicts_by_size(lines)

    assert len({v.code for v in found} & {"valid_before", "attached_late"}) <= 1
    assert len({v.lag_us for v in found if v.code == "attached_late"}) <= 1


@given(histories())
def test_verdict_as_of_a_size_is_the_same_whatever_came_later(lines: list[Line]) -> None:
    """Judged after N entries, or after N entries of a ledger that went on: one verdict."""
    running = verdicts_by_size(lines)
    for size in range(1, len(lines) + 1):
        again = verdicts_by_size(lines[:size])
        assert again == running[: len(again)]


def _resolved(draw: Any, line: Line, index: int, original: int | None) -> tuple[Line, int | None]:
    """One way it may have been: every span a moment, a renewal not before its grant."""
    fact, recorded = line.fact, recorded_us(line, index)
    kept = replace(line, recorded_us=recorded)
    if isinstance(fact, AuthorizationGranted | AuthorizationRenewed):
        if (
            isinstance(fact, AuthorizationGranted)
            and fact.kind == "statute"
            and not fact.granted_at
        ):
            return kept, None
        if fact.granted_at is None:
            first = START - 100 * HOUR if original is None else min(original, recorded)
            moment = draw(st.sampled_from(sorted({first, recorded, *_between(first, recorded)})))
        else:
            moment = us_of_text(fact.granted_at)
        changed = replace(fact, granted_at=text_of_us(moment))
        return replace(kept, fact=changed), moment if original is None else original
    if isinstance(fact, AuthorizationVaried | AuthorizationRevoked):
        first, last = effective(fact.effective, recorded)
        first, last = max(first, START - 100 * HOUR), min(last, START + 100 * HOUR)
        moment = draw(st.sampled_from(sorted({first, last, *_between(first, last)})))
        return replace(kept, fact=replace(fact, effective=at(moment))), original
    return kept, original


def _between(first: int, last: int) -> list[int]:
    return [us for us in MOMENTS if first <= us <= last]


@given(histories(), st.data())
def test_verdict_that_is_told_holds_however_the_unknown_turns_out(
    lines: list[Line], data: st.DataObject
) -> None:
    """Any code but `unknown` is the code of every world that the record allows."""
    here = verdicts_by_size(lines)[-1].code
    original: int | None = None
    exact = []
    for index, line in enumerate(lines):
        line, original = _resolved(data.draw, line, index, original)
        exact.append(line)
    world = told(exact)
    row = data.draw(resolved_use(world.use()))
    (there,) = world.authorities.judge(world.fold.registers)(row)

    assert there.code != "unknown"
    if here != "unknown":
        assert here == there.code


_verdicts = st.builds(
    Verdict,
    code=st.sampled_from([code for code in CODES if code != "none"]),
    authorization=st.just(W),
    lag_us=st.none() | st.integers(1, 9),
    leaves=st.just((0,)),
)


@given(st.lists(_verdicts, max_size=4), _verdicts)
def test_one_more_authority_never_makes_a_use_worse(found: list[Verdict], more: Verdict) -> None:
    """The whole is the best of its citations, in whatever order they came; none is `none`."""
    row = told([used()]).use()
    before, after = authority_of_use(row, found), authority_of_use(row, [*found, more])

    assert CODES.index(after.code) <= CODES.index(before.code)
    for one, other in combinations([before, after], 2):
        assert {one.code, other.code} <= {"none", *(v.code for v in (*found, more))}
    assert "none" == authority_of_use(row, []).code


def test_names_a_use_shows_of_its_performer_are_texts() -> None:
    """The text itself, or the texts of its members; masks' marks are no names, but harmless."""
    assert frozenset({"Roe"}) == texts_in("Roe")
    assert frozenset({"Roe", "77"}) == texts_in({"name": "Roe", "badge": "77", "n": 1, "e": ""})
    assert frozenset() == texts_in(None) == texts_in([1])
