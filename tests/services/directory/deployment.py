"""Ledgers and their directory, opened as `candour serve` opens them, without servers and callers.

Deployment(where) ──open──► directory, ledgers, guards ──grow──► published ──list──► listed
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg

from ledger.directory import Listing, listing_stream, read_listing
from services.cli.house import House, open_house
from services.directory.follower import Follower
from services.runtime.hosting import Hosted
from services.runtime.settings import Settings
from tests.postgres import create_database, drop_database
from tests.published_logs import append_up_to, publish

LEDGERS: Final = ("main", "court")


@dataclass
class Deployment:
    """Two ledgers in one database, the directory in another.

    Members:
        server_url: Of PostgreSQL; None for SQLite.
    """

    settings: Settings
    server_url: str | None = None
    _made: list[str] = field(default_factory=list)

    # --- opened -----------------------------------------------------------------------
    @contextmanager
    def open(self) -> Iterator[Open]:
        """All of it, as a process that starts; raises what refuses the start."""
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            try:
                house = runner.run(open_house(self.settings, stack))
                yield Open(runner, house)
            finally:
                runner.run(stack.aclose())

    def begin(self, **sizes: int) -> None:
        """Grown so far, published and listed."""
        with self.open() as running:
            for name in LEDGERS:
                running.grow(name, 0)
            for name, size in sizes.items():
                running.grow(name, size)
            running.list_new()

    # --- backups and swaps, by somebody with all rights ----------------------------------
    def backup(self, what: str) -> Any:
        """A copy of the ledgers' database, or of the directory's; nothing is open."""
        if self.server_url is None:
            folder = self._folder(what)
            copy = folder.with_name(f"{folder.name}.backup")
            shutil.copytree(folder, copy)
            return copy
        url = self._url(what)
        copy_url = create_database(self.server_url)
        drop_database(self.server_url, copy_url)
        self._sql(f'CREATE DATABASE "{_name(copy_url)}" TEMPLATE "{_name(url)}"')
        self._made.append(copy_url)
        return copy_url

    def restore(self, what: str, copy: Any) -> None:
        if self.server_url is None:
            folder = self._folder(what)
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
        elif what == "ledgers":
            self.settings = replace(self.settings, database_url=copy)
        else:
            self.settings = replace(self.settings, directory_at=copy)

    def swap(self, *, tables: tuple[str, ...] = ()) -> None:
        """The two ledgers' databases, or these tables of them, change places."""
        if self.server_url is not None:
            with psycopg.connect(self._url("ledgers"), autocommit=True) as connection:
                for statement in _postgres_swap(tables):
                    connection.execute(statement)
            return
        one, other = (self.settings.data / f"{name}.db" for name in LEDGERS)
        if not tables:
            middle = one.with_name("middle")
            for source, target in ((one, middle), (other, one), (middle, other)):
                source.rename(target)
            return
        with closing(sqlite3.connect(one, isolation_level=None)) as connection:
            connection.execute("ATTACH DATABASE ? AS other", (str(other),))
            for table in tables:
                for statement in (
                    f"CREATE TEMP TABLE middle AS SELECT * FROM main.{table}",
                    f"DELETE FROM main.{table}",
                    f"INSERT INTO main.{table} SELECT * FROM other.{table}",
                    f"DELETE FROM other.{table}",
                    f"INSERT INTO other.{table} SELECT * FROM middle",
                    "DROP TABLE middle",
                ):
                    connection.execute(statement)

    def swap_keys(self) -> None:
        keys = self.settings.data / "keys"
        for path in list(keys.glob(f"{LEDGERS[0]}.*")):
            other = keys / path.name.replace(LEDGERS[0], LEDGERS[1], 1)
            middle = keys / "middle"
            for source, target in ((path, middle), (other, path), (middle, other)):
                source.rename(target)

    def forget(self, ledger: str) -> None:
        """Its database is deleted; its keys are not."""
        if self.server_url is None:
            for path in self.settings.data.glob(f"{ledger}.*db*"):
                path.unlink()
            return
        with psycopg.connect(self._url("ledgers"), autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA candour_{ledger} CASCADE")

    def close(self) -> None:
        if self.server_url is not None:
            for url in self._made:
                drop_database(self.server_url, url)

    def _folder(self, what: str) -> Path:
        return self.settings.data if what == "ledgers" else Path(str(self.settings.directory_at))

    def _url(self, what: str) -> str:
        return str(self.settings.database_url if what == "ledgers" else self.settings.directory_at)

    def _sql(self, statement: str) -> None:
        with psycopg.connect(str(self.server_url), autocommit=True) as connection:
            connection.execute(statement)


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _postgres_swap(tables: tuple[str, ...]) -> Iterator[str]:
    one, other = (f"candour_{name}" for name in LEDGERS)
    if not tables:
        for old, new in ((one, "middle"), (other, one), ("middle", other)):
            yield f"ALTER SCHEMA {old} RENAME TO {new}"
    for table in tables:
        yield f"CREATE TEMP TABLE middle AS SELECT * FROM {one}.{table}"
        yield f"DELETE FROM {one}.{table}"
        yield f"INSERT INTO {one}.{table} SELECT * FROM {other}.{table}"
        yield f"DELETE FROM {other}.{table}"
        yield f"INSERT INTO {other}.{table} SELECT * FROM middle"
        yield "DROP TABLE middle"


@dataclass
class Open:
    """A deployment that is open."""

    runner: asyncio.Runner
    house: House

    @property
    def directory(self) -> Hosted:
        assert self.house.directory is not None
        return self.house.directory.hosted

    def hosted(self, name: str) -> Hosted:
        return next(hosted for hosted in self.house.all_hosted if hosted.name == name)

    def grow(self, name: str, *sizes: int) -> None:
        """Grow a ledger through these sizes, publishing each."""
        hosted = self.hosted(name)
        for size in sizes:
            append_up_to(hosted.store, size, story=name)
            publish(hosted.store, hosted.keys.checkpoint)

    def list_new(self, *, last: bool = True) -> None:
        """As the follower does, once."""
        self.runner.run(self._list(last=last))

    async def _list(self, *, last: bool) -> None:
        directory = self.house.directory
        assert directory is not None
        follower = self.follower()
        committer = asyncio.create_task(directory.committer._run())
        await follower.catch_up(last=last)
        committer.cancel()
        await asyncio.gather(committer, return_exceptions=True)
        head = self.directory.store.head()
        published = self.directory.store.published()
        if published is None or published.tree_size < head.tree_size:
            now_us = self.directory.log.clock_us()
            publish(self.directory.store, self.directory.keys.checkpoint, now_us)

    def follower(self, clock_s: Callable[[], float] = time.monotonic) -> Follower:
        """A follower that knows what is published now."""
        assert self.house.directory is not None
        followed = {}
        for item in self.house.ledgers:
            assert item.guard is not None
            item.serving.publication.published(item.serving.hosted.store.published())
            followed[item.name] = item.serving, item.guard
        return Follower(self.house.directory, followed, clock_s)

    def listings(self, name: str) -> list[Listing]:
        """All that is listed of a ledger."""
        stream = listing_stream(self.hosted(name).keys.origin)
        rows = self.directory.store.read_stream(stream)
        return [read_listing(row.entry, row.leaf_index) for row in rows]

    def listed_sizes(self, name: str) -> list[int]:
        return [item.checkpoint.tree_size for item in self.listings(name)]
