"""What may be said now, and what stands behind it? Statements made through the ledger.

    StatementMade ──views at the head──► count, possible, sightings, sources ──► Denial
                  ──not contradicted, not thin, or said all the same──► entry, with its coverage

A denial is held against the record before it is recorded; whoever needs to say it nevertheless can,
with its gaps named (`qualified`), or against the record (`anyway`): the log records, rules judge.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import grpc.aio

from ledger.domain.base import NotRegistered
from ledger.domain.fact_checks import check_fact
from ledger.entry import decode_entry
from ledger.errors import Malformed
from ledger.events import Occurred, StatementMade
from ledger.events.statements import Coverage, Scope
from ledger.inquiries.scoping import reporting_in
from ledger.limits import MAX_ANSWER_USES
from ledger.log import ConflictingResubmission, Receipt
from ledger.merkle import leaf_hash
from ledger.projections.sought import Sought
from ledger.rules.coverage import coverage_from
from ledger.rules.denials import Denial
from ledger.rules.judgement import Judgement, all_of, says
from ledger.rules.statements import scope_query
from ledger.store.reading_entries import read_stored
from ledger.store.view_discrepancies import Wanted, discrepancies_page
from ledger.streams import stream_of_name
from ledger.times import full_text_of_us
from services.pb.candour.v1 import common_pb2
from services.pb.candour.v1 import record_pb2 as pb
from services.runtime.authn import reporter_of
from services.runtime.deciding import Asked, answer
from services.runtime.fact_messages import read_fact, write_fact
from services.runtime.names import check_request_id
from services.runtime.reading import Reading
from services.runtime.refusals import ContradictedByRecord, CoverageThin
from services.runtime.serving import Serving
from services.runtime.value_messages import receipt_message
from services.runtime.waiting import check_wait, checkpoint_over

Context = grpc.aio.ServicerContext[Any, Any]


async def make_statement(
    serving: Serving, reading: Reading, request: pb.MakeStatementRequest, context: Context
) -> pb.MakeStatementResponse:
    """Make it now.

    Raises:
        ContradictedByRecord, CoverageThin: A denial, as it was asked for; nothing is recorded.
        ConflictingResubmission: Another statement stands under its name.
        NotRegistered, Malformed, and what Reading.settle and `answer` raise.
    """
    check_request_id(request.request_id)
    check_wait(serving, request.wait_for)
    wanted = _wanted(request.statement)
    found = await _made_before(serving, wanted, request.wait_for, context)
    if found is not None:
        return found
    head = (await serving.run(serving.hosted.store.head)).tree_size
    tree_size = await reading.settle(common_pb2.AsOf(tree_size=head), 0)
    now_us = serving.hosted.log.clock_us()
    denial = await serving.run(_denial, reading, wanted, tree_size, now_us)
    if wanted.polarity == "denies" and not request.anyway:
        if denial.contradicted:
            raise ContradictedByRecord(denial)
        if denial.thin and not request.qualified:
            raise CoverageThin(denial)
    at = full_text_of_us(now_us)
    fact = replace(wanted, made=Occurred(earliest=at, latest=at), coverage=denial.coverage())
    asked = Asked(
        decide=lambda registrar, told: registrar.record(fact, told), reporter=reporter_of(context)
    )
    said = await answer(serving, asked, context, request.wait_for)
    left_open = denial.against() + denial.left_open() if fact.polarity == "denies" else []
    return pb.MakeStatementResponse(
        **said, statement=write_fact(fact).statement_made, open=left_open
    )


def _wanted(message: pb.StatementMade) -> StatementMade:
    """The statement that is asked for, its coverage bare of what the ledger says. Raises Malformed."""
    fact = read_fact(pb.RecordedFact(statement_made=message))
    assert isinstance(fact, StatementMade)
    if fact.made is not None:
        raise Malformed("statement.made", "is now: what was said before, Record takes as history")
    told = fact.coverage or Coverage()
    wanted = replace(fact, coverage=Coverage(asked=told.asked, of=told.of))
    if told != wanted.coverage:
        raise Malformed("statement.coverage", "only `asked` and `of` are the caller's to say")
    check_fact(wanted)
    return wanted


async def _made_before(
    serving: Serving, wanted: StatementMade, wait_for: int, context: Context
) -> pb.MakeStatementResponse | None:
    """The answer to a call that is repeated: what was made then, as it was made."""
    store, stream = serving.hosted.store, stream_of_name(wanted.statement, field="statement")
    held = await serving.run(store.read_stream, stream, limit=1)
    if not held:
        return None
    (first,) = held
    fact = decode_entry(first.entry).fact()
    assert isinstance(fact, StatementMade)
    told = fact.coverage or Coverage()
    bare = replace(fact, made=None, coverage=Coverage(asked=told.asked, of=told.of))
    if bare != wanted:
        raise ConflictingResubmission(wanted.statement, first.leaf_index)
    receipt = Receipt(wanted.statement, first.leaf_index, leaf_hash(first.entry), duplicate=True)
    own = serving.hosted.log.checkpoint(await serving.run(store.head))
    note = await checkpoint_over(serving, first.leaf_index + 1, own, wait_for, context)
    return pb.MakeStatementResponse(
        receipt=receipt_message(receipt),
        checkpoint=note.decode(),
        statement=write_fact(fact).statement_made,
    )


def _denial(reading: Reading, wanted: StatementMade, tree_size: int, now_us: int) -> Denial:
    """What the ledger answers, from views that hold `tree_size` entries. Blocking."""
    scope, views = wanted.scope, reading.views
    registers = views.registers_at(tree_size)
    if scope.agency is not None and not registers.is_registered(scope.agency):
        raise NotRegistered(scope.agency)
    query = scope_query(scope, (now_us, now_us), registers)
    count, possible = views.count(Sought(query, query, tree_size))
    reporting = reporting_in(scope)
    narrow = reporting
    if scope.technology is not None:
        narrow = all_of((reporting, says("technology", scope.technology)))
    reported, in_scope = (
        [group.key[0] for group in views.aggregates.groups(_sought(found, tree_size), ("source",))]
        for found in (reporting, narrow)
    )
    assert wanted.coverage is not None
    return Denial(
        tree_size=tree_size,
        count=count,
        possible=possible,
        sighted=_sighted(
            reading, scope, registers.aliases.group(scope.technology or ""), tree_size
        ),
        covered=coverage_from(
            registers, scope, [*filter(None, reported)], [*filter(None, in_scope)]
        ),
        asked=wanted.coverage.asked,
        of=wanted.coverage.of,
    )


def _sought(found: Judgement, tree_size: int) -> Sought:
    return Sought(found.certain, found.possible, tree_size)


def _sighted(reading: Reading, scope: Scope, group: tuple[str, ...], tree_size: int) -> int:
    """Uses in scope that another's log has and the ledger has not; counted up to a page. Blocking."""
    wanted = Wanted(tree_size=tree_size, agency=scope.agency, kind="missing_here", open=True)
    leaves = [
        leaf for leaf, _ in discrepancies_page(reading.views.engine, wanted, -1, MAX_ANSWER_USES)
    ]
    if scope.technology is None:
        return len(leaves)
    facts: list[Any] = [
        read_stored(stored)[1] for stored in reading.hosted.store.entries_at(leaves)
    ]
    return sum(fact.technology in (None, *group) for fact in facts)
