"""How does what was found get into the ledger? The log that was read, each discrepancy, the counts.

    ExternalLogImported ► DiscrepancyFound, in batches ► DiscrepancyResolved ► ExternalLogReconciled

All of it can be told again: names are the same at every run, and what stands there already is
passed by. So a run that was cut off goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from ledger.events import (
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
    ExternalLogReconciled,
    Fact,
)
from ledger.events.values import Occurred
from ledger.ingest import Rejected
from ledger.observers.findings import Finding
from ledger.observers.naming import sighting_json
from ledger.observers.verdicts import AGREES, DIFFERING, FLATTENED, MASKED
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.times import text_of_us
from services.cli.client import Client
from services.cli.discrepancy_plan import Plan, observation_of
from services.cli.fact_sender import FactSender, batches
from services.cli.failures import CommandFailed
from services.cli.observed_file import Watch, reread
from services.cli.reconciling import Compared
from services.pb.candour.v1 import record_pb2
from services.pb.candour.v1.common_pb2 import AsOf, Receipt
from services.runtime.fact_messages import write_fact

TELLING: Final = "telling"
REPORTED_SINCE: Final = "reported_since"


@dataclass(slots=True)
class Told:
    """What was told of a comparison.

    Members:
        observation: `observations/…`, the log that was read.
        told, told_before, not_told: Discrepancies: new ones, those that stood there, and those
            beyond the most that one run tells.
        resolved: Names of those that were missing here and have been reported since.
    """

    observation: str
    told: int = 0
    told_before: int = 0
    not_told: int = 0
    resolved: list[str] = field(default_factory=list)
    tree_size: int | None = None


def tell(client: Client, compared: Compared, plan: Plan, watch: Watch) -> Told:
    """Tell it all.

    Raises:
        CommandFailed: The ledger refused something, or was lost; what was acknowledged stands.
    """
    told = Told(observation_of(compared), told_before=plan.told_before, not_told=plan.not_told)
    first = _record(client, _imported(compared, told.observation), "")
    size = first.leaf_index + 1
    sender = FactSender(client)
    done = 0
    for batch in batches(_facts(compared, told.observation, plan.new)):
        for receipt in sender.send(batch):
            fresh = receipt is not None and not receipt.duplicate
            told.told += fresh
            told.told_before += not fresh
            size = max(size, receipt.leaf_index + 1 if receipt else 0)
        done += len(batch)
        watch(TELLING, done, len(plan.new))
    for batch in batches(_resolutions(plan.resolved)):
        for item, receipt in zip(batch, sender.send(batch), strict=True):
            if receipt is not None:
                told.resolved.append(item.discrepancy_resolved.discrepancy)
                size = max(size, receipt.leaf_index + 1)
    reconciled = _reconciled(compared, told.observation)
    if not (first.duplicate and _said_last(client, compared, told.observation, reconciled)):
        size = max(size, _record(client, reconciled, _request_id(reconciled)).leaf_index + 1)
    told.tree_size = size
    return told


def _imported(compared: Compared, observation: str) -> ExternalLogImported:
    question = compared.question
    return ExternalLogImported(
        observation=observation,
        observer=question.observer,
        agency=question.agency,
        technology=question.technology,
        file_sha256=compared.file_sha256,
        rows=compared.release.rows,
        layout=compared.layout.name,
        period=compared.period,
    )


def _reconciled(compared: Compared, observation: str) -> ExternalLogReconciled:
    findings = compared.findings
    return ExternalLogReconciled(
        observation=observation,
        tree_size=compared.tree_size,
        matched=findings.pairs[AGREES],
        missing_here=findings.missing_here,
        missing_there=findings.missing_there,
        differing=findings.pairs[DIFFERING],
        flattened=findings.pairs[FLATTENED],
        masked=findings.pairs[MASKED],
        rejected=compared.release.rejected,
    )


def _said_last(
    client: Client, compared: Compared, observation: str, fact: ExternalLogReconciled
) -> bool:
    """True where the last comparison of this log came to the same counts."""
    request = record_pb2.ListHistoryRequest(
        name=client.full_name(observation), as_of=AsOf(tree_size=compared.tree_size)
    )
    last: dict[str, Any] = {}
    for page in client.pages(client.record.ListHistory, request):
        for item in page.entries:
            if item.topic == ExternalLogReconciled.TOPIC:
                last = json.loads(item.event_json)
    return last | {"tree_size": fact.tree_size} == fact.to_object()


def _request_id(fact: ExternalLogReconciled) -> str:
    return sha256(json.dumps(fact.to_object(), sort_keys=True).encode()).hexdigest()


def _record(client: Client, fact: Fact, request_id: str) -> Receipt:
    request = record_pb2.RecordRequest(
        parent=client.parent, fact=write_fact(fact), request_id=request_id
    )
    return client.call(client.record.Record, request).receipt


def _facts(
    compared: Compared, observation: str, new: Sequence[tuple[str, Finding]]
) -> Iterator[record_pb2.RecordedFact]:
    """Those about rows in the order of the file, which is read again for them; then the others."""
    lines = compared.release.lines
    by_line = {lines[f.there]: (name, f) for name, f in new if f.there is not None}
    for read in reread(compared.question, compared.layout, set(by_line)) if by_line else ():
        if isinstance(read, Rejected):  # it was a sighting a moment ago: the file has changed
            continue
        name, finding = by_line.pop(read.line)
        message = write_fact(
            _found(compared, observation, name, finding, read.command.use.occurred)
        )
        record: Any = read.command.protected["source_record"]
        message.protected["sighting"] = sighting_json(read.line, record["columns"], record["row"])
        yield message
    if by_line:
        raise CommandFailed(
            f"{compared.question.file} changed while it was read", "Compare it again"
        )
    for name, finding in new:
        if finding.there is None:
            assert finding.here is not None
            occurred = _occurred(compared, finding.here)
            yield write_fact(_found(compared, observation, name, finding, occurred))


def _found(
    compared: Compared, observation: str, name: str, finding: Finding, occurred: Occurred | None
) -> DiscrepancyFound:
    question = compared.question
    return DiscrepancyFound(
        discrepancy=name,
        observation=observation,
        observer=question.observer,
        kind=finding.kind,
        agency=question.agency,
        technology=question.technology,
        use=None if finding.here is None else compared.uses.names[finding.here],
        fields=finding.fields,
        occurred=occurred,
    )


def _occurred(compared: Compared, here: int) -> Occurred | None:
    """When a use took place, as far as the ledger knows."""
    side = compared.uses.side
    first, last = side.earliest_us[here], side.latest_us[here]
    earliest = text_of_us(first) if first != OPEN_EARLIEST else None
    latest = text_of_us(last) if last != OPEN_LATEST else None
    return Occurred(earliest=earliest, latest=latest) if earliest or latest else None


def _resolutions(resolved: Iterable[tuple[str, str]]) -> Iterator[record_pb2.RecordedFact]:
    for name, use in resolved:
        fact = DiscrepancyResolved(discrepancy=name, code=REPORTED_SINCE, use=use)
        message = write_fact(fact)
        message.protected["reason"] = "The observer's log and this use match."
        yield message
