"""What does a vendor's export look like, with nobody in it? Invented files in the real layouts.

    seed ──random.Random──► rows ──csv──► bytes, the same ones every time

For demonstrations, tests and benchmarks. Every name, plate, case and id is made up; the habits
are not: hurried reasons, blank ones, a few accounts doing most of the searching.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final
from uuid import UUID

_FIRST_DAY: Final = datetime(2025, 6, 18)  # civil times; the layouts say that they are UTC
_YEAR_MS: Final = 365 * 86_400_000
_OFFICERS: Final = (
    *("A. Alder", "B. Birch", "C. Cedar", "D. Dogwood", "E. Elm", "F. Fir", "G. Ginkgo"),
    *("H. Hawthorn", "I. Ironwood", "J. Juniper", "K. Kauri", "L. Larch", "M. Maple", "N. Nutmeg"),
)
_REASONS: Final = {
    "investigation": 30,
    "Investigation": 12,
    "inv": 9,
    "investigative": 8,
    "Stolen Vehicle": 8,
    "Property Crime": 7,
    "Person Crime": 6,
    "Missing Person": 4,
    "welfare check": 4,
    "hit and run": 4,
    "BOLO": 3,
    "warrant service, see case": 2,
    "burglary suspect vehicle,\nseen leaving northbound": 1,  # a quoted line feed
    'witness said "grey van"': 1,
    "x": 2,
    "": 2,
}
_FILTERS: Final = ("", "", "", "suv, black", "sedan, white", "pickup", "roof rack")
_PROMPTS: Final = ("white van with a ladder", "pickup towing a boat", "blue hatchback, dented door")
_OFFENCES: Final = ("", "Stolen Vehicle", "Burglary", "Missing Person", "Hit and Run")
_AUDIT_COLUMNS: Final = (
    *("ID", "Name", "Org Name", "Total Networks Searched", "Total Devices Searched"),
    *("Time Frame", "License Plate", "Reason", "Case #", "Filters", "Search Time"),
    *("Search Type", "Text Prompt", "Moderation", "Offense Type"),
)


def sample_export(rows: int = 600, seed: int = 2025) -> bytes:
    """A search log as a portal offers it: `id,userId,searchDate,cameraCount,reason`."""
    chance = Random(seed)  # noqa: S311  # to be repeatable, not secret
    users = [_uuid(chance) for _ in range(max(3, min(40, rows // 12)))]
    lines: list[Sequence[object]] = [("id", "userId", "searchDate", "cameraCount", "reason")]
    for at in _moments(chance, rows):
        cameras = chance.choices(
            (0, chance.randint(60, 110), chance.randint(2200, 2600)), (2, 30, 68)
        )
        time = at.isoformat(" ", "milliseconds")
        lines.append((_uuid(chance), _busy(chance, users), time, cameras[0], _reason(chance)))
    return _csv(lines)


def sample_audit(rows: int = 300, seed: int = 2025, *, org_name: str = "Sampleton OR PD") -> bytes:
    """An organisation audit of 15 columns, its names and plates partly masked."""
    chance = Random(seed)  # noqa: S311  # to be repeatable, not secret
    lines: list[Sequence[object]] = [_AUDIT_COLUMNS]
    for at in _moments(chance, rows):
        kind = chance.choices(("lookup", "search", "convoy", "freeform"), (70, 22, 5, 3))[0]
        prompted = kind == "freeform"
        plate = "" if prompted else f"ZZ{chance.randint(0, 99_999):05d}"
        start = at - timedelta(hours=chance.choice((6, 24, 168, 720)))
        lines.append(
            (
                _uuid(chance),
                chance.choices((_busy(chance, _OFFICERS), "***"), (92, 8))[0],
                org_name,
                chance.randint(1, 900),
                chance.randint(40, 30_000),
                f"{_audit_time(start)}\n{_audit_time(at)}",
                chance.choices((plate, "***" if plate else ""), (80, 20))[0],
                _reason(chance),
                chance.choices(
                    ("", f"25-{chance.randint(0, 99_999):05d}", "REDACTED"), (50, 45, 5)
                )[0],
                chance.choice(_FILTERS),
                _audit_time(at),
                kind,
                chance.choice(_PROMPTS) if prompted else "",
                "allow" if prompted else "",
                chance.choice(_OFFENCES),
            )
        )
    return _csv(lines)


def _moments(chance: Random, count: int) -> list[datetime]:
    """Moments of one year in their order, to the millisecond."""
    offsets = sorted(chance.randrange(_YEAR_MS) for _ in range(count))
    return [_FIRST_DAY + timedelta(milliseconds=offset) for offset in offsets]


def _busy(chance: Random, people: Sequence[str]) -> str:
    """One of them, the first far more often than the last."""
    return people[int(len(people) * chance.random() ** 2)]


def _reason(chance: Random) -> str:
    return chance.choices(tuple(_REASONS), tuple(_REASONS.values()))[0]


def _uuid(chance: Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def _audit_time(at: datetime) -> str:
    return at.strftime("%m/%d/%Y, %I:%M:%S %p UTC")


def _csv(lines: Sequence[Sequence[object]]) -> bytes:
    """As the vendor writes: texts quoted, numbers bare, line feeds."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n").writerows(lines)
    return out.getvalue().encode()
