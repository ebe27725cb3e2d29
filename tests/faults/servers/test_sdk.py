"""The wires are cut at random, to the server and behind it: does the SDK with its spool lose a use?"""

from __future__ import annotations

import random
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

from services.client import Client, Receipt, Settings
from tests.e2e.reporting_client import refused
from tests.faults.chaos import CHAOS
from tests.faults.servers.callers import Places, use
from tests.faults.servers.checks import audited, nothing_lost
from tests.faults.servers.conftest import Wired
from tests.faults.servers.proxy import Proxy
from tests.faults.tally import Tally

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]

SECONDS = 15.0 if CHAOS else 5.0
RATE = 200  # uses a second
QUICK = Settings(max_delay_s=0.5)
WAIT_S = 120.0


def break_something(draw: random.Random, wires: list[Proxy]) -> str:
    """One thing, at one wire; it goes on by itself, or with the next one."""
    wire = draw.choice(wires)
    what = draw.choice(["cut", "refuse", "stall", "slow", "flow"])
    wire.flow()
    wire.accept()
    if what == "cut":
        wire.cut()
    elif what == "refuse":
        wire.refuse()
    elif what == "stall":
        wire.stall()
    elif what == "slow":
        wire.delay_s = draw.uniform(0.05, 0.3)
    return what


def test_sdk_delivers_each_use_once(wired: Wired, tmp_path: Path, tally: Tally) -> None:
    """Both wires are cut, refused, stalled and slow by turns: each use gets its receipt, once."""
    draw = random.Random(19)
    _, _, port = wired.server.grpc.rpartition(":")
    futures: dict[str, Future[Receipt]] = {}
    with (
        Proxy(int(port)) as front,
        Client(
            f"127.0.0.1:{front.port}", spool=tmp_path / "spool", on_refused=refused, settings=QUICK
        ) as client,
    ):
        ends, next_break = time.monotonic() + SECONDS, time.monotonic() + 0.5
        while (now := time.monotonic()) < ends:
            own_id = f"sdk-{len(futures)}"
            futures[own_id] = client.report(use(own_id))
            if now > next_break:
                what = break_something(draw, [front, wired.proxy])
                tally(f"wire: {what}", "postgres", "delivered, once")
                next_break = now + draw.uniform(0.1, 0.6)
            time.sleep(1 / RATE)
        for wire in (front, wired.proxy):
            wire.flow()
            wire.accept()
        receipts = {own_id: future.result(WAIT_S) for own_id, future in futures.items()}
    places = Places({own_id: (got.leaf_index, got.leaf_hash) for own_id, got in receipts.items()})
    nothing_lost(wired.server.grpc, places, [])
    audited(wired.server.data, wired.database_url)
