"""A published ledger behind real HTTP, on each store; it has grown through several sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from services.runtime.hosting import Hosted, open_ledger
from services.runtime.settings import Settings
from tests.published_logs import Answer, Gateway, grow

SIZES: Final = (1, 255, 256, 257, 600)


@dataclass(frozen=True)
class Served:
    """The ledger, its server, and the checkpoint of each size it had."""

    hosted: Hosted
    gateway: Gateway
    notes: dict[int, bytes]

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request below the ledger's prefix."""
        return self.gateway.ask(f"/ledgers/{self.hosted.name}/{path}", method, **headers)

    def read(self, path: str) -> bytes:
        """What is there, and it must be."""
        answer = self.ask(path)
        assert 200 == answer.status, path
        return answer.body


@pytest.fixture(scope="module")
def served(module_settings: Settings) -> Iterator[Served]:
    """A ledger for tests that change nothing."""
    hosted = open_ledger(module_settings)
    try:
        notes = {size: grow(hosted, size) for size in SIZES}
        with Gateway(hosted) as gateway:
            yield Served(hosted, gateway, notes)
    finally:
        hosted.close()


@pytest.fixture
def own(settings: Settings) -> Iterator[Served]:
    """A new ledger of this test's own."""
    hosted = open_ledger(settings)
    try:
        with Gateway(hosted) as gateway:
            yield Served(hosted, gateway, {})
    finally:
        hosted.close()
