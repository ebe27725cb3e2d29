"""How much is measured? Everything, or (`--quick`) enough to see in two minutes that it works.

A target speaks of the sizes of FULL. What QUICK measures is shown with its size and judged by none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bench.targets import MILLION, TEN_MILLION


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a run's loads and ledgers are, and how often each is asked.

    Attributes:
        batch_runs, runs: How often the loads are repeated: batches, and all others.
        batch, unary, stream: Uses of each load.
        offered_s, lag_s: Seconds that uses are offered at a fixed rate.
        fold: Entries folded into fresh views, at most.
        verified: Entries of the bundle that is checked.
        counts, proofs, pages: Calls for a proven count, an inclusion proof, each filter's page.
        filled: Uses of the ledger that is filled once and asked by all that follows.
        grown: To how many it grows afterwards; 0 for not at all.
        question_calls, middle_calls: Of each question, first page and as of the middle.
        indexed: Uses of the log that the usage index is made over, one size after another.
        spread: Uses of 200 agencies.
        cost, cost_rounds: Uses of each load in the comparisons, and how many rounds of these.
        tiles, tile_runs: Entries audited from outside, and how often.
    """

    batch_runs: int
    runs: int
    batch: int
    unary: int
    stream: int
    offered_s: float
    lag_s: float
    fold: int
    verified: int
    counts: int
    proofs: int
    pages: int
    filled: int
    grown: int
    question_calls: int
    middle_calls: int
    indexed: tuple[int, ...]
    spread: int
    cost: int
    cost_rounds: int
    tiles: int
    tile_runs: int


FULL: Final = Sizes(
    batch_runs=5,
    runs=3,
    batch=60_000,
    unary=8_000,
    stream=30_000,
    offered_s=15,
    lag_s=10,
    fold=60_000,
    verified=1_000,
    counts=200,
    proofs=500,
    pages=200,
    filled=MILLION,
    grown=0,
    question_calls=20,
    middle_calls=3,
    indexed=(MILLION,),
    spread=60_000,
    cost=60_000,
    cost_rounds=5,
    tiles=600_000,
    tile_runs=3,
)
QUICK: Final = Sizes(
    batch_runs=1,
    runs=1,
    batch=8_000,
    unary=1_000,
    stream=4_000,
    offered_s=1.5,
    lag_s=0.6,
    fold=6_000,
    verified=1_000,
    counts=30,
    proofs=60,
    pages=20,
    filled=1_500,
    grown=0,
    question_calls=1,
    middle_calls=1,
    indexed=(4_000,),
    spread=3_000,
    cost=3_000,
    cost_rounds=1,
    tiles=20_000,
    tile_runs=1,
)
# Beside FULL, with --large.
LARGE_GROWN: Final = TEN_MILLION
# Where `--growth` looks, and with --large.
GROWTH: Final = (10_000, 30_000, 100_000, 300_000, MILLION)
GROWTH_LARGE: Final = (*GROWTH, TEN_MILLION)
GROWTH_QUICK: Final = (1_500,)
