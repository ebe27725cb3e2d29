"""CASE/UCO 1.4 as JSON-LD: a bundle of investigative actions and what they touch.

    Bundle ─object─► InvestigativeAction ─performer─► Identity   ─instrument─► Tool
                          │  ─object─► ObservableObject   ─result─► ProvenanceRecord, Annotation
                          └─candour:exercisedUnder─► Authorization

CASE ties an authorization to an investigation, not to an action: the edge from the action is ours
(ADR 0028). Start and end stand only where the record knows the moment; bounds are ours, too.

Source: https://ontology.caseontology.org/ 1.4.0, https://ontology.unifiedcyberontology.org/ 1.4.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from ledger.exports.about import About
from ledger.exports.case_names import CaseNames
from ledger.exports.json_ld import (
    Node,
    as_text,
    known,
    link,
    moment,
    number,
    shown,
    stream,
)
from ledger.exports.records import Line, UseRecord
from ledger.exports.urns import VOCABULARY
from ledger.rules.verdicts import Verdict

FORMAT: Final = "CASE/UCO 1.4.0 JSON-LD"
_ONTOLOGY: Final = "https://ontology.unifiedcyberontology.org/uco/"
CONTEXT: Final = {
    "candour": VOCABULARY,
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    **{
        f"uco-{part}": f"{_ONTOLOGY}{part}/"
        for part in ("action", "core", "identity", "location", "observable", "tool")
    },
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
# Members of a report that CASE has no words for, as plain text under our own.
_TEXTS: Final = {
    "unit": "unit",
    "purpose": "purpose",
    "offence_class": "offenceClass",
    "capability": "capability",
    "acquisition": "acquisition",
    "trigger": "trigger",
    "credential_strength": "credentialStrength",
    "performer_role": "performerRole",
    "outcome": "outcome",
}


def write_case(about: About, uses: Iterable[UseRecord]) -> Iterator[str]:
    """The export as text, in pieces; one node a line, shared nodes before their first use.

    Args:
        uses: Of one export, each once; they are written as they come.
    """
    identifier = about_urn(about)
    head = {
        "@context": CONTEXT,
        "@id": identifier,
        "@type": "uco-core:Bundle",
        "uco-core:name": "Uses of investigative technology, exported from a Candour ledger",
        "uco-core:description": about.to_object()["caveats"],
        "uco-core:specVersion": "1.4.0",
        "candour:logOrigin": about.origin,
        "candour:asOf": number(about.tree_size),
        "candour:filter": about.filter,
        "candour:checkpoint": about.checkpoint,
        "candour:completeness": "not_proven",
        "candour:unreadEntries": number(about.unread),
        "candour:disclosedFields": list(about.disclosed),
    }
    yield from stream(head, "uco-core:object", _nodes(CaseNames(about), uses))


def about_urn(about: About) -> str:
    """Of the export itself: the same question at the same tree size has the same."""
    return CaseNames(about).urn(f"exports/{about.tree_size}/{about.filter}")


def _nodes(names: CaseNames, uses: Iterable[UseRecord]) -> Iterator[Node]:
    yield from names.ledger()
    for use in uses:
        yield from _nodes_of(names, use)


def _nodes_of(names: CaseNames, use: UseRecord) -> Iterator[Node]:
    row, said = use.row, use.said
    yield from names.organization(row.agency)
    if row.technology is not None:
        yield from names.tool(row.technology, said.technology_version)
    if row.performer is not None:
        yield from names.identity(row.performer)
    for name in row.authorizations:
        yield from names.authorization(name)
    for country in _places(use):
        yield from names.location(country)
    if row.case_number is not None and "case_number" in use.disclosed:
        yield names.investigation(row.case_number, use)
    yield from _objects(names, use)
    yield from _results(names, use)
    yield _action(names, use)


def _action(names: CaseNames, use: UseRecord) -> Node:
    """The use itself."""
    row, said, own = use.row, use.said, names.urn(use.name)
    when = use.moment
    objects = [link(node["@id"]) for node in _objects(names, use)]
    results = [link(node["@id"]) for node in _results(names, use)]
    tool = (
        None if row.technology is None else names.tool_urn(row.technology, said.technology_version)
    )
    return known(
        {
            "@id": own,
            "@type": "case-investigation:InvestigativeAction",
            "uco-core:name": use.name,
            "uco-action:startTime": None if when is None else moment(when),
            "uco-action:endTime": None if when is None else moment(when),
            "uco-action:performer": None
            if row.performer is None
            else link(names.urn(row.performer)),
            "uco-action:participant": link(names.urn(row.agency)),
            "uco-action:instrument": None if tool is None else link(tool),
            "uco-action:object": objects,
            "uco-action:result": results,
            "uco-action:location": [link(names.urn(f"countries/{c}")) for c in _places(use)],
            "candour:onBehalfOf": link(names.urn(row.agency)),
            "candour:exercisedUnder": [link(names.urn(name)) for name in row.authorizations],
            "candour:authority": [_verdict(names, use, one) for one in use.verdicts]
            or _verdict(names, use, use.authority),
            **_traces(names, use.report),
            "candour:certain": use.certain,
            **_bounds(use),
            **{f"candour:{name}": getattr(said, member) for member, name in _TEXTS.items()},
            "candour:urgencyUsed": said.urgency_used,
            "candour:dataFlow": [_flow(flow) for flow in use.flows()],
            "candour:amendments": number(row.amendments) if row.amendments else None,
            "candour:disclosed": [shown(name, value) for name, value in use.disclosed.items()],
        }
    )


def _traces(names: CaseNames, line: Line) -> Node:
    """Where in which log an entry stands."""
    return {
        "candour:logOrigin": names.about.origin,
        "candour:leafIndex": number(line.leaf_index),
        "candour:leafHash": line.leaf_hash.hex(),
    }


def _bounds(use: UseRecord) -> Node:
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


def _objects(names: CaseNames, use: UseRecord) -> Iterator[Node]:
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


def _results(names: CaseNames, use: UseRecord) -> Iterator[Node]:
    """The entries as provenance records; what came of it, where something did."""
    action = link(names.urn(use.name))
    for line in use.lines:
        yield {
            "@id": names.urn(f"entries/{line.leaf_index}"),
            "@type": "case-investigation:ProvenanceRecord",
            "uco-core:description": f"entry {line.leaf_index} of {names.about.origin}",
            "uco-core:objectCreatedTime": moment(line.entry.recorded_at),
            "uco-core:object": action,
            **_traces(names, line),
            "candour:topic": line.entry.topic,
        }
    if use.said.outcome not in (None, "none"):
        yield {
            "@id": names.urn(f"{use.name}/outcome"),
            "@type": "uco-core:Annotation",
            "uco-core:tag": use.said.outcome,
            "uco-core:object": action,
        }


def _verdict(names: CaseNames, use: UseRecord, found: Verdict) -> Node:
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


def _flow(flow: dict[str, str]) -> Node:
    names = {"category": "category", "recipient": "recipient", "permission": "permission"}
    names |= {f"{kind}_country": f"{kind}Country" for kind in ("processing", "storage", "access")}
    return {f"candour:{names[member]}": value for member, value in flow.items()}


def _places(use: UseRecord) -> list[str]:
    """Countries where it was carried out, as far as flows tell."""
    return sorted(
        {flow["processing_country"] for flow in use.flows() if "processing_country" in flow}
    )


def _count(count: Any, member: str) -> Node | None:
    value = None if count is None else getattr(count, member)
    return None if value is None else number(value)
