"""Do flags ask what people mean by them?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import filters
from ledger.filters import Compare, Value
from services.cli.client import Client
from services.cli.conditions import as_of, filter_of, time_of
from services.cli.names import Names
from services.cli.options import Connection, Wanted
from services.pb.candour.v1.common_pb2 import AsOf
from tests.cli.fake_ledger import FakeLedger


@pytest.fixture
def names(target: str, ledger: FakeLedger) -> Iterator[Names]:
    ledger.put("technologies", "technologies/flock", "Flock Safety")
    ledger.registers["technologies"]["technologies/flock"].aliases.append("technologies/alpr")
    ledger.put("authorizations", "authorizations/w-1", "W-2025/0001")
    with Client(Connection(target=target)) as client:
        yield Names(client)


def test_all_conditions_hold_together(names: Names) -> None:
    """Every flag is one condition; names become register names; a raw OR stays together."""
    wanted = Wanted(
        performer="A. Alder",
        technology="Flock Safety",
        agency="Sampleton Police",
        authorization="W-2025/0001",
        case="25-1",
        since="2025-06-18",
        until="2025-06-30",
        filter='trigger = human OR trigger = "api"',
    )

    assert filter_of(wanted, names) == (
        'technology = "technologies/flock" AND agency = "agencies/sampleton-police"'
        ' AND authorization = "authorizations/w-1" AND performer = "A. Alder"'
        ' AND case_number = "25-1" AND occurred >= "2025-06-18" AND occurred <= "2025-06-30"'
        ' AND (trigger = human OR trigger = "api")'
    )
    assert "" == filter_of(Wanted(), names)
    assert "authorization = none" == filter_of(Wanted(authorization="none"), names)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40))
def test_any_text_is_quoted(text: str) -> None:
    """Whatever somebody is called, the filter compares with just that."""
    written = filter_of(Wanted(case=text), names=None)  # type: ignore[arg-type]

    assert Compare("case_number", "=", Value(text)) == filters.parse(written)


def test_dates_are_utc_and_whole() -> None:
    """A date begins at its first moment and ends at its last; times are kept as they are."""
    assert "2025-06-18T00:00:00Z" == time_of("2025-06-18", "--from")
    assert "2025-06-18T23:59:59.999999Z" == time_of("2025-06-18", "--to", at_end=True)
    assert "2025-06-17T22:00:00Z" == time_of("2025-06-18T00:00:00+02:00", "--to", at_end=True)


def test_as_of() -> None:
    """A number is a tree size, a time is itself, a date is the whole of its day; else the head."""
    assert AsOf(tree_size=7) == as_of(None, 7)
    assert AsOf(tree_size=0) == as_of("0", 7)
    assert "2020-02-22T00:00:00Z" == as_of("2020-02-21", 7).time.ToJsonString()
    assert "2020-02-21T10:00:00Z" == as_of("2020-02-21T10:00:00Z", 7).time.ToJsonString()
