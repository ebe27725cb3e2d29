"""Does every question get its true count, and no other?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import encode
from ledger.usage_index import (
    EMPTY,
    CountAnswer,
    CountQuestion,
    Days,
    Detail,
    Family,
    MemoryNodes,
    ProofTooLarge,
    Ref,
    Span,
    Total,
    Use,
    WholeQuestion,
    insert,
    part,
    prove_nodes,
    prove_question,
    question_of_object,
    read_proof,
    tally_nodes,
    verify_count,
    verify_groups,
    verify_total,
    withdrawn_side,
)
from tests.usage_index.reference import Registers, sums_of
from tests.usage_index.strategies import (
    AGENCIES,
    AUTHORIZATIONS,
    DAYS,
    HASHES,
    PERFORMERS,
    TECHNOLOGIES,
    build,
    commitment_to,
    registers,
    span_lists,
    uses,
)

PlainKey = tuple[Family, str | None, str | None, int | None]


@dataclass
class Plain:
    """The same uses, counted in plain dicts of ids and days: no hash, no trie."""

    placed: Counter[PlainKey] = field(default_factory=Counter)
    withdrawn: Counter[PlainKey] = field(default_factory=Counter)

    def add(self, use: Use, *, withdrawn: bool) -> None:
        keys: set[PlainKey] = {
            (Family.AGENCY, use.agency, None, use.day),
            (Family.TECHNOLOGY, use.technology, None, use.day),
            (Family.AGENCY_TECHNOLOGY, use.agency, use.technology, use.day),
            (Family.AGENCY_PERFORMER, use.agency, use.performer, use.day),
            (Family.TECHNOLOGY_AGENCY, use.technology, use.agency, use.day),
        }
        cited = use.authorizations or (None,)
        keys |= {(Family.AGENCY_AUTHORIZATION, use.agency, item, use.day) for item in cited}
        self.placed.update(keys)
        if withdrawn:
            self.withdrawn.update(keys)

    def answer(self, question: CountQuestion, days: Days) -> CountAnswer:
        head = question.family, question.first
        dated: list[PlainKey] = [
            (*head, question.second, day) for day in range(days[0], days[1] + 1)
        ]
        undated: list[PlainKey] = [(*head, question.second, None)]
        others: list[PlainKey] = []
        if question.family.has_second and question.second is not None:
            others = [(*head, None, day) for day in (None, *range(days[0], days[1] + 1))]
        return CountAnswer(
            count=self.count(dated),
            undated=self.count(undated),
            unattributed=self.count(others),
            withdrawn=sum(self.withdrawn[key] for key in dated),
            withdrawn_undated=sum(self.withdrawn[key] for key in undated),
            withdrawn_unattributed=sum(self.withdrawn[key] for key in others),
        )

    def count(self, keys: list[PlainKey]) -> int:
        return sum(self.placed[key] - self.withdrawn[key] for key in keys)

    def groups(self, question: WholeQuestion) -> dict[bytes, Total]:
        found: dict[bytes, Total] = {}
        for key, placed in self.placed.items():
            if key[:2] == (question.family, question.first):
                second = part(key[2]) if question.family.has_second else bytes(32)
                before = found.get(second, Total())
                found[second] = Total(
                    before.placed + placed, before.withdrawn + self.withdrawn[key]
                )
        return found


@st.composite
def worlds(draw: st.DrawFn) -> tuple[MemoryNodes, Ref, Plain]:
    """Uses, some of them withdrawn again, in an index and in plain dicts."""
    plain, additions = Plain(), dict[bytes, list[bytes]]()
    for number, use in enumerate(draw(st.lists(uses, max_size=30))):
        withdrawn = draw(st.booleans())
        plain.add(use, withdrawn=withdrawn)
        for key in use.placed_keys():
            for side in [key, *([withdrawn_side(key)] if withdrawn else [])]:
                additions.setdefault(side, []).append(HASHES[number])
    nodes, root = build(additions)
    return nodes, root, plain


seconds: dict[Family, list[str]] = {
    Family.AGENCY: [],
    Family.TECHNOLOGY: [],
    Family.AGENCY_TECHNOLOGY: [*TECHNOLOGIES, "technologies/never"],
    Family.AGENCY_AUTHORIZATION: [*AUTHORIZATIONS, "authorizations/never"],
    Family.AGENCY_PERFORMER: [*PERFORMERS, "p-never"],
    Family.TECHNOLOGY_AGENCY: [*AGENCIES, "agencies/never"],
}


def firsts(family: Family) -> list[str | None]:
    by_technology = family in (Family.TECHNOLOGY, Family.TECHNOLOGY_AGENCY)
    return [*(TECHNOLOGIES if by_technology else AGENCIES), "never/seen", None]


@st.composite
def count_questions(draw: st.DrawFn) -> CountQuestion:
    family = draw(st.sampled_from(Family))
    days = st.integers(DAYS.start - 1, DAYS.stop)
    ends = sorted(draw(st.sets(days, min_size=1, max_size=6)))
    ends += ends[-1:] * (len(ends) % 2)
    ranges = tuple(Days(*pair) for pair in zip(ends[::2], ends[1::2], strict=True))
    return CountQuestion(
        family=family,
        first=draw(st.sampled_from(firsts(family))),
        second=draw(st.sampled_from([*seconds[family], None])),
        ranges=ranges,
    )


@st.composite
def whole_questions(draw: st.DrawFn) -> WholeQuestion:
    family = draw(st.sampled_from(Family))
    return WholeQuestion(family=family, first=draw(st.sampled_from(firsts(family))))


@given(worlds(), count_questions())
def test_count_is_the_true_one(world: tuple[MemoryNodes, Ref, Plain], asked: CountQuestion) -> None:
    """Whatever is asked of whatever index, the proof verifies to what plain dicts count."""
    nodes, root, plain = world
    proof = read_proof(encode(prove_question(nodes, root, asked, tree_size=1)))
    answers = verify_count(proof, asked, commitment_to(root))

    assert [plain.answer(asked, days) for days in asked.ranges] == list(answers)


@given(worlds(), whole_questions())
def test_list_is_complete(world: tuple[MemoryNodes, Ref, Plain], asked: WholeQuestion) -> None:
    """Groups are those that plain dicts hold, none dropped; the total is their sum."""
    nodes, root, plain = world
    proof = prove_question(nodes, root, asked, tree_size=1, detail=Detail.GROUPS)
    groups = verify_groups(proof, asked, commitment_to(root))
    total = verify_total(
        prove_question(nodes, root, asked, tree_size=1), asked, commitment_to(root)
    )

    assert plain.groups(asked) == groups
    assert total.placed == sum(group.placed for group in groups.values())
    assert total.withdrawn == sum(group.withdrawn for group in groups.values())
    assert total.count == sum(group.count for group in groups.values())


@given(worlds(), st.text(min_size=1), st.sampled_from(AGENCIES))
def test_what_was_never_seen_is_zero(
    world: tuple[MemoryNodes, Ref, Plain], never: str, agency: str
) -> None:
    """An id of no entry has a proof of zero, as a first id and as a second."""
    nodes, root, _ = world
    years = (Days(-50_000, 50_000),)
    for first, second in ((f"never/{never}", None), (agency, f"never/{never}")):
        asked = CountQuestion(
            family=Family.AGENCY_TECHNOLOGY, first=first, second=second, ranges=years
        )
        proof = prove_question(nodes, root, asked, tree_size=1)
        [answer] = verify_count(proof, asked, commitment_to(root))

        assert (0, 0, 0) == (answer.count, answer.undated, answer.withdrawn)


@given(registers, span_lists(), st.sampled_from(Detail))
def test_sums_of_any_spans_are_true(found: Registers, spans: list[Span], detail: Detail) -> None:
    """Whatever keys an index holds and whatever spans are asked, in each detail."""
    nodes, root = build(found)
    shown = prove_nodes(nodes, root, spans, detail)
    tally = tally_nodes(shown, spans, detail, commitment_to(root))

    assert sums_of(found, spans) == tally.sums
    if detail is Detail.GROUPS:
        assert tally.sums == [sum(groups.values()) for groups in tally.groups]
    if detail is Detail.REGISTERS:
        within = [key for key in sorted(found) if any(a <= key <= b for a, b in spans)]
        assert within == [register.key for register in tally.registers]


@given(registers, st.sampled_from(Detail))
def test_proof_opens_no_more_than_it_must(found: Registers, detail: Detail) -> None:
    """Where the spans meet nothing or take in everything, a count needs one node."""
    nodes, root = build(found)
    everything = [Span(bytes(69), b"\xff" * 69)]

    assert len(prove_nodes(nodes, root, [], detail)) == min(1, root.total)
    assert len(prove_nodes(nodes, root, everything, Detail.COUNT)) == min(1, root.total)


@given(count_questions() | whole_questions())
def test_question_round_trip(asked: CountQuestion | WholeQuestion) -> None:
    """What to_object wrote, question_of_object reads."""
    assert asked == question_of_object(asked.to_object())


def test_empty_index_proves_zero() -> None:
    """No node at all, and every sum is zero."""
    asked = CountQuestion(family=Family.AGENCY, first="agencies/a", ranges=(Days(0, 9),))
    proof = prove_question(MemoryNodes(), EMPTY, asked, tree_size=0)

    assert proof["nodes"] == []
    [answer] = verify_count(proof, asked, commitment_to(EMPTY, 0))
    assert {"count": 0, "undated": 0, "unattributed": 0, "withdrawn": 0} == answer.to_object()


def test_twelve_months_in_one_proof() -> None:
    """Each month of a proof of twelve says what a proof of its own would."""
    months = tuple(Days(30 * month, 30 * month + 29) for month in range(12))
    additions = {
        key: HASHES[day : day + 1 + day % 3]
        for day in range(0, 400, 7)
        for key in Use(agency="A", technology="T", day=day).placed_keys()
    }
    nodes, root = build(additions)

    def answers(ranges: tuple[Days, ...]) -> tuple[CountAnswer, ...]:
        asked = CountQuestion(family=Family.AGENCY_TECHNOLOGY, first="A", second="T", ranges=ranges)
        proof = prove_question(nodes, root, asked, tree_size=1)
        return verify_count(proof, asked, commitment_to(root))

    assert [answers((month,))[0] for month in months] == list(answers(months))


@pytest.mark.parametrize("detail", [Detail.COUNT, Detail.REGISTERS])
def test_proof_too_large_is_refused(detail: Detail, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prover counts opened and closed nodes, and writes none that no verifier reads."""
    found = {number.to_bytes(69, "big"): HASHES[:1] for number in range(60)}
    nodes, root = build(found)
    spans = [Span(key, key) for key in sorted(found)[::4]]
    whole = prove_nodes(nodes, root, spans, detail)

    monkeypatch.setattr("ledger.usage_index.prove.MAX_USAGE_PROOF_NODES", len(whole))
    assert whole == prove_nodes(nodes, root, spans, detail)
    monkeypatch.setattr("ledger.usage_index.prove.MAX_USAGE_PROOF_NODES", len(whole) - 1)
    with pytest.raises(ProofTooLarge):
        prove_nodes(nodes, root, spans, detail)


def test_old_root_answers_as_it_did() -> None:
    """A kept root goes on proving what it proved, while the index grows."""
    asked = CountQuestion(
        family=Family.AGENCY_TECHNOLOGY, first="A", second="T", ranges=(Days(0, 9),)
    )
    nodes, roots = MemoryNodes(), [EMPTY]
    for size in range(1, 8):
        keys = Use(agency="A", technology="T", day=size % 3).placed_keys()
        batch = {key: [HASHES[size]] for key in keys}
        roots.append(insert(nodes, roots[-1], batch, tree_size=size, kept=size - 1))

    for size, root in enumerate(roots):
        proof = prove_question(nodes, root, asked, tree_size=size)
        [answer] = verify_count(proof, asked, commitment_to(root, size))
        assert size == answer.count
