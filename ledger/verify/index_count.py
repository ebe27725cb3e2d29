"""How many uses do some entries hold, counted as the usage index counts them?

    entries ──UsageFold──► uses that stand, of an agency, a technology, some UTC days ══ a proven count

What a list, or the answer to question 1, is held to: the same number, and nothing was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ledger.canonical_json import JsonValue
from ledger.entry import Entry
from ledger.errors import CandourError, Unverifiable, VerificationFailed
from ledger.usage_index import UsageFold
from ledger.verify.usage_answer import UsageQuestion

NAME: Final = "proven count"
MAY_LEAVE_OUT: Final = (
    "uses at no known day, or of no named technology: the count says how many there are, and"
    " the list may leave them out"
)


class UsesLeftOut(VerificationFailed):
    """The list holds another number of uses than the index proves."""

    def __init__(self, listed: int, counted: int) -> None:
        super().__init__(
            f"the list holds {listed} uses of these days, and the proven count is {counted}:"
            f" {'it leaves some out' if listed < counted else 'it holds too many'}"
        )
        self.listed, self.counted = listed, counted


def hold_to_count(
    entries: Iterable[Entry], asked: UsageQuestion, answer: Mapping[str, JsonValue]
) -> str:
    """What was found, in words.

    Args:
        entries: In leaf order; of the uses they tell of, whole histories.
        asked, answer: Of the proven count, which was verified.
    Raises:
        UsesLeftOut: The entries hold more uses than the index counts, or fewer.
    """
    names = {asked.technology, *answer["aliases"]}
    fold = UsageFold()
    for entry in entries:
        try:
            fold.add(entry.stream, entry.fact())
        except CandourError:
            continue  # the index passes it by as well
    days = range(asked.days.first, asked.days.last + 1)
    found = sum(
        known.stands
        and known.import_ not in fold.withdrawn_imports
        and known.use.agency == asked.agency
        and known.use.technology in names
        and known.use.day in days
        for known in fold.uses.values()
    )
    if found != answer["count"]:
        raise UsesLeftOut(found, answer["count"])
    return f"the list holds all {found} uses that the index counts for these days"


def check_moment(
    asked: UsageQuestion, *, origins: tuple[str | None, str | None], tree_size: JsonValue
) -> None:
    """Raises Unverifiable where list and count are of two ledgers, or of two tree sizes."""
    if origins[0] != origins[1]:
        raise Unverifiable("list and count are of two ledgers")
    if tree_size != asked.tree_size:
        raise Unverifiable(
            f"the list is as of tree size {tree_size}, the count of"
            f" {asked.tree_size}: ask for both as of one"
        )
