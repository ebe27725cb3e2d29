"""Is a bare proof of the usage index judged against the reader's own root and question?"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.merkle import leaf_hash
from ledger.usage_index import (
    EMPTY,
    Commitment,
    Detail,
    MemoryNodes,
    Ref,
    Use,
    insert,
    prove_nodes,
    question_of_object,
)
from ledger.usage_index.proof import proof_object
from ledger.verify.__main__ import main

COUNT = {
    "family": "agency+technology",
    "first": "agencies/a",
    "second": "technologies/t",
    "from": "2026-02-01",
    "to": "2026-02-28",
}
WHOLE = {"family": "agency+technology", "first": "agencies/a"}


class Auditor:
    """An index made anew, and the command over its proofs."""

    def __init__(self, folder: Path) -> None:
        self.nodes, self.file = MemoryNodes(), folder / "proof.json"
        days = (20_486, 20_487, None, 20_600)  # two in February 2026, one unknown, one in May
        additions: dict[bytes, list[bytes]] = {}
        for number, day in enumerate(days):
            use = Use(agency="agencies/a", technology="technologies/t", day=day)
            for key in use.placed_keys():
                additions.setdefault(key, []).append(leaf_hash(bytes([number])))
        self.root: Ref = insert(self.nodes, EMPTY, additions, tree_size=9, kept=-1)

    def prove(self, question: Any, detail: Detail = Detail.COUNT) -> dict[str, Any]:
        asked = question_of_object(question)
        commitment = Commitment(tree_size=9, root=self.root.hash, total=self.root.total)
        nodes = prove_nodes(self.nodes, self.root, asked.spans(), detail)
        return proof_object(nodes, question=asked, commitment=commitment, detail=detail)

    def verify(self, proof: Any, question: Any, *more: str, **known: str) -> int:
        self.file.write_text(json.dumps(proof))
        root = known.get("root", self.root.hash.hex())
        return main(
            [
                *("--usage-index-proof", str(self.file), "--question", json.dumps(question)),
                *("--root", root, "--total", known.get("total", str(self.root.total)), *more),
            ]
        )


@pytest.fixture
def auditor(tmp_path: Path) -> Auditor:
    return Auditor(tmp_path)


def test_true_proof_is_0(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    """With the numbers that it proves, and what they rest on said."""
    assert 0 == auditor.verify(auditor.prove(COUNT), COUNT, "--tree-size", "9")
    out = capsys.readouterr().out
    assert "2 proven, 1 undated, 0 unattributed" in out
    assert "whether a ledger committed to this root" in out


def test_list_of_all_is_shown(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    """Groups by the hash of their id, for programs."""
    proof = auditor.prove(WHOLE, Detail.GROUPS)

    assert 0 == auditor.verify(proof, WHOLE, "--detail", "groups", "--format", "json")
    found = json.loads(capsys.readouterr().out)
    assert [{"count": 4, "withdrawn": 0}] == list(found["answer"]["groups"].values())
    assert any("which tree size" in item for item in found["not_checked"])


def _other_days(proof: Any) -> None:
    proof["question"]["to"] = "2026-02-27"


def _other_size(proof: Any) -> None:
    proof["index"]["tree_size"] = 8


def _node_less(proof: Any) -> None:
    proof["nodes"].pop()


def _more(proof: Any) -> None:
    proof["more"] = 1


@pytest.mark.parametrize("change", [_other_days, _other_size, _node_less, _more])
def test_false_proof_is_1(auditor: Auditor, change: Callable[[Any], None]) -> None:
    """Another question, tree size, member, or a node too few."""
    proof = auditor.prove(COUNT)
    change(proof)

    assert 1 == auditor.verify(proof, COUNT, "--tree-size", "9")


def test_other_root_or_total_is_1(auditor: Auditor) -> None:
    """The proof is of the root that it was made for, and no other."""
    proof = auditor.prove(COUNT)
    del proof["index"]

    assert 0 == auditor.verify(proof, COUNT)
    assert 1 == auditor.verify(proof, COUNT, root="00" * 32)
    assert 1 == auditor.verify(proof, COUNT, total="5")
    assert 1 == auditor.verify(proof, COUNT, total=str(2**53))


@pytest.mark.parametrize(
    ("question", "more"),
    [
        ({**COUNT, "family": "agency+vendor"}, ()),
        ({**COUNT, "to": "2026-01-01"}, ()),
        ({"spans": [["00" * 69, "zz" * 69]]}, ()),
        ({"spans": [["01" * 69, "00" * 69]]}, ()),
        ({"spans": []}, ()),
        (COUNT, ("--detail", "groups")),
    ],
)
def test_no_question_is_2(auditor: Auditor, question: Any, more: tuple[str, ...]) -> None:
    """What cannot be asked is said, and proves nothing."""
    assert 2 == auditor.verify(auditor.prove(COUNT), question, *more)


def test_no_root_is_2(auditor: Auditor, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither is a root that is none, nor a file that is not there."""
    assert 2 == auditor.verify(auditor.prove(COUNT), COUNT, root="9C" * 32)
    assert "root: must be 64 hex digits" in capsys.readouterr().out
    assert 2 == main(
        [
            *("--usage-index-proof", str(auditor.file.parent / "none"), "--root", "00" * 32),
            *("--total", "1", "--question", json.dumps(COUNT)),
        ]
    )
