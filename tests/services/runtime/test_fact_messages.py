"""Do the registers' facts cross the wire whole?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.lives import LIVES
from ledger.errors import Malformed
from ledger.events import Fact, TechnologyAliased
from ledger.events.facts import members_of
from services.pb.candour.v1 import record_pb2 as pb
from services.runtime.fact_messages import read_fact, write_fact
from tests.wire_facts import wire_facts

# An alias changes no state, so it has no place in a life.
_RECORDED = (*LIVES, TechnologyAliased)
_ONEOF = pb.RecordedFact.DESCRIPTOR.oneofs_by_name["fact"]
_MESSAGES = {
    field.message_type.name: field.message_type
    for field in _ONEOF.fields
    if field.message_type is not None
}
_WHICH = {
    field.message_type.name: field.name for field in _ONEOF.fields if field.message_type is not None
}


def test_every_fact_of_the_registers_has_its_message() -> None:
    """No fact that a thing's life knows is without a message, nor a message without a fact."""
    assert {fact.__name__ for fact in _RECORDED} == set(_MESSAGES)


@pytest.mark.parametrize("fact", _RECORDED)
def test_message_has_the_members_of_its_fact(fact: type[Fact]) -> None:
    """By name and number of members, a message is its fact."""
    message = _MESSAGES[fact.__name__]
    assert [m.key for m in members_of(fact)] == [field.name for field in message.fields]


@given(wire_facts)
def test_fact_crosses_the_wire_whole(fact: Fact) -> None:
    """Written and read again, every fact is what it was."""
    assert fact == read_fact(pb.RecordedFact.FromString(write_fact(fact).SerializeToString()))


@given(st.sampled_from(sorted(_MESSAGES)))
def test_empty_message_is_refused_by_its_first_missing_member(name: str) -> None:
    """Nothing is made up where a member must stand."""
    which = _WHICH[name]
    message = pb.RecordedFact()
    getattr(message, which).SetInParent()
    with pytest.raises(Malformed) as refused:
        read_fact(message)
    assert refused.value.field.startswith(which)


def test_no_fact_is_refused() -> None:
    """A request that holds none says which member is missing."""
    with pytest.raises(Malformed) as refused:
        read_fact(pb.RecordedFact())
    assert "fact" == refused.value.field
