"""What do the texts of a filter stand for in the views? Names to ids, before a filter is compiled.

queries ──compiler_for──► ids of names (a technology's aliases too), places of uses ──► Compiler
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, case, literal, not_, or_, select

from ledger.errors import Malformed
from ledger.filters import And, Query, TimeTest
from ledger.projections.questions import (
    OPEN_FIELDS,
    TEXT_FIELDS,
    UNNAMED,
    fields_of,
    texts_of,
)
from ledger.projections.registers import Aliases
from ledger.projections.sought import Sought
from ledger.store import view_tables as t
from ledger.store.chunks import chunks
from ledger.store.core import LedgerStore
from ledger.store.view_sql import FLOWS, Compiler, Names, is_never
from ledger.streams import stream_of_name

Ids = dict[tuple[str, str], tuple[int, ...]]

# Text fields whose values are names with an id.
_INTERNED_FIELDS: Final = frozenset({*TEXT_FIELDS, "authorization"}) - {"case_number"}
_FLOW_FIELDS: Final = frozenset({"flow_country", "unpermitted_country"})


def compiler_for(connection: Connection, store: LedgerStore, sought: Sought) -> Compiler:
    """A compiler that knows what both filters of `sought` name."""
    queries = (sought.certain,) if sought.is_one else (sought.certain, sought.possible)
    fields = frozenset[str]().union(*map(fields_of, queries))
    wanted: dict[tuple[str, str], tuple[str, ...]] = {}
    for field in fields & _INTERNED_FIELDS:
        aliases = aliases_at(connection, sought.tree_size) if field == "technology" else None
        for text in _texts(queries, field):
            wanted[field, text] = (text,) if aliases is None else aliases.group(text)
    numbers: dict[str, int] = {}
    for some in chunks(sorted({name for group in wanted.values() for name in group})):
        found = select(t.names.c.name, t.names.c.id).where(t.names.c.name.in_(some))
        numbers.update(connection.execute(found).tuples().all())
    ids: Ids = {
        key: tuple(numbers[name] for name in group if name in numbers)
        for key, group in wanted.items()
    }
    if flows := fields & _FLOW_FIELDS:
        ids |= _flow_ids(connection, queries, flows)
    names = Names(ids, _firsts(store, _texts(queries, "name")))
    taken_back = any_withdrawn(connection, sought.tree_size)
    return Compiler(names, sought.tree_size, sought.grace_us, taken_back)


def counting(compiler: Compiler, sought: Sought) -> tuple[Any, list[list[Any]]]:
    """1 for a use that is found for certain, else 0; and the conditions on those found at all.

    The conditions come in parts that share no use: read each, and add up.
    """
    certain = case((compiler.certain(sought.certain), 1), else_=0)
    base = [compiler.standing(), compiler.counted()]
    return certain, [
        [*base, found_at_all(own, sought), *part] for own, part in parts_in_time(compiler, sought)
    ]


def found_at_all(compiler: Compiler, sought: Sought) -> Any:
    """The condition on uses that are found, for certain or possibly."""
    possible = compiler.possible(sought.possible)
    if sought.is_one:  # what holds for certain is possible
        return possible
    certain = compiler.certain(sought.certain)
    return possible if is_never(certain) else or_(possible, certain)


def parts_in_time(compiler: Compiler, sought: Sought) -> list[tuple[Compiler, list[Any]]]:
    """Uses in two parts, so that a question with a beginning in time is read from there on.

    A use that is not vague is an instant, by somebody, of something: an index holds it by its one
    time. The vague, of which one may have begun long before, are few, and have an index of their
    own. Each part comes with the compiler for it.
    """
    from_us = _beginning(sought.possible)
    if from_us is None:
        return [(compiler, [])]
    clear = [not_(t.uses.c.vague), t.uses.c.earliest_us >= from_us]
    return [(replace(compiler, none_vague=True), clear), (compiler, [t.uses.c.vague])]


def left_open(compiler: Compiler, sought: Sought) -> list[tuple[Compiler, list[Any]]]:
    """As `parts_in_time`, of uses that are found possibly and not for certain."""
    if sought.is_one and not fields_of(sought.certain) & OPEN_FIELDS:
        return [(compiler, [t.uses.c.vague])]  # no other row leaves anything open
    return parts_in_time(compiler, sought)


def _beginning(query: Query) -> int | None:
    """The moment before which nothing that is an instant can be found; None where there is none."""
    if isinstance(query, And):
        found = [us for us in map(_beginning, query.parts) if us is not None]
        return max(found, default=None)
    if isinstance(query, TimeTest) and query.field == "occurred" and query.op in (">", ">=", "="):
        return query.value
    return None


def aliases_at(connection: Connection, tree_size: int) -> Aliases:
    """Which technologies are one, as the ledger knew at a tree size."""
    aliases, columns = Aliases(), t.technology_aliases.c
    wanted = select(columns.technology, columns.alias).where(columns.since < tree_size)
    for technology, alias in connection.execute(wanted.order_by(columns.since)):
        aliases.join(technology, alias)
    return aliases


def any_withdrawn(connection: Connection, tree_size: int) -> bool:
    """Was any import taken back? Mostly none was, and then no row need be asked."""
    wanted = select(literal(1)).where(t.withdrawn_imports.c.since < tree_size).limit(1)
    return connection.execute(wanted).first() is not None


def _texts(queries: Sequence[Query], field: str) -> frozenset[str]:
    return frozenset[str]().union(*(texts_of(query, field) for query in queries))


def _firsts(store: LedgerStore, names: Iterable[str]) -> dict[str, int]:
    firsts: dict[str, int] = {}
    for name in names:
        with suppress(Malformed):  # no name of anything is no name of a use
            for row in store.read_stream(stream_of_name(name), limit=1):
                firsts[name] = row.leaf_index
    return firsts


def _flow_ids(connection: Connection, queries: Sequence[Query], fields: Iterable[str]) -> Ids:
    """Which of the texts that flows are interned under name a country.

    Under "" those with none, under UNNAMED those that leave one open.
    """
    wanted = select(t.names.c.id, t.names.c.name).where(
        t.names.c.name >= FLOWS, t.names.c.name < FLOWS[:-1] + ";"
    )
    told = [(number, name[len(FLOWS) :].split()) for number, name in connection.execute(wanted)]
    found: Ids = {}
    for field in fields:
        only_open = field == "unpermitted_country"
        shown = [
            (number, {item.rstrip("!") for item in items if "!" in item or not only_open})
            for number, items in told
        ]
        found[field, ""] = tuple(number for number, names in shown if not names)
        for text in {*_texts(queries, field), UNNAMED}:
            found[field, text] = tuple(number for number, names in shown if text in names)
    return found
