"""Is this a rule pack, and whole? TOML over the closed list of predicates, checked and hashed.

bytes ──read_pack──► Pack: rules with typed parameters, grace, bounds, examples, SHA-256
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from ledger.errors import Malformed
from ledger.filters import Query, check, parse
from ledger.limits import (
    MAX_CODE_CHARS,
    MAX_GRACE_HOURS,
    MAX_NAME_CHARS,
    MAX_PACK_BYTES,
    MAX_PACK_EXAMPLES,
    MAX_PACK_RULES,
    MAX_RULE_TEXTS,
)
from ledger.projections.questions import SCHEMA
from ledger.rules.kinds import Parameters, Predicate, UsePredicate, read_parameters
from ledger.rules.predicates import predicate_of

SEVERITIES: Final = ("info", "low", "medium", "high")
_HOUR_US: Final = 3_600_000_000
_CODE: Final = re.compile(r"[a-z][a-z0-9_]*")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*")
_PACK: Final = {
    **dict.fromkeys(("name", "version", "title", "jurisdiction", "legal_basis"), str),
    "grace_hours": int,
    "applies_to": str,
    "categories": list,
    "note": str,
}
_RULE: Final = {
    **dict.fromkeys(("code", "title", "severity", "legal_reference", "predicate"), str),
    "parameters": dict,
    "applies_to": str,
    "note": str,
}
_NEEDED: Final = {
    "pack": ("name", "version", "title"),
    "rule": ("code", "title", "severity", "predicate"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pack.

    Members:
        code: What its findings are called.
        severity: One of SEVERITIES.
        applies_to: The uses it looks at, beside the pack's own bounds; None: all.
        note: What a reader of a finding should know; "" where there is nothing.
    """

    code: str
    title: str
    severity: str
    legal_reference: str
    predicate: Predicate
    parameters: Parameters
    applies_to: Query | None
    note: str


@dataclass(frozen=True, slots=True)
class Pack:
    """A rule pack. Made by `read_pack`, which checks it.

    Members:
        grace_us: How long after a use its authority may follow.
        applies_to, categories: The uses it looks at: by a filter, and by what their technology is
            registered as; None and empty: all.
        examples: As they stand in the file, for ledger/rules/examples.py.
        sha256: Over the bytes of the file, in hex.
    """

    name: str
    version: str
    title: str
    jurisdiction: str
    legal_basis: str
    grace_us: int
    applies_to: Query | None
    categories: tuple[str, ...]
    note: str
    rules: tuple[Rule, ...]
    examples: tuple[Mapping[str, Any], ...]
    sha256: str


def read_pack(data: bytes) -> Pack:
    """Read and check a pack.

    Raises:
        Malformed: Not TOML, too large, or a member is unknown, missing or of another type; the
            field says which, as `rule[2].parameters.hours`, counted from 0.
    """
    if len(data) > MAX_PACK_BYTES:
        raise Malformed("pack", f"has more than {MAX_PACK_BYTES} bytes")
    try:
        found = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise Malformed("pack", f"is not TOML: {error}") from None
    for key in found:
        if key not in ("pack", "rule", "example"):
            raise Malformed(key, "is not a part of a pack: pack, rule, example")
    head = _table(found.get("pack"), _PACK, "pack")
    rules = tuple(
        _rule(item, f"rule[{number}]")
        for number, item in enumerate(_tables(found, "rule", MAX_PACK_RULES))
    )
    codes = [rule.code for rule in rules]
    if not rules or len(set(codes)) != len(codes):
        raise Malformed("rule", "must be there, and no code may stand twice")
    hours = head.get("grace_hours", 0)
    if not 0 <= hours <= MAX_GRACE_HOURS:
        raise Malformed("pack.grace_hours", f"must lie in 0..{MAX_GRACE_HOURS}")
    return Pack(
        name=_matching(_NAME, head["name"], "pack.name"),
        version=_matching(_NAME, head["version"], "pack.version"),
        title=head["title"],
        jurisdiction=head.get("jurisdiction", ""),
        legal_basis=head.get("legal_basis", ""),
        grace_us=hours * _HOUR_US,
        applies_to=_filter(head.get("applies_to"), "pack.applies_to"),
        categories=_texts(head.get("categories", []), "pack.categories"),
        note=head.get("note", ""),
        rules=rules,
        examples=tuple(_tables(found, "example", MAX_PACK_EXAMPLES)),
        sha256=sha256(data).hexdigest(),
    )


def _rule(found: Mapping[str, Any], where: str) -> Rule:
    found = _table(found, _RULE, where)
    if found["severity"] not in SEVERITIES:
        raise Malformed(f"{where}.severity", f"must be one of {', '.join(SEVERITIES)}")
    predicate = predicate_of(found["predicate"], f"{where}.predicate")
    bounds = _filter(found.get("applies_to"), f"{where}.applies_to")
    if bounds is not None and not isinstance(predicate, UsePredicate):
        raise Malformed(f"{where}.applies_to", "is for rules about single uses")
    return Rule(
        code=_matching(_CODE, found["code"], f"{where}.code"),
        title=found["title"],
        severity=found["severity"],
        legal_reference=found.get("legal_reference", ""),
        predicate=predicate,
        parameters=read_parameters(predicate, found.get("parameters", {}), f"{where}.parameters"),
        applies_to=bounds,
        note=found.get("note", ""),
    )


def _tables(found: Mapping[str, Any], key: str, most: int) -> list[Mapping[str, Any]]:
    tables = found.get(key, [])
    if not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
        raise Malformed(key, f"must be written as [[{key}]]")
    if len(tables) > most:
        raise Malformed(key, f"stands more than {most} times")
    return tables


def _table(found: Any, members: Mapping[str, type], where: str) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise Malformed(where, "is missing, or no table")
    for key, value in found.items():
        if key not in members:
            raise Malformed(f"{where}.{key}", f"is not known here: {', '.join(members)}")
        if type(value) is not members[key]:
            raise Malformed(f"{where}.{key}", f"must be of type {members[key].__name__}")
    for key in _NEEDED[where.partition("[")[0]]:
        if not found.get(key):
            raise Malformed(f"{where}.{key}", "is missing")
    return found


def _matching(pattern: re.Pattern[str], text: str, where: str) -> str:
    if not pattern.fullmatch(text) or len(text) > MAX_CODE_CHARS:
        raise Malformed(where, f"must match {pattern.pattern}, {MAX_CODE_CHARS} characters at most")
    return text


def _texts(found: list[Any], where: str) -> tuple[str, ...]:
    bounded = all(isinstance(item, str) and 0 < len(item) <= MAX_NAME_CHARS for item in found)
    if len(found) > MAX_RULE_TEXTS or not bounded:
        raise Malformed(where, f"must be a list of up to {MAX_RULE_TEXTS} texts")
    return tuple(found)


def _filter(text: str | None, where: str) -> Query | None:
    if text is None:
        return None
    try:
        return check(parse(text), SCHEMA)
    except Malformed as error:
        raise Malformed(where, error.reason) from None
