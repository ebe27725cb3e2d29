"""What does the usage index show? Proofs under a kept root, names of parts, sources heard.

question, kept root ──walk, a read a level──► proof
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, case, func, select

from ledger.canonical_json import JsonValue
from ledger.limits import MAX_SOURCES_SHOWN
from ledger.store import usage_tables as t
from ledger.store.chunks import chunks
from ledger.store.usage_nodes import NodeCache, SqlNodes
from ledger.store.usage_roots import KeptRoot
from ledger.usage_index import Days, Detail, Question, prove_question
from ledger.usage_index.keys import slot


@dataclass(frozen=True, slots=True)
class Heard:
    """A source that may report for an agency.

    Members:
        registered: Leaf index of its registration for this agency; None where there is none.
        in_period: Of its first report about a day asked for; None where it was silent.
        latest: Of its latest report, as near as the index remembers; None where it has none.
    """

    source: str
    registered: int | None
    in_period: int | None
    latest: int | None

    @property
    def leaves(self) -> list[int]:
        """The entries that say so."""
        found = (self.registered, self.in_period, self.latest)
        return [leaf_index for leaf_index in found if leaf_index is not None]


class UsageReader:
    """Reads of one ledger's usage index. Safe to call from several threads.

    It remembers nodes: below a kept root they never change, and no id is given twice.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._cache = engine, NodeCache()

    def prove(
        self, root: KeptRoot, question: Question, detail: Detail = Detail.COUNT
    ) -> dict[str, JsonValue]:
        """The proof of an answer under a kept root. Raises ProofTooLarge, NodeDamaged."""
        with self._engine.connect() as connection:
            return prove_question(
                SqlNodes(connection, cache=self._cache),
                root.ref,
                question,
                tree_size=root.tree_size,
                detail=detail,
            )

    def technologies(self, parts: Iterable[bytes]) -> list[str]:
        """The technologies that these parts stand for, as far as a report ever named them."""
        wanted, found = sorted(parts), list[str]()
        with self._engine.connect() as connection:
            for some in chunks(wanted):
                named = select(t.names.c.name).where(t.names.c.part.in_(some))
                found += connection.execute(named).scalars()
        return sorted(found)

    def sources(self, agency: str, days: Days, tree_size: int) -> list[Heard]:
        """The sources that are registered for an agency, or reported for it; by name.

        MAX_SOURCES_SHOWN at most.
        """
        columns = t.sources.c
        first, last = (int.from_bytes(slot(day), "big") for day in days)
        known = case((columns.last_leaf < tree_size, columns.last_leaf), else_=columns.first_leaf)
        of_itself = columns.slot == t.REGISTERED
        wanted = (
            select(
                columns.source,
                func.min(case((of_itself, columns.first_leaf))),
                func.min(case((columns.slot.between(first, last), columns.first_leaf))),
                func.max(case((of_itself, None), else_=known)),
            )
            .where(columns.agency == agency, columns.first_leaf < tree_size)
            .group_by(columns.source)
        )
        with self._engine.connect() as connection:
            found = [Heard(*row) for row in connection.execute(wanted)]
        return sorted(found, key=lambda heard: heard.source)[:MAX_SOURCES_SHOWN]
