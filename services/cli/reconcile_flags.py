"""What do the flags of `candour reconcile` ask for? A column map, a span, moments, fields.

--layout, --map, --zone ──layout_of_flags──► Layout      --window 5m ──► microseconds
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ledger.errors import Malformed
from ledger.ingest import Layout, layout_named, layout_of, load_layout
from ledger.limits import MAX_MATCH_WINDOW_S
from ledger.observers.fields import TECHNOLOGY, comparable
from services.cli.conditions import us_of
from services.cli.failures import USAGE, CommandFailed

_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SPAN: Final = re.compile(r"(\d{1,6})([smhd])")


def layout_of_flags(
    name: str | None, column_map: Path | None, zone: str | None, file: Path
) -> Layout | None:
    """The column map that is asked for; None lets the header choose.

    Raises:
        Malformed: No column map of this name, or one that cannot be used; an unknown zone.
        CommandFailed: Two are asked for.
    """
    found: Layout | None = None
    if name is not None and column_map is not None:
        raise CommandFailed("--layout and --map both name a column map", exit_code=USAGE)
    if name is not None and name.endswith(".toml"):
        column_map, name = Path(name), None
    if column_map is not None:
        try:
            found = load_layout(column_map.read_text("utf-8"))
        except UnicodeDecodeError:
            raise Malformed("--map", f"{column_map} is not UTF-8") from None
    elif name is not None:
        found = layout_named(name)
    if zone is None:
        return found
    with file.open("rb") as lines:
        return layout_of(lines, layout=found).in_zone(zone)


def window_us(text: str) -> int:
    """Raises Malformed."""
    match = _SPAN.fullmatch(text.strip())
    seconds = int(match[1]) * _UNITS[match[2]] if match else -1
    if not 0 <= seconds <= MAX_MATCH_WINDOW_S:
        raise Malformed("--window", "must be a number and s, m, h or d, a day at most: 30s, 5m, 1h")
    return seconds * 1_000_000


def moment_us(text: str | None, flag: str) -> int | None:
    """Raises Malformed."""
    return None if text is None else us_of(text, flag, at_end=flag == "--to")


def ignored(names: list[str]) -> frozenset[str]:
    """Fields that are not compared. Raises Malformed."""
    for name in names:
        if not comparable(name) or name == TECHNOLOGY:
            raise Malformed("--ignore", "must be a field of a column map, as `devices_searched`")
    return frozenset(names)
