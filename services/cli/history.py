"""candour history NAME: all that was told of a thing, who recorded it when, and the state it is in.

register thing ──ListHistory──► its facts in the order of the log, as `candour record` takes them
use            ──ListHistory──► what it said first ─► each change, with its code ─► what it says now
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.options import As, AsOf, Connection, Format
from services.cli.output import cell, print_object, print_rows, say
from services.cli.things import state_text, told_object

if TYPE_CHECKING:
    from ledger.entry import Entry
    from services.cli.client import Client
    from services.pb.candour.v1 import record_pb2

_FACTS: Final = {
    "leaf": "leaf_index",
    "recorded": "recorded_at",
    "by": "reporter",
    "what": "what",
    "said": "said",
}
_CHANGES: Final = {
    "leaf": "leaf_index",
    "recorded": "recorded_at",
    "by": "reporter",
    "what": "what",
    "code": "code",
    "member": "member",
    "before": "before",
    "after": "after",
}
# What names the use or repeats what stood before is no statement of its own.
_CARRIED: Final = ("agency", "technology", "occurred", "authorizations_before", "code")


def history(
    at: Connection,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="As technologies/x, holdings/y, toolUses/z.")
    ],
    full: Annotated[
        bool, typer.Option("--full", help="Protected values, too, as far as they are disclosed.")
    ] = False,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Show all that was told of a thing; of a use what it said first, what it says now, and why."""
    from services.cli import conditions
    from services.cli.client import Client

    with Client(at) as client:
        point = conditions.as_of(as_of, client.head_size())
        entries: list[dict[str, Any]] = []
        states: dict[str, str] = {}
        tree_size = 0
        for page in _pages(client, name, point, full=full):
            entries += map(told_object, page.entries)
            states, tree_size = dict(page.states), page.tree_size
    if name.startswith("toolUses/"):
        _print_use(name, entries, tree_size, form)
    else:
        _print_thing(name, entries, states, tree_size, form)


def _pages(
    client: Client, name: str, as_of: Any, *, full: bool = False
) -> Iterator[record_pb2.ListHistoryResponse]:
    from services.pb.candour.v1 import record_pb2

    request = record_pb2.ListHistoryRequest(
        name=client.full_name(name), as_of=as_of, show_protected=full
    )
    return client.pages(client.record.ListHistory, request)


def entries_of(client: Client, name: str, as_of: Any) -> Iterator[tuple[int, Entry]]:
    """What was told of a thing, as entries: enough of them to fold its history."""
    from ledger.entry import Entry
    from ledger.streams import stream_of_name

    version = 0
    for page in _pages(client, name, as_of):
        for told in map(told_object, page.entries):
            version += 1
            yield (
                told["leaf_index"],
                Entry(
                    topic=told["topic"],
                    stream=stream_of_name(name),
                    version=version,
                    event=told["event"],
                    protected={},
                    origin="",
                    recorded_at=told["recorded_at"],
                    reporter="",
                    capture=told["capture"],
                ),
            )


def _print_thing(
    name: str, facts: list[dict[str, Any]], states: dict[str, str], tree_size: int, form: Format
) -> None:
    if form is Format.JSON:
        print_object({"name": name, "tree_size": tree_size, "states": states, "facts": facts}, form)
        return
    rows = [
        {**fact, "what": what_of(fact["topic"]), "said": cell(_said(name, fact["event"]))}
        for fact in facts
    ]
    print_rows(rows, _FACTS, form, more=("topic", "capture"))
    if (state := state_text(states)) is not None:
        say(f"{name}: {state}.")
    say(f"As of tree size {tree_size}.")


def _said(name: str, event: dict[str, Any]) -> dict[str, Any]:
    """The members of a fact, without the name of what it speaks of."""
    return {member: value for member, value in event.items() if value != name and value != []}


def what_of(topic: str) -> str:
    """`technology.trial_started.v1` as people say it."""
    return topic.rpartition(".v")[0].partition(".")[2].replace("_", " ")


def _print_use(name: str, entries: list[dict[str, Any]], tree_size: int, form: Format) -> None:
    first, changes, now = chain(entries)
    if form is Format.JSON:
        print_object(
            {"name": name, "tree_size": tree_size, "first": first, "now": now, "changes": changes},
            form,
        )
        return
    reported = entries[0]
    rows = [
        {
            "leaf_index": reported["leaf_index"],
            "recorded_at": reported["recorded_at"],
            "reporter": reported["reporter"],
            "what": "reported",
            "member": member,
            "after": value,
        }
        for member, value in first.items()
        if value not in ([], None)
    ]
    rows += [
        {**change, "what": what_of(change["topic"]), **one}
        for change in changes
        for one in change["changed"] or [{}]
    ]
    print_rows(rows, _CHANGES, form, more=("capture",))
    say(f"{name}: {now['state']}; {len(changes)} changes; as of tree size {tree_size}.")


def chain(
    entries: list[dict[str, Any]],
) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """A use's entries as what it said first, each change, and what it says now.

    Args:
        entries: As told_object makes them, the report first.
    Returns:
        The first words; changes with `changed`: member, before, after; the words now, with
        `state` (counted, withdrawn, same_as).
    """
    first = dict(entries[0]["event"])
    now = {**first, "state": "counted"}
    changes = []
    for entry in entries[1:]:
        said = _changes_of(entry["topic"], entry["event"], now)
        changed = [
            {"member": member, "before": now.get(member), "after": value}
            for member, value in said.items()
            if now.get(member) != value
        ]
        changed += [
            {"member": member, "before": "(protected)", "after": "(protected)"}
            for member in entry.get("protected", ())
            if entry["topic"].startswith("tool_use.amended.") and member != "amendment_reason"
        ]
        now |= said
        change = {
            "leaf_index": entry["leaf_index"],
            "recorded_at": entry["recorded_at"],
            "reporter": entry["reporter"],
            "topic": entry["topic"],
            "capture": entry["capture"],
            "code": entry["event"].get("code"),
            "changed": changed,
        }
        if "protected" in entry:
            change["protected"] = entry["protected"]
        changes.append(change)
    return first, changes, {member: value for member, value in now.items() if value is not None}


def _changes_of(topic: str, event: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What a use says after one change, of the members that it touches."""
    match topic.rpartition(".v")[0]:
        case "tool_use.amended":
            return {**event["to"], **dict.fromkeys(event.get("unset", ()))}
        case "tool_use.outcome_reported":
            return {"outcome_at" if name == "at" else name: said for name, said in event.items()}
        case "tool_use.data_flow_reported":
            return {"data_flows": [*now.get("data_flows", ()), *event["data_flows"]]}
        case "authorization.linked_to_use":
            return {"authorizations": [*now.get("authorizations", ()), event["authorization"]]}
        case "tool_use.resubmission_conflicted":  # refused: the use says what it said
            return {"conflicts": [*now.get("conflicts", ()), event["differing"]]}
        case "tool_use.withdrawn":
            return {"state": "withdrawn"}
        case "tool_use.same_as":
            return {"state": "same_as", "same_as": event["same_as"]}
        case _:
            return {name: value for name, value in event.items() if name not in _CARRIED}
