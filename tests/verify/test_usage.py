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
from ledger.usage_index import Commitment, part
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from tests import strategies as told
from tests.indexed import Index
from tests.ledgers import Ledger, SqlitePlace
from tests.verify.evidence import POLICY, Object, opened, signed
from tests.verify.test_mutations import places

A, B = told.AGENCIES
READER, FACES = "technologies/reader", "technologies/faces"
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
    """Two agencies; of one, uses dated, undated, unattributed, withdrawn; two sources, one silent."""

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

    def bundle(self, technology: str, kind: str = "count") -> bytes:
        return self.index.bundle(self.root, A, technology, FEBRUARY, kind)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    found = Small(tmp_path_factory.mktemp("usage"))
    yield found
    found.place.close()


def checked(bundle: bytes, least: int | None = 0) -> Report:
    return verify_bundle(bundle, POLICY, min_tree_size=least)


def test_count_is_verified(small: Small) -> None:
    """Dated, undated, unattributed and withdrawn apart; names resolved, aliases told of."""
    report = checked(small.count, small.root.tree_size)

    assert "verified" == report.verdict, report.reason
    assert report.answer is not None
    numbers = {name: report.answer[name] for name in ("count", "undated", "unattributed")}
    assert {"count": 2, "undated": 1, "unattributed": 1} == numbers
    assert 1 == report.answer["withdrawn"]
    assert ["technologies/plates"] == report.answer["aliases"]
    assert small.root.tree_size == report.tree_size
    assert {A: A.upper(), READER: "Plate Reader"} == report.answer["names"]
    assert "Plate Reader" in report.to_text()
    assert any("technologies/plates" in item for item in report.not_checked)


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
    with pytest.raises(Exception, match=r"root|damaged"):
        small.bundle(READER)
    small.place.close()
    assert Commitment.from_object(opened(small.count)["proofs"]["count"]["index"])
