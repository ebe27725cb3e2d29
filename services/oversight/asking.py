"""What does a request ask, and how is an answer told? Messages to questions, answers to messages.

Parameters ──read_parameters──► {name: value}        answer ──ask_response──► AskResponse
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.canonical_json import encode
from ledger.errors import Malformed
from ledger.inquiries.kinds import NotRecorded
from ledger.inquiries.table import QUESTIONS
from ledger.limits import MAX_ANSWER_USES, MAX_NAME_CHARS
from ledger.store.core import LedgerStore
from services.pb.candour.v1 import oversight_pb2 as pb

# Members of Parameters whose name is another in a question.
_CALLED: Final = {"first_day": "from", "last_day": "to"}
_FIELDS: Final = {
    _CALLED.get(field.name, field.name): field.name for field in pb.Parameters.DESCRIPTOR.fields
}


def read_parameters(message: pb.Parameters, store: LedgerStore) -> dict[str, Any]:
    """The parameters that are given, by the names that questions know; blocking.

    What a source calls a performer becomes the pseudonyms of whoever it is.

    Raises:
        Malformed: The performer's name is no text of a fit length.
    """
    given: dict[str, Any] = {}
    for name, field in _FIELDS.items():
        value = getattr(message, field)
        if value or (field == "hours" and message.HasField("hours")):
            given[name] = value
    performer = given.get("performer")
    if performer is not None and not performer.startswith("p-"):
        if len(performer) > MAX_NAME_CHARS:
            raise Malformed("parameters.performer", f"must have 1 to {MAX_NAME_CHARS} characters")
        found = store.find_performers(performer)
        if found:  # else nobody is called so, and the answer says so
            given["performer"] = ",".join(sorted(found))
    return given


def limit_of(page_size: int) -> int:
    """How many are listed. Raises Malformed."""
    if page_size < 0:
        raise Malformed("page_size", "must be 0 or more")
    return min(page_size, MAX_ANSWER_USES)


def question_message(number: int) -> pb.Question:
    inquiry = QUESTIONS[number]
    return pb.Question(
        number=number,
        text=inquiry.text,
        parameters=[_FIELDS[name] for name in inquiry.parameters if name in _FIELDS],
        required=[_FIELDS[name] for name, needed in inquiry.parameters.items() if needed],
        recorded=not isinstance(inquiry, NotRecorded),
    )


def ask_response(answer: Mapping[str, Any]) -> pb.AskResponse:
    """An answer, without the token of its next page."""
    value = answer["value"]
    response = pb.AskResponse(
        value=value if isinstance(value, str) else "",
        tree_size=answer["as_of"],
        basis=answer["basis"],
        basis_total=answer["basis_total"],
        caveats=answer["caveats"],
        answer_json=encode(answer).decode(),
    )
    counted = answer if "count" in answer else value
    if isinstance(counted, Mapping) and "count" in counted:
        response.count, response.possible = counted["count"], counted["possible"]
    if "coverage" in answer:
        response.coverage.CopyFrom(pb.AnswerCoverage(**answer["coverage"]))
    return response


def findings_response(answer: Mapping[str, Any]) -> pb.ListFindingsResponse:
    """The findings of an answer, likewise."""
    return pb.ListFindingsResponse(
        findings=[_finding(one) for one in answer["findings"]],
        rules=[pb.RuleCount(**rule) for rule in answer["rules"]],
        tree_size=answer["as_of"],
        caveats=answer["caveats"],
    )


def _finding(found: Mapping[str, Any]) -> pb.Finding:
    detail = found.get("detail")
    return pb.Finding(
        **{name: found.get(name, "") for name in ("code", "title", "severity", "legal_reference")},
        **{name: found.get(name, "") for name in ("note", "pack", "subject", "agency")},
        pack_version=found["version"],
        certain=found["certain"],
        leaf_indexes=found["leaf_indexes"],
        detail_json="" if detail is None else encode(detail).decode(),
    )
