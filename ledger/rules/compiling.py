"""Which uses does a rule of a pack find? The predicate, within the bounds of rule, pack and question.

UsePredicate, Registers at N ──compile_rule──► Judgement ──► SQL, or judge (findings.py)
"""

from __future__ import annotations

from ledger.projections.registers import Registers
from ledger.rules.active import ActivePack
from ledger.rules.judgement import (
    ALWAYS,
    Judgement,
    all_of,
    bounded,
    exactly,
    not_,
    says,
    says_any,
)
from ledger.rules.kinds import Context, UsePredicate
from ledger.rules.packs import Rule
from ledger.rules.technology_facts import categories


def compile_rule(
    active: ActivePack, rule: Rule, registers: Registers, context: Context
) -> Judgement:
    """A rule about single uses as a condition on them, the pack's bounds included.

    Raises:
        RuleTooLarge: It needs more conditions than can be judged.
    """
    assert isinstance(rule.predicate, UsePredicate)
    found: Judgement = rule.predicate.compile(registers, rule.parameters, context)
    scope = [scope_of(active, registers)]
    scope += [] if rule.applies_to is None else [exactly(rule.applies_to)]
    scope += [] if context.agency is None else [says("agency", context.agency)]
    return bounded(all_of((*scope, found)), f"{active.pack.name}/{rule.code}")


def scope_of(active: ActivePack, registers: Registers) -> Judgement:
    """The uses that a pack looks at: of its agencies, by its filter, of its kinds of technology.

    A technology that was registered under no category may be of any.
    """
    pack = active.pack
    parts = [] if pack.applies_to is None else [exactly(pack.applies_to)]
    if active.agencies is not None:
        parts.append(says_any("agency", active.agencies))
    elif active.others:
        parts.append(not_(says_any("agency", active.others)))
    if pack.categories:
        known = categories(registers)
        inside = [name for name, of in known.items() if of & set(pack.categories)]
        outside = [name for name, of in known.items() if of and not of & set(pack.categories)]
        certain = says_any("technology", inside).certain
        parts.append(Judgement(certain, not_(says_any("technology", outside)).possible))
    return all_of(parts) if parts else ALWAYS
