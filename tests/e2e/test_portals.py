"""Are portals' words recorded by one command, once, and held against an agency's uses?"""

from __future__ import annotations

from pathlib import Path

from ledger.ingest.sample import sample_export
from tests.e2e.conftest import Place

STATISTICS = """\
id,agency,updated,url,searches_in_the_last_30_days
7,Sampleton Portal PD,2025-07-01T00:00:00Z,https://portal.invalid/s,332
8,Sampleton Portal PD,2025-08-01T00:00:00Z,https://portal.invalid/s,0
9,Otherton Portal PD,2025-07-01T00:00:00Z,https://portal.invalid/o,0
"""


def test_portals_are_held_against_uses(shared: Place, tmp_path: Path) -> None:
    """A zero is contradicted where uses are there, and stands where none is; told again, nothing is new."""
    export, portal = tmp_path / "export.csv", tmp_path / "portal.csv"
    export.write_bytes(sample_export(rows=200, seed=1))
    portal.write_text(STATISTICS)
    of = ("--technology", "Portal View")
    shared.candour("import", "flock", export, "--agency", "Sampleton Portal PD", *of)
    first = shared.json("statement", "import", portal, *of)
    again = shared.json("statement", "import", portal, *of)

    assert (3, 3, 0) == (first["rows"], first["recorded"], first["said before"])
    assert (0, 3) == (again["recorded"], again["said before"])
    assert 1 == first["agencies registered"]
    found = {
        (one["scope"]["agency"], one["polarity"]): one["codes"]
        for one in shared.json("statement", "list")
        if one["scope"].get("technology") == "technologies/portal-view"
    }
    assert any("contradicted" in code for code in found["agencies/sampleton-portal-pd", "denies"])
    assert not any(
        "contradicted" in code for code in found["agencies/otherton-portal-pd", "denies"]
    )
    assert not any("contradicted" in c for c in found["agencies/sampleton-portal-pd", "confirms"])
