"""candour-verify: check an evidence bundle offline, with the base install alone.

Exit status: 0 verified, 1 refused, 2 unusable input (no such file, no bundle, a trust file
that cannot be read, or something this release cannot judge).
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.errors import Malformed
from ledger.limits import MAX_BUNDLE_BYTES, MAX_TRUST_POLICY_BYTES
from ledger.tlog import TrustPolicy, parse_trust_policy
from ledger.verify.report import UNUSABLE, Report
from ledger.verify.verifier import verify_bundle

# A file that holds neither was never a bundle: unusable, rather than refused.
_SIGNS = (b'{"answer":', b'"format":"candour-evidence/')


class _Unusable(Exception):
    """The input cannot be looked at."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one bundle; prints the report, returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        policy = _trust(options.trust)
        data = _read(options.bundle, MAX_BUNDLE_BYTES)
        if not any(sign in data for sign in _SIGNS):
            raise _Unusable(f"{options.bundle} is not an evidence bundle")
    except _Unusable as error:
        report = Report(UNUSABLE, str(error), not_checked=["anything"])
    else:
        report = verify_bundle(data, policy, min_tree_size=options.min_tree_size)
    if options.format == "json":
        text = json.dumps(report.to_object(), ensure_ascii=False, indent=1)
    else:
        text = report.to_text()
    sys.stdout.write(text + "\n")
    return report.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="candour-verify",
        description="Check an evidence bundle offline: is the answer what the ledger's entries say?",
        epilog="Exit status: 0 verified, 1 refused, 2 unusable input.",
    )
    parser.add_argument("bundle", type=Path, help="the bundle, a JSON file")
    parser.add_argument(
        "--trust", type=Path, required=True, help="whom you trust (trust.txt, C2SP tlog-policy)"
    )
    parser.add_argument(
        "--min-tree-size",
        type=int,
        metavar="N",
        help="refuse an older answer; a proven count is not judged without it",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _trust(path: Path) -> TrustPolicy:
    try:
        return parse_trust_policy(_read(path, MAX_TRUST_POLICY_BYTES))
    except Malformed as error:
        raise _Unusable(f"{path}: {error}") from None


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise _Unusable(f"{path}: {error.strerror}") from None
    if len(data) > most:
        raise _Unusable(f"{path} is larger than {most} bytes")
    return data


def run() -> None:
    """Entry point of the `candour-verify` command."""
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # a terminal that lacks a letter still gets a verdict
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())


if __name__ == "__main__":
    run()
