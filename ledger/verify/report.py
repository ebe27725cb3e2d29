"""What was checked, what held, and what was not checked at all?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ledger.canonical_json import JsonValue
from ledger.verify.inquiry_lines import inquiry_lines
from ledger.verify.timestamps import Stamp

VERIFIED: Final = "verified"
REFUSED: Final = "refused"
UNUSABLE: Final = "unusable"
OK: Final = "ok"
FAILED: Final = "failed"
NOT_JUDGED: Final = "not judged"
NOT_CHECKED_HERE: Final = "not checked here"
EXIT_CODES: Final = {VERIFIED: 0, REFUSED: 1, UNUSABLE: 2}


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step: it held, it failed, or it could not be judged."""

    number: int
    name: str
    outcome: str  # ok | failed | not judged | not checked here
    detail: str


class NotCheckedHere(str):
    """What a step says that passes something by: neither ok nor a reason to refuse."""

    __slots__ = ()


@dataclass(slots=True)
class Report:
    """The course of one verification; `verdict` is never "verified" before the end."""

    verdict: str = UNUSABLE
    reason: str = ""
    steps: list[Step] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    tree_size: int | None = None
    origin: str | None = None
    question: Mapping[str, JsonValue] | None = None
    answer: Mapping[str, JsonValue] | None = None
    stamps: list[Stamp] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]

    def to_object(self) -> dict[str, JsonValue]:
        """For `--format json`. The answer is shown only where it was verified."""
        shown = self.verdict == VERIFIED
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "origin": self.origin,
            "tree_size": self.tree_size,
            "question": self.question if shown else None,
            "answer": self.answer if shown else None,
            "timestamps": [stamp.to_object() for stamp in self.stamps] if shown else [],
            "steps": [
                {
                    "step": step.number,
                    "name": step.name,
                    "outcome": step.outcome,
                    "detail": step.detail,
                }
                for step in self.steps
            ],
            "not_checked": self.not_checked,
        }

    def to_text(self) -> str:
        """For people: a line a step, what was not checked, the verdict last."""
        width = max([11, *(len(step.outcome) for step in self.steps)])
        lines = [
            f"{step.number:>2}  {step.name:<14} {step.outcome:<{width}} {step.detail}"
            for step in self.steps
        ]
        if self.verdict == VERIFIED and self.answer is not None:
            lines += ["", *_answer_lines(self.question or {}, self.answer)]
            lines += [f"this answer existed at {stamp}" for stamp in self.stamps]
        lines += ["", "not checked:", *(f"  - {item}" for item in self.not_checked)]
        ending = f": {self.reason}" if self.reason else ""
        return "\n".join(map(_plain, [*lines, "", f"{self.verdict}{ending}"]))


_MOST_ROWS: Final = 20


def _plain(line: str) -> str:
    """A line that stays one: nothing in a name can move the cursor or start a line of its own."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _answer_lines(question: Mapping[str, JsonValue], answer: Mapping[str, JsonValue]) -> list[str]:
    if "usage" in question:
        return _usage_lines(question, answer)
    if "inquiry" in question:
        return inquiry_lines(question, answer)
    text = question.get("filter") or "every use"
    lines = [
        f"question: {text}, as of tree size {question.get('tree_size')}",
        f"answer:   {answer['count']} uses for certain, {answer['possible']} more possibly",
    ]
    names: Mapping[str, str] = answer.get("names", {})
    rows = answer.get("groups", answer.get("uses", []))
    for row in rows[:_MOST_ROWS]:
        if "key" in row:
            name = names.get(row["key"]) or row["key"] or "(not known, or none cited)"
            lines.append(f"  {row['count']:>7}  {name}")
        else:
            when = row.get("earliest", "(unknown)")
            who = row.get("performer", "(unknown)")
            lines.append(f"  {row['leaf_index']:>7}  {when}  {who}  {row['name']}")
    if len(rows) > _MOST_ROWS:
        lines.append(f"  … and {len(rows) - _MOST_ROWS} more (--format json shows all)")
    return lines


def _usage_lines(question: Mapping[str, JsonValue], answer: Mapping[str, JsonValue]) -> list[str]:
    names: Mapping[str, str] = answer["names"]
    agency, technology = (_named(question[who], names) for who in ("agency", "technology"))
    days = f"{question['from']} to {question['to']}"
    lines = [
        f"question: {agency}: uses of {technology}, {days} (UTC days of occurrence), as of tree size"
        f" {question['tree_size']}",
        f"answer:   {answer['count']} uses, {answer['undated']} more at no known day,"
        f" {answer['unattributed']} more that name no technology",
        f"          {answer['withdrawn']} were counted once and withdrawn,"
        f" {answer['withdrawn_possibly']} more possibly",
    ]
    if len(answer["by_name"]) > 1:
        lines += [
            f"  {row['count']:>7}  as {_named(row['technology'], names)}: {row['undated']} more at no"
            f" known day, {row['withdrawn']} withdrawn"
            for row in answer["by_name"]
        ]
    for row in answer.get("technologies", [])[:_MOST_ROWS]:
        name = row.get("technology", f"(nobody can name {row.get('part')})")
        shown = "(not named)" if name is None else names.get(name, name)
        lines.append(f"  {row['count']:>7}  {shown}, over all days; {row['withdrawn']} withdrawn")
    for row in answer.get("sources", [])[:_MOST_ROWS]:
        heard = "heard in the period" if "heard_in_period" in row else "silent in the period"
        last = row.get("latest_report", {}).get("recorded_at", "never")
        lines.append(f"  {names.get(row['source'], row['source'])}: {heard}, latest report {last}")
    return lines


def _named(name: str, names: Mapping[str, str]) -> str:
    return f"{names[name]} ({name})" if name in names else f"{name} (not registered)"
