"""QueryService over a real server: pages, points in time, views of protected values, refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from services.pb.candour.v1 import (
    common_pb2,
    ingest_pb2,
    ingest_pb2_grpc,
    query_pb2,
    query_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from tests.e2e.conftest import STORES, Place, place_of

PARENT = "ledgers/main"
AGENCY = "agencies/sampleton-police"
USES = 30
START_S = 1_750_000_000


def _use(number: int) -> common_pb2.ToolUse:
    when = Timestamp(seconds=START_S + number * 3600)
    return common_pb2.ToolUse(
        agency=AGENCY,
        technology="technologies/plate-reader",
        source="sources/test",
        source_event_id=f"use-{number}",
        capture=common_pb2.CAPTURE_LIVE,
        occurred=common_pb2.Occurred(earliest=when, latest=when),
        performer=common_pb2.Performer(user_id=f"user-{number % 3}"),
        reason=common_pb2.ProtectedText(value="stolen vehicle"),
    )


@pytest.fixture(scope="module", params=STORES)
def filled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """An agency, 30 uses an hour apart, reported latest first, and one authorization."""
    with place_of(request, tmp_path_factory.mktemp("query") / "data") as place:
        with grpc.insecure_channel(place.server.grpc) as channel:
            registry = registry_pb2_grpc.RegistryServiceStub(channel)
            agency = registry_pb2.Agency(name=AGENCY, display_name="Sampleton Police")
            registry.RegisterAgency(
                registry_pb2.RegisterAgencyRequest(parent=PARENT, agency=agency)
            )
            registry.GrantAuthorization(
                registry_pb2.GrantAuthorizationRequest(
                    parent=PARENT,
                    authorization=registry_pb2.Authorization(
                        name="authorizations/w-1",
                        agency=AGENCY,
                        kind=registry_pb2.AUTHORIZATION_KIND_WARRANT,
                        valid=common_pb2.Interval(
                            earliest=Timestamp(seconds=START_S),
                            latest=Timestamp(seconds=START_S + 100),
                        ),
                    ),
                )
            )
            ingest_pb2_grpc.IngestServiceStub(channel).BatchReportToolUses(
                ingest_pb2.BatchReportToolUsesRequest(
                    parent=PARENT, tool_uses=[_use(number) for number in reversed(range(USES))]
                )
            )
        yield place


@pytest.fixture
def query(filled: Place) -> Iterator[query_pb2_grpc.QueryServiceStub]:
    with grpc.insecure_channel(filled.server.grpc) as channel:
        yield query_pb2_grpc.QueryServiceStub(channel)


def _list(**fields: Any) -> query_pb2.ListToolUsesRequest:
    return query_pb2.ListToolUsesRequest(parent=PARENT, min_tree_size=USES + 2, **fields)


def _refusal(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """The code and the ErrorInfo reason of a refused call."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    status = rpc_status.from_call(caught.value)
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details)
    return caught.value.code(), info.reason


def test_pages_hold_every_use_once_by_time(query: query_pb2_grpc.QueryServiceStub) -> None:
    """Pages of any size join into the whole list, in the order the uses took place."""
    seen: list[int] = []
    token = ""
    while True:
        page = query.ListToolUses(_list(page_size=7, page_token=token))
        seen += [use.tool_use.occurred.earliest.seconds for use in page.tool_uses]
        token = page.next_page_token
        if not token:
            break

    assert [START_S + number * 3600 for number in range(USES)] == seen


@pytest.mark.parametrize(
    "other",
    [
        {"filter": 'agency = "agencies/other"'},
        {"as_of": common_pb2.AsOf(tree_size=3)},
        {"show_withdrawn": True},
    ],
)
def test_token_answers_no_other_question(
    query: query_pb2_grpc.QueryServiceStub, other: dict[str, Any]
) -> None:
    """A page token given for another filter or point in time is stale, not reinterpreted."""
    token = query.ListToolUses(_list(page_size=7)).next_page_token

    refused = _refusal(lambda: query.ListToolUses(_list(page_size=7, page_token=token, **other)))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED") == refused


@pytest.mark.parametrize("token", ["x", "AAAA", "not base64!", "A" * 400])
def test_made_up_token_is_refused(query: query_pb2_grpc.QueryServiceStub, token: str) -> None:
    """Nobody makes up a token."""
    refused = _refusal(lambda: query.ListToolUses(_list(page_token=token)))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED") == refused


def test_as_of_tells_what_was_known_then(query: query_pb2_grpc.QueryServiceStub) -> None:
    """At tree size 5 the ledger knew the first three reports, and answers so for ever."""
    then = query.ListToolUses(_list(as_of=common_pb2.AsOf(tree_size=5)))

    assert (5, [2, 3, 4]) == (then.tree_size, sorted(use.leaf_index for use in then.tool_uses))


def test_as_of_a_time_before_the_ledger_is_empty(query: query_pb2_grpc.QueryServiceStub) -> None:
    """Before the first published checkpoint nothing was known: tree size 0, no use."""
    then = query.ListToolUses(_list(as_of=common_pb2.AsOf(time=Timestamp(seconds=START_S))))

    assert (0, 0) == (then.tree_size, len(then.tool_uses))


@pytest.mark.parametrize(
    "fields",
    [{"as_of": common_pb2.AsOf(tree_size=10_000)}, {"min_tree_size": 10_000}],
)
def test_beyond_the_head_is_out_of_range(
    query: query_pb2_grpc.QueryServiceStub, fields: dict[str, Any]
) -> None:
    """A tree size the ledger has not reached is refused at once, with the head."""
    request = query_pb2.ListToolUsesRequest(parent=PARENT, **fields)

    refused = _refusal(lambda: query.ListToolUses(request))
    assert (grpc.StatusCode.OUT_OF_RANGE, "BEYOND_HEAD") == refused


@pytest.mark.parametrize(
    "text", ["agency =", "nothing = 1", "occurred = 2025-06-01", "a" * 5000, "((((((" * 50]
)
def test_malformed_filter_is_refused(query: query_pb2_grpc.QueryServiceStub, text: str) -> None:
    """A filter that cannot be read is the caller's error, by field."""
    refused = _refusal(lambda: query.ListToolUses(_list(filter=text)))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED") == refused


def test_protected_values_stand_in_the_full_view_only(
    query: query_pb2_grpc.QueryServiceStub,
) -> None:
    """The basic view shows a pseudonym and no protected value; the full view shows them."""
    (basic,) = query.ListToolUses(_list(page_size=1)).tool_uses
    full_view = query_pb2.TOOL_USE_VIEW_FULL
    (full,) = query.ListToolUses(_list(page_size=1, view=full_view)).tool_uses

    assert basic.performer.startswith("p-")
    assert not basic.tool_use.HasField("reason")
    assert ("", "") == (basic.performer_display_name, basic.tool_use.source_event_id)
    assert ("user-0", "use-0") == (full.performer_display_name, full.tool_use.source_event_id)
    assert full.tool_use.reason.value == "stolen vehicle"


def test_performer_is_found_by_what_the_source_calls_them(
    query: query_pb2_grpc.QueryServiceStub,
) -> None:
    """A filter may name a performer as the source does; the answer has the pseudonym."""
    found = query.ListToolUses(_list(filter='performer = "user-1"')).tool_uses

    assert {number for number in range(USES) if number % 3 == 1} == {
        (use.tool_use.occurred.earliest.seconds - START_S) // 3600 for use in found
    }
    assert len({use.performer for use in found}) == 1


def test_summary_counts_each_use_once(query: query_pb2_grpc.QueryServiceStub) -> None:
    """Groups by performer add up to the distinct uses; an unknown grouping is refused."""
    request = query_pb2.SummarizeToolUsesRequest(
        parent=PARENT, by=query_pb2.SUMMARY_KEY_PERFORMER, min_tree_size=USES + 2
    )
    summary = query.SummarizeToolUses(request)

    assert [10, 10, 10] == [group.count for group in summary.groups]
    assert (USES, 0) == (summary.count, summary.possible)
    unset = query_pb2.SummarizeToolUsesRequest(parent=PARENT)
    refused = _refusal(lambda: query.SummarizeToolUses(unset))
    assert (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED") == refused


@pytest.mark.parametrize(
    ("second", "names"), [(0, ["authorizations/w-1"]), (100, ["authorizations/w-1"]), (101, [])]
)
def test_authorizations_in_force_at_an_instant(
    query: query_pb2_grpc.QueryServiceStub, second: int, names: list[str]
) -> None:
    """Validity includes both ends."""
    response = query.ListAuthorizationsInForce(
        query_pb2.ListAuthorizationsInForceRequest(
            parent=PARENT, instant=Timestamp(seconds=START_S + second), min_tree_size=USES + 2
        )
    )

    assert names == [item.name for item in response.authorizations]


def test_history_begins_with_the_report(query: query_pb2_grpc.QueryServiceStub) -> None:
    """A use shows the entries that made it; one that nobody reported is not found."""
    (use,) = query.ListToolUses(_list(page_size=1)).tool_uses
    found = query.GetToolUse(query_pb2.GetToolUseRequest(name=f"{PARENT}/{use.name}"))

    assert ["tool_use.reported.v1"] == [item.topic for item in found.history]
    unknown = query_pb2.GetToolUseRequest(name=f"{PARENT}/toolUses/nobody")
    refused = _refusal(lambda: query.GetToolUse(unknown))
    assert (grpc.StatusCode.NOT_FOUND, "NOT_FOUND") == refused
