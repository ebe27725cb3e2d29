"""candour record FILE: many facts of the oversight record, one commit a thousand.

    FILE ──record_file──► facts ──BatchRecord──► recorded | said before | refused, each by its place

Sent again, a fact that stands there already is found by what it says: a file that was refused in
part is corrected and recorded anew, and nothing lands twice. Exit status 1: something was refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Connection, Format, Wait, Waiting
from services.cli.output import print_object, print_rows, say

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.cli.record_file import Item
    from services.pb.candour.v1 import record_pb2

_REFUSED: Final = {"fact": "place", "topic": "topic", "member": "field", "refused": "reason"}
_SHOWN: Final = 20


def record(
    at: Connection,
    path: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="TOML or JSON.")
    ],
    check: Annotated[
        bool,
        typer.Option("--check", help="Record nothing: say what would be refused, and why."),
    ] = False,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Record facts of the registers, statements and allegations from a file.

    The form is that of `candour history NAME --full --format json`.
    """
    from ledger.limits import MAX_RECORD_BATCH
    from services.cli.client import Client
    from services.cli.record_file import read_file

    items = read_file(path)
    if check and len(items) > MAX_RECORD_BATCH:
        say(f"Each {MAX_RECORD_BATCH} facts are checked by themselves, on what is recorded by now.")
    with Client(at) as client:
        told = Told(items)
        for batch in batches(item for item in items if item.message is not None):
            told.take(batch, send(client, batch, wait, check=check))
            if told.done < len(items):
                say(f"{told.done} of {len(items)} facts.")
    told.print(form, check=check)
    if told.refused:
        raise CommandFailed(
            f"{len(told.refused)} of {len(items)} facts were refused",
            "Correct them and record the file anew: nothing lands twice",
        )


def batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    """As many as one request may hold."""
    from ledger.limits import IMPORT_REQUEST_BYTES, MAX_RECORD_BATCH

    batch: list[Item] = []
    size_bytes = 0
    for item in items:
        assert item.message is not None
        own_bytes = item.message.ByteSize()
        full = len(batch) == MAX_RECORD_BATCH or size_bytes + own_bytes > IMPORT_REQUEST_BYTES
        if batch and full:
            yield batch
            batch, size_bytes = [], 0
        batch.append(item)
        size_bytes += own_bytes
    if batch:
        yield batch


def send(
    client: Client, batch: list[Item], wait: Wait, *, check: bool
) -> list[record_pb2.RecordResult]:
    from services.pb.candour.v1 import record_pb2

    request = record_pb2.BatchRecordRequest(
        parent=client.parent,
        facts=[item.message for item in batch if item.message],
        validate_only=check,
        wait_for=wait.wire,
    )
    results = list(client.call(client.record.BatchRecord, request).results)
    if len(results) != len(batch):
        raise CommandFailed(
            f"The server answered {len(results)} of {len(batch)} facts",
            "It is of another release than this command",
        )
    return results


class Told:
    """What became of the facts of a file."""

    def __init__(self, items: list[Item]) -> None:
        self.recorded = self.before = 0
        self.tree_size: int | None = None
        self.refused: list[dict[str, Any]] = [
            {"place": item.place, "topic": item.topic, "field": item.field, "reason": item.reason}
            for item in items
            if item.message is None
        ]

    @property
    def done(self) -> int:
        return self.recorded + self.before + len(self.refused)

    def take(self, batch: list[Item], results: list[record_pb2.RecordResult]) -> None:
        from services.cli.failures import details_of, in_state

        for item, result in zip(batch, results, strict=True):
            if result.WhichOneof("result") == "error":
                details = details_of(result.error)
                fields = ", ".join(name for name, _ in details.violations)
                said = "; ".join(text for _, text in details.violations)
                if details.reason == "NOT_IN_STATE":
                    said = ". ".join(in_state(details.facts))
                reason = said or result.error.message or details.reason
                self.refused.append(
                    {"place": item.place, "topic": item.topic, "field": fields, "reason": reason}
                )
            elif result.receipt.duplicate:
                self.before += 1
            else:
                self.recorded += 1
                if result.HasField("receipt"):
                    self.tree_size = result.receipt.leaf_index + 1

    def print(self, form: Format, *, check: bool) -> None:
        """The counts on stdout, and what was refused."""
        refused = sorted(self.refused, key=lambda row: int(row["place"]))
        counted: dict[str, Any] = {
            "facts": self.done,
            "would_be_recorded" if check else "recorded": self.recorded,
            "said_before": self.before,
            "refused": len(refused),
            "tree_size": self.tree_size,
            "refusals": refused,
        }
        print_object(counted, form, leave_out=("refusals",))
        if form is not Format.JSON and refused:
            if form is Format.TABLE:
                print()
                print_rows(refused[:_SHOWN], _REFUSED, form)
            else:
                for row in refused[:_SHOWN]:
                    say(f"fact {row['place']}: {row['field']} {row['reason']}")
            if len(refused) > _SHOWN:
                say(f"… and {len(refused) - _SHOWN} more: --format json shows them all.")
