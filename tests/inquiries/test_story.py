"""Is every one of the 27 questions answered as a person would, who has read the story?

What is expected was worked out by hand from tests/inquiries/story.py, use by use.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from ledger.canonical_json import decode
from ledger.inquiries.pure_asker import PureAsker
from ledger.inquiries.table import FINDINGS, QUESTIONS, inquiry_of
from ledger.inquiry_evidence import build_inquiry_bundle
from ledger.store.core import Published
from ledger.store.view_asker import ViewAsker
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from tests.inquiries.story import FACE, FACE_TOO, PLATES, A, B, tell
from tests.inquiries.worlds import world_of
from tests.ledgers import Ledger, SqlitePlace
from tests.verify.evidence import ANSWERS, bent, checked, opened, signed

_LATE: Final = "attached_late"
_COUNTED: Final = [
    "u1",
    "u2",
    "u3",
    "u4",
    "u5",
    "u7",
    "u8",
    "u10",
    "u11",
    "u12",
    "u13",
    "u14",
    "u15",
]
_DATED: Final = [name for name in _COUNTED if name != "u5"]
_THIN: Final = {
    "heard": ["sources/s"],
    "silent": ["sources/quiet"],
    "nil_returns": [],
    "gaps": [],
    "unconnected": ["holdings/licence"],
    "thin": True,
}


@dataclass(frozen=True)
class Story:
    """The story, told, and who can be asked of it."""

    ledger: Ledger
    views: ViewReader
    leaves: dict[str, int]

    @property
    def size(self) -> int:
        return self.ledger.store.head().tree_size

    def answer(self, number: int, given: dict[str, Any]) -> dict[str, Any]:
        """By the views, which say what the entries say."""
        inquiry = inquiry_of(number)
        asked = inquiry.ask(self.size, given)
        pure = inquiry.answer(PureAsker(world_of(self.ledger.store), self.size), asked)
        assert pure == inquiry.answer(ViewAsker(self.views, self.size), asked)
        return pure

    def bundle(self, number: int, given: dict[str, Any], **how: Any) -> bytes:
        head = self.ledger.store.head()
        return build_inquiry_bundle(
            self.ledger.log,
            self.views,
            inquiry_of(number).ask(self.size, given),
            Published(head.tree_size, self.ledger.log.checkpoint(head), 0),
            signer=ANSWERS,
            **how,
        )

    def named(self, leaves: list[int]) -> list[str]:
        names = {leaf: name for name, leaf in self.leaves.items()}
        return [names[leaf] for leaf in leaves]

    def listed(self, uses: list[dict[str, Any]]) -> list[str]:
        """Uses by their short names; `?` after those that are only possible."""
        names = self.named([one["leaf_index"] for one in uses])
        return [
            name if one["definite"] else f"{name}?" for name, one in zip(names, uses, strict=True)
        ]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    place = SqlitePlace(Path(tmp_path_factory.mktemp("story")))
    store, engine = place.begin()
    ledger = Ledger(store)
    leaves = tell(ledger)
    ViewWriter(engine, store).catch_up(batch=100)
    yield Story(ledger, ViewReader(engine, store), leaves)
    place.close()


@dataclass(frozen=True)
class Lists:
    """A question that lists uses: value, uses by name, verdicts where it is about authority."""

    value: str
    uses: list[str]
    verdicts: list[str] | None = None


_UNKNOWN_URGENCY: Final = [
    f"{name}?"
    for name in ["u5", "u1", "u2", "u8", "u10", "u11", "u12", "u13", "u14", "u15", "u4", "u7"]
]
LISTS: Final[dict[tuple[int, str], tuple[dict[str, Any], Lists]]] = {
    (1, "by an alias"): (
        {"agency": A, "technology": FACE_TOO},
        Lists("yes", ["u2", "u4"]),
    ),
    (1, "before a day"): (
        {"agency": A, "technology": FACE, "to": "2026-02-02"},
        Lists("yes", ["u2"]),
    ),
    (1, "earlier still"): ({"agency": A, "technology": FACE, "to": "2026-02-01"}, Lists("no", [])),
    (1, "never registered"): ({"agency": A, "technology": "technologies/x"}, Lists("no", [])),
    (1, "a local day"): (  # 09:00 of 1 March is the evening before in Samoa
        {"agency": A, "from": "2026-02-28", "to": "2026-02-28", "zone": "Pacific/Pago_Pago"},
        Lists("yes", ["u4", "u5?"]),
    ),
    (4, ""): (
        {"agency": A},
        Lists(
            "yes",
            ["u5", "u2", "u3", "u8", "u10", "u11", "u12", "u13", "u14", "u15", "u4", "u7"],
            ["none", "none", _LATE, "self_authorised", *["none"] * 6, "out_of_scope", "expired"],
        ),
    ),
    (5, ""): ({"agency": A}, Lists("yes", ["u3"], [_LATE])),
    (6, ""): ({"agency": A}, Lists("yes", ["u4"], ["out_of_scope"])),
    (7, ""): ({"agency": A}, Lists("yes", ["u2", "u4"])),
    (8, ""): (
        {"agency": A, "technology": PLATES},
        Lists("yes", ["u8", "u11", "u12", "u13", "u14", "u15", "u5?"]),
    ),
    (9, ""): ({"agency": A}, Lists("yes", ["u2"])),
    (10, ""): ({"agency": A}, Lists("yes", ["u2", "u4", "u5?"])),
    (11, ""): ({"agency": A, "technology": FACE}, Lists("yes", ["u4"])),
    (12, ""): ({}, Lists("yes", ["u2"])),
    (18, ""): ({"agency": A}, Lists("yes", ["u6"])),
    (19, ""): (
        {"agency": A},
        Lists(
            "yes",
            ["u3", *_UNKNOWN_URGENCY],
            [
                _LATE,
                "none",
                "valid_before",
                "none",
                "self_authorised",
                *(["none"] * 6),
                "out_of_scope",
                "expired",
            ],
        ),
    ),
    (20, ""): ({"agency": A}, Lists("yes", ["u8"], ["self_authorised"])),
    (26, ""): ({"case_number": "C-1"}, Lists("yes", ["u1", "u2"])),
    (26, "another"): ({"case_number": "C-2"}, Lists("no", [])),
}


@pytest.mark.parametrize("which", LISTS, ids=str)
def test_lists(story: Story, which: tuple[int, str]) -> None:
    """Which uses, for certain or possibly, and under what authority: as a reader of the story says."""
    given, expected = LISTS[which]
    found = story.answer(which[0], given)

    assert expected.value == found["value"]
    assert expected.uses == story.listed(found["uses"])
    assert sum("?" not in name for name in expected.uses) == found["count"]
    assert sum("?" in name for name in expected.uses) == found["possible"]
    if expected.verdicts is not None:
        assert expected.verdicts == [one["authority"]["verdict"] for one in found["uses"]]
    else:
        assert all("authority" not in one for one in found["uses"])


def test_a_no_names_all_that_was_used(story: Story) -> None:
    """Question 1: who asks for one name is told every technology the agency used, with one use."""
    found = story.answer(1, {"agency": A, "technology": "technologies/x", "to": "2020-01-01"})

    named = {
        one["technology"]: story.named([one["leaf_index"]]) for one in found["technologies_used"]
    }
    assert {FACE: ["u2"], PLATES: ["u1"]} == named
    assert any("not a zero of the world" in caveat for caveat in found["caveats"])


def test_what_a_no_covers(story: Story) -> None:
    """Question 2: one source was heard, one was silent, a licence has none: a no would be thin."""
    found = story.answer(2, {"agency": A})

    assert ("thin", _THIN) == (found["value"], found["coverage"])
    assert ["sources/s", "sources/quiet", "licence"] == story.named(found["basis"])
    assert "covered" == story.answer(2, {"agency": B})["value"]


def test_statements(story: Story) -> None:
    """Question 3: said before the record held it, said when it did, and what another's log has."""
    found = story.answer(3, {})
    said = {one["name"].removeprefix("statements/"): one for one in found["statements"]}

    assert "yes" == found["value"]
    other = "contradicted_by_other_observer"
    assert ["contradicted_later", other] == said["early"]["codes"]
    assert ["contradicted_by_known", other] == said["informed"]["codes"]
    assert ["supported"] == said["elsewhere"]["codes"]
    (later, _) = said["early"]["verdicts"]
    assert ["u2", "u4", "early"] == story.named(later["leaf_indexes"])
    assert 17 * 86_400 < later["lag_s"] < 18 * 86_400  # from 1 November to the 18th
    assert "live" == later["capture"]


def test_lags(story: Story) -> None:
    """Question 5: the judge signed a day after the chase, and the base pack has no grace."""
    (lag,) = story.answer(5, {"agency": A})["lags"]

    assert (86_400, _LATE) == (lag["lag_s"], lag["verdict"])
    assert "authorizations/late" == lag["authorization"]


def test_what_lists_say_beside_uses(story: Story) -> None:
    """Flows, approvals, assessments, incidents, cases and confirmations stand beside the uses."""
    (flow,) = story.answer(9, {"agency": A})["flows"]
    assert {
        "leaf_index": story.leaves["u2"],
        "recipient": "Clear",
        "processing_country": "US",
    } == flow
    (approved,) = story.answer(8, {"agency": A})["approved"]
    assert story.ledger._pseudonym("ann") == approved["performer"]
    (assessed,) = story.answer(10, {"agency": A})["assessments"]
    assert PLATES == assessed["technology"]
    exposed = story.answer(12, {})
    assert (["C-1"], "incidents/breach") == (exposed["cases"], exposed["incidents"][0]["name"])
    confirmed = story.answer(19, {"agency": A})["confirmations"][0]
    assert [
        {"authorization": "authorizations/late", "lag_s": 86_400, "granted_by": ["Judge Oak"]}
    ] == (confirmed["by"])


@pytest.mark.parametrize(
    ("number", "given", "by", "expected"),
    [
        (13, {}, "technology", {FACE: 2, PLATES: 11}),
        (13, {"by": "unit"}, "unit", {"homicide": 2, "traffic": 11}),
        (13, {"by": "month"}, "month", {"": 1, "2026-02": 10, "2026-03": 1, "2026-04": 1}),
        (13, {"by": "outcome"}, "outcome", {"": 11, "lead": 1, "none": 1}),
        (14, {}, "trigger", {"": 12, "automated_alert": 1}),
    ],
)
def test_counts(
    story: Story, number: int, given: dict[str, Any], by: str, expected: dict[str, int]
) -> None:
    """Questions 13 and 14: each use of the agency stands in one group, withdrawn ones in none."""
    found = story.answer(number, {"agency": A, **given})

    assert expected == {group[by]: group["count"] for group in found["groups"]}
    assert {"count": 13, "possible": 0} == found["value"]
    assert _COUNTED == story.named(found["basis"])


def test_reasons(story: Story) -> None:
    """Question 15: one blank, one vague, one of the interface; in which unit, of how many."""
    found = story.answer(15, {"agency": A})
    kinds = {one["code"]: one for one in found["kinds"]}

    assert {"missing_reason": 1, "vague_reason": 1, "ui_artefact_reason": 1} == {
        code: kind["count"] for code, kind in kinds.items()
    }
    (homicide,) = kinds["missing_reason"]["by_unit"]
    assert ("homicide", 1, 2, 5_000) == tuple(
        homicide[name] for name in ("unit", "count", "of", "rate_per_10000")
    )
    assert ["u2", "u8", "u10"] == story.named(found["basis"])
    assert [] == found["copied"]
    states = {one["reason_state"]: one["count"] for one in found["states"]}
    assert {"blank": 1, "stated": 12} == states


def test_accounts(story: Story) -> None:
    """Question 16: a shared account was used once, and five uses in four seconds are too fast."""
    found = story.answer(16, {"agency": A})

    assert ["u8"] == story.listed(found["shared"]["uses"])
    (fast,) = found["impossible"]
    assert ["u11", "u12", "u13", "u14", "u15"] == story.named(fast["leaf_indexes"])
    assert (5, 4) == (fast["uses"], fast["within_s"])


def test_observers(story: Story) -> None:
    """Question 17: the vendor has a use that the ledger lacks; what was masked was explained."""
    found = story.answer(17, {"observer": "Clear"})

    assert ("no", 1) == (found["value"], found["open"])
    assert {
        "missing_here": {"open": 1, "resolved": 0},
        "masked": {"open": 0, "resolved": 1},
    } == found["observers"]["Clear"]
    assert [3] == [log["rows"] for log in found["logs"]]
    assert "not_recorded" == story.answer(17, {"observer": "Nobody"})["value"]


def test_amendments(story: Story) -> None:
    """Question 21: one use was put right, one withdrawn; their first reports are still proven."""
    found = story.answer(21, {"agency": A})

    assert ["u10"] == story.listed(found["amended"])
    assert "theft" == found["amended"][0]["purpose"]
    assert ["u9"] == story.listed(found["withdrawn"])
    assert ["u9", "u10", "u9 gone", "u10 amended"] == story.named(found["basis"])


def test_delays(story: Story) -> None:
    """Question 22: all dated uses came months late; the undated one possibly."""
    found = story.answer(22, {"agency": A, "hours": 24})
    late = found["late"]
    steps = {one["delay"]: one["count"] for one in found["by_delay"]}
    assert {"": 1, "365d": 12} == steps

    assert [(24, 12, 1)] == [(one["over_h"], one["count"], one["possible"]) for one in late]
    assert [{"source": "sources/s", "count": 12, "possible": 1}] == late[0]["by_source"]


def test_annual_report(story: Story) -> None:
    """Question 25: each figure names the entries it counts."""
    found = story.answer(25, {"agency": A, "year": 2026})
    figures = {
        (section["title"], figure["key"]): figure
        for section in found["sections"]
        for figure in section["figures"]
    }

    assert {"count": 12, "possible": 1} == found["value"]
    assert _DATED == story.named(figures["In all", "uses"]["basis"])
    (alleged,) = (figure for (_, key), figure in figures.items() if key == "allegations/one")
    assert [story.leaves["alleged"]] == alleged["possible_basis"]  # nobody says when


@pytest.mark.parametrize("number", [23, 24, 27])
def test_what_is_not_recorded(story: Story, number: int) -> None:
    """What the ledger cannot tell it does not answer with a no; it says why."""
    found = story.answer(number, {})

    assert ("not_recorded", []) == (found["value"], found["basis"])
    assert 20 < len(found["caveats"][0])


_ONCE: Final = (
    *("authority_attached_late", "authority_invalid", "authority_out_of_scope"),
    *("after_suspension", "exposed_to_incident", "shared_credential", "unconnected"),
    *("impossible_use", "unreported_use", "missing_reason"),
)


def test_findings(story: Story) -> None:
    """What the base pack finds: each rule as often as the story breaks it."""
    found = story.answer(FINDINGS, {"agency": A})
    counts = {rule["code"]: (rule["count"], rule["possible"]) for rule in found["rules"]}

    expected = {
        **dict.fromkeys(_ONCE, (1, 0)),
        "no_authority": (8, 0),
        "performer_not_approved": (6, 1),
        "statement_contradicted": (2, 0),
    }
    assert expected == {code: counts.get(code) for code in expected}
    assert not {"copied_reason", "sequence_gap", "source_silent"} & set(counts)


def needed(number: int) -> dict[str, Any]:
    """What a question needs, and no more."""
    values = {"agency": A, "case_number": "C-1", "year": 2026}
    parameters = inquiry_of(number).parameters
    return {name: values[name] for name, need in parameters.items() if need}


@pytest.mark.parametrize("number", [FINDINGS, *QUESTIONS])
def test_evidence(story: Story, number: int) -> None:
    """Each answer's evidence verifies offline; bent, it is refused, whoever signed it."""
    bundle = story.bundle(number, needed(number))
    report = checked(bundle)
    assert "verified" == report.verdict, report.reason
    assert story.answer(number, needed(number))["value"] == opened(bundle)["answer"]["value"]

    def other_value(found: dict[str, Any]) -> None:
        found["answer"]["value"] = "no" if found["answer"]["value"] != "no" else "yes"

    def other_basis(found: dict[str, Any]) -> None:
        found["answer"]["basis_total"] += 1

    for change in (other_value, other_basis):
        unsigned, resigned = bent(bundle, change)
        assert ("refused", "refused") == (checked(unsigned).verdict, checked(resigned).verdict)


@pytest.mark.parametrize("left_out", ["u4", "suspended", "technologies/face"])
def test_evidence_without_an_entry_is_refused(story: Story, left_out: str) -> None:
    """Question 11 rests on the use and on the register: neither can be taken out of the file."""
    found = opened(story.bundle(11, {"agency": A, "technology": FACE}))
    leaf = story.leaves[left_out]
    found["entries"] = [item for item in found["entries"] if item["leaf_index"] != leaf]
    report = checked(signed(found))
    expected = "verified" if left_out == "technologies/face" else "refused"  # its name says nothing

    assert expected == report.verdict


def test_pack_of_a_later_release_is_unusable(story: Story) -> None:
    """A verifier without the rules that an answer rests on decides nothing: exit status 2."""

    def later(found: dict[str, Any]) -> None:
        found["question"]["packs"][0]["version"] = "999"

    report = checked(bent(story.bundle(11, {"agency": A}), later)[1])

    assert (2, "unusable") == (report.exit_code, report.verdict)
    assert "rule pack base version 999" in report.reason


def test_other_packs_than_activated_are_refused(story: Story) -> None:
    """The packs a bundle names are those that its entries activate."""

    def none(found: dict[str, Any]) -> None:
        found["question"]["packs"] = []

    report = checked(bent(story.bundle(11, {"agency": A}), none)[1])

    assert "refused" == report.verdict
    assert "other rule packs" in report.reason


def test_only_what_is_needed_is_shown(story: Story) -> None:
    """Evidence shows reasons, cases and officers where the question rests on them, and else not."""

    def shown(number: int, **given: Any) -> set[str]:
        found = decode(story.bundle(number, {**needed(number), **given}))
        return {one["field"] for item in found["entries"] for one in item["disclosures"]}

    assert {"performer"} == shown(11)
    assert {"performer", "reason"} == shown(15)
    assert {"performer", "case_number"} == shown(26)
    assert {"performer", "granting_officer"} == shown(4)


def test_complete_evidence_leaves_nothing_out(story: Story) -> None:
    """With every entry in it, the file proves that none was left out."""
    report = checked(story.bundle(4, {"agency": A}, complete=True))

    assert "verified" == report.verdict
    assert not [line for line in report.not_checked if "completeness" in line]
