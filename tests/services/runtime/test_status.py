"""Is every error told as what it is, with what a program needs to go on, and nothing protected?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from grpc.aio import AbortError

from ledger.domain.base import NotInState, NotRegistered
from ledger.errors import Malformed, Refused, Unverifiable, VerificationFailed
from ledger.limits import RETRY_AFTER_S
from ledger.log import ConflictingResubmission
from ledger.store.core import StoreUnavailable, StreamConflict
from services.runtime.refusals import (
    Damaged,
    DeadlineOver,
    Draining,
    HistoryLost,
    LeafBeyondTree,
    LedgerNotHosted,
    NoQuorum,
    NotPublished,
    NotReported,
    Overloaded,
    TreeSizeBeyondHead,
    Unauthenticated,
    ViewsBehind,
)
from services.runtime.status import raising_status, status_of
from tests.services.harness import Refusal, refusal_of


def told(error: Exception) -> Refusal:
    return refusal_of(status_of(error))


@pytest.mark.parametrize(
    ("code", "reason", "facts", "error"),
    [
        ("INVALID_ARGUMENT", "MALFORMED", {"field": "a.b"}, Malformed("a.b", "is wrong")),
        (
            "FAILED_PRECONDITION",
            "AGENCY_NOT_REGISTERED",
            {"name": "agencies/x"},
            NotRegistered("agencies/x"),
        ),
        ("NOT_FOUND", "NOT_FOUND", {"name": "toolUses/x"}, NotRegistered("toolUses/x")),
        (
            "ALREADY_EXISTS",
            "CONFLICTING_RESUBMISSION",
            {"name": "toolUses/x", "leaf_index": "7"},
            ConflictingResubmission("toolUses/x", 7),
        ),
        (
            "FAILED_PRECONDITION",
            "NOT_IN_STATE",
            {"name": "imports/x", "state": "withdrawn", "allowed": "a,b"},
            NotInState("import/x", "withdrawn", ("a", "b")),
        ),
        ("FAILED_PRECONDITION", "REFUSED", {}, Refused("no")),
        ("FAILED_PRECONDITION", "NOT_KNOWN_TO_THIS_RELEASE", {}, Unverifiable("no")),
        ("OUT_OF_RANGE", "BEYOND_TREE", {"tree_size": "3"}, LeafBeyondTree(5, tree_size=3)),
        ("OUT_OF_RANGE", "BEYOND_HEAD", {"tree_size": "5", "head": "3"}, TreeSizeBeyondHead(5, 3)),
        ("NOT_FOUND", "LEDGER_NOT_FOUND", {"name": "ledgers/x"}, LedgerNotHosted("x")),
        ("NOT_FOUND", "NOT_REPORTED", {"source": "sources/x"}, NotReported("sources/x")),
        ("UNAUTHENTICATED", "UNAUTHENTICATED", {}, Unauthenticated("no")),
        ("DEADLINE_EXCEEDED", "DEADLINE_OVER", {}, DeadlineOver()),
        ("FAILED_PRECONDITION", "NO_QUORUM", {}, NoQuorum()),
        (
            "FAILED_PRECONDITION",
            "HISTORY_LOST",
            {"signed_size": "9", "tree_size": "3"},
            HistoryLost(signed_size=9, tree_size=3),
        ),
        ("DATA_LOSS", "DAMAGED", {"what": "tile/0/1"}, Damaged("tile/0/1")),
    ],
)
def test_errors_have_their_status(
    code: str, reason: str, facts: dict[str, str], error: Exception
) -> None:
    """Code and reason say what failed; the facts are there to act on; no retry is promised."""
    found = told(error)

    assert (code, reason, facts, None) == (found.code, found.reason, found.facts, found.retry_s)


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        ("UNAVAILABLE", "STORE_UNAVAILABLE", StoreUnavailable("disk is full")),
        ("RESOURCE_EXHAUSTED", "OVERLOADED", Overloaded(40_000)),
        ("UNAVAILABLE", "DRAINING", Draining()),
        ("ABORTED", "CONCURRENT_CHANGE", StreamConflict("tool_use/x", 2)),
        ("UNAVAILABLE", "VIEWS_BEHIND", ViewsBehind(7, 3)),
        ("UNAVAILABLE", "NOT_PUBLISHED", NotPublished(7, "w: no answer in time")),
    ],
)
def test_what_passes_is_worth_a_retry(code: str, reason: str, error: Exception) -> None:
    """Where the same request may succeed later, RetryInfo says when to try."""
    found = told(error)

    assert (code, reason, RETRY_AFTER_S) == (found.code, found.reason, found.retry_s)


def test_malformed_names_field_and_rule() -> None:
    """A BadRequest carries the field's path."""
    assert "occurred.latest" == told(Malformed("occurred.latest", "lies before")).field


@pytest.mark.parametrize("error", [ValueError("Jane Doe"), VerificationFailed("Jane Doe")])
def test_unexpected_errors_keep_their_text(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither caller nor log reads the text: it may hold what a database was given."""
    with caplog.at_level(logging.ERROR):
        found = told(error)

    assert ("INTERNAL", "INTERNAL") == (found.code, found.reason)
    assert "Jane" not in found.message
    assert "Jane" not in caplog.text
    assert type(error).__name__ in caplog.text
    assert found.facts["incident"] in caplog.text


class _Context:
    """Remembers the status it was aborted with."""

    code: str = ""

    async def abort_with_status(self, status: Any) -> None:
        self.code = status.code.name
        raise AbortError


def test_methods_only_raise() -> None:
    """A decorated coroutine or generator ends its call with the status of what it raised."""

    @raising_status
    async def one(_request: int, _context: Any) -> int:
        raise Draining

    @raising_status
    async def many(_request: int, _context: Any) -> AsyncIterator[int]:
        yield 1
        raise Overloaded(1)

    async def consume(context: Any) -> list[int]:
        return [item async for item in many(1, context)]

    context = _Context()
    with pytest.raises(AbortError):
        asyncio.run(one(1, context))
    assert "UNAVAILABLE" == context.code
    with pytest.raises(AbortError):
        asyncio.run(consume(context))
    assert "RESOURCE_EXHAUSTED" == context.code


def test_an_aborted_call_stays_as_it_is() -> None:
    """Two layers that make statuses do not answer twice."""

    @raising_status
    @raising_status
    async def one(_request: int, context: Any) -> int:
        raise Malformed("x", "y")

    context = _Context()
    with pytest.raises(AbortError):
        asyncio.run(one(1, context))
    assert "INVALID_ARGUMENT" == context.code
