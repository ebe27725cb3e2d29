"""Is every fact that may be recorded let through, and nothing beside it?"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.fact_checks import check_fact, check_protected
from ledger.errors import Malformed
from ledger.events import (
    Fact,
    Interval,
    Occurred,
    StatementMade,
    TechnologyApproved,
    VendorIncidentReported,
)
from ledger.events.statements import Scope
from ledger.limits import MAX_SCOPE_ITEMS, MAX_TEXT_BYTES
from tests.wire_facts import register_facts


@given(register_facts)
def test_well_formed_fact_is_let_through(fact: Fact) -> None:
    """What a careful caller sends may be recorded."""
    assert fact is check_fact(fact)


@given(register_facts, st.data())
def test_no_text_holds_what_a_database_refuses(fact: Fact, data: st.DataObject) -> None:
    """A NUL character in any text refuses the fact, by the member's name."""
    texts = [f.name for f in fields(fact) if isinstance(getattr(fact, f.name), str)]  # type: ignore[arg-type]
    name = data.draw(st.sampled_from(texts))
    changed: Any = replace(fact, **{name: getattr(fact, name) + "\0"})  # type: ignore[type-var]
    with pytest.raises(Malformed) as refused:
        check_fact(changed)
    assert name.rstrip("_") == refused.value.field


_STATEMENT = StatementMade(statement="statements/a", polarity="denies", scope=Scope())


@pytest.mark.parametrize(
    ("fact", "field"),
    [
        (replace(_STATEMENT, polarity="mumbles"), "polarity"),
        (replace(_STATEMENT, statement="agencies/a"), "statement"),
        (replace(_STATEMENT, source_sha256="AB" * 32), "source_sha256"),
        (replace(_STATEMENT, source_url="ftp://example.org"), "source_url"),
        (replace(_STATEMENT, scope=Scope(agency="a")), "scope.agency"),
        (
            replace(
                _STATEMENT,
                scope=Scope(
                    period=Interval(earliest="2020-02-02T00:00:00Z", latest="2020-02-01T00:00:00Z")
                ),
            ),
            "scope.period.latest",
        ),
        (replace(_STATEMENT, made=Occurred(date="2020-02-30")), "made.date"),
        (replace(_STATEMENT, made=Occurred(earliest="yesterday")), "made.earliest"),
        (
            TechnologyApproved(
                technology="technologies/t", approved_by="board", units=("u",) * 10_000
            ),
            "units",
        ),
        (
            VendorIncidentReported(
                incident="incidents/i", vendor="v", kind="breach", technologies=("t",)
            ),
            "technologies",
        ),
    ],
)
def test_ill_formed_member_is_refused_by_its_name(fact: Fact, field: str) -> None:
    """A refusal says which member, and quotes no value."""
    with pytest.raises(Malformed) as refused:
        check_fact(fact)
    assert field == refused.value.field


def test_protected_texts_have_a_bound() -> None:
    """A protected text is bounded like any prose."""
    assert MAX_SCOPE_ITEMS < 10_000
    with pytest.raises(Malformed):
        check_protected({"reason": "x" * (MAX_TEXT_BYTES + 1)})
