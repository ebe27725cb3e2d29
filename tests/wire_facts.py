"""Facts of the registers as a careful caller would send them: every member well formed."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, Final, get_type_hints

from hypothesis import strategies as st

from ledger.domain.fact_checks import CHOICES
from ledger.domain.lives import LIVES
from ledger.events import Count, Fact, Interval, Occurred, TechnologyAliased
from ledger.events.facts import Record
from ledger.limits import MAX_COUNT
from ledger.streams import COLLECTIONS
from ledger.times import text_of_us
from tests.strategies import dates, moments

_NAMED: Final = {
    "agencies": "agencies",
    "technologies": "technologies",
    "pack": "rulePacks",
    "by_statement": "statements",
    "use": "toolUses",
}
_ids = st.text("abcxyz019-", min_size=1, max_size=8).filter(lambda text: text[0] != "-")
_words = st.text("abc xyzé", min_size=1, max_size=12)
_times = moments.map(text_of_us)
_ordered = st.tuples(moments, moments).map(sorted)
_intervals = _ordered.map(
    lambda ends: Interval(earliest=text_of_us(ends[0]), latest=text_of_us(ends[1]))
) | st.just(Interval())
_occurred = _ordered.map(
    lambda ends: Occurred(earliest=text_of_us(ends[0]), latest=text_of_us(ends[1]))
) | dates.map(lambda date: Occurred(date=date))
_counts = st.integers(0, MAX_COUNT).map(lambda n: Count(at_least=n))


def _text(name: str, topic: str) -> st.SearchStrategy[str]:
    collection = _NAMED.get(name) or COLLECTIONS.get(name)
    words = CHOICES.get((topic, name))
    if words is not None:
        return st.sampled_from(words)
    if collection is not None:
        return _ids.map(lambda own: f"{collection}/{own}")
    if name in ("at", "until", "granted_at"):
        return _times
    if name == "country":
        return st.text("ABCXYZ", min_size=2, max_size=2)
    if name.endswith("sha256"):
        return st.text("0123456789abcdef", min_size=64, max_size=64)
    if name in ("url", "source_url"):
        return _ids.map(lambda own: f"https://example.org/{own}")
    return _words


def _value(name: str, hint: Any, topic: str) -> st.SearchStrategy[Any]:
    options = [item for item in getattr(hint, "__args__", ()) if item is not type(None)]
    if getattr(hint, "__origin__", None) is tuple:
        return st.lists(_value(name, options[0], topic), max_size=3).map(tuple)
    if options:
        return _value(name, options[0], topic)
    known: dict[Any, st.SearchStrategy[Any]] = {
        str: _text(name, topic),
        int: st.integers(0, MAX_COUNT),
        bool: st.booleans(),
        Occurred: _occurred,
        Interval: _intervals,
        Count: _counts,
    }
    return known[hint] if hint in known else record(hint, topic)


def record(cls: type[Any], topic: str) -> st.SearchStrategy[Any]:
    """Any record whose every member may be recorded; what may be absent sometimes is."""
    hints = get_type_hints(cls)
    members = {}
    for member in fields(cls):
        value = _value(member.name.rstrip("_"), hints[member.name], topic)
        if member.default is not MISSING and member.default != ():
            # On the wire an empty list says nothing, as an absent one.
            value = st.none() | value.filter(lambda found: found != ())
        members[member.name] = value
    assert issubclass(cls, Record)
    return st.builds(cls, **members)


def facts_of(kinds: list[type[Fact]]) -> st.SearchStrategy[Fact]:
    return st.sampled_from(kinds).flatmap(lambda cls: record(cls, cls.TOPIC.rpartition(".v")[0]))


register_facts: st.SearchStrategy[Fact] = facts_of(list(LIVES))
wire_facts: st.SearchStrategy[Fact] = facts_of([*LIVES, TechnologyAliased])
