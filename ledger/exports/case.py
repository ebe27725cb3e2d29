"""CASE/UCO 1.4 as JSON-LD: a bundle of investigative actions and what they touch.

    Bundle ─object─► InvestigativeAction ─performer─► Identity   ─instrument─► Tool
                          │  ─object─► ObservableObject   ─result─► ProvenanceRecord, Annotation
                          └─candour:exercisedUnder─► Authorization

CASE ties an authorization to an investigation, not to an action: the edge from the action is ours
(ADR 0025). Start and end stand only where the record knows the moment; bounds are ours, too.

Source: https://ontology.caseontology.org/ 1.4.0, https://ontology.unifiedcyberontology.org/ 1.4.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ledger.exports.about import About
from ledger.exports.case_names import CaseNames
from ledger.exports.case_parts import bounds, flow, objects, places, results, traces, verdict
from ledger.exports.json_ld import (
    Node,
    known,
    link,
    moment,
    number,
    shown,
    stream,
)
from ledger.exports.records import UseRecord
from ledger.exports.urns import VOCABULARY

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
    for country in places(use):
        yield from names.location(country)
    if row.case_number is not None and "case_number" in use.disclosed:
        yield names.investigation(row.case_number, use)
    yield from objects(names, use)
    yield from results(names, use)
    yield _action(names, use)


def _action(names: CaseNames, use: UseRecord) -> Node:
    """The use itself."""
    row, said, own = use.row, use.said, names.urn(use.name)
    when = use.moment
    searched = [link(node["@id"]) for node in objects(names, use)]
    found = [link(node["@id"]) for node in results(names, use)]
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
            "uco-action:object": searched,
            "uco-action:result": found,
            "uco-action:location": [link(names.urn(f"countries/{c}")) for c in places(use)],
            "candour:onBehalfOf": link(names.urn(row.agency)),
            "candour:exercisedUnder": [link(names.urn(name)) for name in row.authorizations],
            "candour:authority": [verdict(names, use, one) for one in use.verdicts]
            or verdict(names, use, use.authority),
            **traces(names, use.report),
            "candour:certain": use.certain,
            **bounds(use),
            **{f"candour:{name}": getattr(said, member) for member, name in _TEXTS.items()},
            "candour:urgencyUsed": said.urgency_used,
            "candour:dataFlow": [flow(one) for one in use.flows()],
            "candour:amendments": number(row.amendments) if row.amendments else None,
            "candour:disclosed": [shown(name, value) for name, value in use.disclosed.items()],
        }
    )
