"""What can a rule ask? The closed list of predicates: a pack names one, and its parameters.

    name ──PREDICATES──► UsePredicate | PatternPredicate | RegisterPredicate

Closed, so that a verifier can re-run any rule, and a rule is data that anybody may read.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ledger.errors import Malformed
from ledger.rules import (
    approval_rules,
    authority_rules,
    exposure_rules,
    patterns,
    record_rules,
    register_rules,
    technology_rules,
)
from ledger.rules.kinds import Predicate

PREDICATES: Final[Mapping[str, Predicate]] = MappingProxyType(
    {
        predicate.name: predicate
        for theme in (
            authority_rules.PREDICATES,
            technology_rules.PREDICATES,
            approval_rules.PREDICATES,
            exposure_rules.PREDICATES,
            record_rules.PREDICATES,
            patterns.PREDICATES,
            register_rules.PREDICATES,
        )
        for predicate in theme
    }
)


def predicate_of(name: object, where: str) -> Predicate:
    """The predicate of a name. Raises Malformed, with those there are."""
    found = PREDICATES.get(name) if isinstance(name, str) else None
    if found is None:
        raise Malformed(where, f"must be one of {', '.join(PREDICATES)}")
    return found
