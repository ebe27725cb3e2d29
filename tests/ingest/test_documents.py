"""Is a document of a use read, or refused by field, whatever it holds? No service is needed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.ingest.documents import FIELDS, read_use, source_name
from ledger.ingest.loose_json import read_loosely
from ledger.limits import MAX_SOURCE_URI_CHARS
from ledger.reports import check_report
from ledger.streams import check_id
from tests.strategies import json_values

SECRET = "Jane Roe"  # stands for whatever must not come back in an error


def read(document: Any) -> Any:
    return read_use(document, source="sources/s", source_event_id="e", what="data")


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), json_values, max_size=6) | json_values)
def test_any_document_is_read_or_refused(document: Any) -> None:
    """A command that check_report judges, or our own error; nothing else."""
    with suppress(Malformed):
        check_report(read(document))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("data", "[]"),
        ("data", '{"agncy": "agencies/a"}'),
        ("data", '{"Jane Roe": 1}'),
        ("data", '{"agency": "agencies/a", "agency": "agencies/b"}'),
        ("data", '{"source_event_id": "e", "sourceEventId": "e"}'),
        ("source", '{"source": "sources/other"}'),
        ("source_event_id", '{"source_event_id": "Jane Roe"}'),
        ("agency", '{"agency": 1}'),
        ("agency", '{"agency": 1.5}'),
        ("capture", '{"capture": "Jane Roe"}'),
        ("capture", '{"capture": 3}'),
        ("capture", '{"capture": true}'),
        ("urgency_used", '{"urgency_used": "Jane Roe"}'),
        ("occurrence", '{"occurrence": -1}'),
        ("occurrence", '{"occurrence": 4294967296}'),
        ("source_sequence", '{"source_sequence": 9007199254740993}'),
        ("source_sequence", '{"source_sequence": "9007199254740993"}'),
        ("source_sequence", '{"source_sequence": "Jane Roe"}'),
        ("objects", '{"objects": {"exactly": 1.0}}'),
        ("objects", '{"objects": {"about": 1}}'),
        ("occurred", '{"occurred": "Jane Roe"}'),
        ("occurred.latest", '{"occurred": {"latest": "2026-02-30T00:00:00Z"}}'),
        ("occurred.latest_exclusive", '{"occurred": {"latestExclusive": "Jane Roe"}}'),
        ("window_requested.earliest", '{"window_requested": {"earliest": "Jane Roe"}}'),
        ("performer", '{"performer": "Jane Roe"}'),
        ("performer.masked", '{"performer": {"masked": "*", "name": "Jane Roe"}}'),
        ("reason", '{"reason": {}}'),
        ("reason", '{"reason": {"value": "Jane Roe", "masked": "*"}}'),
        ("reason", '{"reason": "\\ud800 Jane Roe"}'),
        ("object", '{"object": {}}'),
        ("object", '{"object": {"plate": ["Jane Roe", 1.5]}}'),
        ("object_json", '{"object_json": "Jane Roe"}'),
        ("object_json", '{"object_json": "[]"}'),
        ("object_json", '{"object_json": "{}", "object": "Jane Roe"}'),
        ("authorizations", '{"authorizations": "Jane Roe"}'),
        ("verifiers", '{"verifiers": [1]}'),
        ("data_flows", '{"data_flows": [{"to": "Jane Roe"}]}'),
        ("source_record.json", '{"source_record": {"json": "{}", "row": ["Jane Roe"]}}'),
        ("source_record.row", '{"source_record": {"row": "Jane Roe"}}'),
    ],
)
def test_what_is_wrong_is_named_by_field(field: str, text: str) -> None:
    """The error names the field and the rule, and quotes nothing of what was said."""
    with pytest.raises(Malformed) as caught:
        read(read_loosely(text.encode(), what="data"))

    assert field == caught.value.field
    assert SECRET not in str(caught.value)


def test_depth_of_what_is_kept_whole_is_bounded() -> None:
    """An object that discloses as deep JSON would break whoever reads it back."""
    nested: Any = "leaf"
    for _ in range(40):
        nested = [nested]

    with pytest.raises(Malformed, match="deep"):
        read({"object": {"plate": nested}})


# --- sources ----------------------------------------------------------------------
uris = (
    st.text(min_size=1, max_size=60)
    | st.sampled_from(
        ("https://a.example/b", "https://a.example/B", "https://a-example/b", "/a", "//a", "a")
    )
).filter(lambda text: not text.startswith("sources/"))


@given(uris, uris)
def test_no_two_sources_share_a_name(one: str, other: str) -> None:
    """Every name is a register's, and two systems never get one because they look alike."""
    found = [source_name(one), source_name(other)]

    assert found == [check_id(name, "sources", field="source") for name in found]
    assert (one == other) == (found[0] == found[1])


def test_a_source_in_the_form_of_a_name_keeps_it() -> None:
    """So one system has one name, whichever way it reports."""
    assert "sources/Face.Search" == source_name("sources/Face.Search")
    assert "sources/face-search" == source_name("face-search")
    assert "sources/face-search-" == source_name("/face-search")[:20]


@pytest.mark.parametrize("text", ["", "sources/", "sources/a/b", "x" * (MAX_SOURCE_URI_CHARS + 1)])
def test_what_names_no_source_is_refused(text: str) -> None:
    """Blank, too long, or a register name that is none."""
    with pytest.raises(Malformed, match=r"^source: "):
        source_name(text)
