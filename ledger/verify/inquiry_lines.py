"""How is a verified answer to a numbered question read? Its value, and the first of what it lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ledger.canonical_json import JsonValue

_MOST_ROWS: Final = 20
# Lists of an answer, the first of which is its body, and what a line of each says.
_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "findings": ("code", "severity", "subject", "certain"),
    "uses": ("leaf_index", "earliest", "performer", "technology", "name"),
    "groups": (),
    "statements": ("name", "polarity", "codes", "lag_s"),
    "kinds": ("code", "count", "possible"),
    "discrepancies": ("name", "kind", "state"),
    "amended": ("leaf_index", "amendments", "name"),
    "by_source": ("source", "count"),
}


def inquiry_lines(question: Mapping[str, JsonValue], answer: Mapping[str, JsonValue]) -> list[str]:
    """Lines for people; the answer is one that was made anew."""
    asked = ", ".join(f"{name} {value}" for name, value in question["parameters"].items())
    number = f"question {question['inquiry']}: " if question["inquiry"] else "question: "
    lines = [
        f"{number}{answer['text']}",
        f"          {asked or 'everything'}, as of tree size {question['tree_size']}",
        f"answer:   {_value(answer)}",
    ]
    for name, members in _LISTS.items():
        rows: Any = answer.get(name)
        if isinstance(rows, list):
            lines += [f"  {_row(row, members)}" for row in rows[:_MOST_ROWS]]
            if len(rows) > _MOST_ROWS:
                lines.append(f"  … and {len(rows) - _MOST_ROWS} more (--format json shows all)")
            break
    for section in answer.get("sections", []):
        lines.append(f"  {section['title']}")
        lines += [
            f"    {one['count']:>7}  {one['key'] or '(not said)'}" for one in section["figures"]
        ]
    coverage = answer.get("coverage")
    if coverage is not None:
        thin = 'a plain "no" would say too much' if coverage["thin"] else "not thin"
        heard = ", ".join(coverage["heard"]) or "nobody"
        lines.append(f"covers:   heard {heard}; {thin}")
    return [*lines, *(f"          {caveat}" for caveat in answer["caveats"])]


def _value(answer: Mapping[str, JsonValue]) -> str:
    value = answer["value"]
    counted: Any = answer if "count" in answer else value
    said = [value] if isinstance(value, str) else []
    if isinstance(counted, Mapping) and "count" in counted:
        said.append(f"{counted['count']} for certain, {counted['possible']} more possibly")
    return "; ".join(said) or "as follows"


def _row(row: Mapping[str, JsonValue], members: tuple[str, ...]) -> str:
    return "  ".join(_cells(row, members or tuple(row)))


def _cells(row: Mapping[str, JsonValue], members: tuple[str, ...]) -> Iterator[str]:
    for name in members:
        value = row.get(name)
        if value is None:
            yield "(unknown)"
        elif isinstance(value, list):
            yield ", ".join(map(str, value)) or "none"
        else:
            yield str(value) or "(not said)"
