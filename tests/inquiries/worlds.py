"""A small world that is asked: the operations of tests/strategies.py, and facts of the registers.

steps ──told_to(ledger)──► entries ──world_of──► World ──► PureAsker
                                   └─► views ──► ViewAsker
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st

from ledger.canonical_json import JsonValue
from ledger.entry import decode_entry
from ledger.errors import Malformed, Refused, Unverifiable
from ledger.events import (
    AllegationMade,
    AuthorizationGranted,
    CoverageGapDeclared,
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
    Fact,
    HeartbeatExpected,
    HeartbeatReceived,
    HoldingRecorded,
    Interval,
    NilReturnAttested,
    Occurred,
    PerformerApproved,
    RulePackActivated,
    Scope,
    SourceRegistered,
    StatementMade,
    TechnologyApproved,
    TechnologyAssessed,
    TechnologyRegistered,
    TechnologySuspended,
    TrialStarted,
    VendorIncidentReported,
)
from ledger.inquiries.asked import CHOICES
from ledger.inquiries.table import FINDINGS, inquiry_of
from ledger.inquiries.world import World
from ledger.rules.packs import shipped
from ledger.store.core import LedgerStore
from ledger.store.reading_entries import shown_values
from ledger.times import text_of_us
from tests import strategies as told
from tests.ledgers import Ledger

MOMENTS: Final = tuple(map(text_of_us, told.INSTANTS))
DAYS: Final = ("2020-02-20", "2020-02-21", "2020-02-22")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact of the registers, with what is shown of it."""

    fact: Fact
    shown: tuple[tuple[str, str], ...] = ()


Step: TypeAlias = told.Operation | Recorded

_agencies = st.sampled_from(told.AGENCIES)
_some_agency = st.none() | _agencies
_technologies = st.sampled_from(told.TECHNOLOGIES)
_some_technology = st.none() | _technologies
_sources = st.sampled_from(told.SOURCES)
_moments = st.sampled_from(MOMENTS)
_times = st.none() | _moments.map(lambda text: Occurred(earliest=text, latest=text))
_periods = st.tuples(_moments, _moments).map(
    lambda ends: Interval(earliest=min(ends), latest=max(ends))
) | st.just(Interval())
_scopes = st.builds(
    Scope,
    agency=_some_agency,
    technology=_some_technology,
    period=st.none() | _periods,
    unit=st.none() | st.sampled_from(told.CODES),
)
_numbered = st.integers(0, 2)
_register_facts: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        TechnologyRegistered,
        technology=_technologies,
        name=st.just("T"),
        vendor=st.none() | st.just("V"),
    ),
    st.builds(
        SourceRegistered,
        source=_sources,
        name=st.just("S"),
        agency=_some_agency,
        technology=_some_technology,
    ),
    st.builds(TechnologySuspended, technology=_technologies, agency=_some_agency, effective=_times),
    st.builds(
        TechnologyApproved,
        technology=_technologies,
        approved_by=st.just("board"),
        agency=_some_agency,
        effective=_times,
        units=st.sampled_from(((), ("x",))),
    ),
    st.builds(
        TechnologyAssessed,
        technology=_technologies,
        kind=st.just("privacy_impact"),
        effective=_times,
        outcome=st.just("accepted"),
    ),
    st.builds(TrialStarted, technology=_technologies, agency=_agencies, effective=_times),
    st.builds(HeartbeatExpected, source=_sources, every_s=st.sampled_from((5, 3600))),
    st.builds(HeartbeatReceived, source=_sources, at=_moments, sequence=st.none() | st.just(5)),
    st.builds(
        CoverageGapDeclared,
        source=_sources,
        period=_periods,
        first_sequence=st.just(1),
        last_sequence=st.just(2),
    ),
    st.builds(
        NilReturnAttested,
        nil_return=_numbered.map("nilReturns/n{}".format),
        agency=_agencies,
        period=_periods,
    ),
    st.builds(
        HoldingRecorded,
        holding=_numbered.map("holdings/h{}".format),
        agency=_agencies,
        kind=st.just("licence"),
        technology=_some_technology,
    ),
    st.builds(
        VendorIncidentReported,
        incident=_numbered.map("incidents/i{}".format),
        vendor=st.just("V"),
        kind=st.just("breach"),
        technologies=st.lists(_technologies, max_size=1).map(tuple),
        occurred=_times,
    ),
    st.builds(
        StatementMade,
        statement=_numbered.map("statements/s{}".format),
        polarity=st.sampled_from(("denies", "confirms")),
        scope=_scopes,
        made=_times,
    ),
    st.builds(
        AllegationMade,
        allegation=_numbered.map("allegations/a{}".format),
        made_by=st.just("somebody"),
        scope=_scopes,
    ),
    st.builds(
        ExternalLogImported,
        observation=st.just("observations/o"),
        observer=st.just("network"),
        agency=_agencies,
        file_sha256=st.just("0" * 64),
        rows=st.just(3),
        layout=st.just("generic"),
    ),
    st.builds(
        DiscrepancyFound,
        discrepancy=_numbered.map("discrepancies/d{}".format),
        observation=st.just("observations/o"),
        observer=st.just("network"),
        kind=st.sampled_from(("missing_here", "missing_there", "masked")),
        agency=_agencies,
        technology=_some_technology,
        occurred=_times,
    ),
    st.builds(
        DiscrepancyResolved,
        discrepancy=_numbered.map("discrepancies/d{}".format),
        code=st.sampled_from(("reported_since", "observer_wrong")),
    ),
    st.sampled_from(shipped()).flatmap(
        lambda pack: st.builds(
            RulePackActivated,
            pack=st.just(f"rulePacks/{pack.name}"),
            version=st.just(pack.version),
            pack_sha256=st.just(pack.sha256),
            agencies=st.sampled_from(((), ("agencies/a",))),
        )
    ),
)
_approvals = st.builds(
    lambda fact, performer: Recorded(fact, (("performer", performer),)),
    st.builds(
        PerformerApproved,
        approval=_numbered.map("approvals/p{}".format),
        agency=_agencies,
        valid=_periods,
        technology=_some_technology,
    ),
    st.sampled_from(told.PERFORMERS),
)
_recorded = st.builds(Recorded, _register_facts) | _approvals
_begun: Final[tuple[Step, ...]] = (
    Recorded(TechnologyRegistered(technology="technologies/t", name="T", vendor="V")),
    Recorded(SourceRegistered(source="sources/s", name="S", agency="agencies/a")),
    Recorded(
        AuthorizationGranted(
            authorization="authorizations/k",
            agency="agencies/a",
            kind="warrant",
            valid=Interval(earliest=MOMENTS[1]),
            technologies=("technologies/t",),
        )
    ),
    Recorded(
        StatementMade(
            statement="statements/s0",
            polarity="denies",
            scope=Scope(agency="agencies/a", technology="technologies/t"),
        )
    ),
)
_reports = st.lists(told.reports, min_size=3, max_size=6).map(
    lambda batch: told.Report(tuple(batch))
)


@st.composite
def _steps(draw: st.DrawFn) -> list[Step]:
    """Some uses, many facts of the registers, and a few of all other operations."""
    mixed: list[Step] = list(draw(st.lists(_recorded, min_size=4, max_size=12)))
    mixed += draw(st.lists(_reports, min_size=1, max_size=3))
    mixed += [one for one in draw(told.operations) if not isinstance(one, told.Foreign)]
    return [*_begun, *draw(st.permutations(mixed))]


steps: st.SearchStrategy[list[Step]] = _steps()


def told_to(ledger: Ledger, said: Sequence[Step]) -> None:
    """Carry out steps; what the domain refuses changes nothing."""
    ledger.tell([])
    for step in said:
        if not isinstance(step, Recorded):
            ledger.tell([step])
            continue
        protected: dict[str, JsonValue] = {
            name: ledger._pseudonym(text) if name == "performer" else text
            for name, text in step.shown
        }
        with suppress(Refused, Malformed, Unverifiable):
            by = replace(ledger.provenance(), capture="live")
            if isinstance(
                step.fact, SourceRegistered | TechnologyRegistered | AuthorizationGranted
            ):
                name = getattr(step.fact, type(step.fact).TOPIC.partition(".")[0])
                ledger.register(name, step.fact)
            else:
                ledger.append(ledger.registrar.record(step.fact, by, protected))


def world_of(store: LedgerStore, tree_size: int | None = None) -> World:
    """Everything the first entries say, with all that is disclosed."""
    world = World()
    size = store.head().tree_size if tree_size is None else tree_size
    for stored in store.read_entries(0, size, with_disclosures=True):
        world.add(stored.leaf_index, decode_entry(stored.entry), shown_values(stored))
    return world


# --- what may be asked of the small world -------------------------------------------
_PARAMETERS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "agency": _agencies,
    "technology": _technologies,
    "unit": st.sampled_from(told.CODES),
    "performer": st.sampled_from(("p-0", "p-1,p-2")),
    "case_number": st.sampled_from(told.CASES),
    "from": st.sampled_from(DAYS[:2]),
    "to": st.sampled_from(DAYS[1:]),
    "zone": st.sampled_from(("UTC", "America/Halifax")),
    "limit": st.integers(1, 5),
    "statement": st.just("statements/s0"),
    "observer": st.just("network"),
    "hours": st.sampled_from((0, 24)),
    "year": st.just(2020),
    "form": st.sampled_from(CHOICES["form"]),
    "by": st.sampled_from(CHOICES["by"]),
    "and_by": st.sampled_from(CHOICES["by"]),
    "kind": st.just("missing_here"),
    "code": st.sampled_from(("no_authority", "unconnected", "copied_reason")),
    "severity": st.just("medium"),
    "pack": st.just("base"),
}


def questions(number: int) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters of one question, those that it needs among them."""
    inquiry = inquiry_of(number)
    needed = {name: _PARAMETERS[name] for name, need in inquiry.parameters.items() if need}
    others = {
        name: _PARAMETERS[name]
        for name, need in inquiry.parameters.items()
        if not need and name in _PARAMETERS
    }
    return st.fixed_dictionaries(needed, optional=others)


asked: st.SearchStrategy[tuple[int, dict[str, Any]]] = st.integers(FINDINGS, 27).flatmap(
    lambda number: st.tuples(st.just(number), questions(number))
)
