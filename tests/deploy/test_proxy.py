"""What does the proxy let through, to whom, and what does the ledger then record?

All by the shipped configuration in a real nginx, in front of a real server.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.bridge.reporting import Away, ForGood, Recorded, Reporter
from services.bridge.settings import Tls
from services.cli.local_server import LocalServer
from services.pb.candour.v1 import (
    common_pb2,
    ingest_pb2,
    ingest_pb2_grpc,
    proofs_pb2,
    proofs_pb2_grpc,
    query_pb2,
    query_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from services.runtime.http_client import get
from tests.deploy.proxied import Authority, Proxy
from tests.deploy.tools import need

PARENT = "ledgers/main"
# As a name is written into a request for a certificate, and as nginx reads it out of one.
ROLES = {
    "reporter": (
        "/O=Sampleton PD/OU=importers/CN=readers",
        "CN=readers,OU=importers,O=Sampleton PD",
    ),
    "registrar": ("/O=Sampleton PD/CN=desk", "CN=desk,O=Sampleton PD"),
    "reader": ("/O=Sampleton/CN=inspector", "CN=inspector,O=Sampleton"),
    "auditor": ("/O=State Auditor/CN=audits", "CN=audits,O=State Auditor"),
    "gone": ("/O=Sampleton PD/CN=gone", "CN=gone,O=Sampleton PD"),
}
# Known to the authority, and to nobody else; the second tries to look like the reader.
STRANGERS = {
    "stranger": "/O=Sampleton PD/CN=intern",
    "imitator": "/CN=x\\,CN=inspector\\,O=Sampleton",
}
CALL_S = 30


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A ledger behind its proxy; `gone` was a reader until its certificate was revoked."""
    need("nginx")
    folder = tmp_path_factory.mktemp("proxied")
    folder.chmod(0o755)  # nginx's workers are nobody where it is started as root
    authority = Authority(folder / "authority")
    authority.sign("server", "/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    for name, (subject, _) in ROLES.items():
        authority.sign(name, subject)
    for name, subject in STRANGERS.items():
        authority.sign(name, subject)
    other = Authority(folder / "other")
    other.sign("foreign", "/O=Sampleton/CN=inspector")
    for kind in ("crt", "key"):
        (authority.folder / f"foreign.{kind}").write_bytes(other.read(f"foreign.{kind}"))
    authority.revoke("gone")
    clients = {subject: name for name, (_, subject) in ROLES.items()}
    clients[ROLES["gone"][1]] = "reader"
    with (
        LocalServer(folder / "data") as server,
        Proxy(folder / "proxy", server, authority, clients) as proxy,
    ):
        with proxy.channel("registrar") as channel:
            agency = registry_pb2.RegisterAgencyRequest(
                parent=PARENT, agency=registry_pb2.Agency(name="agencies/a", display_name="A")
            )
            registry_pb2_grpc.RegistryServiceStub(channel).RegisterAgency(agency, timeout=CALL_S)
        yield proxy


def use(own_id: str) -> common_pb2.ToolUse:
    return common_pb2.ToolUse(
        agency="agencies/a",
        technology="technologies/t",
        source="sources/s",
        source_event_id=own_id,
        capture=common_pb2.CAPTURE_LIVE,
    )


def report(proxy: Proxy, client: str, own_id: str) -> ingest_pb2.ReportToolUseResponse:
    """One use, published when this returns."""
    wait_for = ingest_pb2.WAIT_FOR_PUBLISHED
    request = ingest_pb2.ReportToolUseRequest(
        parent=PARENT, tool_use=use(own_id), wait_for=wait_for
    )
    with proxy.channel(client) as channel:
        return ingest_pb2_grpc.IngestServiceStub(channel).ReportToolUse(request, timeout=CALL_S)


def listed(proxy: Proxy, client: str, leaf_index: int = 0) -> query_pb2.ListToolUsesResponse:
    """The uses as of this entry."""
    as_of = common_pb2.AsOf(tree_size=leaf_index + 1)
    request = query_pb2.ListToolUsesRequest(parent=PARENT, as_of=as_of)
    with proxy.channel(client) as channel:
        stub = query_pb2_grpc.QueryServiceStub(channel)
        return stub.ListToolUses(request, timeout=CALL_S)


def refusal(call: object, *arguments: object) -> grpc.StatusCode:
    """The status of a call that must fail."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)  # type: ignore[operator]
    code: grpc.StatusCode = caught.value.code()
    return code


def test_reporter_reports_and_reads_nothing(proxy: Proxy) -> None:
    """A reporter gets its receipt, and no answer about anybody's uses."""
    assert report(proxy, "reporter", "1").receipt.name.startswith("toolUses/")
    assert grpc.StatusCode.PERMISSION_DENIED == refusal(listed, proxy, "reporter")


def test_reader_reads_and_reports_nothing(proxy: Proxy) -> None:
    """A reader gets answers with everything in them, and cannot add to the record."""
    receipt = report(proxy, "reporter", "2").receipt
    found = listed(proxy, "reader", receipt.leaf_index).tool_uses

    assert receipt.name in {one.name for one in found}
    assert grpc.StatusCode.PERMISSION_DENIED == refusal(report, proxy, "reader", "3")


@pytest.mark.parametrize("client", ["stranger", "imitator", "auditor"])
def test_who_is_not_listed_may_call_nothing(proxy: Proxy, client: str) -> None:
    """A certificate alone opens nothing: its whole subject must be listed for the call."""
    assert grpc.StatusCode.PERMISSION_DENIED == refusal(listed, proxy, client)
    assert grpc.StatusCode.PERMISSION_DENIED == refusal(report, proxy, client, "4")


@pytest.mark.parametrize("client", ["gone", "foreign", None])
def test_who_has_no_good_certificate_is_not_served(proxy: Proxy, client: str | None) -> None:
    """Revoked, signed by somebody else, or none: nothing reaches the ledger."""
    status, _ = proxy.ask("/ledgers", client)
    assert status == 400


def test_entry_says_that_nobody_was_authenticated(proxy: Proxy) -> None:
    """Behind the proxy the record still says loopback, never the certificate's name."""
    receipt = report(proxy, "reporter", "5").receipt
    with proxy.channel("reader") as channel:
        stub = proofs_pb2_grpc.ProofsServiceStub(channel)
        request = proofs_pb2.GetEntryRequest(parent=PARENT, leaf_index=receipt.leaf_index)
        entry = json.loads(stub.GetEntry(request, timeout=CALL_S).entry)

    assert "unauthenticated:loopback" in json.dumps(entry)
    assert "readers" not in json.dumps(entry)


@pytest.mark.parametrize(("client", "taken"), [("reporter", True), ("reader", False)])
def test_bridge_reports_as_its_certificate_may(proxy: Proxy, client: str, taken: bool) -> None:
    """The bridge from NATS, beyond a proxy: a reporter's uses are recorded, a reader's wait."""
    own = proxy.authority.folder
    tls = Tls(ca=own / "ca.crt", certificate=own / f"{client}.crt", key=own / f"{client}.key")

    async def reported() -> list[Recorded | ForGood | Away] | Away:
        async with Reporter(f"localhost:{proxy.ports[8443]}", PARENT, tls) as reporter:
            try:
                return await reporter.report([use(f"bridged by {client}").SerializeToString()])
            except Away as away:
                return away

    found = asyncio.run(reported())
    assert [Recorded(duplicate=False)] == found if taken else "PERMISSION_DENIED" in str(found)


def test_streams_go_through(proxy: Proxy) -> None:
    """Each use of a stream gets its result, both ways at once."""
    requests = (
        ingest_pb2.StreamToolUsesRequest(parent=PARENT, tool_use=use(f"s{n}")) for n in range(50)
    )
    with proxy.channel("reporter") as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        answers = list(stub.StreamToolUses(requests, timeout=CALL_S))

    assert 50 == sum(len(answer.results) for answer in answers)


def test_health_is_for_every_known_client(proxy: Proxy) -> None:
    """A client of any role may ask whether the ledger serves."""
    with proxy.channel("auditor") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_S)

    assert health_pb2.HealthCheckResponse.SERVING == answer.status


def test_auditor_sees_the_log_and_no_entries(proxy: Proxy) -> None:
    """An auditor reads status and hash tiles; entries are not published: here alone they are shown."""
    report(proxy, "reporter", "6")
    status, body = proxy.ask("/ledgers/main/status", "auditor")
    width = json.loads(body)["published"]["tree_size"]
    entries = f"/ledgers/main/tile/entries/000.p/{width}"

    assert 200 == status
    assert 200 == get(f"http://{proxy.server.http}{entries}", most=1_000_000, timeout_s=10).status
    assert 404 == proxy.ask(entries, "auditor")[0]
    assert 200 == proxy.ask(f"/ledgers/main/tile/0/000.p/{width}", "auditor")[0]
    assert 403 == proxy.ask("/ledgers/main/events", "auditor", method="POST")[0]
    assert 403 == proxy.ask("/ledgers/main/status", "reporter")[0]


@pytest.mark.parametrize(
    "path",
    [
        *("/ledgers/main/%63heckpoint", "//ledgers/main/status", "/ledgers/../verify"),
        "/candour.v1.IngestService/../candour.v1.QueryService/ListToolUses",
        "/ledgers/main/committed/tile/../../tile/0/000",
    ],
)
def test_path_that_can_be_read_in_two_ways_is_refused(proxy: Proxy, path: str) -> None:
    """What is judged is what the ledger gets: no escapes, no dots, no doubled slashes."""
    assert 400 == proxy.ask(path, "auditor")[0]


def test_public_port_shows_the_log_and_nothing_else(proxy: Proxy) -> None:
    """Anybody gets checkpoint, vkey and hash tiles; status, entries and services are not there."""
    report(proxy, "reporter", "7")
    status, note = proxy.ask("/ledgers/main/checkpoint", port=8444)
    width = int(note.splitlines()[1])

    assert status == 200
    assert proxy.ask("/ledgers/main/vkey", port=8444)[0] == 200
    assert proxy.ask(f"/ledgers/main/tile/0/000.p/{width}", port=8444)[0] == 200
    assert proxy.ask(f"/ledgers/main/tile/entries/000.p/{width}", port=8444)[0] == 404
    for path in ("/ledgers/main/status", "/ledgers", "/verify", "/metrics"):
        assert proxy.ask(path, port=8444)[0] == 404
    assert proxy.ask("/ledgers/main/checkpoint", port=8444, method="POST")[0] == 403
