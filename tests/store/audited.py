"""A ledger with a past, and a hand with all rights on its database."""

from __future__ import annotations

import sqlite3
from typing import Any

import psycopg

from ledger.commands import Performer, ReportToolUse
from ledger.events import Occurred, ToolUseReported
from ledger.merkle import Frontier, leaf_hash, new_tiles
from ledger.store.audit import AuditReport, audit_ledger
from ledger.store.core import Published
from ledger.store.view_writer import ViewWriter
from tests import strategies as told
from tests.ledgers import ORIGIN, SIGNER, Ledger, Place, PostgresPlace, SqlitePlace

REPORTS = 270  # more than a tile of leaves


def report(number: int) -> ReportToolUse:
    return ReportToolUse(
        use=ToolUseReported(
            agency=told.AGENCIES[number % 2],
            technology=told.TECHNOLOGIES[number % 3],
            occurred=Occurred(earliest=f"2026-01-01T00:{number % 60:02}:00Z"),
            unit="traffic" if number % 5 else None,
        ),
        source="sources/s",
        source_event_id=str(number),
        capture="backfill",
        performer=Performer(user_id=f"user {number % 7}"),
        protected={"case_number": f"24-{number:04}", "reason": "Überprüfung", "subject": "S"},
    )


class Audited:
    """A ledger with a past, its views, and a hand with all rights on its database."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.store, self.views = place.begin()
        self.ledger = Ledger(self.store)

    def live(self) -> None:
        """Reports in commits of many sizes, changes to some, checkpoints in between."""
        self.ledger.tell([told.Declare(0), told.Alias("technologies/t", "technologies/w")])
        self.publish()
        for start in range(0, REPORTS, 45):
            batch = [report(number) for number in range(start, start + 45)]
            self.ledger.tell([told.Report(tuple(batch[:1])), told.Report(tuple(batch[1:]), 0)])
        self.publish()
        self.ledger.tell(
            [
                told.Withdraw(3),
                told.Link(4, "authorizations/k"),
                told.Foreign(4),
                told.Link(4, "authorizations/l"),
                told.SameAs(5, 6),
                told.Report((report(1_000),)),
            ]
        )
        self.publish()
        self.fold()

    @property
    def size(self) -> int:
        return self.store.head().tree_size

    def publish(self) -> None:
        head = self.store.head()
        note = self.ledger.log.checkpoint(head)
        self.store.publish(Published(head.tree_size, note, self.ledger.now_us()))

    def fold(self) -> None:
        ViewWriter(self.views, self.store).catch_up(batch=50)

    def audit(self) -> AuditReport:
        return audit_ledger(self.store, self.views, vkey=SIGNER.verifier_key, origin=ORIGIN)

    def sql(self, statement: str, *values: Any) -> list[Any]:
        """Run one statement, `?` for each value; a statement on views names one (`view_…`)."""
        if isinstance(self.place, PostgresPlace):
            with psycopg.connect(self.place.url) as connection:
                connection.execute("SET search_path = candour_main")
                done = connection.execute(statement.replace("?", "%s").encode(), values)
                return done.fetchall() if done.description else []
        assert isinstance(self.place, SqlitePlace)
        path = self.place.views if "view_" in statement else self.place.path
        file = sqlite3.connect(path)
        try:
            with file:
                return file.execute(statement, values).fetchall()
        finally:
            file.close()

    def entry(self, leaf_index: int) -> bytes:
        ((entry,),) = self.sql("SELECT entry FROM entries WHERE leaf_index = ?", leaf_index)
        return bytes(entry)

    def rewrite_derived(self) -> None:
        """Make tiles and head anew from the entries that are there, as an insider could."""
        rows = self.sql("SELECT entry FROM entries ORDER BY leaf_index")
        frontier, tiles = new_tiles(Frontier(), [leaf_hash(bytes(entry)) for (entry,) in rows])
        self.sql("DELETE FROM tile_hashes")
        for tile in tiles:
            row = (tile.level, tile.index, tile.offset, tile.hashes)
            self.sql("INSERT INTO tile_hashes VALUES (?, ?, ?, ?)", *row)
        self.sql(
            "UPDATE head SET tree_size = ?, root = ?, frontier = ?",
            *(frontier.size, frontier.root(), frontier.to_bytes()),
        )
