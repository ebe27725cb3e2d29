"""candour-verify: check an evidence bundle offline, with the base install alone.

    bundle ──verify_bundle──► report          with --tlog-proofs also a file for each entry
    *.tlog-proof + --entry ──verify_entry──► report
    --usage-index-proof ──bare_proof.py──► report

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
from ledger.limits import (
    MAX_AUTHORITIES_BYTES,
    MAX_BUNDLE_BYTES,
    MAX_ENTRY_BYTES,
    MAX_NOTE_BYTES,
    MAX_TRUST_POLICY_BYTES,
)
from ledger.tlog import TrustPolicy, parse_trust_policy
from ledger.verify import bare_proof, entry_files
from ledger.verify.counted import verify_counted_list
from ledger.verify.report import UNUSABLE, VERIFIED, Report
from ledger.verify.timestamps import Authorities, read_authorities
from ledger.verify.verifier import verify_bundle

# A file that holds neither was never a bundle: unusable, rather than refused.
_SIGNS = (b'{"answer":', b'"format":"candour-evidence/')
_OF_BUNDLES = ("older", "tsa_ca", "tlog_proofs", "count")  # options that say nothing of one entry


class _Unusable(Exception):
    """The input cannot be looked at."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one bundle, or one entry; prints the report, returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    if any(item.partition("=")[0] == bare_proof.FLAG for item in given):
        return bare_proof.main(given)
    options = _parser().parse_args(given)
    try:
        report = _checked(options)
    except _Unusable as error:
        report = Report(UNUSABLE, str(error), not_checked=["anything"])
    if options.format == "json":
        text = json.dumps(report.to_object(), ensure_ascii=False, indent=1)
    else:
        text = report.to_text()
    sys.stdout.write(text + "\n")
    return report.exit_code


def _checked(options: argparse.Namespace) -> Report:
    """Raises _Unusable."""
    policy = _trust(options.trust)
    data = _read(options.bundle, MAX_BUNDLE_BYTES)
    if data.startswith(entry_files.SIGN):
        for name in _OF_BUNDLES:
            if getattr(options, name) is not None:
                raise _Unusable(f"--{name.replace('_', '-')} is for bundles, not for one entry")
        if options.entry is None:
            raise _Unusable(f"{options.bundle} proves one entry: hand it in by --entry FILE")
        entry = _read(options.entry, MAX_ENTRY_BYTES)
        return entry_files.verify_entry(data, entry, policy, min_tree_size=options.min_tree_size)
    if not any(sign in data for sign in _SIGNS):
        raise _Unusable(f"{options.bundle} is neither an evidence bundle nor a tlog-proof")
    if options.entry is not None:
        raise _Unusable("--entry is for a tlog-proof; a bundle holds its entries")
    if options.count is not None:
        if options.older is not None or options.tsa_ca is not None:
            raise _Unusable("--older and --tsa-ca are for one bundle; check each by itself first")
        count = _read(options.count, MAX_BUNDLE_BYTES)
        return verify_counted_list(data, count, policy, min_tree_size=options.min_tree_size)
    report = verify_bundle(
        data,
        policy,
        min_tree_size=options.min_tree_size,
        older=None if options.older is None else _read(options.older, MAX_NOTE_BYTES),
        authorities=None if options.tsa_ca is None else _authorities(options.tsa_ca),
    )
    if options.tlog_proofs is not None and report.verdict == VERIFIED:
        _write_proofs(data, options.tlog_proofs)
    return report


def _write_proofs(data: bytes, folder: Path) -> None:
    """Raises _Unusable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leaf_index, proof, entry in entry_files.proofs_of(data):
            (folder / f"{leaf_index}.tlog-proof").write_bytes(proof)
            (folder / f"{leaf_index}.entry").write_bytes(entry)
    except OSError as error:
        raise _Unusable(f"{folder} cannot be written to: {error.strerror}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="candour-verify",
        description="Check an evidence bundle offline: is the answer what the ledger's entries say?"
        " Or a tlog-proof: does this entry stand in the ledger?",
        epilog="Exit status: 0 verified, 1 refused, 2 unusable input. A bare proof of the usage index:"
        f" candour-verify {bare_proof.FLAG} --help",
    )
    parser.add_argument("bundle", type=Path, help="the bundle, a JSON file; or a *.tlog-proof")
    parser.add_argument(
        "--trust", type=Path, required=True, help="whom you trust (trust.txt, C2SP tlog-policy)"
    )
    parser.add_argument(
        "--min-tree-size",
        type=int,
        metavar="N",
        help="refuse an older answer; a proven count is not judged without it",
    )
    parser.add_argument(
        "--older",
        type=Path,
        metavar="FILE",
        help="a checkpoint that you hold: the bundle's tree must extend it",
    )
    parser.add_argument(
        "--tsa-ca",
        type=Path,
        metavar="FILE",
        help="root certificates (PEM) of the time-stamp authorities you believe",
    )
    parser.add_argument(
        "--count",
        type=Path,
        metavar="FILE",
        help="a bundle of the proven count for the same question: the list must hold as many",
    )
    parser.add_argument(
        "--entry", type=Path, metavar="FILE", help="the entry that a tlog-proof is about"
    )
    parser.add_argument(
        "--tlog-proofs",
        type=Path,
        metavar="DIR",
        help="once verified, write <leaf index>.tlog-proof and .entry for each entry",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _authorities(path: Path) -> Authorities:
    try:
        return read_authorities(_read(path, MAX_AUTHORITIES_BYTES))
    except Malformed as error:
        raise _Unusable(f"{path}: {error}") from None


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
