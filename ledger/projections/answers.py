"""From entries to an answer, with nothing else: the fold that a verifier re-runs.

    [(leaf index, entry, disclosed values)] ──Fold.add──► rows, names ──answer──► JSON

The server answers `prove` with this very code, over the entries it puts into the bundle;
that its database says the same is a law in tests/laws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.errors import Malformed
from ledger.events import (
    AgencyRegistered,
    AuthorizationGranted,
    Fact,
    ImportWithdrawn,
    SourceRegistered,
    TechnologyRegistered,
    ToolUseReported,
)
from ledger.projections.questions import Question, judge
from ledger.projections.registers import Aliases, Registers
from ledger.projections.uses import (
    OPEN_EARLIEST,
    OPEN_LATEST,
    UseRow,
    UseState,
    changed,
    month_text,
    reported,
)
from ledger.streams import name_of_stream
from ledger.times import text_of_us


class Fold:
    """Uses and names as some entries tell them; add entries in leaf order."""

    def __init__(self) -> None:
        self.uses: dict[str, UseRow] = {}
        self.registers = Registers()
        self.names: dict[str, str] = {}
        self.withdrawn_imports: set[str] = set()
        self._next = 0

    def add(self, leaf_index: int, entry: Entry, shown: Mapping[str, JsonValue]) -> None:
        """Fold one entry.

        Raises:
            UnknownFact: This release has no fold for the entry.
            Malformed: Entries are out of order, or a change comes before its report.
        """
        if leaf_index < self._next:
            raise Malformed("entries", "must stand in rising leaf order")
        self._next = leaf_index + 1
        fact = entry.fact()
        self.registers.add(leaf_index, entry, shown)
        kind = entry.stream.partition("/")[0]
        if isinstance(fact, ToolUseReported):
            if entry.stream in self.uses:
                raise Malformed("entries", "report the same use twice")
            self.uses[entry.stream] = reported(fact, entry, leaf_index, shown)
        elif kind == "tool_use":
            row = self.uses.get(entry.stream)
            if row is None:
                raise Malformed("entries", "change a use whose report is not here")
            self.uses[entry.stream] = (
                changed(row, fact, leaf_index, entry=entry, shown=shown) or row
            )
        else:
            self._register(fact, entry)

    def _register(self, fact: Fact, entry: Entry) -> None:
        if isinstance(fact, AgencyRegistered):
            self.names[fact.agency] = fact.name
        elif isinstance(fact, TechnologyRegistered):
            self.names[fact.technology] = fact.name
        elif isinstance(fact, SourceRegistered):
            self.names[fact.source] = fact.name
        elif isinstance(fact, AuthorizationGranted):
            self.names[fact.authorization] = fact.identifier or fact.kind
        elif isinstance(fact, ImportWithdrawn):
            self.withdrawn_imports.add(name_of_stream(entry.stream))

    def authority(self) -> Callable[[UseRow], tuple[str, ...]] | None:
        """Who tells the verdicts on what a use cites: nobody here; rules.fold.JudgedFold does."""
        return None

    @property
    def aliases(self) -> Aliases:
        """Which technologies are one."""
        return self.registers.aliases

    def counted(self, row: UseRow) -> bool:
        """True where a use is neither withdrawn, by itself or its import, nor told twice."""
        return row.state is UseState.COUNTED and row.import_ not in self.withdrawn_imports


def answer(question: Question, fold: Fold) -> dict[str, Any]:
    """The answer to a question, from what was folded.

    Returns:
        For a list: `uses` in leaf order, `count`, `possible`. For a summary: `groups` by
        key, `count`, `possible`. `names` says what registered names stand for.
    """
    query, groups, authority = question.query, fold.aliases.groups(), fold.authority()
    matched: list[tuple[UseRow, bool]] = []
    for row in fold.uses.values():
        if fold.counted(row):
            verdict = judge(query, row, groups, authority)
            if verdict is not False:
                matched.append((row, verdict is True))
    count = sum(definite for _, definite in matched)
    found: dict[str, Any] = {"count": count, "possible": len(matched) - count}
    if question.by is None:
        found["uses"] = [use_object(row, definite) for row, definite in matched]
    else:
        found["groups"] = _groups(question.by, matched, fold)
    found["names"] = _names(matched, fold)
    return found


def use_object(row: UseRow, definite: bool) -> dict[str, Any]:
    """One use in a list; what is not known is absent."""
    found: dict[str, Any] = {
        "agency": row.agency,
        "authorizations": list(row.authorizations),
        "definite": definite,
        "leaf_index": row.first,
        "name": name_of_stream(row.use),
    }
    if row.earliest_us != OPEN_EARLIEST:
        found["earliest"] = text_of_us(row.earliest_us)
    if row.latest_us != OPEN_LATEST:
        found["latest"] = text_of_us(row.latest_us)
    for member in ("technology", "performer", "case_number"):
        if (value := getattr(row, member)) is not None:
            found[member] = value
    return found


def keys_of(by: str, row: UseRow, aliases: Aliases) -> tuple[str, ...]:
    """The groups a use counts in; "" where the value is not known or none is cited."""
    if by == "authorization":
        return row.authorizations or ("",)
    if by == "month":
        return ("" if row.month is None else month_text(row.month),)
    if by == "technology":
        return ("" if row.technology is None else aliases.head(row.technology),)
    return (getattr(row, by) or "",)


def _groups(by: str, matched: list[tuple[UseRow, bool]], fold: Fold) -> list[dict[str, Any]]:
    counts: dict[str, list[int]] = {}
    for row, definite in matched:
        for key in keys_of(by, row, fold.aliases):
            counts.setdefault(key, [0, 0])[0 if definite else 1] += 1
    return [
        {"count": count, "key": key, "possible": possible}
        for key, (count, possible) in sorted(counts.items())
    ]


def _names(matched: list[tuple[UseRow, bool]], fold: Fold) -> dict[str, str]:
    used: set[str | None] = set()
    for row, _ in matched:
        used.update((row.agency, row.technology, row.source, *row.authorizations))
    return {name: fold.names[name] for name in sorted(filter(None, used)) if name in fold.names}
