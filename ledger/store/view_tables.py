"""Where do answers come from? The tables that projections fill, one set for both databases.

    entries ──ViewWriter.apply (many entries a transaction)──► uses, … ──view_queries──► answers

Everything here can be dropped and rebuilt from the log to the same bytes, for the same
state of disclosures. Names are interned: an id is the order in which a name first stood.
In PostgreSQL these tables live in the ledger's schema; with SQLite in a file of their own,
so that the projector never waits for the ledger's writer lock, nor it for the projector.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    create_engine,
    event,
    text,
)
from sqlalchemy.pool import QueuePool

from ledger.limits import BUSY_TIMEOUT_S, MAX_READ_CONNECTIONS, STORE_CONNECT_S, VIEWS_SILENT_S
from ledger.store.answering import CONNECT, Answering
from ledger.store.postgres_connect import settle
from ledger.store.view_layout import prepare
from ledger.store.wal import use_wal

# A row that no later entry has replaced.
STILL: Final = 2**62

metadata = MetaData()

# Another number, another set of tables, columns or meanings: views are made anew (view_layout.py).
LAYOUT: Final = 4
BEGINNING: Final = {"id": 0, "tree_size": 0, "layout": LAYOUT}

# Entries 0..tree_size-1 are in the views, which have this layout; one row.
position = Table(
    "view_position",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("tree_size", BigInteger, nullable=False),
    Column("layout", Integer, nullable=False),
)
names = Table(
    "view_names",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)
# A use from leaf index `since` until before `until`; see projections.uses.UseRow.
uses = Table(
    "view_uses",
    metadata,
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Column("earliest_us", BigInteger, nullable=False),
    Column("latest_us", BigInteger, nullable=False),
    Column("same_as", BigInteger),
    Column("month", Integer),
    Column("agency", Integer, nullable=False),
    Column("technology", Integer),
    Column("performer", Integer),
    Column("source", Integer),
    Column("unit", Integer),
    Column("purpose", Integer),
    Column("offence_class", Integer),
    Column("capability", Integer),
    Column("acquisition", Integer),
    Column("trigger", Integer),
    Column("outcome", Integer),
    Column("capture", Integer, nullable=False),
    Column("import", Integer),
    Column("cited", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("vague", Boolean, nullable=False),
    Column("case_number", Text),
    Column("recorded_us", BigInteger, nullable=False),
    Column("window_from_us", BigInteger),
    Column("reason_digest", BigInteger),
    Column("sequence", BigInteger),
    Column("credential", Integer),
    Column("role", Integer),
    Column("category", Integer),
    Column("database", Integer),
    Column("version", Integer),
    Column("flows", Integer),
    Column("reason_state", SmallInteger, nullable=False),
    Column("urgency", SmallInteger),
    Column("verified", SmallInteger),
    Column("amendments", SmallInteger, nullable=False),
    Column("conflicts", SmallInteger, nullable=False),
)
# Each index ends in the order of pages, so a page is read where it begins.
Index("view_uses_time", uses.c.earliest_us, uses.c.first)
Index("view_uses_agency", uses.c.agency, uses.c.earliest_us, uses.c.first)
Index("view_uses_pair", uses.c.agency, uses.c.technology, uses.c.earliest_us, uses.c.first)
Index("view_uses_technology", uses.c.technology, uses.c.earliest_us, uses.c.first)
# And these in the order of reports: which is the first of each technology, of each source?
Index("view_uses_technologies", uses.c.agency, uses.c.technology, uses.c.first)
Index("view_uses_sources", uses.c.agency, uses.c.source, uses.c.first)
# The next three hold all that patterns ask for (view_patterns.py), which then read no row.
_STANDING: Final = (uses.c.since, uses.c.until, uses.c.state, uses.c["import"])
Index(
    "view_uses_performer",
    *(uses.c.performer, uses.c.earliest_us, uses.c.first, *_STANDING),
    *(uses.c.latest_us, uses.c.agency),
)
Index(
    "view_uses_reason",
    *(uses.c.agency, uses.c.month, uses.c.reason_digest, uses.c.first, *_STANDING),
    postgresql_where=uses.c.reason_digest.is_not(None),
    sqlite_where=uses.c.reason_digest.is_not(None),
)
Index(
    "view_uses_sequence",
    *(uses.c.source, uses.c.sequence, uses.c.first, *_STANDING),
    postgresql_where=uses.c.sequence.is_not(None),
    sqlite_where=uses.c.sequence.is_not(None),
)
Index(
    "view_uses_case",
    uses.c.case_number,
    postgresql_where=uses.c.case_number.is_not(None),
    sqlite_where=uses.c.case_number.is_not(None),
)
# SQLite takes a partial index only for a query that says the same, as SQLAlchemy writes it.
_VAGUE: Final[dict[str, Any]] = {
    "postgresql_where": uses.c.vague,
    "sqlite_where": text("vague = 1"),
}
Index("view_uses_vague", uses.c.earliest_us, uses.c.first, **_VAGUE)
Index("view_uses_vague_agency", uses.c.agency, uses.c.earliest_us, uses.c.first, **_VAGUE)
# What SQLite's planner is told of each index (sqlite_stat1): rows in it, and rows alike in its first
# column, its first two, … Fixed, so that plans are the same everywhere and on the first day: one
# agency with one technology holds much, a case little, and few uses are vague. PostgreSQL counts itself.
PLANNED_FOR: Final = {
    "sqlite_autoindex_view_uses_1": "1000000 2 1",
    "view_uses_time": "1000000 2 1",
    "view_uses_agency": "1000000 200000 2 1",
    "view_uses_pair": "1000000 200000 100000 2 1",
    "view_uses_technology": "1000000 200000 2 1",
    "view_uses_technologies": "1000000 200000 100000 1",
    "view_uses_sources": "1000000 200000 100000 1",
    "view_uses_performer": "1000000 2000 2 1 1 1 1 1 1 1",
    "view_uses_reason": "1000000 200000 20000 500 1 1 1 1 1",
    "view_uses_sequence": "1000 100 2 1 1 1 1 1",
    "view_uses_case": "1000000 10",
    "view_uses_vague": "1000 2 1",
    "view_uses_vague_agency": "1000 200 2 1",
}
uses.info["planned_for"] = PLANNED_FOR
# What a use cites, and the verdict on it (rules.verdicts) from leaf index `since` until before
# `until`; `lag_us` as there. Grace is not applied. The first row of a citation is its own entry's.
use_authorizations = Table(
    "view_use_authorizations",
    metadata,
    Column("authorization", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("verdict", SmallInteger, nullable=False),
    Column("lag_us", BigInteger),
)
Index("view_use_authorizations_use", use_authorizations.c.first)
Index("view_use_authorizations_verdict", use_authorizations.c.verdict, use_authorizations.c.first)
# The number of a code is its place here; never reordered without another LAYOUT.
VERDICTS: Final = (
    *("valid_before", "unknown", "attached_late", "self_authorised"),
    *("out_of_scope", "expired", "not_yet_valid", "revoked"),
)
withdrawn_imports = Table(
    "view_withdrawn_imports",
    metadata,
    Column("import", Integer, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
)
registered = Table(
    "view_registered",
    metadata,
    Column("name", Text, primary_key=True),
    Column("collection", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("leaf_index", BigInteger, nullable=False),
)
Index("view_registered_collection", registered.c.collection, registered.c.name)
technology_aliases = Table(
    "view_technology_aliases",
    metadata,
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("technology", Text, nullable=False),
    Column("alias", Text, nullable=False),
)
# Intervals in which an authorization is in force: the grant's own is 0, renewals follow. A row says
# what was known from leaf index `since` until before `until`; a revocation cuts it short.
authorizations = Table(
    "view_authorizations",
    metadata,
    Column("name", Text, primary_key=True),
    Column("period", Integer, primary_key=True, autoincrement=False),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False),
    Column("agency", Text, nullable=False),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("valid_until_us", BigInteger, nullable=False),
)
Index("view_authorizations_valid", authorizations.c.valid_until_us)
# Which authorizations have ever been bounded to a technology: an alias of it bears on them.
authorization_technologies = Table(
    "view_authorization_technologies",
    metadata,
    Column("technology", Text, primary_key=True),
    Column("authorization", Text, primary_key=True),
    Column("since", BigInteger, primary_key=True, autoincrement=False),
)
# Every entry that projections.registers keeps: read in order, they are the registers.
register_entries = Table(
    "view_register_entries",
    metadata,
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
)
# A difference between the ledger and another observer's log, and who resolved it, if anybody.
discrepancies = Table(
    "view_discrepancies",
    metadata,
    Column("found", BigInteger, primary_key=True, autoincrement=False),
    Column("discrepancy", Text, nullable=False, unique=True),
    Column("observation", Text, nullable=False),
    Column("observer", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("technology", Text),
    Column("use", Text),
    Column("resolved", BigInteger, nullable=False),
    Column("code", Text),
)
Index("view_discrepancies_agency", discrepancies.c.agency, discrepancies.c.found)
Index("view_discrepancies_observation", discrepancies.c.observation, discrepancies.c.found)
Index("view_discrepancies_use", discrepancies.c.use)
# Entries that this release could not fold: counted and reported, never skipped in silence.
unread = Table(
    "view_unread",
    metadata,
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
)


def open_engine(
    url: str,
    schema: str | None = None,
    *,
    make: bool = True,
    silent_s: float = VIEWS_SILENT_S,
) -> Engine:
    """An engine over the views, its tables made where they are missing or another release's.

    Args:
        url: `sqlite:///PATH`, or a libpq URL of PostgreSQL.
        schema: PostgreSQL's; None for SQLite.
        make: False for who only looks (an audit): nothing is made.
        silent_s: That PostgreSQL may say nothing to one statement, before it is given up.
    """
    if schema is None:
        engine = create_engine(url, poolclass=QueuePool, connect_args={"timeout": BUSY_TIMEOUT_S})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(
            "postgresql+psycopg://",
            # libpq reads the URL: it knows several hosts and every other parameter.
            creator=lambda: _connect(url, silent_s),
            pool_size=MAX_READ_CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            pool_timeout=STORE_CONNECT_S,
        ).execution_options(schema_translate_map={None: schema})
    if make:
        prepare(engine, schema, metadata, BEGINNING)
    return engine


def _connect(url: str, silent_s: float) -> Answering:
    connection = Answering.connect(url, **CONNECT)
    connection.silent_s = silent_s
    settle(connection)
    return connection


def let_go_when_idle(engine: Engine) -> None:
    """For who folds: transactions end by themselves where we are gone and nobody tells PostgreSQL.

    Nor do they wait for the disk: a crash may lose the newest, never one before an entry that it
    holds, and they are folded anew. Without that, a pass of some hundred entries waits a third of
    its time. Who needs more asks for it (usage_roots.synced).
    """
    if engine.dialect.name == "postgresql":
        event.listen(engine, "begin", _bound_idle)


def _bound_idle(connection: Connection) -> None:
    bound = f"SET LOCAL idle_in_transaction_session_timeout = '{VIEWS_SILENT_S}s'"
    connection.exec_driver_sql(f"{bound}; SET LOCAL synchronous_commit = off")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is the only one
    use_wal(connection)
    # A crash may lose the newest batches; position goes back with them and they are refolded.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    # Whatever was done to a text, an audit must be able to read it.
    connection.text_factory = lambda data: data.decode(errors="surrogateescape")
