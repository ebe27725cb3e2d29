"""What is imported? A synthetic portal log, in a vendor's layout; every name in it is invented."""

from __future__ import annotations

import csv
import random
import time
import uuid
from pathlib import Path
from typing import Final

_START: Final = 1_704_067_200  # 2024-01-01
_YEAR_S: Final = 365 * 86_400
_EVERY_S: Final = 30
PEOPLE: Final = 400


def write_export(path: Path, rows: int, *, first: int = 0) -> None:
    """One search every 30 s by one of 400 people; of fewer rows than fill a year, evenly over it.

    Args:
        first: Rows that files before it held: it goes on where they end.
    """
    draw = random.Random(5 + first)
    every_s = max(_EVERY_S, _YEAR_S // (first + rows))
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "userId", "searchDate", "cameraCount", "reason"])
        for number in range(first, first + rows):
            seconds = _START + number * every_s
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
            writer.writerow(
                [
                    str(uuid.UUID(int=draw.getrandbits(128))),
                    performer(draw.randrange(PEOPLE)),
                    f"{when}.{draw.randrange(1000):03d}",
                    draw.randrange(3000),
                    draw.choice(["investigation", "stolen vehicle", "missing person"]),
                ]
            )


def performer(number: int) -> str:
    """The user id of one of the 400."""
    return str(uuid.UUID(int=number * 7_919 + 1))
