"""How many values does one statement take? A long list goes to a database in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_MAX_VARIABLES: Final = 1_000  # of one statement: well under SQLite's own bound


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in order, as many at once as one statement may name."""
    for start in range(0, len(items), _MAX_VARIABLES):
        yield items[start : start + _MAX_VARIABLES]
