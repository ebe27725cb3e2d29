"""What does a process ask of its files, and what if one of its calls fails or is its last?

    record   strace ─► every write, truncation, sync and name of a folder, in order, with its bytes
    inject   strace ─► the n-th call of a kind fails with an error, or the process is killed in it

Strace does it at the edge of the kernel: SQLite, its driver and Python are those of every day.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_STRACE"
MISSING: Final = "needs strace"
_LIMIT_S: Final = 120
_WRITES: Final = (
    "openat,open,creat,write,pwrite64,ftruncate,fsync,fdatasync,mkdir,unlink,link,rename"
)
# Calls that change files in ways we do not model: nobody makes them, or the record is refused.
_UNKNOWN: Final = (
    "writev,pwritev,pwritev2,fallocate,truncate,mkdirat,unlinkat,linkat,renameat,renameat2,"
    "copy_file_range,sendfile"
)
_QUOTED: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FD: Final = re.compile(r"\d+<((?:\\x[0-9a-f]{2})*)>")


@dataclass(frozen=True, slots=True)
class Call:
    """One call that succeeded.

    Members:
        name: Of the system call.
        path: What it is about; of a link or rename the old name.
        data: Of a write.
        number: A write's offset (None: at the end), a truncation's length.
        to: The new name of a link or rename.
    """

    name: str
    path: str
    data: bytes = b""
    number: int | None = None
    to: str = ""


def need_strace() -> None:
    """Skip, out loud, where processes cannot be traced; fail where they must be."""
    why = _why_not()
    if why is None:
        return
    if os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(f"{MISSING} ({REQUIRE_VARIABLE}=1): {why}", pytrace=False)
    pytest.skip(f"{MISSING}: {why}")


@cache
def _why_not() -> str | None:
    if shutil.which("strace") is None:
        return "install strace"
    tried = subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True)
    return None if tried.returncode == 0 else "this process may trace no other"


def _run(options: list[str], module: list[str]) -> int:
    done = subprocess.run(
        ["strace", "-f", "-qq", *options, sys.executable, "-m", *module],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    # Strace ends as its process did: by the same signal, if it was one.
    if done.returncode not in (0, 75, -9, 137):
        raise AssertionError(f"ended with {done.returncode}: {done.stderr[-3_000:]}")
    return done.returncode


def inject(module: list[str], fault: str, *, trace: Path) -> int:
    """Run a module with a fault of strace's, as `fdatasync:error=EIO:when=3`; its exit status."""
    name = fault.partition(":")[0]
    # Stopped at the calls it is about alone, it is faster, and strace 6 sends no signals.
    fast = [] if ":signal=" in fault else ["--seccomp-bpf"]
    options = ["-o", str(trace), "-e", f"trace={name}", "-e", f"inject={fault}"]
    return _run([*fast, *options], module)


def record(module: list[str], *, folder: Path, trace: Path, status: int = 0) -> list[Call]:
    """Run a module to its end, and say what it did to the files of a folder."""
    calls = f"{_WRITES},{_UNKNOWN}"
    options = [
        "--seccomp-bpf",
        "-y",
        "-xx",
        "-s",
        "10000000",
        "-o",
        str(trace),
        "-e",
        f"trace={calls}",
    ]
    assert status == _run(options, module)
    with trace.open() as lines:
        return [call for line in lines if (call := _parse(line, folder)) is not None]


def counts(trace: Path) -> Counter[str]:
    """How often each call was made, failed ones too."""
    with trace.open() as lines:
        return Counter(line.split(maxsplit=1)[1].partition("(")[0] for line in lines)


def _text(hexed: str) -> bytes:
    return bytes.fromhex(hexed.replace("\\x", ""))


def _parse(line: str, folder: Path) -> Call | None:
    """A line of the trace as a call; None for a failed one, or one that is about other files."""
    name, _, arguments = line.split(maxsplit=1)[1].partition("(")
    said, _, result = arguments.rpartition(") = ")
    if not result or result.startswith("-1") or "unfinished" in line:
        return None
    paths = [_text(found).decode() for found in _FD.findall(said)[:1]]
    quoted = [_text(found) for found in _QUOTED.findall(said)]
    if name in ("openat", "open", "creat", "mkdir", "unlink", "link", "rename"):
        path = quoted[0].decode()
    else:
        path = (paths or [""])[0]
    if not path.startswith(f"{folder}"):
        return None
    if name in ("openat", "open"):
        return Call("create", path) if "O_CREAT" in said else None
    return _call(name, path, quoted, said)


def _call(name: str, path: str, quoted: list[bytes], said: str) -> Call:
    last = said.rpartition(", ")[2]
    match name:
        case "write":
            return Call("write", path, quoted[0])
        case "pwrite64":
            return Call("write", path, quoted[0], int(last))
        case "ftruncate":
            return Call("truncate", path, number=int(last))
        case "fsync" | "fdatasync":
            return Call("sync", path)
        case "mkdir" | "unlink":
            return Call(name, path)
        case "link" | "rename":
            return Call(name, path, to=quoted[1].decode())
        case _:
            raise AssertionError(f"{name} is not modelled by tests/faults/disk.py")
