"""Is a bare proof of the usage index true of a root that I know? For auditors, without a bundle.

    candour-verify --usage-index-proof FILE --root HEX --total N --question JSON

    own question, root, total ──┐
    proof, a JSON file ─────────┴─ verify ──► sums, and what they say

Whoever made a root anew (`candour audit`), or read it in an entry, asks it any question here:
also raw ranges of keys, `{"spans": [["<138 hex>", "<138 hex>"], …]}`. What a root rests on is
not seen from here, and said so.

Source: docs/usage-index.md, sections 4 to 6.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

from ledger.canonical_json import JsonValue, decode
from ledger.errors import CandourError, Malformed
from ledger.limits import MAX_USAGE_PROOF_BYTES, MAX_USAGE_SPANS
from ledger.usage_index import (
    Commitment,
    CountQuestion,
    Detail,
    Question,
    Span,
    Tally,
    Total,
    WholeQuestion,
    question_of_object,
    read_proof,
    tally_nodes,
)
from ledger.usage_index.answers import total_of
from ledger.usage_index.proof import nodes_of_proof
from ledger.verify.report import UNUSABLE, Report
from ledger.verify.steps import run_steps

FLAG: Final = "--usage-index-proof"
_KEY_HEX: Final = re.compile(r"[0-9a-f]{138}", re.ASCII)
_ROOT_NOT_CHECKED: Final = (
    "whether a ledger committed to this root: look for its entry, usage_index.committed.v1, under a"
    " checkpoint",
    "whether this root is the one that the entries give: an audit of the whole log is what shows it",
)
_MOST_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class SpansQuestion:
    """Ranges of keys, asked about by themselves: an auditor's own question."""

    ranges: tuple[Span, ...]

    def spans(self) -> list[Span]:
        return list(self.ranges)

    def to_object(self) -> dict[str, JsonValue]:
        return {"spans": [[span.first.hex(), span.last.hex()] for span in self.ranges]}

    @classmethod
    def from_object(cls, found: JsonValue) -> SpansQuestion:
        """Raises Malformed: no pairs of keys, or not sorted and disjoint."""
        if not isinstance(found, list) or not 1 <= len(found) <= MAX_USAGE_SPANS:
            raise Malformed("spans", f"must be a list of 1..{MAX_USAGE_SPANS}")
        for pair in found:
            if not isinstance(pair, list) or len(pair) != 2:
                raise Malformed("spans", "must be pairs of a first and a last key")
            if not all(isinstance(end, str) and _KEY_HEX.fullmatch(end) for end in pair):
                raise Malformed("spans", "must be keys of 138 hex digits in lower case")
            if pair[0] > pair[1]:
                raise Malformed("spans", "must not end before they begin")
        if any(before[1] >= after[0] for before, after in pairwise(found)):
            raise Malformed("spans", "must be sorted and disjoint")
        return cls(tuple(Span(bytes.fromhex(a), bytes.fromhex(b)) for a, b in found))


Asked = Question | SpansQuestion


def asked_of_text(text: bytes) -> Asked:
    """The reader's own question, of JSON. Raises Malformed."""
    found = decode(text, what="question")
    if isinstance(found, Mapping) and set(found) == {"spans"}:
        return SpansQuestion.from_object(found["spans"])
    return question_of_object(found)


def verify_bare_proof(
    data: bytes, asked: Asked, detail: Detail, *, root: bytes, total: int, tree_size: int | None
) -> Report:
    """Check a proof, `candour-usage-index-proof/1`, against a root and a question.

    Args:
        data: The file, MAX_USAGE_PROOF_BYTES at most.
        root, total: As committed, or as made anew.
        tree_size: Entries that the root speaks of; None where the reader does not know.
    Raises:
        Malformed: These questions have no such detail.
    """
    if detail is Detail.GROUPS and isinstance(asked, CountQuestion):
        raise Malformed("detail", "groups are asked of a whole first id, not of days")
    run = _Run(data, asked, detail, root, total, tree_size)
    return run_steps(run.report, run.steps(), lambda: f"the proof is true of root {root.hex()}")


class _Run:
    """The steps of one proof."""

    def __init__(
        self,
        data: bytes,
        asked: Asked,
        detail: Detail,
        root: bytes,
        total: int,
        tree_size: int | None,
    ) -> None:
        self.data, self.asked, self.detail = data, asked, detail
        self.root, self.total, self.tree_size = root, total, tree_size
        self.known: Commitment
        self.report = Report(not_checked=list(_ROOT_NOT_CHECKED), question=asked.to_object())
        self.proof: JsonValue = None
        self.tally: Tally

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        yield "commitment", self.commitment
        yield "read", self.read
        yield "proof", self.check_proof
        yield "answer", self.answer

    def commitment(self) -> str:
        """A total beyond all bounds is the commitment's fault: no honest index has it."""
        self.known = Commitment(tree_size=self.tree_size or 0, root=self.root, total=self.total)
        self.report.tree_size = self.tree_size
        return f"root and total are those given, {self.total}"

    def read(self) -> str:
        self.proof = read_proof(self.data)
        if self.tree_size is None:
            self.report.not_checked.append("which tree size the root speaks of: none was stated")
            self._take_stated_size()
        return f"{len(self.data)} bytes"

    def _take_stated_size(self) -> None:
        """Root and total of a stated index are compared; its tree size is the proof's word."""
        index = self.proof.get("index") if isinstance(self.proof, Mapping) else None
        stated = index.get("tree_size") if isinstance(index, Mapping) else None
        if type(stated) is int:
            self.known = replace(self.known, tree_size=stated)

    def check_proof(self) -> str:
        # Only its object is compared, which spans have as well.
        question = cast("Question", self.asked)
        nodes = nodes_of_proof(
            self.proof, question=question, commitment=self.known, detail=self.detail
        )
        self.tally = tally_nodes(nodes, self.asked.spans(), self.detail, self.known)
        return f"{len(nodes)} nodes lead to the root and its total, {self.known.total}"

    def answer(self) -> str:
        self.report.answer = found = _answer(self.asked, self.detail, self.tally)
        if "counts" in found:
            return "; ".join(
                f"{one['count']} proven, {one['undated']} undated, {one['unattributed']} unattributed"
                for one in found["counts"][:_MOST_ROWS]
            )
        if "total" in found:
            return f"{found['total']['count']} proven, {found['total']['withdrawn']} withdrawn"
        return f"{sum(found['sums'])} placements in {len(found['sums'])} ranges of keys"


def _answer(asked: Asked, detail: Detail, tally: Tally) -> dict[str, Any]:
    """What the sums say. Raises WithdrawnAbovePlaced: the committed index itself is false."""
    spans = [[span.first.hex(), span.last.hex()] for span in asked.spans()]
    found: dict[str, Any] = {"spans": spans, "sums": tally.sums}
    if isinstance(asked, CountQuestion):
        found["counts"] = [
            {
                **one.to_object(),
                "withdrawn_undated": one.withdrawn_undated,
                "withdrawn_unattributed": one.withdrawn_unattributed,
            }
            for one in asked.answers(tally.sums)
        ]
    elif isinstance(asked, WholeQuestion):
        found["total"] = _total_object(asked.total(tally.sums))
    if detail is Detail.GROUPS:
        found["groups"] = _groups(asked, tally)
    if detail is Detail.REGISTERS:
        found["registers"] = [
            {"key": one.key.hex(), "size": one.size, "root": one.root.hex()}
            for one in tally.registers
        ]
    return found


def _groups(asked: Asked, tally: Tally) -> JsonValue:
    """By part, in hex; of raw spans one object a span."""
    if not isinstance(asked, WholeQuestion):
        return [{part.hex(): count for part, count in sorted(one.items())} for one in tally.groups]
    placed, withdrawn = tally.groups
    return {
        part.hex(): _total_object(total_of(placed.get(part, 0), withdrawn.get(part, 0)))
        for part in sorted({*placed, *withdrawn})
    }


def _total_object(total: Total) -> dict[str, int]:
    return {"count": total.count, "withdrawn": total.withdrawn}


# --- the command --------------------------------------------------------------------------


def main(arguments: Sequence[str]) -> int:
    """`candour-verify --usage-index-proof …`; prints the report, returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        report = verify_bare_proof(
            _read(options.usage_index_proof),
            asked_of_text(_question(options.question)),
            Detail(options.detail),
            root=_root(options.root),
            total=options.total,
            tree_size=options.tree_size,
        )
    except (CandourError, OSError) as error:
        report = Report(UNUSABLE, str(error), not_checked=["anything"])
    if options.format == "json":
        text = json.dumps(report.to_object(), ensure_ascii=False, indent=1)
    else:
        text = replace(report, answer=None).to_text()
    sys.stdout.write(text + "\n")
    return report.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="candour-verify",
        description="Check a bare proof of the usage index against a root that you know.",
        epilog="Exit status: 0 verified, 1 refused, 2 unusable input.",
    )
    parser.add_argument(FLAG, type=Path, required=True, metavar="FILE", help="the proof, JSON")
    parser.add_argument("--root", required=True, metavar="HEX", help="root of the index, 64 digits")
    parser.add_argument("--total", required=True, type=int, metavar="N", help="its total")
    parser.add_argument(
        "--question",
        required=True,
        metavar="JSON",
        help='{"family", "first", "second", "from", "to"}, {"family", "first"} for all of a first id,'
        ' or {"spans"}; or a file that holds it',
    )
    parser.add_argument("--detail", choices=[one.value for one in Detail], default="count")
    parser.add_argument("--tree-size", type=int, metavar="N", help="entries the root speaks of")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _question(given: str) -> bytes:
    """JSON itself, or the file that holds it."""
    return given.encode() if given.lstrip().startswith("{") else _read(Path(given))


def _root(text: str) -> bytes:
    if re.fullmatch(r"[0-9a-f]{64}", text, re.ASCII) is None:
        raise Malformed("root", "must be 64 hex digits in lower case")
    return bytes.fromhex(text)


def _read(path: Path) -> bytes:
    """One byte more than may be, at most: the reader of proofs says that it is too long."""
    with path.open("rb") as file:
        return file.read(MAX_USAGE_PROOF_BYTES + 1)
