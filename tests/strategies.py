"""What might a ledger be told and asked? Strategies that all tests share.

Wide values, where codecs break:      json_values, texts, facts, entries, commands
A small world, where things meet:     reports, operations, filters

In the small world two reports are often of one use, by one performer, at one moment, and a
filter often speaks of what a report says; a test of a database needs that more than variety.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, get_type_hints

from hypothesis import settings
from hypothesis import strategies as st

from ledger.canonical_json import MAX_INTEGER
from ledger.commands import Masked, Performer, ReportToolUse
from ledger.entry import Entry
from ledger.events import (
    FACTS,
    Amendment,
    AuthorizationGranted,
    AuthorizationRenewed,
    AuthorizationRevoked,
    AuthorizationVaried,
    Count,
    DataFlow,
    DataFlowReported,
    Fact,
    Interval,
    Occurred,
    OutcomeReported,
    Record,
    ToolUseReported,
)
from ledger.events.facts import members_of
from ledger.events.tool_use import (
    ACQUISITIONS,
    CAPTURES,
    CREDENTIAL_STRENGTHS,
    OUTCOMES,
    TRIGGERS,
)
from ledger.filters import Compare, Value, parse
from ledger.filters import format as format_filter
from ledger.filters.schema import Order
from ledger.projections.questions import TEXT_FIELDS
from ledger.rules.verdicts import CODES as VERDICT_CODES
from ledger.times import MAX_US, MIN_US, full_text_of_us, text_of_us
from tests.filters.strategies import trees


def effort(share: float) -> settings:
    """As many examples as this share of the profile's, for laws that start databases over."""
    profile = settings.default
    assert profile is not None
    return settings(max_examples=max(1, int(profile.max_examples * share)))


# --- wide values ------------------------------------------------------------------
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
stored_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30
)
integers = st.integers(-MAX_INTEGER, MAX_INTEGER)
_scalars = st.none() | st.booleans() | integers | texts
json_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
json_objects = st.dictionaries(texts, json_values, max_size=4)

moments = st.integers(MIN_US, MAX_US) | st.sampled_from(
    (MIN_US, MIN_US + 1, -1, 0, 1, 999_999, 1_000_000, MAX_US - 1, MAX_US)
)
dates = st.dates().map(str) | st.sampled_from(("0001-01-01", "9999-12-31"))


def spans(instants: st.SearchStrategy[int]) -> st.SearchStrategy[Occurred | None]:
    """Every kind of time a report may give: none, instants, open ends, bare dates."""

    def span(bounds: tuple[int, int], known: str, exclusive: bool) -> Occurred:
        earliest, latest = min(bounds), max(bounds)
        if known == "instant":
            return Occurred(earliest=text_of_us(earliest), latest=text_of_us(earliest))
        exclusive = exclusive and (latest > earliest if known == "both" else latest > MIN_US)
        return Occurred(
            earliest=text_of_us(earliest) if known in ("earliest", "both") else None,
            latest=text_of_us(latest) if known in ("latest", "both") else None,
            latest_exclusive=True if exclusive and known in ("latest", "both") else None,
        )

    known = st.sampled_from(("instant", "both", "earliest", "latest", "neither"))
    return st.none() | st.builds(span, st.tuples(instants, instants), known, st.booleans())


occurred = spans(moments) | dates.map(lambda date: Occurred(date=date))
counts = st.integers(0, MAX_INTEGER).map(lambda n: Count(exactly=n)) | st.integers(
    0, MAX_INTEGER
).map(lambda n: Count(at_least=n))
_ends = st.none() | moments.map(text_of_us)
intervals = st.builds(Interval, earliest=_ends, latest=_ends)


def _of(hint: Any) -> st.SearchStrategy[Any]:
    options = [item for item in getattr(hint, "__args__", ()) if item is not type(None)]
    if getattr(hint, "__origin__", None) is tuple:
        return st.lists(_of(options[0]), max_size=3).map(tuple)
    if options:
        return st.none() | _of(options[0])
    known = {str: texts, int: integers, bool: st.booleans(), Occurred: occurred, Count: counts}
    return known[hint] if hint in known else records(hint)


def records(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Any record of a class: every member of its type, or absent where it may be."""
    hints = get_type_hints(cls)
    return st.builds(cls, **{member.name: _of(hints[member.name]) for member in members_of(cls)})


facts: st.SearchStrategy[Fact] = st.sampled_from(sorted(FACTS)).flatmap(
    lambda topic: records(FACTS[topic])
)
facts_and_values: st.SearchStrategy[Record] = facts | st.sampled_from(
    (Count, DataFlow, Interval, Occurred)
).flatmap(records)
uuids = st.uuids(version=4).map(str)
streams = uuids.map(lambda uuid: f"tool_use/{uuid}")
commitments = st.just("mS/vNCWCMmLfoeWeL6pC2g+LoWM8zbtpC4HePrc/wbI=")
entries: st.SearchStrategy[Entry] = facts.flatmap(
    lambda fact: st.builds(
        Entry,
        topic=st.just(fact.TOPIC),
        stream=streams,
        version=st.integers(1, MAX_INTEGER),
        event=st.just(fact.to_object()),
        protected=st.dictionaries(texts, commitments, max_size=3),
        origin=texts,
        recorded_at=moments.map(full_text_of_us),
        reporter=texts,
        capture=st.sampled_from(CAPTURES),
        source=st.none() | texts,
    )
)

# --- commands with every field ----------------------------------------------------
_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,20}", fullmatch=True)


def names(collection: str) -> st.SearchStrategy[str]:
    """Resource names of a collection."""
    return _ids.map(lambda own: f"{collection}/{own}")


_masked = st.builds(Masked, st.sampled_from(("***", "REDACTED", "■■")))
_texts_or_masks = texts.map(lambda text: text.replace("\0", "")) | _masked.map(Masked.to_json)
_parts = st.none() | stored_texts
performers = st.builds(Performer, user_id=_parts, name=_parts, badge=_parts).filter(
    lambda performer: performer.key != ""
)
_rows = st.lists(st.tuples(texts, texts), min_size=1, max_size=5).map(
    lambda cells: {"columns": [name for name, _ in cells], "row": [cell for _, cell in cells]}
)
_source_records = _rows | st.dictionaries(texts, json_values, min_size=1, max_size=3)
_codes = st.none() | stored_texts
_some_counts = st.none() | counts


def _choice(words: tuple[str, ...]) -> st.SearchStrategy[str | None]:
    return st.none() | st.sampled_from(words)


uses: st.SearchStrategy[ToolUseReported] = st.builds(
    ToolUseReported,
    agency=st.just("agencies/a"),
    authorizations=st.lists(names("authorizations"), max_size=3, unique=True).map(tuple),
    technology=st.none() | names("technologies"),
    occurred=occurred,
    technology_version=_codes,
    capability=_codes,
    acquisition=_choice(ACQUISITIONS),
    trigger=_choice(TRIGGERS),
    credential_strength=_choice(CREDENTIAL_STRENGTHS),
    unit=_codes,
    performer_role=_codes,
    performers=_some_counts,
    urgency_used=st.none() | st.booleans(),
    purpose=_codes,
    offence_class=_codes,
    object_category=_codes,
    objects=_some_counts,
    reference_database=_codes,
    window_requested=st.none() | intervals,
    window_returned=st.none() | intervals,
    networks_searched=_some_counts,
    devices_searched=_some_counts,
    data_flows=st.none()
    | st.lists(
        st.builds(DataFlow, category=_codes, recipient=_codes, processing_country=_codes),
        min_size=1,
        max_size=2,
    ).map(tuple),
    outcome=_choice(OUTCOMES),
    moderation=_codes,
    source_sequence=st.none() | integers,
    import_=st.none() | names("imports"),
)
commands: st.SearchStrategy[ReportToolUse] = st.builds(
    ReportToolUse,
    use=uses,
    source=names("sources"),
    capture=st.sampled_from(CAPTURES),
    source_event_id=stored_texts,
    performer=st.none() | _masked | performers,
    protected=st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(
                ("supervisor", "case_number", "subject", "reason", "claimed_basis"),
                _texts_or_masks,
            ),
            "object": _texts_or_masks | json_objects,
            "verifiers": st.lists(stored_texts, min_size=1, max_size=2),
            "source_record": _source_records,
        },
    ),
)

# --- the small world --------------------------------------------------------------
AGENCIES: Final = ("agencies/a", "agencies/b")
TECHNOLOGIES: Final = ("technologies/t", "technologies/u", "technologies/v", "technologies/w")
AUTHORIZATIONS: Final = ("authorizations/k", "authorizations/l", "authorizations/m")
SOURCES: Final = ("sources/s", "sources/r")
PERFORMERS: Final = ("ann", "Bjørn", "陈")
CASES: Final = ("24-1", "24-2")
CODES: Final = ("x", "y")
COUNTRIES: Final = ("CA", "US")
REASONS: Final = ("Homicide", " homicide ", "other")
FILES: Final = 3  # that may be imported
DAY: Final = 1_582_243_200_000_000  # 2020-02-21T00:00:00Z
INSTANTS: Final = tuple(DAY + offset for offset in (-1, 0, 1, 40_000_000_000, 90_000_000_000))

_instants = st.sampled_from(INSTANTS)
_small_spans = st.one_of(
    _instants.map(lambda us: Occurred(earliest=text_of_us(us), latest=text_of_us(us))),
    spans(_instants),
    st.sampled_from(("2020-02-21", "0001-01-01", "9999-12-31")).map(
        lambda date: Occurred(date=date)
    ),
)
_small_flows = st.lists(
    st.builds(
        DataFlow,
        processing_country=st.none() | st.sampled_from(COUNTRIES),
        access_country=st.none() | st.sampled_from(COUNTRIES),
        permission=st.none() | st.just("statute"),
    ),
    min_size=1,
    max_size=2,
).map(tuple)
_small_codes = st.none() | st.sampled_from(CODES)
_small_uses = st.builds(
    ToolUseReported,
    agency=st.sampled_from(AGENCIES),
    authorizations=st.lists(st.sampled_from(AUTHORIZATIONS), max_size=2, unique=True).map(tuple),
    technology=st.none() | st.sampled_from(TECHNOLOGIES),
    occurred=_small_spans,
    unit=_small_codes,
    purpose=_small_codes,
    outcome=st.none() | st.sampled_from(("none", "lead")),
    credential_strength=_choice(CREDENTIAL_STRENGTHS[:2]),
    performer_role=_small_codes,
    urgency_used=st.none() | st.booleans(),
    object_category=_small_codes,
    reference_database=_small_codes,
    technology_version=_small_codes,
    source_sequence=st.none() | st.sampled_from((0, 3)),
    window_requested=st.none()
    | st.builds(Interval, earliest=st.none() | _instants.map(text_of_us)),
    data_flows=st.none() | _small_flows,
)
reports: st.SearchStrategy[ReportToolUse] = st.builds(
    ReportToolUse,
    use=_small_uses,
    source=st.sampled_from(SOURCES),
    capture=st.sampled_from(CAPTURES),
    source_event_id=st.sampled_from([str(n) for n in range(12)]),
    performer=st.none()
    | st.just(Masked("***"))
    | st.sampled_from([Performer(user_id=key) for key in PERFORMERS]),
    protected=st.fixed_dictionaries(
        {},
        optional={
            "case_number": st.sampled_from([*CASES, "", Masked("***").to_json()]),
            "reason": st.sampled_from([*REASONS, "", " ", Masked("***").to_json()]),
        },
    ),
)


def in_import(command: ReportToolUse, name: str) -> ReportToolUse:
    """The same row, come in with a file."""
    return replace(command, use=replace(command.use, import_=name), capture="backfill")


@dataclass(frozen=True, slots=True)
class Report:
    """Several uses in one batch; with `file`, as rows of its import, if it was declared."""

    batch: tuple[ReportToolUse, ...]
    file: int | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """`use` counts the uses there are, and goes round."""

    use: int


@dataclass(frozen=True, slots=True)
class Link:
    use: int
    authorization: str


@dataclass(frozen=True, slots=True)
class SameAs:
    use: int
    other: int


@dataclass(frozen=True, slots=True)
class Alias:
    technology: str
    alias: str


@dataclass(frozen=True, slots=True)
class Declare:
    file: int


@dataclass(frozen=True, slots=True)
class WithdrawImport:
    file: int


@dataclass(frozen=True, slots=True)
class Amend:
    """A use is put right; `performer` and `texts` are protected fields given anew."""

    use: int
    to: Amendment
    unset: tuple[str, ...] = ()
    performer: str | None = None
    texts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tell:
    """What came of a use, or where its data went."""

    use: int
    fact: OutcomeReported | DataFlowReported


@dataclass(frozen=True, slots=True)
class RecordFact:
    """The registers are told something; `officer` is shown as `granting_officer`."""

    fact: Fact
    officer: str | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """An entry of a later release, in the stream of a use or in one of its own."""

    use: int | None


Operation: TypeAlias = (
    Report
    | Withdraw
    | Link
    | SameAs
    | Alias
    | Declare
    | WithdrawImport
    | Amend
    | Tell
    | RecordFact
    | Foreign
)
_several = st.integers(0, 11)
_files = st.integers(0, FILES - 1)
_technologies = st.sampled_from(TECHNOLOGIES)
_reports = st.builds(
    Report, st.lists(reports, min_size=1, max_size=4).map(tuple), st.none() | _files
)
_links = st.builds(Link, _several, st.sampled_from(AUTHORIZATIONS))
_aliases = st.builds(Alias, _technologies, _technologies)
_imports = st.builds(Declare, _files) | st.builds(WithdrawImport, _files)
_rare = (
    st.builds(Withdraw, _several)
    | st.builds(SameAs, _several, _several)
    | st.builds(Foreign, st.none() | _several)
)
_amendments = st.builds(
    Amend,
    _several,
    st.builds(
        Amendment,
        technology=st.none() | _technologies,
        occurred=st.none() | _small_spans,
        unit=_small_codes,
        urgency_used=st.none() | st.booleans(),
        object_category=_small_codes,
        window_requested=st.none() | st.just(Interval()),
    ),
    st.lists(
        st.sampled_from(("technology", "occurred", "unit", "window_requested", "purpose")),
        max_size=2,
        unique=True,
    ).map(tuple),
    st.none() | st.sampled_from(PERFORMERS),
    st.dictionaries(
        st.sampled_from(("reason", "case_number")), st.sampled_from([*REASONS, *CASES, ""])
    ).map(lambda texts: tuple(sorted(texts.items()))),
)
_told = st.builds(
    Tell,
    _several,
    st.builds(
        OutcomeReported,
        outcome=st.sampled_from(("none", "lead")),
        human_verified=st.none() | st.booleans(),
    )
    | st.builds(DataFlowReported, data_flows=_small_flows),
)
_authorizations = st.sampled_from(AUTHORIZATIONS)
_validity = st.builds(
    lambda first, last: Interval(
        earliest=None if first is None else text_of_us(first),
        latest=None if last is None else text_of_us(max(last, first or last)),
    ),
    st.none() | st.sampled_from(INSTANTS[:3]),
    st.none() | st.sampled_from(INSTANTS[2:]),
)
_granted_at = st.none() | _instants.map(text_of_us)
_scope = {
    "technologies": st.lists(_technologies, max_size=2, unique=True).map(tuple),
    "units": st.lists(st.sampled_from(CODES), max_size=1).map(tuple),
}
_granted = st.builds(
    AuthorizationGranted,
    authorization=_authorizations,
    agency=st.sampled_from(AGENCIES),
    kind=st.sampled_from(("warrant", "policy")),
    valid=_validity,
    granted_at=_granted_at,
    self_authorisation=st.sampled_from((None, None, True)),
    **_scope,
)
_authority_told = st.builds(
    RecordFact,
    st.one_of(
        _granted,
        _granted,
        st.builds(
            AuthorizationRenewed,
            authorization=_authorizations,
            valid=_validity,
            granted_at=_granted_at,
        ),
        st.builds(
            AuthorizationVaried, authorization=_authorizations, effective=_small_spans, **_scope
        ),
        st.builds(AuthorizationRevoked, authorization=_authorizations, effective=_small_spans),
    ),
    st.none() | st.sampled_from(PERFORMERS),
)
operations: st.SearchStrategy[list[Operation]] = st.lists(
    st.one_of(
        *(_reports, _links, _reports, _aliases, _imports, _rare, _amendments, _told),
        _authority_told,
    ),
    min_size=2,
    max_size=16,
).map(lambda steps: [Declare(0), *steps])

# --- filters over what can be asked -------------------------------------------------
_SAID: Final[dict[str, tuple[str, ...]]] = {
    "agency": AGENCIES,
    "technology": TECHNOLOGIES,
    "authorization": AUTHORIZATIONS,
    "source": SOURCES,
    "case_number": CASES,
    "unit": CODES,
    "purpose": CODES,
    "outcome": ("none", "lead"),
    "capture": CAPTURES,
    "credential": CREDENTIAL_STRENGTHS[:2],
    **dict.fromkeys(("role", "category", "database", "version"), CODES),
    "reason": ("homicide", "OTHER"),
    "reason_state": ("absent", "blank", "masked", "withheld", "stated"),
    "urgency": ("used", "not_used"),
    "verified": ("yes", "no"),
    "authority": VERDICT_CODES,
    "flow_country": COUNTRIES,
    "unpermitted_country": COUNTRIES,
}
_ORDERS: Final[tuple[Order, ...]] = ("=", "!=", "<", "<=", ">", ">=")


def single_tests(**more: tuple[str, ...]) -> list[str]:
    """Every filter of one test over the small world.

    Args:
        more: Texts to ask for that only a ledger itself knows: performer, name, import.
    """
    said = {**_SAID, **more}
    found = []
    for name in sorted({*TEXT_FIELDS, *_SAID, "name"}):
        asked = [Value(text) for text in (*said.get(name, ()), "elsewhere")]
        for op in ("=", "!="):
            found += [Compare(name, op, value) for value in (*asked, Value("none", quoted=False))]
        found.append(Compare(name, ":", Value("*", quoted=False)))
    for op in _ORDERS:
        found += [Compare("occurred", op, Value(text_of_us(us))) for us in INSTANTS]
        for field in ("leaf_index", "sequence", "amendments", "conflicts"):
            found += [Compare(field, op, Value(str(number))) for number in (0, 3, 9)]
        for field in ("delay", "ahead", "reach"):
            found += [Compare(field, op, Value(str(number))) for number in (-1, 0, 40_000)]
        found += [Compare("recorded", op, Value(text_of_us(us))) for us in INSTANTS]
        if op not in ("=", "!="):
            days = ("2020-02-20", "2020-02-21", "0001-01-01", "9999-12-31")
            found += [Compare("occurred", op, Value(day)) for day in days]
    return [format_filter(compare) for compare in found]


def filters(tests: list[str]) -> st.SearchStrategy[str]:
    """Valid filters made of some tests, often the same few again; the empty one too."""
    return st.just("") | trees(st.sampled_from(tests).map(parse)).map(format_filter)
