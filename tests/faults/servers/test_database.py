"""The database is slow, hangs, is gone, restarts, or can only be read: what are callers told?

Reports go on all the while. Whatever happens: nothing acknowledged is lost or doubled, /livez
answers, /readyz tells, and the server goes on by itself.
"""

from __future__ import annotations

import time

import grpc
import psycopg
import pytest

from ledger.limits import HEAD_ANSWER_S, STORE_CONNECT_S, STORE_SILENT_S
from tests.faults.chaos import CHAOS
from tests.faults.servers.callers import Reporters, Told, Watched, until, watched
from tests.faults.servers.conftest import Wired
from tests.faults.tally import Tally

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

# A loaded machine's share of every bound on time.
SLACK_S = 8.0
DEADLINE_S = 30.0
GONE_S = 20.0 if CHAOS else 4.0
# The database is given up once it was silent; then the next try to reach it fails.
GIVEN_UP_S = STORE_SILENT_S + STORE_CONNECT_S + SLACK_S


def alive(seen: Watched) -> None:
    """The event loop waited for no database."""
    assert all(one.status == 200 for one in seen.watcher.seen["livez"])
    assert seen.watcher.slowest_s("livez") < 2.0


def away(reporters: Reporters, since: float) -> list[Told]:
    """What callers were told from then on, but for receipts: to come again, in time."""
    refused = [told for told in reporters.since(since) if told.code is not grpc.StatusCode.OK]
    for told in refused:
        assert ("UNAVAILABLE", "STORE_UNAVAILABLE") == (told.code.name, told.reason)
        assert told.retry_s is not None
        assert told.took_s <= GIVEN_UP_S
    return refused


def goes_on(seen: Watched, what: str) -> None:
    """Reports are recorded and the server is ready, from now on."""
    now = time.monotonic()
    took_s = until(lambda: seen.reporters.recorded_since(now), f"reports after {what}")
    until(lambda: seen.watcher.was("readyz", 200, now), f"ready after {what}")
    assert took_s < GIVEN_UP_S


@pytest.mark.parametrize("delay_s", [0.2, 3.0] if CHAOS else [0.2])
def test_slow_database_costs_only_time(wired: Wired, tally: Tally, delay_s: float) -> None:
    """Each round trip takes a bit longer: every report gets its receipt, within its deadline. Each
    takes longer than anybody waits for readiness: callers are told, and nothing is lost."""
    hardly = delay_s > HEAD_ANSWER_S
    with watched(wired.server, deadline_s=DEADLINE_S) as seen:
        now = time.monotonic()
        wired.proxy.delay_s = delay_s
        until(lambda: len(seen.reporters.since(now + 1)) > 0, "callers are answered")
        until(
            lambda: seen.watcher.was("readyz", 503 if hardly else 200, now + 1),
            "readiness says whether the store answers in time",
        )
        wired.proxy.flow()
        goes_on(seen, "slow")
    may = {"UNAVAILABLE STORE_UNAVAILABLE", "DEADLINE_EXCEEDED"} if hardly else set()
    assert set(seen.reporters.codes()) <= {"OK"} | may
    alive(seen)
    wired.check(seen.reporters)
    tally(
        f"each round trip +{delay_s:g} s", "postgres", "told, once" if hardly else "receipts, later"
    )


@pytest.mark.parametrize(
    "passes",
    [
        pytest.param(False, id="before it", marks=pytest.mark.chaos),
        pytest.param(True, id="after it"),
    ],
)
def test_commit_that_hangs_is_given_up(wired: Wired, tally: Tally, passes: bool) -> None:
    """The wire hangs at a COMMIT, before it or behind: callers are told in time to come again."""
    with watched(wired.server, deadline_s=DEADLINE_S) as seen:
        stalled = wired.proxy.stall_at(b"COMMIT", passes=passes)
        assert stalled.wait(SLACK_S)
        now = time.monotonic()
        until(lambda: bool(away(seen.reporters, now - SLACK_S)), "callers are told")
        assert time.monotonic() - now < STORE_SILENT_S + SLACK_S
        assert seen.watcher.was("readyz", 503, now) or not seen.watcher.was("readyz", 200, now + 1)
        wired.proxy.flow()
        goes_on(seen, "the stall")
    assert seen.watcher.was("readyz", 503, now)
    alive(seen)
    assert away(seen.reporters, 0.0)
    wired.check(seen.reporters)
    tally(f"hangs at COMMIT, {'after' if passes else 'before'} it", "postgres", "told, once")


@pytest.mark.chaos
def test_deadline_is_kept_while_the_database_hangs(wired: Wired, tally: Tally) -> None:
    """A caller that waits two seconds is let go after two seconds, whatever the database does."""
    with watched(wired.server, deadline_s=2.0) as seen:
        wired.proxy.stall()
        now = time.monotonic()
        until(lambda: "DEADLINE_EXCEEDED" in seen.reporters.codes(now), "the deadline is over")
        wired.proxy.flow()
        goes_on(seen, "the stall")
    assert all(told.took_s < 2.0 + SLACK_S for told in seen.reporters.told)
    alive(seen)
    wired.check(seen.reporters)
    tally("hangs longer than a deadline", "postgres", "deadline kept")


def test_lock_of_a_lost_connection_is_let_go(wired: Wired, tally: Tally) -> None:
    """The wire is gone between lock and COMMIT, and nobody tells the database: reports go on all
    the same, for whoever waits for the lock ends a transaction whose client says nothing."""
    with watched(wired.server, deadline_s=DEADLINE_S) as seen:
        stalled = wired.proxy.stall_at(b"COMMIT", passes=False)
        assert stalled.wait(SLACK_S)
        wired.proxy.strand()
        goes_on(seen, "the strand")
        alive(seen)
    away(seen.reporters, 0.0)
    wired.check(seen.reporters)
    tally("connection lost, lock held", "postgres", "let go by the database")


def test_database_that_is_gone_comes_back(wired: Wired, tally: Tally) -> None:
    """Nobody listens there for a while: callers are told at once, and need not be told when."""
    with watched(wired.server, deadline_s=DEADLINE_S) as seen:
        now = time.monotonic()
        wired.proxy.refuse()
        until(lambda: seen.watcher.was("readyz", 503, now), "not ready")
        until(lambda: len(away(seen.reporters, now)) > 3, "callers are told")
        time.sleep(max(0.0, now + GONE_S - time.monotonic()))
        wired.proxy.accept()
        goes_on(seen, "the outage")
    alive(seen)
    away(seen.reporters, 0.0)
    wired.check(seen.reporters)
    tally(f"gone for {GONE_S:g} s", "postgres", "told, once")


def test_crashed_database_recovers(wired: Wired, tally: Tally) -> None:
    """The database's server ends at once, as in a crash, and starts again; so do reports."""
    rounds = 3 if CHAOS else 1
    with watched(wired.server, deadline_s=DEADLINE_S) as seen:
        for _ in range(rounds):
            wired.cluster.kill()
            wired.cluster.start()
            goes_on(seen, "the crash")
            tally("crash, restart", "postgres", "told, once")
    alive(seen)
    away(seen.reporters, 0.0)
    wired.check(seen.reporters)


def test_read_only_database_is_told(wired: Wired, tally: Tally) -> None:
    """It answers, and takes nothing: not ready, callers come again, and it goes on when it may."""

    def read_only(change: str) -> None:
        with psycopg.connect(wired.database_url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM {change}".encode())
            connection.execute("SELECT pg_reload_conf()")

    with watched(wired.server, deadline_s=DEADLINE_S) as seen:
        now = time.monotonic()
        read_only("SET default_transaction_read_only = on")
        try:
            until(lambda: bool(away(seen.reporters, now)), "callers are told")
            until(lambda: seen.watcher.was("readyz", 503, now), "not ready")
        finally:
            read_only("RESET default_transaction_read_only")
        goes_on(seen, "read-only")
    alive(seen)
    away(seen.reporters, 0.0)
    wired.check(seen.reporters)
    tally("read-only", "postgres", "told, once")
