"""A program that reports by the SDK until it is killed: says each id once it is spooled.

Its arguments: target, folder of the spool, prefix of its ids.
"""

from __future__ import annotations

import itertools
import os
import sys
from concurrent.futures import Future
from functools import partial

from services.client import CAPTURE_LIVE, Client, ToolUse, UseRefused


def use(source_event_id: str) -> ToolUse:
    """The same for the same id."""
    return ToolUse(
        agency="agencies/a",
        source="sources/s",
        source_event_id=source_event_id,
        capture=CAPTURE_LIVE,
    )


def refused(_use: ToolUse, error: UseRefused) -> None:
    raise SystemExit(f"refused: {error}")


def say(source_event_id: str, spooled: Future[None]) -> None:
    """One write, so that a line is whole, or not there."""
    spooled.result()
    os.write(sys.stdout.fileno(), f"{source_event_id}\n".encode())


def main(target: str, spool: str, prefix: str) -> None:
    with Client(target, spool=spool, on_refused=refused) as client:
        for number in itertools.count():
            one = f"{prefix}-{number}"
            client.report(use(one), durable="spool").add_done_callback(partial(say, one))


if __name__ == "__main__":
    main(*sys.argv[1:])
