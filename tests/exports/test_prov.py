"""Is the PROV export PROV? Its graph is read back, and held to what PROV-O and PROV-DM say."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import RDF, Graph, Literal, Namespace, URIRef

from ledger.exports import About, UseRecord, write_prov
from ledger.exports.urns import VOCABULARY, urn
from tests.exports.exported import about_of, records_of, told, told_once
from tests.ledgers import ORIGIN, Place
from tests.strategies import Operation, effort, operations

# The judges that others wrote use what they, or Python, call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
OURS: Final = Namespace(VOCABULARY)
PROV: Final = Namespace("http://www.w3.org/ns/prov#")
# Property to the classes of its two ends: PROV-O, domains and ranges.
ENDS: Final = {
    PROV.used: (PROV.Activity, PROV.Entity),
    PROV.wasAssociatedWith: (PROV.Activity, PROV.Agent),
    PROV.actedOnBehalfOf: (PROV.Agent, PROV.Agent),
    PROV.wasAttributedTo: (PROV.Entity, PROV.Agent),
    PROV.wasDerivedFrom: (PROV.Entity, PROV.Entity),
    PROV.wasRevisionOf: (PROV.Entity, PROV.Entity),
    PROV.qualifiedAssociation: (PROV.Activity, PROV.Association),
    PROV.agent: (PROV.Association, PROV.Agent),
    PROV.hadPlan: (PROV.Association, PROV.Plan),
}
# With values for their other end.
VALUES: Final = {PROV.startedAtTime, PROV.endedAtTime, PROV.generatedAtTime}


def graph_of(about: About, uses: list[UseRecord]) -> Graph:
    return Graph().parse(data="".join(write_prov(about, uses)), format="json-ld")


@effort(0.1)
@given(st.lists(operations, min_size=1, max_size=3))
def test_ends_are_of_the_classes_that_prov_says(place: Place, steps: list[list[Operation]]) -> None:
    """Every PROV property stands between things declared of its domain and range, in any ledger."""
    entries = told(place, *steps)
    uses = records_of(entries)
    graph = graph_of(about_of(entries), uses)
    used = {one for one in graph.predicates() if str(one).startswith(PROV)}

    assert used <= set(ENDS) | VALUES
    for name, (domain, range_) in ENDS.items():
        for subject, value in graph.subject_objects(name):
            assert (subject, RDF.type, domain) in graph
            assert (value, RDF.type, range_) in graph
    activities = set(map(str, graph.subjects(RDF.type, PROV.Activity)))
    assert {urn(ORIGIN, use.name) for use in uses} == activities


def test_association_has_the_authorization_as_its_plan(place: Place) -> None:
    """Who acted is associated with the use, under the authorization, on the agency's behalf."""
    entries = told_once(place)
    use = records_of(entries)[0]
    graph, activity = graph_of(about_of(entries), [use]), URIRef(urn(ORIGIN, use.name))
    assert use.row.performer is not None
    who, agency = URIRef(urn(ORIGIN, use.row.performer)), URIRef(urn(ORIGIN, "agencies/a"))
    association = graph.value(activity, PROV.qualifiedAssociation)

    assert {who, agency} == set(graph.objects(activity, PROV.wasAssociatedWith))
    assert who == graph.value(association, PROV.agent)
    assert URIRef(urn(ORIGIN, "authorizations/w")) == graph.value(association, PROV.hadPlan)
    assert agency == graph.value(who, PROV.actedOnBehalfOf)


def test_amendment_derives_from_the_report(place: Place) -> None:
    """What put a report right is a revision of it; what came of it derives from that."""
    entries = told_once(place)
    use = records_of(entries)[0]
    graph = graph_of(about_of(entries), [use])
    report, amended, outcome = (
        URIRef(urn(ORIGIN, f"entries/{line.leaf_index}")) for line in use.lines
    )

    assert [(amended, report)] == list(graph.subject_objects(PROV.wasRevisionOf))
    assert {(amended, report), (outcome, amended)} == set(
        graph.subject_objects(PROV.wasDerivedFrom)
    )
    assert Literal(use.lines[1].leaf_hash.hex()) == graph.value(amended, OURS.leafHash)


def test_time_that_is_not_known_is_not_said(place: Place) -> None:
    """A use without time or performer has no start, no end, and only the agency for an agent."""
    entries = told_once(place)
    use = records_of(entries)[1]
    graph, activity = graph_of(about_of(entries), [use]), URIRef(urn(ORIGIN, use.name))

    assert (None, None) == (
        graph.value(activity, PROV.startedAtTime),
        graph.value(activity, PROV.endedAtTime),
    )
    agents = list(graph.objects(activity, PROV.wasAssociatedWith))
    assert [URIRef(urn(ORIGIN, "agencies/a"))] == agents
