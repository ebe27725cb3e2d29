"""Is a proven count verified as it was proven, and is every other one refused?"""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import Performer, ReportToolUse
from ledger.events import (
    Occurred,
    SourceRegistered,
    TechnologyRegistered,
    ToolUseReported,
)
from ledger.evidence import TooManyEntries
from ledger.store.usage_reader import UsageReader
from ledger.usage_index import Commitment, part
from ledger.verify import usage_answer
from ledger.verify.bundle import stamped
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from tests import strategies as told
from tests.authority import Authority
from tests.indexed import Index
from tests.ledgers import Ledger, SqlitePlace
from tests.verify.evidence import POLICY, Object, opened, signed
from tests.verify.test_mutations import places

A, B = told.AGENCIES
READER, FACES = "technologies/reader", "technologies/faces"
PLATES = "technologies/plates"
FEBRUARY = ("2026-02-01", "2026-02-28")


def use(number: int, technology: str | None, day: str | None, agency: str = A) -> ReportToolUse:
    occurred = (
        None if day is None else Occurred(earliest=f"{day}T12:00:00Z", latest=f"{day}T12:00:00Z")
    )
    return ReportToolUse(
        use=ToolUseReported(agency=agency, technology=technology, occurred=occurred),
        source="sources/s",
        source_event_id=str(number),
        capture="live",
        performer=Performer(user_id="ann"),
    )


class Small:
    """Two agencies; of one, uses dated, undated, unattributed, withdrawn, and under another name
    of the technology; two sources, one silent."""

    def __init__(self, folder: Path) -> None:
        self.place = SqlitePlace(folder)
        store, engine = self.place.begin()
        self.ledger = ledger = Ledger(store)
        self.index = Index(ledger, store, engine)
        ledger.register_agencies()
        fact = TechnologyRegistered(technology=READER, name="Plate Reader")
        ledger.register(READER, fact)
        for name in ("sources/s", "sources/silent"):
            ledger.register(name, SourceRegistered(source=name, name=name.upper(), agency=A))
        ledger.tell(
            [
                told.Report(
                    (
                        use(0, READER, "2026-02-03"),
                        use(1, READER, "2026-02-04"),
                        use(2, READER, "2026-02-05"),
                        use(3, READER, None),
                        use(4, None, "2026-02-06"),
                        use(5, "technologies/plates", "2026-02-07"),
                        use(6, FACES, "2026-02-07", B),
                    )
                ),
                told.Withdraw(2),
                told.Alias(READER, "technologies/plates"),
            ]
        )
        self.index.fold()
        self.root = self.index.commit()
        self.count = self.bundle(READER)
        self.absence = self.bundle(FACES, "absence")

    def bundle(self, technology: str, kind: str = "count", older: int | None = None) -> bytes:
        return self.index.bundle(self.root, A, technology, FEBRUARY, kind, older)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    found = Small(tmp_path_factory.mktemp("usage"))
    yield found
    found.place.close()


def checked(bundle: bytes, least: int | None = 0) -> Report:
    return verify_bundle(bundle, POLICY, min_tree_size=least)


def test_count_is_verified(small: Small) -> None:
    """Dated, undated, unattributed and withdrawn apart; names resolved, all of them counted."""
    report = checked(small.count, small.root.tree_size)

    assert "verified" == report.verdict, report.reason
    assert report.answer is not None
    numbers = {name: report.answer[name] for name in ("count", "undated", "unattributed")}
    assert {"count": 3, "undated": 1, "unattributed": 1} == numbers
    assert 1 == report.answer["withdrawn"]
    assert small.root.tree_size == report.tree_size
    assert {A, READER, "sources/s", "sources/silent"} == set(report.answer["names"])
    assert "Plate Reader" in report.to_text()
    assert [*range(1, 17)] == [step.number for step in report.steps]


def test_each_name_is_counted_by_itself_too(small: Small) -> None:
    """Asked under either name, the sum is the same, and each part is proven and printed."""
    rows = {READER: (2, 1, 1), PLATES: (1, 0, 0)}
    for asked, other in ((READER, PLATES), (PLATES, READER)):
        report = checked(small.bundle(asked))
        assert report.answer is not None, report.reason
        by_name = {
            row["technology"]: (row["count"], row["undated"], row["withdrawn"])
            for row in report.answer["by_name"]
        }
        assert [other] == report.answer["aliases"]
        assert rows == by_name
        assert [asked, other] == list(by_name), "the name asked about stands first"
        assert 3 == report.answer["count"]
        assert f"1  as {PLATES} (not registered)" in report.to_text()


def test_use_under_another_name_is_no_absence(small: Small) -> None:
    """A zero of one name beside a use under another is not a zero."""
    report = checked(small.bundle(PLATES, "absence"))

    assert report.answer is not None, report.reason
    assert 3 == report.answer["count"]


@pytest.mark.parametrize("kind", ["count", "absence"])
def test_sources_are_part_of_every_count(small: Small, kind: str) -> None:
    """Who was heard in the period, and who was silent: a count is of what was reported."""
    report = checked(small.bundle(READER, kind))

    assert report.answer is not None, report.reason
    heard = {row["source"]: "heard_in_period" in row for row in report.answer["sources"]}
    assert {"sources/s": True, "sources/silent": False} == heard
    assert any("sources/silent" in item for item in report.not_checked)
    assert "SOURCES/SILENT: silent in the period, latest report never" in report.to_text()


@pytest.mark.parametrize("kind", ["count", "absence"])
def test_count_shows_growth_and_time(small: Small, authority: Authority, kind: str) -> None:
    """Both kinds carry what a list may carry; each flipped byte of it is refused."""
    found = opened(small.bundle(READER, kind, 5))
    bundle = stamped(found, authority.stamp(found["signed"].encode()))
    own = small.index.checkpoint(5)

    def judged(data: bytes) -> Report:
        return verify_bundle(
            data, POLICY, min_tree_size=0, older=own, authorities=authority.trusted
        )

    report = judged(bundle)
    assert "verified" == report.verdict, report.reason
    assert ["consistency", "timestamps"] == [step.name for step in report.steps[-2:]]
    assert [15, 16] == [step.number for step in report.steps[-2:]]
    for member in (b'"consistency"', b'"timestamps"'):
        start = bundle.index(member)
        for at in range(start, start + 700, 3):
            flipped = bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :]
            assert "refused" == judged(flipped).verdict, at


def test_alias_left_out_is_told_of(small: Small) -> None:
    """A server that leaves the alias out counts one name, and the reader is told that this may
    be; the list of an absence shows the other name all the same."""
    found = copy.deepcopy(opened(small.bundle(READER, "absence")))
    found["entries"] = [e for e in found["entries"] if "technology.aliased" not in e["entry"]]
    del found["proofs"]["aliases"]
    answer = found["answer"]
    own = answer["by_name"][0]
    answer.update(aliases=[], by_name=[own], count=own["count"], undated=own["undated"])
    report = checked(signed(found))

    assert "verified" == report.verdict, report.reason
    assert any("left out of the bundle" in item for item in report.not_checked)
    assert PLATES in {row["technology"] for row in answer["technologies"]}


def test_too_many_names_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Small
) -> None:
    """A technology of more names than a verifier counts makes no bundle, and passes no verifier."""
    monkeypatch.setattr(usage_answer, "MAX_COUNTED_NAMES", 1)
    with pytest.raises(TooManyEntries, match="names of one technology"):
        small.bundle(READER)
    assert ("refused", "names") == (
        checked(small.count).verdict,
        checked(small.count).steps[-1].name,
    )


def test_absence_of_what_nobody_registered_is_verified(small: Small) -> None:
    """A true zero, beside all that the agency did use, and the sources heard and silent."""
    report = checked(small.absence, small.root.tree_size)

    assert "verified" == report.verdict, report.reason
    assert report.answer is not None
    assert 0 == report.answer["count"]
    used = {row["technology"]: row["count"] for row in report.answer["technologies"]}
    assert {None: 1, READER: 3, "technologies/plates": 1} == used
    heard = {row["source"]: "heard_in_period" in row for row in report.answer["sources"]}
    assert {"sources/s": True, "sources/silent": False} == heard
    assert any("sources/silent" in item for item in report.not_checked)
    assert any(f"{FACES} is spelled" in item for item in report.not_checked)


def test_least_tree_size_must_be_said_and_is_kept(small: Small) -> None:
    """Without one an old zero could pass: not judged. Below it: refused."""
    assert "unusable" == checked(small.count, None).verdict
    assert "min-tree-size" in checked(small.count, None).reason
    assert "refused" == checked(small.count, small.root.tree_size + 1).verdict


@given(st.data())
def test_any_flipped_bit_is_refused(small: Small, data: st.DataObject) -> None:
    """At any place, in any bit, of either bundle."""
    bundle = data.draw(st.sampled_from([small.count, small.absence]))
    at, bit = data.draw(st.integers(0, len(bundle) - 1)), data.draw(st.integers(0, 7))
    flipped = bundle[:at] + bytes([bundle[at] ^ 1 << bit]) + bundle[at + 1 :]

    assert "refused" == checked(flipped).verdict


@given(st.data())
def test_no_signed_lie_verifies(small: Small, data: st.DataObject) -> None:
    """Whoever holds the answers key may sign anything: another count never verifies."""
    found = opened(data.draw(st.sampled_from([small.count, small.absence])))
    counts = [found["answer"][name] for name in ("count", "undated", "unattributed", "withdrawn")]
    question = dict(found["question"])
    path = data.draw(st.sampled_from([path for path in places(found) if path != ("signed",)]))
    holder: Any = found
    for key in path[:-1]:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[path[-1]] = data.draw(told.json_values)
    else:
        del holder[path[-1]]
    report = checked(signed(found))

    if report.verdict == "verified":
        assert report.answer is not None
        assert question == report.question
        assert counts == [
            report.answer[name] for name in ("count", "undated", "unattributed", "withdrawn")
        ]


def _other_count(found: Object) -> None:
    found["answer"]["count"] += 1


def _no_commitment(found: Object) -> None:
    found["entries"] = [e for e in found["entries"] if "usage_index.committed" not in e["entry"]]


def _other_tree(found: Object) -> None:
    found["question"]["tree_size"] += 1


def _hidden_technology(found: Object) -> None:
    found["answer"]["technologies"] = found["answer"]["technologies"][1:]


def _no_list(found: Object) -> None:
    del found["proofs"]["technologies"]


def _other_days(found: Object) -> None:
    found["question"]["from"] = "2026-02-10"


def _another_agency(found: Object) -> None:
    found["question"]["agency"] = B


def _heard(found: Object) -> None:
    found["answer"]["sources"][1]["heard_in_period"] = 0


def _no_alias_proof(found: Object) -> None:
    del found["proofs"]["aliases"]


def _alias_proof_more(found: Object) -> None:
    found["proofs"]["aliases"][FACES] = found["proofs"]["count"]


def _alias_proof_of_another(found: Object) -> None:
    found["proofs"]["aliases"][PLATES] = found["proofs"]["count"]


def _alias_proofs_a_list(found: Object) -> None:
    found["proofs"]["aliases"] = [PLATES]


def _no_alias_entry(found: Object) -> None:
    found["entries"] = [e for e in found["entries"] if "technology.aliased" not in e["entry"]]


def _alias_hidden(found: Object) -> None:
    found["answer"]["by_name"].pop()


def _alias_counted_lower(found: Object) -> None:
    found["answer"]["by_name"][1]["count"] = 0
    found["answer"]["count"] -= 1


def _names_reordered(found: Object) -> None:
    found["answer"]["by_name"].reverse()


def _source_hidden(found: Object) -> None:
    found["answer"]["sources"].pop()


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (_no_alias_proof, "count"),
        (_alias_proof_more, "count"),
        (_alias_proof_of_another, "count"),
        (_alias_proofs_a_list, "count"),
        (_no_alias_entry, "count"),
        (_alias_hidden, "answer"),
        (_alias_counted_lower, "answer"),
        (_names_reordered, "answer"),
        (_source_hidden, "answer"),
    ],
)
def test_lie_about_names_or_sources_is_refused(
    small: Small, change: Callable[[Object], None], step: str
) -> None:
    """Signed by the answers key, of a count under two names."""
    found = copy.deepcopy(opened(small.count))
    change(found)
    report = checked(signed(found))

    assert ("refused", step) == (report.verdict, report.steps[-1].name), report.reason


@pytest.mark.parametrize(
    ("change", "step"),
    [
        (_other_count, "answer"),
        (_no_commitment, "commitment"),
        (_other_tree, "commitment"),
        (_hidden_technology, "answer"),
        (_no_list, "technologies"),
        (_other_days, "count"),
        (_another_agency, "count"),
        (_heard, "answer"),
    ],
)
def test_lie_is_refused_where_it_is(
    small: Small, change: Callable[[Object], None], step: str
) -> None:
    """Signed by the answers key, and refused at the step whose claim it breaks."""
    found = copy.deepcopy(opened(small.absence))
    change(found)
    report = checked(signed(found))

    assert ("refused", step) == (report.verdict, report.steps[-1].name), report.reason


def test_technology_that_nobody_names_is_shown(small: Small) -> None:
    """A server that keeps a name back cannot keep the use back: its hash and count stand there."""
    found = copy.deepcopy(opened(small.absence))
    for row in found["answer"]["technologies"]:
        if row["technology"] == "technologies/plates":
            row["part"] = part(row.pop("technology")).hex()
    report = checked(signed(found))

    assert "verified" == report.verdict, report.reason
    assert any("names none that fits" in item for item in report.not_checked)


def test_old_roots_answer_for_their_own_time(tmp_path: Path) -> None:
    """What came later does not show under an earlier root, and is counted under the next."""
    small = Small(tmp_path)
    small.ledger.tell([told.Report((use(7, FACES, "2026-02-08"),))])
    small.index.fold()
    later = small.index.commit()
    counts = []
    for root in (small.root, later):
        bundle = small.index.bundle(root, A, FACES, FEBRUARY, "absence")
        report = checked(bundle, root.tree_size)
        assert report.answer is not None, report.reason
        counts.append(report.answer["count"])
    small.place.close()

    assert [0, 1] == counts


def test_changed_row_proves_nothing(tmp_path: Path) -> None:
    """A node that was changed in the database leads to no committed root."""
    small = Small(tmp_path)
    with sqlite3.connect(small.place.views) as file:
        rows = file.execute("SELECT node_id, node FROM view_usage_node").fetchall()
        for node_id, node in rows:
            changed = bytes([*node[:-1], node[-1] ^ 1])
            file.execute(
                "UPDATE view_usage_node SET node = ? WHERE node_id = ?", (changed, node_id)
            )
    file.close()
    small.index.reader = UsageReader(small.index.writer.engine)  # one that remembers no node
    with pytest.raises(Exception, match=r"root|damaged"):
        small.bundle(READER)
    small.place.close()
    assert Commitment.from_object(opened(small.count)["proofs"]["count"]["index"])
