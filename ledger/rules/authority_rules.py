"""Which uses stood under no authority, a late or an invalid one? Predicates on computed verdicts.

The field `authority` holds the verdict codes of a use's citations, under the pack's grace: within
it an `attached_late` reads `ratified_in_grace`.
"""

from __future__ import annotations

from typing import Final

from ledger.errors import Unverifiable
from ledger.projections.registers import Registers
from ledger.rules.judgement import Judgement, all_of, any_of, not_, says, says_any
from ledger.rules.kinds import Context, Parameter, Parameters, UsePredicate
from ledger.rules.technology_rules import unregistered
from ledger.rules.verdicts import CODES


def no_authority(_registers: Registers, _given: Parameters, _context: Context) -> Judgement:
    """Uses that cite no authorization."""
    return says("authorization", None)


def authority_is(_registers: Registers, given: Parameters, _context: Context) -> Judgement:
    """Uses whose verdict as a whole is one of these (verdicts.authority_of_use)."""
    return any_of(_whole_is(code) for code in given["codes"])


def _whole_is(code: str) -> Judgement:
    if code == "none":
        return says("authorization", None)
    better = not_(says_any("authority", CODES[: CODES.index(code)]))
    if code in ("valid_before", "unknown"):
        return all_of((says("authority", code), better))
    # Beside one that cannot be told, another is the best there is, or is not.
    known = [other for other in CODES[: CODES.index(code)] if other != "unknown"]
    maybe = all_of((says("authority", code), not_(says_any("authority", known))))
    return Judgement(all_of((says("authority", code), better)).certain, maybe.possible)


def unknown_name(registers: Registers, given: Parameters, context: Context) -> Judgement:
    """Uses that name something the register does not hold: it is recorded all the same.

    Raises:
        Unverifiable: Authorizations are asked for, and nobody looked up which ones uses cite.
    """
    kinds = given["kinds"]
    found = []
    if "technology" in kinds:
        found.append(unregistered(registers, {}, context))
    if "source" in kinds:
        named = not_(says("source", None))
        found.append(all_of((named, not_(says_any("source", registers.names("source"))))))
    if "authorization" in kinds:
        if context.cited is None:
            raise Unverifiable("it is not known here which authorizations the uses cite")
        strange = sorted(name for name in context.cited if not registers.is_registered(name))
        found.append(says_any("authorization", strange))
    return any_of(found)


PREDICATES: Final = (
    UsePredicate("no_authority", "a use that cites no authorization", {}, no_authority),
    UsePredicate(
        "authority_is",
        "a use whose authority, as a whole, has one of these verdicts",
        {"codes": Parameter("texts", choices=CODES)},
        authority_is,
    ),
    UsePredicate(
        "unknown_name",
        "a use that names a technology, source or authorization nobody registered",
        {
            "kinds": Parameter(
                "texts",
                ("technology", "source", "authorization"),
                ("technology", "source", "authorization"),
            )
        },
        unknown_name,
    ),
)
