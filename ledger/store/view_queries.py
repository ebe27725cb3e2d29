"""Which uses match, how many in each group, what is registered? Reads of the views.

Each read is one short transaction over one tree size; nothing here knows the wire.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from ledger.errors import Malformed
from ledger.filters import Query
from ledger.projections.questions import OPEN_FIELDS, TEXT_FIELDS, Question, fields_of, texts_of
from ledger.projections.registers import Aliases
from ledger.projections.uses import month_text
from ledger.store import view_tables as t
from ledger.store.chunks import chunks
from ledger.store.core import LedgerStore
from ledger.store.view_sql import FLOWS, Compiler, Names
from ledger.store.view_writer import unread_count
from ledger.streams import stream_of_name

# Text fields whose values are names with an id.
_INTERNED_FIELDS: Final = frozenset({*TEXT_FIELDS, "authorization"}) - {"case_number"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the phase (0 definite, 1 possible), time and leaf index."""

    phase: int
    earliest_us: int
    first: int


@dataclass(frozen=True, slots=True)
class Found:
    """One use of a page."""

    first: int
    definite: bool
    state: int
    import_withdrawn: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a summary; key "" where the value is not known or none is cited."""

    key: str
    display_name: str
    count: int
    possible: int


@dataclass(frozen=True, slots=True)
class Summary:
    groups: list[Group]
    count: int
    possible: int
    unread: int


@dataclass(frozen=True, slots=True)
class RegisteredName:
    name: str
    display_name: str
    aliases: tuple[str, ...]
    leaf_index: int
    withdrawn: bool


class ViewReader:
    """Answers from the views of one ledger."""

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self.engine, self.store = engine, store

    def position(self) -> int:
        """Entries that the views hold."""
        with self.engine.connect() as connection:
            return int(connection.execute(select(t.position.c.tree_size)).scalar_one())

    def page(
        self, question: Question, after: Place | None, limit: int, *, withdrawn: bool = False
    ) -> tuple[list[Found], int]:
        """Matching uses by time, those that match for certain first.

        Args:
            after: Where the last page ended; None for the first.
            limit: How many at most.
            withdrawn: Show uses that no longer count too.
        Returns:
            The uses, and how many entries below the tree size could not be read.
        """
        query = question.query
        found: list[Found] = []
        with self.engine.connect() as connection:
            compiler = self._compiler(connection, query, question.tree_size)
            taken_back = self._any_withdrawn(connection, question.tree_size)
            base = [compiler.standing()]
            if not withdrawn:
                base.append(compiler.counted(taken_back))
            for phase in (0, 1):
                if len(found) == limit or (after is not None and after.phase > phase):
                    continue
                wanted = self._page_query(compiler, query, phase, taken_back).where(*base)
                if after is not None and after.phase == phase:
                    place = tuple_(t.uses.c.earliest_us, t.uses.c.first)
                    last = tuple_(literal(after.earliest_us), literal(after.first))
                    wanted = wanted.where(place > last)
                rows = connection.execute(wanted.limit(limit - len(found)))
                found += [_found(row, phase) for row in rows]
            return found, unread_count(connection, question.tree_size)

    def _page_query(
        self, compiler: Compiler, query: Query, phase: int, taken_back: bool
    ) -> Select[Any]:
        uses = t.uses.c
        withdrawn: Any = literal(False)
        if taken_back:
            withdrawn = exists().where(
                t.withdrawn_imports.c["import"] == uses["import"],
                t.withdrawn_imports.c.since < compiler.tree_size,
            )
        wanted = select(uses.first, uses.earliest_us, uses.state, withdrawn.label("taken_back"))
        if phase == 0:
            wanted = wanted.where(compiler.certain(query))
        else:
            wanted = wanted.where(compiler.possible(query), compiler.possible(query, negated=True))
            if not fields_of(query) & OPEN_FIELDS:  # then only rows with this flag leave it open
                wanted = wanted.where(uses.vague)
        return wanted.order_by(uses.earliest_us, uses.first)

    def summary(self, question: Question) -> Summary:
        """How many uses match, in groups by `question.by`."""
        query, by = question.query, question.by
        assert by is not None
        with self.engine.connect() as connection:
            compiler = self._compiler(connection, query, question.tree_size)
            taken_back = self._any_withdrawn(connection, question.tree_size)
            certain = case((compiler.certain(query), 1), else_=0)
            key: Any = t.uses.c["agency"]
            source: Any = t.uses
            if by == "authorization":
                cited = t.use_authorizations
                source = t.uses.outerjoin(
                    cited,
                    and_(cited.c.first == t.uses.c.first, cited.c.since < question.tree_size),
                )
                key = cited.c.authorization
            else:
                key = t.uses.c[by]
            conditions = (
                compiler.standing(),
                compiler.counted(taken_back),
                compiler.possible(query),
            )
            grouped = (
                select(key, func.sum(certain), func.count())
                .select_from(source)
                .where(*conditions)
                .group_by(key)
            )
            rows = [(row[0], int(row[1]), int(row[2])) for row in connection.execute(grouped)]
            if by == "authorization":  # a use that cites several stands in several groups
                total = select(func.sum(certain), func.count()).where(*conditions)
                sums = connection.execute(total).one()
                count, matched = int(sums[0] or 0), int(sums[1])
            else:
                count, matched = sum(row[1] for row in rows), sum(row[2] for row in rows)
            groups = self._named(connection, by, rows, question.tree_size)
            unread = unread_count(connection, question.tree_size)
        return Summary(groups, count, matched - count, unread)

    def _named(
        self,
        connection: Connection,
        by: str,
        rows: list[tuple[int | None, int, int]],
        tree_size: int,
    ) -> list[Group]:
        counts: dict[str, list[int]] = {}
        labels: dict[int, str] = {}
        if by != "month":
            numbers = [row[0] for row in rows if row[0] is not None]
            for some in chunks(numbers):
                found = select(t.names.c.id, t.names.c.name).where(t.names.c.id.in_(some))
                labels.update(connection.execute(found).tuples().all())
        aliases = self._aliases(connection, tree_size) if by == "technology" else None
        for number, count, matched in rows:
            if number is None:
                key = ""
            else:
                key = month_text(number) if by == "month" else labels[number]
                key = aliases.head(key) if aliases is not None else key
            sums = counts.setdefault(key, [0, 0])
            sums[0] += count
            sums[1] += matched - count
        display = self.display_names(connection, counts, tree_size)
        return [
            Group(key, display.get(key, ""), count, possible)
            for key, (count, possible) in sorted(counts.items())
        ]

    def display_names(
        self, connection: Connection, names: Iterable[str], tree_size: int
    ) -> dict[str, str]:
        """What registered names stand for."""
        found: dict[str, str] = {}
        for some in chunks([name for name in names if "/" in name]):
            wanted = select(t.registered.c.name, t.registered.c.display_name).where(
                t.registered.c.name.in_(some), t.registered.c.leaf_index < tree_size
            )
            found.update(connection.execute(wanted).tuples().all())
        return found

    def registered(
        self, collection: str, tree_size: int, after: str, limit: int
    ) -> list[RegisteredName]:
        """What is registered in one collection, by name."""
        with self.engine.connect() as connection:
            aliases = self._aliases(connection, tree_size)
            wanted = (
                select(t.registered.c.name, t.registered.c.display_name, t.registered.c.leaf_index)
                .where(
                    t.registered.c.collection == collection,
                    t.registered.c.leaf_index < tree_size,
                    t.registered.c.name > after,
                )
                .order_by(t.registered.c.name)
                .limit(limit)
            )
            taken_back = self._withdrawn_imports(connection, tree_size)
            return [
                RegisteredName(
                    name,
                    display,
                    tuple(other for other in aliases.group(name) if other != name),
                    leaf_index,
                    name in taken_back,
                )
                for name, display, leaf_index in connection.execute(wanted)
            ]

    def in_force(
        self, instant_us: int, agency: str | None, tree_size: int, after: str, limit: int
    ) -> list[int]:
        """Leaf indexes of the authorizations whose validity holds an instant, by name."""
        columns = t.authorizations.c
        wanted = select(columns.name, columns.leaf_index).where(
            columns.valid_from_us <= instant_us,
            columns.valid_until_us >= instant_us,
            columns.leaf_index < tree_size,
            columns.name > after,
        )
        if agency is not None:
            wanted = wanted.where(columns.agency == agency)
        with self.engine.connect() as connection:
            rows = connection.execute(wanted.order_by(columns.name).limit(limit))
            return [leaf_index for _name, leaf_index in rows]

    def aliases(self, tree_size: int) -> Aliases:
        """Which technologies are one, as the ledger knew at a tree size."""
        with self.engine.connect() as connection:
            return self._aliases(connection, tree_size)

    def leaves_of_names(self, names: Sequence[str], tree_size: int) -> list[int]:
        """Leaf indexes of the entries that say what these names stand for."""
        found: list[int] = []
        with self.engine.connect() as connection:
            for some in chunks(list(names)):
                wanted = select(t.registered.c.leaf_index).where(t.registered.c.name.in_(some))
                found += connection.execute(wanted).scalars()
                aliased = select(t.technology_aliases.c.since).where(
                    or_(
                        t.technology_aliases.c.technology.in_(some),
                        t.technology_aliases.c.alias.in_(some),
                    )
                )
                found += connection.execute(aliased).scalars()
        return sorted({leaf_index for leaf_index in found if leaf_index < tree_size})

    # --- what a filter's texts stand for ------------------------------------------
    def _compiler(self, connection: Connection, query: Query, tree_size: int) -> Compiler:
        wanted: dict[tuple[str, str], tuple[str, ...]] = {}
        flows = fields_of(query) & {"flow_country", "unpermitted_country"}
        for field in fields_of(query) & _INTERNED_FIELDS:
            aliases = self._aliases(connection, tree_size) if field == "technology" else None
            for text in texts_of(query, field):
                wanted[field, text] = (text,) if aliases is None else aliases.group(text)
        ids: dict[str, int] = {}
        for some in chunks(sorted({name for group in wanted.values() for name in group})):
            found = select(t.names.c.name, t.names.c.id).where(t.names.c.name.in_(some))
            ids.update(connection.execute(found).tuples().all())
        firsts: dict[str, int] = {}
        for name in texts_of(query, "name"):
            with suppress(Malformed):  # no name of anything is no name of a use
                for row in self.store.read_stream(stream_of_name(name), limit=1):
                    firsts[name] = row.leaf_index
        numbered = {
            key: tuple(ids[name] for name in group if name in ids) for key, group in wanted.items()
        }
        if flows:
            numbered |= self._flow_ids(connection, query, flows)
        return Compiler(Names(numbered, firsts), tree_size)

    def _flow_ids(
        self, connection: Connection, query: Query, fields: Iterable[str]
    ) -> dict[tuple[str, str], tuple[int, ...]]:
        """Which of the texts that flows are interned under name a country; "" for none."""
        wanted = select(t.names.c.id, t.names.c.name).where(
            t.names.c.name >= FLOWS, t.names.c.name < FLOWS[:-1] + ";"
        )
        told = [(number, name[len(FLOWS) :].split()) for number, name in connection.execute(wanted)]
        found: dict[tuple[str, str], tuple[int, ...]] = {}
        for field in fields:
            only_open = field == "unpermitted_country"
            shown = [
                (number, {item.rstrip("!") for item in items if "!" in item or not only_open})
                for number, items in told
            ]
            found[field, ""] = tuple(number for number, names in shown if not names)
            for text in texts_of(query, field):
                found[field, text] = tuple(number for number, names in shown if text in names)
        return found

    def _aliases(self, connection: Connection, tree_size: int) -> Aliases:
        aliases = Aliases()
        columns = t.technology_aliases.c
        wanted = select(columns.technology, columns.alias).where(columns.since < tree_size)
        for technology, alias in connection.execute(wanted.order_by(columns.since)):
            aliases.join(technology, alias)
        return aliases

    def _withdrawn_imports(self, connection: Connection, tree_size: int) -> set[str]:
        wanted = (
            select(t.names.c.name)
            .join(t.withdrawn_imports, t.withdrawn_imports.c["import"] == t.names.c.id)
            .where(t.withdrawn_imports.c.since < tree_size)
        )
        return set(connection.execute(wanted).scalars())

    def _any_withdrawn(self, connection: Connection, tree_size: int) -> bool:
        wanted = select(literal(1)).where(t.withdrawn_imports.c.since < tree_size).limit(1)
        return connection.execute(wanted).first() is not None


def _found(row: Row[Any], phase: int) -> Found:
    return Found(
        first=row.first,
        definite=phase == 0,
        state=row.state,
        import_withdrawn=bool(row.taken_back),
        place=Place(phase, row.earliest_us, row.first),
    )
