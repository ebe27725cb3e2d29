"""Where do a ledger's views live? Apart from what reads them, so that a projector stays small."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from ledger.limits import VIEWS_SILENT_S
from ledger.store.postgres import schema_of
from ledger.store.view_tables import open_engine
from services.runtime.settings import Settings


def views_path(settings: Settings) -> Path:
    """Where the SQLite views of a ledger live."""
    return settings.data / f"{settings.ledger}.views.db"


def open_views(
    settings: Settings, *, make: bool = True, silent_s: float = VIEWS_SILENT_S
) -> Engine:
    """The engine over a ledger's views; with `make` they are made, or made anew, where needed.

    Args:
        silent_s: STORE_LONG_S for whoever reads or writes whole tables.
    """
    if settings.database_url is not None:
        schema = schema_of(settings.ledger)
        return open_engine(settings.database_url, schema, make=make, silent_s=silent_s)
    return open_engine(f"sqlite:///{views_path(settings)}", make=make)
