"""`candour monitor`: follow a log from outside, and keep what convicts it. (RFC 9162, 8.2)

python -m services.monitor URL --vkey KEY --state FILE [--once | --every S] [--compare FILE]

URL ──look, every S──► consistent with all that was seen ──► a line, the state file
        └──► 1: two histories, and the file that proves it    2: it cannot be told
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from ledger.errors import CandourError, Malformed
from ledger.tlog import VerifierKey
from services.monitor.tiles import LogReader
from services.monitor.watching import Convicted, Monitor

EVERY_S: Final = 60.0
ONE_HISTORY: Final = 0
CONVICTED: Final = 1
COULD_NOT_TELL: Final = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow as the command line says; returns the process's exit status."""
    options = _parser().parse_args(arguments)
    every_s = None if options.once else options.every
    return run(options.url, options.vkey, options.state, every_s=every_s, compare=options.compare)


def run(
    url: str, vkey: str, state: Path, *, every_s: float | None, compare: Sequence[Path] = ()
) -> int:
    """Follow a log until it is convicted, or Ctrl-C; lines to stdout, troubles to stderr.

    Args:
        url: The log's prefix.
        vkey: Its key, or a file that holds it.
        state: File of what was seen.
        every_s: Seconds between looks; None to look once.
        compare: Other monitors' files.
    Returns:
        Exit status: 0 one history, 1 two of them, 2 it could not be told.
    """
    try:
        monitor = Monitor(LogReader(url, _key(vkey)), state)
    except (CandourError, OSError) as error:
        _complain(str(error))
        return COULD_NOT_TELL
    try:
        while True:
            status = _look(monitor, compare)
            if every_s is None or status == CONVICTED:
                return status
            time.sleep(every_s)
    except KeyboardInterrupt:
        return ONE_HISTORY


def _look(monitor: Monitor, others: Sequence[Path]) -> int:
    """Look once, and compare with each of the others."""
    looks: list[Callable[[], str]] = [lambda: str(monitor.look())]
    looks += [partial(_compared, monitor, path) for path in others]
    found = ONE_HISTORY
    for look in looks:
        status = _tried(look)
        if status == CONVICTED:
            return CONVICTED
        found = max(found, status)
    return found


def _compared(monitor: Monitor, path: Path) -> str:
    return f"{path}: one history, {monitor.compare(path)} checkpoints of theirs"


def _tried(look: Callable[[], str]) -> int:
    """Say what comes of it."""
    try:
        sys.stdout.write(f"{_now()}  {look()}\n")
        sys.stdout.flush()
    except Convicted as convicted:
        _complain(str(convicted))
        return CONVICTED
    except (CandourError, OSError) as error:
        _complain(str(error))
        return COULD_NOT_TELL
    return ONE_HISTORY


def _complain(text: str) -> None:
    shown = "".join(c if c.isprintable() else "?" for c in text)  # some of it is the log's
    sys.stderr.write(f"{_now()}  candour monitor: {shown}\n")
    sys.stderr.flush()


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _key(vkey: str) -> VerifierKey:
    """The key itself, or in a file. Raises Malformed or OSError."""
    try:
        return VerifierKey.parse(vkey)
    except Malformed:
        if "+" in vkey and not os.path.exists(vkey):
            raise
    try:
        return VerifierKey.parse(Path(vkey).read_text("utf-8").strip())
    except UnicodeDecodeError:
        raise Malformed(vkey, "must be a vkey") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="candour monitor",
        description="Check that a log only grows, and that others were shown the same one.",
        epilog="Exit status: 0 it does, 1 it signed two histories, 2 it could not be told.",
    )
    parser.add_argument("url", metavar="URL", help="the log's prefix: …/ledgers/<ledger>")
    parser.add_argument("--vkey", required=True, help="its key, or a file that holds it")
    parser.add_argument("--state", type=Path, required=True, help="keeps what was seen")
    parser.add_argument("--once", action="store_true", help="look once, and end")
    parser.add_argument("--every", type=float, default=EVERY_S, metavar="SECONDS")
    parser.add_argument(
        "--compare", type=Path, action="append", default=[], metavar="FILE", help="repeatable"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
