"""Are facts of the registers recorded, in the order their lives allow, on both stores?"""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from ledger.canonical_json import decode
from ledger.domain.base import Provenance
from ledger.store.core import NewEntry
from ledger.streams import stream_of_name
from services.pb.candour.v1 import common_pb2, record_pb2, registry_pb2
from services.runtime.fact_messages import read_fact
from tests.services.harness import (
    AGENCY,
    PARENT,
    Server,
    fresh,
    refusal_of,
    refused,
    text,
    use,
)
from tests.services.ingest.test_reporting import check_receipt


def technology(server: Server) -> str:
    """A registered technology of this test's own."""
    name = f"technologies/{fresh('t')}"
    server.registry.RegisterTechnology(
        registry_pb2.RegisterTechnologyRequest(
            parent=PARENT, technology=registry_pb2.Technology(name=name, display_name="T")
        )
    )
    return name


def record(server: Server, request_id: str = "", **fact: Any) -> Any:
    return server.record.Record(
        record_pb2.RecordRequest(
            parent=PARENT, fact=record_pb2.RecordedFact(**fact), request_id=request_id
        )
    )


def entry_of(server: Server, response: Any) -> dict[str, Any]:
    found: dict[str, Any] = decode(
        check_receipt(server, response.receipt, response.checkpoint), what="entry"
    )
    return found


def test_fact_stands_in_the_log_as_sent(server: Server) -> None:
    """The entry says what the message said; an absent member is absent."""
    name = technology(server)
    approved = record_pb2.TechnologyApproved(
        technology=name,
        agency=AGENCY,
        approved_by="Board",
        effective=common_pb2.Occurred(date="2020-02-28"),
        retention_days=30,
        conditions=["no minors"],
    )
    entry = entry_of(server, record(server, technology_approved=approved))

    assert "technology.approved.v1" == entry["topic"]
    assert {
        "technology": name,
        "agency": AGENCY,
        "approved_by": "Board",
        "effective": {"date": "2020-02-28"},
        "retention_days": 30,
        "conditions": ["no minors"],
        "units": [],
        "purposes": [],
    } == entry["event"]


def test_illegal_step_is_refused_with_what_would_be_allowed(server: Server) -> None:
    """A trial that never began cannot end; the caller is told the state."""
    name = technology(server)
    refusal = refused(
        record,
        server,
        trial_ended=record_pb2.TrialEnded(technology=name, agency=AGENCY),
    )
    assert ("FAILED_PRECONDITION", "NOT_IN_STATE") == (refusal.code, refusal.reason)
    assert "registered" == refusal.facts["state"]
    assert "technology.trial_started.v1" in refusal.facts["allowed"]


def test_nothing_is_said_of_what_is_not_registered(server: Server) -> None:
    """Neither the thing nor an agency that a fact names may be unknown."""
    unknown = refused(
        record,
        server,
        trial_ended=record_pb2.TrialEnded(technology="technologies/x", agency=AGENCY),
    )
    stranger = refused(
        record,
        server,
        holding_recorded=record_pb2.HoldingRecorded(
            holding=f"holdings/{fresh()}", agency="agencies/stranger", kind="invoice"
        ),
    )
    assert ["NOT_FOUND", "AGENCY_NOT_REGISTERED"] == [unknown.reason, stranger.reason]


def test_protected_text_never_stands_in_the_clear(server: Server) -> None:
    """A protected field is committed to, and its value is not in the entry."""
    allegation = record_pb2.AllegationMade(
        allegation=f"allegations/{fresh()}",
        made_by="person",
        scope=record_pb2.Scope(agency=AGENCY),
    )
    response = record(
        server, allegation_made=allegation, protected={"particulars": "what Jane saw"}
    )
    data = check_receipt(server, response.receipt, response.checkpoint)
    assert b"Jane" not in data
    assert ["particulars"] == sorted(decode(data, what="entry")["protected"])


def test_approved_performer_is_named_by_the_pseudonym_of_their_uses(server: Server) -> None:
    """An approval commits to the very pseudonym that reports of the same person commit to."""
    person = common_pb2.Performer(user_id="officer-7")
    server.report(use(performer=person))
    digest = server.hosted.keys.identity.of_performer(AGENCY, "officer-7")
    (pseudonym,) = server.hosted.store.find_performers("officer-7")
    response = record(
        server,
        performer_approved=record_pb2.PerformerApproved(
            approval=f"approvals/{fresh()}", agency=AGENCY, valid=common_pb2.Interval()
        ),
        performer=person,
    )
    (stored,) = server.hosted.store.entries_at([response.receipt.leaf_index], with_disclosures=True)
    assert digest
    assert stored.disclosures is not None
    assert pseudonym == decode(stored.disclosures, what="disclosures")["performer"][1]


def test_same_request_id_is_recorded_once(server: Server) -> None:
    """A retry gets the first receipt; the same id for something else is a conflict."""
    name, request_id = technology(server), fresh("r")
    beat = record_pb2.TechnologyAssessed(technology=name, kind="security")
    first = record(server, request_id, technology_assessed=beat).receipt
    again = record(server, request_id, technology_assessed=beat).receipt
    beat.kind = "accuracy"
    other = refused(record, server, request_id, technology_assessed=beat)

    assert (first.leaf_index, True) == (again.leaf_index, again.duplicate)
    assert "ALREADY_EXISTS" == other.code


def test_batch_is_not_atomic_and_keeps_its_order(server: Server) -> None:
    """Each fact gets a result of its own, also where two speak of one thing."""
    name, holding = technology(server), f"holdings/{fresh()}"
    facts = [
        record_pb2.RecordedFact(
            holding_recorded=record_pb2.HoldingRecorded(
                holding=holding, agency=AGENCY, kind="licence"
            )
        ),
        record_pb2.RecordedFact(trial_ended=record_pb2.TrialEnded(technology=name, agency=AGENCY)),
        record_pb2.RecordedFact(
            trial_started=record_pb2.TrialStarted(technology=name, agency=AGENCY)
        ),
        record_pb2.RecordedFact(
            technology_suspended=record_pb2.TechnologySuspended(technology=name, agency=AGENCY)
        ),
    ]
    response = server.record.BatchRecord(record_pb2.BatchRecordRequest(parent=PARENT, facts=facts))
    results = [result.WhichOneof("result") for result in response.results]
    assert ["receipt", "error", "receipt", "receipt"] == results
    leaves = [r.receipt.leaf_index for r in response.results if r.HasField("receipt")]
    assert sorted(leaves) == leaves


def test_amended_use_keeps_its_first_words(server: Server) -> None:
    """An amendment carries what the use stood under before; the report stays as it was."""
    reported = server.report(use(unit="a", reason=text("first"))).receipt
    response = server.record.AmendToolUse(
        record_pb2.AmendToolUseRequest(
            name=f"{PARENT}/{reported.name}",
            to=record_pb2.Amendment(unit="b", technology="technologies/u"),
            unset=["purpose"],
            reason="typed wrong",
            new_reason=text("second"),
        )
    )
    entry = entry_of(server, response)
    assert "tool_use.amended.v1" == entry["topic"]
    assert {"unit": "b", "technology": "technologies/u"} == entry["event"]["to"]
    assert "technologies/t" == entry["event"]["technology"]
    assert ["amendment_reason", "reason"] == sorted(entry["protected"])
    nothing = refused(
        server.record.AmendToolUse,
        record_pb2.AmendToolUseRequest(name=f"{PARENT}/{reported.name}", reason="none"),
    )
    assert "to" == nothing.field


def test_outcome_and_flows_are_told_after_the_report(server: Server) -> None:
    """Each is an entry of the use's own stream."""
    name = f"{PARENT}/{server.report(use()).receipt.name}"
    outcome = server.record.ReportOutcome(
        record_pb2.ReportOutcomeRequest(
            name=name, outcome=common_pb2.OUTCOME_LEAD, human_verified=True, verifiers=["Jane"]
        )
    )
    flows = server.record.ReportDataFlows(
        record_pb2.ReportDataFlowsRequest(
            name=name, data_flows=[common_pb2.DataFlow(processing_country="US")]
        )
    )
    told, flown = entry_of(server, outcome), entry_of(server, flows)
    assert {"outcome": "lead", "human_verified": True} == told["event"]
    assert ["verifiers"] == sorted(told["protected"])
    assert {"data_flows": [{"processing_country": "US"}]} == flown["event"]
    assert told["stream"] == flown["stream"]


def test_heartbeat_needs_a_moment(server: Server) -> None:
    """A member that must stand is asked for by name."""
    source = f"sources/{fresh('s')}"
    server.registry.RegisterSource(
        registry_pb2.RegisterSourceRequest(
            parent=PARENT, source=registry_pb2.Source(name=source, display_name="S")
        )
    )
    beat = record_pb2.HeartbeatReceived(source=source)
    assert "heartbeat_received.at" == refused(record, server, heartbeat_received=beat).field
    beat.at.CopyFrom(Timestamp(seconds=1))
    assert not record(server, heartbeat_received=beat).receipt.duplicate


def fact(**members: Any) -> record_pb2.RecordedFact:
    return record_pb2.RecordedFact(**members)


def batch(server: Server, *facts: record_pb2.RecordedFact, **members: Any) -> Any:
    return server.record.BatchRecord(
        record_pb2.BatchRecordRequest(parent=PARENT, facts=facts, **members)
    )


def life(own: str) -> list[record_pb2.RecordedFact]:
    """A technology that begins, is tried, and ends its trial, said in one go."""
    name = f"technologies/{own}"
    registered = record_pb2.TechnologyRegistered(technology=name, name="T")
    return [
        fact(technology_registered=registered, request_id=f"{own}-1"),
        fact(
            trial_started=record_pb2.TrialStarted(technology=name, agency=AGENCY),
            request_id=f"{own}-2",
        ),
        fact(
            trial_ended=record_pb2.TrialEnded(technology=name, agency=AGENCY),
            request_id=f"{own}-3",
        ),
        fact(
            technology_aliased=record_pb2.TechnologyAliased(
                technology=name, alias=f"technologies/{own}-alias"
            ),
            request_id=f"{own}-4",
        ),
    ]


def test_batch_goes_on_from_its_own_facts(server: Server) -> None:
    """A whole life stands in one batch, in one commit, and again adds nothing."""
    facts = life(fresh("w"))
    size = server.size()
    first = batch(server, *facts)
    again = batch(server, *facts)
    leaves = [result.receipt.leaf_index for result in first.results]

    assert list(range(size, size + 4)) == leaves
    assert [True] * 4 == [result.receipt.duplicate for result in again.results]
    assert leaves == [result.receipt.leaf_index for result in again.results]
    assert size + 4 == server.size()


def test_batch_refuses_what_its_own_facts_end(server: Server) -> None:
    """What comes after an end in the same batch is refused with the state that it leads to."""
    facts = life(fresh("w"))
    retired = record_pb2.TechnologyRetired(
        technology=facts[1].trial_started.technology, agency=AGENCY
    )
    facts.insert(2, fact(technology_retired=retired))
    results = batch(server, *facts).results
    refusal = refusal_of(results[3].error)

    assert ["receipt", "receipt", "receipt", "error", "receipt"] == [
        result.WhichOneof("result") for result in results
    ]
    assert ("NOT_IN_STATE", "retired") == (refusal.reason, refusal.facts["state"])


def test_checked_batch_records_nothing(server: Server) -> None:
    """validate_only decides as it would, and neither an entry nor a pseudonym is made."""
    own, size = fresh("w"), server.size()
    facts = [*life(own), *life(own)[1:2]]
    facts[-1].request_id = ""
    facts.append(
        fact(
            performer_approved=record_pb2.PerformerApproved(
                approval=f"approvals/{own}", agency=AGENCY, valid=common_pb2.Interval()
            ),
            performer=common_pb2.Performer(user_id=own),
        )
    )
    facts.insert(
        0, fact(trial_ended=record_pb2.TrialEnded(technology=f"technologies/{own}", agency=AGENCY))
    )
    results = batch(server, *facts, validate_only=True).results
    assert ["error", *[None] * 6] == [result.WhichOneof("result") for result in results]
    assert size == server.size()
    assert [] == server.hosted.store.find_performers(own)


def test_same_request_twice_in_a_batch_is_one(server: Server) -> None:
    """Two facts under one id land once, and the stream has no gap."""
    name = technology(server)
    assessed = record_pb2.TechnologyAssessed(technology=name, kind="security")
    own = fresh("r")
    facts = [fact(technology_assessed=assessed, request_id=own)] * 2
    facts.append(fact(technology_assessed=assessed, request_id=fresh("r")))
    one, two, three = (result.receipt for result in batch(server, *facts).results)

    assert (one.leaf_index, True, False) == (two.leaf_index, two.duplicate, three.duplicate)
    assert server.hosted.store.misnumbered(server.size()) is None


def test_what_others_changed_meanwhile_is_decided_again(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch whose first fact comes too late records none of what rests on it unseen."""
    name = technology(own_server)
    store = own_server.hosted.store
    append = store.append
    meanwhile = fact(
        technology_assessed=record_pb2.TechnologyAssessed(technology=name, kind="other")
    )

    def outrun(entries: Any, **named: Any) -> Any:
        monkeypatch.setattr(store, "append", append)
        (entry,) = [item for item in others if isinstance(item, NewEntry)]
        append([entry])
        return append(entries, **named)

    others = [
        own_server.hosted.registrar.record(
            read_fact(meanwhile), Provenance(reporter="other", recorded_us=0)
        )
    ]
    monkeypatch.setattr(store, "append", outrun)
    started = fact(trial_started=record_pb2.TrialStarted(technology=name, agency=AGENCY))
    ended = fact(trial_ended=record_pb2.TrialEnded(technology=name, agency=AGENCY))
    results = batch(own_server, started, ended).results

    assert ["receipt", "receipt"] == [result.WhichOneof("result") for result in results]
    told = [item.topic for item in store.read_stream(stream_of_name(name))]
    assert ["assessed", "trial_started", "trial_ended"] == [t.split(".")[1] for t in told[1:]]
    assert store.misnumbered(own_server.size()) is None


def test_first_fact_is_found_by_its_name_whatever_the_request(server: Server) -> None:
    """A thing told again under another request id is the same; other words under it are not."""
    holding = record_pb2.HoldingRecorded(
        holding=f"holdings/{fresh()}", agency=AGENCY, kind="licence"
    )
    first = record(server, fresh("r"), holding_recorded=holding).receipt
    again = record(server, fresh("r"), holding_recorded=holding).receipt
    holding.kind = "invoice"
    other = refused(record, server, fresh("r"), holding_recorded=holding)

    assert (first.leaf_index, True) == (again.leaf_index, again.duplicate)
    assert "CONFLICTING_RESUBMISSION" == other.reason


def test_registration_is_one_by_either_call(server: Server) -> None:
    """What the registry was told, Record finds again: they are one register."""
    name = technology(server)
    told = record_pb2.TechnologyRegistered(technology=name, name="T")
    assert record(server, technology_registered=told).receipt.duplicate
