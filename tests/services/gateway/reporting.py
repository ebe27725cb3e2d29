"""How does a test report over HTTP? Real requests to a served ledger, with the SDKs' bodies.

CloudEvent ──SDK──► headers, body ──post──► Answered(status, JSON)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final

from cloudevents.http import CloudEvent

from ledger.ingest.cloud_events import EVENT_TYPE
from tests.services.harness import AGENCY, Server, fresh

EVENTS: Final = "/ledgers/main/events"
BATCH: Final = "application/cloudevents-batch+json"
_WAIT_S: Final = 60


@dataclass(frozen=True)
class Answered:
    """What a server said; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def post(server: Server, path: str, headers: dict[str, str], body: Any) -> Answered:
    """One POST; a body that is an iterable of bytes goes out in chunks."""
    connection = HTTPConnection(server.http.address, timeout=_WAIT_S)
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answered(response.status, named, response.read())
    finally:
        connection.close()


def event(source_event_id: str | None = None, **data: Any) -> CloudEvent:
    """A use as the CloudEvents SDK says it; `data` says more, or otherwise."""
    attributes = {
        "type": EVENT_TYPE,
        "source": "sources/s",
        "id": fresh() if source_event_id is None else source_event_id,
        "datacontenttype": "application/json",
    }
    said = {"agency": AGENCY, "technology": "technologies/t", "capture": "live", **data}
    return CloudEvent(attributes, said)
