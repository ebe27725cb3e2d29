"""What can be opened of a deployment? Its settings, database, views and key, each on its own.

Nothing is made, claimed or signed. What cannot be opened is said once, and the other looks that
need it are unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from ledger.errors import CandourError, Malformed
from ledger.store.core import LedgerStore, Published
from ledger.tlog import TrustPolicy, VerifierKey
from services.doctor.examined import NotToBeTold
from services.runtime.hosting import now_us, open_store
from services.runtime.settings import Settings
from services.runtime.views import open_views, views_path
from services.runtime.witness_policy import read_witness_policy


@dataclass(slots=True)
class Patient:
    """A deployment of one ledger, as far as it can be opened.

    Members:
        backups: Folder of backups; None where none is configured.
        now_us: When it is examined.
    """

    settings: Settings
    backups: Path | None = None
    now_us: int = field(default_factory=now_us)
    _store: LedgerStore | CandourError | OSError | None = None
    _views: Engine | None = None

    @property
    def database(self) -> Path | None:
        """The file; None for PostgreSQL."""
        if self.settings.database_url is not None:
            return None
        return self.settings.data / f"{self.settings.ledger}.db"

    def store(self) -> LedgerStore:
        """The ledger's store. Raises NotToBeTold."""
        if self._store is None:
            self._store = self._open()
        if isinstance(self._store, Exception):
            raise NotToBeTold("the database could not be opened: see `database`")
        return self._store

    def why_closed(self) -> str | None:
        """Why the database could not be opened; None where it could."""
        try:
            self.store()
        except NotToBeTold:
            return str(self._store)
        return None

    def _open(self) -> LedgerStore | CandourError | OSError:
        path = self.database
        if path is not None and not path.is_file():
            return NotToBeTold(f"there is no {path}")
        try:
            store = open_store(self.settings, create=False)
            if not store.meta():
                store.close()
                return NotToBeTold(f"no ledger {self.settings.ledger} was ever served from there")
        except (CandourError, OSError) as error:
            return error
        return store

    def views(self) -> Engine:
        """The views' engine. Raises NotToBeTold."""
        self.store()
        if self._views is None:
            path = views_path(self.settings)
            if self.settings.database_url is None and not path.is_file():
                raise NotToBeTold("there are no views", "start the server: it makes them")
            self._views = open_views(self.settings, make=False)
        return self._views

    def key(self) -> VerifierKey:
        """The ledger's public key, as its database says it. Raises NotToBeTold."""
        try:
            return VerifierKey.parse(self.store().meta().get("vkey", ""))
        except Malformed as error:
            raise NotToBeTold(f"the database names no key: {error}") from None

    def published(self) -> Published | None:
        """The newest checkpoint. Raises NotToBeTold."""
        return self.store().published()

    def policy(self) -> TrustPolicy | None:
        """Who must cosign; None where nobody must. Raises WitnessPolicyRefused."""
        path = self.settings.witness_policy
        return None if path is None else read_witness_policy(path)

    def close(self) -> None:
        if self._views is not None:
            self._views.dispose()
        if isinstance(self._store, LedgerStore):
            self._store.close()
