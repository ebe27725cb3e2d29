"""What does an export say of itself? As of when, what was asked, what it covers and does not.

About ──manifest──► JSON object, beside the file or inside it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.events import (
    AgencyRegistered,
    AuthorizationGranted,
    LegalInstrumentRegistered,
    SourceRegistered,
    TechnologyRegistered,
)
from ledger.events.statements import Scope
from ledger.exports.records import UseRecord
from ledger.projections.registers import Registers
from ledger.projections.uses import UseRow
from ledger.rules.coverage import coverage_of

NOT_COMPLETE: Final = "completeness not proven: this file cannot show that no use was left out; ask for a bundle or a proven count"
NO_SCOPE: Final = Scope()
CAVEATS: Final = (
    NOT_COMPLETE,
    "it covers what was reported to the ledger: a zero of the ledger is not a zero of the world",
    "it says what the ledger knew at this tree size; later entries may amend or withdraw uses",
    "uses that match only possibly are marked so: they must not be counted as certain",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What all uses of an export have in common.

    Members:
        origin: Of the log; first line of its checkpoints.
        tree_size: Entries the export speaks of.
        filter: Canonical filter text; "" for every use.
        checkpoint: A signed note that covers the tree size; "" where none was published yet.
        registers: What names stand for, and authorizations, at the tree size.
        disclosed: Protected fields that were asked for.
        unread: Entries below the tree size that the server could not read: not covered.
        scope: Agency, technology and period that were asked for, where they were.
    """

    origin: str
    tree_size: int
    filter: str
    checkpoint: str
    registers: Registers
    disclosed: tuple[str, ...] = ()
    unread: int = 0
    scope: Scope = NO_SCOPE

    def title(self, name: str) -> str | None:
        """What the register calls a resource; None where it is not registered."""
        for told in reversed(self.registers.history(name)):
            fact = told.fact
            if isinstance(
                fact,
                AgencyRegistered
                | TechnologyRegistered
                | SourceRegistered
                | LegalInstrumentRegistered,
            ):
                return fact.name
        return None

    def technology(self, name: str) -> TechnologyRegistered | None:
        """The registration of a technology, by this name."""
        return next((fact for fact in self._facts(name, TechnologyRegistered)), None)

    def authorization(self, name: str) -> AuthorizationGranted | None:
        """The grant of an authorization; None where the register has none."""
        return next((fact for fact in self._facts(name, AuthorizationGranted)), None)

    def _facts(self, name: str, kind: type[Any]) -> Iterable[Any]:
        return (one.fact for one in self.registers.history(name) if isinstance(one.fact, kind))

    def to_object(self) -> dict[str, Any]:
        """What stands at the head of a file, before any use is read."""
        return {
            "origin": self.origin,
            "as_of": self.tree_size,
            "filter": self.filter,
            "disclosed": list(self.disclosed),
            "completeness": "not_proven",
            "unread_entries": self.unread,
            "checkpoint": self.checkpoint,
            "caveats": list(CAVEATS),
        }


class Counting:
    """Counts the uses that pass through it, and which sources told of them."""

    def __init__(self, uses: Iterable[UseRecord]) -> None:
        self._uses = uses
        self.certain = self.possible = 0
        self._of_source: dict[str | None, UseRow] = {}

    def __iter__(self) -> Iterator[UseRecord]:
        for use in self._uses:
            self.certain += use.certain
            self.possible += not use.certain
            self._of_source.setdefault(use.row.source, use.row)
            yield use

    @property
    def told_by(self) -> list[UseRow]:
        """One use of each source: what coverage asks for."""
        return list(self._of_source.values())


def manifest(
    about: About, counted: Counting, *, form: str, file: str, sha256: str
) -> Mapping[str, Any]:
    """What stands beside a file once it is written.

    Args:
        form: Its format, with version.
        file, sha256: Its name without folder, and the digest of its bytes in hex.
    """
    covered = coverage_of(about.registers, about.scope, counted.told_by)
    return {
        "format": form,
        "file": file,
        "sha256": sha256,
        "count": counted.certain,
        "possible": counted.possible,
        **about.to_object(),
        "scope": about.scope.to_object(),
        "coverage": covered.to_object(),
    }
