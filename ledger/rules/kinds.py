"""What is a predicate? A name, typed parameters, and a pure function; three kinds of it.

UsePredicate       registers, parameters ──► Judgement      a filter: SQL and verifier judge uses by it
PatternPredicate   uses, parameters ──► Hits                over several uses; says how SQL finds it
RegisterPredicate  registers, parameters ──► Hits           no use needed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed
from ledger.limits import MAX_NAME_CHARS, MAX_RULE_NUMBER, MAX_RULE_TEXTS
from ledger.projections.registers import Registers, Told
from ledger.projections.uses import UseRow

Parameters: TypeAlias = Mapping[str, Any]
REQUIRED: Final = object()


@dataclass(frozen=True, slots=True)
class JudgedStatement:
    """A statement and what the record says of it, judged elsewhere.

    Members:
        certain: Codes of which no use may lie outside the scope, or after the words.
    """

    statement: str
    agency: str | None
    codes: tuple[str, ...]
    leaves: tuple[int, ...]
    lag_us: int | None = None
    certain: tuple[str, ...] | None = None  # None: all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a rule may need beside the registers and one use.

    Members:
        agency: The only one asked about; facts that speak of others are left out.
        as_of_us: When the newest entry was recorded; without it, silence has no end.
        cited: Authorizations that uses cite; None where that was not looked up.
        heard: Source to the moments its reports were recorded, rising.
        discrepancies: What was told of each discrepancy, by its name.
        statements: Statements against the record, judged.
    """

    agency: str | None = None
    as_of_us: int | None = None
    cited: frozenset[str] | None = None
    heard: Mapping[str, Sequence[int]] = field(default_factory=lambda: MappingProxyType({}))
    discrepancies: Mapping[str, Sequence[Told]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    statements: Sequence[JudgedStatement] = ()

    def concerns(self, agency: str | None) -> bool:
        """May a fact of this agency, or of everybody, bear on what is asked?"""
        return agency is None or self.agency is None or agency == self.agency


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One case of a pattern, or of a register's fault.

    Members:
        subject: A resource name: of a source, a holding, an agency.
        agency: Whose it is, if anybody's.
        leaves: Entries it rests on, rising; of many, the first MAX_FINDING_LEAVES.
        certain: False where it may be otherwise.
        detail: Numbers and names that say more.
    """

    subject: str
    agency: str | None
    leaves: tuple[int, ...]
    certain: bool = True
    detail: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: `text`, `texts` or `number`, with a default unless it is REQUIRED.

    Members:
        choices: The only texts there are, if they are limited.
        least: The smallest number.
        joined: A text may be several choices with this between them.
    """

    kind: str
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    least: int = 0
    joined: str | None = None

    def read(self, value: Any, where: str) -> Any:
        """The value, typed. Raises Malformed."""
        if self.kind == "number":
            if type(value) is not int or not self.least <= value <= MAX_RULE_NUMBER:
                raise Malformed(where, f"must be a whole number of {self.least}..{MAX_RULE_NUMBER}")
            return value
        if self.kind == "text":
            return self._text(value, where)
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_RULE_TEXTS:
            raise Malformed(where, f"must be a list of 1..{MAX_RULE_TEXTS} texts")
        return tuple(self._text(item, where) for item in value)

    def _text(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS:
            raise Malformed(where, f"must be a text of 1..{MAX_NAME_CHARS} characters")
        parts = [value] if self.joined is None else value.split(self.joined)
        if self.choices and not set(parts) <= set(self.choices):
            raise Malformed(where, f"must be one of {', '.join(self.choices)}")
        return value


@dataclass(frozen=True, slots=True)
class Predicate:
    """One of the closed list.

    Members:
        name: What a rule calls it.
        summary: What it finds, for people.
        parameters: By name.
        sql: Of a pattern: how a database finds it.
    """

    name: str
    summary: str
    parameters: Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class UsePredicate(Predicate):
    """Compiles to a judgement on each use."""

    compile: Callable[[Registers, Parameters, Context], Any]


@dataclass(frozen=True, slots=True)
class PatternPredicate(Predicate):
    """Looks at many uses at once."""

    find: Callable[[Sequence[UseRow], Registers, Parameters], list[Hit]]
    sql: str


@dataclass(frozen=True, slots=True)
class RegisterPredicate(Predicate):
    """Looks at the registers alone."""

    find: Callable[[Registers, Parameters, Context], list[Hit]]


def read_parameters(predicate: Predicate, given: Mapping[str, Any], where: str) -> Parameters:
    """All parameters of a predicate, typed, defaults filled in.

    Raises:
        Malformed: One is unknown, missing, or of another type.
    """
    for name in given:
        if name not in predicate.parameters:
            known = ", ".join(predicate.parameters) or "none"
            raise Malformed(f"{where}.{name}", f"is no parameter of {predicate.name}: {known}")
    read: dict[str, Any] = {}
    for name, parameter in predicate.parameters.items():
        if name in given:
            read[name] = parameter.read(given[name], f"{where}.{name}")
        elif parameter.default is REQUIRED:
            raise Malformed(f"{where}.{name}", f"is missing: {predicate.name} needs it")
        else:
            read[name] = parameter.default
    return MappingProxyType(read)
