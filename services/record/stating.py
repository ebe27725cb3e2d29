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
from ledger.inquiries.answering import coverage_in
from ledger.inquiries.asker import Differing
from ledger.limits import MAX_STATEMENT_SIGHTINGS
from ledger.log import ConflictingResubmission, Receipt
from ledger.merkle import leaf_hash
from ledger.rules.denials import Denial
from ledger.rules.judgement import exactly
from ledger.rules.statements import scope_query
from ledger.store.view_asker import ViewAsker
from ledger.streams import stream_of_name
from ledger.times import full_text_of_us
from services.pb.candour.v1 import common_pb2
from services.pb.candour.v1 import record_pb2 as pb
from services.runtime.authn import reporter_of
from services.runtime.deciding import Asked, answer, own_checkpoint
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
    own = await serving.run(own_checkpoint, serving)
    note = await checkpoint_over(serving, first.leaf_index + 1, own, wait_for, context)
    return pb.MakeStatementResponse(
        receipt=receipt_message(receipt),
        checkpoint=note.decode(),
        statement=write_fact(fact).statement_made,
    )


def _denial(reading: Reading, wanted: StatementMade, tree_size: int, now_us: int) -> Denial:
    """What the ledger answers, from views that hold `tree_size` entries. Blocking."""
    asker = ViewAsker(reading.views, tree_size)
    scope, registers = wanted.scope, asker.registers()
    if scope.agency is not None and not registers.is_registered(scope.agency):
        raise NotRegistered(scope.agency)
    counted = asker.count(exactly(scope_query(scope, (now_us, now_us), registers)))
    assert wanted.coverage is not None
    return Denial(
        tree_size=tree_size,
        count=counted.count,
        possible=counted.possible,
        sighted=_sighted(asker, scope),
        covered=coverage_in(asker, scope),
        asked=wanted.coverage.asked,
        of=wanted.coverage.of,
    )


def _sighted(asker: ViewAsker, scope: Scope) -> int:
    """Uses in scope that another's log has and the ledger has not, as far as they are read."""
    group = asker.registers().aliases.group(scope.technology or "")
    wanted = Differing(agency=scope.agency, kinds=("missing_here",), open=True)
    found: list[Any] = [
        history[0].fact for _, history in asker.differences(wanted, MAX_STATEMENT_SIGHTINGS)
    ]
    return sum(scope.technology is None or fact.technology in (None, *group) for fact in found)
