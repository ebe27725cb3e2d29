"""Does every entry have a table to stand in, whatever is appended, and by how many?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import psycopg
import pytest

from ledger.store.core import Placed, StoreUnavailable
from ledger.store.postgres import PostgresStore
from ledger.store.postgres_connect import connect
from ledger.store.postgres_partitions import Partitions, end_of
from tests.laws.trees import check_tree
from tests.store.olden import SCHEMA, SMALL, Killed, OldenPlace, killed_at, rows
from tests.store.test_contract import at_once, entry_of


@pytest.fixture
def small(postgres_url: str) -> Iterator[PostgresStore]:
    """A new ledger with small partitions."""
    store = PostgresStore(postgres_url, entries_a_partition=SMALL)
    yield store
    store.close()


def ends(store: PostgresStore) -> int:
    with psycopg.connect(store.url) as connection:
        return end_of(connection, SCHEMA)


def parts(store: PostgresStore) -> list[int]:
    """How many entries each partition holds, in order; none where it is empty."""
    found = rows(
        store.url,
        "SELECT tableoid::regclass::text, count(*) FROM entries GROUP BY 1 ORDER BY min(leaf_index)",
    )
    return [count for _, count in found]


@pytest.mark.parametrize("batch", [1, 30, 450])
def test_entries_go_on_beyond_a_bound(small: PostgresStore, batch: int) -> None:
    """Batches that end at a bound, cross it, or are larger than a partition: each entry once."""
    total = 0
    while total < 500:
        outcomes, _ = small.append([entry_of(f"s/{total + n}", fresh=True) for n in range(batch)])
        assert [Placed(total + n) for n in range(batch)] == outcomes
        total += batch
    entries = check_tree(small, of_entries=False)

    assert total == len(entries) == sum(parts(small))
    assert [2 * SMALL, SMALL, SMALL] == parts(small)[:3]
    assert [150, 250] == [e.leaf_index for e in small.entries_at([250, 150])]
    assert [198, 199, 200, 201] == [e.leaf_index for e in small.read_entries(198, 4)]
    assert {"entries": (0, total - 1)} == small.leaf_spans()


def test_next_partition_is_there_before_it_is_needed(small: PostgresStore) -> None:
    """With half a partition left the next one is made, and not earlier."""
    begun = ends(small)
    small.append([entry_of(f"s/{n}") for n in range(begun - SMALL // 2)])
    assert begun == ends(small)
    small.append([entry_of("t/1")])
    assert begun + SMALL == ends(small)


def test_somebody_in_the_way_costs_no_append(small: PostgresStore) -> None:
    """While another holds what attaching needs, entries go on to the end of what is there."""
    begun = ends(small)
    with psycopg.connect(small.url) as other:
        other.execute(f"LOCK TABLE {SCHEMA}.entries IN SHARE UPDATE EXCLUSIVE MODE")
        for turn in range(begun // 50):
            small.append([entry_of(f"s/{turn}/{n}") for n in range(50)])
        assert begun == ends(small)
    small.append([entry_of("t/1")])
    assert begun < ends(small)
    assert begun + 1 == len(check_tree(small, of_entries=False))


def test_front_ends_cross_a_bound_together(small: PostgresStore) -> None:
    """Several that need the same partition make it once, and each stream stays in order."""
    stores = [small, *(PostgresStore(small.url, entries_a_partition=SMALL) for _ in range(2))]

    def write(number: int) -> list[int]:
        placed = []
        for turn in range(14):
            batch = [entry_of(f"u/{number}-{turn}-{n}", fresh=True) for n in range(12)]
            outcomes, _ = stores[number % 3].append([*batch, entry_of("shared/1", turn + 1)])
            assert all(isinstance(item, Placed) for item in outcomes[:-1])
            placed += [item.leaf_index for item in outcomes if isinstance(item, Placed)]
        return placed

    try:
        written = at_once([partial(write, number) for number in range(6)])
        placed = [place for some in written for place in some]
        entries = check_tree(small, of_entries=False)
        assert sorted(placed) == [entry.leaf_index for entry in entries]
        assert 6 * 14 * 12 + 14 == len(entries)
        assert list(range(1, 15)) == [entry.version for entry in small.read_stream("shared/1")]
        assert (None, None) == (small.misnumbered(len(entries)), small.misplaced())
    finally:
        for store in stores[1:]:
            store.close()


def test_bound_of_a_migration_that_was_given_up_gives_way(postgres_url: str) -> None:
    """A bound was set and nobody came back: callers send one batch again, and the ledger goes on."""
    place = OldenPlace(postgres_url)
    store = place.open()
    place.migrate(to=2)
    with pytest.raises(Killed):
        place.migrate(to=3, watch=killed_at(2))
    total, refused = 0, 0
    while total < 5 * SMALL:
        try:
            total += len(store.append([entry_of(f"s/{total + n}") for n in range(50)])[0])
        except StoreUnavailable:
            refused += 1
            assert refused == 1
    assert total == len(check_tree(store, of_entries=False))
    assert [3, 4] == place.migrate()
    store.append([entry_of(f"t/{n}") for n in range(3 * SMALL)])
    assert total + 3 * SMALL == len(check_tree(store, of_entries=False))
    place.close()


def test_entries_in_one_table_end_nowhere() -> None:
    """Before there are partitions nothing is short."""
    assert not Partitions(SCHEMA).is_short(2**50)


# As cheap as it gets: whoever may go parallel does.
_EAGER = (
    "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;"
    " SET min_parallel_index_scan_size = 0; SET search_path = candour_main"
)


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
def test_one_process_reads_a_range(
    small: PostgresStore, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many entries there are, some hundred are read from their place on, by nobody else."""
    total = 3_000
    small.append([entry_of(f"s/{n}", fresh=True) for n in range(total)])
    asked: list[Any] = []

    def read(*said: object) -> list[object]:
        asked.append(said)
        return []

    monkeypatch.setattr(small, "_read", read)
    small.read_entries(total - 10, 10, with_disclosures=True)
    ((sql, given),) = asked

    with connect(small.url, autocommit=True) as connection:
        connection.execute("ANALYZE candour_main.entries, candour_main.disclosures")
        connection.execute(_EAGER)
        connection.execute(f"SET plan_cache_mode = {mode}".encode())
        numbered = sql.replace("{s}.", "")
        for number in range(1, len(given) + 1):
            numbered = numbered.replace("%b", f"${number}", 1)
        connection.execute(f"PREPARE reading AS {numbered}".encode())
        values = ", ".join(map(str, given))
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE reading({values})"
        ((plan,),) = connection.execute(explain.encode()).fetchall()

    nodes = list(every_node(plan[0]["Plan"]))
    assert not [node for node in nodes if "Gather" in node["Node Type"]]
    assert 10 == nodes[0]["Actual Rows"]
    # Of each table no more is looked at than what is asked for.
    assert {10, 0, 1} >= {node["Actual Rows"] for node in nodes}


def every_node(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from every_node(below)
