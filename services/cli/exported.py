"""What does the server send for an export? Its header, the registers, then uses, folded as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from ledger.canonical_json import JsonValue, decode
from ledger.entry import decode_entry
from ledger.errors import CandourError
from ledger.events import Interval
from ledger.events.statements import Scope
from ledger.exports import About, UseRecord, line_of, record_of
from ledger.limits import EXPORT_STREAM_S
from ledger.projections.registers import Registers
from ledger.rules.verdicts import Verdict
from services.cli import conditions
from services.cli.client import Client
from services.cli.failures import CommandFailed
from services.cli.names import Names
from services.cli.options import Connection, Wanted
from services.pb.candour.v1 import query_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable

_NO_HEADER: Final = "the server sent no header: it is of another release"


@dataclass
class Exported:
    """One export: what it speaks of, and its uses, which can be read once.

    Members:
        total: How many uses the server says there are.
    """

    about: About
    total: int
    _messages: Iterator[pb.ExportToolUsesResponse]

    @classmethod
    @contextmanager
    def open(
        cls, at: Connection, wanted: Wanted, disclose: tuple[str, ...], as_of: str | None
    ) -> Iterator[Exported]:
        """Ask for it, and read up to the first use.

        Raises:
            CommandFailed, Malformed: It was refused, here or there.
        """
        with Client(at) as client:
            names, size = Names(client), client.head_size()
            request = pb.ExportToolUsesRequest(
                parent=client.parent,
                filter=conditions.filter_of(wanted, names),
                as_of=conditions.as_of(as_of, size),
                min_tree_size=size,
                disclose=disclose,
            )
            messages = client.stream(
                client.query.ExportToolUses, request, timeout_s=EXPORT_STREAM_S
            )
            first = next(messages, None)
            if first is None or not first.HasField("header"):
                raise CommandFailed(_NO_HEADER)
            registers, rest = _registers(messages)
            header = first.header
            about = About(
                origin=header.origin,
                tree_size=header.tree_size,
                filter=header.filter,
                checkpoint=header.checkpoint,
                registers=registers,
                disclosed=disclose,
                unread=header.unread_entries,
                scope=_scope(wanted, names),
            )
            yield cls(about, header.uses, rest)

    def uses(self) -> Iterator[UseRecord]:
        """Those that match for certain first, by time. Raises CommandFailed, in the middle too."""
        count = 0
        for message in self._messages:
            for use in message.tool_uses:
                lines = [line_of(e.leaf_index, e.entry, _shown(e)) for e in use.entries]
                yield record_of(lines, certain=use.definite, verdicts=_verdicts(use.verdicts))
            count += len(message.tool_uses)
        if count != self.total:
            raise CommandFailed(f"the server sent {count} uses of {self.total}", "Ask again")


def _registers(
    messages: Iterator[pb.ExportToolUsesResponse],
) -> tuple[Registers, Iterator[pb.ExportToolUsesResponse]]:
    """What comes before the first use, folded; and all messages from there on."""
    registers = Registers()
    for message in messages:
        if not message.registers:
            return registers, chain((message,), messages)
        for item in message.registers:
            with suppress(CandourError):  # of a newer release: nothing here names it
                registers.add(item.leaf_index, decode_entry(item.entry), _shown(item))
    return registers, iter(())


def _shown(item: pb.ExportedEntry) -> dict[str, JsonValue]:
    return {one.field: decode(one.value, what=one.field) for one in item.shown}


def _verdicts(found: Iterable[pb.AuthorityVerdict]) -> Sequence[Verdict]:
    return [
        Verdict(
            one.code,
            one.authorization or None,
            one.lag_us if one.HasField("lag_us") else None,
            tuple(one.leaf_indexes),
        )
        for one in found
    ]


def _scope(wanted: Wanted, names: Names) -> Scope:
    """What coverage is asked of: the agency, technology and period of the flags."""
    agency = None if wanted.agency is None else names.find("agencies", wanted.agency).name
    technology = (
        None if wanted.technology is None else names.find("technologies", wanted.technology).name
    )
    period = None
    if wanted.since is not None or wanted.until is not None:
        period = Interval(
            earliest=None if wanted.since is None else conditions.time_of(wanted.since, "--from"),
            latest=None
            if wanted.until is None
            else conditions.time_of(wanted.until, "--to", at_end=True),
        )
    return Scope(agency=agency, technology=technology, period=period)
