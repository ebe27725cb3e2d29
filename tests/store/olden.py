"""A PostgreSQL ledger as an earlier schema had it, and what its catalogs say, to the byte."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any, Final

import psycopg

from ledger.store.postgres_migrating import PostgresMigrator, begin
from services.backup.postgres_tools import environment_of
from tests.ledgers import PostgresPlace
from tests.postgres import find_binaries

SCHEMA: Final = "candour_main"
SMALL: Final = 100  # leaf indexes of a partition: a test crosses several


class OldenPlace(PostgresPlace):
    """A ledger that was begun at an earlier schema, with small partitions from when it has them."""

    entries_a_partition = SMALL

    def __init__(self, url: str, schema: int = 1) -> None:
        super().__init__(url)
        self.begun_at = schema
        make(url, schema)

    def _drop(self) -> None:
        super()._drop()
        make(self.url, self.begun_at)

    def migrator(self, **named: Any) -> PostgresMigrator:
        named = {"entries_a_partition": SMALL, "batch": 40, **named}
        return PostgresMigrator(self.url, SCHEMA, **named)

    def migrate(self, to: int | None = None, **named: Any) -> list[int]:
        """Take the pending steps; their numbers."""
        with self.migrator(**named) as migrator:
            return [step.number for step in migrator.run(to=to)]


def make(url: str, schema: int) -> None:
    """Begin a ledger by the first steps."""
    with psycopg.connect(url) as connection:
        begin(connection, SCHEMA, entries_a_partition=SMALL, to=schema)


def catalogs(url: str) -> str:
    """All that PostgreSQL would need to make the schema again, as its own program writes it."""
    command = [
        str(find_binaries() / "pg_dump"),
        "--schema-only",
        "--schema",
        SCHEMA,
        "--no-password",
    ]
    done = subprocess.run(
        command,
        env={**os.environ, **environment_of(url)},
        capture_output=True,
        text=True,
        check=True,
    )
    # A random word keeps psql from being told what to do by a dump; it is another each time.
    lines = [line for line in done.stdout.splitlines() if "restrict " not in line]
    return "\n".join([*lines, *map(repr, statistics_targets(url))])


def statistics_targets(url: str) -> list[Any]:
    """Of each column for which ANALYZE is told how much to sample."""
    return rows(
        url,
        "SELECT attrelid::regclass::text, attname, attstattarget FROM pg_attribute JOIN pg_class"
        f" ON pg_class.oid = attrelid WHERE relnamespace = '{SCHEMA}'::regnamespace"
        " AND attstattarget <> -1 AND attnum > 0 ORDER BY 1, 2",
    )


def rows(url: str, sql: str, *values: Any) -> list[Any]:
    """Of one statement, with our schema before all others."""
    with psycopg.connect(url) as connection:
        connection.execute(f"SET search_path = {SCHEMA}")
        done = connection.execute(sql.encode(), values or None)
        return done.fetchall() if done.description else []


class Killed(Exception):
    """The process ended here."""


def killed_at(number: int) -> Callable[[str], None]:
    """Ends whoever is watched at that call, from 0 on."""
    left = [number]

    def watch(_at: str) -> None:
        if left[0] == 0:
            raise Killed
        left[0] -= 1

    return watch
