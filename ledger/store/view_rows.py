"""How do thousands of rows get into a table at the least cost? Past SQLAlchemy, by the driver.

    rows ──► PostgreSQL: COPY … FROM STDIN    SQLite: one prepared INSERT, a tuple a row

SQLAlchemy reads each row's parameters anew and psycopg sends an execution each: 35 us a row of
`view_uses`, where COPY takes 9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Connection, Table


def insert_rows(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that hold every column of a table of two columns or more; all, or it raises.

    Raises:
        DriverError: Of the driver, as it came.
    """
    if not rows:
        return
    columns = [column.name for column in table.columns]
    values = map(itemgetter(*columns), rows)
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        named = ", ".join(f'"{name}"' for name in columns)
        places = ", ".join("?" * len(columns))
        # Names of our own tables; SQLite has no other way to be told them.
        connection.exec_driver_sql(
            f'INSERT INTO "{table.name}" ({named}) VALUES ({places})',
            list(values),
        )
        return
    schema = connection.get_execution_options().get("schema_translate_map", {}).get(None)
    place = sql.Identifier(table.name) if schema is None else sql.Identifier(schema, table.name)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        place, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in values:
            copy.write_row(row)
