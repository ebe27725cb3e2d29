"""What hangs on one action? Objects, results, verdicts, bounds of its time, flows of its data.

Each is a node of its own, named by the use it belongs to (urns.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger.exports.case_names import CaseNames
from ledger.exports.json_ld import Node, as_text, known, link, moment, number
from ledger.exports.records import Line, UseRecord
from ledger.rules.verdicts import Verdict


def traces(names: CaseNames, line: Line) -> Node:
    """Where in which log an entry stands."""
    return {
        "candour:logOrigin": names.about.origin,
        "candour:leafIndex": number(line.leaf_index),
        "candour:leafHash": line.leaf_hash.hex(),
    }


def bounds(use: UseRecord) -> Node:
    """When it took place, as far as the record says: ends that may be open, a bare date, a zone."""
    when = use.said.occurred
    if when is None:
        return {}
    return {
        "candour:notBefore": None if when.earliest is None else moment(when.earliest),
        "candour:notAfter": None if when.latest is None else moment(when.latest),
        "candour:notAfterIsExclusive": when.latest_exclusive,
        "candour:date": when.date,
        "candour:zoneAssumed": when.zone_assumed,
    }


def objects(names: CaseNames, use: UseRecord) -> Iterator[Node]:
    """What was searched for, and in which reference database, where the report says."""
    said, own = use.said, names.urn(f"{use.name}/object")
    texts = [as_text(use.disclosed[f]) for f in ("object", "subject") if f in use.disclosed]
    if said.object_category is not None or said.objects is not None or texts:
        yield known(
            {
                "@id": own,
                "@type": "uco-observable:ObservableObject",
                "uco-core:name": said.object_category,
                "uco-core:description": texts,
                "candour:exactly": _count(said.objects, "exactly"),
                "candour:atLeast": _count(said.objects, "at_least"),
            }
        )
    if said.reference_database is not None:
        yield {
            "@id": names.urn(f"databases/{said.reference_database}"),
            "@type": "uco-observable:ObservableObject",
            "uco-core:name": said.reference_database,
        }


def results(names: CaseNames, use: UseRecord) -> Iterator[Node]:
    """The entries as provenance records; what came of it, where something did."""
    action = link(names.urn(use.name))
    for line in use.lines:
        yield {
            "@id": names.urn(f"entries/{line.leaf_index}"),
            "@type": "case-investigation:ProvenanceRecord",
            "uco-core:description": f"entry {line.leaf_index} of {names.about.origin}",
            "uco-core:objectCreatedTime": moment(line.entry.recorded_at),
            "uco-core:object": action,
            **traces(names, line),
            "candour:topic": line.entry.topic,
        }
    if use.said.outcome not in (None, "none"):
        yield {
            "@id": names.urn(f"{use.name}/outcome"),
            "@type": "uco-core:Annotation",
            "uco-core:tag": use.said.outcome,
            "uco-core:object": action,
        }


def verdict(names: CaseNames, use: UseRecord, found: Verdict) -> Node:
    """What is to be said of one authority, under a name of its own."""
    own = f"{use.name}/authority/{found.authorization or 'none'}"
    return known(
        {
            "@id": names.urn(own),
            "@type": "candour:AuthorityVerdict",
            "candour:verdict": found.code,
            "candour:authorization": None
            if found.authorization is None
            else link(names.urn(found.authorization)),
            "candour:lagSeconds": None
            if found.lag_us is None
            else number(found.lag_us // 1_000_000),
            "candour:basis": [number(leaf) for leaf in found.leaves],
        }
    )


def flow(flow: dict[str, str]) -> Node:
    names = {"category": "category", "recipient": "recipient", "permission": "permission"}
    names |= {f"{kind}_country": f"{kind}Country" for kind in ("processing", "storage", "access")}
    return {f"candour:{names[member]}": value for member, value in flow.items()}


def places(use: UseRecord) -> list[str]:
    """Countries where it was carried out, as far as flows tell."""
    return sorted(
        {flow["processing_country"] for flow in use.flows() if "processing_country" in flow}
    )


def _count(count: Any, member: str) -> Node | None:
    value = None if count is None else getattr(count, member)
    return None if value is None else number(value)
