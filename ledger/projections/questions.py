"""What can be asked of uses, and when does a use match? Shared by server and verifier.

A question is a filter (AIP-160), a grouping or none, and the tree size it speaks of. Time,
performer and technology may be unknown: then a use matches possibly, and is kept apart
from those that match for certain. Any other field that a report does not hold is `none`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.canonical_json import JsonObject, JsonValue
from ledger.errors import Malformed
from ledger.events.tool_use import PROTECTED_FIELDS
from ledger.filters import (
    And,
    FieldType,
    Not,
    Or,
    Query,
    Schema,
    TextTest,
    check,
    matches,
    parse,
)
from ledger.filters import format as format_filter
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST, UseRow
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
}
# Absent means not known, and so possibly anything.
UNKNOWABLE: Final = frozenset({"technology", "performer"})
SCHEMA: Final = Schema(
    {
        **dict.fromkeys(TEXT_FIELDS, FieldType.TEXT),
        "authorization": FieldType.TEXT,
        "name": FieldType.TEXT,
        "occurred": FieldType.TIME,
        "leaf_index": FieldType.INTEGER,
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


def protected_fields_of(question: Question) -> frozenset[str]:
    """The protected fields that an answer rests on: asked for by the filter or the grouping."""
    grouped = frozenset() if question.by is None else frozenset({question.by})
    return (fields_of(question.query) | grouped) & frozenset(PROTECTED_FIELDS)


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


def judge(query: Query, row: UseRow, aliases: Mapping[str, tuple[str, ...]]) -> bool | None:
    """Does this use match: yes, no, or possibly (None)?

    Args:
        aliases: Technology to all names of the same one, itself included.
    """

    def lookup(field: str) -> tuple[str, ...] | tuple[int | None, int | None] | int | None:
        if field == "occurred":
            return (
                None if row.earliest_us == OPEN_EARLIEST else row.earliest_us,
                None if row.latest_us == OPEN_LATEST else row.latest_us,
            )
        if field == "authorization":
            return row.authorizations
        if field == "leaf_index":
            return row.first
        if field == "name":
            return (name_of_stream(row.use),)
        value: str | None = getattr(row, TEXT_FIELDS[field])
        if value is None:
            return None if field in UNKNOWABLE else ()
        if field == "technology":
            return aliases.get(value, (value,))
        return (value,)

    return matches(query, lookup)
