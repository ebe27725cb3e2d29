"""Are corrections recorded once, and do they change what a repeated report means?"""

from __future__ import annotations

from typing import Any

import pytest

from ledger.canonical_json import decode
from services.pb.candour.v1 import common_pb2, ingest_pb2
from tests.services.harness import AGENCY, PARENT, Server, fresh, refused, text, use
from tests.services.ingest.test_reporting import check_receipt

_files = iter(range(1, 10_000))


def sha256() -> str:
    return f"{next(_files):064x}"


def declare(server: Server, file: str, **members: Any) -> common_pb2.Receipt:
    said: dict[str, Any] = {
        "agency": AGENCY,
        "source": "sources/s",
        "file_sha256": file,
        "rows": 3,
        "layout": "flock-portal",
        "capture": common_pb2.CAPTURE_BACKFILL,
    }
    return server.ingest.DeclareImport(
        ingest_pb2.DeclareImportRequest(parent=PARENT, **{**said, **members})
    ).receipt


def complete(server: Server, name: str, **members: Any) -> common_pb2.Receipt:
    return server.ingest.CompleteImport(
        ingest_pb2.CompleteImportRequest(name=f"{PARENT}/{name}", **members)
    ).receipt


def withdraw_import(server: Server, name: str, **members: Any) -> common_pb2.Receipt:
    said = {"reason": "the wrong file", **members}
    return server.ingest.WithdrawImport(
        ingest_pb2.WithdrawImportRequest(name=f"{PARENT}/{name}", **said)
    ).receipt


def withdraw(server: Server, name: str, **members: Any) -> common_pb2.Receipt:
    said = {"reason": "Jane did not do it", **members}
    return server.ingest.WithdrawToolUse(
        ingest_pb2.WithdrawToolUseRequest(name=f"{PARENT}/{name}", **said)
    ).receipt


def same_as(server: Server, name: str, other: str, **members: Any) -> common_pb2.Receipt:
    return server.ingest.MarkToolUseSameAs(
        ingest_pb2.MarkToolUseSameAsRequest(name=f"{PARENT}/{name}", same_as=other, **members)
    ).receipt


def row(own: str, import_: str, reason: str = "r") -> common_pb2.ToolUse:
    return use(
        own,
        reason=text(reason),
        capture=common_pb2.CAPTURE_BACKFILL,
        **{"import": import_},
    )


# --- withdrawing ------------------------------------------------------------------
def test_a_withdrawal_is_recorded_once(server: Server) -> None:
    """Asked again, the first receipt comes again; its reason is protected, its code is not."""
    name = server.report(use()).receipt.name
    response = server.ingest.WithdrawToolUse(
        ingest_pb2.WithdrawToolUseRequest(name=f"{PARENT}/{name}", reason="Jane", code="error")
    )
    entry = check_receipt(server, response.receipt, response.checkpoint)
    again = withdraw(server, name)

    assert name == response.receipt.name == again.name
    assert response.receipt.leaf_index == again.leaf_index
    assert (True, False) == (again.duplicate, again.content_compared)
    assert "error" == decode(entry)["event"]["code"]
    assert b"Jane" not in entry


def test_a_retry_does_not_bring_a_withdrawn_report_back(server: Server) -> None:
    """The same content is the withdrawn report's; another content is a new report."""
    own = fresh()
    first = server.report(use(own, reason=text("a"))).receipt
    withdraw(server, first.name)
    again = server.report(use(own, reason=text("a"))).receipt
    other = server.report(use(own, reason=text("b"))).receipt

    assert (first.leaf_index, True) == (again.leaf_index, again.duplicate)
    assert not other.duplicate
    assert first.name != other.name
    repeated = server.report(use(own, reason=text("b"))).receipt
    assert (other.leaf_index, True) == (repeated.leaf_index, repeated.duplicate)


@pytest.mark.parametrize(
    ("code", "field", "members"),
    [
        ("INVALID_ARGUMENT", "reason", {"reason": " "}),
        ("INVALID_ARGUMENT", "reason", {"reason": "x" * 70_000}),
        ("INVALID_ARGUMENT", "reason", {"reason": "\0"}),
        ("INVALID_ARGUMENT", "code", {"code": "x" * 101}),
        ("INVALID_ARGUMENT", "request_id", {"request_id": "x" * 101}),
    ],
)
def test_malformed_withdrawals_are_refused(
    server: Server, code: str, field: str, members: dict[str, str]
) -> None:
    """By field, for uses and imports alike; nothing is recorded."""
    name = server.report(use()).receipt.name
    import_ = declare(server, sha256()).name
    size = server.size()
    for found in (
        refused(withdraw, server, name, **members),
        refused(withdraw_import, server, import_, **members),
    ):
        assert (code, field) == (found.code, found.field)
    assert size == server.size()


def test_what_nobody_reported_is_not_found(server: Server) -> None:
    """A name of the right form that stands for nothing is NOT_FOUND, with the name."""
    uuid = "019ab3c4-5d6e-7f80-8a1b-2c3d4e5f6071"
    here = server.report(use()).receipt.name
    for found, name in (
        (refused(withdraw, server, f"toolUses/{uuid}"), f"toolUses/{uuid}"),
        (refused(withdraw_import, server, f"imports/{uuid}"), f"imports/{uuid}"),
        (refused(complete, server, f"imports/{uuid}"), f"imports/{uuid}"),
        (refused(same_as, server, here, f"toolUses/{uuid}"), f"toolUses/{uuid}"),
    ):
        assert ("NOT_FOUND", {"name": name}) == (found.code, found.facts)


@pytest.mark.parametrize("name", ["imports/x", "toolUses/", "toolUses/ä", "x"])
def test_names_of_other_things_are_refused(server: Server, name: str) -> None:
    """A withdrawal of a use names a use."""
    assert "name" == refused(withdraw, server, name).field


# --- told twice -------------------------------------------------------------------
def test_one_search_told_twice_counts_once(server: Server) -> None:
    """It is recorded once; a report that no longer counts cannot take the other's place."""
    first, second, third = (server.report(use()).receipt.name for _ in range(3))
    receipt = same_as(server, second, first)

    assert (second, False) == (receipt.name, receipt.duplicate)
    assert same_as(server, second, first).duplicate
    found = refused(same_as, server, third, second)
    assert ("FAILED_PRECONDITION", "NOT_IN_STATE") == (found.code, found.reason)
    assert {"name": second, "state": "told twice", "allowed": "link"} == found.facts
    assert "NOT_IN_STATE" == refused(withdraw, server, second).reason
    assert "same_as" == refused(same_as, server, first, first).field
    assert "same_as" == refused(same_as, server, first, "imports/x").field


# --- imports ----------------------------------------------------------------------
def test_a_file_is_declared_once(server: Server) -> None:
    """The same file is the same import; other bytes, source, agency or capture is another."""
    file = sha256()
    first = declare(server, file)

    assert first.name.startswith("imports/")
    again = declare(server, file)
    assert (first.name, True) == (again.name, again.duplicate)
    for members in ({"file_sha256": sha256()}, {"source": "sources/r"}, {"capture": 1}):
        other = declare(server, file, **members)
        assert first.name != other.name
        assert not other.duplicate


@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("file_sha256", {"file_sha256": "A" * 64}),
        ("file_sha256", {"file_sha256": "ab"}),
        ("rows", {"rows": -1}),
        ("rows", {"rows": 2**60}),
        ("layout", {"layout": ""}),
        ("capture", {"capture": 0}),
        ("capture", {"capture": 9}),
        ("agency", {"agency": "a"}),
        ("source", {"source": ""}),
        ("technology", {"technology": "t"}),
    ],
)
def test_malformed_declarations_are_refused(
    server: Server, field: str, members: dict[str, Any]
) -> None:
    """By field; nothing is recorded."""
    size = server.size()
    found = refused(declare, server, sha256(), **members)

    assert ("INVALID_ARGUMENT", field) == (found.code, found.field)
    assert size == server.size()


def test_a_declaration_names_a_registered_agency(server: Server) -> None:
    """As a report does."""
    found = refused(declare, server, sha256(), agency="agencies/nobody")

    assert ("FAILED_PRECONDITION", "AGENCY_NOT_REGISTERED") == (found.code, found.reason)


def test_an_import_is_completed_once(server: Server) -> None:
    """What became of its rows the first time stands; a second reading changes nothing."""
    name = declare(server, sha256()).name
    first = complete(server, name, accepted=3)
    again = complete(server, name, duplicates=3)

    assert (first.leaf_index, True) == (again.leaf_index, again.duplicate)
    assert "accepted" == refused(complete, server, name, accepted=-1).field


def test_an_import_taken_back_can_be_read_again(server: Server) -> None:
    """Its rows stand anew under the new import; a second withdrawal is no error."""
    file, own = sha256(), fresh()
    wrong = declare(server, file)
    first = server.report(row(own, wrong.name)).receipt
    overlap = server.report(row(own, declare(server, sha256()).name)).receipt
    withdrawn = withdraw_import(server, wrong.name)
    anew = declare(server, file)
    second = server.report(row(own, anew.name)).receipt

    assert (first.leaf_index, True) == (overlap.leaf_index, overlap.duplicate)
    assert withdraw_import(server, wrong.name).leaf_index == withdrawn.leaf_index
    assert wrong.name != anew.name
    assert not anew.duplicate
    assert declare(server, file).name == anew.name
    assert not second.duplicate
    assert first.name != second.name
    assert server.report(row(own, anew.name)).receipt.duplicate
    found = refused(complete, server, wrong.name, accepted=1)
    assert ("NOT_IN_STATE", "withdrawn") == (found.reason, found.facts["state"])


def test_a_retry_within_a_withdrawn_import_brings_nothing_back(server: Server) -> None:
    """The same row of the same withdrawn import is a late retry, not a new statement."""
    own = fresh()
    name = declare(server, sha256()).name
    first = server.report(row(own, name)).receipt
    withdraw_import(server, name)
    again = server.report(row(own, name)).receipt

    assert (first.leaf_index, True) == (again.leaf_index, again.duplicate)


# --- request ids ------------------------------------------------------------------
def test_a_request_id_gives_its_first_receipt_again(server: Server) -> None:
    """Also when the state has moved on since, so that the command itself would be refused."""
    first, second = (server.report(use()).receipt.name for _ in range(2))
    linked = same_as(server, second, first, request_id=(asked := fresh("request")))
    size = server.size()
    again = same_as(server, second, first, request_id=asked)
    assert (linked.leaf_index, linked.leaf_hash) == (again.leaf_index, again.leaf_hash)
    assert (True, True) == (again.duplicate, again.content_compared)

    name = declare(server, sha256()).name
    done = complete(server, name, accepted=1, request_id=(asked := fresh("request")))
    withdraw_import(server, name)
    replayed = complete(server, name, accepted=1, request_id=asked)
    assert (done.leaf_index, True) == (replayed.leaf_index, replayed.duplicate)
    assert size + 3 == server.size()


def test_a_request_id_stands_for_one_command(server: Server) -> None:
    """Used for something else, it is a conflict that names what it stands for."""
    first, second = (server.report(use()).receipt.name for _ in range(2))
    asked = fresh("request")
    receipt = withdraw(server, first, request_id=asked)
    size = server.size()
    for found in (
        refused(withdraw, server, second, request_id=asked),
        refused(withdraw, server, first, request_id=asked, reason="another"),
        refused(same_as, server, second, first, request_id=asked),
    ):
        assert ("ALREADY_EXISTS", "CONFLICTING_RESUBMISSION") == (found.code, found.reason)
        assert {"name": first, "leaf_index": str(receipt.leaf_index)} == found.facts
    assert size == server.size()
