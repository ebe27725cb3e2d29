"""Does the demonstration show the whole way, and end well?"""

from __future__ import annotations

import time
from pathlib import Path

from services.cli.demo import BUNDLE, EXPORT, FORGED, HALIFAX
from tests.e2e.conftest import run


def test_demo(tmp_path: Path) -> None:
    """Within a minute: four answers, one proof verified, one forgery refused, a good audit, Halifax."""
    begun = time.monotonic()
    ran = run("candour", "demo", "--keep", tmp_path / "kept", timeout_s=120)

    assert 0 == ran.exit_code, ran.err
    assert time.monotonic() - begun < 60
    for word in ("Who?", "Which technology?", "When?", "Under what authority?"):
        assert word in ran.out
    assert "\nverified: " in ran.out
    assert "\nrefused: " in ran.out
    assert "good" in ran.out
    assert "contradicted_by_other_observer" in ran.out
    assert {"data", BUNDLE, EXPORT, FORGED, HALIFAX} == {
        path.name for path in (tmp_path / "kept").iterdir()
    }


def test_demo_that_cannot_run(tmp_path: Path) -> None:
    """A demonstration that fails in the middle does not end with 0."""
    (tmp_path / "data").write_text("in the way")
    ran = run("candour", "demo", "--keep", tmp_path)

    assert 1 == ran.exit_code
