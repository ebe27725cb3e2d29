"""How does a vendor's export become part of the ledger? Read twice, declared, sent, completed.

    file ──file_facts──► DeclareImport ──read_export──► Sender ──► CompleteImport
                                            └── Rejected ──► Summary

Nothing is held but a few batches, so a file of any length takes the same memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ledger.errors import Malformed
from ledger.ingest import Read, Rejected, Row, file_facts, read_export, shipped_layouts
from ledger.names import resource_name
from services.cli.client import Client
from services.cli.failures import CommandFailed
from services.cli.import_summary import Summary, Wish
from services.cli.names import Names
from services.cli.registering import Registering
from services.cli.sender import Outcome, Sender
from services.pb.candour.v1 import ingest_pb2
from services.runtime.messages import CAPTURE, to_message
from services.runtime.value_messages import number_of


def look_at(wish: Wish, find: Callable[[str, str], str]) -> Summary:
    """Read the file once, and say under which names its rows will stand.

    Args:
        find: (collection, as written) to register name.
    Raises:
        NoLayout: The header fits no column map.
        Malformed: A name can be none.
        OSError: The file cannot be read.
    """
    with wish.file.open("rb") as lines:
        facts = file_facts(lines, layout=wish.layout)
    agency = find("agencies", wish.agency)
    # Of agency and layout, so that the next export of the same system is known as its like.
    source = wish.source or f"{agency.partition('/')[2]}-{facts.layout}"
    return Summary(
        facts,
        agency,
        find("technologies", wish.technology),
        find("sources", source),
        wish.most_rejects,
    )


def rehearse(wish: Wish) -> Summary:
    """Read every row and send nothing. Raises as look_at."""
    summary = look_at(wish, resource_name)
    with wish.file.open("rb") as lines:
        for read in _reads(lines, wish, summary):
            if isinstance(read, Rejected):
                summary.reject(read.line, read.field, read.reason)
            else:
                summary.accepted += 1
    summary.complete = True
    return summary


def run_import(
    client: Client, wish: Wish, summary: Summary, names: Names, watch: Callable[[Summary], None]
) -> None:
    """Import a file that `look_at` has read; `summary` holds what was acknowledged, always.

    Raises:
        CommandFailed: The ledger refused the import, or was lost.
        OSError: The file cannot be read any more.
    """
    registering = Registering(client, names, summary.registered) if wish.register else None
    if registering is not None:
        _register(registering, wish, summary)
    tree_size = client.head_size()
    summary.import_name = _declare(client, wish, summary)

    def deliver(outcomes: list[Outcome]) -> None:
        summary.add(outcomes)
        watch(summary)

    sender = Sender(client, tree_size, deliver)
    try:
        with wish.file.open("rb") as lines:
            for read in _reads(lines, wish, summary):
                if isinstance(read, Rejected):
                    summary.reject(read.line, read.field, read.reason)
                else:
                    _report(read, names, registering, sender, summary)
        sender.finish()
    except BaseException:
        sender.salvage()
        raise
    if summary.done != summary.facts.rows:
        raise CommandFailed(
            f"{wish.file} changed while it was read: {summary.done} rows, not {summary.facts.rows}",
            "Import it again",
        )
    _complete(client, wish, summary)
    summary.complete = True
    summary.tree_size = client.head_size()
    watch(summary)


def _reads(lines: Iterable[bytes], wish: Wish, summary: Summary) -> Iterator[Read]:
    return read_export(
        lines,
        agency=summary.agency,
        technology=summary.technology,
        source=summary.source,
        capture=wish.capture,
        layout=wish.layout,
        acquisition=wish.acquisition,
        import_=summary.import_name,
    )


def _register(registering: Registering, wish: Wish, summary: Summary) -> None:
    """What the command line names and no register knows yet."""
    registering.agency(summary.agency, wish.agency)
    registering.technology(summary.technology, wish.technology)
    layout = wish.layout or shipped_layouts()[summary.facts.layout]
    registering.source(
        summary.source,
        wish.source or f"{wish.agency}: {layout.title}",
        agency=summary.agency,
        technology=summary.technology,
    )


def _report(
    row: Row, names: Names, registering: Registering | None, sender: Sender, summary: Summary
) -> None:
    """Send a row; the agency that a column names is registered before its first use."""
    command = row.command
    if row.agency_name is not None:
        agency = names.find("agencies", row.agency_name).name
        if registering is not None:
            registering.agency(agency, row.agency_name)
        if agency != command.use.agency:
            command = replace(command, use=replace(command.use, agency=agency))
    try:
        message = to_message(command)
    except Malformed as error:
        summary.reject(row.line, error.field, error.reason)
    else:
        sender.add(row.line, message)


def _declare(client: Client, wish: Wish, summary: Summary) -> str:
    request = ingest_pb2.DeclareImportRequest(
        parent=client.parent,
        agency=summary.agency,
        source=summary.source,
        technology=summary.technology,
        file_sha256=summary.facts.sha256,
        rows=summary.facts.rows,
        layout=summary.facts.layout,
        capture=number_of(wish.capture, CAPTURE),  # type: ignore[arg-type]
        wait_for=wish.wait.wire,  # what cannot be waited for is refused before any row is sent
    )
    return client.call(client.ingest.DeclareImport, request).receipt.name


def _complete(client: Client, wish: Wish, summary: Summary) -> None:
    assert summary.import_name is not None
    request = ingest_pb2.CompleteImportRequest(
        name=client.full_name(summary.import_name),
        accepted=summary.accepted,
        duplicates=summary.duplicates,
        rejected=summary.rejected,
        wait_for=wish.wait.wire,  # the last entry of an import: what covers it covers every row
    )
    client.call(client.ingest.CompleteImport, request)
