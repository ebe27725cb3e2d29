"""What does an entry do to the registers? (docs/usage-index.md, section 1)

    fact, and whether its use still stands ──placements──► keys, each gets the entry's leaf hash

A key of the placed side is entered, one of the withdrawn side is left; keys kept get nothing.
Nothing is ever removed, so a count that fell can be told from one that never rose.

A new fact that changes what a use stands under stands in the use's own stream and carries what it
stood under before: `agency`, `technology`, `occurred`, `authorizations_before`; and what it stands
under now. So its old and its new keys follow from the entry alone, but for the pseudonym, which
is disclosed beside it. It needs a place in `use_before` and `placements` here, in
`UsageFold._change` (which goes by the entries before, not by what the fact claims), and, where
it names a technology or a performer, in `ledger/store/usage_fold.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ledger.events import (
    AuthorizationLinked,
    Fact,
    ImportWithdrawn,
    ToolUseAmended,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.usage_index.keys import UNUSED, Family, day_of_use, part, slot, withdrawn_side


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """All that the index needs to know of a use.

    Members:
        day: Days from 1970-01-01; None where the use is undated.
        authorizations: Cited by the report or linked since; a repeated one counts once.
        performer: Pseudonym; None where unknown.
    """

    agency: str | None
    technology: str | None = None
    day: int | None = None
    authorizations: tuple[str, ...] = ()
    performer: str | None = None

    def placed_keys(self) -> tuple[bytes, ...]:
        """The keys it stands under: one a family, in family 04 one for each authorization."""
        agency, technology, slot_bytes = part(self.agency), part(self.technology), slot(self.day)
        cited = dict.fromkeys(map(part, self.authorizations or (None,)))
        of_agency = [
            _byte(Family.AGENCY) + agency + UNUSED,
            _byte(Family.AGENCY_TECHNOLOGY) + agency + technology,
            *[_byte(Family.AGENCY_AUTHORIZATION) + agency + authority for authority in cited],
            _byte(Family.AGENCY_PERFORMER) + agency + part(self.performer),
        ]
        of_technology = [
            _byte(Family.TECHNOLOGY) + technology + UNUSED,
            _byte(Family.TECHNOLOGY_AGENCY) + technology + agency,
        ]
        return tuple([key + slot_bytes for key in of_agency + of_technology])


_BYTES = [bytes((number,)) for number in range(256)]


def _byte(family: Family) -> bytes:
    return _BYTES[family]


def use_reported(fact: ToolUseReported, performer: str | None = None) -> Use:
    """The use that a report tells of. Raises Malformed where its times are none."""
    return Use(
        agency=fact.agency,
        technology=fact.technology,
        day=day_of_use(fact.occurred),
        authorizations=fact.authorizations,
        performer=performer,
    )


def use_amended(before: Use, fact: ToolUseAmended, performer: str | None) -> Use:
    """The use after an amendment. Raises Malformed where its new times are none."""
    technology, day = before.technology, before.day
    if fact.to.technology is not None or "technology" in fact.unset:
        technology = fact.to.technology
    if fact.to.occurred is not None or "occurred" in fact.unset:
        day = day_of_use(fact.to.occurred)
    return replace(before, technology=technology, day=day, performer=performer)


def use_before(
    fact: AuthorizationLinked | ToolUseAmended | ToolUseWithdrawn | ToolUseSameAs,
    performer: str | None = None,
) -> Use:
    """The use as it was before a change, by what the change itself says.

    An auditor who replays the log compares it with the use as the entries before left it.
    """
    return Use(
        agency=fact.agency,
        technology=fact.technology,
        day=day_of_use(fact.occurred),
        authorizations=fact.authorizations_before,
        performer=performer,
    )


def placements(
    fact: Fact,
    *,
    performer: str | None = None,
    amended_to: str | None = None,
    stands: bool = True,
    of_import: Iterable[Use] = (),
) -> list[bytes]:
    """The registers to which an entry appends its leaf hash, once for each mention.

    Args:
        fact: Of the entry.
        performer: Pseudonym of the use's performer; None where unknown.
        amended_to: The performer after an amendment; its `performer` is the one before.
        stands: False where the use does not count before this entry: withdrawn, told twice,
            or taken back with its import. A report of an import that was withdrawn before it
            enters its keys and leaves them at once, so that counts agree with answers.
        of_import: Where the fact is ImportWithdrawn, every use of the import that stands.
    Returns:
        Keys of 69 bytes, the side in their first. Only ImportWithdrawn may name one twice:
        it takes each use out of its keys for itself.
    """
    if isinstance(fact, ToolUseReported):
        entered = use_reported(fact, performer).placed_keys()
        return [*entered, *(() if stands else map(withdrawn_side, entered))]
    if isinstance(fact, ImportWithdrawn):
        return [withdrawn_side(key) for use in of_import for key in use.placed_keys()]
    if isinstance(fact, AuthorizationLinked) and stands:
        before = use_before(fact, performer)
        linked = (*before.authorizations, fact.authorization)
        return moves(before.placed_keys(), replace(before, authorizations=linked).placed_keys())
    if isinstance(fact, ToolUseAmended) and stands:
        before = use_before(fact, performer)
        return moves(before.placed_keys(), use_amended(before, fact, amended_to).placed_keys())
    if isinstance(fact, ToolUseWithdrawn | ToolUseSameAs) and stands:
        return moves(use_before(fact, performer).placed_keys(), ())
    return []


def moves(before: tuple[bytes, ...], after: tuple[bytes, ...]) -> list[bytes]:
    """The withdrawn side of each key that is left, then each key that is entered."""
    left = [withdrawn_side(key) for key in before if key not in after]
    return left + [key for key in after if key not in before]
