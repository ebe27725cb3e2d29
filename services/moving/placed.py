"""Where does each ledger of a routing table live, and what is there? The databases are asked.

Routes ──each route──► its database ──► here │ being moved │ moved away │ a copy │ not reached
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.directory import DIRECTORY
from ledger.errors import CandourError
from ledger.store.copied import NOT_SERVABLE
from ledger.store.core import LedgerStore, StoreMismatch
from ledger.store.moved import Mark
from ledger.store.postgres import PostgresStore
from services.moving.places import COPY
from services.runtime.routes import Route, read_routes, shown


def placed(path: Path) -> Iterator[dict[str, Any]]:
    """A row a ledger, the directory last. Raises RoutesRefused; a database that is away is a row."""
    routes = read_routes(path)
    for name, route in routes.ledgers.items():
        yield _row(name, route)
    if routes.directory is not None:
        yield _row(DIRECTORY, routes.directory)


def _row(ledger: str, route: Route) -> dict[str, Any]:
    row: dict[str, Any] = {
        "ledger": ledger,
        "place": shown(route.database),
        "origin": None,
        "tree_size": None,
        "root": None,
        "published": None,
    }
    try:
        store = PostgresStore(route.database, ledger, create=False)
    except StoreMismatch:
        return {**row, "state": "not begun"}
    except CandourError as error:
        return {**row, "state": f"not reached: {error}"}
    try:
        return {**row, **_found(store, route)}
    except CandourError as error:
        return {**row, "state": f"not reached: {error}"}
    finally:
        store.close()


def _found(store: LedgerStore, route: Route) -> dict[str, Any]:
    meta, head, newest = store.meta(), store.head(), store.published()
    return {
        "state": _state(meta, route),
        "origin": meta.get("origin"),
        "tree_size": head.tree_size,
        "root": head.root.hex(),
        "published": None if newest is None else newest.tree_size,
    }


def _state(meta: dict[str, str], route: Route) -> str:
    if (mark := Mark.of(meta)) is not None:
        return f"moved to {mark.to}" if mark.handed_over else f"stopped, to be moved to {mark.to}"
    if NOT_SERVABLE in meta:
        return "a copy that no move has ended" if COPY in meta else "restored, not to be served"
    if "origin" not in meta:
        return "not begun"
    if route.origin not in (None, meta["origin"]):
        return f"another ledger than {route.origin}"
    return "here"
