"""What does a use cost? Bytes by table, processor time and memory of one ledger of a given size.

    python -m bench.capacity --uses 100000 [--store sqlite]     measure, print, keep, fill in the guide
    python -m bench.capacity --render                           only make the pages anew

Keeps a row of bench/results/growth.json a store and size, and fills in docs/guides/capacity.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.capacity_page import tables_of, use_row, use_table
from bench.growth_samples import Sample, read_samples
from bench.keeping import FOLDER, write_pages
from bench.runner import Asked, measure
from bench.sizes import FULL, GROWTH_LARGE
from bench.suites import STORES, growth_suite


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, or render."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="python -m bench.capacity")
    parser.add_argument("--uses", type=int, default=100_000, help="that the ledger grows to")
    parser.add_argument("--store", choices=STORES, default="postgres")
    parser.add_argument("--render", action="store_true", help="measure nothing")
    options = parser.parse_args(given)
    if options.render:
        write_pages()
        return 0
    status = measure(
        Asked(
            suites=[growth_suite([options.uses])],
            stores=[options.store],
            sizes=FULL,
            only="",
            words=" ".join(["python", "-m", "bench.capacity", *given]),
            quick=False,
        )
    )
    found = [s for s in read_samples(FOLDER / "growth.json") if _is(s, options)]
    if status == 0 and not found:
        print(f"of ledgers below {min(GROWTH_LARGE):,} uses nothing is kept", file=sys.stderr)
    for sample in found:
        print(f"\n{use_table([use_row(sample)])}\n{tables_of(sample)}")
    return status


def _is(sample: Sample, options: argparse.Namespace) -> bool:
    return (sample.store, sample.uses) == (options.store, options.uses)


if __name__ == "__main__":
    sys.exit(main())
