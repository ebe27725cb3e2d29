"""How is a measured figure kept, so that the next run adds to it?

    measure ──Figure──► merged(what is there, new) ──► results/latest.json, a row a figure
    the run ──Run────────────────────────────────────► results/runs.json, a row a run still cited

A figure is known by name, store and size: a run of a part, or with `--quick`, replaces what it has
measured anew at the same size and leaves all else. `on` says which run a figure comes from.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.targets import Bound, target_of


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        median, spread: Of the runs; `spread` is the largest less the smallest.
        target: As `Bound` writes it; empty where none speaks of this size.
        runs: How many values the median is of.
        size: Uses, or entries, that it was measured with.
        on: When its run began, UTC, to the second: which row of runs.json it belongs to.
    """

    name: str
    store: str
    median: float
    spread: float
    unit: str
    target: str
    runs: int
    size: int
    on: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        return self.name, self.store, self.size

    @property
    def verdict(self) -> str:
        """`reached`, `missed`, or empty where there is no target."""
        if not self.target:
            return ""
        return "reached" if Bound.of(self.target).holds(self.median) else "missed"


def figure(name: str, store: str, values: Sequence[float], unit: str, *, size: int) -> Figure:
    """The figure that these values make; one value a run."""
    bound = target_of(name, store, size)
    return Figure(
        name=name,
        store=store,
        median=_short(statistics.median(values)),
        spread=_short(max(values) - min(values)),
        unit=unit,
        target="" if bound is None else str(bound),
        runs=len(values),
        size=size,
    )


def _short(value: float) -> float:
    """Four digits that mean something, at least."""
    return round(value, 1 if abs(value) >= 100 else 3)


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation: when it began, on what, asked for what, how busy the machine was before.

    Attributes:
        took_s: Seconds by step, from which the next run tells how long is left.
    """

    on: str
    asked: str
    commit: str
    load_before: float
    machine: Mapping[str, str]
    took_s: Mapping[str, float] = field(default_factory=dict)


def merged(old: Iterable[Figure], new: Iterable[Figure]) -> list[Figure]:
    """All of both, the newer of the same name, store and size; in one order."""
    kept = {item.key: item for item in old} | {item.key: item for item in new}
    return [kept[key] for key in sorted(kept)]


def cited(runs: Iterable[Run], figures: Iterable[Figure], also: Iterable[str] = ()) -> list[Run]:
    """The runs that figures still come from, each once, oldest first."""
    needed = {item.on for item in figures} | set(also)
    return [run for _, run in sorted({run.on: run for run in runs if run.on in needed}.items())]


def read_figures(path: Path) -> list[Figure]:
    """What latest.json holds; nothing where there is none, or one of an older form."""
    rows = read_rows(path)
    return [Figure(**row) for row in rows if "size" in row]


def read_runs(path: Path) -> list[Run]:
    return [Run(**row) for row in read_rows(path)]


def write_rows(path: Path, rows: Iterable[Any]) -> None:
    """Dataclasses as JSON, a row a line: a difference shows what was measured anew."""
    path.parent.mkdir(exist_ok=True)
    lines = ",\n".join(" " + json.dumps(asdict(row)) for row in rows)
    draft = path.with_suffix(".new")
    draft.write_text(f"[\n{lines}\n]\n" if lines else "[]\n")
    draft.replace(path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text())
    return rows
