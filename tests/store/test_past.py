"""What if another database server answers than before? It must hold what was committed, or wait."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.merkle import Frontier, leaf_hash
from ledger.store.core import Head, Held, HistoryLost, NewEntry, StoreUnavailable
from ledger.store.past import Past, ServerChanged
from ledger.store.postgres import PostgresStore
from tests.faults.servers.standby import set_synchronous, waiting_for_standby
from tests.merkle.strategies import tiles_in_memory
from tests.postgres import PostgresCluster
from tests.store.test_away import eventually


def batch(start: int, count: int = 20) -> list[NewEntry]:
    return [
        replace(
            NewEntry.of(f"s/{n}", 1, "t", b"%d" % n), fresh=True, identity=b"%d" % n, content=b""
        )
        for n in range(start, start + count)
    ]


def head_of(*entries: bytes) -> Head:
    frontier = Frontier().extended([leaf_hash(entry) for entry in entries])
    return Head(frontier, frontier.root())


def tiles_of(*entries: bytes) -> Any:
    return tiles_in_memory([leaf_hash(entry) for entry in entries])


@pytest.mark.parametrize(
    ("entries", "good"),
    [
        ((b"a", b"b"), True),
        ((b"a", b"b", b"c"), True),
        ((b"a",), False),
        ((), False),
        ((b"a", b"x"), False),
        ((b"a", b"x", b"c"), False),
    ],
)
def test_only_what_extends_what_was_committed_is_gone_on_from(
    entries: tuple[bytes, ...], good: bool
) -> None:
    """A server that is met anew holds the tree we know as its beginning, or is refused."""
    past = Past()
    past.meet((1, 1))
    past.remember(head_of(b"a", b"b"))
    assert past.meet((1, 2))
    if good:
        past.check(past.newest(), head_of(*entries), tiles_of(*entries))
    else:
        with pytest.raises(HistoryLost):
            past.check(past.newest(), head_of(*entries), tiles_of(*entries))


def test_what_is_committed_meanwhile_is_no_loss() -> None:
    """A head that was read before another thread committed more is behind it, and all is well."""
    past = Past()
    past.meet((1, 1))
    past.remember(head_of(b"a"))
    known, read = past.newest(), head_of(b"a", b"b")
    past.remember(head_of(b"a", b"b", b"c"))

    past.check(known, read, tiles_of(b"a", b"b"))


def test_change_of_server_is_told_once() -> None:
    """The first server is no change, another is, and then it is the one we know."""
    past = Past()
    met = [past.meet(server) for server in ((1, 1), (1, 1), (1, 2), (1, 2), (1, 1), (2, 1))]

    assert [False, False, True, False, True, True] == met


def test_server_that_is_behind_is_refused(postgres_cluster: PostgresCluster) -> None:
    """An old copy that answers at the old address gets no entry, and its head is not signed."""
    old = postgres_cluster.home / "old"
    first = PostgresStore(postgres_cluster.url())
    first.append(batch(0))
    first.close()
    postgres_cluster.stop()
    copy(postgres_cluster.data, old)
    postgres_cluster.start()
    store = PostgresStore(postgres_cluster.url())
    changes: list[str] = []
    store.on_server_changed = lambda: changes.append("changed")
    try:
        store.append(batch(20))
        postgres_cluster.stop()
        shutil.rmtree(postgres_cluster.data)
        old.rename(postgres_cluster.data)
        postgres_cluster.start()
        for call in (
            lambda store: store.append(batch(40)),
            lambda store: store.append(batch(0)),  # of which it holds all
            lambda store: store.durable_head(),
        ):
            with pytest.raises(HistoryLost) as lost:
                eventually(store, call)
            assert (40, 20) == (lost.value.signed_size, lost.value.tree_size)
        assert ["changed"] == changes
        assert 20 == eventually(store, lambda store: store.head()).tree_size
    finally:
        store.close()


def test_leader_that_was_cut_off_loses_no_history(postgres_cluster: PostgresCluster) -> None:
    """One that is behind and waits for a standby in vain is none to go on with, and no proof; once
    it can commit by itself it is."""
    old = postgres_cluster.home / "old"
    PostgresStore(postgres_cluster.url()).close()
    set_synchronous(postgres_cluster, "nobody")
    postgres_cluster.stop()
    copy(postgres_cluster.data, old)
    postgres_cluster.start()
    set_synchronous(postgres_cluster, "")
    store = PostgresStore(postgres_cluster.url())
    try:
        while store.durable_head().tree_size < 20:
            store.append(batch(0))
        postgres_cluster.stop()
        shutil.rmtree(postgres_cluster.data)
        old.rename(postgres_cluster.data)
        postgres_cluster.start()
        for call in (partial(store.append, batch(0)), store.durable_head) * 3:
            assert isinstance(told(postgres_cluster, call), StoreUnavailable)
        set_synchronous(postgres_cluster, "")
        for each in (lambda store: store.append(batch(0)), lambda store: store.durable_head()):
            with pytest.raises(HistoryLost):
                eventually(store, each)
    finally:
        store.close()


def test_server_that_restarted_is_asked_about_first(postgres_cluster: PostgresCluster) -> None:
    """After a restart one batch fails, whoever must be asked is told before, and it goes on."""
    store = PostgresStore(postgres_cluster.url())
    sizes: list[int] = []
    store.on_server_changed = lambda: sizes.append(store.head().tree_size)
    try:
        store.append(batch(0))
        postgres_cluster.kill()
        postgres_cluster.start()
        eventually(store, lambda store: store.head())  # readers are back
        with pytest.raises(ServerChanged):
            after_lost_session(store, lambda store: store.append(batch(20)))
        assert [20] == sizes
        store.append(batch(20))
        assert 40 == store.durable_head().tree_size
    finally:
        store.close()


def test_head_that_no_standby_has_is_not_signed(postgres_cluster: PostgresCluster) -> None:
    """A commit whose wait was cancelled is read by everybody, and is no head to sign, nor are its
    duplicates acknowledged, until a standby has it."""
    store = PostgresStore(postgres_cluster.url())
    try:
        store.append(batch(0))
        set_synchronous(postgres_cluster, "nobody")
        size = 20
        while told(postgres_cluster, partial(store.append, batch(size))) is None:
            size += 20  # the server has not taken it to heart yet
        for call in (partial(store.append, batch(size)), store.durable_head):
            assert isinstance(told(postgres_cluster, call), StoreUnavailable)
        assert size + 20 == store.head().tree_size
        set_synchronous(postgres_cluster, "")
        assert size + 20 == store.durable_head().tree_size
        outcomes, head = store.append(batch(size))
        assert size + 20 == head.tree_size
        assert {Held(size, True)} <= set(outcomes)
    finally:
        store.close()


def after_lost_session(store: PostgresStore, call: Callable[[PostgresStore], Any]) -> None:
    """What comes after the session that was killed is found out."""
    for _ in range(3):
        try:
            call(store)
        except ServerChanged:
            raise
        except StoreUnavailable:
            continue


def told(cluster: PostgresCluster, call: Callable[[], Any]) -> BaseException | None:
    """What a call raises while an administrator cancels whatever waits for a standby."""
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(call)
        while not begun.done():
            with psycopg.connect(cluster.url(), autocommit=True) as connection:
                for pid in waiting_for_standby(cluster):
                    connection.execute("SELECT pg_cancel_backend(%s)", (pid,))
        return begun.exception()


def copy(source: Path, target: Path) -> None:
    """As root and as anybody: PostgreSQL wants its files to be its own."""
    shutil.copytree(source, target)
    found = source.stat()
    for path in (target, *target.rglob("*")):
        shutil.chown(path, found.st_uid, found.st_gid)
