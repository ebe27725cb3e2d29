"""How is one ledger opened? Keys, store and views that belong together, or none of them.

    Settings ──open_ledger──► Hosted(log, registrar, keys, store)

The database remembers the origin and a fingerprint of the secret it was begun with; keys
of another ledger are refused before anything is signed.
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.application import Registrar
from ledger.canonical_json import decode
from ledger.directory import DIRECTORY
from ledger.errors import Malformed, VerificationFailed
from ledger.log import Log
from ledger.merkle import root_at
from ledger.store.copied import NOT_SERVABLE
from ledger.store.core import LedgerStore, StoreMismatch
from ledger.store.moved import refuse_moved
from ledger.store.postgres import PostgresStore, ledgers_of
from ledger.store.sqlite import SqliteStore, holds_ledger
from ledger.times import us_of_text
from ledger.tlog import TrustPolicy, open_checkpoint
from services.runtime.clock import LogClock
from services.runtime.keys import LedgerKeys, open_keys
from services.runtime.refusals import Damaged, HistoryLost, NotServable
from services.runtime.schema import bring_along
from services.runtime.settings import LEDGER_NAME, Settings
from services.runtime.witness_policy import read_witness_policy

_POOL_BYTES: Final = 65_536  # some 300 uses' salts


@dataclass(frozen=True, slots=True)
class Hosted:
    """One ledger, open."""

    name: str
    settings: Settings
    keys: LedgerKeys
    store: LedgerStore
    log: Log
    registrar: Registrar
    clock: LogClock  # of all times that go into the ledger
    policy: TrustPolicy | None = None  # who must cosign what is published

    def close(self) -> None:
        self.registrar.close()
        self.store.close()


class RandomPool:
    """os.urandom, drawn in advance: a system call a salt would let go of the interpreter each
    time, and wait for whoever took it. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool, self._at = b"", 0

    def __call__(self, size: int) -> bytes:
        if size > _POOL_BYTES:
            return os.urandom(size)
        with self._lock:
            if self._at + size > len(self._pool):
                self._pool, self._at = os.urandom(_POOL_BYTES), 0
            start, self._at = self._at, self._at + size
            return self._pool[start : self._at]


def now_us() -> int:
    """The operator's clock, in microseconds from 1970."""
    return time.time_ns() // 1000


def open_store(settings: Settings, *, create: bool = True) -> LedgerStore:
    """The store that the settings name. Raises StoreUnavailable, StoreMismatch."""
    if settings.database_url is not None:
        return PostgresStore(settings.database_url, settings.ledger, create=create)
    settings.data.mkdir(parents=True, exist_ok=True)
    return SqliteStore(settings.data / f"{settings.ledger}.db")


def ledger_names(settings: Settings, *, directory: bool = False) -> list[str]:
    """The ledgers that have begun where the settings say, whoever serves them.

    Args:
        directory: With the log that lists them, where it is among them.
    Raises:
        StoreUnavailable: The database is away.
    """
    if settings.database_url is not None:
        names = ledgers_of(settings.database_url)
    else:
        names = [path.stem for path in settings.data.glob("*.db") if holds_ledger(path)]
    wanted = {name for name in names if LEDGER_NAME.fullmatch(name)}
    return sorted(wanted if directory else wanted - {DIRECTORY})


def open_ledger(settings: Settings) -> Hosted:
    """Open a ledger, begin it where it is new.

    Raises:
        StoreUnavailable: The database is away.
        StoreMismatch: It was begun with other keys, or by another release.
        KeyFileRefused: As open_keys.
        WitnessPolicyRefused: As read_witness_policy.
        NotServable: It was restored, and not found good.
        LedgerMoved: It goes on in another database.
        HistoryLost, Damaged: As check_history.
    """
    path = settings.witness_policy
    policy = None if path is None else read_witness_policy(path)
    store = open_store(settings)
    try:
        begun = store.meta()
        if (why := begun.get(NOT_SERVABLE)) is not None:
            raise NotServable(settings.ledger, why)
        refuse_moved(begun)
        bring_along(store, settings.ledger)
        keys = open_keys(settings.data, settings.ledger, origin=begun.get("origin"))
        _check_claim(store, settings, keys)
        check_history(store, keys, settings.ledger)
    except BaseException:
        store.close()
        raise
    random_bytes = RandomPool()
    clock = LogClock(now_us, newest_us(store), ledger=settings.ledger)
    log = Log(
        store,
        origin=keys.origin,
        signer=keys.checkpoint,
        keys=keys.identity,
        clock_us=clock,
        random_bytes=random_bytes,
    )
    registrar = Registrar(store, origin=keys.origin, keys=keys.identity, random_bytes=random_bytes)
    return Hosted(settings.ledger, settings, keys, store, log, registrar, clock, policy)


def newest_us(store: LedgerStore) -> int:
    """The newest time in a ledger, of its last entry or checkpoint; 0 where none can be read."""
    size, published = store.head().tree_size, store.published()
    newest = 0 if published is None else published.published_us
    for last in store.read_entries(size - 1, 1) if size else ():
        try:
            newest = max(newest, us_of_text(decode(last.entry, what="entry")["recorded_at"]))
        except (Malformed, KeyError, TypeError):  # of a newer release, or damaged: others say so
            continue
    return newest


def _check_claim(store: LedgerStore, settings: Settings, keys: LedgerKeys) -> None:
    """The database and the keys belong together, under this name; a new database takes them."""
    if settings.origin not in (None, keys.origin):
        raise StoreMismatch(
            f"ledger {settings.ledger}: its route leads to {keys.origin}, and should to"
            f" {settings.origin}"
        )
    own = keys.origin.rpartition("/")[2]
    if own != settings.ledger:
        raise StoreMismatch(f"the database of ledger {settings.ledger} is that of ledger {own}")
    mine = {
        "origin": keys.origin,
        "vkey": keys.checkpoint.verifier_key.format(),
        "answers_vkey": keys.answers.verifier_key.format(),
        "secret": keys.identity.fingerprint(),
    }
    for name, value in store.claim(mine).items():
        if name in mine and value != mine[name]:
            raise StoreMismatch(
                f"ledger {settings.ledger}: the database was begun with another {name}"
                f" than {settings.data} holds"
            )


def check_history(store: LedgerStore, keys: LedgerKeys, ledger: str) -> None:
    """The tiles are those of the head, and of the newest checkpoint, which is signed by our key.

    What this cannot see is a database that was brought back whole from an older day: for that
    there are the directory (ADR 0018) and witnesses.

    Raises:
        HistoryLost: Another tree was published than the database holds.
        StoreMismatch: What it published is not signed by the ledger's key.
        Damaged: The head is not the root of the tiles.
    """
    head, published = store.head(), store.published()
    try:
        if head.root != root_at(head.tree_size, store.read_tile):
            raise Damaged(f"the head of ledger {ledger}", "head")
        if published is None:
            return
        signed = open_checkpoint(published.note, [keys.checkpoint.verifier_key]).checkpoint
    except VerificationFailed as error:
        raise StoreMismatch(
            f"ledger {ledger}: its newest checkpoint is not signed by its key: {error}"
        ) from None
    except Malformed as error:
        raise Damaged(f"{error.field} of ledger {ledger}") from None
    size = signed.tree_size
    if size > head.tree_size or signed.root != root_at(size, store.read_tile):
        raise HistoryLost(signed_size=size, tree_size=head.tree_size, ledger=ledger)


def write_trust_files(hosted: Hosted) -> None:
    """`trust.txt` and `<ledger>.vkey` in the data directory, for whoever checks answers."""
    data = hosted.settings.data
    _write(data / trust_file_name(hosted.name), hosted.keys.trust_text(hosted.policy))
    _write(data / f"{hosted.name}.vkey", hosted.keys.checkpoint.verifier_key.format() + "\n")


def trust_file_name(ledger: str) -> str:
    """In the data directory."""
    return "trust.txt" if ledger == "main" else f"{ledger}.trust.txt"


def _write(path: Path, text: str) -> None:
    data = text.encode(errors="surrogateescape")  # names in a policy are octets
    if path.exists() and path.read_bytes() == data:
        return
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(data)
    draft.replace(path)
