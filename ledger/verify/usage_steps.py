"""Does a proven count follow from a root that the log commits to? The steps after inclusion.

     9 commitment   10 names   11 count   12 technologies   13 answer   14 coverage

A technology is counted under every name that the entries here give it, each by its own proof.

Source: docs/usage-index.md, section 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ledger.canonical_json import JsonValue, encode
from ledger.entry import Entry
from ledger.errors import Malformed, Unverifiable, VerificationFailed
from ledger.events import UsageIndexCommitted
from ledger.usage_index import (
    Commitment,
    CountAnswer,
    Total,
    part,
    verify_count,
    verify_groups,
)
from ledger.verify.bundle import Bundle
from ledger.verify.report import Report
from ledger.verify.usage_answer import UsageQuestion, fold_of, names_of, usage_answer

Step = tuple[str, Callable[[], str]]
_NOT_IN_THE_ENTRIES: Final = (
    "whether the committed root is the one that the entries give: an audit of the whole log is"
    " what shows it, and one honest auditor is enough",
    "times in another zone than UTC: the days asked about are UTC days",
)


class AnswerDiffers(VerificationFailed):
    """What was proven gives another answer than the bundle says."""

    def __init__(self, member: str) -> None:
        super().__init__(f"what was proven gives another {member!r} than the bundle says")
        self.member = member


class TooOld(VerificationFailed):
    """The index speaks of fewer entries than the reader demands."""

    def __init__(self, tree_size: int, least: int) -> None:
        super().__init__(f"the index speaks of {tree_size} entries, below {least}")
        self.tree_size, self.least = tree_size, least


def check_freshness(question: UsageQuestion, least: int | None) -> None:
    """How old may a count be? The reader has to say: an old zero is easily true.

    Raises:
        Unverifiable: The reader did not say.
        TooOld: It is older.
    """
    if least is None:
        raise Unverifiable(
            "how fresh a count must be was not said: demand a least tree size"
            f" (--min-tree-size; this index speaks of {question.tree_size} entries)"
        )
    if question.tree_size < least:
        raise TooOld(question.tree_size, least)


class UsageSteps:
    """The steps of one bundle whose entries all stand under the checkpoint.

    Args:
        bundle, question: Read, and well formed.
        entries: Of the bundle, in its order.
        report: Told what is not checked.
    """

    def __init__(
        self, bundle: Bundle, question: UsageQuestion, entries: Sequence[Entry], report: Report
    ) -> None:
        self.bundle, self.question, self.report = bundle, question, report
        self.placed = list(zip((item.leaf_index for item in bundle.entries), entries, strict=True))
        self.told: list[tuple[int, Entry]] = []
        self.technologies: list[str] = []
        self.commitment: Commitment
        self.counted: dict[str, CountAnswer] = {}  # by name of the technology
        self.same: list[str] = []  # its names, the one asked about first
        self.groups: Mapping[bytes, Total] | None = None
        report.not_checked += _NOT_IN_THE_ENTRIES

    def steps(self) -> Iterator[Step]:
        yield "commitment", self.check_commitment
        yield "names", self.names
        yield "count", self.count
        yield "technologies", self.list_technologies
        yield "answer", self.answer
        yield "coverage", self.coverage

    def check_commitment(self) -> str:
        size, found = self.question.tree_size, list[tuple[int, UsageIndexCommitted]]()
        for leaf_index, entry in self.placed:
            if entry.topic == UsageIndexCommitted.TOPIC:
                fact = entry.fact()
                assert isinstance(fact, UsageIndexCommitted)
                found.append((leaf_index, fact))
            elif leaf_index >= size:
                raise Malformed(f"entry {leaf_index}", "is beyond the question's tree")
            else:
                self.told.append((leaf_index, entry))
        if len(found) != 1:
            raise Malformed("bundle.entries", "must hold one commitment of the usage index")
        [(leaf_index, fact)] = found
        self.commitment = Commitment.of_fact(fact)
        if self.commitment.tree_size != size:
            raise Malformed("question.tree_size", "is not what the commitment speaks of")
        if size > leaf_index:
            raise Malformed(f"entry {leaf_index}", "commits to entries that come after it")
        return f"entry {leaf_index} commits to the index over {size} entries"

    def names(self) -> str:
        fold, said = fold_of(self.told), list[str]()
        for name in (self.question.agency, self.question.technology):
            shown = fold.names.get(name)
            said.append(f"{name} is {shown!r}" if shown else f"{name} is not registered")
            if shown is None:
                self.report.not_checked.append(
                    f"whether {name} is spelled as reports spell it: nobody registered it, and a"
                    " misspelt name proves a true but useless zero"
                )
        self.same = names_of(self.question.technology, fold.aliases.group(self.question.technology))
        if self.same[1:]:
            said.append(f"also called {', '.join(self.same[1:])}")
        self.report.not_checked.append(
            "whether the technology goes by more names: an entry that gives it one may have been"
            " left out of the bundle, or was never made"
            + (
                "; the list of technologies leaves nothing out"
                if self.question.kind == "absence"
                else " (`prove absence` lists all that the agency used, under whatever name)"
            )
        )
        return "; ".join(said)

    def count(self) -> str:
        others = self.bundle.proofs.get("aliases", {})
        if not isinstance(others, Mapping) or set(others) != set(self.same[1:]):
            raise Malformed("bundle.proofs.aliases", "must hold a proof for each other name")
        proofs = {self.question.technology: self.bundle.proofs.get("count"), **others}
        for name in self.same:
            asked = self.question.counted(name)
            (self.counted[name],) = verify_count(proofs[name], asked, self.commitment)
        held = CountAnswer.summed(list(self.counted.values()))
        under = f" under {len(self.same)} names" if self.same[1:] else ""
        return (
            f"{held.count} proven{under}, {held.undated} undated, {held.unattributed} unattributed"
        )

    def list_technologies(self) -> str:
        expected = {"count"} | ({"technologies"} if self.question.kind == "absence" else set())
        expected |= {"aliases"} if self.same[1:] else set()
        if set(self.bundle.proofs) != expected:
            raise Malformed("bundle.proofs", f"must hold {', '.join(sorted(expected))}")
        if self.question.kind != "absence":
            return "not asked for"
        proof, listed = self.bundle.proofs["technologies"], self.question.listed()
        self.groups = verify_groups(proof, listed, self.commitment)
        self.technologies = _named(self.bundle.answer.get("technologies"))
        unnamed = set(self.groups) - {part(name) for name in (*self.technologies, None)}
        if unnamed:
            self.report.not_checked.append(
                f"what {len(unnamed)} technologies are that the agency used: the bundle shows"
                " their hashes, and names none that fits"
            )
        return f"all {len(self.groups)} that the agency ever used, the unnamed included"

    def answer(self) -> str:
        names = [*self.same, *self.technologies]
        made = usage_answer(self.question, self.counted, self.groups, self.told, names)
        told = self.bundle.answer
        for member in sorted(set(made) | set(told)):
            if (member in made) != (member in told) or encode(made[member]) != encode(told[member]):
                raise AnswerDiffers(member)
        most = made["count"] + made["undated"] + made["unattributed"]
        return f"between {made['count']} and {most} recorded uses"

    def coverage(self) -> str:
        sources: list[dict[str, Any]] = list(self.bundle.answer["sources"])
        silent = [row["source"] for row in sources if "heard_in_period" not in row]
        self.report.not_checked.append(
            "whether other sources should have reported, and whether those here reported all"
        )
        if silent or not sources:
            self.report.not_checked.append(
                f"sources not shown to be heard in the period: {', '.join(silent) or 'there is none'}"
            )
        return f"{len(sources) - len(silent)} of {len(sources)} sources shown reported the period"


def _named(rows: JsonValue) -> list[str]:
    """The technologies that the answer names; whether they fit is seen when it is made anew."""
    if not isinstance(rows, list):
        raise Malformed("answer.technologies", "must be a list")
    names = [row.get("technology") for row in rows if isinstance(row, dict)]
    return [name for name in names if isinstance(name, str)]
