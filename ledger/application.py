"""Who may say what next? The library's Application over our store, deciding rare commands.

    command ──repository──► aggregate ──method──► new facts ──mapper──► [NewEntry]

It decides and does not write: its entries take the same way to the committer as reports
do, so that there is one order and one receipt. Source: eventsourcing 9.5 application.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import InfrastructureFactory, Mapper
from eventsourcing.utils import Environment

from ledger.canonical_json import JsonValue
from ledger.domain.base import Already, LedgerAggregate, NotRegistered, Provenance
from ledger.domain.fact_checks import check_fact, check_protected
from ledger.domain.imports import Import
from ledger.domain.lives import LIVES, Life, RulePack, name_in
from ledger.domain.mapper import AGGREGATES, EntryMapper
from ledger.domain.register import Agency, Technology
from ledger.domain.tool_use import ToolUse
from ledger.entry import Entry, decode_entry, encode_entry
from ledger.events import (
    Amendment,
    DataFlow,
    DataFlowReported,
    Fact,
    ImportDeclared,
    OutcomeReported,
    RulePackActivated,
    TechnologyAliased,
    ToolUseAmended,
)
from ledger.identity import IdentityKeys
from ledger.merkle import leaf_hash
from ledger.store.core import LedgerStore, NewEntry
from ledger.store.recorders import LedgerFactory
from ledger.store.usage_roots import INDEX_STREAM
from ledger.streams import name_of_stream, stream_of_name
from ledger.times import full_text_of_us
from ledger.usage_index import Commitment

A = TypeVar("A", bound=LedgerAggregate)
# Things as the facts of a batch leave them before it is committed, by stream.
Drafts: TypeAlias = dict[str, LedgerAggregate]


class Registrar(Application[str]):
    """Decides commands on registers, imports and reported uses.

    Args:
        store: Of the ledger.
        origin: Of the ledger.
        keys: For the identities of commands.
        random_bytes: Source of salts, as `os.urandom`.
    """

    name = "candour"

    def __init__(
        self,
        store: LedgerStore,
        *,
        origin: str,
        keys: IdentityKeys,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.store, self.origin, self.keys = store, origin, keys
        self.random_bytes = random_bytes
        super().__init__()

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return LedgerFactory(env, self.store)

    def construct_mapper(self) -> Mapper[str]:
        return EntryMapper(self.origin, self.random_bytes)

    # --- commands ---------------------------------------------------------------
    def register(
        self,
        name: str,
        fact: Fact,
        provenance: Provenance,
        protected: Mapping[str, JsonValue] | None = None,
    ) -> NewEntry:
        """Begin the stream of a name. Twice the same is one; another is a conflict."""
        stream = stream_of_name(name)
        aggregate = AGGREGATES[stream.partition("/")[0]].begin(stream, fact, provenance, protected)
        return self._first(aggregate, stream, fact, protected or {})

    def _first(
        self,
        aggregate: LedgerAggregate,
        stream: str,
        fact: Fact,
        protected: Mapping[str, JsonValue],
    ) -> NewEntry:
        (entry,) = self.entries_of(
            aggregate,
            identity=self.keys.digest("stream", stream),
            content=self.keys.digest("said", [fact.to_object(), dict(protected)]),
        )
        return entry

    def record(
        self,
        fact: Fact,
        provenance: Provenance,
        protected: Mapping[str, JsonValue] | None = None,
        drafts: Drafts | None = None,
    ) -> NewEntry:
        """The next fact of a thing in the registers, or its first.

        Args:
            drafts: Things as the facts before it in its batch leave them; noted here.
        Raises:
            NotRegistered: The thing has no first fact, or an agency it names has none.
            NotInState: Its state does not allow this; the error says what would be.
            Malformed: No fact of the registers, or a member of it is none.
        """
        check_fact(fact)
        check_protected(protected or {})
        drafts = {} if drafts is None else drafts
        if isinstance(fact, TechnologyAliased):
            return self._alias(fact, provenance, drafts)
        name = name_in(fact)
        stream = stream_of_name(name)
        self._check_agencies(fact, name, drafts)
        if LIVES[type(fact)].begins:
            return self._begin(stream, fact, provenance, protected or {}, drafts)
        if isinstance(fact, RulePackActivated) and not self._known(stream, drafts):
            thing: Life = RulePack.begin(stream, fact, provenance, protected)
        else:
            thing = self._draft(Life, stream, drafts)
            thing.say(fact, provenance, dict(protected or {}))
        drafts[stream] = thing
        return self._only(thing)

    def _begin(
        self,
        stream: str,
        fact: Fact,
        provenance: Provenance,
        protected: Mapping[str, JsonValue],
        drafts: Drafts,
    ) -> NewEntry:
        """What has begun already is left as it is: the entry's identity finds the first one."""
        thing = AGGREGATES[stream.partition("/")[0]].begin(stream, fact, provenance, protected)
        if not self._known(stream, drafts):
            drafts[stream] = thing
        return self._first(thing, stream, fact, protected)

    def _check_agencies(self, fact: Fact, name: str, drafts: Drafts) -> None:
        """An agency is registered before anything names it, here as in reports."""
        scope = getattr(fact, "scope", None)
        for agency in (getattr(fact, "agency", None), getattr(scope, "agency", None)):
            if agency is not None and agency != name:
                self._draft(Agency, stream_of_name(agency), drafts)

    def amend_use(
        self,
        use: str,
        to: Amendment,
        provenance: Provenance,
        *,
        unset: tuple[str, ...] = (),
        code: str | None = None,
        protected: Mapping[str, JsonValue],
    ) -> NewEntry:
        """Raises NotRegistered, NotInState, Malformed."""
        found = self._get(ToolUse, stream_of_name(use))
        check_fact(ToolUseAmended(agency=found.reported.agency, to=to, unset=unset, code=code))
        check_protected(protected)
        found.amend(to, provenance, unset=unset, code=code, protected=protected)
        return self._only(found)

    def report_outcome(
        self,
        use: str,
        fact: OutcomeReported,
        provenance: Provenance,
        protected: Mapping[str, JsonValue],
    ) -> NewEntry:
        """Raises NotRegistered, NotInState, Malformed."""
        found = self._get(ToolUse, stream_of_name(use))
        check_fact(fact)
        check_protected(protected)
        found.report_outcome(fact, provenance, protected)
        return self._only(found)

    def report_data_flows(
        self, use: str, flows: tuple[DataFlow, ...], provenance: Provenance
    ) -> NewEntry:
        """Raises NotRegistered, NotInState, Malformed."""
        found = self._get(ToolUse, stream_of_name(use))
        check_fact(DataFlowReported(data_flows=flows))
        found.report_data_flows(flows, provenance)
        return self._only(found)

    def declare_import(
        self, uuid: str, fact: ImportDeclared, capture: str, provenance: Provenance
    ) -> NewEntry:
        """Declare a file under a fresh uuid; the same file again is the same import.

        Where the import that the file stands under was withdrawn, this one takes its place.
        """
        aggregate = Import.begin(f"import/{uuid}", fact, provenance)
        said = [fact.to_object(), capture]
        identity = self.keys.digest("file", said)
        (entry,) = self.entries_of(
            aggregate, identity=identity, content=self.keys.digest("said", said)
        )
        held = self.store.leaf_of_identity(identity)
        if held is None:
            return entry
        (first,) = self.store.entries_at([held])
        if self._get(Import, first.stream).withdrawn_by is None:
            return entry
        return replace(entry, replaces=held)

    def alias_technology(self, name: str, alias: str, provenance: Provenance) -> NewEntry:
        """Raises NotRegistered, Already, Malformed."""
        return self._alias(TechnologyAliased(technology=name, alias=alias), provenance, {})

    def _alias(self, fact: TechnologyAliased, provenance: Provenance, drafts: Drafts) -> NewEntry:
        stream = stream_of_name(fact.technology)
        technology = self._draft(Technology, stream, drafts)
        technology.alias(fact.technology, fact.alias, provenance)
        drafts[stream] = technology
        return self._only(technology)

    def link_authorization(self, use: str, authorization: str, provenance: Provenance) -> NewEntry:
        """Raises NotRegistered, Already."""
        found = self._get(ToolUse, stream_of_name(use))
        found.link(authorization, provenance)
        return self._only(found)

    def withdraw_use(
        self, use: str, reason: str, code: str | None, provenance: Provenance
    ) -> NewEntry:
        """Raises NotRegistered, Already, NotInState."""
        found = self._get(ToolUse, stream_of_name(use))
        found.withdraw(reason, code, provenance)
        return self._only(found)

    def mark_same_as(self, use: str, other: str, provenance: Provenance) -> NewEntry:
        """Raises NotRegistered, Already, NotInState, Malformed."""
        found = self._get(ToolUse, stream_of_name(use))
        found.mark_same_as(self._get(ToolUse, stream_of_name(other, field="same_as")), provenance)
        return self._only(found)

    def complete_import(
        self, name: str, provenance: Provenance, *, accepted: int, duplicates: int, rejected: int
    ) -> NewEntry:
        """Raises NotRegistered, Already, NotInState."""
        found = self._get(Import, stream_of_name(name))
        found.complete(provenance, accepted=accepted, duplicates=duplicates, rejected=rejected)
        return self._only(found)

    def withdraw_import(
        self, name: str, reason: str, code: str | None, provenance: Provenance
    ) -> NewEntry:
        """Raises NotRegistered, Already."""
        found = self._get(Import, stream_of_name(name))
        found.withdraw(reason, code, provenance)
        return self._only(found)

    def commit_index(self, commitment: Commitment, provenance: Provenance) -> NewEntry:
        """The entry that commits to a root of the usage index; each speaks of more than the last.

        It does not ask an aggregate, which would read all that were ever committed.

        Raises:
            Already: The newest one speaks of as many entries, or more.
        """
        stream, version = INDEX_STREAM, 1
        for last in self.store.read_stream(stream, desc=True, limit=1):
            version = last.version + 1
            said = decode_entry(last.entry).event.get("tree_size")
            if isinstance(said, int) and said >= commitment.tree_size:
                raise Already(stream, last.version)
        fact = commitment.to_fact()
        entry = Entry(
            topic=fact.TOPIC,
            stream=stream,
            version=version,
            event=fact.to_object(),
            protected={},
            origin=self.origin,
            recorded_at=full_text_of_us(provenance.recorded_us),
            reporter=provenance.reporter,
            capture=provenance.capture,
        )
        return NewEntry.of(stream, version, fact.TOPIC, encode_entry(entry))

    # --- what was decided -----------------------------------------------------------
    def states_of(self, stream: str, tree_size: int) -> dict[str, str]:
        """The states of a thing by track at a tree size, "" for all; none for what has no life."""
        versions = [
            item.version for item in self.store.read_stream(stream) if item.leaf_index < tree_size
        ]
        if not versions:
            return {}
        found: object = self.repository.get(stream, version=versions[-1])
        return found.states() if isinstance(found, Life) else {}

    def agency_of_use(self, use: str) -> str:
        """The agency a use was reported for. Raises NotRegistered."""
        return self._get(ToolUse, stream_of_name(use)).reported.agency

    # --- the library's part -------------------------------------------------------
    def _get(self, kind: type[A], stream: str) -> A:
        try:
            found: object = self.repository.get(stream)
        except AggregateNotFoundError:
            raise NotRegistered(name_of_stream(stream)) from None
        if not isinstance(found, kind):
            raise NotRegistered(name_of_stream(stream))
        return found

    def _draft(self, kind: type[A], stream: str, drafts: Drafts) -> A:
        """A thing as the facts before this one leave it. Raises NotRegistered."""
        found = drafts.get(stream)
        return found if isinstance(found, kind) else self._get(kind, stream)

    def _known(self, stream: str, drafts: Drafts) -> bool:
        return stream in drafts or stream in self.repository

    def _only(self, aggregate: LedgerAggregate) -> NewEntry:
        (entry,) = self.entries_of(aggregate)
        return entry

    def entries_of(
        self,
        aggregate: LedgerAggregate,
        *,
        identity: bytes | None = None,
        content: bytes | None = None,
    ) -> list[NewEntry]:
        """An aggregate's new facts as entries, hashed."""
        mapper = self.mapper
        assert isinstance(mapper, EntryMapper)
        entries = []
        for event in aggregate.collect_events():
            sealed = mapper.to_stored_event(event)
            entries.append(
                NewEntry(
                    stream=str(sealed.originator_id),
                    version=sealed.originator_version,
                    topic=sealed.topic,
                    entry=sealed.state,
                    leaf_hash=leaf_hash(sealed.state),
                    identity=identity,
                    content=content,
                    disclosures=sealed.disclosures,
                )
            )
        return entries
