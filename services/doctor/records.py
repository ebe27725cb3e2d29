"""Is the database sound, and is what stands in it shown to others? Store, checkpoints, views, backups.

Everything is read from the database itself, so it can be asked while the server is down.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from ledger import limits
from ledger.entry import decode_entry
from ledger.errors import CandourError, Malformed
from ledger.limits import MAX_NOTE_BYTES
from ledger.merkle import root_at
from ledger.store.copied import NOT_SERVABLE, RESTORED
from ledger.store.core import LedgerStore
from ledger.store.schemas import look
from ledger.store.standing import standing
from ledger.store.usage_roots import UsageRoots
from ledger.store.view_queries import ViewReader
from ledger.times import us_of_text
from ledger.tlog import Checkpoint, Witness, cosignatures, open_checkpoint
from services.doctor.examined import Examined, Outcome, ago, size_of
from services.doctor.patient import Patient
from services.runtime.http_client import get
from services.runtime.keys import KeyFileRefused, key_paths, open_keys

_LOST: Final = "see deploy/runbooks/lost-history.md; do not start a server on it"


def database(patient: Patient) -> Examined:
    """Can it be opened, is it this release's, is it the keys' own, and may it be served?"""
    name = "database"
    if (why := patient.why_closed()) is not None:
        do = "start it, or say where: --data, --database-url; a new ledger begins with `candour serve`"
        return Examined(name, Outcome.BAD, why, do)
    store = patient.store()
    meta, found = store.meta(), standing(store)
    if (why := meta.get(NOT_SERVABLE)) is not None:
        return Examined(name, Outcome.BAD, f"it is not to be served: {why}", _LOST)
    if _strange_keys(patient, meta):
        do = "put the keys back with which it was begun"
        return Examined(name, Outcome.BAD, "the keys are not those of this database", do)
    said = f"{found.server}, {store.head().tree_size} entries, {size_of(found.bytes)}"
    schema = look(store)
    said += f", schema {schema.version}"
    if RESTORED in meta:
        said += f"; restored {meta[RESTORED]}"
    if schema.expanding:
        do = "candour db migrate, once all front-ends are of this release"
        return Examined(name, Outcome.WARN, f"{said} of {schema.newest}", do)
    return Examined(name, Outcome.OK, said)


def _strange_keys(patient: Patient, meta: Mapping[str, str]) -> bool:
    """True where the keys are of another ledger; what else is wrong with them is said elsewhere."""
    data, ledger = patient.settings.data, patient.settings.ledger
    if not all(path.is_file() for path in key_paths(data, ledger)):
        return False
    try:
        own = open_keys(data, ledger, origin=meta.get("origin", ""))
    except (KeyFileRefused, OSError):
        return False
    named = (own.checkpoint.verifier_key.format(), own.identity.fingerprint())
    return named != (meta.get("vkey"), meta.get("secret"))


def grants(patient: Patient) -> Examined:
    """May we write what must be written, and no more than that?"""
    name, found = "grants", standing(patient.store())
    if found.lacking:
        do = "grant them, or connect as the role that made the schema"
        shown = ", ".join(found.lacking[:5])
        return Examined(name, Outcome.BAD, f"{found.role} lacks {shown}", do)
    if found.read_only:
        do = "connect to the primary; for SQLite, as the owner of the file"
        return Examined(name, Outcome.BAD, f"{found.role} can only be read", do)
    if found.superuser:
        do = "give the ledger a role of its own, which owns its schema and nothing else"
        said = f"{found.role} is a superuser: it may rewrite all databases of that server"
        return Examined(name, Outcome.WARN, said, do)
    if patient.database is not None:
        return Examined(name, Outcome.OK, f"{found.role} can be written to")
    said = f"{found.role} may do what the ledger needs"
    return Examined(name, Outcome.OK, f"{said}; as owner of the schema it can rewrite it, too")


def durability(patient: Patient) -> Examined:
    """Is what is acknowledged on disk?"""
    name, found = "durability", standing(patient.store())
    if found.undurable:
        do = "set it on in postgresql.conf, reload, and audit if there was a crash meanwhile"
        return Examined(name, Outcome.BAD, "; ".join(found.undurable), do)
    if patient.database is not None:
        return Examined(
            name, Outcome.OK, f"journal {found.settings['journal_mode']}, synchronous FULL"
        )
    standbys = found.settings["synchronous_standby_names"] or "no standby is waited for"
    said = f"fsync and full_page_writes on, each commit synchronous_commit = on; {standbys}"
    return Examined(name, Outcome.OK, said)


def checkpoint(patient: Patient) -> Examined:
    """Does the newest one hold, and cover what is recorded?"""
    name, store = "checkpoint", patient.store()
    head, published = store.head(), store.published()
    if published is None:
        return _uncovered(patient, 0, "none is published")
    try:
        signed = open_checkpoint(published.note, [patient.key()]).checkpoint
    except CandourError as error:
        return Examined(name, Outcome.BAD, f"the newest does not hold: {error}", "candour audit")
    size = signed.tree_size
    if size > head.tree_size:
        said = f"it has signed {size} entries and holds {head.tree_size}:"
        return Examined(name, Outcome.BAD, f"{said} {size - head.tree_size} are lost", _LOST)
    try:
        holds = signed.root == root_at(size, store.read_tile)
    except Malformed:
        holds = False
    if not holds:
        return Examined(name, Outcome.BAD, f"its tree of {size} is not the one it signed", _LOST)
    age = ago((patient.now_us - published.published_us) / 1e6)
    return _uncovered(patient, size, f"of {size} entries, {age} old")


def _uncovered(patient: Patient, size: int, said: str) -> Examined:
    """How long entries beyond this size have been waiting to be published."""
    store = patient.store()
    entries = store.head().tree_size
    if entries <= size:
        return Examined("checkpoint", Outcome.OK, f"{said}; it covers everything recorded")
    waiting_s = _age_of(patient, store, size)
    said = f"{said}; {entries - size} entries beyond it, the oldest for {ago(waiting_s)}"
    if waiting_s <= limits.DOCTOR_LAG_S:
        return Examined("checkpoint", Outcome.OK, said)
    do = "start the server if none runs; else see deploy/runbooks/checkpoint-late.md"
    return Examined("checkpoint", Outcome.WARN, said, do)


def _age_of(patient: Patient, store: LedgerStore, leaf_index: int) -> float:
    """Seconds since an entry was recorded."""
    (stored,) = store.entries_at([leaf_index])
    recorded_us = us_of_text(decode_entry(stored.entry).recorded_at)
    return (patient.now_us - recorded_us) / 1e6


def cosignature(patient: Patient) -> Examined:
    """Did enough witnesses sign the newest checkpoint, and when?"""
    name, policy, published = "cosignatures", patient.policy(), patient.published()
    if policy is None:
        do = "name witnesses with --witness-policy: nobody notices a second history without them"
        return Examined(name, Outcome.UNKNOWN, "nobody must cosign here", do)
    if published is None:
        return Examined(name, Outcome.UNKNOWN, "there is no checkpoint yet")
    opened = open_checkpoint(published.note, [patient.key()])
    signed = cosignatures(opened.checkpoint, opened.note.unverified, policy.witnesses)
    said = f"{len(signed)} of {len(policy.witnesses)} on the checkpoint of {published.tree_size}"
    if signed:
        said += f", the newest {ago(patient.now_us / 1e6 - max(signed.values()))} old"
    if not policy.quorum_met(signed):
        do = "see deploy/runbooks/cosignature-late.md; a policy that is new holds from here on"
        return Examined(name, Outcome.WARN, f"{said}: the quorum is not met", do)
    return Examined(name, Outcome.OK, said)


def witnesses(patient: Patient) -> Examined:
    """Do they answer, and did they see nothing that we lack?"""
    name, policy = "witnesses", patient.policy()
    if policy is None:
        return Examined(name, Outcome.UNKNOWN, "none is named")
    silent, store = {}, patient.store()
    for witness in policy.witnesses:
        try:
            seen = _cosigned_last(patient, witness)
        except (CandourError, OSError) as error:
            silent[witness.name] = str(error) or type(error).__name__
            continue
        if seen is None:
            continue
        size = seen.tree_size
        if size > store.head().tree_size or seen.root != root_at(size, store.read_tile):
            said = f"{witness.name} cosigned a tree of {size} entries that is not here"
            return Examined(name, Outcome.BAD, said, _LOST)
    if silent:
        shown = "; ".join(f"{who}: {why}" for who, why in silent.items())
        enough = policy.quorum is None or not policy.quorum_met(silent)
        said = f"{len(policy.witnesses) - len(silent)} of {len(policy.witnesses)} answer ({shown})"
        do = "reach whoever runs them; what is recorded waits to be published without a quorum"
        return Examined(name, Outcome.WARN if enough else Outcome.BAD, said, do)
    return Examined(
        name, Outcome.OK, f"all {len(policy.witnesses)} answer, and lack nothing of ours"
    )


def _cosigned_last(patient: Patient, witness: Witness) -> Checkpoint | None:
    key = patient.key()
    where = f"{(witness.url or '').rstrip('/')}/{sha256(key.name.encode()).hexdigest()}/checkpoint"
    reply = get(where, most=MAX_NOTE_BYTES, timeout_s=limits.DOCTOR_WAIT_S)
    if reply.status == 404:
        return None
    if reply.status != 200:
        raise OSError(f"status {reply.status}")
    return open_checkpoint(reply.body, [key]).checkpoint


def views(patient: Patient) -> Examined:
    """Do answers hold what is recorded?"""
    name, store = "views", patient.store()
    held = ViewReader(patient.views(), store).position()
    behind = store.head().tree_size - held
    if behind <= 0:
        return Examined(name, Outcome.OK, f"they hold all {held} entries")
    waiting_s = _age_of(patient, store, held)
    said = f"{behind} entries behind, the oldest recorded {ago(waiting_s)} ago"
    if waiting_s <= limits.VIEWS_STUCK_S:
        return Examined(name, Outcome.OK, said)
    do = "start the server if none runs; else see deploy/runbooks/projection-late.md"
    return Examined(name, Outcome.WARN, said, do)


def index(patient: Patient) -> Examined:
    """How old is the newest root of the usage index that counts can be proven under?"""
    name, store = "usage index", patient.store()
    root = UsageRoots(patient.views()).servable()
    if root is None or root.leaf_index is None:
        return Examined(
            name, Outcome.UNKNOWN, "no root is committed yet; the first comes by midnight"
        )
    age_s = _age_of(patient, store, root.leaf_index)
    said = f"the newest root is of {root.tree_size} entries, {ago(age_s)} old"
    news = store.head().tree_size > root.leaf_index + 1
    if news and age_s > limits.DOCTOR_INDEX_S:
        do = "start the server if none runs; else look for `index` in its log"
        return Examined(name, Outcome.WARN, f"{said}, and there is news", do)
    return Examined(name, Outcome.OK, said)
