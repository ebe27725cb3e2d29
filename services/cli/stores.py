"""How does a command read a ledger's database without a server? And show how far it is?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.cli.failures import CommandFailed

if TYPE_CHECKING:
    from ledger.store.core import LedgerStore
    from services.runtime.settings import Settings


@contextmanager
def existing_store(settings: Settings) -> Iterator[LedgerStore]:
    """The store of a ledger that has begun: whoever only reads makes none.

    Raises:
        CommandFailed: There is none.
        StoreUnavailable: The database is away.
    """
    from services.runtime.hosting import open_store

    path = settings.data / f"{settings.ledger}.db"
    if settings.database_url is None and not path.is_file():
        raise CommandFailed(f"There is no {path}", "Say where with --data or --database-url")
    store = open_store(settings, create=False)
    try:
        if not store.meta():
            raise CommandFailed(f"No ledger {settings.ledger} was ever served from there")
        yield store
    finally:
        store.close()


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage (name, done, total), on stderr where somebody watches it."""
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    console = Console(stderr=True)
    with Bars(console=console, disable=not console.is_terminal, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show
