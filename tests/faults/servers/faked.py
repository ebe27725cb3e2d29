"""What if a server's clock is set? libfaketime, and a file that says what time it is.

    FakedClock(folder).environment ──► the server and its projector ──read──► the file
                      .set("-1h")  ──► what they think from now on

Clocks that nobody sets (monotonic, boot time) stay true, as they do on a machine.

Source: https://github.com/wolfcw/libfaketime (Debian: faketime).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_FAKETIME"  # "1": what cannot run fails


class FaketimeMissing(Exception):
    """Says where it looked."""


def find_library() -> str:
    """Path of libfaketime for programs with threads. Raises FaketimeMissing."""
    for place in ("/usr/lib", "/usr/local/lib"):
        for found in sorted(Path(place).glob("**/faketime/libfaketimeMT.so.1")):
            return str(found)
    raise FaketimeMissing("no libfaketimeMT.so.1 below /usr/lib: install faketime")


class FakedClock:
    """The clock of some processes.

    Args:
        folder: Where its file is kept.
    Raises:
        FaketimeMissing: The library is not here.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "faked-time"
        self.set("+0")
        self.environment = {
            "LD_PRELOAD": find_library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # its older name
        }

    def set(self, what: str) -> None:
        """An offset, as `+1d` or `-1h`; or a moment at which the clock begins anew, as
        `@1970-01-02 00:00:00`."""
        draft = self._file.with_suffix(".new")
        draft.write_text(f"{what}\n")
        draft.replace(self._file)
