"""What do the views hold of the registers, as of any tree size? Snapshots, listings, intervals."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ledger.events import (
    AuthorizationGranted,
    AuthorizationRenewed,
    AuthorizationRevoked,
    DiscrepancyFound,
    DiscrepancyResolved,
    Fact,
    HoldingRecorded,
    Interval,
    Occurred,
    Scope,
    StatementMade,
    VendorIncidentReported,
)
from ledger.limits import MAX_CACHED_REGISTERS
from ledger.projections.registers import Registers, Told
from ledger.store import view_tables as t
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from ledger.streams import COLLECTIONS
from ledger.times import text_of_us
from tests import ledgers, strategies
from tests.ledgers import Ledger, fold_of
from tests.strategies import Operation, effort, operations

HOUR_US = 3_600_000_000


def all_of(registers: Registers) -> tuple[dict[str, list[Told]], object]:
    """Every history there is, and the groups of aliases."""
    names = [name for kind in COLLECTIONS for name in registers.names(kind)]
    return {name: list(registers.history(name)) for name in names}, registers.aliases.groups()


@effort(0.3)
@given(operations, operations, st.lists(st.integers(0, 60), min_size=3, max_size=9))
def test_registers_at_a_tree_size_are_those_of_the_fold(
    place: ledgers.Place, steps: list[Operation], later: list[Operation], sizes: list[int]
) -> None:
    """In whatever order sizes are asked for, and while the log grows; what was given never changes."""
    store, engine = place.begin()
    ledger, reader = Ledger(store), ViewReader(engine, store)
    given_before: list[tuple[Registers, tuple[dict[str, list[Told]], object]]] = []
    for told in (steps, later):
        ledger.tell(told)
        ViewWriter(engine, store).catch_up(batch=9)
        entries = ledger.entries()
        for size in (*sizes, len(entries)):
            size = min(size, len(entries))
            expected = all_of(fold_of(entries[:size])[0].registers)
            registers = reader.registers_at(size)
            assert expected == all_of(registers)
            given_before.append((registers, expected))
    for registers, expected in given_before:
        assert expected == all_of(registers)


def record(ledger: Ledger, *facts: Fact) -> None:
    for fact in facts:
        ledger.append(ledger.registrar.record(fact, ledger.provenance(), {}))


def test_registers_are_read_once(place: ledgers.Place) -> None:
    """Tree sizes with the same registers share one object, and few are kept."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    ledger.report(*(ledgers.numbered(number) for number in range(4)))
    ViewWriter(engine, store).catch_up(batch=9)
    reader = ViewReader(engine, store)
    assert reader.registers_at(2) is reader.registers_at(6)
    assert reader.registers_at(1) is not reader.registers_at(2)
    for number in range(MAX_CACHED_REGISTERS + 3):
        holding = f"holdings/{number}"
        record(ledger, HoldingRecorded(holding=holding, agency="agencies/a", kind="unit"))
        size = ViewWriter(engine, store).catch_up(batch=9)
        assert number + 1 == len(reader.registers_at(size).names("holding"))
    assert 2 == len(reader.registers_at(size - MAX_CACHED_REGISTERS - 1).names("holding"))


def test_every_collection_is_listed(place: ledgers.Place) -> None:
    """Things of all kinds stand in their collection from the entry on that began them."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    found = DiscrepancyFound(
        discrepancy="discrepancies/d",
        observation="observations/o",
        observer="vendor",
        kind="missing_here",
        agency="agencies/a",
    )
    record(
        ledger,
        StatementMade(
            statement="statements/s", polarity="denies", scope=Scope(agency="agencies/a")
        ),
        VendorIncidentReported(incident="incidents/i", vendor="Viewer", kind="breach"),
        HoldingRecorded(holding="holdings/h", agency="agencies/a", kind="trial"),
        found,
        replace(found, discrepancy="discrepancies/e", kind="differing"),
        DiscrepancyResolved(discrepancy="discrepancies/d", code="observer_wrong"),
    )
    size = ViewWriter(engine, store).catch_up(batch=3)
    reader = ViewReader(engine, store)
    expected = {
        "statements": ["denies, agencies/a"],
        "incidents": ["Viewer, breach"],
        "holdings": ["trial, agencies/a"],
        "discrepancies": ["missing_here, vendor", "differing, vendor"],
        "agencies": ["AGENCIES/A", "AGENCIES/B"],
        "mandates": [],
    }
    for collection, names in expected.items():
        listed = reader.registered(collection, size, "", 10)
        assert names == [item.display_name for item in listed]
        first = [item.leaf_index for item in listed][:1]
        for leaf_index in first:
            assert [] == reader.registered(collection, leaf_index, "", 10)
    with engine.connect() as connection:
        rows = connection.execute(t.discrepancies.select().order_by(t.discrepancies.c.found))
        assert [
            ("discrepancies/d", 5, 7, "observer_wrong"),
            ("discrepancies/e", 6, t.STILL, None),
        ] == [(row.discrepancy, row.found, row.resolved, row.code) for row in rows]


def test_what_is_in_force_follows_renewals_and_revocations(place: ledgers.Place) -> None:
    """At each hour, by what was known after each entry."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    hours = [text_of_us(strategies.DAY + hour * HOUR_US) for hour in range(8)]
    name = "authorizations/k"
    record(
        ledger,
        AuthorizationGranted(
            authorization=name,
            agency="agencies/a",
            kind="warrant",
            valid=Interval(earliest=hours[1], latest=hours[2]),
        ),
        AuthorizationRenewed(
            authorization=name, valid=Interval(earliest=hours[4], latest=hours[6])
        ),
        AuthorizationRevoked(
            authorization=name, effective=Occurred(earliest=hours[3], latest=hours[5])
        ),
    )
    size = ViewWriter(engine, store).catch_up(batch=2)
    reader = ViewReader(engine, store)

    def in_force(tree_size: int) -> list[int]:
        moments = [strategies.DAY + hour * HOUR_US for hour in range(8)]
        return [
            hour
            for hour, us in enumerate(moments)
            if [name] == reader.in_force(us, "agencies/a", tree_size, "", 9)
        ]

    assert [[], [1, 2], [1, 2, 4, 5, 6], [1, 2, 4]] == [
        in_force(n) for n in range(size - 3, size + 1)
    ]
    assert [] == reader.in_force(strategies.DAY + HOUR_US, "agencies/b", size, "", 9)
