"""What stands in a register of the oversight record? Rows for people, objects for scripts.

ListThings ──thing_object──► the first fact's members, the state, the last fact ──► table | JSON | CSV
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from services.cli.options import Connection, Format
from services.cli.output import print_rows, say

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.pb.candour.v1 import record_pb2
    from services.pb.candour.v1.common_pb2 import AsOf

_END: Final = {"leaf": "leaf_index", "state": "state", "name": "name"}
_MORE: Final = ("recorded_at", "entries", "last.topic", "last.recorded_at")


def print_things(
    at: Connection,
    collection: str,
    columns: Mapping[str, str],
    form: Format,
    *,
    agency: str | None = None,
    technology: str | None = None,
    state: str = "",
    more: Sequence[str] = (),
) -> None:
    """Print one register, or what of it concerns an agency or technology, or is in a state."""
    from services.cli.client import Client
    from services.cli.facts import Teller

    with Client(at) as client:
        teller = Teller(client)
        found = list(
            things(
                client,
                collection,
                agency=teller.agency(agency),
                technology=teller.technology(technology),
                state=state,
            )
        )
    print_rows(map(thing_object, found), {**columns, **_END}, form, more=(*more, *_MORE))
    if not found and form is Format.TABLE:
        say(f"No such {collection} yet.")


def things(
    client: Client,
    collection: str,
    *,
    agency: str | None = None,
    technology: str | None = None,
    state: str = "",
    as_of: AsOf | None = None,
) -> Iterator[record_pb2.Thing]:
    """What stands in one register, now or then. Raises CommandFailed."""
    from services.pb.candour.v1 import common_pb2, record_pb2

    request = record_pb2.ListThingsRequest(
        parent=client.parent,
        collection=collection,
        agency=agency or "",
        technology=technology or "",
        state=state,
        as_of=as_of or common_pb2.AsOf(tree_size=client.head_size()),
    )
    for page in client.pages(client.record.ListThings, request):
        yield from page.things


def thing_object(thing: record_pb2.Thing) -> dict[str, Any]:
    """One thing: what it began with, its state, and what was told of it last."""
    first = told_object(thing.first)
    found: dict[str, Any] = {
        "name": thing.name,
        "state": state_text(thing.states),
        "states": dict(thing.states),
        **first["event"],
        "leaf_index": thing.first.leaf_index,
        "recorded_at": first["recorded_at"],
        "entries": thing.entries,
        "last": None,
    }
    # A thing's own member `name` is what people call it.
    if (called := first["event"].get("name")) is not None:
        found |= {"name": thing.name, "called": called}
    if thing.entries > 1:
        last = told_object(thing.last)
        found["last"] = {
            "leaf_index": last["leaf_index"],
            "recorded_at": last["recorded_at"],
            "topic": last["topic"],
            **last["event"],
        }
    return found


def told_object(told: record_pb2.ToldEntry) -> dict[str, Any]:
    """One entry of a history, as `candour record` takes it again."""
    from services.pb.candour.v1.common_pb2 import Capture
    from services.runtime.value_messages import read_time

    shown = json.loads(told.protected_json) if told.protected_json else {}
    found = {
        "leaf_index": told.leaf_index,
        "recorded_at": read_time(told.recorded_at, "recorded_at"),
        "topic": told.topic,
        "reporter": told.reporter,
        "capture": Capture.Name(told.capture).removeprefix("CAPTURE_").lower(),
        "event": json.loads(told.event_json),
    }
    if told.protected:
        hidden = [name for name in told.protected if name not in shown]
        found["protected"] = hidden if hidden else shown
        if hidden and shown:
            found["protected_shown"] = shown
    return found


def state_text(states: Mapping[str, str]) -> str | None:
    """The state of a thing in one cell: everybody's, then each agency's own."""
    own = [f"{track}: {state}" for track, state in sorted(states.items()) if track]
    return "; ".join(filter(None, (states.get(""), *own))) or None
