"""Does the server say which ledgers it has, and whether it can serve them?"""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.store.core import StoreUnavailable
from tests.services.gateway.conftest import Served


def test_ledgers_are_named(served: Served) -> None:
    """By the names that their paths have."""
    answer = served.gateway.ask("/ledgers")

    assert (200, "application/json") == (answer.status, answer.headers["content-type"])
    assert {"ledgers": ["main"]} == json.loads(answer.body)


def test_lives_and_is_ready(own: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lives whatever its database does, and is ready while it reaches it."""

    def status() -> list[int]:
        return [own.gateway.ask(path).status for path in ("/livez", "/readyz")]

    assert [200, 200] == status()

    def away() -> None:
        raise StoreUnavailable("pulled by the test")

    store: Any = own.hosted.store
    monkeypatch.setattr(store, "head", away)
    monkeypatch.setattr(store, "published", away)
    assert [200, 503] == status()
    answer = own.ask("checkpoint")
    assert (503, "1") == (answer.status, answer.headers["retry-after"])


def test_no_figures_without_telemetry(own: Served) -> None:
    """Whoever asks is told why there are none."""
    answer = own.gateway.ask("/metrics")
    assert (404, b"telemetry is off (OTEL_SDK_DISABLED)\n") == (answer.status, answer.body)


def test_readiness_tells_every_check(own: Served) -> None:
    """One line a check and ledger for whoever looks; one word for whoever probes."""
    assert b"ok\n" == own.gateway.ask("/readyz").body
    lines = own.gateway.ask("/readyz?verbose").body.decode().splitlines()

    assert ["head", "writing", "publisher", "views"] == [
        line.partition("] main ")[2].partition(":")[0] for line in lines
    ]
