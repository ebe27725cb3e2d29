"""What can be asked of uses, and when does a use match? Shared by server and verifier.

A question is a filter (AIP-160), a grouping or none, and the tree size it speaks of. Time,
performer and technology may be unknown: then a use matches possibly, and is kept apart
from those that match for certain. Any other field that a report does not hold is `none`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.canonical_json import JsonObject, JsonValue
from ledger.errors import Malformed
from ledger.events import DataFlow
from ledger.events.tool_use import PROTECTED_FIELDS
from ledger.filters import (
    And,
    Fact,
    FieldType,
    Not,
    OpenTexts,
    Or,
    Query,
    Schema,
    TextTest,
    check,
    matches,
    parse,
)
from ledger.filters import format as format_filter
from ledger.projections.uses import (
    OPEN_EARLIEST,
    OPEN_LATEST,
    ReasonState,
    UseRow,
    digest_of_reason,
)
from ledger.streams import name_of_stream

TEXT_FIELDS: Final = {
    "agency": "agency",
    "technology": "technology",
    "performer": "performer",
    "source": "source",
    "unit": "unit",
    "purpose": "purpose",
    "offence_class": "offence_class",
    "capability": "capability",
    "acquisition": "acquisition",
    "trigger": "trigger",
    "outcome": "outcome",
    "capture": "capture",
    "case_number": "case_number",
    "import": "import_",
    "credential": "credential_strength",
    "role": "performer_role",
    "category": "object_category",
    "database": "reference_database",
    "version": "technology_version",
}
# Absent means not known, and so possibly anything.
UNKNOWABLE: Final = frozenset({"technology", "performer"})
# Of these too some uses leave open what they say; the views cannot tell such uses apart.
OPEN_FIELDS: Final = frozenset(
    {"ahead", "delay", "reach", "reason", "sequence", "urgency"}
    | {"flow_country", "unpermitted_country"}
)
INTEGER_FIELDS: Final = (
    *("leaf_index", "delay", "ahead", "reach", "sequence", "amendments", "conflicts"),
)
SCHEMA: Final = Schema(
    {
        **dict.fromkeys(TEXT_FIELDS, FieldType.TEXT),
        "authorization": FieldType.TEXT,
        "name": FieldType.TEXT,
        "authority": FieldType.TEXT,
        "reason": FieldType.TEXT,
        "reason_state": FieldType.TEXT,
        "urgency": FieldType.TEXT,
        "verified": FieldType.TEXT,
        "flow_country": FieldType.TEXT,
        "unpermitted_country": FieldType.TEXT,
        "occurred": FieldType.TIME,
        "recorded": FieldType.TIME,
        **dict.fromkeys(INTEGER_FIELDS, FieldType.INTEGER),
    }
)
SUMMARY_KEYS: Final = ("performer", "technology", "agency", "authorization", "month")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Members:
        filter: Canonical filter text; "" asks for every use.
        tree_size: Entries the answer speaks of.
        by: One of SUMMARY_KEYS, or None for a list.
    """

    filter: str
    tree_size: int
    by: str | None = None

    @classmethod
    def ask(cls, filter_text: str, tree_size: int, by: str | None = None) -> Question:
        """Raises FilterMalformed, or Malformed for an unknown grouping."""
        expression = parse(filter_text)
        check(expression, SCHEMA)
        if by is not None and by not in SUMMARY_KEYS:
            raise Malformed("by", f"must be one of {', '.join(SUMMARY_KEYS)}")
        return cls(format_filter(expression), tree_size, by)

    @property
    def query(self) -> Query:
        return check(parse(self.filter), SCHEMA)

    def to_object(self) -> dict[str, JsonValue]:
        found: dict[str, JsonValue] = {"filter": self.filter, "tree_size": self.tree_size}
        if self.by is not None:
            found["by"] = self.by
        return found

    @classmethod
    def from_object(cls, found: JsonObject) -> Question:
        """Raises Malformed: another shape, or a filter that is not in canonical form."""
        tree_size, text, by = found.get("tree_size"), found.get("filter"), found.get("by")
        if type(tree_size) is not int or tree_size < 0 or not isinstance(text, str):
            raise Malformed("question", "must hold filter and tree_size")
        if not set(found) <= {"filter", "tree_size", "by"} or not isinstance(by, str | None):
            raise Malformed("question", "has a member that is not known")
        question = cls.ask(text, tree_size, by)
        if question.filter != text:
            raise Malformed("question.filter", "is not in canonical form")
        return question


def fields_of(query: Query) -> frozenset[str]:
    """The fields a filter speaks of."""
    match query:
        case And(parts) | Or(parts):
            return frozenset().union(*(fields_of(part) for part in parts))
        case Not(part):
            return fields_of(part)
        case leaf:
            return frozenset({leaf.field})


# Who granted an authority may be who acted under it: a verdict depends on what these show.
AUTHORITY_RESTS_ON: Final = frozenset({"performer", "performer_identity", "granting_officer"})


def protected_fields_of(question: Question) -> frozenset[str]:
    """The protected fields that an answer rests on: asked for by the filter or the grouping."""
    grouped = frozenset() if question.by is None else frozenset({question.by})
    asked = fields_of(question.query) | grouped
    rests_on = AUTHORITY_RESTS_ON if "authority" in asked else frozenset()
    return (asked & frozenset(PROTECTED_FIELDS)) | rests_on


def texts_of(query: Query, field: str) -> frozenset[str]:
    """The texts that a filter compares a field with."""
    match query:
        case And(parts) | Or(parts):
            return frozenset().union(*(texts_of(part, field) for part in parts))
        case Not(part):
            return texts_of(part, field)
        case TextTest(name, _, value) if name == field and value is not None:
            return frozenset({value})
        case _:
            return frozenset()


class _StatedReason(tuple[str, ...]):
    """A reason that equals every text which reads the same (digest_of_reason)."""

    digest: int

    @classmethod
    def of(cls, digest: int) -> _StatedReason:
        found = cls(("",))  # not empty: there is a reason
        found.digest = digest
        return found

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and digest_of_reason(text) == self.digest


class _NoAuthority(tuple[str, ...]):
    """What a use that cites nothing stands under: `none`, as a code and as there being none."""

    __slots__ = ()

    def __contains__(self, text: object) -> bool:
        return text == "none"


_CITES_NOTHING: Final = _NoAuthority()


def judge(
    query: Query,
    row: UseRow,
    aliases: Mapping[str, tuple[str, ...]],
    authority: Callable[[UseRow], tuple[str, ...]] | None = None,
) -> bool | None:
    """Does this use match: yes, no, or possibly (None)?

    Args:
        aliases: Technology to all names of the same one, itself included.
        authority: The codes of what a use cites (ledger/rules/verdicts.py); None where nobody
            can tell, which leaves the field open for uses that cite anything.
    """

    def lookup(field: str) -> Fact:
        if field == "authority":
            if not row.authorizations:
                return _CITES_NOTHING
            return None if authority is None else authority(row)
        special = _SPECIAL.get(field)
        if special is not None:
            return special(row)
        value: str | None = getattr(row, TEXT_FIELDS[field])
        if value is None:
            return None if field in UNKNOWABLE else ()
        if field == "technology":
            return aliases.get(value, (value,))
        return (value,)

    return matches(query, lookup)


def _occurred(row: UseRow) -> Fact:
    return (
        None if row.earliest_us == OPEN_EARLIEST else row.earliest_us,
        None if row.latest_us == OPEN_LATEST else row.latest_us,
    )


def _delay(row: UseRow) -> Fact:
    if row.latest_us == OPEN_LATEST:
        return None
    return (row.recorded_us - row.latest_us) // 1_000_000


def _ahead(row: UseRow) -> Fact:
    """How long after its own record a use begins, at the earliest; `delay` of the other end, below 0."""
    if row.earliest_us == OPEN_EARLIEST:
        return None
    return -((row.recorded_us - row.earliest_us) // 1_000_000)


def _reach(row: UseRow) -> Fact:
    if row.earliest_us == OPEN_EARLIEST or row.window_from_us is None:
        return None
    return (row.earliest_us - row.window_from_us) // 1_000_000


def _reason(row: UseRow) -> Fact:
    if row.reason_state in (ReasonState.MASKED, ReasonState.WITHHELD):
        return None
    return () if row.reason_digest is None else _StatedReason.of(row.reason_digest)


def _urgency(row: UseRow) -> Fact:
    if row.urgency_used is None:
        return None
    return ("used",) if row.urgency_used else ("not_used",)


def _verified(row: UseRow) -> Fact:
    if row.human_verified is None:
        return ()
    return ("yes",) if row.human_verified else ("no",)


UNNAMED: Final = "?"  # in `countries`: a flow of which no country is known


def countries(flows: Iterable[DataFlow], *, unpermitted: bool) -> tuple[str, ...]:
    """The countries that data went to, sorted, UNNAMED where a flow names none.

    Args:
        unpermitted: Only of flows that name no permission.
    """
    found: set[str] = set()
    for flow in flows:
        if not unpermitted or flow.permission is None:
            named = {flow.processing_country, flow.storage_country, flow.access_country} - {None}
            found |= {name for name in named if name is not None} or {UNNAMED}
    return tuple(sorted(found))


def _countries(flows: Iterable[DataFlow], *, unpermitted: bool) -> Fact:
    """As a filter reads them: beside a country that is not known, others may be meant."""
    found = countries(flows, unpermitted=unpermitted)
    if UNNAMED not in found:
        return found
    return OpenTexts(name for name in found if name != UNNAMED)


_SPECIAL: Final[Mapping[str, Callable[[UseRow], Fact]]] = {
    "occurred": _occurred,
    "recorded": lambda row: (row.recorded_us, row.recorded_us),
    "authorization": lambda row: row.authorizations,
    "leaf_index": lambda row: row.first,
    "amendments": lambda row: row.amendments,
    "conflicts": lambda row: row.conflicts,
    "sequence": lambda row: row.source_sequence,
    "name": lambda row: (name_of_stream(row.use),),
    "delay": _delay,
    "ahead": _ahead,
    "reach": _reach,
    "reason": _reason,
    "reason_state": lambda row: (row.reason_state.name.lower(),),
    "urgency": _urgency,
    "verified": _verified,
    "flow_country": lambda row: _countries(row.flows, unpermitted=False),
    "unpermitted_country": lambda row: _countries(row.flows, unpermitted=True),
}
