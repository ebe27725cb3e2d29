"""Does every event have what OCSF 1.4.0 demands of a datastore_activity?

The lists below were written down by hand from https://schema.ocsf.io/1.4.0/, class 6005 and its
objects: what is required, of which type, and of what at least one must stand.
"""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from ledger.exports import write_ocsf
from tests.exports.exported import about_of, records_of, told, told_once
from tests.ledgers import Place
from tests.strategies import Operation, effort, operations

REQUIRED: Final[dict[str, dict[str, type]]] = {
    "": {
        "activity_id": int,
        "category_uid": int,
        "class_uid": int,
        "type_uid": int,
        "severity_id": int,
        "time": int,
        "metadata": dict,
        "actor": dict,
        "src_endpoint": dict,
    },
    "metadata": {"version": str, "product": dict},
    "database": {"type_id": int},
}
AT_LEAST_ONE: Final = {
    "": ("database", "databucket", "table"),
    "metadata.product": ("name", "uid"),
    "actor": ("process", "user", "invoked_by", "session", "app_name", "app_uid"),
    "actor.user": ("account", "name", "uid"),
    "actor.user.org": ("name", "uid"),
    "src_endpoint": (
        *("ip", "uid", "name", "hostname", "svc_name"),
        *("instance_uid", "interface_uid", "interface_name"),
    ),
    "database": ("name", "uid"),
}
# Of the class and its base; `unmapped` is for what the schema has no attribute for.
ATTRIBUTES: Final = frozenset(
    {"activity_id", "activity_name", "category_name", "category_uid", "class_name", "class_uid"}
    | {"count", "duration", "end_time", "enrichments", "message", "metadata", "observables"}
    | {"raw_data", "severity", "severity_id", "start_time", "status", "status_code"}
    | {"status_detail", "status_id", "time", "timezone_offset", "type_name", "type_uid"}
    | {"unmapped", "actor", "database", "databucket", "dst_endpoint", "http_request"}
    | {"http_response", "query_info", "src_endpoint", "table", "type", "type_id"}
)


def check(event: dict[str, Any]) -> None:
    """Raises AssertionError for what OCSF would refuse."""
    assert set(event) - ATTRIBUTES == {"legal_authority"}
    for path, members in REQUIRED.items():
        for name, kind in members.items():
            assert kind is type(_at(event, path)[name]), (path, name)
    for path, choices in AT_LEAST_ONE.items():
        assert set(choices) & set(_at(event, path)), path
    assert (6, 6005, 600500 + event["activity_id"]) == (
        event["category_uid"],
        event["class_uid"],
        event["type_uid"],
    )
    assert event["activity_id"] in range(11)
    assert event["severity_id"] in {*range(7), 99}
    assert event["actor"]["user"].get("type_id") in {0, 1, 2, 3, 4, 99}
    assert event["database"]["type_id"] in {*range(8), 99}
    (extension,) = event["metadata"]["extensions"]
    assert {"name", "uid", "version"} == set(extension)


def _at(event: dict[str, Any], path: str) -> dict[str, Any]:
    found: dict[str, Any] = event
    for name in filter(None, path.split(".")):
        found = found[name]
    return found


@effort(0.3)
@given(st.lists(operations, min_size=1, max_size=3))
def test_every_event_has_what_the_schema_demands(
    place: Place, steps: list[list[Operation]]
) -> None:
    """One event a use, each whole, whatever the record does not know."""
    entries = told(place, *steps)
    uses = records_of(entries, disclosed=("reason", "case_number"))
    events = [json.loads(line) for line in write_ocsf(about_of(entries), uses)]

    assert [use.name for use in uses] == [event["metadata"]["uid"] for event in events]
    for event in events:
        check(event)


def test_what_is_not_known_is_said_to_be_so(place: Place) -> None:
    """An event of which only the agency is known invents neither time, actor nor database."""
    entries = told_once(place)
    full, unknown = (
        json.loads(line) for line in write_ocsf(about_of(entries), records_of(entries))
    )

    assert ("exact", 1_582_279_200_000) == (full["unmapped"]["time_known_as"], full["time"])
    assert ("recorded_at", unknown["metadata"]["logged_time"]) == (
        unknown["unmapped"]["time_known_as"],
        unknown["time"],
    )
    assert ("not known", 0) == (
        unknown["actor"]["user"]["name"],
        unknown["actor"]["user"]["type_id"],
    )
    assert "not known" == unknown["database"]["name"]
    assert {"start_time", "end_time"} & set(unknown) == set()


def test_profile_says_under_what_authority(place: Place) -> None:
    """`legal_authority` holds the verdict, each authorization, and where the entry stands."""
    entries = told_once(place)
    use = records_of(entries)[0]
    (line,) = write_ocsf(about_of(entries), [use])
    said = json.loads(line)["legal_authority"]

    assert "valid_before" == said["verdict"]
    assert ("authorizations/w", "W-17", "warrant", "valid_before") == tuple(
        said["authorizations"][0][name] for name in ("uid", "identifier", "kind", "verdict")
    )
    assert (use.row.first, use.report.leaf_hash.hex()) == (said["leaf_index"], said["leaf_hash"])
    assert ("not_proven", len(entries)) == (said["completeness"], said["as_of"])
