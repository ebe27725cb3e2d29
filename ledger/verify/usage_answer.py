"""How often did an agency use a technology? The question, and the answer that follows.

    proven counts, entries beside them ──usage_answer──► JSON, the same for server and verifier

A proven zero is a zero of the ledger. So an answer speaks of a technology under all its names,
each counted by itself, and of the sources that were heard and those that were not; and an absence
comes with the complete list of what the agency did use, under whatever name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.canonical_json import JsonObject, JsonValue
from ledger.entry import Entry
from ledger.errors import Malformed
from ledger.events import SourceRegistered, ToolUseReported
from ledger.limits import MAX_COUNTED_NAMES
from ledger.projections.answers import Fold
from ledger.usage_index import (
    NONE,
    CountAnswer,
    CountQuestion,
    Days,
    Family,
    Total,
    WholeQuestion,
    day_of_use,
    part,
)

KINDS: Final = ("absence", "count")
_MEMBERS: Final = {"agency", "from", "technology", "to", "tree_size", "usage"}
# leaf index and entry, in leaf order
Told = Sequence[tuple[int, Entry]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuestion:
    """What is asked.

    Members:
        kind: `count`, or `absence`, which shows more around the same count.
        agency, technology: Register names, registered or not.
        days: UTC days, both inclusive.
        tree_size: Entries that the index speaks of.
    """

    kind: str
    agency: str
    technology: str
    days: Days
    tree_size: int

    def counted(self, technology: str) -> CountQuestion:
        """The question as the index is asked it, under one name of the technology."""
        return CountQuestion(
            family=Family.AGENCY_TECHNOLOGY,
            first=self.agency,
            second=technology,
            ranges=(self.days,),
        )

    def listed(self) -> WholeQuestion:
        """All technologies of the agency, over all days."""
        return WholeQuestion(family=Family.AGENCY_TECHNOLOGY, first=self.agency)

    def to_object(self) -> dict[str, JsonValue]:
        return {
            "usage": self.kind,
            "agency": self.agency,
            "technology": self.technology,
            "tree_size": self.tree_size,
            **self.days.to_object(),
        }

    @classmethod
    def from_object(cls, found: JsonObject) -> UsageQuestion:
        """Read it back, strictly. Raises Malformed."""
        if set(found) != _MEMBERS:
            raise Malformed("question", f"must hold {', '.join(sorted(_MEMBERS))}")
        kind, tree_size = found["usage"], found["tree_size"]
        if kind not in KINDS:
            raise Malformed("question.usage", f"must be one of {', '.join(KINDS)}")
        if type(tree_size) is not int or tree_size < 0:
            raise Malformed("question.tree_size", "must be 0 or more")
        for member in ("agency", "technology"):
            if not isinstance(found[member], str):
                raise Malformed(f"question.{member}", "must be a text")
        return cls(
            kind=kind,
            agency=found["agency"],
            technology=found["technology"],
            days=Days.from_object(found),
            tree_size=tree_size,
        )


def fold_of(told: Told) -> Fold:
    """What names stand for, as these entries say. Raises UnknownFact, Malformed."""
    fold = Fold()
    for leaf_index, entry in told:
        fold.add(leaf_index, entry, {})
    return fold


def names_of(technology: str, group: Iterable[str]) -> list[str]:
    """The name asked about, then the others of its group of aliases, sorted.

    Raises:
        Malformed: More than MAX_COUNTED_NAMES.
    """
    found = [technology, *sorted(set(group) - {technology})]
    if len(found) > MAX_COUNTED_NAMES:
        raise Malformed("technology", f"has more than {MAX_COUNTED_NAMES} names on record")
    return found


def usage_answer(
    question: UsageQuestion,
    counts: Mapping[str, CountAnswer],
    groups: Mapping[bytes, Total] | None,
    told: Told,
    technologies: Iterable[str],
) -> dict[str, Any]:
    """The answer, from what was proven and what entries beside it say.

    Args:
        counts: Proven, by name of the technology, as `names_of` orders them.
        groups: Proven, for an absence: each technology's part with its total.
        told: Entries below the question's tree size: registrations, aliases, reports.
        technologies: Names that may stand behind parts; one that does not fit is passed by.
    Raises:
        UnknownFact, Malformed: An entry cannot be folded.
    """
    fold, total = fold_of(told), CountAnswer.summed(list(counts.values()))
    found: dict[str, Any] = {
        **total.to_object(),
        "withdrawn_possibly": total.withdrawn_possibly,
        "aliases": [name for name in counts if name != question.technology],
        "by_name": [_row(name, count) for name, count in counts.items()],
        "sources": _sources(question, told),
    }
    shown = {question.agency, *counts, *(row["source"] for row in found["sources"])}
    if groups is not None:
        found["technologies"] = _technologies(groups, technologies)
        shown |= {row["technology"] for row in found["technologies"] if "technology" in row}
    named = sorted(name for name in shown if name is not None and name in fold.names)
    found["names"] = {name: fold.names[name] for name in named}
    return found


def _row(name: str, count: CountAnswer) -> dict[str, Any]:
    return {
        "technology": name,
        "count": count.count,
        "undated": count.undated,
        "withdrawn": count.withdrawn,
        "withdrawn_undated": count.withdrawn_undated,
    }


def _technologies(groups: Mapping[bytes, Total], names: Iterable[str]) -> list[dict[str, Any]]:
    """Every group: `technology` is null where reports name none, and absent where nobody knows."""
    by_part: dict[bytes, str | None] = {part(name): name for name in names}
    by_part[NONE] = None
    rows: list[dict[str, Any]] = []
    for hashed, total in sorted(groups.items()):
        row: dict[str, Any] = {"count": total.count, "withdrawn": total.withdrawn}
        if hashed in by_part:
            rows.append({"technology": by_part[hashed], **row})
        else:
            rows.append({"part": hashed.hex(), **row})
    return rows


def _sources(question: UsageQuestion, told: Told) -> list[dict[str, Any]]:
    """Who may report for the agency, and whether they did about these days."""
    found: dict[str, dict[str, Any]] = {}

    def of(source: str) -> dict[str, Any]:
        return found.setdefault(source, {"source": source, "registered": False})

    for leaf_index, entry in told:
        fact = entry.fact()
        if isinstance(fact, SourceRegistered) and fact.agency == question.agency:
            of(fact.source)["registered"] = True
        elif (
            isinstance(fact, ToolUseReported)
            and fact.agency == question.agency
            and entry.source is not None
        ):
            row, day = of(entry.source), day_of_use(fact.occurred)
            row["latest_report"] = {"leaf_index": leaf_index, "recorded_at": entry.recorded_at}
            if day is not None and question.days.first <= day <= question.days.last:
                row.setdefault("heard_in_period", leaf_index)
    return [row for _, row in sorted(found.items())]
