"""How does a test run a ledger? As a process assembles it, with its own clock and randomness.

    Place (sqlite | postgres) ──begin──► LedgerStore ──► Ledger (log, registrar) ──tell──► entries
                                    └──► Engine of the views

`begin` makes a place empty again, so that each example of a property starts from nothing.
"""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, ClassVar, Final

import psycopg
from sqlalchemy import Engine, select

from ledger.application import Registrar
from ledger.canonical_json import JsonValue
from ledger.commands import Performer, ReportToolUse
from ledger.domain.base import Provenance
from ledger.entry import Entry, decode_entry, encode_entry
from ledger.errors import CandourError, Malformed, Refused, Unverifiable
from ledger.events import (
    AgencyRegistered,
    AuthorizationLinked,
    DataFlowReported,
    Fact,
    ImportDeclared,
    Occurred,
    OutcomeReported,
    TechnologyAliased,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.identity import IdentityKeys
from ledger.limits import ENTRIES_A_PARTITION
from ledger.log import Log, Receipt
from ledger.rules.fold import JudgedFold
from ledger.store import steps, usage_tables, view_tables
from ledger.store.core import Head, LedgerStore, NewEntry, PerformerRecord, StoredEntry
from ledger.store.past import Past
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SqliteStore
from ledger.store.view_writer import ViewWriter, shown_values
from ledger.streams import stream_of_name
from ledger.times import full_text_of_us, text_of_us
from ledger.tlog import Signer
from tests import strategies as told
from tests.faults.commits import mend

ORIGIN: Final = "candour.local/0123456789abcdef/main"
SIGNER: Final = Signer(ORIGIN, bytes(32))
KEYS: Final = IdentityKeys(bytes(range(32)))
REPORTER: Final = "spiffe://example/reporter"
START_US: Final = 1_795_000_000_000_000  # 2026-11-18


@dataclass(frozen=True, slots=True)
class _Unknown(Fact):
    """What a later release may say."""

    TOPIC: ClassVar[str] = "statement.made.v9"


class Place(ABC):
    """One kind of database, where one ledger and its views live."""

    def __init__(self) -> None:
        self._opened: list[LedgerStore | Engine] = []
        self._kept: tuple[LedgerStore, Engine] | None = None

    def begin(self) -> tuple[LedgerStore, Engine]:
        """An empty ledger and its empty views: the same two each time, what was there is gone."""
        self._close_opened()
        if self._kept is None:
            self._kept = self._open(), self._engine()
        else:
            store, engine = self._kept
            mend(store)
            self._empty()
            if isinstance(store, PostgresStore):
                store._past = Past()  # it would take the empty ledger for a lost one
            ViewWriter(engine, store).drop()
            with engine.begin() as connection:  # a drop leaves it
                connection.execute(usage_tables.cited.delete())
        return self._kept

    def open(self) -> LedgerStore:
        """A store over the ledger, as another process would open it."""
        store = self._open()
        self._opened.append(store)
        return store

    def reopen(self) -> LedgerStore:
        """The only store but the first: what was opened before has gone with its process."""
        self._close_opened()
        return self.open()

    def engine(self) -> Engine:
        """An engine over its views, likewise."""
        engine = self._engine()
        self._opened.append(engine)
        return engine

    def opened(self) -> list[LedgerStore]:
        """What `open` gave, first to last."""
        return [item for item in self._opened if isinstance(item, LedgerStore)]

    def forget(self) -> None:
        """Not even tables are left: whoever opens the ledger next begins it."""
        self.close()
        self._opened, self._kept = [], None
        self._drop()

    def close(self) -> None:
        """Let go of everything."""
        self._opened += self._kept or ()
        self._close_opened()

    def _close_opened(self) -> None:
        for item in self._opened:
            if isinstance(item, LedgerStore):
                item.close()
            else:
                item.dispose()
        self._opened.clear()

    @abstractmethod
    def _drop(self) -> None: ...

    @abstractmethod
    def _empty(self) -> None: ...

    @abstractmethod
    def _open(self) -> LedgerStore: ...

    @abstractmethod
    def _engine(self) -> Engine: ...


class SqlitePlace(Place):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path, self.views = folder / "main.db", folder / "main.views.db"

    def _drop(self) -> None:
        for file in self.path.parent.glob("main.*"):
            file.unlink()

    def _empty(self) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for (table,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table'"
                " AND name NOT IN ('head', 'meta')"
            ).fetchall():
                connection.execute(f"DELETE FROM {table}")
            connection.execute(f"DELETE FROM meta WHERE name NOT IN {steps.ROWS}")
            connection.execute("UPDATE head SET tree_size = 0, root = ?, frontier = ?", _NOTHING)

    def _open(self) -> LedgerStore:
        return SqliteStore(self.path)

    def _engine(self) -> Engine:
        return view_tables.open_engine(f"sqlite:///{self.views}")


_NOTHING: Final = (Head().root, Head().frontier.to_bytes())


class PostgresPlace(Place):
    entries_a_partition = ENTRIES_A_PARTITION

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    def _drop(self) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute("DROP SCHEMA IF EXISTS candour_main CASCADE")

    def _empty(self) -> None:
        with psycopg.connect(self.url) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables"
                " WHERE schemaname = 'candour_main' AND tablename NOT IN ('head', 'meta')"
            ).fetchall()
            emptied: list[Any] = [f"DELETE FROM candour_main.{table}" for (table,) in tables]
            emptied.append(f"DELETE FROM candour_main.meta WHERE name NOT IN {steps.ROWS}")
            connection.execute("; ".join(emptied))
            connection.execute(
                "UPDATE candour_main.head SET tree_size = 0, root = %s, frontier = %s", _NOTHING
            )

    def _open(self) -> LedgerStore:
        return PostgresStore(self.url, entries_a_partition=self.entries_a_partition)

    def _engine(self) -> Engine:
        return view_tables.open_engine(self.url, "candour_main")


class Ledger:
    """One ledger, assembled from a store; `a` and `b` are its agencies."""

    def __init__(self, store: LedgerStore, *, seed: int = 0) -> None:
        random_bytes = Random(seed).randbytes
        self.store = store
        self.log = Log(
            store,
            origin=ORIGIN,
            signer=SIGNER,
            keys=KEYS,
            clock_us=self.now_us,
            random_bytes=random_bytes,
        )
        self.registrar = Registrar(store, origin=ORIGIN, keys=KEYS, random_bytes=random_bytes)
        self._now_us = START_US
        self.uses: list[str] = []
        self.imports: dict[int, str] = {}

    def now_us(self) -> int:
        self._now_us += 1_000_000
        return self._now_us

    def provenance(self) -> Provenance:
        return Provenance(reporter=REPORTER, recorded_us=self.now_us())

    # --- saying single things -----------------------------------------------------
    def prepare(self, commands: Iterable[ReportToolUse]) -> list[NewEntry | CandourError]:
        """What a servicer does before it hands entries to the committer."""
        checked = self.log.check(commands)
        self.log.learn(self.log.missing(checked))
        return self.log.prepare(checked, REPORTER)

    def report(self, *commands: ReportToolUse) -> list[Receipt | CandourError]:
        """A result for each command, in order."""
        prepared = self.prepare(commands)
        fit = [item for item in prepared if isinstance(item, NewEntry)]
        results = iter(self.log.append(fit)[0])
        return [next(results) if isinstance(item, NewEntry) else item for item in prepared]

    def append(self, entry: NewEntry) -> Receipt:
        """One entry's receipt; raises what it could not have one for."""
        ((result,), _head) = self.log.append([entry])
        if isinstance(result, CandourError):
            raise result
        return result

    def register(self, name: str, fact: Fact) -> Receipt:
        return self.append(self.registrar.register(name, fact, self.provenance()))

    def register_agencies(self) -> None:
        for name in told.AGENCIES:
            self.register(name, AgencyRegistered(agency=name, name=name.upper()))

    def declare(self, file: int) -> Receipt:
        fact = ImportDeclared(
            agency="agencies/a", source="sources/s", file_sha256=f"{file:064x}", rows=4, layout="x"
        )
        uuid = self.log.new_uuid(self.now_us())
        return self.append(self.registrar.declare_import(uuid, fact, "backfill", self.provenance()))

    # --- sequences of operations --------------------------------------------------
    def tell(self, operations: Sequence[told.Operation]) -> None:
        """Carry out operations; what the domain refuses changes nothing."""
        if not self.log.is_registered(told.AGENCIES[0]):
            self.register_agencies()
        for operation in operations:
            with suppress(Refused, Malformed):
                self._tell(operation)

    def _tell(self, operation: told.Operation) -> None:
        decide, by = self.registrar, self.provenance()
        match operation:
            case told.Report(batch, file):
                if file is not None and file in self.imports:
                    batch = tuple(told.in_import(row, self.imports[file]) for row in batch)
                for result in self.report(*batch):
                    if isinstance(result, Receipt) and result.name not in self.uses:
                        self.uses.append(result.name)
            case told.Declare(file):
                self.imports[file] = self.declare(file).name
            case told.WithdrawImport(file) if file in self.imports:
                self.append(decide.withdraw_import(self.imports[file], "wrong", None, by))
            case told.Alias(technology, alias):
                self._alias(technology, alias)
            case told.Withdraw(use) if self.uses:
                name = self._use(use)
                try:
                    self.append(decide.withdraw_use(name, "wrong", None, by))
                except Unverifiable:  # an unknown fact stands before it: as a later release would
                    self._say(name, ToolUseWithdrawn(agency="agencies/a"))
            case told.Link(use, authorization) if self.uses:
                name = self._use(use)
                try:
                    self.append(decide.link_authorization(name, authorization, by))
                except Unverifiable:
                    linked = AuthorizationLinked(agency="agencies/a", authorization=authorization)
                    self._say(name, linked)
            case told.SameAs(use, other) if self.uses:
                name, same = self._use(use), self._use(other)
                try:
                    self.append(decide.mark_same_as(name, same, by))
                except Unverifiable:
                    repeated = ToolUseSameAs(agency="agencies/a", same_as=stream_of_name(same))
                    self._say(name, repeated)
            case told.Amend(use, to, unset, performer, texts) if self.uses:
                protected: dict[str, JsonValue] = dict(texts)
                if performer is not None:
                    protected["performer"] = self._pseudonym(performer)
                with suppress(Unverifiable):
                    self.append(
                        decide.amend_use(self._use(use), to, by, unset=unset, protected=protected)
                    )
            case told.Tell(use, OutcomeReported() as fact) if self.uses:
                with suppress(Unverifiable):
                    self.append(decide.report_outcome(self._use(use), fact, by, {}))
            case told.Tell(use, DataFlowReported(data_flows=flows)) if self.uses:
                with suppress(Unverifiable):
                    self.append(decide.report_data_flows(self._use(use), flows, by))
            case told.RecordFact(fact, officer):
                shown: dict[str, JsonValue] = {}
                if officer is not None and "Varied" not in type(fact).__name__:
                    shown = {"granting_officer": officer}
                with suppress(Unverifiable):
                    self.append(decide.record(fact, by, shown))
            case told.Foreign(use):
                self._foreign(None if use is None or not self.uses else self._use(use))

    def _pseudonym(self, performer: str) -> str:
        digest = self.log.keys.of_performer(told.AGENCIES[0], performer)
        proposed = PerformerRecord(f"p-{digest[:16].hex()}", told.AGENCIES[0], user_id=performer)
        return self.store.pseudonyms({digest: proposed})[digest]

    def _use(self, number: int) -> str:
        return self.uses[number % len(self.uses)]

    def _alias(self, technology: str, alias: str) -> None:
        """As the registrar does, for technologies that nobody registered too."""
        if technology != alias:
            self._say(technology, TechnologyAliased(technology=technology, alias=alias))

    def _foreign(self, use: str | None) -> None:
        """An entry whose topic this release does not know."""
        self._say(use, _Unknown())

    def _say(self, name: str | None, fact: Fact) -> None:
        """An entry beside the domain: of a fact, whatever stands before it."""
        stream = "statement/1" if name is None else stream_of_name(name)
        version = 1 + max((row.version for row in self.store.read_stream(stream)), default=0)
        entry = encode_entry(
            Entry(
                topic=fact.TOPIC,
                stream=stream,
                version=version,
                event=fact.to_object(),
                protected={},
                origin=ORIGIN,
                recorded_at=full_text_of_us(self.now_us()),
                reporter=REPORTER,
                capture="live",
            )
        )
        self.store.append([NewEntry.of(stream, version, fact.TOPIC, entry)])

    def entries(self) -> list[StoredEntry]:
        """The whole log, with what is disclosed beside it."""
        return self.store.read_entries(0, 10_000, with_disclosures=True)


def numbered(number: int) -> ReportToolUse:
    """A report like many others; its number is its id, and a few things follow from it."""
    return ReportToolUse(
        use=ToolUseReported(
            agency=told.AGENCIES[number % 2],
            technology=told.TECHNOLOGIES[number % 3],
            unit=f"unit {number}",
            occurred=Occurred(earliest=text_of_us(START_US + number)),
        ),
        source="sources/s",
        source_event_id=str(number),
        capture="live",
        performer=Performer(user_id=f"user {number % 7}"),
    )


def fold_of(entries: Iterable[StoredEntry]) -> tuple[JudgedFold, int]:
    """The pure fold over entries, and how many of them it could not read."""
    fold, unread = JudgedFold(), 0
    for stored in entries:
        try:
            fold.add(stored.leaf_index, decode_entry(stored.entry), shown_values(stored))
        except CandourError:
            unread += 1
    return fold, unread


def view_rows(engine: Engine) -> bytes:
    """Every row of every view, sorted, as bytes."""
    with engine.connect() as connection:
        tables = {
            table.name: sorted(
                [repr(cell) for cell in row] for row in connection.execute(select(table))
            )
            for table in view_tables.metadata.sorted_tables
        }
    return json.dumps(tables, indent=1).encode()
