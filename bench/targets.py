"""What must each figure reach? The one table of targets, by figure, store and size.

    Figure ──target_of(name, store, size)──► Bound ──holds(median)──► reached or missed

A target speaks of a size: a million uses, a load of sixty thousand. A figure measured at a smaller
one is shown, and judged by nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

FIRST_LIGHT: Final = "First light"
TRUST: Final = "Trust without us"
OVERSIGHT: Final = "The oversight record"
RUN: Final = "Run it for real"

MILLION: Final = 1_000_000
TEN_MILLION: Final = 10 * MILLION


@dataclass(frozen=True, slots=True)
class Bound:
    """`>=`, `<=` or `<`, and a value in the unit of its figure."""

    sign: str
    value: float

    def __post_init__(self) -> None:
        if self.sign not in (">=", "<=", "<"):
            raise ValueError(f"no sign of a bound: {self.sign}")

    def holds(self, measured: float) -> bool:
        if self.sign == ">=":
            return measured >= self.value
        return measured <= self.value if self.sign == "<=" else measured < self.value

    def __str__(self) -> str:
        return (
            f"{self.sign} {self.value:g}" if self.value < MILLION else f"{self.sign} {self.value}"
        )

    @classmethod
    def of(cls, text: str) -> Bound:
        """The bound that `str` wrote. Raises ValueError."""
        sign, _, value = text.partition(" ")
        return cls(sign, float(value))


def at_least(value: float) -> Bound:
    return Bound(">=", value)


def at_most(value: float) -> Bound:
    return Bound("<=", value)


@dataclass(frozen=True, slots=True)
class Target:
    """What one figure must reach.

    Attributes:
        figure: Its name in results.
        unit: Its unit there.
        issue: Who asked for it.
        bounds: By store.
        size: Uses, or entries, from which on it speaks.
    """

    figure: str
    unit: str
    issue: str
    bounds: Mapping[str, Bound]
    size: int


def _both(bound: Bound) -> dict[str, Bound]:
    return {"postgres": bound, "sqlite": bound}


BATCHES: Final = "batches of 500 by 4 callers, durable"
UNARY: Final = "64 unary callers, durable"
STREAM: Final = "client stream of single uses, durable"
OFFERED: Final = "unary offered at 600/s, p99"
CATCH_UP: Final = "projections catching up"
LAG: Final = "projection lag at half load, p99"
FIRST_PAGE: Final = "first page of a filtered list, worst of eight, p99"
STORAGE: Final = "storage all told"
STORAGE_IMPORTED: Final = "storage all told, imported rows"
IMPORT_MEMORY: Final = "import of CSV rows: server memory, peak"
INCLUSION: Final = "inclusion proof, p99"
AUDIT_CORE: Final = "audit from tiles, one core"
COUNT_PROOF: Final = "usage index: count proof and inclusion, p99"
PROOF_BYTES: Final = "usage index: the largest proof as JSON"
INDEX_COST: Final = "usage index: its cost to ingest"
INDEX_KEEPS_UP: Final = "usage index: uses of 200 agencies, until a root covers them"
INDEX_FOLD: Final = "usage index: the fold alone, uses of one day"
VERIFYING: Final = "verifying 1,000 entries, start included"
QUESTIONS: Final = "all questions, first page, p99"
AGGREGATES: Final = "aggregates as of the middle, worst"
RECONCILING: Final = "reconciling by id"
RECONCILING_TIMES: Final = "reconciling by time and fields"
BOTH_MEMORIES: Final = "client and server memory, peak"
TELEMETRY_BATCHES: Final = "telemetry: batches lost, figures"
TELEMETRY_UNARY: Final = "telemetry: unary calls lost, figures"

TARGETS: Final = (
    Target(
        *(BATCHES, "uses/s", RUN, {"postgres": at_least(20_000), "sqlite": at_least(15_000)}),
        size=60_000,
    ),
    Target(
        *(UNARY, "uses/s", RUN, {"postgres": at_least(1_500), "sqlite": at_least(1_000)}),
        size=8_000,
    ),
    Target(
        *(STREAM, "uses/s", RUN, {"postgres": at_least(6_000), "sqlite": at_least(5_000)}),
        size=30_000,
    ),
    Target(
        *(OFFERED, "ms", RUN, {"postgres": at_most(30), "sqlite": at_most(120)}),
        size=9_000,
    ),
    Target(CATCH_UP, "entries/s", RUN, _both(at_least(15_000)), size=60_000),
    Target(LAG, "ms", RUN, _both(at_most(200)), size=60_000),
    Target(FIRST_PAGE, "ms", RUN, _both(at_most(50)), size=MILLION),
    Target(STORAGE, "bytes/use", RUN, _both(at_most(2_500)), size=100_000),
    Target(STORAGE_IMPORTED, "bytes/use", RUN, _both(at_most(2_500)), size=100_000),
    Target(IMPORT_MEMORY, "MB", RUN, _both(Bound("<", 400)), size=MILLION),
    Target(INCLUSION, "ms", FIRST_LIGHT, _both(at_most(10)), size=MILLION),
    Target(AUDIT_CORE, "entries/s", TRUST, {"tiles": at_least(150_000)}, size=100_000),
    Target(COUNT_PROOF, "ms", TRUST, _both(at_most(20)), size=MILLION),
    Target(COUNT_PROOF, "ms", TRUST, _both(at_most(50)), size=TEN_MILLION),
    Target(PROOF_BYTES, "kB", TRUST, _both(at_most(12)), size=MILLION),
    Target(INDEX_COST, "%", TRUST, _both(at_most(15)), size=60_000),
    Target(INDEX_KEEPS_UP, "uses/s", TRUST, _both(at_least(5_000)), size=60_000),
    Target(INDEX_FOLD, "uses/s", TRUST, _both(at_least(5_000)), size=60_000),
    Target(VERIFYING, "s", TRUST, _both(at_most(1)), size=1_000),
    Target(QUESTIONS, "ms", OVERSIGHT, _both(at_most(200)), size=MILLION),
    Target(AGGREGATES, "ms", OVERSIGHT, _both(at_most(1_000)), size=MILLION),
    Target(RECONCILING, "s", OVERSIGHT, _both(at_most(120)), size=MILLION),
    Target(RECONCILING_TIMES, "s", OVERSIGHT, _both(at_most(120)), size=MILLION),
    Target(
        *(f"{RECONCILING}: {BOTH_MEMORIES}", "MB", OVERSIGHT, _both(at_most(1_000))),
        size=MILLION,
    ),
    Target(
        *(f"{RECONCILING_TIMES}: {BOTH_MEMORIES}", "MB", OVERSIGHT, _both(at_most(1_000))),
        size=MILLION,
    ),
    # ADR 0027's own budget.
    Target(TELEMETRY_BATCHES, "%", RUN, _both(at_most(2)), size=60_000),
    Target(TELEMETRY_UNARY, "%", RUN, _both(at_most(2)), size=7_500),
)


def target_of(figure: str, store: str, size: int) -> Bound | None:
    """What a figure must reach at this size; None where nothing was asked.

    Of two targets for one figure the one for the larger size counts, once a figure is that large.
    """
    asked = [t for t in TARGETS if t.figure == figure and store in t.bounds and t.size <= size]
    return max(asked, key=lambda target: target.size).bounds[store] if asked else None


def half_load(store: str) -> int:
    """Uses a second: half of what batches must reach."""
    (batches,) = (target for target in TARGETS if target.figure == BATCHES)
    return int(batches.bounds[store].value / 2)
