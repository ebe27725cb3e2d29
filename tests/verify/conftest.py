"""One small ledger for all tests of the verifier; they only read it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.verify.evidence import SmallLedger


@pytest.fixture(scope="package")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallLedger]:
    small = SmallLedger(tmp_path_factory.mktemp("small"))
    small.live()
    yield small
    small.place.close()
