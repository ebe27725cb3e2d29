"""Does a server say that it is there, answer with care, and leave in order?"""

from __future__ import annotations

import threading
import time
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.cli.host import _services
from services.runtime.health import HEAD, VIEWS, WRITING
from services.runtime.server import AddressInUse, GrpcServer
from services.runtime.settings import Settings
from tests.services.harness import Server, refused, use


def test_health_is_served(server: Server) -> None:
    """The server as a whole, and each service, are SERVING; another is not found."""
    stub = health_pb2_grpc.HealthStub(server.channel)
    for name in ("", "candour.v1.IngestService", "candour.v1.ProofsService"):
        found = stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert health_pb2.HealthCheckResponse.SERVING == found.status
    with pytest.raises(grpc.RpcError) as error:
        stub.Check(health_pb2.HealthCheckRequest(service="x"))
    assert grpc.StatusCode.NOT_FOUND == error.value.code()


def test_health_follows_what_a_service_needs(own_server: Server) -> None:
    """Who cannot append is NOT_SERVING as a whole, and reads on where only the head is needed."""
    stub = health_pb2_grpc.HealthStub(own_server.channel)
    own_server.run(own_server.grpc.say_health(lambda needs: "writing" not in needs))
    found = {
        name: stub.Check(health_pb2.HealthCheckRequest(service=name)).status
        for name in ("", "candour.v1.ProofsService")
    }

    status = health_pb2.HealthCheckResponse
    assert {"": status.NOT_SERVING, "candour.v1.ProofsService": status.SERVING} == found


def test_services_say_what_they_need() -> None:
    """Reports need a ledger that appends, questions need views, proofs the head alone."""
    needs = {service.name: service.needs for service in _services({}, {}, {})}

    assert frozenset({HEAD, WRITING}) == needs["candour.v1.IngestService"]
    assert frozenset({HEAD, VIEWS}) == needs["candour.v1.QueryService"]
    assert frozenset({HEAD}) == needs["candour.v1.ProofsService"]


def test_contracts_can_be_asked_for(server: Server) -> None:
    """Reflection lists the services, so that generic clients can call them."""
    stub = reflection_pb2_grpc.ServerReflectionStub(server.channel)
    (answer,) = stub.ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    )
    names = {service.name for service in answer.list_services_response.service}

    assert {"candour.v1.IngestService", "candour.v1.RegistryService"} <= names


def test_requests_that_are_no_messages_are_refused(server: Server) -> None:
    """Bytes that cannot be decoded are the caller's error, on every service."""
    for method in ("RegistryService/RegisterAgency", "ProofsService/GetTreeHead"):
        call: Any = server.channel.unary_unary(f"/candour.v1.{method}")
        found = refused(call, b"\x0a\xff")
        assert ("INVALID_ARGUMENT", "request") == (found.code, found.field)


def test_errors_of_ours_are_told_without_their_text(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug is INTERNAL, with an incident to look for in the log."""

    def broken(*_: object) -> None:
        raise ValueError("Jane Doe")

    monkeypatch.setattr(server.hosted.log, "prepare", broken)
    found = refused(server.report, use())

    assert ("INTERNAL", "INTERNAL") == (found.code, found.reason)
    assert "Jane" not in found.message
    assert found.facts["incident"] in found.message


def test_a_port_that_is_taken_is_refused(own_server: Server) -> None:
    """Two servers do not share a port by accident."""
    address = f"127.0.0.1:{own_server.grpc.port}"

    with pytest.raises(AddressInUse, match=address):
        own_server.run(GrpcServer(address, {}, []).start())


def test_a_drain_answers_what_was_taken(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call in flight gets its receipt; one that comes after is told that nobody is there."""
    with Server(settings) as server:
        append = server.hosted.store.append
        begun = threading.Event()

        def slow(*arguments: object, **named: object) -> object:
            begun.set()
            time.sleep(0.5)
            return append(*arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(server.hosted.store, "append", slow)
        receipts = []
        calling = threading.Thread(target=lambda: receipts.append(server.report(use()).receipt))
        calling.start()
        assert begun.wait(10)
        server.stop()
        calling.join(10)

        assert 1 == len(receipts)
        assert "UNAVAILABLE" == refused(server.report, use()).code
