"""Does the answer to a numbered question follow? The rules, and the answer, made anew.

    9 rules: the packs that hold are these, to the byte    10 answer: fold, rules, question
    11 completeness

A pack that this release does not have ends in "unusable": nothing that rests on it can be judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.canonical_json import JsonValue, encode
from ledger.entry import Entry
from ledger.errors import Malformed, Unverifiable, VerificationFailed
from ledger.inquiries.asked import Asked
from ledger.inquiries.kinds import Inquiry
from ledger.inquiries.pure_asker import PureAsker
from ledger.inquiries.table import asked_of_object
from ledger.inquiries.world import World
from ledger.rules.active import packs_of
from ledger.rules.packs import pack_of
from ledger.verify.bundle import Bundle
from ledger.verify.report import Report
from ledger.verify.steps import AnswerDiffers, Steps
from ledger.verify.usage_answer import UsageQuestion

USES_LEFT_OUT: Final = (
    "completeness not proven: entries that also match, or take back what is here, may have been"
    " left out"
)
REGISTERS_LEFT_OUT: Final = (
    "whether the registers in it are all that were told: an approval, an authority or a rule pack"
    " that is left out changes what rules find"
)
NAMES_THAT_DECIDE: Final = (
    "whether somebody who is not named had granted the authority they acted under: names are shown"
    " where the two are one"
)


# Of question 1, what a proven count speaks of, and what narrows or widens it not.
_COUNTED: Final = frozenset({"agency", "technology", "from", "to", "zone", "limit", "after"})
FIRST_DAY: Final = "0001-01-01"
LAST_DAY: Final = "9999-12-31"


class PacksDiffer(VerificationFailed):
    """The entries activate other rule packs than the bundle names."""

    def __init__(self) -> None:
        super().__init__("the entries activate other rule packs than the bundle names")


@dataclass(frozen=True, slots=True)
class InquiryQuestion:
    """A numbered question, as a bundle holds it; whether it can be asked is for step `rules`."""

    told: Mapping[str, JsonValue]
    tree_size: int
    packs: Sequence[Mapping[str, str]]

    @classmethod
    def from_object(cls, found: Mapping[str, JsonValue]) -> InquiryQuestion:
        """Raises Malformed."""
        if set(found) != {"inquiry", "packs", "parameters", "tree_size"}:
            raise Malformed("question", "must hold inquiry, packs, parameters and tree_size")
        tree_size, packs = found["tree_size"], found["packs"]
        if type(found["inquiry"]) is not int or type(tree_size) is not int or tree_size < 0:
            raise Malformed("question", "inquiry or tree_size is of another type")
        if not isinstance(found["parameters"], dict) or not isinstance(packs, list):
            raise Malformed("question", "parameters or packs is of another type")
        for pack in packs:
            if not isinstance(pack, dict) or set(pack) != {"name", "sha256", "version"}:
                raise Malformed("question.packs", "each must hold name, version and sha256")
            if not all(isinstance(value, str) for value in pack.values()):
                raise Malformed("question.packs", "must hold texts")
        told = {name: value for name, value in found.items() if name != "packs"}
        return cls(told, tree_size, packs)

    def asked(self) -> tuple[Inquiry, Asked]:
        """The question, read. Raises Malformed, ZoneDataMissing."""
        inquiry, asked = asked_of_object(self.told)
        if asked.to_object() != self.told:
            raise Malformed("question", "is not in canonical form")
        return inquiry, asked


def check_asks_the_same(question: InquiryQuestion, count: UsageQuestion) -> None:
    """Raises Unverifiable unless a proven count is about just the uses that a question asks for."""
    parameters: Mapping[str, Any] = question.told["parameters"]
    days = count.days.to_object()
    same = (
        question.told["inquiry"] == 1
        and set(parameters) <= _COUNTED
        and parameters.get("zone", "UTC") == "UTC"
        and (parameters.get("agency"), parameters.get("technology"))
        == (count.agency, count.technology)
        and (parameters.get("from", FIRST_DAY), parameters.get("to", LAST_DAY))
        == (days["from"], days["to"])
    )
    if not same:
        raise Unverifiable(
            "the proven count is about something else: it goes with question 1, about an agency, a"
            " technology and UTC days, and no more"
        )


class InquirySteps:
    """The steps that are a numbered question's own."""

    def __init__(
        self, bundle: Bundle, question: InquiryQuestion, entries: Sequence[Entry], report: Report
    ) -> None:
        self._bundle, self._question, self._entries = bundle, question, entries
        self._report, self._world = report, World()
        self._inquiry: Inquiry | None = None
        self._asked: Asked | None = None

    def steps(self) -> Steps:
        yield "rules", self.rules
        yield "answer", self.answer
        yield "completeness", self.completeness

    def rules(self) -> str:
        self._inquiry, self._asked = self._question.asked()
        for pack in self._question.packs:
            pack_of(pack["name"], pack["version"], pack["sha256"])
        for item, entry in zip(self._bundle.entries, self._entries, strict=True):
            shown = {one.field: one.value for one in item.disclosures}
            self._world.add(item.leaf_index, entry, shown)
        agency = self._asked.text("agency")
        if packs_of(self._world.registers, agency) != list(self._question.packs):
            raise PacksDiffer
        names = ", ".join(f"{pack['name']}/{pack['version']}" for pack in self._question.packs)
        return f"the rule packs that hold are here, to the byte: {names}"

    def answer(self) -> str:
        assert self._inquiry is not None
        assert self._asked is not None
        asker = PureAsker(self._world, self._asked.tree_size)
        made: dict[str, Any] = self._inquiry.answer(asker, self._asked)
        told = self._bundle.answer
        for member in sorted(set(made) | set(told)):
            if (member in made) != (member in told) or encode(made[member]) != encode(told[member]):
                raise AnswerDiffers(member)
        self._tell_kept_back()
        uses = len(self._world.uses)
        return f"question {self._asked.question} answered anew, from {uses} uses and the registers"

    def _tell_kept_back(self) -> None:
        """Say how many entries do not show what the question rests on."""
        assert self._inquiry is not None
        assert self._asked is not None
        needed = self._inquiry.protected(self._asked) - {"performer_identity"}
        kept_back = sum(
            bool(needed & set(entry.protected) - {one.field for one in item.disclosures})
            for item, entry in zip(self._bundle.entries, self._entries, strict=True)
        )
        if kept_back:
            self._report.not_checked.append(
                f"{kept_back} entries keep back {' or '.join(sorted(needed))}: erased or"
                " withheld, they were judged as if there was none"
            )

    def completeness(self) -> str:
        self._report.not_checked.append(NAMES_THAT_DECIDE)
        leaves = [item.leaf_index for item in self._bundle.entries]
        if leaves == list(range(self._question.tree_size)):
            return f"all {len(leaves)} entries of the tree are here: nothing was left out"
        self._report.not_checked += [USES_LEFT_OUT, REGISTERS_LEFT_OUT]
        return "completeness not proven"
