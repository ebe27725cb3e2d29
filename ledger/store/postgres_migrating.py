"""How is a PostgreSQL ledger brought to a newer schema while it is written to?

    step ──part──► one transaction: alone among migrators ─► done already? ─► its lock, or again
         later ─► SQL ─► commit; after the last part the step's number

A part waits for a lock in front of which writers queue for MIGRATION_LOCK_S only, gives it back,
and tries again. Killed anywhere, the next run finds in the catalogs what was done.

Source: https://www.postgresql.org/docs/15/explicit-locking.html.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

import psycopg

from ledger.limits import (
    ENTRIES_A_PARTITION,
    MIGRATION_BATCH,
    MIGRATION_HOLD_S,
    MIGRATION_LOCK_S,
    MIGRATION_PAUSE_S,
    MIGRATION_TRIES,
    MIGRATION_YIELD_S,
)
from ledger.store.core import Head, StoreMismatch, StoreUnavailable
from ledger.store.moved import refuse_moved
from ledger.store.postgres_connect import connect
from ledger.store.postgres_partitions import bound_of, first_bound
from ledger.store.postgres_steps import COPIED, STEPS, TO_COPY
from ledger.store.steps import (
    FIRST,
    VERSION,
    MigrationBlocked,
    MigrationFailed,
    Part,
    Schema,
    Step,
    check_usable,
    pending,
    read_schema,
)

_BUSY: Final = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.QueryCanceled,
    psycopg.errors.DeadlockDetected,
)
# (what, done, of how many): of a step that goes through all entries.
Progress = Callable[[str, int, int], None]
# Told of each part, within its transaction and after it: tests end the process there.
Watch = Callable[[str], None]


def begin(
    writer: psycopg.Connection[Any],
    schema: str,
    *,
    entries_a_partition: int = ENTRIES_A_PARTITION,
    to: int = STEPS[-1].number,
) -> None:
    """Make the tables of a ledger, by all steps, within a transaction of the caller's."""
    writer.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for step in pending(Schema(0, FIRST), STEPS, to=to):
        for part in step.parts:
            if not part.batches:
                sql = rendered(
                    part, schema, first_bound(0, entries_a_partition), entries_a_partition
                )
                writer.execute(sql.replace(" CONCURRENTLY ", " ").encode(), prepare=False)
        if step.number == FIRST:
            empty = Head()
            writer.execute(
                f"INSERT INTO {schema}.head VALUES (0, 0, %b, %b)",
                (empty.root, empty.frontier.to_bytes()),
            )
        else:
            _record(writer, schema, step)


def rendered(part: Part, schema: str, bound: int, entries_a_partition: int) -> str:
    """The exact SQL of a part; of one that works by batches, the first."""
    names = {
        "{s}": schema,
        "{bound}": str(bound),
        "{next}": str(bound + entries_a_partition),
        "{start}": "0",
        "{stop}": str(MIGRATION_BATCH),
    }
    text = part.sql
    for name, value in names.items():
        text = text.replace(name, value)
    return text.strip()


def schema_of_ledger(connection: psycopg.Connection[Any], schema: str) -> Schema | None:
    """How far a ledger is; None where none has begun in this schema. Raises StoreMismatch."""
    # Not to_regclass: what it found missing it remembers, though somebody made it meanwhile.
    (there,) = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'head' AND relnamespace ="
        " (SELECT oid FROM pg_namespace WHERE nspname = %s))",
        (schema,),
    ).fetchone() or (False,)
    if not there:
        return None
    return read_schema(
        dict(connection.execute(f"SELECT name, value FROM {schema}.meta").fetchall())
    )


class PostgresMigrator:
    """Brings one ledger along; `with` it. Its server is connected to past a pooler, or through one.

    Args:
        url: A libpq URL, of the role that owns the schema.
        schema: The ledger's.
        entries_a_partition: Leaf indexes of one partition.
        batch: Entries copied in one transaction.
        watch: Tests.
    Raises:
        StoreUnavailable: The server cannot be reached, or goes away.
        StoreMismatch: No ledger has begun in this schema, or only a newer release may touch it.
        LedgerMoved: It goes on in another database.
    """

    def __init__(
        self,
        url: str,
        schema: str,
        *,
        entries_a_partition: int = ENTRIES_A_PARTITION,
        batch: int = MIGRATION_BATCH,
        progress: Progress = lambda _what, _done, _of: None,
        watch: Watch = lambda _at: None,
    ) -> None:
        self._schema, self._size, self._batch = schema, entries_a_partition, batch
        self._progress, self._watch = progress, watch
        with _unavailable():
            self._connection = connect(url, autocommit=True)
        self._connection.prepare_threshold = None  # many statements at once

    def __enter__(self) -> PostgresMigrator:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def found(self) -> Schema:
        """How far the ledger is."""
        with _unavailable():
            found = schema_of_ledger(self._connection, self._schema)
        if found is None:
            raise StoreMismatch(f"there is no ledger in schema {self._schema}")
        check_usable(found, STEPS)
        with _unavailable():
            rows = self._connection.execute(f"SELECT name, value FROM {self._schema}.meta")
            refuse_moved(dict(rows.fetchall()))  # what is copied elsewhere stays as it is
        return found

    def plan(self, *, to: int | None = None) -> list[tuple[Step, list[tuple[Part, str]]]]:
        """The steps that `run` would take, each part with its exact SQL; nothing is written."""
        steps = pending(self.found(), STEPS, to=to)
        with _unavailable():
            bound = self._bound()
        return [
            (step, [(part, rendered(part, self._schema, bound, self._size)) for part in step.parts])
            for step in steps
        ]

    def run(self, *, to: int | None = None) -> Iterator[Step]:
        """Take the steps that are not taken; each is given when it is done.

        Raises:
            MigrationBlocked: A lock could not be had; run it again.
            MigrationFailed: The ledger is damaged, or it grew past what a step had measured.
        """
        for step in pending(self.found(), STEPS, to=to):
            with _unavailable():
                for number, part in enumerate(step.parts, 1):
                    self._take(step, part, f"{step.number}.{number}")
                with self._connection.transaction():
                    self._alone(step.number)
                    if self._version() < step.number:
                        _record(self._connection, self._schema, step)
                    self._watch(f"{step.number} before its number")
                self._watch(f"{step.number} done")
            yield step

    def _take(self, step: Step, part: Part, at: str) -> None:
        for attempt in range(MIGRATION_TRIES):
            if attempt:
                self._progress(f"waiting for {part.blocks or 'a lock'}", attempt, MIGRATION_TRIES)
                time.sleep(MIGRATION_PAUSE_S)
            try:
                if part.batches:
                    self._copy(step, at)
                elif part.alone:
                    self._connection.execute(self._sql(part))
                else:
                    self._once(step, part, at)
            except _BUSY:
                continue
            except psycopg.errors.UniqueViolation:
                _damaged(step, "two entries have one version of one stream")
            except psycopg.errors.UndefinedObject:
                raise MigrationFailed(
                    step.number,
                    "the ledger grew past the bound that was set; run it again when less is recorded",
                ) from None
            self._watch(f"{at} committed")
            return
        raise MigrationBlocked(step.number, f"{self._schema}.{part.blocks or 'entries'}")

    def _once(self, step: Step, part: Part, at: str) -> None:
        with self._connection.transaction():
            self._alone(step.number)
            if self._version() >= step.number or self._is_done(part):
                return
            self._become_owner()
            run = self._connection.execute
            run(f"SET LOCAL lock_timeout = '{MIGRATION_YIELD_S}s'")
            if not part.long:
                run(f"SET LOCAL statement_timeout = '{MIGRATION_YIELD_S + MIGRATION_HOLD_S}s'")
            if part.blocks:
                # First a lock that blocks no writer: an autovacuum gives way, and none begins.
                run(f"LOCK TABLE {self._schema}.{part.blocks} IN SHARE UPDATE EXCLUSIVE MODE")
                run(f"SET LOCAL lock_timeout = '{MIGRATION_LOCK_S}s'")
                run(f"SET LOCAL statement_timeout = '{MIGRATION_HOLD_S}s'")
            run(self._sql(part))
            self._watch(f"{at} before its commit")

    def _copy(self, step: Step, at: str) -> None:
        """Batches of what stood there before the trigger did; their place moves with them."""
        while True:
            with self._connection.transaction():
                self._alone(step.number)
                self._become_owner()
                start, stop = self._to_copy()
                if start >= stop:
                    return
                # What is lost in a crash is copied again: its place goes with it.
                self._connection.execute("SET LOCAL synchronous_commit = off")
                until = min(start + self._batch, stop)
                sql = (
                    step.parts[-1].sql.replace("{start}", str(start)).replace("{stop}", str(until))
                )
                done = self._connection.execute(sql.replace("{s}", self._schema).encode())
                if done.rowcount != until - start:
                    _damaged(step, f"entries are missing between {start} and {until - 1}")
                self._connection.execute(
                    f"UPDATE {self._schema}.meta SET value = %s WHERE name = %s",
                    (str(until), COPIED),
                )
                self._watch(f"{at} before its commit")
            self._progress("entries", until, stop)
            self._watch(f"{at} after a batch")

    def _to_copy(self) -> tuple[int, int]:
        rows = self._connection.execute(
            f"SELECT name, value FROM {self._schema}.meta WHERE name IN (%s, %s)", (COPIED, TO_COPY)
        ).fetchall()
        found = dict(rows)  # none: another migrator has ended the step
        return int(found.get(COPIED, 0)), int(found.get(TO_COPY, 0))

    def _alone(self, number: int) -> None:
        """Others that migrate wait here, part by part, as long as it takes."""
        self._connection.execute("SET LOCAL lock_timeout = 0")
        self._connection.execute("SET LOCAL statement_timeout = 0")
        self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtext(%s))", (f"{self._schema}.migrating",)
        )
        assert number >= FIRST

    def _become_owner(self) -> None:
        """What a superuser makes belongs to the ledger's owner, too."""
        row = self._connection.execute(
            "SELECT quote_ident(pg_get_userbyid(relowner)), pg_get_userbyid(relowner) = current_user,"
            " pg_has_role(relowner, 'MEMBER') FROM pg_class WHERE oid = to_regclass(%s)",
            (f"{self._schema}.head",),
        ).fetchone()
        if row is None:
            raise StoreMismatch(f"there is no ledger in schema {self._schema}")
        owner, mine, may = row
        if not may:
            raise StoreMismatch(f"schema {self._schema} is {owner}'s: connect as that role")
        if not mine:
            self._connection.execute(f"SET LOCAL ROLE {owner}")

    def _version(self) -> int:
        rows = self._connection.execute(
            f"SELECT value FROM {self._schema}.meta WHERE name = %s", (VERSION,)
        ).fetchall()
        return int(rows[0][0]) if rows else FIRST

    def _is_done(self, part: Part) -> bool:
        if not part.unless:
            return False
        sql = part.unless.replace("{s}", self._schema)
        (done,) = self._connection.execute(sql.encode()).fetchone() or (False,)
        return bool(done)

    def _sql(self, part: Part) -> bytes:
        return rendered(part, self._schema, self._bound(), self._size).encode()

    def _bound(self) -> int:
        """The bound that was set, or would be."""
        if (bound := bound_of(self._connection, self._schema)) is not None:
            return bound
        (size,) = self._connection.execute(
            f"SELECT tree_size FROM {self._schema}.head"
        ).fetchone() or (0,)
        return first_bound(size, self._size)


def _record(connection: psycopg.Connection[Any], schema: str, step: Step) -> None:
    for row in step.rows().items():
        connection.execute(
            f"INSERT INTO {schema}.meta VALUES (%b, %b)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            row,
        )
    connection.execute(f"DELETE FROM {schema}.meta WHERE name IN (%b, %b)", (COPIED, TO_COPY))


def _damaged(step: Step, what: str) -> NoReturn:
    raise MigrationFailed(
        step.number, f"{what}. Run `candour audit`; the ledger is served as it was"
    ) from None


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise StoreUnavailable(_said(error)) from error


def _said(error: psycopg.Error) -> str:
    """Class and first line; rows are quoted in the lines below, if at all."""
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
