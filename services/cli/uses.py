"""candour uses: who used which technology, when, and under what authority?

list    summary    show        withdraw    same-as    link   (uses_changes.py)
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from services.cli.options import As, AsOf, Connection, Format, Wanted, command
from services.cli.output import print_rows, say

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.pb.candour.v1 import query_pb2

app: Final = typer.Typer(no_args_is_help=True, help="Uses of technology: ask, show, correct.")

_LIST: Final = {
    "leaf": "leaf_index",
    "from": "occurred.earliest",
    "to": "occurred.latest",
    "agency": "agency",
    "technology": "technology",
    "performer": "performer",
    "authority": "authorizations",
    "certain": "definite",
    "state": "state",
    "name": "name",
}
_MORE: Final = (
    *("occurred.date", "occurred.zone_assumed", "source", "capture", "acquisition", "capability"),
    *("purpose", "offence_class", "unit", "outcome", "import", "recorded_at", "same_as"),
    *("performer_display_name", "protected.reason", "protected.case_number"),
)
_SUMMARY: Final = {
    "certain": "count",
    "possible": "possible",
    "key": "key",
    "called": "display_name",
}
_UNKNOWN: Final = {
    "authorization": "(none cited)",
    "month": "(not dated)",
}

Definite: TypeAlias = Annotated[
    bool, typer.Option("--definite", help="Only uses that match for certain.")
]


class Key(StrEnum):
    """By what uses are counted."""

    PERFORMER = "performer"
    TECHNOLOGY = "technology"
    AGENCY = "agency"
    AUTHORIZATION = "authorization"
    MONTH = "month"


@command(app, "list")
def list_uses(
    at: Connection,
    wanted: Wanted,
    definite: Definite = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    show_withdrawn: Annotated[
        bool, typer.Option("--show-withdrawn", help="Show uses that no longer count, too.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Protected values, too (JSON and CSV).")
    ] = False,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """List uses. One whose time only overlaps the window matches possibly, not for certain."""
    from services.cli.client import Client
    from services.cli.objects import use_object
    from services.pb.candour.v1 import query_pb2

    view = query_pb2.TOOL_USE_VIEW_FULL if full else query_pb2.TOOL_USE_VIEW_BASIC
    with Client(at) as client:
        request = query_pb2.ListToolUsesRequest(
            parent=client.parent,
            view=view,
            show_withdrawn=show_withdrawn,
            **_question(client, wanted, as_of),
        )
        listing = _Listing(client, request, limit, definite)
        print_rows(map(use_object, listing), _LIST, form, more=_MORE)
    say(listing.footnote())


class _Listing:
    """Iterates over the uses of all pages, and knows what to say in the end."""

    def __init__(
        self,
        client: Client,
        request: query_pb2.ListToolUsesRequest,
        limit: int | None,
        definite: bool,
    ) -> None:
        self._client, self._request, self._limit, self._definite = client, request, limit, definite
        self._count = self._possible = self._tree_size = self._unread = 0

    def __iter__(self) -> Iterator[query_pb2.RecordedToolUse]:
        # Possible matches that are not shown do not use up the limit.
        most = None if self._definite else self._limit
        for page in self._client.pages(self._client.query.ListToolUses, self._request, most=most):
            self._tree_size, self._unread = page.tree_size, page.unread_entries
            for use in page.tool_uses:
                if self._definite and not use.definite:
                    continue
                if self._limit is not None and self._count + self._possible >= self._limit:
                    return
                self._count += use.definite
                self._possible += not use.definite
                yield use

    def footnote(self) -> str:
        return footnote(self._count, self._possible, self._tree_size, self._unread)


@command(app, "summary")
def summary(
    at: Connection,
    wanted: Wanted,
    by: Annotated[Key, typer.Option("--by", help="Count by this.")],
    definite: Definite = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the largest so many.")] = None,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Count uses by performer, technology, agency, authorization or month (UTC)."""
    from services.cli.client import Client
    from services.pb.candour.v1 import query_pb2

    with Client(at) as client:
        request = query_pb2.SummarizeToolUsesRequest(
            parent=client.parent, by=summary_key(by), **_question(client, wanted, as_of)
        )
        answer = client.call(client.query.SummarizeToolUses, request)
    rows: list[dict[str, Any]] = [
        {
            "key": group.key,
            "count": group.count,
            "possible": group.possible,
            "display_name": group.display_name,
        }
        for group in answer.groups
        if group.count or not definite
    ]
    if limit is not None:
        rows = sorted(rows, key=lambda row: (-row["count"], -row["possible"], row["key"]))[:limit]
    if form is Format.TABLE:
        unknown = _UNKNOWN.get(by, "(not known)")
        rows = [row if row["key"] else {**row, "key": unknown} for row in rows]
    print_rows(rows, _SUMMARY, form)
    say(footnote(answer.count, answer.possible, answer.tree_size, answer.unread_entries))


def summary_key(by: Key | None) -> query_pb2.SummaryKey.ValueType:
    """The enum number of a grouping; unspecified for none."""
    from services.pb.candour.v1.query_pb2 import SummaryKey

    return SummaryKey.Value(f"SUMMARY_KEY_{by.upper() if by else 'UNSPECIFIED'}")


def use_name(given: str) -> str:
    return given if given.startswith("toolUses/") else f"toolUses/{given}"


def footnote(count: int, possible: int, tree_size: int, unread: int) -> str:
    """What an answer covers, for people."""
    text = f"{count} for certain, {possible} more possibly; as of tree size {tree_size}."
    if unread:
        text += f" {unread} entries are of a kind this release cannot read: not covered."
    return text


def _question(client: Client, wanted: Wanted, as_of: str | None) -> dict[str, Any]:
    """What a list and a summary have in common. Views are waited for up to the head."""
    from services.cli import conditions
    from services.cli.names import Names

    size = client.head_size()
    return {
        "filter": conditions.filter_of(wanted, Names(client)),
        "as_of": conditions.as_of(as_of, size),
        "min_tree_size": size,
    }
