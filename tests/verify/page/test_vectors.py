"""Are the design's own vectors of the usage index judged as they say, by page and by command?

Each set's proofs, each invalid proof, text, question and answer; none is left out.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from ledger.verify.__main__ import main
from tests.browser import Opened
from tests.shared_data import shared_data

FORMAT: Final = "candour-usage-index-proof/1"
TREE_SIZE: Final = 9
EXIT_CODES: Final = {"verified": 0, "refused": 1, "unusable": 2}


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One proof, what is asked of which root, and what must come of it."""

    what: str
    proof: str
    question: Any
    detail: str
    root: str
    total: int
    verdict: str
    answer: Any = None

    def asked(self) -> dict[str, Any]:
        return {
            "question": json.dumps(self.question),
            "detail": self.detail,
            "root": self.root,
            "total": self.total,
            "treeSize": TREE_SIZE,
        }


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    path = shared_data("usage-index-vectors.json", unjudged="all vectors, by the verifier's page")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def proof_text(nodes: str) -> str:
    return f'{{"format":"{FORMAT}","nodes":{nodes}}}'


def all_of(vectors: dict[str, Any]) -> list[Vector]:
    """Every vector: the queries' own spans, and beside them the question where one is told."""
    queries = {item["query"]: item for item in vectors["queries"]}
    sets = {item["name"]: item for item in vectors["sets"]}
    found: list[Vector] = []

    def add(what: str, nodes: str, item: dict[str, Any], at: dict[str, Any], verdict: str) -> None:
        query = queries[item["query"]]
        common = {
            "proof": proof_text(nodes),
            "detail": query["detail"],
            "root": at["root"],
            "total": at["total"],
        }
        spans = {"spans": query["spans"]}
        sums = item.get("sums")
        # A dishonest root shows in an answer, not in sums.
        shown = "verified" if what.startswith("answer") else verdict
        found.append(
            Vector(
                what=what,
                question=spans,
                verdict=shown,
                answer=(sums, None, item.get("groups")),
                **common,
            )
        )
        if "question" in item:
            found.append(
                Vector(
                    what=what,
                    question=item["question"],
                    verdict=verdict,
                    answer=(sums, item.get("answer"), None),
                    **common,
                )
            )

    for one in vectors["sets"]:
        for item in one["proofs"]:
            add(f"{one['name']} {item['query']}", json.dumps(item["nodes"]), item, one, "verified")
    for item in vectors["invalid"]:
        add(item["why"], json.dumps(item["nodes"]), item, item, "refused")
    for item in vectors["invalid_text"]:
        add(item["why"], item["text"], item, sets[item["set"]], "refused")
    for item in vectors["invalid_answer"]:
        add(f"answer: {item['why']}", json.dumps(item["nodes"]), item, item, "refused")
    for item in vectors["invalid_question"]:
        one = sets["case"]
        found.append(
            Vector(
                what=item["why"],
                proof=proof_text("[]"),
                question=item["question"],
                detail="count",
                root=one["root"],
                total=one["total"],
                verdict="unusable",
            )
        )
    return found


def assert_as_told(vector: Vector, verdict: str, answer: Any) -> None:
    assert vector.verdict == verdict, vector.what
    if verdict != "verified" or vector.answer is None:
        return
    sums, counts, groups = vector.answer
    if sums is not None:
        assert sums == answer["sums"], vector.what
    if counts is not None:
        [one] = answer["counts"]
        assert counts == {name: one[name] for name in counts}, vector.what
    if groups is not None:
        assert [groups] == answer["groups"], vector.what


def test_counts(vectors: dict[str, Any]) -> None:
    """27 valid proofs, 61 invalid ones, 12 texts, 4 questions, 1 answer: all of them."""
    found = all_of(vectors)

    assert 27 == len(
        {(v.root, v.what) for v in found if v.verdict == "verified" and "answer" not in v.what}
    )
    assert (61, 12, 4, 1) == tuple(
        len(vectors[name])
        for name in ("invalid", "invalid_text", "invalid_question", "invalid_answer")
    )
    assert 27 + 61 + 12 + 4 + 1 <= len(found)


def test_page_judges_all(vectors: dict[str, Any], opened_page: Opened) -> None:
    """In the browser, by the function that the page's own steps call."""
    found = all_of(vectors)
    reports = opened_page.page.evaluate(
        """async (asked) => {
          const reports = [];
          for (const [proof, of] of asked) reports.push(await candour.judgeUsageProof(proof, of));
          return reports;
        }""",
        [[vector.proof, vector.asked()] for vector in found],
    )
    for vector, report in zip(found, reports, strict=True):
        assert_as_told(vector, report["verdict"], report["answer"])


def test_command_judges_all(vectors: dict[str, Any], tmp_path: Path) -> None:
    """By `candour-verify --usage-index-proof`, by its exit status too."""
    proof, question = tmp_path / "proof.json", tmp_path / "question.json"
    for vector in all_of(vectors):
        proof.write_text(vector.proof, "utf-8")
        question.write_text(json.dumps(vector.question), "utf-8")
        out = io.StringIO()
        with redirect_stdout(out):
            status = main(
                [
                    *("--usage-index-proof", str(proof), "--question", str(question)),
                    *("--root", vector.root, "--total", str(vector.total)),
                    *("--detail", vector.detail, "--tree-size", str(TREE_SIZE), "--format", "json"),
                ]
            )
        report = json.loads(out.getvalue())
        assert EXIT_CODES[vector.verdict] == status, vector.what
        assert_as_told(vector, report["verdict"], report["answer"])


def test_7_parts_and_11_keys_in_the_page(vectors: dict[str, Any], opened_page: Opened) -> None:
    """Ids and days become the bytes that the vectors say: as ranges that a question is asked in."""
    [empty] = [item for item in vectors["sets"] if item["name"] == "empty"]

    def spans(question: dict[str, Any]) -> list[list[str]]:
        of = {
            "question": json.dumps(question),
            "root": empty["root"],
            "total": 0,
            "treeSize": TREE_SIZE,
        }
        report = opened_page.page.evaluate(
            "([proof, of]) => candour.judgeUsageProof(proof, of)", [proof_text("[]"), of]
        )
        assert "verified" == report["verdict"], report
        found: list[list[str]] = report["answer"]["spans"]
        return found

    for item in vectors["parts"]:
        assert item["hash"] == spans({"family": "agency", "first": item["id"]})[0][0][2:66]
    for item in vectors["keys"]:
        day = item["day"] or "2020-02-21"
        asked = {name: item[name] for name in ("family", "first", "second")}
        assert [item["key"]] * 2 in spans({**asked, "from": day, "to": day})

    assert (7, 11) == (len(vectors["parts"]), len(vectors["keys"]))
