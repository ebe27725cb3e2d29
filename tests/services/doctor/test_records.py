"""Does the doctor tell a ledger that is behind from one that lost what it signed, and who may not write?"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from ledger import limits
from ledger.entry import Entry, encode_entry
from ledger.store.core import LedgerStore, NewEntry, Published
from ledger.times import text_of_us
from services.doctor import examine, records
from services.doctor.examined import Examined, Outcome
from services.doctor.patient import Patient
from services.runtime.hosting import now_us, open_ledger
from services.runtime.settings import Settings
from services.runtime.views import open_views
from tests.published_logs import publish

S_US = 1_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A ledger of 300 entries under a checkpoint of 300, and views that hold none."""
    settings = Settings(data=tmp_path)
    hosted = open_ledger(settings)
    append_up_to(hosted.store, 300)
    publish(hosted.store, hosted.keys.checkpoint, now_us())
    open_views(settings).dispose()
    hosted.close()
    return settings


@pytest.fixture
def patient(settings: Settings) -> Iterator[Patient]:
    found = Patient(settings)
    yield found
    found.close()


def append_up_to(store: LedgerStore, size: int) -> None:
    """Grow a log to this size, by entries of now."""
    entry = Entry(
        topic="t.v1",
        stream="s/0",
        version=1,
        event={},
        protected={},
        origin="o",
        recorded_at=text_of_us(now_us()),
        reporter="r",
        capture="live",
    )
    store.append(
        [
            NewEntry.of(f"s/{n}", 1, "t.v1", encode_entry(replace(entry, stream=f"s/{n}")))
            for n in range(store.head().tree_size, size)
        ]
    )


def later(patient: Patient, seconds: float) -> Patient:
    """The same deployment, looked at so much later."""
    return Patient(patient.settings, patient.backups, now_us() + int(seconds * S_US))


def grown(patient: Patient, size: int) -> LedgerStore:
    """Its store, with entries beyond the newest checkpoint."""
    append_up_to(patient.store(), size)
    return patient.store()


def test_checkpoint_that_covers_everything_is_good_however_old(patient: Patient) -> None:
    """A ledger at rest publishes nothing."""
    found = records.checkpoint(later(patient, 30 * 86_400))

    assert (Outcome.OK, True) == (found.outcome, "of 300 entries" in found.says)


def test_entries_that_wait_to_be_published_are_looked_at_after_a_minute(patient: Patient) -> None:
    """Within a round of witnesses it is nothing; beyond, somebody should look."""
    grown(patient, 310)

    assert Outcome.OK is records.checkpoint(patient).outcome
    found = records.checkpoint(later(patient, limits.DOCTOR_LAG_S + 10))
    assert (Outcome.WARN, True) == (found.outcome, "10 entries beyond it" in found.says)


def test_database_that_lost_what_it_signed_is_bad(settings: Settings, tmp_path: Path) -> None:
    """Signed over more than is held, over another tree, or by nobody: each is a lost history."""
    old = Settings(data=tmp_path.parent / f"{tmp_path.name}-old")
    shutil.copytree(settings.data, old.data)
    hosted = open_ledger(settings)
    append_up_to(hosted.store, 310)
    note = publish(hosted.store, hosted.keys.checkpoint, now_us())
    hosted.close()

    def found(size: int, signed_size: int, signed: bytes) -> str:
        patient = Patient(old)
        try:
            append_up_to(patient.store(), size)
            patient.store().publish(Published(signed_size, signed, now_us()))
            look = records.checkpoint(patient)
        finally:
            patient.close()
        assert Outcome.BAD is look.outcome
        return look.says

    assert "10 are lost" in found(300, 310, note)
    assert "not the one it signed" in found(310, 310, note)
    assert "does not hold" in found(310, 311, note.replace(b"310", b"311", 1))


def test_views_that_stand_still_are_looked_at_after_a_minute(patient: Patient) -> None:
    """A moment behind is how they work."""
    assert Outcome.OK is records.views(patient).outcome
    found = records.views(later(patient, limits.VIEWS_STUCK_S + 10))
    assert (Outcome.WARN, True) == (found.outcome, "300 entries behind" in found.says)


@pytest.mark.parametrize(
    ("age_s", "outcome"),
    [
        (3_600, Outcome.OK),
        (limits.BACKUP_WARN_S + 60, Outcome.WARN),
        (limits.BACKUP_BAD_S + 60, Outcome.BAD),
        (None, Outcome.BAD),
    ],
)
def test_last_backup_is_as_good_as_it_is_new(
    settings: Settings, tmp_path: Path, age_s: float | None, outcome: Outcome
) -> None:
    """One a day is good, one of last week is not, and none is none."""
    patient = Patient(settings, tmp_path)

    def last(_origin: str | None) -> tuple[str, int, Path] | None:
        if age_s is None:
            return None
        return text_of_us(patient.now_us - int(age_s * S_US)), 290, tmp_path / "made"

    found = {look.name: look for look in examine.examine(patient, last)}["backup"]
    patient.close()

    assert outcome is found.outcome
    assert age_s is None or "10 are newer" in found.says


def test_role_without_a_grant_is_named_with_what_it_lacks(
    postgres_url: str, tmp_path: Path
) -> None:
    """The owner may do what is needed; a role that can only read lacks each of it, by table."""
    settings = Settings(data=tmp_path, database_url=postgres_url)
    open_ledger(settings).close()
    role = f"candour_test_{secrets.token_hex(4)}"
    parts = urlsplit(postgres_url)
    server = parts.netloc.rpartition("@")[2]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name, schema = sql.Identifier(role), sql.Identifier("candour_main")
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'r'").format(name))
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, name))
        connection.execute(
            sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {} TO {}").format(schema, name)
        )
        try:
            url = urlunsplit(parts._replace(netloc=f"{role}:r@{server}"))
            found = look(replace(settings, database_url=url))
        finally:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
            connection.execute(sql.SQL("DROP ROLE {}").format(name))

    assert Outcome.BAD is found.outcome
    assert f"{role} lacks " in found.says
    assert "INSERT on entries" in found.says


def look(settings: Settings) -> Examined:
    patient = Patient(settings)
    try:
        return records.grants(patient)
    finally:
        patient.close()
