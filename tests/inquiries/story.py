"""One ledger that a person can hold in the head: two agencies, a spring of uses, what was said of them.

    tell(ledger) ──► leaf index of each entry by its short name: u1, u2, … for uses

Everything is recorded in November; what the uses say of themselves is the spring before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ledger.canonical_json import JsonValue
from ledger.commands import Performer, ReportToolUse
from ledger.events import (
    AgencyRegistered,
    AllegationMade,
    Amendment,
    AuthorizationGranted,
    DataFlow,
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
    Fact,
    HoldingRecorded,
    Interval,
    Occurred,
    PerformerApproved,
    Scope,
    SourceRegistered,
    StatementMade,
    TechnologyApproved,
    TechnologyAssessed,
    TechnologyRegistered,
    TechnologySuspended,
    ToolUseReported,
    VendorIncidentReported,
)
from ledger.log import Receipt
from tests.ledgers import Ledger

A, B = "agencies/a", "agencies/b"
FACE, FACE_TOO, PLATES = "technologies/face", "technologies/face-too", "technologies/plates"
WARRANT, LATE, SELF = "authorizations/warrant", "authorizations/late", "authorizations/self"


def tell(ledger: Ledger) -> dict[str, int]:
    """Tell the story; returns where each part of it stands."""
    story = _Story(ledger)
    story.registers()
    story.uses()
    story.changes()
    story.words()
    return story.leaves


def at(moment: str) -> Occurred:
    return Occurred(earliest=moment, latest=moment)


class _Story:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.leaves: dict[str, int] = {}
        self._names: dict[str, str] = {}

    def registers(self) -> None:
        for name in (A, B):
            fact = AgencyRegistered(agency=name, name=name[-1].upper(), country="CA")
            self._register(name, fact)
        self._register(FACE, TechnologyRegistered(technology=FACE, name="Face", vendor="Clear"))
        self._register(PLATES, TechnologyRegistered(technology=PLATES, name="Plates"))
        self._append("alias", self.ledger.registrar.alias_technology(FACE, FACE_TOO, self._by()))
        for own, agency in (("s", A), ("quiet", A), ("other", B)):
            name = f"sources/{own}"
            self._register(name, SourceRegistered(source=name, name=own, agency=agency))
        self._grant(WARRANT, "2026-01-01T00:00:00Z", "2026-03-31T23:59:59Z", "2025-12-20T00:00:00Z")
        self._grant(LATE, "2026-02-01T00:00:00Z", None, "2026-02-03T12:00:00Z", officer="Judge Oak")
        self._grant(SELF, "2026-01-01T00:00:00Z", None, "2025-12-20T00:00:00Z", own=True)
        january = at("2026-01-01T00:00:00Z")
        self._record(
            "approved",
            TechnologyApproved(technology=PLATES, approved_by="board", effective=january),
        )
        self._record(
            "assessed",
            TechnologyAssessed(
                technology=PLATES, kind="privacy_impact", effective=january, outcome="accepted"
            ),
        )
        self._record(
            "suspended",
            TechnologySuspended(technology=FACE, agency=A, effective=at("2026-02-28T00:00:00Z")),
        )
        self._record(
            "breach",
            VendorIncidentReported(
                incident="incidents/breach",
                vendor="Clear",
                kind="breach",
                occurred=at("2026-02-26T00:00:00Z"),
            ),
        )
        self._record(
            "ann approved",
            PerformerApproved(
                approval="approvals/ann",
                agency=A,
                valid=Interval(earliest="2026-01-01T00:00:00Z"),
                technology=PLATES,
            ),
            performer=self.ledger._pseudonym("ann"),
        )
        self._record(
            "licence",
            HoldingRecorded(holding="holdings/licence", agency=A, kind="licence", technology=FACE),
        )

    def uses(self) -> None:
        day = "2026-02-{:02d}T10:00:00Z".format
        self._use(
            "u1",
            "ann",
            day(1),
            "Stolen vehicle",
            case="C-1",
            authorizations=(WARRANT,),
            outcome="lead",
        )
        self._use(
            *("u2", "ben", day(2), ""),
            case="C-1",
            technology=FACE,
            unit="homicide",
            acquisition="free_trial",
            data_flows=(DataFlow(recipient="Clear", processing_country="US"),),
            outcome="none",
        )
        self._use(
            "u3", "ann", "2026-02-02T12:00:00Z", "Chase", authorizations=(LATE,), urgency_used=True
        )
        self._use(
            *("u4", "ben", "2026-03-01T09:00:00Z", "Photo"),
            technology=FACE_TOO,
            unit="homicide",
            acquisition="personal_account",
            authorizations=(WARRANT,),
        )
        self._use("u5", None, None, "Alert", trigger="automated_alert")
        self._use(
            "u6", "cat", day(5), "Theft", agency=B, source="sources/other", reference_database=A
        )
        self._use("u7", "ann", "2026-04-10T10:00:00Z", "Theft", authorizations=(WARRANT,))
        self._use(
            *("u8", "dee", day(10), "Investigation"),
            authorizations=(SELF,),
            credential_strength="shared_account",
        )
        self._use("u9", "ann", day(11), "Theft")
        self._use("u10", "ann", day(12), "Daytime search for best result")
        for second in range(5):
            self._use(f"u{11 + second}", "eve", f"2026-02-20T00:00:0{second}Z", "Convoy")

    def changes(self) -> None:
        decide, by = self.ledger.registrar, self._by
        self._append("u9 gone", decide.withdraw_use(self._names["u9"], "wrong", None, by()))
        to = Amendment(purpose="theft")
        self._append("u10 amended", decide.amend_use(self._names["u10"], to, by(), protected={}))

    def words(self) -> None:
        face_at_a = Scope(agency=A, technology=FACE)
        for own, scope, made in (
            ("early", face_at_a, "2026-11-01T00:00:00Z"),
            ("informed", face_at_a, "2026-12-01T00:00:00Z"),
            ("elsewhere", Scope(agency=B, technology=FACE), "2026-12-01T00:00:00Z"),
        ):
            name = f"statements/{own}"
            said = StatementMade(statement=name, polarity="denies", scope=scope, made=at(made))
            self._record(own, said)
        self._record(
            "log",
            ExternalLogImported(
                observation="observations/log",
                observer="Clear",
                agency=A,
                file_sha256="0" * 64,
                rows=3,
                layout="generic",
            ),
        )
        found = DiscrepancyFound(
            discrepancy="discrepancies/missing",
            observation="observations/log",
            observer="Clear",
            kind="missing_here",
            agency=A,
            technology=FACE,
            occurred=at("2026-02-03T00:00:00Z"),
        )
        self._record("missing", found)
        other = replace(found, discrepancy="discrepancies/masked", kind="masked")
        self._record("masked", other)
        self._record(
            "masked resolved",
            DiscrepancyResolved(discrepancy="discrepancies/masked", code="explained"),
        )
        self._record(
            "alleged",
            AllegationMade(allegation="allegations/one", made_by="a lawyer", scope=face_at_a),
        )

    # --- saying single things -------------------------------------------------------
    def _by(self) -> Any:
        return self.ledger.provenance()

    def _register(self, name: str, fact: Fact) -> None:
        self.leaves[name] = self.ledger.register(name, fact).leaf_index

    def _grant(
        self,
        name: str,
        first: str,
        last: str | None,
        granted_at: str,
        officer: str | None = None,
        own: bool = False,
    ) -> None:
        fact = AuthorizationGranted(
            authorization=name,
            agency=A,
            kind="warrant",
            valid=Interval(earliest=first, latest=last),
            granted_at=granted_at,
            technologies=(PLATES,),
            self_authorisation=own or None,
        )
        shown = {} if officer is None else {"granting_officer": officer}
        entry = self.ledger.registrar.register(name, fact, self._by(), shown)
        self._append(name, entry)

    def _append(self, own: str, entry: Any) -> None:
        self.leaves[own] = self.ledger.append(entry).leaf_index

    def _record(self, own: str, fact: Fact, **shown: JsonValue) -> None:
        self._append(own, self.ledger.registrar.record(fact, self._by(), shown))

    def _use(
        self,
        own: str,
        who: str | None,
        when: str | None,
        reason: str,
        *,
        source: str = "sources/s",
        case: str | None = None,
        **members: Any,
    ) -> None:
        said: dict[str, Any] = {"agency": A, "technology": PLATES, "unit": "traffic", **members}
        if when is not None:
            said["occurred"] = at(when)
        command = ReportToolUse(
            use=ToolUseReported(**said),
            source=source,
            source_event_id=own,
            capture="live",
            performer=None if who is None else Performer(user_id=who),
            protected={"reason": reason} | ({} if case is None else {"case_number": case}),
        )
        (receipt,) = self.ledger.report(command)
        assert isinstance(receipt, Receipt)
        self.leaves[own], self._names[own] = receipt.leaf_index, receipt.name
