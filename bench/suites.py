"""Which suites are there? All of bench, in the order in which it is measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from bench import audit, costs, filled, fresh, growth, ledgers, usage_at_size
from bench.suite import Suite

STORES: Final = ("postgres", "sqlite")


def all_suites(growth_sizes: Sequence[int], *, large: bool) -> list[Suite]:
    """Every suite; with `large` the filled ledger grows as well."""
    steps = (*filled.STEPS, *filled.GROWN_STEPS) if large else filled.STEPS
    return [
        Suite("fresh ledger", fresh.STEPS, fresh.fresh),
        Suite("filled ledger", steps, filled.filled, under=filled.IMPORT),
        Suite("usage index", usage_at_size.STEPS, usage_at_size.usage_at_size),
        Suite("costs", costs.STEPS, costs.costs),
        growth_suite(growth_sizes),
        Suite("tiles", audit.STEPS, audit.audit, stores=(audit.STORE,)),
        Suite("ledgers", ledgers.STEPS, ledgers.idle_ledgers, stores=("sqlite",)),
    ]


def growth_suite(sizes: Sequence[int]) -> Suite:
    """A ledger that grows to these sizes. It is taken whole: each size stands on those before."""
    steps = tuple(growth.step_of(uses) for uses in sorted(sizes))
    return Suite("growth", steps, partial(growth.growth, sizes=sizes))
