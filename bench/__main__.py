"""What is fast, how it grows, against what: `python -m bench [--quick] [--store S] [--only TEXT]`.

Merges what it measured into bench/results/latest.json, a list of {name, store, median, spread,
unit, target, runs, size, on}, and writes the page and the curves beside it.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace

from bench.runner import Asked, measure
from bench.sizes import FULL, GROWTH, GROWTH_LARGE, GROWTH_QUICK, LARGE_GROWN, QUICK, Sizes
from bench.suites import STORES, all_suites


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="small, once each: two minutes")
    parser.add_argument("--store", choices=(*STORES, "tiles"), action="append", help="all")
    parser.add_argument("--only", default="", metavar="TEXT", help="steps whose name contains it")
    parser.add_argument("--growth", action="store_true", help="the same as --only growth")
    parser.add_argument("--uses", type=int, help="of the filled ledger and the usage index's")
    parser.add_argument("--large", action="store_true", help="ten million as well: 25 GB, hours")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    options = parser.parse_args(given)
    growth = GROWTH_LARGE if options.large else GROWTH_QUICK if options.quick else GROWTH
    return measure(
        Asked(
            suites=all_suites(growth, large=options.large),
            stores=options.store or (*STORES, "tiles"),
            sizes=_sizes(options),
            only="growth" if options.growth else options.only,
            words=shlex.join(["python", "-m", "bench", *given]),
            quick=options.quick,
            fresh=options.fresh,
        )
    )


def _sizes(options: argparse.Namespace) -> Sizes:
    sizes = QUICK if options.quick else FULL
    if options.uses:
        sizes = replace(sizes, filled=options.uses, indexed=(options.uses,))
    if options.large:
        sizes = replace(sizes, grown=LARGE_GROWN, indexed=(*sizes.indexed, LARGE_GROWN))
    return sizes


if __name__ == "__main__":
    sys.exit(main())
