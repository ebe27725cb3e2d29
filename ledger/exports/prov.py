"""W3C PROV as JSON-LD (PROV-O): activities, agents, entities and how they hang together.

    use ─wasAssociatedWith (hadPlan: authorization)─► performer ─actedOnBehalfOf─► agency
        ─used─► technology, what was searched for     entry ◄─wasGeneratedBy─ …
    amending entry ─wasRevisionOf, wasDerivedFrom─► the entry before      entry ─wasAttributedTo─► source

PROV-O rather than PROV-JSON: it is the Recommendation, and loads beside CASE into one graph (ADR 0025).

Source: https://www.w3.org/TR/2013/REC-prov-o-20130430/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ledger.events import DataFlowReported, Occurred, OutcomeReported, ToolUseAmended
from ledger.exports.about import About
from ledger.exports.json_ld import Node, known, link, moment, number, shown, stream
from ledger.exports.records import Line, UseRecord
from ledger.exports.urns import VOCABULARY, urn

FORMAT: Final = "W3C PROV-O JSON-LD"
CONTEXT: Final = {
    "candour": VOCABULARY,
    "prov": "http://www.w3.org/ns/prov#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def write_prov(about: About, uses: Iterable[UseRecord]) -> Iterator[str]:
    """The export as text, in pieces; one node a line, shared nodes before their first use."""
    yield from stream({"@context": CONTEXT}, "@graph", _Graph(about).nodes(uses))


class _Graph:
    """The nodes of one export; remembers which shared ones were written."""

    def __init__(self, about: About) -> None:
        self._about = about
        self._written: set[str] = set()

    def nodes(self, uses: Iterable[UseRecord]) -> Iterator[Node]:
        about = self._about
        yield {
            "@id": self._urn(f"exports/{about.tree_size}/{about.filter}"),
            "@type": ["prov:Entity", "prov:Collection"],
            "rdfs:label": "Uses of investigative technology, exported from a Candour ledger",
            "rdfs:comment": about.to_object()["caveats"],
            "candour:logOrigin": about.origin,
            "candour:asOf": number(about.tree_size),
            "candour:filter": about.filter,
            "candour:checkpoint": about.checkpoint,
            "candour:completeness": "not_proven",
            "candour:unreadEntries": number(about.unread),
            "candour:disclosedFields": list(about.disclosed),
        }
        for use in uses:
            yield from self._shared(use)
            yield from self._entries(use)
            yield from self._objects(use)
            yield self._activity(use)

    def _urn(self, name: str) -> str:
        return urn(self._about.origin, name)

    def _once(self, name: str, kinds: list[str], **more: object) -> Iterator[Node]:
        if name not in self._written:
            self._written.add(name)
            label = self._about.title(name) or name
            yield known({"@id": self._urn(name), "@type": kinds, "rdfs:label": label, **more})

    def _shared(self, use: UseRecord) -> Iterator[Node]:
        row = use.row
        yield from self._once(row.agency, ["prov:Agent", "prov:Organization"])
        for source in filter(None, (line.entry.source for line in use.lines)):
            yield from self._once(source, ["prov:Agent", "prov:SoftwareAgent"])
        if row.technology is not None:
            yield from self._once(row.technology, ["prov:Entity"])
        if row.performer is not None and f"{row.performer}/{row.agency}" not in self._written:
            # The same again for another agency: nodes of one name are one.
            self._written.add(f"{row.performer}/{row.agency}")
            yield {
                "@id": self._urn(row.performer),
                "@type": "prov:Agent",
                "rdfs:label": row.performer,
                "prov:actedOnBehalfOf": link(self._urn(row.agency)),
            }
        for name in row.authorizations:
            yield from self._authorization(name)

    def _authorization(self, name: str) -> Iterator[Node]:
        grant = self._about.authorization(name)
        more: Node = {}
        if grant is not None:
            more = {
                "candour:kind": grant.kind,
                "candour:identifier": grant.identifier,
                "candour:validFrom": _time(grant.valid.earliest),
                "candour:validUntil": _time(grant.valid.latest),
            }
        yield from self._once(name, ["prov:Entity", "prov:Plan"], **more)

    def _entries(self, use: UseRecord) -> Iterator[Node]:
        """Each entry; one that changes the use derives from the one before."""
        before: Line | None = None
        for line in use.lines:
            changes = isinstance(line.fact, ToolUseAmended | OutcomeReported | DataFlowReported)
            amends = isinstance(line.fact, ToolUseAmended)
            earlier = None if before is None else link(self._entry(before))
            by = line.entry.source
            yield known(
                {
                    "@id": self._entry(line),
                    "@type": ["prov:Entity", "candour:Entry"],
                    "candour:topic": line.entry.topic,
                    "candour:logOrigin": self._about.origin,
                    "candour:leafIndex": number(line.leaf_index),
                    "candour:leafHash": line.leaf_hash.hex(),
                    "candour:describes": link(self._urn(use.name)),
                    "prov:generatedAtTime": moment(line.entry.recorded_at),
                    "prov:wasAttributedTo": None if by is None else link(self._urn(by)),
                    "prov:wasDerivedFrom": earlier if changes else None,
                    "prov:wasRevisionOf": earlier if amends else None,
                }
            )
            before = line

    def _entry(self, line: Line) -> str:
        return self._urn(f"entries/{line.leaf_index}")

    def _activity(self, use: UseRecord) -> Node:
        row, when = use.row, use.moment
        occurred = use.said.occurred or Occurred()
        used = [] if row.technology is None else [link(self._urn(row.technology))]
        used += [link(node["@id"]) for node in self._objects(use)]
        agent = self._urn(row.agency if row.performer is None else row.performer)
        agents = {self._urn(row.agency): None, agent: None}
        return known(
            {
                "@id": self._urn(use.name),
                "@type": ["prov:Activity", "candour:ToolUse"],
                "rdfs:label": use.name,
                "prov:startedAtTime": _time(when),
                "prov:endedAtTime": _time(when),
                "prov:used": used,
                "prov:wasAssociatedWith": [link(one) for one in agents],
                "prov:qualifiedAssociation": [
                    {
                        "@id": self._urn(f"{use.name}/under/{name}"),
                        "@type": "prov:Association",
                        "prov:agent": link(agent),
                        "prov:hadPlan": link(self._urn(name)),
                    }
                    for name in row.authorizations
                ],
                "candour:leafIndex": number(row.first),
                "candour:leafHash": use.report.leaf_hash.hex(),
                "candour:logOrigin": self._about.origin,
                "candour:certain": use.certain,
                "candour:notBefore": _time(occurred.earliest),
                "candour:notAfter": _time(occurred.latest),
                "candour:date": occurred.date,
                "candour:authorityVerdict": use.authority.code,
                "candour:unit": row.unit,
                "candour:purpose": row.purpose,
                "candour:outcome": row.outcome,
                "candour:disclosed": [shown(name, value) for name, value in use.disclosed.items()],
            }
        )

    def _objects(self, use: UseRecord) -> Iterator[Node]:
        """What was searched for and in which database, where the report says."""
        said = use.said
        if said.object_category is not None:
            yield {
                "@id": self._urn(f"{use.name}/object"),
                "@type": "prov:Entity",
                "rdfs:label": said.object_category,
            }
        if said.reference_database is not None:
            yield {
                "@id": self._urn(f"databases/{said.reference_database}"),
                "@type": "prov:Entity",
                "rdfs:label": said.reference_database,
            }


def _time(text: str | None) -> Node | None:
    return None if text is None else moment(text)
