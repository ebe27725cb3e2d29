"""Are registers kept: the same thing once, another under a taken name never?"""

from __future__ import annotations

from typing import Any

import pytest

from ledger.canonical_json import decode
from services.pb.candour.v1 import common_pb2, registry_pb2
from tests.services.harness import AGENCY, PARENT, Server, fresh, refused, use
from tests.services.ingest.test_reporting import check_receipt


def register(server: Server, message: Any) -> Any:
    """Register whatever it is, under the ledger."""
    kind = type(message).__name__
    verb = "Grant" if kind == "Authorization" else "Register"
    request = getattr(registry_pb2, f"{verb}{kind}Request")
    return getattr(server.registry, f"{verb}{kind}")(
        request(parent=PARENT, **{kind.lower(): message})
    )


def authorization(**members: Any) -> registry_pb2.Authorization:
    said: dict[str, Any] = {
        "name": f"authorizations/{fresh()}",
        "agency": AGENCY,
        "kind": registry_pb2.AUTHORIZATION_KIND_WARRANT,
        "valid": common_pb2.Interval(),
    }
    return registry_pb2.Authorization(**{**said, **members})


def things() -> list[Any]:
    """One of each kind, under names that nobody used."""
    return [
        registry_pb2.Agency(name=f"agencies/{fresh()}", display_name="A", country="CA"),
        registry_pb2.Technology(name=f"technologies/{fresh()}", display_name="T", vendor="V"),
        registry_pb2.Source(name=f"sources/{fresh()}", display_name="S", agency=AGENCY),
        authorization(granting_officer="Judge Jane", units=["u"]),
    ]


@pytest.mark.parametrize("index", range(4))
def test_the_same_thing_is_registered_once(server: Server, index: int) -> None:
    """Registered again it gives the first receipt; otherwise it is a conflict."""
    thing = things()[index]
    response = register(server, thing)
    entry = check_receipt(server, response.receipt, response.checkpoint)
    again = register(server, thing).receipt

    assert thing.name == response.receipt.name == again.name
    assert (response.receipt.leaf_index, True) == (again.leaf_index, again.duplicate)
    assert b"Jane" not in entry
    other = type(thing)()
    other.CopyFrom(thing)
    if index == 3:
        other.granting_officer = "Judge John"
    else:
        other.display_name = "Z"
    found = refused(register, server, other)
    assert ("ALREADY_EXISTS", "CONFLICTING_RESUBMISSION") == (found.code, found.reason)
    assert thing.name == found.facts["name"]


def test_an_officer_is_protected(server: Server) -> None:
    """The granting officer is committed to, and stands beside the log."""
    receipt = register(server, authorization(granting_officer="Judge Jane")).receipt
    (stored,) = server.hosted.store.entries_at([receipt.leaf_index], with_disclosures=True)

    assert {"granting_officer"} == set(decode(stored.entry)["protected"])
    assert "Judge Jane" == decode(stored.disclosures or b"")["granting_officer"][1]


@pytest.mark.parametrize(
    ("field", "thing"),
    [
        ("agency.name", registry_pb2.Agency(name="x", display_name="X")),
        ("technology.display_name", registry_pb2.Technology(name="technologies/x")),
        ("source.name", registry_pb2.Source(display_name="X")),
        ("authorization.valid", authorization(valid=None)),
    ],
)
def test_malformed_things_are_refused(server: Server, field: str, thing: Any) -> None:
    """By the field's path in the request."""
    found = refused(register, server, thing)

    assert ("INVALID_ARGUMENT", field) == (found.code, found.field)


def test_whoever_is_named_must_be_registered(server: Server) -> None:
    """An agency that nobody registered can have neither source nor authorization."""
    for thing in (
        registry_pb2.Source(name="sources/x", display_name="X", agency="agencies/nobody"),
        authorization(agency="agencies/nobody"),
    ):
        found = refused(register, server, thing)
        assert ("AGENCY_NOT_REGISTERED", {"name": "agencies/nobody"}) == (
            found.reason,
            found.facts,
        )


def test_other_ledgers_are_not_found(server: Server) -> None:
    """This process keeps the registers of its own ledgers."""
    request = registry_pb2.RegisterAgencyRequest(
        parent="ledgers/x", agency=registry_pb2.Agency(name="agencies/x", display_name="X")
    )
    assert "LEDGER_NOT_FOUND" == refused(server.registry.RegisterAgency, request).reason


def _alias(server: Server, name: str, alias: str, **members: Any) -> Any:
    return server.registry.AliasTechnology(
        registry_pb2.AliasTechnologyRequest(name=f"{PARENT}/{name}", alias=alias, **members)
    )


def test_an_alias_is_recorded_once(server: Server) -> None:
    """Of a registered technology; never its own name."""
    technology = things()[1]
    register(server, technology)
    response = _alias(server, technology.name, "technologies/other")
    check_receipt(server, response.receipt, response.checkpoint)

    assert _alias(server, technology.name, "technologies/other").receipt.duplicate
    assert "alias" == refused(_alias, server, technology.name, technology.name).field
    assert "alias" == refused(_alias, server, technology.name, "sources/x").field
    found = refused(_alias, server, "technologies/nobody-knows", "technologies/x")
    assert ("NOT_FOUND", "technologies/nobody-knows") == (found.code, found.facts["name"])
    assert "name" == refused(_alias, server, "agencies/a", "technologies/x").field


def test_an_authorization_is_linked_once(server: Server) -> None:
    """It need not be registered; the entry carries what the use stood under before."""
    name = server.report(use(authorizations=["authorizations/before"])).receipt.name
    request = registry_pb2.LinkAuthorizationRequest(
        name=f"{PARENT}/{name}", authorization="authorizations/after"
    )
    response = server.registry.LinkAuthorization(request)
    event = decode(check_receipt(server, response.receipt, response.checkpoint))["event"]

    assert name == response.receipt.name
    assert ["authorizations/before"] == event["authorizations_before"]
    assert server.registry.LinkAuthorization(request).receipt.duplicate
    request.authorization = "toolUses/x"
    assert "authorization" == refused(server.registry.LinkAuthorization, request).field


def test_a_request_id_gives_the_first_receipt_again(server: Server) -> None:
    """For aliases and links as well."""
    technology = things()[1]
    register(server, technology)
    asked = fresh("request")
    first = _alias(server, technology.name, "technologies/z", request_id=asked).receipt
    again = _alias(server, technology.name, "technologies/z", request_id=asked).receipt

    assert (first.leaf_index, True, True) == (
        again.leaf_index,
        again.duplicate,
        again.content_compared,
    )
    found = refused(_alias, server, technology.name, "technologies/y", request_id=asked)
    assert "CONFLICTING_RESUBMISSION" == found.reason
