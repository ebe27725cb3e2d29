"""Is every figure of a report the count of the entries it names, and can it be asked for alone?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import (
    AgencyRegistered,
    AllegationMade,
    AllegationResolved,
    DataFlow,
    DiscrepancyFound,
    Occurred,
    Scope,
    TechnologyRegistered,
)
from ledger.filters import check, parse
from ledger.inquiries import report_parts
from ledger.inquiries.asked import CHOICES
from ledger.inquiries.filter_text import text_of
from ledger.inquiries.pure_asker import PureAsker
from ledger.inquiries.returns import FORMS
from ledger.inquiries.table import inquiry_of
from ledger.inquiries.world import World
from ledger.limits import MAX_FIGURE_BASIS
from ledger.projections.answers import answer
from ledger.projections.questions import SCHEMA, Question
from ledger.rules.judgement import NEVER, says_any
from ledger.streams import name_of_stream
from tests.inquiries.worlds import Step, steps, told_to, world_of
from tests.ledgers import Ledger, Place
from tests.rules.worlds import Line, entry_of, use
from tests.strategies import effort, filters, single_tests

AGENCY = "agencies/a"
ANNUAL = inquiry_of(25)


def report(world: World, size: int, form: str = "annual", **more: Any) -> dict[str, Any]:
    asked = ANNUAL.ask(size, {"agency": AGENCY, "year": 2020, "form": form, **more})
    return ANNUAL.answer(PureAsker(world, size), asked)


def figures_of(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [figure for part in found["sections"] for figure in part["figures"]]


@effort(0.25)
@given(steps, st.sampled_from(sorted(FORMS)), st.sampled_from(("UTC", "America/Halifax")))
def test_every_figure_counts_the_entries_it_names(
    place: Place, said: list[Step], form: str, zone: str
) -> None:
    """Within the bound each list is as long as its count, names no entry twice, and names them right."""
    store, _engine = place.begin()
    told_to(Ledger(store), said)
    names = {s.leaf_index: name_of_stream(s.stream) for s in store.read_entries(0, 10_000)}
    size = store.head().tree_size
    figures = figures_of(report(world_of(store), size, form, zone=zone))

    assert figures
    for figure in figures:
        leaves = [*figure["basis"], *figure["possible_basis"]]
        assert len(leaves) <= MAX_FIGURE_BASIS
        assert (figure["count"], figure["possible"]) == (
            len(figure["basis"]),
            len(figure["possible_basis"]),
        )
        assert len(set(leaves)) == len(leaves)
        assert [names[leaf] for leaf in leaves] == figure["names"]


@effort(0.25)
@given(steps, st.sampled_from(sorted(FORMS)))
def test_every_filter_asks_for_the_same(place: Place, said: list[Step], form: str) -> None:
    """The filter of a figure, asked by itself as `prove uses` asks it, gives the same entries."""
    store, _engine = place.begin()
    told_to(Ledger(store), said)
    world, size = world_of(store), store.head().tree_size
    asking = [one for one in figures_of(report(world, size, form)) if "filter" in one]

    assert asking or form != "annual"  # the others ask for more than a filter may hold
    for figure in asking:
        alone = answer(Question.ask(figure["filter"], size), world)
        assert (figure["count"], figure["possible"]) == (alone["count"], alone["possible"])
        for member, certain in (("basis", True), ("possible_basis", False)):
            found = {one["leaf_index"] for one in alone["uses"] if one["definite"] is certain}
            assert set(figure[member]) == found


@given(filters(single_tests()))
def test_filter_text_says_what_the_filter_says(text: str) -> None:
    """A checked filter that has a text is read back from it; most have."""
    query = check(parse(text), SCHEMA)
    written = text_of(query)

    assert written is not None
    assert query == check(parse(written), SCHEMA)


def test_what_no_text_says_has_none() -> None:
    """Nothing at all, and more than a filter may hold, cannot be typed."""
    assert text_of(NEVER.certain) is None
    assert text_of(says_any("unit", map(str, range(1_000))).certain) is None
    assert "" == text_of(check(parse(""), SCHEMA))


def told(*lines: Line) -> World:
    world = World()
    for leaf_index, line in enumerate(lines):
        world.add(leaf_index, entry_of(line, leaf_index), line.shown)
    return world


def counts(found: dict[str, Any], title: str) -> dict[str, tuple[int, int]]:
    (part,) = (one for one in found["sections"] if one["title"] == title)
    return {one["key"]: (one["count"], one["possible"]) for one in part["figures"]}


def test_months_are_those_of_the_zone() -> None:
    """In Halifax a use at two in the morning UTC on 1 March was in February."""
    when = "2020-03-01T02:00:00Z"
    world = told(use(occurred=Occurred(earliest=when, latest=when)))
    local = report(world, 1, zone="America/Halifax")

    assert (0, 0) == counts(report(world, 1), "Uses by month")["2020-02"]
    assert (1, 0) == counts(report(world, 1), "Uses by month")["2020-03"]
    assert (1, 0) == counts(local, "Uses by month")["2020-02"]
    assert (0, 0) == counts(local, "Uses by month")["2020-03"]
    assert "days are days of America/Halifax" in local["caveats"]


def test_last_year_of_the_calendar_has_months() -> None:
    """The year 9999 ends where the calendar does."""
    when = "9999-12-31T23:00:00Z"
    world = told(use(occurred=Occurred(earliest=when, latest=when)))

    assert (1, 0) == counts(report(world, 1, year=9999), "Uses by month")["9999-12"]


def _found(own: str, occurred: Occurred | None) -> Line:
    return Line(
        f"discrepancies/{own}",
        DiscrepancyFound(
            discrepancy=f"discrepancies/{own}",
            observation="observations/o",
            observer="vendor",
            kind="missing_here",
            agency=AGENCY,
            occurred=occurred,
        ),
    )


def _alleged(own: str, made: str) -> Line:
    fact = AllegationMade(
        allegation=f"allegations/{own}",
        made_by="person",
        scope=Scope(agency=AGENCY),
        made=Occurred(earliest=made, latest=made),
    )
    return Line(fact.allegation, fact)


def test_only_the_year_is_told() -> None:
    """Allegations and missing records of other years are not of this report; undated ones may be."""
    then, later = (f"{year}-06-01T00:00:00Z" for year in (2020, 2021))
    world = told(
        _alleged("a", then),
        _alleged("b", later),
        Line("allegations/a", AllegationResolved(allegation="allegations/a", resolution="upheld")),
        _found("a", Occurred(earliest=then, latest=then)),
        _found("b", Occurred(earliest=later, latest=later)),
        _found("c", None),
    )
    found = report(world, 6)

    assert {"allegations/a": (1, 0)} == counts(found, "Allegations")
    (alleged,) = (p for p in found["sections"] if p["title"] == "Allegations")
    assert "upheld" == alleged["figures"][0]["label"]
    assert (1, 1) == counts(found, "Missing records")["missing_here"]


def test_piidpa_return_says_what_went_where_to_whom() -> None:
    """Flows that left Canada stand by kind, with purposes; what the Act wants beside that is blank."""
    when = Occurred(earliest="2020-02-21T10:00:00Z", latest="2020-02-21T10:00:00Z")
    abroad = DataFlow(category="photos", recipient="Vendor", processing_country="US")
    home = DataFlow(category="photos", recipient="Lab", storage_country="CA")
    world = told(
        Line(AGENCY, AgencyRegistered(agency=AGENCY, name="A", country="CA")),
        use(
            "u",
            occurred=when,
            data_flows=(abroad, home),
            purpose="identify",
            technology="technologies/t",
        ),
        use("v", occurred=when, data_flows=(home,)),
    )
    found = report(world, 3, "piidpa")
    (flows,) = (p for p in found["sections"] if p["title"].startswith("Storage"))
    (figure,) = flows["figures"]

    assert ({"processing_country": "US", "category": "photos", "recipient": "Vendor"}) == {
        name: figure["columns"][name] for name in ("processing_country", "category", "recipient")
    }
    assert (["identify"], [1], 1) == (
        figure["columns"]["purposes"],
        figure["basis"],
        figure["count"],
    )
    assert "permission" not in figure["columns"]
    assert any("reasons" in blank["item"] for blank in found["blanks"])
    assert "s. 5(3)" in found["legal_reference"]


def test_flow_that_names_no_country_may_have_left() -> None:
    """It stands in the return as possible, and its countries stay blank."""
    when = Occurred(earliest="2020-02-21T10:00:00Z", latest="2020-02-21T10:00:00Z")
    world = told(
        Line(AGENCY, AgencyRegistered(agency=AGENCY, name="A", country="CA")),
        use(occurred=when, data_flows=(DataFlow(recipient="Vendor"),)),
    )
    found = report(world, 2, "piidpa")
    (flows,) = (p for p in found["sections"] if p["title"].startswith("Storage"))
    (figure,) = flows["figures"]

    assert (0, 1, [1]) == (figure["count"], figure["possible"], figure["possible_basis"])
    assert {"recipient": "Vendor", "purposes": []} == figure["columns"]


def test_report_that_stops_reading_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """Flows are read page by page up to a bound; of what lies beyond it the section tells."""
    when = Occurred(earliest="2020-02-21T10:00:00Z", latest="2020-02-21T10:00:00Z")
    world = told(
        Line(AGENCY, AgencyRegistered(agency=AGENCY, name="A", country="CA")),
        *(use(f"none-{n}", occurred=when) for n in range(3)),
        *(
            use(f"u{n}", occurred=when, data_flows=(DataFlow(recipient="V", access_country="US"),))
            for n in range(4)
        ),
        _found("a", when),
        _found("b", when),
    )
    monkeypatch.setattr(report_parts, "MAX_ANSWER_USES", 2)
    whole = report(world, 10)
    sharing = "Sharing: who received data of uses"
    assert (4, 0) == counts(whole, sharing)["V"]
    assert not any(
        name.startswith(("of_first", "countries")) for p in whole["sections"] for name in p
    )

    monkeypatch.setattr(report_parts, "MAX_REPORT_FLOWS", 2)
    monkeypatch.setattr(report_parts, "MAX_REPORT_DIFFERENCES", 1)
    cut = {part["title"]: part for part in report(world, 10)["sections"]}
    assert (2, 0) == counts({"sections": list(cut.values())}, sharing)["V"]
    assert 2 == cut[sharing]["of_first_uses"]
    across = cut["Across borders, and which countries data went to"]
    assert (2, "US", 4) == (
        across["countries_of_first_uses"],
        across["figures"][-1]["key"],
        across["figures"][-1]["count"],
    )
    assert 1 == cut["Missing records"]["of_first_differences"]
    returned = report(world, 10, "piidpa")["sections"][1]
    assert (2, 2) == (returned["of_first_uses"], returned["figures"][0]["count"])


@pytest.mark.parametrize(
    ("category", "expected"),
    [("facial_recognition", (1, 0)), (None, (0, 1)), ("plate_reader", (0, 0))],
)
def test_eu_return_counts_biometric_technologies(
    category: str | None, expected: tuple[int, int]
) -> None:
    """Uses of the pack's categories count, those of others do not, those of unknown kind may."""
    when = Occurred(earliest="2020-02-21T10:00:00Z", latest="2020-02-21T10:00:00Z")
    name = "technologies/t"
    world = told(
        Line(name, TechnologyRegistered(technology=name, name="T", category=category)),
        use(occurred=when, technology=name, outcome="wrong_person"),
    )
    found = report(world, 2, "eu-26-10")

    assert expected == next(iter(counts(found, "In all").values()))
    assert expected == counts(found, "Under what authorisation")["none"]
    assert expected == counts(found, "Verified by a person")["not said"]


def test_forms_are_those_that_can_be_asked_for() -> None:
    """Every form of the parameter is made, and no other."""
    assert set(CHOICES["form"]) == set(FORMS)
