"""A small world for rules: a few technologies and agencies, and moments that often meet.

    lines (name, fact, shown) ──told──► World: entries in leaf order, folded

A world may be known only in part; `resolved` draws one way in which it may have been.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from hypothesis import strategies as st

from ledger.entry import Entry
from ledger.events import (
    AgencyRegistered,
    Fact,
    Interval,
    Occurred,
    PerformerApprovalEnded,
    PerformerApproved,
    TechnologyAliased,
    TechnologyApproved,
    TechnologyAssessed,
    TechnologyRegistered,
    TechnologyResumed,
    TechnologyRetired,
    TechnologySuspended,
    ToolUseReported,
    TrialEnded,
    TrialStarted,
    VendorIncidentReported,
)
from ledger.events.values import DataFlow
from ledger.projections.answers import Fold
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST, UseRow
from ledger.rules.judging import Authorities
from ledger.rules.moments import effective, of_use
from ledger.streams import stream_of_name
from ledger.times import full_text_of_us, text_of_us

HOUR: Final = 3_600_000_000
START: Final = 1_582_243_200_000_000  # 2020-02-21T00:00:00Z
MOMENTS: Final = tuple(START + hour * HOUR for hour in range(8))
BEFORE, AFTER = START - 100 * HOUR, START + 100 * HOUR  # stand for open ends
AGENCIES: Final = ("agencies/a", "agencies/b")
TECHNOLOGIES: Final = ("technologies/t", "technologies/u")
UNKNOWN: Final = "technologies/x"
PERFORMERS: Final = ("p-1", "p-2")
UNITS: Final = ("fraud", "homicide")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is told: of which resource name, what, and what is shown of it."""

    name: str
    fact: Fact
    shown: dict[str, Any] = field(default_factory=dict)
    recorded_us: int | None = None


@dataclass(slots=True)
class World:
    """Entries, and what they fold to."""

    lines: list[Line]
    fold: Fold = field(default_factory=Fold)
    authorities: Authorities = field(default_factory=Authorities)

    def uses(self) -> list[UseRow]:
        return [use for use in self.fold.uses.values() if self.fold.counted(use)]

    def use(self, own: str = "u") -> UseRow:
        return self.fold.uses[f"tool_use/{own}"]

    def tell(self, lines: Iterable[Line]) -> World:
        """Add some; each is recorded an hour after the one before, unless it says when."""
        for line in lines:
            self._add(len(self.lines), line)
            self.lines.append(line)
        return self

    def _add(self, leaf_index: int, line: Line) -> None:
        entry = entry_of(line, leaf_index)
        self.fold.add(leaf_index, entry, line.shown)
        self.authorities.add(leaf_index, entry, line.fact, line.shown)


def told(lines: Sequence[Line]) -> World:
    return World([]).tell(lines)


def recorded_us(line: Line, leaf_index: int) -> int:
    """When it was recorded."""
    return START + leaf_index * HOUR if line.recorded_us is None else line.recorded_us


def entry_of(line: Line, leaf_index: int) -> Entry:
    return Entry(
        topic=line.fact.TOPIC,
        stream=stream_of_name(line.name),
        version=1,
        event=line.fact.to_object(),
        protected=dict.fromkeys(line.shown, ""),
        origin="tests.invalid/rules",
        recorded_at=full_text_of_us(recorded_us(line, leaf_index)),
        reporter="tests",
        capture="live",
    )


def at(us: int) -> Occurred:
    """A moment that is known."""
    return Occurred(earliest=text_of_us(us), latest=text_of_us(us))


def span(first: int | None, last: int | None) -> Occurred:
    return Occurred(
        earliest=None if first is None else text_of_us(first),
        latest=None if last is None else text_of_us(last),
    )


def valid(first: int | None, last: int | None) -> Interval:
    return Interval(
        earliest=None if first is None else text_of_us(first),
        latest=None if last is None else text_of_us(last),
    )


def use(own: str = "u", **members: Any) -> Line:
    """A report. `shown`, `recorded_us` are of the line; the rest of the fact."""
    shown, recorded = members.pop("shown", {}), members.pop("recorded_us", None)
    members.setdefault("agency", AGENCIES[0])
    return Line(f"toolUses/{own}", ToolUseReported(**members), shown, recorded)


# --- strategies -------------------------------------------------------------------
moments = st.sampled_from(MOMENTS)
_pairs = st.tuples(moments, moments).map(lambda pair: (min(pair), max(pair)))
occurred: st.SearchStrategy[Occurred | None] = st.one_of(
    st.none(),
    moments.map(at),
    _pairs.map(lambda pair: span(*pair)),
    moments.map(lambda us: span(us, None)),
    moments.map(lambda us: span(None, us)),
)
intervals = st.one_of(
    _pairs.map(lambda pair: valid(*pair)),
    moments.map(lambda us: valid(us, None)),
    moments.map(lambda us: valid(None, us)),
    st.just(valid(None, None)),
)
_agencies = st.sampled_from(AGENCIES)
_any_agency = st.none() | _agencies
_technologies = st.sampled_from(TECHNOLOGIES)
_until = st.none() | moments.map(text_of_us)
_some_units = st.just(()) | st.sampled_from(UNITS).map(lambda unit: (unit,))


def _about_technology(name: str) -> dict[str, st.SearchStrategy[Fact]]:
    """Facts of a technology, by what they are about."""
    one, own = st.just(name), {"technology": st.just(name), "effective": occurred}
    suspended = st.builds(TechnologySuspended, **own, agency=_any_agency)
    resumed = st.builds(TechnologyResumed, **own, agency=_any_agency)
    approved = st.builds(
        TechnologyApproved,
        **own,
        approved_by=st.just("board"),
        agency=_any_agency,
        until=_until,
        units=_some_units,
        retention_days=st.sampled_from((None, 1)),
    )
    trial = st.builds(
        TrialStarted,
        **own,
        agency=_agencies,
        approved_by=st.sampled_from((None, "board")),
        until=_until,
    )
    return {
        "suspension": suspended | resumed,
        "retirement": st.builds(TechnologyRetired, **own, agency=_any_agency),
        "approval": approved,
        "assessment": st.builds(
            TechnologyAssessed,
            **own,
            kind=st.just("privacy_impact"),
            agency=_any_agency,
            outcome=st.sampled_from((None, "accepted", "rejected")),
        ),
        "trial": trial | st.builds(TrialEnded, **own, agency=_agencies),
        "alias": st.builds(TechnologyAliased, technology=one, alias=_technologies),
    }


def _technology_lines(topic: str) -> st.SearchStrategy[Line]:
    return _technologies.flatmap(
        lambda name: _about_technology(name)[topic].map(lambda fact: Line(name, fact))
    )


_shown_performer = st.sampled_from(({}, *({"performer": who} for who in PERFORMERS)))
_approvals = st.builds(
    lambda number, fact, shown: Line(
        f"approvals/{number}", replace(fact, approval=f"approvals/{number}"), shown
    ),
    st.integers(0, 10**6),
    st.builds(
        PerformerApproved,
        approval=st.just(""),
        agency=_agencies,
        valid=intervals,
        technology=st.none() | _technologies,
    ),
    _shown_performer,
)
_incidents = st.builds(
    lambda number, fact: Line(f"incidents/{number}", replace(fact, incident=f"incidents/{number}")),
    st.integers(0, 10**6),
    st.builds(
        VendorIncidentReported,
        incident=st.just(""),
        vendor=st.just("V"),
        kind=st.just("breach"),
        technologies=st.just(()) | _technologies.map(lambda name: (name,)),
        occurred=occurred,
        became_aware=occurred,
    ),
)
_flows = st.lists(
    st.builds(
        DataFlow,
        processing_country=st.sampled_from((None, "CA", "US")),
        permission=st.sampled_from((None, "consent")),
    ),
    max_size=2,
).map(tuple)
use_members = st.fixed_dictionaries(
    {
        "agency": _agencies,
        "technology": st.sampled_from((None, UNKNOWN, *TECHNOLOGIES)),
        "occurred": occurred,
        "unit": st.sampled_from((None, *UNITS)),
        "acquisition": st.sampled_from((None, "free_trial", "procured")),
        "window_requested": st.none() | intervals,
        "data_flows": _flows,
        "shown": _shown_performer,
    }
)


TOPICS: Final = ("suspension", "retirement", "approval", "assessment", "trial", "alias")
LISTS: Final = {"performers": _approvals, "incidents": _incidents}
ALL: Final = (*TOPICS, *LISTS)


@st.composite
def registers(draw: st.DrawFn, about: Sequence[str] = ALL) -> list[Line]:
    """Lines of registers: agencies and technologies first, then what became of them."""
    lines = [
        Line(name, AgencyRegistered(agency=name, name=name, country=draw(_countries)))
        for name in AGENCIES
    ]
    lines += [
        Line(name, TechnologyRegistered(technology=name, name=name, vendor="V"))
        for name in TECHNOLOGIES[: draw(st.integers(1, 2))]
    ]
    kinds = [LISTS[topic] if topic in LISTS else _technology_lines(topic) for topic in about]
    drawn = draw(st.lists(st.one_of(kinds), min_size=1, max_size=5))
    names: set[str] = set()
    for line in drawn:
        begins = isinstance(line.fact, PerformerApproved | VendorIncidentReported)
        if begins and line.name in names:
            continue
        names.add(line.name)
        lines.append(line)
        if isinstance(line.fact, PerformerApproved) and draw(st.booleans()):
            ended = PerformerApprovalEnded(approval=line.name, effective=draw(occurred))
            lines.append(Line(line.name, ended))
    return lines


_countries = st.sampled_from((None, "CA", "US"))


# --- one way in which it may have been -----------------------------------------------
def _within(draw: st.DrawFn, bounds: tuple[int, int]) -> int:
    first = max(bounds[0], BEFORE) if bounds[0] > OPEN_EARLIEST else BEFORE
    last = bounds[1] if bounds[1] < OPEN_LATEST else max(AFTER, first)
    inside = [us for us in (*MOMENTS, *(m + 1 for m in MOMENTS)) if first <= us <= last]
    return draw(st.sampled_from(sorted({first, last, *inside})))


@st.composite
def resolved(draw: st.DrawFn, lines: Sequence[Line]) -> list[Line]:
    """The same lines with all of their spans and gaps drawn."""
    return [_resolved_line(draw, line, index) for index, line in enumerate(lines)]


def _resolved_line(draw: st.DrawFn, line: Line, leaf_index: int) -> Line:
    fact, recorded = line.fact, recorded_us(line, leaf_index)
    kept = replace(line, recorded_us=recorded)
    changed: dict[str, Any] = {}
    if hasattr(fact, "effective"):
        changed["effective"] = at(_within(draw, effective(fact.effective, recorded)))
    if isinstance(fact, TechnologyAssessed) and fact.outcome is None:
        changed["outcome"] = draw(st.sampled_from(("accepted", "rejected")))
    if isinstance(fact, AgencyRegistered) and fact.country is None:
        changed["country"] = draw(st.sampled_from(("CA", "US")))
    if isinstance(fact, VendorIncidentReported):
        first, last = effective(fact.occurred, recorded)
        if fact.became_aware is not None:
            last = max(first, min(last, effective(fact.became_aware, recorded)[1]))
        changed |= {"occurred": at(_within(draw, (first, last))), "became_aware": None}
    if isinstance(fact, PerformerApproved) and "performer" not in line.shown:
        kept = replace(kept, shown={"performer": draw(st.sampled_from((*PERFORMERS, "p-3")))})
    return replace(kept, fact=replace(fact, **changed))  # type: ignore[type-var]  # every Fact is one


@st.composite
def resolved_use(draw: st.DrawFn, row: UseRow) -> UseRow:
    """The same use with its time, technology, performer, unit, window and countries drawn."""
    us = _within(draw, of_use(row))
    technologies = (UNKNOWN, *TECHNOLOGIES)
    window = row.window_from_us
    return replace(
        row,
        earliest_us=us,
        latest_us=us,
        technology=row.technology or draw(st.sampled_from(technologies)),
        performer=row.performer or draw(st.sampled_from((*PERFORMERS, "p-3"))),
        unit=row.unit or draw(st.sampled_from((*UNITS, "traffic"))),
        window_from_us=draw(st.sampled_from((BEFORE, us))) if window is None else window,
        flows=tuple(
            flow
            if flow.processing_country
            else replace(flow, processing_country=draw(st.sampled_from(("CA", "US", "FR"))))
            for flow in row.flows
        ),
    )
