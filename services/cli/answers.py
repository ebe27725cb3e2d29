"""How is an answer read? A sentence first, then what is behind it, what it covers, what it leaves open.

answer (JSON) ──print_answer──► value in words ─► tables ─► coverage ─► caveats
                                JSON: as it is    CSV: its main list
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.cli.options import Format
from services.cli.output import plain, print_object, print_rows

_USES: Final = {
    "leaf": "leaf_index",
    "earliest": "earliest",
    "latest": "latest",
    "performer": "performer",
    "technology": "technology",
    "unit": "unit",
    "authority": "authority.verdict",
    "certain": "definite",
}
_FINDINGS: Final = {
    "code": "code",
    "severity": "severity",
    "subject": "subject",
    "certain": "certain",
    "entries": "leaf_indexes",
    "law": "legal_reference",
}
_STATEMENTS: Final = {
    "statement": "name",
    "polarity": "polarity",
    "made": "made.latest",
    "verdicts": "codes",
    "lag s": "lag_s",
}
_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    **dict.fromkeys(("uses", "amended", "withdrawn"), _USES),
    "findings": _FINDINGS,
    "statements": _STATEMENTS,
}
# What else stands in an answer is said in the sentence, or below the tables.
_SAID: Final = (
    *("question", "text", "parameters", "as_of", "value", "count", "possible", "basis"),
    *("basis_total", "coverage", "caveats", "next", "by", "grace_s", "open"),
)
_FIRST: Final = ("rules", "findings", "uses", "groups", "kinds", "statements", "sections")
# The list of an answer that is its body, in a CSV.
_BODY: Final = (
    *("findings", "uses", "groups", "statements", "sections", "discrepancies", "kinds"),
    *("amended", "impossible", "by_source"),
)
_FEW: Final = 5  # members of a list that a cell of a table shows
_LAST: Final = ("count", "possible", "of", "rate_per_10000", "by_unit", "certain")


def print_answer(answer: Mapping[str, Any], form: Format) -> None:
    """Print an answer to a numbered question, or findings."""
    if form is Format.JSON:
        print_object(answer, form)
    elif form is Format.CSV:
        rows = _body(answer)
        print_rows(rows, {name: name for name in _names(rows)}, form)
    else:
        _print_text(answer)


def _print_text(answer: Mapping[str, Any]) -> None:
    print(plain(answer["text"]))
    print(plain(sentence(answer)))
    if isinstance(answer["value"], Mapping) and "count" not in answer["value"]:
        for name, value in answer["value"].items():
            _print_part(name, value)
    parts = [name for name in answer if name not in _SAID]
    for name in sorted(parts, key=lambda name: _FIRST.index(name) if name in _FIRST else 99):
        _print_part(name, answer[name])
    if "coverage" in answer:
        print("\nWhat this covers")
        for line in coverage_lines(answer["coverage"]):
            print(f"  {plain(line)}")
    print("\nTo keep in mind")
    for line in answer["caveats"]:
        print(f"  - {plain(line)}")
    print(f"  - as of the first {answer['as_of']} entries; rests on {answer['basis_total']} listed")


def sentence(answer: Mapping[str, Any]) -> str:
    """The value, as one says it."""
    value = answer["value"]
    counted = answer if "count" in answer else value
    numbers = ""
    if isinstance(counted, Mapping) and "count" in counted:
        things = "findings" if "findings" in answer else "uses"
        numbers = f"{counted['count']} {things} for certain, {counted['possible']} more possibly"
    if value == "not_recorded":
        return "Not recorded."
    if value == "thin":
        return 'A "no" would be thin: it would say more than anybody here can know.'
    if value == "covered":
        return 'A "no" would be covered: everybody who could report was heard.'
    if "kinds" in answer:
        kinds = ", ".join(f"{kind['code']} {kind['count']}" for kind in answer["kinds"])
        copied = f"; {len(answer['copied'])} reasons stand in many uses of one month"
        return f"{value.capitalize()}: of {answer['uses']['count']} uses {kinds}{copied}."
    if "statements" in answer:
        against = sum(
            any("contradicted" in code for code in one["codes"]) for one in answer["statements"]
        )
        return f"{value.capitalize()}: {against} of {len(answer['statements'])} statements contradicted."
    if "open" in answer:
        agree = "Yes" if value == "yes" else "No"
        return f"{agree}: {answer['open']} differences stand open."
    if value == "no":
        return f"No: none on record{f' ({numbers})' if numbers else ''}."
    if value in ("yes", "possibly"):
        return f"{value.capitalize()}{f': {numbers}' if numbers else ''}."
    return f"{numbers[:1].upper()}{numbers[1:]}." if numbers else "As follows."


def coverage_lines(coverage: Mapping[str, Any]) -> list[str]:
    """Sources heard and silent, and what has no source."""
    lines = []
    for name, said in (
        ("heard", "heard"),
        ("silent", "silent in this time"),
        ("nil_returns", "attested that there was nothing"),
        ("gaps", "declared a gap"),
        ("unconnected", "held, with no source behind it"),
    ):
        if coverage[name]:
            lines.append(f"{said}: {', '.join(coverage[name])}")
    if not coverage["heard"] and not coverage["nil_returns"]:
        lines.append("nobody was heard, and nobody attested that there was nothing")
    lines.append("thin: a plain no would say too much" if coverage["thin"] else "not thin")
    return lines


def _print_part(name: str, value: Any) -> None:
    """One member of an answer, as a table under its name."""
    if not value and value != 0:
        return
    title = name.replace("_", " ").capitalize()
    if isinstance(value, Mapping):
        if all(isinstance(part, Mapping | list) for part in value.values()):
            for key, part in value.items():
                _print_part(f"{name}: {key}", part)
        else:
            print(f"\n{plain(title)}")
            print_object(value, Format.TABLE)
    elif isinstance(value, list):
        if name == "sections":
            for section in value:
                _print_part(section["title"], section["figures"])
            return
        print(f"\n{plain(title)}")
        if isinstance(value[0], Mapping):
            headings = {part.replace("_", " "): part for part in _names(value)}
            columns = _COLUMNS.get(name) or headings
            print_rows(map(_shortened, value), columns, Format.TABLE)
        else:
            print(plain(", ".join(map(str, value))))
    else:
        print(f"{plain(title)}: {plain(str(value))}")


def _shortened(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose lists are short: the first few entries, and how many there are."""
    return {name: _short(value) for name, value in row.items()}


def _short(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], Mapping):
        return f"{len(value)}: " + "; ".join(_words(one) for one in value[:_FEW])
    more = [f"… {len(value)} in all"] if len(value) > _FEW else []
    return [*value[:_FEW], *more]


def _words(found: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in found.values() if value not in ("", []))


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Members of rows: what it is first, then how many, then the entries."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "basis"))
    return sorted(names, key=lambda name: (name in _LAST) + 2 * name.startswith("leaf_index"))


def _body(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    for name in _BODY:
        value = answer.get(name)
        if name == "sections" and value:
            return [
                {"section": section["title"], **figure}
                for section in value
                for figure in section["figures"]
            ]
        if isinstance(value, list):
            return value
    return [{name: answer[name] for name in ("question", "value")}]
