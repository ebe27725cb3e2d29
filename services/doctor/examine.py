"""Which looks are taken, in which order? Each by itself: one that fails leaves the others alone.

Patient ──[settings, keys, database, …, server]──► [Examined]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from ledger import limits
from ledger.errors import CandourError
from ledger.times import us_of_text
from services.doctor import machine, records
from services.doctor.examined import Examined, NotToBeTold, Outcome, ago
from services.doctor.patient import Patient
from services.doctor.served import served_tree

# (origin or None) -> (made_at, its entries, where); None where there is none.
LastBackup: TypeAlias = Callable[[str | None], tuple[str, int, Path] | None]
_LOOKS: Final[Mapping[str, Callable[[Patient], Examined]]] = {
    "settings": machine.settings,
    "keys": machine.keys,
    "database": records.database,
    "grants": records.grants,
    "durability": records.durability,
    "disk": machine.disk,
    "clock": machine.clock,
    "checkpoint": records.checkpoint,
    "cosignatures": records.cosignature,
    "witnesses": records.witnesses,
    "views": records.views,
    "usage index": records.index,
}


def examine(patient: Patient, last_backup: LastBackup) -> Iterator[Examined]:
    """Every look, as it is had."""
    for name, look in _LOOKS.items():
        yield _taken(name, look, patient)
    yield _taken("backup", lambda who: _backup(who, last_backup), patient)
    yield _taken("server", machine.server, patient)
    yield _taken("served tree", served_tree, patient)


def _taken(name: str, look: Callable[[Patient], Examined], patient: Patient) -> Examined:
    try:
        return look(patient)
    except NotToBeTold as error:
        return Examined(name, Outcome.UNKNOWN, error.reason, error.do)
    except (CandourError, OSError) as error:
        return Examined(name, Outcome.UNKNOWN, str(error) or type(error).__name__)
    except Exception as error:  # noqa: BLE001  a database can be broken in every way
        # Its text may quote a row.
        return Examined(name, Outcome.UNKNOWN, f"could not be told ({type(error).__name__})")


def _backup(patient: Patient, last_backup: LastBackup) -> Examined:
    """When was it backed up last, and how much is new since then?"""
    name, do = "backup", "make one: candour backup --out DIR"
    if patient.backups is None:
        do = "say where they are, with --backups or CANDOUR_BACKUPS"
        return Examined(name, Outcome.UNKNOWN, "no folder of backups is configured", do)
    try:
        origin = patient.store().meta().get("origin")
    except NotToBeTold:
        origin = None
    found = last_backup(origin)
    if found is None:
        return Examined(name, Outcome.BAD, f"there is none of this ledger in {patient.backups}", do)
    made_at, size, where = found
    age_s = (patient.now_us - us_of_text(made_at)) / 1e6
    said = f"{where.name}, {ago(age_s)} old, of {size} entries"
    try:
        said += f"; {max(patient.store().head().tree_size - size, 0)} are newer"
    except NotToBeTold:
        said += "; to come back from it: candour restore"
    if age_s > limits.BACKUP_BAD_S:
        return Examined(name, Outcome.BAD, said, do)
    return Examined(
        name,
        Outcome.WARN if age_s > limits.BACKUP_WARN_S else Outcome.OK,
        said,
        (do if age_s > limits.BACKUP_WARN_S else ""),
    )
