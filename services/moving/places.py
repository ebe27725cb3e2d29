"""What is there at the two ends of a move? The source that may be left, the target that may be filled.

    source  served, not moved, of this layout        target  empty, or a copy that this move began

A copy says in its own `meta` that it is one, and no server takes it for a ledger until the move
has handed over.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Final, Self

import psycopg

from ledger.errors import Refused
from ledger.store.copied import NOT_SERVABLE, RESTORED
from ledger.store.core import StoreMismatch, StoreUnavailable
from ledger.store.moved import LedgerMoved, Mark, write_meta
from ledger.store.postgres import PostgresStore, schema_of
from ledger.store.postgres_connect import connect, refuse_pooler
from ledger.store.postgres_snapshot import schema_exists

COPY: Final = "copy"  # in the target's `meta`: the id of the move that fills it
MOVED_HERE: Final = "moved_here"  # likewise, once it is handed over: when, and from where
_NOT_ENDED: Final = (
    "it is being moved here, and that has not ended: run `candour ledgers move` again"
)
# Of `meta`; all other rows are about the place: its schema, its partitions.
_IDENTITY: Final = ("origin", "vkey", "answers_vkey", "secret")


class PlaceTaken(Refused):
    """A ledger is where this one should go, and it is no copy of ours; nothing was touched."""

    def __init__(self, schema: str) -> None:
        super().__init__(
            f"schema {schema} is there already, and is no copy that a move of this ledger began;"
            " name another database, or take that schema away first"
        )
        self.schema = schema


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends, open.

    Members:
        id: Of the move.
        mark: What the source says, if it is sealed already: the move goes on from there.
    """

    source: PostgresStore
    target: PostgresStore
    id: str
    mark: Mark | None

    @classmethod
    def open(cls, source_url: str, target_url: str, ledger: str) -> Self:
        """Both, the target made or found to be ours.

        Raises:
            BehindPooler: A URL leads to a pooler.
            StoreUnavailable, StoreMismatch: A database is away; there is no such ledger.
            LedgerMoved: The source has given the ledger to somebody else.
            PlaceTaken: The target is not free.
        """
        for url in (source_url, target_url):
            _refuse_pooler(url)
        source = PostgresStore(source_url, ledger, create=False)
        try:
            meta = source.meta()
            _refuse_unfit(meta, ledger)
            mark = Mark.of(meta)
            target, own = _open_target(target_url, ledger, meta, mark)
        except BaseException:
            source.close()
            raise
        return cls(source, target, own, mark)

    def close(self) -> None:
        self.source.close()
        self.target.close()


def _refuse_pooler(url: str) -> None:
    try:
        with connect(url) as connection:
            refuse_pooler(connection, "a move")
    except psycopg.Error as error:
        raise StoreUnavailable(type(error).__name__) from error


def _refuse_unfit(meta: dict[str, str], ledger: str) -> None:
    if "origin" not in meta:
        raise StoreMismatch(f"no ledger {ledger} was ever served from there")
    if (why := meta.get(NOT_SERVABLE)) is not None:
        raise StoreMismatch(f"ledger {ledger} is not to be served, so it is not moved: {why}")


def _open_target(
    url: str, ledger: str, meta: dict[str, str], mark: Mark | None
) -> tuple[PostgresStore, str]:
    schema = schema_of(ledger)
    made = not schema_exists(url, schema)
    if mark is not None and made:
        raise LedgerMoved(mark.to)
    target = PostgresStore(url, ledger, create=made)
    try:
        begun = target.meta()
        # What was made and not yet marked, when a move was broken off, is as good as new.
        if not begun.keys() & {"origin", COPY} and target.head().tree_size == 0:
            begun = target.claim({NOT_SERVABLE: _NOT_ENDED, COPY: secrets.token_hex(8)})
        own, open_already = begun.get(COPY), NOT_SERVABLE not in begun
        # The source itself is refused so, even where a move has brought the ledger there before.
        if own is None or (open_already and (mark is None or not mark.handed_over)):
            raise PlaceTaken(schema)
        if mark is not None and mark.id != own:
            raise LedgerMoved(mark.to)
        begun = target.claim({name: meta[name] for name in (*_IDENTITY, RESTORED) if name in meta})
        for name in _IDENTITY:
            if begun.get(name) != meta.get(name):
                raise StoreMismatch(f"the copy is another ledger's: it has another {name}")
    except BaseException:
        target.close()
        raise
    return target, own


def open_copy(target: PostgresStore, *, came_from: str, at: str) -> None:
    """From now on a server takes it for the ledger. In one transaction; again, it does nothing.

    Raises:
        StoreUnavailable: It is not known; try again.
    """
    told = json.dumps({"from": came_from, "at": at}, sort_keys=True)
    write_meta(target.url, target.schema, {MOVED_HERE: told, NOT_SERVABLE: None})
