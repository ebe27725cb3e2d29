"""Is the answer to question 1 held to the proven count inside it, and to no other?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

import pytest

from ledger.canonical_json import decode, encode
from ledger.entry import decode_entry
from ledger.errors import Malformed
from ledger.inquiries.pure_asker import PureAsker
from ledger.inquiries.table import asked_of_object, inquiry_of
from ledger.inquiries.world import World
from ledger.inquiry_evidence import build_inquiry_bundle
from ledger.store.core import Published
from ledger.verify.bundle import with_proven_count
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from tests.attacks.test_left_out import AGENCY, DAYS, TECHNOLOGY, Asked
from tests.indexed import ANSWERS
from tests.ledgers import SqlitePlace
from tests.verify.evidence import POLICY, Object, opened, signed

GIVEN: Final = {"agency": AGENCY, "technology": TECHNOLOGY, "from": DAYS[0], "to": DAYS[1]}
STEP: Final = "proven count"


def answered(asked: Asked, number: int = 1, tree_size: int | None = None, **given: Any) -> bytes:
    """The evidence for an answer, without a count; None takes a parameter away."""
    head = asked.on.store.head()
    said = {name: value for name, value in (GIVEN | given).items() if value is not None}
    return build_inquiry_bundle(
        asked.on.ledger.log,
        asked.index.view_reader,
        inquiry_of(number).ask(tree_size or asked.root.tree_size, said),
        Published(head.tree_size, asked.on.ledger.log.checkpoint(head), 0),
        signer=ANSWERS,
    )


def counted(asked: Asked, answer: bytes, count: bytes | None = None) -> bytes:
    """The same with a count inside."""
    inside = decode(asked.count if count is None else count, what="bundle")
    return with_proven_count(decode(answer, what="bundle"), inside)


def checked(bundle: bytes) -> Report:
    return verify_bundle(bundle, POLICY)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    place = SqlitePlace(tmp_path_factory.mktemp("answered"))
    yield Asked(place)
    place.close()


def test_answer_and_count_are_checked_in_one_run(asked: Asked) -> None:
    """One step more, and completeness is no longer said to be unproven."""
    alone, whole = checked(answered(asked)), checked(counted(asked, answered(asked)))

    assert "verified" == whole.verdict, whole.reason
    (step,) = [step for step in whole.steps if step.name == STEP]
    assert "the list holds all 5 uses that the index counts for these days" == step.detail
    assert "completeness" == whole.steps[step.number - 2].name
    assert any("completeness not proven" in item for item in alone.not_checked)
    assert not any("completeness not proven" in item for item in whole.not_checked)
    assert any("at no known day" in item for item in whole.not_checked)
    assert len(whole.not_checked) == len(set(whole.not_checked))


def test_days_that_are_open_are_all_days(asked: Asked) -> None:
    """Without --from and --to the count is of all days of the calendar, and no others do."""
    open_days: dict[str, Any] = {"from": None, "to": None}
    count = asked.index.bundle(asked.root, AGENCY, TECHNOLOGY, ("0001-01-01", "9999-12-31"))

    assert "verified" == checked(counted(asked, answered(asked, **open_days), count)).verdict
    assert "unusable" == checked(counted(asked, answered(asked, **open_days))).verdict
    assert "unusable" == checked(counted(asked, answered(asked), count)).verdict


def test_answer_without_a_use_is_refused(asked: Asked) -> None:
    """Signed anew, its answer made of what is left: true by itself, and short of the count."""
    honest = opened(answered(asked))
    streams = {decode_entry(item["entry"].encode()).stream for item in honest["entries"]}
    short = 0
    for stream in sorted(stream for stream in streams if stream.startswith("tool_use/")):
        found = opened(answered(asked))
        found["entries"] = [
            item
            for item in found["entries"]
            if decode_entry(item["entry"].encode()).stream != stream
        ]
        remade_bundle = _answered_anew(found)
        if "verified" != checked(remade_bundle).verdict:
            continue  # another use rests on it
        report = checked(counted(asked, remade_bundle))
        short += "it leaves some out" in report.reason
        assert report.verdict in ("verified", "refused")
        assert ("refused" == report.verdict) == ("it leaves some out" in report.reason)
    assert 5 == short, "one for each use that counts"


def _answered_anew(found: Object) -> bytes:
    """The answer that the entries which are left give, signed."""
    world = World()
    for item in found["entries"]:
        shown = {one["field"]: one["value"] for one in item["disclosures"]}
        world.add(item["leaf_index"], decode_entry(item["entry"].encode()), shown)
    told = {name: value for name, value in found["question"].items() if name != "packs"}
    inquiry, question = asked_of_object(told)
    found["answer"] = inquiry.answer(PureAsker(world, question.tree_size), question)
    return signed(found)


def other_agency(count: Object) -> None:
    count["question"]["agency"] = "agencies/b"


def lower(count: Object) -> None:
    count["answer"]["count"] -= 1


@pytest.mark.parametrize("lie", [other_agency, lower])
def test_count_that_does_not_hold_is_refused(asked: Asked, lie: Callable[[Object], None]) -> None:
    """Changed, or signed anew by whoever holds the answers key: its own steps tell."""
    count = opened(asked.count)
    lie(count)
    for changed in (signed(count), asked.count.replace(b'"count":5', b'"count":4')):
        report = checked(counted(asked, answered(asked), changed))
        assert ("refused", STEP) == (report.verdict, report.steps[-1].name)
        assert "of the proven count: step" in report.reason


def test_count_of_something_else_is_not_judged(asked: Asked) -> None:
    """Another question, other days, a narrower scope, another moment."""
    january = asked.index.bundle(asked.root, AGENCY, TECHNOLOGY, ("2026-01-01", "2026-01-31"))
    for bundle in (
        counted(asked, answered(asked), january),
        counted(asked, answered(asked, 13)),
        counted(asked, answered(asked, unit="x")),
        counted(asked, answered(asked, zone="America/Halifax")),
        counted(asked, answered(asked, tree_size=asked.root.tree_size - 1)),
    ):
        report = checked(bundle)
        assert ("unusable", STEP) == (report.verdict, report.steps[-1].name), report.reason


def test_what_is_inside_is_a_count(asked: Asked) -> None:
    """A list, an answer or anything else in its place is refused; only answers have the place."""
    answer = answered(asked)
    for other in (asked.list(), answer, counted(asked, answer)):
        report = checked(counted(asked, answer, other))
        assert ("refused", STEP) == (report.verdict, report.steps[-1].name)
    for found in (asked.list(), asked.count):
        with pytest.raises(Malformed):
            counted(asked, found)
        forged = encode(opened(found) | {"proven_count": opened(asked.count)}) + b"\n"
        assert ("refused", "format") == (checked(forged).verdict, checked(forged).steps[-1].name)


def test_any_flipped_bit_is_refused(asked: Asked) -> None:
    """Of answer and count alike, though the one signature does not cover the other."""
    bundle, chance = counted(asked, answered(asked)), Random(20200221)
    for part in range(150):
        at = (part * len(bundle) + chance.randrange(len(bundle))) // 150 % len(bundle)
        flipped = bundle[:at] + bytes([bundle[at] ^ 1 << chance.randrange(8)]) + bundle[at + 1 :]
        assert "refused" == checked(flipped).verdict, at
