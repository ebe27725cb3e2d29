"""What is exported of one use? What it says now, each entry that made it so, and the verdicts.

(leaf index, bytes, shown) ──line_of──► Line … ──record_of──► UseRecord
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from ledger.canonical_json import JsonValue
from ledger.entry import Entry, decode_entry
from ledger.errors import Malformed
from ledger.events import (
    DataFlowReported,
    Fact,
    OutcomeReported,
    ToolUseAmended,
    ToolUseReported,
)
from ledger.events.tool_use import PROTECTED_FIELDS
from ledger.merkle import leaf_hash
from ledger.projections.uses import UseRow, changed, reported
from ledger.rules.verdicts import Verdict, authority_of_use
from ledger.streams import name_of_stream

# Beside those of a use: who granted what it cites.
DISCLOSABLE: Final = (*PROTECTED_FIELDS, "granting_officer")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a use.

    Members:
        leaf_index, leaf_hash: Its place, and the 32 bytes that stand for it in the tree.
        entry, fact: What it says.
        shown: Protected values that are disclosed here, by field.
    """

    leaf_index: int
    leaf_hash: bytes
    entry: Entry
    fact: Fact
    shown: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class UseRecord:
    """One use, as of the export's tree size.

    Members:
        row: What the fold says of it.
        said: The report as amended; flows and outcome told since are in it.
        certain: False where it only may match what was asked for.
        lines: All of its entries, the report first.
        verdicts: On each authorization it cites, under the grace of its agency's packs.
        disclosed: Protected values as they stand now, by field.
    """

    row: UseRow
    said: ToolUseReported
    certain: bool
    lines: tuple[Line, ...]
    verdicts: tuple[Verdict, ...]
    disclosed: Mapping[str, JsonValue]

    @property
    def name(self) -> str:
        """Its resource name, `toolUses/…`."""
        return name_of_stream(self.row.use)

    @property
    def report(self) -> Line:
        return self.lines[0]

    @property
    def authority(self) -> Verdict:
        """The verdict on the use as a whole."""
        return authority_of_use(self.row, self.verdicts)

    @property
    def moment(self) -> str | None:
        """When it took place, if that is known to the moment; RFC 3339."""
        when = self.said.occurred
        known = when is not None and when.earliest is not None and when.earliest == when.latest
        return when.earliest if known and when is not None and when.date is None else None

    def flows(self) -> list[dict[str, str]]:
        """Where its data went, what is not known left out."""
        return [flow.to_object() for flow in self.row.flows]


def line_of(leaf_index: int, data: bytes, shown: Mapping[str, JsonValue]) -> Line:
    """Read one entry; its hash is made here, from the bytes. Raises as decode_entry and fact()."""
    entry = decode_entry(data)
    return Line(leaf_index, leaf_hash(data), entry, entry.fact(), shown)


def record_of(lines: Sequence[Line], *, certain: bool, verdicts: Sequence[Verdict]) -> UseRecord:
    """Fold the entries of one use.

    Args:
        lines: Of one stream, in leaf order, the report first.
    Raises:
        Malformed: They do not begin with a report.
    """
    if not lines or not isinstance(lines[0].fact, ToolUseReported):
        raise Malformed("entries", "must begin with the report of a use")
    first, said = lines[0], lines[0].fact
    row = reported(said, first.entry, first.leaf_index, first.shown)
    disclosed = dict(first.shown)
    for line in lines[1:]:
        next_row = changed(row, line.fact, line.leaf_index, entry=line.entry, shown=line.shown)
        row = next_row or row
        said = _next(said, line.fact)
        if isinstance(line.fact, ToolUseAmended | OutcomeReported):
            for field in line.entry.protected:  # given anew: the old value holds no longer
                disclosed.pop(field, None)
            disclosed |= line.shown
    disclosed.pop("performer", None)  # the pseudonym, which the row has
    ordered = {field: disclosed[field] for field in sorted(disclosed)}
    return UseRecord(row, said, certain, tuple(lines), tuple(verdicts), ordered)


def _next(said: ToolUseReported, fact: Fact) -> ToolUseReported:
    """The report as one more entry leaves it."""
    if isinstance(fact, ToolUseAmended):
        new: dict[str, Any] = dict.fromkeys(fact.unset)
        for member in fields(fact.to):
            if (value := getattr(fact.to, member.name)) is not None:
                new[member.name] = value
        return replace(said, **new)
    if isinstance(fact, OutcomeReported):
        return replace(said, outcome=fact.outcome)
    if isinstance(fact, DataFlowReported):
        return replace(said, data_flows=(*(said.data_flows or ()), *fact.data_flows))
    return said
