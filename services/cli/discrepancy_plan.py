"""Which discrepancies are new, and which are no more? What was found against what stands there.

Findings ──named──► known already │ new, to be told │ beyond what one run tells
pairs    ──named──► open as missing here ► reported since
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256

from ledger.events.values import Interval
from ledger.observers.findings import MISSING_HERE, Finding
from ledger.observers.naming import Names
from services.cli.client import Client
from services.cli.reconciling import Compared
from services.pb.candour.v1 import observers_pb2
from services.pb.candour.v1.common_pb2 import AsOf


@dataclass(frozen=True, slots=True)
class Known:
    """The discrepancies of an observer that the ledger holds: all names, and the open ones."""

    names: frozenset[str]
    open_missing: frozenset[str]
    unread: int


@dataclass(slots=True)
class Plan:
    """What there is to tell.

    Members:
        new: Discrepancies to be told, each with its name.
        resolved: (name, use) of those that were missing here and are no more.
    """

    new: list[tuple[str, Finding]]
    told_before: int
    not_told: int
    resolved: list[tuple[str, str]]


def observation_of(compared: Compared) -> str:
    """The name of the log that was read: the same file, compared with the same uses, is one."""
    question, period = compared.question, compared.period or Interval()
    said = [question.observer, compared.file_sha256, question.agency, question.technology]
    said += [compared.layout.name, period.earliest, period.latest]
    return f"observations/{sha256(json.dumps(said).encode()).hexdigest()[:32]}"


def known_of(client: Client, observer: str, tree_size: int) -> Known:
    """Raises CommandFailed."""
    request = observers_pb2.ListDiscrepanciesRequest(
        parent=client.parent, observer=observer, as_of=AsOf(tree_size=tree_size)
    )
    names, missing, unread = set(), set(), 0
    for page in client.pages(client.observers.ListDiscrepancies, request):
        unread = max(unread, page.unread_entries)
        for item in page.discrepancies:
            names.add(item.found.discrepancy)
            if item.found.kind == MISSING_HERE and not item.HasField("resolved"):
                missing.add(item.found.discrepancy)
    return Known(frozenset(names), frozenset(missing), unread)


def plan(compared: Compared, known: Known, names: Names, most: int) -> Plan:
    """What is new, `most` at most and the most important first, and what has been reported since."""
    found = Plan([], 0, 0, [])
    for finding in compared.findings:
        name = name_of(compared, names, finding)
        if name in known.names:
            found.told_before += 1
        elif len(found.new) < most:
            found.new.append((name, finding))
        else:
            found.not_told += 1
    if known.open_missing:
        for here, there in compared.matching.pairs():
            name = names.of_sighting(MISSING_HERE, there)
            if name in known.open_missing:
                found.resolved.append((name, compared.uses.names[here]))
    return found


def name_of(compared: Compared, names: Names, finding: Finding) -> str:
    """`discrepancies/…`"""
    if finding.there is not None:
        return names.of_sighting(finding.kind, finding.there)
    assert finding.here is not None
    return names.of_use(finding.kind, compared.uses.names[finding.here])
