"""Is the server of this machine, or of this container, alive and ready? One request, one word.

    python -m services.runtime.probe [livez|readyz] [--http HOST:PORT] [--wait S]
        └──GET /livez, /readyz──► exit status 0 for 200, else 1, with what was said on stderr

For whoever can only start a program beside it: a container's health check, a unit's start, a
kubelet, which cannot reach loopback. The standard library alone, so it costs 50 ms.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from typing import Final

from ledger.limits import PROBE_TIMEOUT_S

DEFAULT_HTTP: Final = "127.0.0.1:8080"  # as services.runtime.settings, which loads more
_PAUSE_S: Final = 0.2
_SHOWN_BYTES: Final = 1_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, until it is well or `--wait` is over; returns the process's exit status."""
    options = _parser().parse_args(arguments)
    host, _, port = options.http.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()):
        sys.stderr.write(f"candour probe: {options.http} is not HOST:PORT\n")
        return 2
    deadline = time.monotonic() + options.wait
    while True:
        said = ask(host.strip("[]"), int(port), options.what)
        if said is None:
            return 0
        if time.monotonic() >= deadline:
            sys.stderr.write(f"candour probe: /{options.what}: {said}\n")
            return 1
        time.sleep(_PAUSE_S)


def ask(host: str, port: int, what: str) -> str | None:
    """None where the answer is 200, else what it was."""
    connection = HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", f"/{what}")
        response = connection.getresponse()
        text = response.read(_SHOWN_BYTES).decode("utf-8", "replace").strip()
    except (OSError, HTTPException) as error:
        return f"no answer: {error}"
    finally:
        connection.close()
    return None if response.status == 200 else f"{response.status} {text}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.runtime.probe",
        description="Ask a server of this machine whether it is alive, or ready.",
        epilog="Exit status: 0 it is, 1 it is not, 2 it could not be asked so.",
    )
    parser.add_argument("what", nargs="?", choices=("livez", "readyz"), default="readyz")
    parser.add_argument(
        "--http", default=os.environ.get("CANDOUR_HTTP") or DEFAULT_HTTP, metavar="HOST:PORT"
    )
    parser.add_argument(
        "--wait", type=float, default=0.0, metavar="SECONDS", help="ask again for so long"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
