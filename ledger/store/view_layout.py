"""Are the views there, and are they this release's? What another release left is made anew.

    engine ──prepare──► as they should be: nothing │ missing: created │ another layout: dropped, created

Views follow from the log, so none is ever altered: a rebuild is the only migration. The tables of
an older layout need not be known here; whatever is called `view_…` goes, but for the usage
index's own tables, which are emptied (usage_tables.clear) and keep what only they know.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from sqlalchemy import Connection, Engine, MetaData, Table, inspect, select

from ledger.store import usage_tables

BEFORE_NUMBERS: Final = 1  # views that do not say which layout they have
NO_ROW: Final = 0  # views whose position is gone
_POSITION: Final = "view_position"
_OF_THE_INDEX: Final = "view_usage_"
_log = logging.getLogger("candour.views")


def prepare(
    engine: Engine, schema: str | None, metadata: MetaData, beginning: dict[str, Any]
) -> None:
    """Make the tables of `metadata` that are missing, or all of them anew.

    Args:
        schema: PostgreSQL's; None for SQLite.
        beginning: The row of `view_position` in empty views, with its `layout`.
    """
    wanted = beginning["layout"]
    with engine.connect() as connection:
        if _is_ready(connection, schema, metadata, wanted):
            return  # without the writer's lock, which the projector may hold for long
    with engine.connect().execution_options(immediate=True) as connection, connection.begin():
        if schema is not None:
            connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock(hashtext(%s))", (f"{schema}.views",)
            )
        usage_tables.create(connection)
        found = layout_of(connection, schema)
        if found not in (None, wanted):
            _log.warning("views of layout %s, not %s: they are made anew", found, wanted)
            _drop_all(connection, schema)
            usage_tables.clear(connection)
        create(connection, metadata, beginning)


def create(connection: Connection, metadata: MetaData, beginning: dict[str, Any]) -> None:
    """Make the tables that are missing; a new position is 0."""
    metadata.create_all(connection)
    if connection.dialect.name == "sqlite":
        _plan(connection, metadata)
    position = metadata.tables[_POSITION]
    if connection.execute(select(position.c.id)).first() is None:
        connection.execute(position.insert().values(beginning))


def _plan(connection: Connection, metadata: MetaData) -> None:
    """Tell SQLite's planner what to count with (`info["planned_for"]` of a table), as ANALYZE would."""
    connection.exec_driver_sql("ANALYZE sqlite_schema")  # makes the table
    for table in metadata.tables.values():
        told = table.info.get("planned_for", {})
        connection.exec_driver_sql("DELETE FROM sqlite_stat1 WHERE tbl = ?", (table.name,))
        for index, numbers in told.items():
            connection.exec_driver_sql(
                "INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", (table.name, index, numbers)
            )
    connection.exec_driver_sql("ANALYZE sqlite_schema")  # reads it


def layout_in(engine: Engine) -> int | None:
    """The layout number that the views behind an engine say they have; None where there are none."""
    schema = (engine.get_execution_options().get("schema_translate_map") or {}).get(None)
    with engine.connect() as connection:
        return layout_of(connection, schema)


def layout_of(connection: Connection, schema: str | None) -> int | None:
    """As `layout_in`."""
    there = inspect(connection)
    if not there.has_table(_POSITION, schema=schema):
        return None
    columns = {column["name"] for column in there.get_columns(_POSITION, schema=schema)}
    if "layout" not in columns:
        return BEFORE_NUMBERS
    position = Table(_POSITION, MetaData(), schema=schema, autoload_with=connection)
    found: int | None = connection.execute(select(position.c.layout)).scalar()
    return NO_ROW if found is None else found


def _is_ready(connection: Connection, schema: str | None, metadata: MetaData, wanted: int) -> bool:
    needed = {*metadata.tables, *usage_tables.metadata.tables}
    there = set(inspect(connection).get_table_names(schema=schema))
    return needed <= there and layout_of(connection, schema) == wanted


def _drop_all(connection: Connection, schema: str | None) -> None:
    quote = connection.dialect.identifier_preparer.quote
    within = "" if schema is None else f"{quote(schema)}."
    for name in inspect(connection).get_table_names(schema=schema):
        if name.startswith("view_") and not name.startswith(_OF_THE_INDEX):
            connection.exec_driver_sql(f"DROP TABLE {within}{quote(name)}")
