"""The eventsourcing library's own test cases, over both stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from eventsourcing.tests.persistence import (
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)

from ledger.store.core import LedgerStore
from ledger.store.recorders import (
    LedgerApplicationRecorder,
    LedgerProcessRecorder,
    LedgerTrackingRecorder,
)


class _OverStore:
    """Gives each shipped case a recorder over the store under test."""

    recorder_class: type[Any] = LedgerApplicationRecorder

    @pytest.fixture(autouse=True)
    def _with_store(self, open_store: Callable[[], LedgerStore]) -> None:
        self._open_store = open_store

    def create_recorder(self) -> Any:
        return self.recorder_class(self._open_store(), UUID)


def cases(case: type[Any], recorder: type[Any]) -> type[Any]:
    """A pytest class of a unittest case: fixtures, so that it runs once a store.

    unittest.TestCase subclasses cannot be parametrized, so its test methods and
    assertions are taken over by an instance of the case itself.
    """

    class OverStore(_OverStore):
        recorder_class = recorder

    def run(name: str) -> Any:
        def test(self: Any) -> None:
            body = type("Body", (case,), {"create_recorder": lambda _self: self.create_recorder()})
            getattr(body(name), name)()

        test.__doc__ = f"{case.__name__}.{name} of the library holds."
        return test

    for name in dir(case):
        if name.startswith("test") or name == "optional_test_insert_subscribe":
            setattr(OverStore, name if name.startswith("test") else f"test_{name}", run(name))
    return OverStore


TestApplicationRecorder = cases(ApplicationRecorderTestCase, LedgerApplicationRecorder)
TestNonInterleaving = cases(NonInterleavingNotificationIDsBaseCase, LedgerApplicationRecorder)
TestTrackingRecorder = cases(TrackingRecorderTestCase, LedgerTrackingRecorder)
TestProcessRecorder = cases(ProcessRecorderTestCase, LedgerProcessRecorder)
