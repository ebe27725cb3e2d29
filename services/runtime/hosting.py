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
from ledger.log import Log
from ledger.store.core import SCHEMA_VERSION, LedgerStore, StoreMismatch
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SqliteStore
from ledger.tlog import TrustPolicy
from services.runtime.keys import LedgerKeys, open_keys
from services.runtime.refusals import HistoryLost
from services.runtime.settings import Settings
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


def open_ledger(settings: Settings) -> Hosted:
    """Open a ledger, begin it where it is new.

    Raises:
        StoreUnavailable: The database is away.
        StoreMismatch: It was begun with other keys, or by another release.
        KeyFileRefused: As open_keys.
        WitnessPolicyRefused: As read_witness_policy.
        HistoryLost: It has published a larger tree than it holds.
    """
    path = settings.witness_policy
    policy = None if path is None else read_witness_policy(path)
    store = open_store(settings)
    try:
        keys = open_keys(settings.data, settings.ledger, origin=store.meta().get("origin"))
        mine = {
            "origin": keys.origin,
            "vkey": keys.checkpoint.verifier_key.format(),
            "answers_vkey": keys.answers.verifier_key.format(),
            "secret": keys.identity.fingerprint(),
            "schema": SCHEMA_VERSION,
        }
        for name, value in store.claim(mine).items():
            if name in mine and value != mine[name]:
                raise StoreMismatch(
                    f"the database was begun with another {name} than {settings.data} holds"
                )
        published, tree_size = store.published(), store.head().tree_size
        if published is not None and published.tree_size > tree_size:
            raise HistoryLost(signed_size=published.tree_size, tree_size=tree_size)
    except BaseException:
        store.close()
        raise
    random_bytes = RandomPool()
    log = Log(
        store,
        origin=keys.origin,
        signer=keys.checkpoint,
        keys=keys.identity,
        clock_us=now_us,
        random_bytes=random_bytes,
    )
    registrar = Registrar(store, origin=keys.origin, keys=keys.identity, random_bytes=random_bytes)
    return Hosted(settings.ledger, settings, keys, store, log, registrar, policy)


def write_trust_files(hosted: Hosted) -> None:
    """`trust.txt` and `<ledger>.vkey` in the data directory, for whoever checks answers."""
    data = hosted.settings.data
    name = "trust.txt" if hosted.name == "main" else f"{hosted.name}.trust.txt"
    _write(data / name, hosted.keys.trust_text(hosted.policy))
    _write(data / f"{hosted.name}.vkey", hosted.keys.checkpoint.verifier_key.format() + "\n")


def _write(path: Path, text: str) -> None:
    data = text.encode(errors="surrogateescape")  # names in a policy are octets
    if path.exists() and path.read_bytes() == data:
        return
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(data)
    draft.replace(path)
