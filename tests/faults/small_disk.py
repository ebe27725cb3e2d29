"""How does a disk get full, and empty again? A small one of our own, with ballast.

A tmpfs, mounted by root; who is not root has no small disk, and says so.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_SMALL_DISK"
MISSING: Final = "needs a small disk"
_BLOCK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of a few megabytes.

    Members:
        root: Where it is mounted.
    """

    root: Path

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def fill(self, *, leave_bytes: int) -> None:
        """Put ballast on it, so that so much is left."""
        with (self.root / "ballast").open("ab") as ballast:
            while (room := self.free_bytes - leave_bytes) > 0:
                ballast.write(bytes(min(room, _BLOCK)))
                ballast.flush()

    def make_room(self) -> None:
        """Take the ballast off again."""
        (self.root / "ballast").unlink()


@contextmanager
def small_disk(root: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount one at a new folder; it is gone after the block."""
    root.mkdir()
    options = f"size={megabytes}m,mode=0777"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "candour-faults", root],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        why = mounted.stderr.strip() or "only root may mount one"
        if os.environ.get(REQUIRE_VARIABLE) == "1":
            pytest.fail(f"{MISSING} ({REQUIRE_VARIABLE}=1): {why}", pytrace=False)
        pytest.skip(f"{MISSING}: {why}")
    try:
        yield SmallDisk(root)
    finally:
        # Lazily: a server that was killed may hold a file for a moment.
        subprocess.run(["umount", "--lazy", root], check=True)
