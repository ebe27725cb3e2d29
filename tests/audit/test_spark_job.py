"""Does the job run as the auditors' guide says, by spark-submit and a zip of ours?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from services.audit.spark_engine import Spark
from tests.audit.copies import KEY, as_parquet, copy_of, honest

ROOT: Final = Path(__file__).parents[2]
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(600)]


def zipped(into: Path) -> Path:
    with zipfile.ZipFile(into, "w") as archive:
        for top in ("ledger", "services"):
            for path in (ROOT / top).rglob("*.py"):
                archive.write(path, path.relative_to(ROOT))
    return into


@pytest.mark.parametrize(("damage", "status", "verdict"), [(False, 0, "good"), (True, 1, "diff")])
def test_job_reports_as_the_command_does(
    spark: Spark, tmp_path: Path, damage: bool, status: int, verdict: str
) -> None:
    """Its own session, its own status; the report on stdout and nothing else there."""
    copy = copy_of(honest())
    if damage:
        copy = copy.with_entries([*copy.entries()[:-1], b"{}"])
    folder = as_parquet(copy, tmp_path / "copy")
    trust = tmp_path / "trust.txt"
    trust.write_text(f"log {KEY.format()}\nquorum none\n")
    done = subprocess.run(
        [
            *(Path(sys.executable).parent / "spark-submit", "--master", "local[2]"),
            *("--py-files", zipped(tmp_path / "candour.zip")),
            *(ROOT / "services/audit/spark_job.py", "--parquet", folder, "--trust", trust),
        ],
        env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=300,
    )
    report = json.loads(done.stdout)

    assert status == done.returncode
    assert report["verdict"].startswith(verdict)
