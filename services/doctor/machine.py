"""Is the machine fit: settings, keys, disk, clock, ports? Without the database, but for sizes."""

from __future__ import annotations

import json
import pwd
import shutil
import socket
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ledger import limits
from ledger.errors import CandourError
from ledger.store.standing import standing
from services.doctor.examined import Examined, NotToBeTold, Outcome, ago, size_of
from services.doctor.patient import Patient
from services.runtime.clock import database_offset_s, kernel_offset_s
from services.runtime.hosting import newest_us
from services.runtime.http_client import get
from services.runtime.keys import key_paths
from services.runtime.settings import host_and_port
from services.runtime.views import views_path

_MOST: Final = 65_536  # bytes of an answer that are read


def settings(patient: Patient) -> Examined:
    """Can it be served as it is told?"""
    name = "settings"
    try:
        patient.settings.check_names()
        patient.settings.check_addresses()
        patient.policy()
    except CandourError as error:
        do = "set it right in the environment or the flags of `candour serve`"
        return Examined(name, Outcome.BAD, str(error), do)
    where = "PostgreSQL" if patient.settings.database_url else "SQLite"
    policy = patient.settings.witness_policy
    said = f"ledger {patient.settings.ledger} on {where}, data in {patient.settings.data}"
    return Examined(name, Outcome.OK, f"{said}, witness policy {policy or 'none'}")


def keys(patient: Patient) -> Examined:
    """Are they here, one owner's, and nobody else's to read?"""
    name, data = "keys", patient.settings.data
    paths = key_paths(data, patient.settings.ledger)
    missing = [path.name for path in paths if not path.is_file()]
    if missing:
        do = f"bring them back from the backup into {data / 'keys'}; a new ledger makes its own"
        return Examined(name, Outcome.BAD, f"missing: {', '.join(missing)}", do)
    loose = [path for path in (*paths, paths[0].parent) if path.stat().st_mode & 0o077]
    if loose:
        shown = ", ".join(f"{path.name} is {path.stat().st_mode & 0o777:o}" for path in loose)
        do = f"chmod 700 {paths[0].parent}; chmod 600 the files in it; ask who has read them"
        # A folder that others may list is looser than we make it; a file that they read is lost.
        grave = Outcome.BAD if set(loose) & set(paths) else Outcome.WARN
        return Examined(name, grave, f"others may read them: {shown}", do)
    owner = data.stat().st_uid
    others = [path.name for path in paths if path.stat().st_uid != owner]
    if others:
        said = f"{', '.join(others)} do not belong to {_name_of(owner)}, as {data} does"
        return Examined(name, Outcome.WARN, said, f"chown them to {_name_of(owner)}")
    return Examined(name, Outcome.OK, f"three, mode 600, {_name_of(owner)}'s own")


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def disk(patient: Patient) -> Examined:
    """How much is free, and for how many days at the rate of late?"""
    name, data = "disk", patient.settings.data
    try:
        free = shutil.disk_usage(data).free
    except OSError as error:
        raise NotToBeTold(f"{data}: {error.strerror}", "say where with --data") from None
    said = f"{size_of(free)} free at {data}"
    do = "add a disk, or move backups and exports elsewhere; a full one refuses reports"
    if free < limits.DISK_BAD_BYTES:
        return Examined(name, Outcome.BAD, said, do)
    few = free < limits.DISK_WARN_BYTES
    days = None
    try:
        grown, days = _forecast(patient, free)
    except CandourError as error:
        grown = f"for how long is unknown: {error}"
    said = f"{said}; {grown}" if days is None else f"{said}; {grown}: full in {days:,.0f} days"
    if days is not None and days < limits.DISK_BAD_DAYS:
        return Examined(name, Outcome.BAD, said, do)
    if few or (days is not None and days < limits.DISK_WARN_DAYS):
        return Examined(name, Outcome.WARN, said, do)
    return Examined(name, Outcome.UNKNOWN if days is None else Outcome.OK, said)


def _forecast(patient: Patient, free: int) -> tuple[str, float | None]:
    """How it grows, in words, and days until this disk is full; None where that is another's.

    Raises:
        NotToBeTold: There is no rate.
    """
    store = patient.store()
    entries = store.head().tree_size
    older = store.published(before_us=patient.now_us - int(limits.DOCTOR_RATE_S * 1e6))
    if older is None:
        older = next(iter(store.checkpoint_rows(-1, 1)), None)
    if older is None or entries <= older.tree_size:
        raise NotToBeTold("there is no rate, nothing was recorded of late")
    span_s = (patient.now_us - older.published_us) / 1e6
    if span_s < limits.DOCTOR_RATE_LEAST_S:
        raise NotToBeTold(f"there is no rate yet, the first checkpoint is {ago(span_s)} old")
    a_day = (entries - older.tree_size) / span_s * 86_400
    taken = standing(store).bytes
    views = views_path(patient.settings)
    if patient.database is not None:
        taken += sum(path.stat().st_size for path in views.parent.glob(f"{views.name}*"))
    each = taken / entries
    grown = f"{each:,.0f} bytes a use x {a_day:,.0f} a day = {size_of(each * a_day)} a day"
    if patient.database is None:
        return f"{grown} on the database's own disk, which cannot be seen from here", None
    return grown, free / (each * a_day)


def clock(patient: Patient) -> Examined:
    """Is it right, as far as the ledger, its database's server and the kernel know?"""
    name, offset = "clock", kernel_offset_s()
    do = "see deploy/runbooks/clock-off.md"
    if (worse := _clock_of_others(patient)) is not None:
        grave = abs(worse[0]) > limits.DOCTOR_CLOCK_BAD_S
        return Examined(name, Outcome.BAD if grave else Outcome.WARN, worse[1], do)
    if offset is None:
        said = "the kernel does not say that time synchronisation runs here"
        return Examined(name, Outcome.UNKNOWN, said, "in a container ask its host; else run chrony")
    said = f"{abs(offset) * 1000:,.1f} ms off the server that it follows"
    if abs(offset) > limits.DOCTOR_CLOCK_BAD_S:
        return Examined(name, Outcome.BAD, said, do)
    if abs(offset) > limits.DOCTOR_CLOCK_WARN_S:
        return Examined(name, Outcome.WARN, said, do)
    return Examined(name, Outcome.OK, said)


def _clock_of_others(patient: Patient) -> tuple[float, str] | None:
    """How far it is off, and in words; None where nothing in reach says that it is."""
    try:
        before_s = (newest_us(patient.store()) - patient.now_us) / 1e6
        if before_s > limits.DOCTOR_CLOCK_WARN_S:
            said = (
                "before the newest time in the ledger: it was set back, or was ahead when that was"
            )
            return -before_s, f"{before_s:,.0f} s {said} recorded"
        theirs = database_offset_s(patient.views())
    except (CandourError, SQLAlchemyError):
        return None
    if theirs is None or abs(theirs) <= limits.DOCTOR_CLOCK_WARN_S:
        return None
    way = "ahead of" if theirs > 0 else "behind"
    return theirs, f"{abs(theirs):,.0f} s {way} the database server's"


def server(patient: Patient) -> Examined:
    """Does it run? If so, is it ready; if not, are its ports free?"""
    name = "server"
    grpc, http = patient.settings.grpc, patient.settings.http
    taken = [address for address in (grpc, http) if _answers(address)]
    if not taken:
        return Examined(name, Outcome.OK, f"none runs; {grpc} and {http} are free")
    try:
        hosted = json.loads(_get(http, "/ledgers")[1])["ledgers"]
        code, said = _get(http, "/readyz?verbose")
    except (OSError, CandourError, ValueError, KeyError, TypeError):
        do = "end what listens there, or choose other ports: --grpc, --http"
        text = f"something else listens at {', '.join(taken)}"
        return Examined(name, Outcome.BAD, text, do)
    if patient.settings.ledger not in hosted:
        do = "name the ledger with --ledger, or the ports with --grpc and --http"
        text = f"the server at {http} does not host ledger {patient.settings.ledger}"
        return Examined(name, Outcome.WARN, text, do)
    failed = [line[4:] for line in said.splitlines() if line.startswith("[-]")]
    if code != 200:
        do = "see deploy/runbooks/halted.md; `GET /ledgers/<ledger>/status` says more"
        text = f"it runs, and is not ready: {(failed or [said.strip()])[0]}"
        return Examined(name, Outcome.BAD, text, do)
    if failed:
        do = "see deploy/runbooks, by the name of what failed"
        return Examined(name, Outcome.WARN, f"it runs, but {failed[0]}", do)
    return Examined(name, Outcome.OK, f"it runs at {http}, and is ready")


def _answers(address: str) -> bool:
    host, port = host_and_port(address)
    if port == 0:
        return False
    try:
        with socket.create_connection((host, port), timeout=limits.DOCTOR_WAIT_S):
            return True
    except OSError:
        return False


def _get(address: str, path: str) -> tuple[int, str]:
    reply = get(f"http://{address}{path}", most=_MOST, timeout_s=limits.DOCTOR_WAIT_S)
    return reply.status, reply.body.decode(errors="replace")
