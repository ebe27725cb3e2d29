"""Which uses does a question ask for? The scope of the question, and a predicate of the rules.

Asked, Registers ──use_rule("after_suspension")──► Judgement over uses
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from ledger.events import SourceRegistered
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker
from ledger.inquiries.scoping import scope_of
from ledger.rules.active import active_packs
from ledger.rules.judgement import Judgement, all_of, any_of, not_, says, says_any
from ledger.rules.kinds import Context, UsePredicate
from ledger.rules.packs import Rule
from ledger.rules.predicates import PREDICATES

Find: TypeAlias = Callable[[Asker, Asked], Judgement]
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


def in_scope(asker: Asker, asked: Asked) -> Judgement:
    """Every use in the scope of a question."""
    return scope_of(asked, asker.registers())


def saying(*found: Judgement) -> Find:
    """Uses in scope that say something."""

    def find(asker: Asker, asked: Asked) -> Judgement:
        return all_of((in_scope(asker, asked), *found))

    return find


def by_rule(name: str, parameters: Mapping[str, Any] = _NONE) -> Find:
    """Uses in scope that a predicate finds, with its defaults where nothing else is given."""
    predicate = PREDICATES[name]
    assert isinstance(predicate, UsePredicate)
    defaults = {key: parameter.default for key, parameter in predicate.parameters.items()}

    def find(asker: Asker, asked: Asked) -> Judgement:
        registers, context = asker.registers(), Context(agency=asked.text("agency"))
        judged: Judgement = predicate.compile(registers, {**defaults, **parameters}, context)
        return all_of((scope_of(asked, registers), judged))

    return find


def any_find(*finds: Find) -> Find:
    """Uses that one of these finds."""

    def find(asker: Asker, asked: Asked) -> Judgement:
        # The scope once more, outside: it bounds what is read.
        return all_of((in_scope(asker, asked), any_of(one(asker, asked) for one in finds)))

    return find


def without_valid_authority(asker: Asker, asked: Asked) -> Judgement:
    """Uses that cite nothing which was valid at that moment and there beforehand.

    Beside one that cannot be told, that is possible.
    """
    scope, valid = in_scope(asker, asked), says("authority", "valid_before")
    shown_to_be_without = not_(any_of((valid, says("authority", "unknown"))))
    found = all_of((scope, not_(valid)))
    return Judgement(all_of((scope, shown_to_be_without)).certain, found.possible)


def attached_afterwards(asker: Asker, asked: Asked) -> Judgement:
    """Uses with an authority that was granted or linked after them, within grace or not."""
    late = says_any("authority", ("attached_late", "ratified_in_grace"))
    return all_of((in_scope(asker, asked), late))


def by_others(asker: Asker, asked: Asked) -> Judgement:
    """Uses by other agencies of what is this agency's: reported by its sources, or of its database."""
    agency = asked.text("agency") or ""
    registers = asker.registers()
    sources = [
        name
        for name, _told, fact in registers.told("source", SourceRegistered)
        if fact.agency == agency
    ]
    scope = scope_of(asked.without("agency"), registers)
    ours = any_of((says_any("source", sources), says("database", agency)))
    return all_of((scope, not_(says("agency", agency)), ours))


def rules_of(asker: Asker, agency: str | None, predicate: str) -> list[tuple[str, Rule]]:
    """The rules of active packs that use a predicate, each with its pack and version."""
    return [
        (f"{active.pack.name}/{active.pack.version}", rule)
        for active in active_packs(asker.registers(), agency)
        for rule in active.pack.rules
        if rule.predicate.name == predicate
    ]


def grace_us(asker: Asker, agency: str | None) -> int:
    """The longest grace that an active pack allows this agency, in microseconds."""
    return max((one.pack.grace_us for one in active_packs(asker.registers(), agency)), default=0)
