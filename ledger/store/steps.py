"""Which schemas can a release work on, and what is a step from one to the next?

    meta ──read_schema──► Schema(version, compatible_with) ──check_usable──► go on │ SchemaMismatch
    steps ──pending──► what is still to be done, in order ──rendered──► the exact SQL

A store has a short numbered list of steps. A ledger that begins takes them all, so that it is
the same as one that was brought there. A step is never changed once it was released. Steps first add
(expand), and only a later one takes away what the last release needs (contract).

Source: docs/adr/0033-migrations.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import Refused
from ledger.store.core import StoreMismatch

VERSION: Final = "schema_version"  # in `meta`: the last step that was done to its end
COMPATIBLE: Final = "compatible_with"  # in `meta`: the least version that a release must know
_FORMER: Final = "schema"  # in `meta`: the same as COMPATIBLE, where release 0.1.0 looks for it
ROWS: Final = (VERSION, COMPATIBLE, _FORMER)
FIRST: Final = 1  # what release 0.1.0 made; it wrote no number


class SchemaMismatch(StoreMismatch):
    """This release cannot work on the database's schema."""

    def __init__(self, *, version: int, compatible_with: int, newest: int) -> None:
        super().__init__(
            f"the database has schema {version}, which asks for a release that knows schema"
            f" {compatible_with}; this one knows {newest}: use a newer release of candour"
        )
        self.version, self.compatible_with, self.newest = version, compatible_with, newest


class MigrationBlocked(Refused):
    """A step could not get its lock. What was done before it stands; it can be run again."""

    def __init__(self, step: int, table: str) -> None:
        super().__init__(
            f"step {step}: somebody else has held {table} all the while, perhaps a backup or an open"
            " transaction (pg_stat_activity shows it). Nothing was blocked meanwhile; run it again"
        )
        self.step, self.table = step, table


class MigrationFailed(Refused):
    """A step found what it cannot work on. What was done before it stands."""

    def __init__(self, step: int, reason: str) -> None:
        super().__init__(f"step {step}: {reason}")
        self.step, self.reason = step, reason


@dataclass(frozen=True, slots=True)
class Part:
    """What is done in one transaction; doing it a second time does no harm.

    Members:
        sql: Statements; `{s}` is the schema.
        locks: What is locked, and how long, for a person.
        unless: A query that is true where it is done already; "" where SQL itself sees to that.
        blocks: The table that writers must leave meanwhile; "" where they go on.
        long: It reads whole tables, and may take as long as it takes.
        batches: Done again for `{start}` to `{stop}` until all entries are through.
        alone: The database refuses it within a transaction.
    """

    sql: str
    locks: str
    unless: str = ""
    blocks: str = ""
    long: bool = False
    batches: bool = False
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """From the schema before to `number`.

    Members:
        number, name: 1 is the first; the name is a few words.
        why: One sentence.
        parts: In order.
        compatible_with: The least version that a release must know to work on what it leaves.
        contract: It takes away what the release before needs.
    """

    number: int
    name: str
    why: str
    parts: tuple[Part, ...]
    compatible_with: int = FIRST
    contract: bool = False

    def rows(self) -> dict[str, str]:
        """What `meta` says once it is done."""
        compatible = str(self.compatible_with)
        return {VERSION: str(self.number), COMPATIBLE: compatible, _FORMER: compatible}


@dataclass(frozen=True, slots=True)
class Schema:
    """How far a ledger's tables are."""

    version: int
    compatible_with: int


def read_schema(meta: Mapping[str, str]) -> Schema:
    """What `meta` says; a ledger of release 0.1.0 says nothing.

    Raises:
        StoreMismatch: It says what is no number.
    """
    try:
        return Schema(int(meta.get(VERSION, FIRST)), int(meta.get(COMPATIBLE, FIRST)))
    except ValueError:
        raise StoreMismatch("the schema's number in `meta` is none: candour audit") from None


def check_usable(found: Schema, steps: Sequence[Step]) -> None:
    """Raises SchemaMismatch where a release with these steps must not touch it."""
    newest = steps[-1].number
    if found.compatible_with > newest:
        raise SchemaMismatch(
            version=found.version, compatible_with=found.compatible_with, newest=newest
        )


def pending(found: Schema, steps: Sequence[Step], *, to: int | None = None) -> list[Step]:
    """The steps that are not done yet, in order.

    Args:
        to: Up to this number; None: all but what a contracting step would take away, which has
            to be named. A ledger that begins names the last.
    """
    rest = [step for step in steps if step.number > found.version]
    if to is not None:
        return [step for step in rest if step.number <= to]
    for at, step in enumerate(rest):
        if step.contract:
            return rest[:at]
    return rest
