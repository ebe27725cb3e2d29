"""What does a reader see? results/latest.md, made of latest.json, runs.json and growth.json.

    figures, runs, samples ──render──► targets, reached or missed ► growth ► all figures ► machines

A pure function: a test holds that the page which is committed says what the JSON beside it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bench.curves import drawn
from bench.figures import Figure, Run
from bench.growth_samples import CURVES, Sample
from bench.targets import FIRST_LIGHT, OVERSIGHT, RUN, TARGETS, TRUST, Target

_STORES: Final = {"postgres": "PostgreSQL", "sqlite": "SQLite", "tiles": "tiles"}
_BUSY: Final = 0.5  # of a core: beyond it the machine had other things to do
_HEAD: Final = """\
# What was measured

Made by `python -m bench`; do not edit. How and why: [README.md](../README.md). Every figure is a median; client,
server, projector and database share the machine, fsync is on.
"""


def render(figures: Sequence[Figure], runs: Sequence[Run], samples: Sequence[Sample]) -> str:
    """The page."""
    parts = [_HEAD, _summary(figures)]
    parts += [_targets(issue, figures) for issue in (RUN, OVERSIGHT, TRUST, FIRST_LIGHT)]
    parts += [_growth(samples), _all(figures), _runs(runs)]
    return "\n".join(part for part in parts if part)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# --- targets --------------------------------------------------------------------------------
def _summary(figures: Sequence[Figure]) -> str:
    asked = [(target, store) for target in TARGETS for store in target.bounds]
    found = [_judged(target, store, figures) for target, store in asked]
    count = {word: sum(verdict == word for _, verdict in found) for word in ("reached", "missed")}
    open_ = len(found) - sum(count.values())
    return (
        f"Of {len(found)} targets {count['reached']} are reached, {count['missed']} missed,"
        f" {open_} not measured at their size.\n"
    )


def _targets(issue: str, figures: Sequence[Figure]) -> str:
    rows = []
    for target in TARGETS:
        if target.issue != issue:
            continue
        for store, bound in target.bounds.items():
            measured, verdict = _judged(target, store, figures)
            name = f"{target.figure}, at {target.size:,}"
            rows.append(
                [name, _STORES[store], f"{bound} {target.unit}", measured, _emphasis(verdict)]
            )
    head = ("figure", "store", "target", "measured", "")
    return f"## {issue}: targets\n\n{_table(head, rows)}"


def _judged(target: Target, store: str, figures: Sequence[Figure]) -> tuple[str, str]:
    """What was measured, and `reached`, `missed` or nothing: the largest size there is, or none."""
    mine = [f for f in figures if (f.name, f.store) == (target.figure, store)]
    beyond = [t.size for t in TARGETS if t.figure == target.figure and t.size > target.size]
    mine = [f for f in mine if not beyond or f.size < min(beyond)]
    if not mine:
        return "not measured", ""
    best = max(mine, key=lambda item: item.size)
    if best.size < target.size:
        return f"{_value(best)} at {best.size:,} only", ""
    holds = target.bounds[store].holds(best.median)
    return _value(best), "reached" if holds else "missed"


def _emphasis(verdict: str) -> str:
    return "**missed**" if verdict == "missed" else verdict


def _value(item: Figure) -> str:
    return f"{_number(item.median)} {item.unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


# --- growth ---------------------------------------------------------------------------------
def _growth(samples: Sequence[Sample]) -> str:
    if not samples:
        return ""
    shown = "\n".join(f"![{curve.title}](growth-{curve.name}.png)" for curve in drawn(samples))
    heads = ["store", "uses", *(f"{curve.title}, {curve.unit}" for curve in CURVES)]
    rows = [
        [_STORES[sample.store], f"{sample.uses:,}"]
        + [_optional(curve.of(sample)) for curve in CURVES]
        for sample in sorted(samples, key=lambda sample: (sample.store, sample.uses))
    ]
    return (
        "## How it grows\n\nOne ledger that grows, 200 agencies, entries of some 900 bytes; each line was measured "
        f"when the ledger had so many uses.\n\n{shown}\n\n{_table(heads, rows)}"
    )


def _optional(value: float | None) -> str:
    return "–" if value is None else _number(value)


# --- everything -----------------------------------------------------------------------------
def _all(figures: Sequence[Figure]) -> str:
    if not figures:
        return ""
    rows = [
        [
            item.name.replace("|", "\\|"),
            _STORES[item.store],
            f"{item.size:,}",
            _value(item),
            _number(item.spread),
            str(item.runs),
            item.on,
        ]
        for item in figures
    ]
    head = ("figure", "store", "size", "median", "spread", "values", "run")
    return (
        "## All figures\n\n`size`: uses, or entries, that it was measured with. `spread`: the largest "
        f"value less the smallest.\n\n{_table(head, rows)}"
    )


def _runs(runs: Sequence[Run]) -> str:
    if not runs:
        return ""
    rows = [
        [run.on, f"`{run.asked}`", run.commit, _load(run), _machine(run, others=False)]
        for run in runs
    ]
    head = ("run", "asked", "commit", "load before", "machine")
    alike: dict[str, list[str]] = {}
    for run in runs:
        alike.setdefault(_machine(run, others=True), []).append(run.on)
    versions = "".join(f"- {', '.join(on)}: {names}\n" for names, on in alike.items())
    return (
        "## Runs\n\n`load before`: processes that ran or waited, over a minute, before it began; a `+` after the commit: "
        f"with changes.\n\n{_table(head, rows)}\nVersions:\n\n{versions}"
    )


_MACHINE: Final = ("processor", "memory", "system", "kernel")


def _machine(run: Run, *, others: bool) -> str:
    if others:
        return ", ".join(f"{k} {v}" for k, v in run.machine.items() if k not in _MACHINE)
    return ", ".join(run.machine.get(name, "unknown") for name in _MACHINE)


def _load(run: Run) -> str:
    busy = run.load_before > _BUSY
    return f"{run.load_before}" + " (**busy**: figures are worse than they need be)" * busy
