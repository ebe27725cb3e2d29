"""The 27 questions of an oversight body, each compiled. `candour ask N` asks them.

Source: docs/guides/oversight.md walks through them; docs/adr/0020-oversight-record.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from ledger.errors import Malformed
from ledger.inquiries import lists, returns, told
from ledger.inquiries.answering import WINDOW
from ledger.inquiries.asked import Asked
from ledger.inquiries.finding import (
    any_find,
    attached_afterwards,
    by_others,
    by_rule,
    saying,
    without_valid_authority,
)
from ledger.inquiries.findings import FindingsInquiry
from ledger.inquiries.kinds import (
    LISTED,
    SCOPE,
    GroupsInquiry,
    Inquiry,
    NotRecorded,
    RegisterInquiry,
    UsesInquiry,
)
from ledger.projections.questions import AUTHORITY_RESTS_ON
from ledger.rules.judgement import says

_LISTED: Final = {**SCOPE, **LISTED}
_UNKNOWN_APART: Final = (
    "where the verdict is unknown a use is not among these: question 4 has it",
)
_URGENT: Final = saying(says("urgency", "used"))
_ABROAD: Final = by_rule("data_abroad")
_INTERIM: Final = any_find(
    by_rule("trial_without_approval"), saying(says("acquisition", "personal_account"))
)

_QUESTIONS: Final[tuple[Inquiry, ...]] = (
    UsesInquiry(
        number=1,
        text="Did anyone in the agency use the technology in this time?",
        parameters=_LISTED | {"agency": True},
        find=saying(),
        more=lists.all_technologies,
    ),
    RegisterInquiry(
        number=2, text='What does a "no" cover?', parameters=SCOPE, tell=told.what_a_no_covers
    ),
    RegisterInquiry(
        number=3,
        text="Which statements does the record contradict, and did it hold that when they were made?",
        parameters={"agency": False, "statement": False},
        tell=told.statements,
    ),
    UsesInquiry(
        number=4,
        text="Which uses had no authority that was valid at that moment?",
        parameters=_LISTED,
        authority=True,
        find=without_valid_authority,
        caveats=("a use whose authority cannot be told is counted as possible",),
    ),
    UsesInquiry(
        number=5,
        text="Which authorities came after the use, by how long, and within grace?",
        parameters=_LISTED,
        authority=True,
        caveats=_UNKNOWN_APART,
        find=attached_afterwards,
        more=lists.lags,
    ),
    UsesInquiry(
        number=6,
        text="Which uses lie outside the scope of their authority?",
        parameters=_LISTED,
        authority=True,
        caveats=_UNKNOWN_APART,
        find=by_rule("authority_is", {"codes": ("out_of_scope",)}),
    ),
    UsesInquiry(
        number=7,
        text="Which uses were on an unapproved trial, a demo or a personal account?",
        parameters=_LISTED,
        find=_INTERIM,
        by=("acquisition",),
    ),
    UsesInquiry(
        number=8,
        text="Who used the technology and is not on the approved list?",
        parameters=_LISTED,
        find=by_rule("performer_not_approved"),
        by=("performer",),
        more=lists.approved_list,
    ),
    UsesInquiry(
        number=9,
        text="What left the country, to whom, and by which permission?",
        parameters=_LISTED,
        find=_ABROAD,
        more=lists.flows_of(_ABROAD),
    ),
    UsesInquiry(
        number=10,
        text="Which technologies had not been assessed when they were used?",
        parameters=_LISTED,
        find=by_rule("technology_unassessed"),
        by=("technology",),
        more=lists.assessments,
    ),
    UsesInquiry(
        number=11,
        text="Was it used after it was suspended?",
        parameters=_LISTED,
        find=by_rule("after_suspension"),
    ),
    UsesInquiry(
        number=12,
        text="The vendor was breached: which uses, cases and agencies are exposed?",
        parameters=_LISTED,
        needs=frozenset({"case_number"}),
        find=lists.exposed,
        by=("agency",),
        more=lists.incidents,
    ),
    GroupsInquiry(
        number=13,
        text="How many uses, by technology, unit, offence, month or outcome?",
        parameters={**SCOPE, "by": False, "and_by": False},
        caveats=(WINDOW,),
    ),
    GroupsInquiry(
        number=14,
        text="Did a person do it, or a machine?",
        parameters={**SCOPE, "and_by": False},
        by=("trigger",),
    ),
    RegisterInquiry(
        number=15,
        text="Which reasons are vague, copied or missing, and at which rate in each unit?",
        parameters=SCOPE,
        needs=frozenset({"reason"}),
        tell=told.reasons,
    ),
    RegisterInquiry(
        number=16,
        text="Which accounts show impossible or shared use?",
        parameters=_LISTED,
        tell=told.accounts,
    ),
    RegisterInquiry(
        number=17,
        text="Does the observer's log agree with ours?",
        parameters={"agency": False, "observer": False, "kind": False, "limit": False},
        tell=told.observers,
    ),
    UsesInquiry(
        number=18,
        text="Who outside the agency searched its data?",
        parameters=_LISTED | {"agency": True},
        find=by_others,
        by=("agency",),
        caveats=("only as far as searches by others are reported here",),
    ),
    UsesInquiry(
        number=19,
        text="When was urgency used, and who confirmed it later?",
        parameters=_LISTED,
        authority=True,
        find=_URGENT,
        more=lists.confirmed_by(_URGENT),
    ),
    UsesInquiry(
        number=20,
        text="Did whoever granted the authority take part in the use?",
        parameters=_LISTED,
        authority=True,
        find=saying(says("authority", "self_authorised")),
        caveats=(
            "only where it is declared, or both names are shown",
            *_UNKNOWN_APART,
        ),
    ),
    RegisterInquiry(
        number=21,
        text="What was amended, redacted or erased, why, and what can still be proven?",
        parameters=_LISTED,
        needs=frozenset({"reason"}),
        tell=told.amendments,
    ),
    RegisterInquiry(
        number=22,
        text="How late did each source report?",
        parameters={**SCOPE, "hours": False},
        tell=told.delays,
    ),
    NotRecorded(
        number=23,
        text="Has everybody been shown the same history?",
        parameters={},
        why="no ledger can say this of itself: witnesses and monitors do, see docs/guides/witness.md",
    ),
    NotRecorded(
        number=24,
        text="Who read what, under which mandate?",
        parameters={"agency": False},
        why="reads are not recorded yet: that comes with access control",
    ),
    RegisterInquiry(
        number=25,
        text="What is the annual report of the agency?",
        parameters={"agency": True, "year": True, "zone": False, "form": False},
        needs=AUTHORITY_RESTS_ON | {"case_number", "reason"},
        tell=returns.reported,
    ),
    UsesInquiry(
        number=26,
        text="Which tools were used in this case, those without a result included?",
        parameters={"case_number": True, "agency": False, **LISTED},
        find=saying(),
        by=("technology", "outcome"),
    ),
    NotRecorded(
        number=27,
        text="Was this plate or image searched for?",
        parameters={},
        why="it takes a keyed blind index, which is not kept yet: ask the agency, or a court",
    ),
)
QUESTIONS: Final[Mapping[int, Inquiry]] = MappingProxyType({one.number: one for one in _QUESTIONS})


# What the rules find: asked, answered and proven as the numbered questions are.
FINDINGS: Final = 0
_FINDINGS: Final = FindingsInquiry(
    number=FINDINGS,
    text="What do the rules of the active packs find?",
    parameters={
        **dict.fromkeys(("agency", "code", "severity", "pack"), False),
        **LISTED,
    },
)


def inquiry_of(number: int) -> Inquiry:
    """The question of a number, 0 for the findings. Raises Malformed."""
    found = _FINDINGS if number == FINDINGS else QUESTIONS.get(number)
    if found is None:
        raise Malformed("question", f"must be one of 1..{len(QUESTIONS)}")
    return found


def asked_of_object(found: Mapping[str, Any]) -> tuple[Inquiry, Asked]:
    """A question as a bundle holds it, but for the packs.

    Raises:
        Malformed: It has another shape.
        ZoneDataMissing: Its days cannot be told here.
    """
    number, tree_size, given = (found.get(name) for name in ("inquiry", "tree_size", "parameters"))
    if type(number) is not int or type(tree_size) is not int or tree_size < 0:
        raise Malformed("question", "must hold inquiry and tree_size")
    if not isinstance(given, dict) or set(found) != {"inquiry", "tree_size", "parameters"}:
        raise Malformed("question", "must hold inquiry, parameters and tree_size")
    inquiry = inquiry_of(number)
    return inquiry, inquiry.ask(tree_size, given)
