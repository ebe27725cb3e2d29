"""What does a country need? Arithmetic: how many agencies, how many uses of each, times what one use costs.

Case (agencies x uses a day) ──need(bytes, microseconds a use)──► uses a second, bytes a year, cores
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400
YEAR_DAYS: Final = 365
# Published: one department's search log (Eugene, Oregon; 18 June to 2 December 2025): 4,294 searches in
# 168 days, by 147 accounts; the busiest minute had 7, the busiest hour of the day 7.4 % of all.
EUGENE_A_DAY: Final = 4_294 / 168
BUSIEST_HOUR: Final = 0.074 * 24
# Published: agencies' transparency portals, 26 April 2024 (collected by The News & Observer): 308 say how many
# searches the last 30 days had, 73,230 together; 295 how many alerts of hot lists, 624,848 together.
PORTAL_A_DAY: Final = 73_230 / 308 / 30
ALERTS_A_DAY: Final = 624_848 / 295 / 30
# Bureau of Justice Statistics, census of 2018: state and local agencies of the United States.
AGENCIES: Final = 17_541
# A guess, and named as one: how many technologies an agency reports that are used as often as this one.
TECHNOLOGIES: Final = 10


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody who reports."""

    name: str
    agencies: int
    uses_a_day: float  # of each agency, all technologies together


CASES: Final = (
    Case("one department, one technology", 1, EUGENE_A_DAY),
    Case("200 agencies, one technology", 200, PORTAL_A_DAY),
    Case("the country, one technology", AGENCIES, PORTAL_A_DAY),
    Case("the country, ten technologies", AGENCIES, TECHNOLOGIES * PORTAL_A_DAY),
    Case("the country as busy as that one department, ten", AGENCIES, TECHNOLOGIES * EUGENE_A_DAY),
    Case("the country, every alert reported as well", AGENCIES, PORTAL_A_DAY + ALERTS_A_DAY),
)


@dataclass(frozen=True, slots=True)
class Need:
    """What a case asks of machines."""

    uses_a_day: float
    mean_a_second: float
    busy_a_second: float  # in the busiest hour, were all of them in one time zone
    bytes_a_year: float
    cores: float  # in the busiest hour


def need(case: Case, *, bytes_a_use: float, cpu_us_a_use: float) -> Need:
    """Of a case, at what a use costs."""
    day = case.agencies * case.uses_a_day
    busy = day / DAY_S * BUSIEST_HOUR
    return Need(
        uses_a_day=day,
        mean_a_second=day / DAY_S,
        busy_a_second=busy,
        bytes_a_year=day * YEAR_DAYS * bytes_a_use,
        cores=busy * cpu_us_a_use / 1e6,
    )


def ledgers_of_memory(memory_mb: float, *, server_mb: float, more_mb: float, each_mb: float) -> int:
    """How many ledgers fit beside one another.

    Args:
        memory_mb: What they may use.
        server_mb: Of a server with one ledger.
        more_mb: Of one ledger more in it.
        each_mb: Of each one's projector.
    """
    return max(0, int((memory_mb - server_mb + more_mb) // (more_mb + each_mb)))


def hours(uses: float, rate: float) -> float:
    """To do something with so many uses at so many a second."""
    return uses / rate / 3600
