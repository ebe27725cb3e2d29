"""Every store, behind one fixture: a law that holds for one holds for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.store.core import LedgerStore
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SqliteStore

STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=STORES)
def open_store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[[], LedgerStore]]:
    """Opens the same ledger as often as it is called; closes all in the end."""
    opened: list[LedgerStore] = []
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")

    def open_one() -> LedgerStore:
        store: LedgerStore
        if request.param == "postgres":
            store = PostgresStore(url)
        else:
            store = SqliteStore(tmp_path / "main.db")
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], LedgerStore]) -> LedgerStore:
    return open_store()
