"""The server's clock is set forward and back while it runs: what stands in the log?

recorded_at never goes back, checkpoints fit, appending goes on, and somebody is told.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from ledger.canonical_json import decode
from ledger.times import us_of_text
from services.cli.local_server import LocalServer
from services.runtime.http_client import get
from tests.collector import value_of
from tests.e2e.witnessed import Watch, begin
from tests.faults.servers.callers import (
    Reporters,
    places_again,
    register,
    tree_size,
    until,
    watched,
)
from tests.faults.servers.checks import audited, nothing_lost
from tests.faults.servers.faked import REQUIRE_VARIABLE, FakedClock, FaketimeMissing
from tests.faults.tally import Tally

pytestmark = pytest.mark.timeout(300)

DAY_S, HOUR_S = 86_400.0, 3_600.0
NEAR_S = 60.0  # of a loaded machine
# Entries of one commit were made one after another, not all in the order of their places.
OUT_OF_ORDER_S = 5.0


@pytest.fixture
def clock(tmp_path: Path) -> FakedClock:
    """Of one server, which is not started yet."""
    try:
        return FakedClock(tmp_path)
    except FaketimeMissing as missing:
        if os.environ.get(REQUIRE_VARIABLE) == "1":
            pytest.fail(f"needs faketime ({REQUIRE_VARIABLE}=1): {missing}", pytrace=False)
        pytest.skip(f"needs faketime: {missing}")


def recorded_s(data: Path) -> list[float]:
    """When each entry says that it was recorded, in the order of the log."""
    with closing(sqlite3.connect(f"file:{data / 'main.db'}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT entry FROM entries ORDER BY leaf_index").fetchall()
    return [us_of_text(decode(entry, what="entry")["recorded_at"]) / 1e6 for (entry,) in rows]


def published_s(data: Path) -> list[float]:
    """When each checkpoint was published, by tree size."""
    with closing(sqlite3.connect(f"file:{data / 'main.db'}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT published_us FROM checkpoints ORDER BY tree_size"
        ).fetchall()
    return [us / 1e6 for (us,) in rows]


def offset_s(server: LocalServer, reference: str) -> float | None:
    body = get(f"http://{server.http}/metrics", most=1_000_000, timeout_s=10).body
    return value_of(body, "candour_clock_offset_seconds", {"reference": reference})


def doctor(data: Path, clock: FakedClock) -> dict[str, str]:
    """What `candour doctor` says of the clock, on the machine whose clock it is."""
    command = [sys.executable, "-m", "services.cli", "doctor", "--data", str(data)]
    done = subprocess.run(
        [*command, "--format", "json"],
        env={**os.environ, **clock.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    (found,) = (look for look in json.loads(done.stdout) if look["name"] == "clock")
    return dict(found)


def after(reporters: Reporters, what: str) -> None:
    """Reports are recorded from now on."""
    now = time.monotonic()
    until(lambda: reporters.recorded_since(now), f"reports with the clock {what}")


def never_back(data: Path) -> None:
    """From entry to entry, and from checkpoint to checkpoint."""
    recorded, published = recorded_s(data), published_s(data)
    newest = recorded[0]
    for at in recorded:
        assert at > newest - OUT_OF_ORDER_S
        newest = max(newest, at)
    assert published == sorted(published)


def test_clock_that_is_set_never_takes_the_log_back(
    tmp_path: Path, clock: FakedClock, tally: Tally
) -> None:
    """Forward a day, back an hour, back to 1970: reports go on, in the order of time; the metric
    and the doctor say how far the clock is off; a server that starts with it goes on likewise."""
    data, real_s = tmp_path / "data", time.time()
    with LocalServer(data, environment=clock.environment) as server:
        register(server.grpc)
        with watched(server, deadline_s=30.0) as seen:
            clock.set("+1d")
            after(seen.reporters, "a day ahead")
            assert abs((offset_s(server, "start") or 0) - DAY_S) < NEAR_S
            assert 0 == offset_s(server, "log")
            clock.set("-1h")
            after(seen.reporters, "an hour behind")
            assert abs((offset_s(server, "log") or 0) + DAY_S + HOUR_S) < NEAR_S
            clock.set("@1970-01-02 00:00:00")
            after(seen.reporters, "in 1970")
            again = places_again(server.grpc, list(seen.reporters.places)[:100])
            assert list(seen.reporters.places.items())[:100] == list(again.items())
        assert {"OK"} == set(seen.reporters.codes())
        size = nothing_lost(server.grpc, seen.reporters.places, seen.reporters.unsent)
    tally("clock +1 day, -1 hour, 1970", "sqlite", "recorded_at never back")
    never_back(data)
    assert abs(max(recorded_s(data)) - real_s - DAY_S) < NEAR_S + 60
    found = doctor(data, clock)
    assert "bad" == found["outcome"]
    assert "before the newest time in the ledger" in found["says"]
    with LocalServer(data, environment=clock.environment) as server:
        assert size == tree_size(server.grpc)
        with Reporters(server.grpc, prefix="again") as reporters:
            until(lambda: len(reporters.places) > 50, "reports after a start in 1970")
    assert (
        "is 17" in (data / "serve.log").read_text()
        or "before the newest" in (data / "serve.log").read_text()
    )
    never_back(data)
    audited(data, None)
    tally("started in 1970", "sqlite", "recorded_at never back")


@pytest.mark.chaos
def test_witness_s_clock_says_who_is_wrong(tmp_path: Path, clock: FakedClock, tally: Tally) -> None:
    """A server a day ahead, then an hour behind: its witness cosigns all the same, by its own
    clock, and the difference is told as the witness's."""
    data = tmp_path / "data"
    with (
        Watch(tmp_path / "watch", begin(data), ("w",), "quorum w\n") as watch,
        LocalServer(data, environment={**clock.environment, **watch.environment}) as server,
    ):
        register(server.grpc)
        with Reporters(server.grpc) as reporters:
            for what, wanted_s in (("+1d", DAY_S), ("-1h", -HOUR_S)):
                clock.set(what)
                after(reporters, what)

                def told(wanted_s: float = wanted_s) -> bool:
                    found = offset_s(server, "witness")
                    return found is not None and abs(found - wanted_s) < NEAR_S

                until(told, f"the witness's clock says {what}")
        status = json.loads(
            get(f"http://{server.http}/ledgers/main/status", most=65_536, timeout_s=10).body
        )
        assert status["held_back"] is None
    audited(data, None)
    tally("clock +1 day, -1 hour", "sqlite", "cosigned, told by the witness")
