"""A real PgBouncer that pools by transaction, between front-ends and PostgreSQL.

Debian's 1.18, the oldest we speak of, knows no prepared statements: what is left behind in a session is
met by whoever gets that session next.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest

from ledger.store.postgres import PostgresStore
from ledger.store.postgres_connect import connect, is_pooled
from tests.e2e.conftest import Place, Ran, run
from tests.e2e.front_ends import (
    ANY_SIZE,
    PROVE_COUNT,
    FrontEnd,
    make_keys,
    register,
    report_again,
    writers,
)
from tests.e2e.witnessed import eventually
from tests.pgbouncer import Pgbouncer
from tests.postgres import create_database, drop_database


@pytest.fixture(scope="module")
def direct_url(postgres_server: str) -> Iterator[str]:
    url = create_database(postgres_server)
    yield url
    drop_database(postgres_server, url)


@pytest.fixture(scope="module")
def url(pooler: Pgbouncer, direct_url: str) -> str:
    """The same database through the pooler."""
    return pooler.url(direct_url)


def ask_in_turns(connections: list[psycopg.Connection[tuple[int]]]) -> None:
    """Each asks things of its own in transactions that overlap, so that servers change hands."""
    for number in range(20):
        for own, connection in enumerate(connections):
            sql = f"SELECT %s + {number % 3 + 10 * own}".encode()  # opens a transaction
            row = connection.execute(sql, (number,)).fetchone()
            assert (number + number % 3 + 10 * own,) == row
        for connection in connections:
            connection.commit()


def failed(ran: Ran) -> str:
    """What a command said that could not be done."""
    return ran.err if ran.exit_code else ""


def test_pooler_is_found_out(direct_url: str, url: str) -> None:
    """Without being told, a connection knows whether a pooler is in between."""
    with connect(direct_url) as straight, connect(url) as pooled:
        assert (False, True) == (is_pooled(straight), is_pooled(pooled))
        assert psycopg.pq.TransactionStatus.IDLE == pooled.info.transaction_status
        assert pooled.prepare_threshold is None
        assert straight.prepare_threshold is not None


def test_prepared_statements_would_break(url: str) -> None:
    """What we avoid does fail here, so that the tests below can; our own connections do not."""
    plain = [psycopg.connect(url, prepare_threshold=1) for _ in range(3)]
    ours = [connect(url) for _ in range(3)]
    with ExitStack() as stack:
        for one in (*plain, *ours):
            stack.callback(one.close)
        ask_in_turns(ours)
        with pytest.raises((psycopg.Error, AssertionError)):  # or another's answer
            ask_in_turns(plain)


@pytest.mark.timeout(600)
def test_front_ends_work_through_it(direct_url: str, url: str, tmp_path: Path) -> None:
    """Two front-ends on three server connections: reports, views, usage index, proofs, an audit."""
    keys = make_keys(tmp_path / "secret")
    environment = {"CANDOUR_DATABASE_URL": url, "CANDOUR_INDEX_EVERY": "1"}
    ends = [FrontEnd(tmp_path / f"f{n}", keys, environment) for n in range(2)]
    try:
        for one in ends:
            one.start()
        register(ends[0].grpc)
        places = [Place(one.data, url, one.running) for one in ends]
        with writers([one.grpc for one in ends], tmp_path) as load, ThreadPoolExecutor(2) as pool:
            load.await_more()
            # Questions beside the writers, over and over: more readers than server connections.
            asked = [
                pool.submit(
                    run, "candour", "uses", "list", "--limit", "100", environment=place.environment
                )
                for place in places
                for _ in range(3)
            ]
            assert {(0, "")} == {(one.result().exit_code, failed(one.result())) for one in asked}
            load.await_more()
            ends[1].kill()  # in the middle of whatever transaction
            load.await_more()
            ends[1].start()
            placed = load.end()
        assert len(placed) == len(set(placed.values()))
        assert placed == report_again(ends[1].grpc, list(placed))
        count = eventually(
            lambda: places[0].json("uses", "summary", "--by", "agency"),
            lambda found: sum(row["count"] for row in found) >= len(placed),
        )
        assert [len(placed)] == [row["count"] for row in count]
        bundle = tmp_path / "count.json"
        places[0].candour(*PROVE_COUNT, "--out", bundle)
        trust = places[0].data / "trust.txt"
        checked = run("candour-verify", bundle, "--trust", trust, *ANY_SIZE)
        assert 0 == checked.exit_code, checked.out + checked.err
        places[0].candour("audit")
    finally:
        for one in ends:
            one.kill()
    for one in ends:
        said = one.running.log.read_text()
        for kind in ("PreparedStatement", "InvalidSqlStatementName", "Cursor", "Transaction"):
            assert kind not in said, said
    with closing(PostgresStore(direct_url)) as store:
        assert store.head().tree_size > len(placed)


def test_what_needs_a_session_says_so(url: str, direct_url: str, tmp_path: Path) -> None:
    """A backup or move through the pooler is refused, with what to do; nothing was changed."""
    with closing(PostgresStore(direct_url, "kept")) as store:
        store.claim({"origin": "x/kept", "vkey": "-"})
    environment = {"CANDOUR_DATABASE_URL": url, "CANDOUR_MOVE_TO": direct_url}
    for arguments in (
        ("backup", "--out", tmp_path / "b", "--ledger", "kept", "--data", tmp_path),
        ("ledgers", "move", "kept"),
    ):
        done = run("candour", *arguments, environment=environment)
        assert 1 == done.exit_code
        assert "give the URL of PostgreSQL itself" in done.err
        assert "@" not in done.err  # no URL, so no password
