"""Is every failure one sentence with what to do next?"""

from __future__ import annotations

from collections import deque

import grpc
import pytest
from google.rpc.status_pb2 import Status

from tests.cli.conftest import Candour
from tests.cli.fake_ledger import FakeLedger, status

CODE = grpc.StatusCode


def test_nobody_there(candour: Candour) -> None:
    """Without a server every client command says how to start one, and ends in 1."""
    ran = candour("agencies", "list", "--target", "127.0.0.1:1")

    assert (1, "") == (ran.exit_code, ran.out)
    assert "candour: No ledger answers at 127.0.0.1:1. Start one with `candour serve`" in ran.err


@pytest.mark.usefixtures("target")
@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (status(CODE.INVALID_ARGUMENT, "must be set", field="by"), "by: must be set."),
        (
            status(CODE.NOT_FOUND, "ledgers/x is not served here", reason="LEDGER_NOT_FOUND"),
            "ledgers/x is not served here. Look it up with a `list` command, and check --ledger.",
        ),
        (
            status(CODE.UNAVAILABLE, "the store is not available", reason="S", retry_s=1),
            "The ledger cannot answer now: the store is not available. Try again in 1 s.",
        ),
        (status(CODE.UNAVAILABLE, "closing", reason="DRAINING"), "Try again in a while."),
        (status(CODE.OUT_OF_RANGE, "900 is beyond the head"), "Leave --as-of out"),
        (status(CODE.DEADLINE_EXCEEDED, ""), "did not answer in time"),
        (status(CODE.UNIMPLEMENTED, ""), "UNIMPLEMENTED. The server is of another release"),
        (status(CODE.INTERNAL, "two\nlines.\n"), "two lines. The server's log says more."),
    ],
)
def test_statuses(candour: Candour, ledger: FakeLedger, made: Status, expected: str) -> None:
    """A status becomes its sentence; details name field, reason and how long to wait."""
    ledger.failing["GetTreeHead"] = deque([made])
    ran = candour("agencies", "list")

    assert 1 == ran.exit_code
    assert expected in ran.err
    assert 1 == ran.err.strip().count("\n") + 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["uses", "list", "--from", "yesterday"], "--from: must be an RFC 3339 time"),
        (["uses", "list", "--from", "2025-02-30"], "--from: is not a moment of the calendar"),
        (["uses", "list", "--from", "2025-02-02", "--to", "2025-02-01"], "--to: lies before"),
        (["uses", "list", "--filter", "agency ="], "--filter: character 8"),
        (["uses", "list", "--filter", "a) OR (b"], "--filter: character"),
        (["uses", "list", "--filter", "colour = red"], "no field colour; there are"),
        (["uses", "list", "--as-of", "later"], "--as-of: must be an RFC 3339 time"),
        (["uses", "list", "--agency", "sources/x"], "agencies: must lie in agencies/"),
        (["uses", "list", "--format", "xml"], "xml"),
        (["uses", "list", "--limit", "0"], "--limit"),
        (["uses", "list", "--target", "here"], "--target: here is not HOST:PORT"),
        (["uses", "summary"], "--by"),
        (["uses", "nonesuch"], "nonesuch"),
        (["authorizations", "in-force", "--at", "now"], "--at: must be"),
        (["serve", "--grpc", "nowhere"], "nowhere is not HOST:PORT"),
        (["serve", "--http", "0.0.0.0:80"], "0.0.0.0:80 can be reached from elsewhere"),
    ],
)
@pytest.mark.usefixtures("target")
def test_wrong_command_lines(candour: Candour, arguments: list[str], expected: str) -> None:
    """A wrong flag ends in 2 (serve's addresses, which are refused, in 1) and is named."""
    ran = candour(*arguments)

    assert (1 if arguments[0] == "serve" else 2) == ran.exit_code
    assert expected in ran.err


def test_own_error_is_no_traceback(candour: Candour, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody thought of is said in a sentence, too."""

    def fail(*_arguments: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr("services.cli.registers.print_register", fail)
    ran = candour("agencies", "list")

    assert 1 == ran.exit_code
    assert "an error of candour itself (ZeroDivisionError: by design)" in ran.err
