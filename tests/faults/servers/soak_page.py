"""What did a soak show? One page of Markdown, and a curve of memory for each store."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.servers.soak import MOST_MB_AN_HOUR, WARM_UP_SHARE

if TYPE_CHECKING:
    from tests.faults.servers.soak import Soaked


def write(runs: Sequence[Soaked], out: Path) -> Path:
    """The page's path; `<store>.png` and `<store>.csv` lie beside it."""
    out.mkdir(parents=True, exist_ok=True)
    for run in runs:
        _draw(run, out / f"{run.store}.png")
        lines = [f"{s.at_s:.1f},{s.server_mb:.2f},{s.projectors_mb:.2f}" for s in run.samples]
        text = "\n".join(["at_s,server_mb,projector_mb", *lines])
        (out / f"{run.store}.csv").write_text(text + "\n", "utf-8")
    page = out / "README.md"
    page.write_text(_page(runs), "utf-8")
    return page


def _page(runs: Sequence[Soaked]) -> str:
    said = [
        "# Soak: does memory stay flat?",
        "",
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {os.cpu_count()} cores,"
        f" {platform.machine()}, Linux {platform.release()}, Python {platform.python_version()}."
        " Client, server, projector and database share the machine.",
        "",
        "| store | uses a second | minutes | uses | server, MB | projector, MB | server, MB an hour"
        " | projector, MB an hour | verdict |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
        *(_row(run) for run in runs),
        "",
        f"The slope is that of a straight line through all samples after the first"
        f" {WARM_UP_SHARE:.0%}; {MOST_MB_AN_HOUR:g} MB an hour is the most, which at 1,000 uses a second"
        " is less than Python's smallest object for each use. MB: at the end of the warm-up, at the end.",
        "",
    ]
    for run in runs:
        said += [f"## {run.store}", "", f"![resident memory]({run.store}.png)", ""]
        said += ["| calls | |", "|---|--:|"]
        said += [f"| {kind} | {count:,} |" for kind, count in sorted(run.done.calls.items())]
        said += ["", f"Reports were {run.done.late_s:.1f} s behind their pace at worst.", ""]
    return "\n".join(said)


def _row(run: Soaked) -> str:
    warm = next(one for one in run.samples if one.at_s >= run.samples[-1].at_s * WARM_UP_SHARE)
    last = run.samples[-1]
    if run.lost:
        verdict = run.lost
    elif run.flat is None:
        verdict = "too short to tell"
    else:
        verdict = "flat" if run.flat else "**it grows**"
    slopes = ["unknown"] * 2 if run.slopes is None else [f"{slope:+.1f}" for slope in run.slopes]
    cells = [
        run.store,
        f"{run.rate:,.0f}",
        f"{run.seconds / 60:g}",
        f"{run.done.uses:,}",
        f"{warm.server_mb:.0f}, {last.server_mb:.0f}",
        f"{warm.projectors_mb:.0f}, {last.projectors_mb:.0f}",
        *slopes,
        verdict,
    ]
    return f"| {' | '.join(cells)} |"


def _draw(run: Soaked, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4))
    minutes = [one.at_s / 60 for one in run.samples]
    axes.plot(minutes, [one.server_mb for one in run.samples], label="server")
    axes.plot(minutes, [one.projectors_mb for one in run.samples], label="projector")
    axes.axvline(minutes[-1] * WARM_UP_SHARE, color="grey", linestyle=":", label="warm-up ends")
    axes.set(xlabel="minutes", ylabel="resident, MB", ylim=(0, None))
    axes.set_title(f"{run.store}: {run.rate:,.0f} uses a second, with questions and proofs")
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
