"""Append, tree head, prove, read: one ledger as the rest of the product sees it.

    commands ──check, learn, prepare──► [NewEntry] ──append──► receipts + head ──► checkpoint
                                               (one transaction)

No clock, thread or socket of its own: the process that assembles a Log hands it a clock
and a source of randomness, and decides which thread calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from ledger.canonical_json import decode
from ledger.commands import Performer, ReportToolUse
from ledger.conflicts import Conflicts
from ledger.domain.base import NotRegistered, Provenance
from ledger.errors import CandourError, Malformed, Refused
from ledger.events import ImportWithdrawn, ToolUseWithdrawn
from ledger.identity import IdentityKeys
from ledger.limits import MAX_CACHED_NAMES
from ledger.merkle import TileTree, leaf_hash
from ledger.reports import check_report, new_report
from ledger.store.core import (
    Clash,
    Head,
    Held,
    HistoryLost,
    LedgerStore,
    NewEntry,
    Outcome,
    PerformerRecord,
    Placed,
    StoredEntry,
    StreamConflict,
)
from ledger.streams import name_of_stream, stream_of_name
from ledger.tlog import Checkpoint, Signer, sign_checkpoint

_WITHDRAWALS: Final = (ToolUseWithdrawn.TOPIC, ImportWithdrawn.TOPIC)

# A command on its way to become an entry, or why it cannot: each keeps its place in the batch.
Checked: TypeAlias = ReportToolUse | CandourError


class ConflictingResubmission(Refused):
    """A source reported another content under an id that it used before.

    Args:
        name: What the id stands for here.
        leaf_index: Where the first report stands.
    """

    def __init__(self, name: str, leaf_index: int) -> None:
        super().__init__(f"{name} at leaf {leaf_index} was reported with another content")
        self.name, self.leaf_index = name, leaf_index


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry is durable and has its place.

    Members:
        name: Resource name of what the entry speaks of.
        leaf_index, leaf_hash: Its place and 32-byte hash.
        duplicate: The ledger held it already; this is the first receipt again.
        content_compared: False where what was said first is erased.
    """

    name: str
    leaf_index: int
    leaf_hash: bytes
    duplicate: bool = False
    content_compared: bool = True


@dataclass(slots=True)
class Missing:
    """What must be looked up before some commands can become entries."""

    agencies: set[str] = field(default_factory=set)
    performers: dict[bytes, PerformerRecord] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.agencies or self.performers)


class Log:
    """One ledger.

    Args:
        store: Where it lives.
        origin: First line of its checkpoints.
        signer: Its checkpoint key.
        keys: Its keyed digests.
        clock_us: Microseconds from 1970 now.
        random_bytes: As `os.urandom`.
    """

    def __init__(
        self,
        store: LedgerStore,
        *,
        origin: str,
        signer: Signer,
        keys: IdentityKeys,
        clock_us: Callable[[], int],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.store, self.origin, self.signer, self.keys = store, origin, signer, keys
        self.clock_us, self.random_bytes = clock_us, random_bytes
        self._conflicts = Conflicts(store, origin=origin, keys=keys, random_bytes=random_bytes)
        self._agencies: set[str] = set()
        # Two generations: what is in use moves to the younger, the older is let go whole.
        self._pseudonyms: dict[tuple[str, str], str] = {}
        self._older_pseudonyms: dict[tuple[str, str], str] = {}
        self._signed: tuple[bytes, bytes] = (b"", b"")
        # Why nothing may be appended or signed any more; None while all is well.
        self.halted: CandourError | None = None

    # --- commands to entries ------------------------------------------------------
    def check(self, commands: Iterable[Checked]) -> list[Checked]:
        """Each command where it is well formed, or why it is not."""
        return [
            command if isinstance(command, CandourError) else _checked(command)
            for command in commands
        ]

    def missing(self, checked: Iterable[Checked]) -> Missing:
        """Agencies and performers that this process has not met; touches no database."""
        return self.unmet(
            (command.use.agency, command.performer)
            for command in checked
            if isinstance(command, ReportToolUse)
        )

    def unmet(self, named: Iterable[tuple[str, object]]) -> Missing:
        """As `missing`, of agencies and whoever is said to have performed a use."""
        if len(self._pseudonyms) >= MAX_CACHED_NAMES // 2:
            self._older_pseudonyms, self._pseudonyms = self._pseudonyms, {}
        found = Missing()
        for agency, performer in named:
            if agency not in self._agencies:
                found.agencies.add(agency)
            if isinstance(performer, Performer) and not self._recall(agency, performer.key):
                digest = self.keys.of_performer(agency, performer.key)
                if digest not in found.performers:
                    found.performers[digest] = PerformerRecord(
                        f"p-{self.random_bytes(16).hex()}", agency, **performer.to_json()
                    )
        return found

    def _recall(self, agency: str, key: str) -> bool:
        """True where the performer's pseudonym will be at hand in `prepare`."""
        if (agency, key) in self._pseudonyms:
            return True
        pseudonym = self._older_pseudonyms.get((agency, key))
        if pseudonym is None:
            return False
        self._pseudonyms[agency, key] = pseudonym
        return True

    def learn(self, missing: Missing) -> None:
        """Look up what is missing; performers never met get their pseudonym here.

        Raises:
            StoreUnavailable: The database is away.
        """
        for agency in missing.agencies:
            if self.is_registered(agency):
                self._agencies.add(agency)
        known = {
            digest: record
            for digest, record in missing.performers.items()
            if record.agency in self._agencies
        }
        if not known:
            return
        pseudonyms = self.store.pseudonyms(known)
        for digest, record in known.items():
            key = record.user_id or record.name or record.badge or ""
            self._pseudonyms[record.agency, key] = pseudonyms[digest]

    def is_registered(self, name: str) -> bool:
        """True where the stream of a resource name has begun."""
        return bool(self.store.read_stream(stream_of_name(name), limit=1))

    def prepare(self, checked: Iterable[Checked], reporter: str) -> list[NewEntry | CandourError]:
        """Each command's entry, or why it cannot have one; `check` and `learn` come first.

        All are recorded at one moment: hand over a short list at a time.

        Raises:
            KeyError: A performer was not learnt (our own fault).
        """
        told = Provenance(reporter=reporter, recorded_us=self.clock_us())
        prepared: list[NewEntry | CandourError] = []
        for command in checked:
            if isinstance(command, CandourError):
                prepared.append(command)
                continue
            try:
                prepared.append(self._prepare_one(command, told))
            except CandourError as error:
                prepared.append(error)
            except UnicodeEncodeError:
                prepared.append(Malformed("source_record", "holds half of a surrogate pair"))
        return prepared

    def has_met(self, agency: str) -> bool:
        """True where the agency is registered, as far as was looked up."""
        return agency in self._agencies

    def pseudonym_of(self, agency: str, performer: Performer) -> str:
        """What stands for a performer in entries. Raises KeyError where they were not learnt."""
        key = (agency, performer.key)
        return self._pseudonyms.get(key) or self._older_pseudonyms[key]

    def _prepare_one(self, command: ReportToolUse, told: Provenance) -> NewEntry:
        agency, performer = command.use.agency, command.performer
        if agency not in self._agencies:
            raise NotRegistered(agency)
        pseudonym = None
        if isinstance(performer, Performer):
            pseudonym = self.pseudonym_of(agency, performer)
        return new_report(
            command,
            pseudonym=pseudonym,
            uuid=self.new_uuid(told.recorded_us),
            origin=self.origin,
            provenance=told,
            keys=self.keys,
            random_bytes=self.random_bytes,
        )

    def new_uuid(self, now_us: int) -> str:
        """A version 7 UUID: time-ordered, so that new rows land side by side (RFC 9562)."""
        drawn = int.from_bytes(self.random_bytes(10), "big")
        value = (now_us // 1000 & (1 << 48) - 1) << 80 | drawn
        value = value & ~(0xF << 76) | 0x7 << 76
        value = value & ~(0x3 << 62) | 0x2 << 62
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    # --- appending ------------------------------------------------------------------
    def append(self, entries: Sequence[NewEntry]) -> tuple[list[Receipt | CandourError], Head]:
        """Append in one transaction; a receipt or the reason for each, in order.

        Two more follow where they must, so the head may hold more than was asked for: reports
        that stand anew, and what was reported otherwise under an id that is held.

        Raises:
            StoreUnavailable: Nothing is known of any of them; submit all again.
            CandourError: `halted`: nothing was appended.
        """
        self._check_halted()
        try:
            outcomes, head = self.store.append(entries)
        except HistoryLost as lost:
            self.halted = lost
            raise
        held = {
            index: outcome for index, outcome in enumerate(outcomes) if isinstance(outcome, Held)
        }
        firsts = self._firsts(outcomes)
        again = self._replacements(entries, held, firsts)
        if again:
            replaced, head = self.store.append(list(again.values()))
            for index, outcome in zip(again, replaced, strict=True):
                outcomes[index] = outcome
            firsts |= self._firsts(replaced)  # of two that would replace one, the second is held
        refused = [
            (entry, firsts[outcome.leaf_index])
            for entry, outcome in zip(entries, outcomes if held else (), strict=False)
            if isinstance(outcome, Held) and outcome.same is False and entry.fresh
        ]
        if refused:
            head = self._conflicts.record(refused) or head
        return [
            _result(entry, outcome, firsts)
            for entry, outcome in zip(entries, outcomes, strict=True)
        ], head

    def _firsts(self, outcomes: Iterable[Outcome]) -> dict[int, StoredEntry]:
        """The entries that identities were held by."""
        places = {outcome.leaf_index for outcome in outcomes if isinstance(outcome, Held)}
        if not places:
            return {}
        return {first.leaf_index: first for first in self.store.entries_at(sorted(places))}

    def _replacements(
        self,
        entries: Sequence[NewEntry],
        held: dict[int, Held],
        firsts: dict[int, StoredEntry],
    ) -> dict[int, NewEntry]:
        """Which held reports stand anew, because the first was withdrawn.

        A retry never brings a withdrawn report back: only another content does, or
        another import, which is a new statement.
        """
        candidates: dict[int, tuple[str, str | None]] = {}
        for index, outcome in held.items():
            if not entries[index].fresh:
                continue
            came_with = _import_of(firsts[outcome.leaf_index].entry)
            if outcome.same is False or _import_of(entries[index].entry) != came_with:
                candidates[index] = (firsts[outcome.leaf_index].stream, came_with)
        if not candidates:
            return {}
        streams = {stream for stream, _ in candidates.values()}
        streams |= {stream_of_name(name) for _, name in candidates.values() if name}
        withdrawn = self.store.streams_with(sorted(streams), _WITHDRAWALS)
        return {
            index: replace(entries[index], replaces=held[index].leaf_index)
            for index, (stream, name) in candidates.items()
            if stream in withdrawn or (name and stream_of_name(name) in withdrawn)
        }

    def durable_head(self) -> Head:
        """The head that may be signed, asked for anew; where history is lost, the log halts.

        Raises:
            HistoryLost, StoreUnavailable: As `LedgerStore.durable_head`.
        """
        try:
            return self.store.durable_head()
        except HistoryLost as lost:
            self.halted = lost
            raise

    def checkpoint(self, head: Head) -> bytes:
        """The signed note over a committed head: after its commit, or from `durable_head`.

        Raises:
            CandourError: `halted`: nothing is signed.
        """
        self._check_halted()
        key = head.tree_size.to_bytes(8, "big") + head.root
        if self._signed[0] != key:
            checkpoint = Checkpoint(self.origin, head.tree_size, head.root)
            self._signed = (key, sign_checkpoint(checkpoint, self.signer))
        return self._signed[1]

    def _check_halted(self) -> None:
        if self.halted is not None:
            raise self.halted

    # --- proving --------------------------------------------------------------------
    def tree(self, tree_size: int) -> TileTree:
        """The tree of one size, for proofs; ask it in index order."""
        return TileTree(tree_size, self.store.read_tile)


def _checked(command: ReportToolUse) -> Checked:
    try:
        check_report(command)
    except CandourError as error:
        return error
    return command


def _import_of(entry: bytes) -> str | None:
    found = decode(entry, what="entry")["event"].get("import")
    return found if isinstance(found, str) else None


def _result(
    entry: NewEntry, outcome: Outcome, firsts: dict[int, StoredEntry]
) -> Receipt | CandourError:
    if isinstance(outcome, Placed):
        return Receipt(name_of_stream(entry.stream), outcome.leaf_index, entry.leaf_hash)
    if isinstance(outcome, Clash):
        return StreamConflict(outcome.stream, outcome.version)
    first = firsts[outcome.leaf_index]
    name = name_of_stream(first.stream)
    if outcome.same is False:
        return ConflictingResubmission(name, outcome.leaf_index)
    return Receipt(
        name,
        outcome.leaf_index,
        leaf_hash(first.entry),
        duplicate=True,
        content_compared=outcome.same is not None,
    )
