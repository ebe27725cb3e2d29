"""Does the verifier end, soon, whatever it is given? Minutes here would be a hang."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.verify.evidence import TRUST

SIZE = 12 * 2**20  # whatever takes more than linear time takes hours for as much as this
SOON_S = 60  # a few seconds on an idle machine
MEMORY = 2**30

HOSTILE = {
    "brackets": b"[" * (64 * 2**20),
    "lists": b"[" + b"[]," * (SIZE // 3) + b"[]]}\n",
    "objects": b'{"a":' * (SIZE // 5),
    "digits": b"1" * SIZE + b"}\n",
    "fraction": b"1." + b"1" * SIZE + b"}\n",
    "exponent": b"1e" + b"9" * SIZE + b"}\n",
    "numbers": b"[" + b"0," * (SIZE // 2) + b"0]}\n",
    "empty strings": b"[" + b'"",' * (SIZE // 3) + b'""]}\n',
    "strings": b"[" + b'"ab",' * (SIZE // 5) + b'"ab"]}\n',
    "backslashes": b"[" + rb'"\\",' * (SIZE // 5) + b'""]}\n',
    "a string without end": b'"' + rb"\"" * (SIZE // 2),
    "strings without end": b'["' + rb"\"" * (SIZE // 2) + b"," + b"[]," * 100,
    "escapes": b'"' + rb"\u0000" * (SIZE // 6) + b'"}\n',
    "spaces": b" " * SIZE + b"1}\n",
    "names": b"{" + b",".join(b'"%x":0' % n for n in range(1_000_000)) + b"}}\n",
    "zero bytes": bytes(SIZE),
}


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_file_is_refused_soon(tmp_path: Path, what: str) -> None:
    """It looks like a bundle, and would take hours or all memory to read: it is refused."""
    bundle, trust = tmp_path / "bundle", tmp_path / "trust.txt"
    bundle.write_bytes(b'{"answer":' + HOSTILE[what])
    trust.write_text(TRUST)
    done = subprocess.run(
        [sys.executable, "-m", "ledger.verify", bundle, "--trust", trust],
        capture_output=True,
        text=True,
        timeout=SOON_S,
        check=False,
        preexec_fn=_bounded,
    )
    bundle.unlink()

    assert (1, "") == (done.returncode, done.stderr)
    assert "refused: step 1, read: bundle" in done.stdout
