"""Where is the data that tests may read and the project never copies?

`CANDOUR_SHARED`, or `shared` beside the repository. Where it is absent a test that
needs it is skipped, and says what was not judged.

    shared_data("merkle-vectors", reason) ──► Path, or the test is skipped
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

_BESIDE_US: Final = Path(__file__).resolve().parents[2] / "shared"


def shared_data(name: str, *, unjudged: str) -> Path:
    """The file or folder of this name in the shared data.

    Args:
        name: Relative to its `data` folder.
        unjudged: What goes untested without it; the skip says so.
    """
    path = Path(os.environ.get("CANDOUR_SHARED") or _BESIDE_US) / "data" / name
    if not path.exists():
        pytest.skip(f"NOT JUDGED: {unjudged}; {path} is absent, set CANDOUR_SHARED")
    return path
