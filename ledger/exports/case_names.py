"""Which things do several actions share? Each is written once, before its first action.

CaseNames.tool("technologies/x", "2.1") ──► [Tool, the vendor's Organization], and nothing the next time
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger.events import AgencyRegistered
from ledger.exports.about import About
from ledger.exports.json_ld import Node, known, link, moment
from ledger.exports.records import UseRecord
from ledger.exports.urns import urn


class CaseNames:
    """The shared nodes of one export; remembers which were written, one text for each."""

    def __init__(self, about: About) -> None:
        self.about = about
        self._written: set[str] = set()

    def urn(self, name: str) -> str:
        return urn(self.about.origin, name)

    def tool_urn(self, technology: str, version: str | None) -> str:
        """A technology in one version is a tool of its own: UCO's version is of the tool."""
        return self.urn(technology if version is None else f"{technology}/versions/{version}")

    def ledger(self) -> Iterator[Node]:
        """Whose export it is: a bundle holds at least one object, though no use matched."""
        yield {
            "@id": self.urn("ledger"),
            "@type": "uco-tool:Tool",
            "uco-core:name": "Candour",
            "uco-tool:toolType": "audit ledger",
        }

    def organization(self, agency: str) -> Iterator[Node]:
        told = self.about.registers.history(agency)
        country = next((t.fact.country for t in told if isinstance(t.fact, AgencyRegistered)), None)
        yield from self._once(
            self.urn(agency),
            {
                "@type": "uco-identity:Organization",
                "uco-core:name": self.about.title(agency) or agency,
                "candour:name": agency,
                "candour:country": country,
            },
        )

    def identity(self, pseudonym: str) -> Iterator[Node]:
        """Whoever carried it out, by the ledger's pseudonym: a person, or an account."""
        yield from self._once(
            self.urn(pseudonym),
            {"@type": "uco-identity:Identity", "uco-core:name": pseudonym},
        )

    def tool(self, technology: str, version: str | None) -> Iterator[Node]:
        fact = self.about.technology(technology)
        vendor = None if fact is None else fact.vendor
        if vendor is not None:
            yield from self._once(
                self.urn(f"vendors/{vendor}"),
                {"@type": "uco-identity:Organization", "uco-core:name": vendor},
            )
        yield from self._once(
            self.tool_urn(technology, version),
            {
                "@type": "uco-tool:Tool",
                "uco-core:name": self.about.title(technology) or technology,
                "uco-tool:toolType": None if fact is None else fact.category,
                "uco-tool:version": version,
                "uco-tool:creator": None if vendor is None else link(self.urn(f"vendors/{vendor}")),
                "candour:name": technology,
            },
        )

    def authorization(self, name: str) -> Iterator[Node]:
        """As granted; renewals and revocations are in the verdict on each use."""
        grant, told = self.about.authorization(name), self.about.registers.history(name)
        members: dict[str, Any] = {
            "@type": "case-investigation:Authorization",
            "case-investigation:authorizationIdentifier": name,
        }
        if grant is not None:
            valid = grant.valid
            members |= {
                "case-investigation:authorizationIdentifier": grant.identifier or name,
                "case-investigation:authorizationType": grant.kind,
                "uco-core:startTime": None if valid.earliest is None else moment(valid.earliest),
                "uco-core:endTime": None if valid.latest is None else moment(valid.latest),
                "candour:grantedAt": None if grant.granted_at is None else moment(grant.granted_at),
                "candour:grantingRank": grant.granting_rank,
                "candour:grantingOfficer": told[0].shown.get("granting_officer"),
                "candour:instrument": grant.instrument,
                "candour:instrumentVersion": grant.instrument_version,
            }
        yield from self._once(self.urn(name), {**members, "candour:name": name})

    def location(self, country: str) -> Iterator[Node]:
        facet = {
            "@id": self.urn(f"countries/{country}/address"),
            "@type": "uco-location:SimpleAddressFacet",
            "uco-location:country": country,
        }
        yield from self._once(
            self.urn(f"countries/{country}"),
            {"@type": "uco-location:Location", "uco-core:hasFacet": facet},
        )

    def investigation(self, case_number: str, use: UseRecord) -> Node:
        """A case, where its number is disclosed: the same node again for each of its actions."""
        return known(
            {
                "@id": self.urn(f"cases/{use.row.agency}/{case_number}"),
                "@type": "case-investigation:Investigation",
                "uco-core:name": case_number,
                "uco-core:object": link(self.urn(use.name)),
                "case-investigation:relevantAuthorization": [
                    link(self.urn(name)) for name in use.row.authorizations
                ],
            }
        )

    def _once(self, identifier: str, members: Node) -> Iterator[Node]:
        if identifier not in self._written:
            self._written.add(identifier)
            yield known({"@id": identifier, **members})
