"""Are facts of the registers recorded, in the order their lives allow, on both stores?"""

from __future__ import annotations

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from ledger.canonical_json import decode
from services.pb.candour.v1 import common_pb2, record_pb2, registry_pb2
from tests.services.harness import AGENCY, PARENT, Server, fresh, refused, text, use
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
