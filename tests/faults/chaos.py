"""How much is broken? All of it in `make chaos`, the same few everywhere in every other run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

VARIABLE: Final = "CANDOUR_CHAOS"
CHAOS: Final = os.environ.get(VARIABLE) == "1"


def some(every: Sequence[T], few: int, *, chaos: int | None = None, shift: float = 0.5) -> list[T]:
    """`few` of them, spread evenly and always the same; in `make chaos` more.

    Args:
        chaos: How many in `make chaos`; None for all.
        shift: From 0 to 1: others of them, so that tests of one kind do not all try the same.
    """
    wanted = few
    if CHAOS:
        wanted = len(every) if chaos is None else chaos
    if len(every) <= wanted:
        return list(every)
    return [every[int((number + shift) * len(every) / wanted)] for number in range(wanted)]
