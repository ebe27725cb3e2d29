"""Does the doctor forecast from what was recorded, and say unknown where nothing was?"""

from __future__ import annotations

import shutil
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from ledger import limits
from ledger.store.core import NewEntry, Published
from ledger.store.sqlite import SqliteStore
from services.doctor import machine
from services.doctor.examined import Examined, Outcome, exit_status
from services.doctor.patient import Patient
from services.runtime.hosting import now_us
from services.runtime.settings import Settings

Usage = namedtuple("Usage", "total used free")
DAY_US = 86_400_000_000
ENTRIES = 100


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A ledger that grew from 1 entry to 100 in the last two days."""
    with closing(SqliteStore(tmp_path / "main.db")) as store:
        store.claim({"origin": "o"})
        store.append([NewEntry.of("s", n, "t", b"%d" % n) for n in range(1, ENTRIES + 1)])
        store.publish(Published(1, b"", now_us() - 2 * DAY_US))
    return tmp_path


def disk(data: Path, free: int, monkeypatch: pytest.MonkeyPatch) -> Examined:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(2 * free, free, free))
    patient = Patient(Settings(data=data))
    try:
        return machine.disk(patient)
    finally:
        patient.close()


def test_days_left_follow_from_bytes_a_use_and_the_rate(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is free, over what a use takes times uses a day: plenty, few and very few days."""
    with closing(SqliteStore(data / "main.db")):
        taken = sum(path.stat().st_size for path in data.glob("main.db*"))
    a_day = taken / ENTRIES * (ENTRIES - 1) / 2
    monkeypatch.setattr(limits, "DISK_WARN_BYTES", 0)
    monkeypatch.setattr(limits, "DISK_BAD_BYTES", 0)

    wanted = {100: Outcome.OK, 20: Outcome.WARN, 3: Outcome.BAD}
    found = {days: disk(data, int(days * a_day * 1.01), monkeypatch) for days in wanted}
    assert wanted == {days: look.outcome for days, look in found.items()}
    assert "49 a day" in found[100].says or "50 a day" in found[100].says


def test_without_a_rate_the_forecast_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty ledger forecasts nothing; yet a disk that is nearly full is bad all the same."""
    with closing(SqliteStore(tmp_path / "main.db")) as store:
        store.claim({"origin": "o"})
    plenty = disk(tmp_path, 10 * limits.DISK_WARN_BYTES, monkeypatch)
    assert (Outcome.UNKNOWN, True) == (plenty.outcome, "there is no rate" in plenty.says)
    assert Outcome.WARN is disk(tmp_path, limits.DISK_WARN_BYTES - 1, monkeypatch).outcome
    assert Outcome.BAD is disk(tmp_path, limits.DISK_BAD_BYTES - 1, monkeypatch).outcome


def test_exit_status_is_that_of_the_gravest_look() -> None:
    """Unknown asks for nothing; one bad look outweighs all others."""
    looks = {kind: Examined("x", kind, "") for kind in Outcome}
    assert 0 == exit_status([looks[Outcome.OK], looks[Outcome.UNKNOWN]])
    assert 1 == exit_status([looks[Outcome.OK], looks[Outcome.WARN]])
    assert 2 == exit_status(looks.values())
