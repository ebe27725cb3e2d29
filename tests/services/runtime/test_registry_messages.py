"""Do register entries cross the wire whole, within their bounds?"""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.events import (
    AgencyRegistered,
    AuthorizationGranted,
    Interval,
    SourceRegistered,
    TechnologyRegistered,
)
from ledger.events.register import AUTHORIZATION_KINDS
from ledger.limits import MAX_NAME_CHARS, MAX_SCOPE_ITEMS
from ledger.times import text_of_us
from services.pb.candour.v1 import common_pb2
from services.pb.candour.v1 import registry_pb2 as pb
from services.runtime.registry_messages import (
    agency_message,
    authorization_message,
    read_agency,
    read_authorization,
    read_source,
    read_technology,
    source_message,
    technology_message,
)
from tests.strategies import moments, names, stored_texts

_maybe = st.none() | stored_texts
_lists = st.lists(stored_texts, max_size=3).map(tuple)
_valid = st.tuples(moments, moments).map(
    lambda ends: Interval(earliest=text_of_us(min(ends)), latest=text_of_us(max(ends)))
) | st.sampled_from([Interval(), Interval(earliest="2020-01-01T00:00:00Z")])


@given(
    st.builds(
        AgencyRegistered,
        agency=names("agencies"),
        name=stored_texts,
        country=st.none() | st.from_regex("[A-Z]{2}", fullmatch=True),
    )
)
def test_agencies_cross_the_wire(fact: AgencyRegistered) -> None:
    """A fact's message gives the fact back."""
    assert fact == read_agency(agency_message(fact))


@given(
    st.builds(
        TechnologyRegistered,
        technology=names("technologies"),
        name=stored_texts,
        vendor=_maybe,
        category=_maybe,
    )
)
def test_technologies_cross_the_wire(fact: TechnologyRegistered) -> None:
    """A fact's message gives the fact back."""
    assert fact == read_technology(technology_message(fact))


@given(
    st.builds(
        SourceRegistered,
        source=names("sources"),
        name=stored_texts,
        agency=st.none() | names("agencies"),
        technology=st.none() | names("technologies"),
    )
)
def test_sources_cross_the_wire(fact: SourceRegistered) -> None:
    """A fact's message gives the fact back."""
    assert fact == read_source(source_message(fact))


@given(
    st.builds(
        AuthorizationGranted,
        authorization=names("authorizations"),
        agency=names("agencies"),
        kind=st.sampled_from(AUTHORIZATION_KINDS),
        valid=_valid,
        identifier=_maybe,
        granted_at=st.none() | moments.map(text_of_us),
        granting_rank=_maybe,
        instrument=_maybe,
        instrument_version=_maybe,
        urgency_used=st.none() | st.booleans(),
        technologies=st.lists(names("technologies"), max_size=3).map(tuple),
        units=_lists,
        offence_classes=_lists,
    ),
    _maybe,
)
def test_authorizations_cross_the_wire(fact: AuthorizationGranted, officer: str | None) -> None:
    """The fact comes back, and the officer beside it, among what is protected."""
    protected = {} if officer is None else {"granting_officer": officer}

    assert (fact, protected) == read_authorization(
        authorization_message(fact, granting_officer=officer)
    )


def _authorization(**members: Any) -> pb.Authorization:
    said: dict[str, Any] = {
        "name": "authorizations/w",
        "agency": "agencies/a",
        "kind": pb.AUTHORIZATION_KIND_WARRANT,
        "valid": common_pb2.Interval(),
    }
    return pb.Authorization(**{**said, **members})


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("agency.name", pb.Agency(name="agency/a", display_name="A")),
        ("agency.name", pb.Agency(name="agencies/a b", display_name="A")),
        ("agency.display_name", pb.Agency(name="agencies/a")),
        ("agency.display_name", pb.Agency(name="agencies/a", display_name="A\0")),
        (
            "agency.display_name",
            pb.Agency(name="agencies/a", display_name="A" * (MAX_NAME_CHARS + 1)),
        ),
        ("agency.country", pb.Agency(name="agencies/a", display_name="A", country="us")),
        ("technology.name", pb.Technology(name="x", display_name="X")),
        ("technology.vendor", pb.Technology(name="technologies/x", display_name="X", vendor="\0")),
        ("source.agency", pb.Source(name="sources/x", display_name="X", agency="a")),
        ("source.technology", pb.Source(name="sources/x", display_name="X", technology="a")),
        ("authorization.kind", _authorization(kind=0)),
        ("authorization.kind", _authorization(kind=77)),
        (
            "authorization.valid",
            pb.Authorization(name="authorizations/w", kind=pb.AUTHORIZATION_KIND_ORDER),
        ),
        (
            "authorization.valid.latest",
            _authorization(
                valid=common_pb2.Interval(
                    earliest=Timestamp(seconds=1), latest=Timestamp(seconds=0)
                )
            ),
        ),
        ("authorization.granted_at", _authorization(granted_at=Timestamp(seconds=2**60))),
        ("authorization.technologies", _authorization(technologies=["t"])),
        ("authorization.units", _authorization(units=["u"] * (MAX_SCOPE_ITEMS + 1))),
        ("authorization.offence_classes", _authorization(offence_classes=[""])),
    ],
)
def test_out_of_bounds_is_refused_by_field(field: str, message: Any) -> None:
    """The field's path is the caller's: from the request down."""
    readers: dict[type, Any] = {
        pb.Agency: read_agency,
        pb.Technology: read_technology,
        pb.Source: read_source,
        pb.Authorization: read_authorization,
    }
    read = readers[type(message)]

    with pytest.raises(Malformed) as refused:
        read(message)
    assert field == refused.value.field
