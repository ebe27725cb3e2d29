"""`candour witness serve`: a witness on its own, until Ctrl-C or SIGTERM.

    python -m services.witness --data DIR --listen HOST:PORT --log VKEY [--log VKEY] [--name NAME]

The first line of output is what others put into their trust policy:

    witness <name> <vkey> <url>
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from ledger.errors import CandourError, Refused
from ledger.tlog import VerifierKey
from services.witness.server import WitnessServer
from services.witness.service import Judge, WitnessService


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; returns the process's exit status."""
    options = _parser().parse_args(arguments)
    try:
        run(options.data, options.listen, options.log, name=options.name)
    except (CandourError, OSError) as error:
        sys.stderr.write(f"candour witness: {error}\n")
        return 1
    return 0


def run(
    data: Path,
    listen: str,
    logs: Sequence[str],
    *,
    name: str | None = None,
    judge: Judge | None = None,
) -> None:
    """As `serve`, until Ctrl-C or SIGTERM, with a log on stderr: what a process does."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    signal.signal(signal.SIGTERM, _stop)
    with suppress(KeyboardInterrupt):
        serve(data, listen, logs, name=name, judge=judge)


def serve(
    data: Path,
    listen: str,
    logs: Sequence[str],
    *,
    name: str | None = None,
    judge: Judge | None = None,
) -> None:
    """Serve; the policy line goes to standard output once connections are accepted.

    Args:
        data: Directory of the witness's own.
        listen: HOST:PORT; port 0 picks a free one.
        logs: vkeys of the logs to watch.
        name: Cosigner's name, for a new witness; a URL without scheme that says whose it is.
        judge: As of `WitnessService`.
    Raises:
        CandourError: A key, name, address or file cannot be used.
        OSError: The address cannot be listened on.
    """
    host, port = _host_and_port(listen)
    with (
        closing(
            WitnessService(data, map(VerifierKey.parse, logs), name=name, judge=judge)
        ) as service,
        WitnessServer(host, port, service) as server,
    ):
        key = service.verifier_key
        sys.stdout.write(f"witness {key.name} {key.format()} {server.url}\n")
        sys.stdout.flush()
        server.serve_forever()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        raise Refused(f"{address} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="candour witness serve", description="Cosign checkpoints of logs that only grow."
    )
    add_options(parser)
    return parser


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of every witness."""
    parser.add_argument("--data", type=Path, required=True, help="directory of its key and memory")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument(
        "--log", action="append", required=True, metavar="VKEY", help="a log to watch; repeatable"
    )
    parser.add_argument("--name", help="of a new witness: whose it is, as a URL without scheme")


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
