"""What stands in docs/guides/capacity.md between its marks? Tables made of results, never typed by hand.

    growth.json, latest.json ──tables──► text between `<!-- NAME: begin -->` and `<!-- NAME: end -->`

What was not measured says so, with the command that measures it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from bench import country, ledgers
from bench.figures import Figure
from bench.growth_samples import WHO, Sample, largest
from bench.storage import KINDS, kind_of
from bench.targets import MILLION

STORES: Final = (("postgres", "PostgreSQL"), ("sqlite", "SQLite"))
SIZES: Final = (100_000, MILLION, 10 * MILLION)
_TABLES: Final = 10  # the largest; the others in one line
_GIB: Final = (4, 16, 64)
_OTHERS: Final = 0.5  # of a machine's memory is for caches, and for whatever else it runs
_NIGHT_H: Final = 8


def filled_in(text: str, samples: Sequence[Sample], figures: Sequence[Figure]) -> str:
    """The guide with its tables made anew. Raises ValueError where a mark is missing."""
    for name, table in TABLES.items():
        pattern = re.compile(f"(<!-- {name}: begin[^>]*-->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        made = table(samples, figures)
        text, count = pattern.subn(lambda found, made=made: found[1] + made + found[2], text)  # type: ignore[misc]  # mypy infers no lambda with a default
        if count != 1:
            raise ValueError(f"the guide has {count} places for {name}, and should have one")
    return text


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _unmeasured(store: str, uses: int) -> str:
    return f"to be measured: `python -m bench.capacity --store {store} --uses {uses}`"


# --- a use ----------------------------------------------------------------------------------
def a_use(samples: Sequence[Sample], _: Sequence[Figure]) -> str:
    """Bytes, processor time and memory, at 1e5, 1e6, 1e7 uses."""
    rows = []
    for store, _title in STORES:
        for uses in SIZES:
            found = [s for s in samples if (s.store, s.uses) == (store, uses)]
            rows.append(use_row(found[0]) if found else _missing_row(store, uses))
    return use_table(rows)


def use_table(rows: Iterable[Sequence[str]]) -> str:
    """A table of rows that `use_row` made."""
    costs = ("bytes a use", "µs a use: server; projector; database", "MB, likewise")
    return _table(["uses", *KINDS, *costs], rows)


def use_row(sample: Sample) -> list[str]:
    """What a use costs in one ledger."""
    cpu = "; ".join(_part(sample.cpu_us.get(who)) for who in WHO)
    memory = "; ".join(_part(sample.rss_mb.get(who)) for who in WHO)
    kinds = [f"{size:,.0f}" for size in sample.kinds().values()]
    return [_named(sample.store, sample.uses), *kinds, f"{sample.bytes_a_use:,.0f}", cpu, memory]


def _missing_row(store: str, uses: int) -> list[str]:
    return [_named(store, uses), _unmeasured(store, uses), *[""] * (len(KINDS) + 2)]


def _named(store: str, uses: int) -> str:
    return f"{dict(STORES)[store]}, {uses:,}"


def _part(value: float | None) -> str:
    return "–" if not value else f"{value:,.0f}"


def by_table(samples: Sequence[Sample], _: Sequence[Figure]) -> str:
    """The largest tables of the largest ledgers that were measured."""
    parts = []
    for store, title in STORES:
        sample = largest(samples, store)
        missing = f"{title}: {_unmeasured(store, MILLION)}\n"
        parts.append(missing if sample is None else tables_of(sample))
    return "\n".join(parts)


def tables_of(sample: Sample) -> str:
    """The largest tables of one ledger, and the others together."""
    ordered = sorted(sample.tables.items(), key=lambda item: -sum(item[1]))
    rows = [_line(name, kind_of(name), sizes, sample.uses) for name, sizes in ordered[:_TABLES]]
    rest = [sizes for _, sizes in ordered[_TABLES:]]
    whole = [sum(column) for column in zip(*rest, strict=True)] if rest else [0, 0]
    rows.append(_line(f"{len(rest)} others", "", whole, sample.uses))
    return _table(
        [_named(sample.store, sample.uses), "kind", "rows", "indexes", "bytes a use"], rows
    )


def _line(name: str, kind: str, sizes: Sequence[int], uses: int) -> list[str]:
    rows, indexes = (size / uses for size in sizes)
    return [name, kind, f"{rows:,.1f}", f"{indexes:,.1f}", f"{rows + indexes:,.1f}"]


# --- a country ------------------------------------------------------------------------------
def cases(samples: Sequence[Sample], _: Sequence[Figure]) -> str:
    """Uses, bytes and cores of each case, at what a use costs on PostgreSQL."""
    sample = largest(samples, "postgres")
    if sample is None:
        return f"{_unmeasured('postgres', MILLION)}\n"
    rows = []
    for case in country.CASES:
        found = country.need(case, bytes_a_use=sample.bytes_a_use, cpu_us_a_use=sample.cpu_us_a_use)
        rows.append(
            [
                case.name,
                f"{found.uses_a_day:,.0f}",
                _tenths(found.mean_a_second),
                _tenths(found.busy_a_second),
                _bytes(found.bytes_a_year),
                f"{found.cores:,.2f}" if found.cores >= 0.01 else "below 0.01",
            ]
        )
    cost = f"{sample.bytes_a_use:,.0f} bytes and {sample.cpu_us_a_use:,.0f} µs a use"
    head = ("who", "uses a day", "a second", "… in the busiest hour", "a year", "cores then")
    return f"At {cost} (PostgreSQL, {sample.uses:,} uses):\n\n{_table(head, rows)}"


def _tenths(value: float) -> str:
    return f"{value:,.1f}" if value >= 0.1 else "below 0.1"


def _bytes(count: float) -> str:
    """In the largest unit that leaves a digit before the point."""
    for unit, size in (("TB", 10**12), ("GB", 10**9)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 10**6:,.0f} MB"


def night(samples: Sequence[Sample], figures: Sequence[Figure]) -> str:
    """What can be made anew in a night."""
    rows = []
    for store, title in STORES:
        sample = largest(samples, store)
        audit = _newest(figures, store, "audit, views and usage index included")
        if sample is None:
            rows.append([title, _unmeasured(store, MILLION), "", ""])
            continue
        rates = [sample.views_rate, sample.index_rate, audit]
        cells = ["to be measured" if rate is None else _millions(rate) for rate in rates]
        rows.append([title, *cells])
    heads = ("millions of uses in 8 hours", "views", "usage index", "`candour audit`")
    return _table(heads, rows)


def _millions(rate: float) -> str:
    return f"{rate * _NIGHT_H * 3600 / 1e6:,.0f}"


def _newest(figures: Sequence[Figure], store: str, name: str) -> float | None:
    mine = [item for item in figures if (item.store, item.name) == (store, name)]
    return max(mine, key=lambda item: item.size).median if mine else None


def machines(samples: Sequence[Sample], figures: Sequence[Figure]) -> str:
    """How many ledgers a machine of some memory holds."""
    servers = {item.size: item.median for item in figures if item.name == ledgers.SERVER}
    idle = [item.median for item in figures if item.name == ledgers.PROJECTOR]
    sample = largest(samples, "postgres") or largest(samples, "sqlite")
    if len(servers) < 2 or not idle or sample is None:
        return "to be measured: `python -m bench --only idle`, `python -m bench --growth`\n"
    few, many = min(servers), max(servers)
    more = max(0.1, (servers[many] - servers[few]) / (many - few))
    one = servers[few] - (few - 1) * more
    rows = []
    for gib in _GIB:
        memory = gib * 1024 * _OTHERS
        fit = [
            country.ledgers_of_memory(memory, server_mb=one, more_mb=more, each_mb=each)
            for each in (max(idle), sample.rss_mb["projector"])
        ]
        rows.append([f"{gib} GiB", *(f"{count:,}" for count in fit)])
    sizes = f"one ledger {one:,.0f} MB, each more {more:,.1f}; projector {max(idle):,.0f} idle"
    busy = f"{sample.rss_mb['projector']:,.0f} at its peak"
    heads = ("memory", "ledgers at rest", "ledgers all busy at once")
    return f"Server with {sizes}, {busy}.\n\n{_table(heads, rows)}"


TABLES: Final[dict[str, Callable[[Sequence[Sample], Sequence[Figure]], str]]] = {
    "a use": a_use,
    "tables": by_table,
    "cases": cases,
    "night": night,
    "machines": machines,
}
