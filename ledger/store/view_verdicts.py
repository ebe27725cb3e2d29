"""Under what authority did each use stand, after each entry? Verdicts beside the citations.

    entry of a citing use ──► judge its citations                    ─┐ where code or lag are
    entry of an authorization, alias within a scope ──► judge all uses ─┘ others: a new row
                                                        that cite it and that it may bear on
                                                        (view_reach), REJUDGED_AT_ONCE at a time

The verdict itself is pure (rules.verdicts). A use that cites nothing costs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, select

from ledger.entry import Entry
from ledger.errors import CandourError
from ledger.events import AuthorizationGranted, AuthorizationVaried, Fact, TechnologyAliased
from ledger.limits import REJUDGED_AT_ONCE
from ledger.projections.uses import UseRow
from ledger.rules.citations import Citation
from ledger.rules.verdicts import verdict
from ledger.store import view_tables as t
from ledger.store.authority_histories import Histories
from ledger.store.chunks import chunks
from ledger.store.core import LedgerStore
from ledger.store.use_states import UseStates
from ledger.store.view_reach import reach_of, reached, settle_revoked
from ledger.store.view_versions import Versions
from ledger.streams import name_of_stream

Found = tuple[int, int | None]  # the number of a code, and the lag


class VerdictRows:
    """The rows of `view_use_authorizations` that one batch makes.

    Args:
        connection: The batch's transaction.
        store: Of the ledger.
        histories: As of the entry before the batch.
        states: What uses that the batch touches say; the batch folds them.
        number_of: A name to its id; None where it never stood anywhere.
        start: Leaf index of the batch's first entry.
    """

    def __init__(
        self,
        connection: Connection,
        store: LedgerStore,
        histories: Histories,
        states: UseStates,
        number_of: Callable[[str], int | None],
        start: int,
    ) -> None:
        self._connection, self._store, self._histories = connection, store, histories
        self._states, self._number_of, self._start = states, number_of, start
        self._rows = Versions(t.use_authorizations, ("authorization", "first"))
        self._scopes: list[dict[str, object]] = []

    def use_changed(self, before: UseRow | None, row: UseRow, known_before: frozenset[str]) -> None:
        """An entry of a use was folded, whose citations are in the states."""
        at, known_as = row.since, self._states.known_as(row.use)
        known = () if before is None else before.authorizations
        for rank, citation in enumerate(self._states.citations(row.use)):
            number = self._number_of(citation.authorization)
            assert number is not None, "what is cited has an id"
            now = self._judge(row, citation, known_as, at + 1)
            if citation.authorization in known:
                assert before is not None
                if self._judge(before, citation, known_before, at + 1) == now:
                    continue
                self._rows.close((number, row.first), at)
            self._put(number, row.first, at, rank, now)

    def authorization_told(self, leaf_index: int, entry: Entry, fact: Fact) -> None:
        """An authorization has one entry more, which the histories hold: judge all that cite it."""
        name = name_of_stream(entry.stream)
        if isinstance(fact, AuthorizationGranted | AuthorizationVaried):
            self._scopes += [
                {"technology": technology, "since": leaf_index, "authorization": name}
                for technology in dict.fromkeys(fact.technologies)
            ]
        reach = reach_of(self._histories.of(name, leaf_index + 1))
        number = self._number_of(name)
        if reach is None or number is None:
            return
        self._rows.flush(self._connection)
        apart = self._states.firsts()
        if reach.revoked is not None:
            settle_revoked(self._connection, number, leaf_index, reach.revoked, apart)
        self._rejudge(name, leaf_index, where=reached(reach, apart))

    def aliased(self, leaf_index: int, fact: TechnologyAliased) -> None:
        """Names are one technology from here on: judge where a scope is bounded to one of them."""
        group = self._histories.join(fact)
        self._flush_scopes()
        columns = t.authorization_technologies.c
        bounded: set[str] = set()
        for some in chunks(group):
            wanted = select(columns.authorization).where(columns.technology.in_(some))
            bounded.update(self._connection.execute(wanted).scalars())
        for name in sorted(bounded):
            self._rejudge(name, leaf_index, technologies=frozenset(group))

    def flush(self) -> None:
        """Write what is pending."""
        self._flush_scopes()
        self._rows.flush(self._connection)

    def _flush_scopes(self) -> None:
        if self._scopes:
            self._connection.execute(t.authorization_technologies.insert(), self._scopes)
        self._scopes = []

    def _judge(
        self, row: UseRow, citation: Citation, known_as: frozenset[str], before: int
    ) -> Found:
        found = verdict(
            row,
            citation,
            self._histories.of(citation.authorization, before),
            aliases=self._histories.groups(),
            known_as=known_as,
        )
        return t.VERDICTS.index(found.code), found.lag_us

    def _put(self, number: int, first: int, since: int, rank: int, found: Found) -> None:
        code, lag_us = found
        self._rows.put((number, first), since, rank=rank, verdict=code, lag_us=lag_us)

    def _rejudge(
        self,
        name: str,
        leaf_index: int,
        *,
        technologies: frozenset[str] | None = None,
        where: Sequence[Any] = (),
    ) -> None:
        """Judge every use that cites an authorization; of these technologies only, if any are."""
        number = self._number_of(name)
        if number is None:
            return
        self._rows.flush(self._connection)
        for held in self._citing(number, where):
            for first, (states, stream) in self._states_of(list(held)).items():
                row, rank = states.rows[stream], held[first][0]
                if technologies is not None and row.technology not in technologies:
                    continue
                citation = states.citations(stream)[rank]
                now = self._judge(row, citation, states.known_as(stream), leaf_index + 1)
                if now != held[first][1]:
                    self._rows.close((number, first), leaf_index)
                    self._put(number, first, leaf_index, rank, now)
            self._rows.flush(self._connection)

    def _citing(self, number: int, where: Sequence[Any]) -> Iterator[dict[int, tuple[int, Found]]]:
        """Uses that cite an authorization, by leaf index: rank, and the verdict that holds."""
        columns, after = t.use_authorizations.c, -1
        while True:
            wanted = (
                select(columns.first, columns.rank, columns.verdict, columns.lag_us)
                .where(
                    columns.authorization == number,
                    columns.first > after,
                    columns.until == t.STILL,
                    *where,
                )
                .order_by(columns.first)
                .limit(REJUDGED_AT_ONCE)
            )
            rows = self._connection.execute(wanted).all()
            if not rows:
                return
            yield {row.first: (row.rank, (row.verdict, row.lag_us)) for row in rows}
            after = rows[-1].first

    def _states_of(self, firsts: Sequence[int]) -> Mapping[int, tuple[UseStates, str]]:
        """What these uses say at this entry: as the batch has folded them, else from the log."""
        found = {
            first: (self._states, stream)
            for first in firsts
            if (stream := self._states.stream_of(first)) is not None
        }
        others = [first for first in firsts if first not in found]
        if others:
            read = UseStates()
            streams = [item.stream for item in self._store.entries_at(others)]
            for stored in self._store.entries_of_streams(streams):
                if stored.leaf_index < self._start:
                    with suppress(CandourError):  # counted as unread when its own turn came
                        read.add(stored)
            for first in others:
                stream = read.stream_of(first)
                if stream is not None:
                    found[first] = read, stream
        return found
