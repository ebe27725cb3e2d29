"""How far is a ledger's schema, on either store, and what is still to be done?

store ──look──► SchemaLook(version, newest, pending)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.store import postgres_steps, sqlite_steps
from ledger.store.core import LedgerStore
from ledger.store.sqlite import SqliteStore
from ledger.store.steps import Schema, Step


@dataclass(frozen=True, slots=True)
class SchemaLook:
    """What a ledger's schema is, seen from this release.

    Members:
        version: Of the database; it may be newer than `newest`.
        compatible_with: The least version that a release must know to work on it.
        newest: The last step that this release knows.
        pending: Steps that are not taken, in order, contracting ones too.
    """

    version: int
    compatible_with: int
    newest: int
    pending: Sequence[Step]

    @property
    def expanding(self) -> bool:
        """True where a step is pending that takes nothing away from the release before."""
        return any(not step.contract for step in self.pending)


def steps_of(*, postgres: bool) -> tuple[Step, ...]:
    """All steps of a store, in order."""
    return postgres_steps.STEPS if postgres else sqlite_steps.STEPS


def look(store: LedgerStore) -> SchemaLook:
    """How it is now. Raises StoreUnavailable, StoreMismatch."""
    return looked(store.schema_state(), postgres=not isinstance(store, SqliteStore))


def looked(found: Schema, *, postgres: bool) -> SchemaLook:
    """What a schema is, seen from this release."""
    steps = steps_of(postgres=postgres)
    rest = [step for step in steps if step.number > found.version]
    return SchemaLook(found.version, found.compatible_with, steps[-1].number, rest)
