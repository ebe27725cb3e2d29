"""`candour witness serve --replay`: vouch for answers, not only for order.

    python -m services.witness_replay --data DIR --listen HOST:PORT --log VKEY --replay URL …

As `python -m services.witness`; each log has a --replay of its own, in the same order.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.errors import CandourError, Refused
from ledger.tlog import Checkpoint, VerifierKey
from services.witness.__main__ import add_options, run
from services.witness.service import Answer
from services.witness_replay.replayer import LogReplay


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the process's exit status."""
    parser = argparse.ArgumentParser(
        prog="candour witness serve",
        description="Cosign checkpoints of logs whose entries give every root they commit to.",
    )
    add_options(parser)
    parser.add_argument(
        "--replay",
        action="append",
        required=True,
        metavar="URL",
        help="what a log's tiles lie under; one for each --log, in the same order",
    )
    options = parser.parse_args(arguments)
    try:
        serve_replaying(
            options.data, options.listen, options.log, options.replay, name=options.name
        )
    except (CandourError, OSError) as error:
        sys.stderr.write(f"candour witness: {error}\n")
        return 1
    return 0


def serve_replaying(
    data: Path, listen: str, logs: Sequence[str], prefixes: Sequence[str], *, name: str | None
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Args:
        prefixes: Where each log's entries are, in the order of `logs`.
    Raises:
        CandourError, OSError: As the witness's `serve`.
    """
    if len(prefixes) != len(logs):
        raise Refused("give one --replay for each --log, in the same order")
    for prefix in prefixes:
        if not prefix.startswith(("http://", "https://")):
            raise Refused(f"--replay {prefix} is neither http nor https")
    origins = [VerifierKey.parse(log).name for log in logs]
    with replays(data, dict(zip(origins, prefixes, strict=True))) as judge:
        run(data, listen, logs, name=name, judge=judge)


class Replays:
    """The replays of some logs, as the witness asks them."""

    def __init__(self, logs: Mapping[str, LogReplay]) -> None:
        self._logs = logs

    def vouch(self, checkpoint: Checkpoint) -> Answer | None:
        """As `LogReplay.vouch`."""
        return self._logs[checkpoint.origin].vouch(checkpoint)

    def status(self, origin: str) -> dict[str, Any]:
        """As `LogReplay.status`."""
        return self._logs[origin].status()


@contextmanager
def replays(data: Path, prefixes: Mapping[str, str]) -> Iterator[Replays]:
    """The replays of these logs, by origin, until the block is left."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    logs: dict[str, LogReplay] = {}
    try:
        for origin, prefix in prefixes.items():
            logs[origin] = LogReplay(data, origin, prefix)
        yield Replays(logs)
    finally:
        for one in logs.values():
            one.close()


if __name__ == "__main__":
    sys.exit(main())
