"""Is the CASE export CASE? Judged by case_validate and by graphs that others published."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Final

import pytest
from case_utils.case_validate import validate
from hypothesis import given
from hypothesis import strategies as st
from rdflib import RDF, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from ledger.exports import About, UseRecord, write_case
from ledger.exports.urns import VOCABULARY, urn
from tests.exports.exported import about_of, records_of, told, told_once
from tests.ledgers import ORIGIN, Place
from tests.shared_data import shared_data
from tests.strategies import Operation, effort, operations

# The judges that others wrote use what they, or Python, call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
OURS: Final = Namespace(VOCABULARY)
ACTION: Final = Namespace("https://ontology.unifiedcyberontology.org/uco/action/")
CORE: Final = Namespace("https://ontology.unifiedcyberontology.org/uco/core/")
INVESTIGATION: Final = Namespace("https://ontology.caseontology.org/case/investigation/")
EVERYTHING: Final = ("case_number", "reason", "object", "subject")


def graph_of(about: About, uses: list[UseRecord]) -> Graph:
    return Graph().parse(data="".join(write_case(about, uses)), format="json-ld")


def conforms(file: Path) -> bool:
    """What case_validate says, by the ontology it has built in."""
    return bool(validate([str(file)], case_version="case-1.4.0", allow_warnings=False).conforms)


@effort(0.02)
@given(st.lists(operations, min_size=2, max_size=4))
def test_whatever_was_told_conforms(
    place: Place, tmp_path_factory: pytest.TempPathFactory, steps: list[list[Operation]]
) -> None:
    """An export of any ledger is valid CASE 1.4.0, and has one action for each use."""
    entries = told(place, *steps)
    uses = records_of(entries, disclosed=EVERYTHING)
    file = tmp_path_factory.mktemp("case") / "export.jsonld"
    file.write_text("".join(write_case(about_of(entries), uses)), "utf-8")

    assert conforms(file)
    actions = Graph().parse(file).subjects(RDF.type, INVESTIGATION.InvestigativeAction)
    assert {urn(ORIGIN, use.name) for use in uses} == set(map(str, actions))


def test_use_that_says_all_conforms(place: Place, tmp_path: Path) -> None:
    """So does one in which every member stands; and what is broken does not, so the judge judges."""
    entries = told_once(place)
    text = "".join(write_case(about_of(entries), records_of(entries, disclosed=EVERYTHING)))
    good, bad = tmp_path / "good.jsonld", tmp_path / "bad.jsonld"
    good.write_text(text, "utf-8")
    bad.write_text(text.replace("2020-02-21T10:00:00Z", "yesterday"), "utf-8")

    assert conforms(good)
    assert not conforms(bad)


def test_action_has_its_parts(place: Place) -> None:
    """Performer, agency, tool, object, result, time, place and authorization hang on the action."""
    entries = told_once(place)
    use = records_of(entries)[0]
    graph, action = graph_of(about_of(entries), [use]), URIRef(urn(ORIGIN, use.name))
    assert use.row.performer is not None

    def ours(name: str) -> URIRef:
        return URIRef(urn(ORIGIN, name))

    assert [ours(use.row.performer)] == list(graph.objects(action, ACTION.performer))
    assert [ours("agencies/a")] == list(graph.objects(action, OURS.onBehalfOf))
    assert [ours("technologies/t/versions/2.1")] == list(graph.objects(action, ACTION.instrument))
    assert [ours("authorizations/w")] == list(graph.objects(action, OURS.exercisedUnder))
    assert [ours("countries/US")] == list(graph.objects(action, ACTION.location))
    assert 2 == len(list(graph.objects(action, ACTION.object)))
    assert 4 == len(list(graph.objects(action, ACTION.result)))  # three entries, one outcome
    assert graph.value(action, ACTION.startTime) == graph.value(action, ACTION.endTime) is not None
    warrant = ours("authorizations/w")
    assert Literal("warrant") == graph.value(warrant, INVESTIGATION.authorizationType)
    assert Literal("W-17") == graph.value(warrant, INVESTIGATION.authorizationIdentifier)
    assert [None] * 2 == [
        graph.value(action, name) for name in (OURS.unit, OURS.disclosed)
    ]  # unset by the amendment; not asked for


def test_what_is_not_known_is_not_said(place: Place) -> None:
    """A use of which only the agency is known has no performer, tool, object, time or place."""
    entries = told_once(place)
    use = records_of(entries)[1]
    graph, action = graph_of(about_of(entries), [use]), URIRef(urn(ORIGIN, use.name))
    parts = ("performer", "instrument", "object", "location", "startTime", "endTime")

    assert [None] * len(parts) == [graph.value(action, ACTION[part]) for part in parts]
    verdict = graph.value(action, OURS.authority)
    assert Literal("none") == graph.value(verdict, OURS.verdict)


@lru_cache
def published_shapes() -> dict[Node, set[Node]]:
    """Class to the properties it has in the graphs that the CASE community published."""
    shapes: dict[Node, set[Node]] = defaultdict(set)
    for name in ("Oresteia.json", "network_connection.json"):
        file = shared_data(f"case/{name}", unjudged="the shape of CASE exports")
        graph = Graph().parse(file, format="json-ld")
        for thing, kind in graph.subject_objects(RDF.type):
            shapes[kind] |= set(graph.predicates(thing))
    return shapes


def test_shape_is_that_of_published_graphs(place: Place) -> None:
    """Of CASE and UCO we use the classes that published graphs use, and their properties.

    Beside them stand only our own, and the few properties below, which the ontology has for what
    those two cases never had to say: who else took part, how long a warrant was valid, a country.
    """
    entries = told_once(place)
    uses = records_of(entries, disclosed=EVERYTHING)
    graph, published = graph_of(about_of(entries), uses), published_shapes()
    found: dict[str, set[str]] = defaultdict(set)
    for thing, kind in graph.subject_objects(RDF.type):
        if not str(kind).startswith(OURS):
            new = set(graph.predicates(thing)) - published.get(kind, set())
            found[_short(kind)] |= {_short(one) for one in new if not str(one).startswith(OURS)}

    assert {
        "Annotation": set(),
        "Authorization": {"startTime", "endTime"},
        "Bundle": {"specVersion"},
        "Identity": {"name"},
        "Investigation": set(),
        "InvestigativeAction": {"participant"},
        "Location": set(),
        # Published graphs have its subclasses; a report says no more than that it is observable.
        "ObservableObject": {"name", "description", "type"},
        "Organization": set(),
        "ProvenanceRecord": set(),
        "SimpleAddressFacet": {"country"},
        "Tool": set(),
    } == found


def _short(name: Node) -> str:
    return str(name).replace("#", "/").rpartition("/")[2]


def test_names_depend_on_the_ledger_alone() -> None:
    """The URN of a resource is fixed for ever, and another ledger's resource has another."""
    assert "urn:uuid:fbc05d86-531d-5e38-b7ba-f119fbad7a9d" == urn(ORIGIN, "agencies/a")
    assert urn(ORIGIN, "agencies/a") != urn("candour.local/other", "agencies/a")
