"""OversightService: the numbered questions, what the rules find, and evidence for either.

    request ──settle──► tree size ──ViewAsker──► inquiry.answer ──► response, or a bundle in chunks

Decode, answer in a thread, encode. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import grpc.aio

from ledger.canonical_json import JsonValue
from ledger.inquiries.asked import Asked
from ledger.inquiries.table import FINDINGS, QUESTIONS, inquiry_of
from ledger.inquiry_evidence import build_inquiry_bundle
from ledger.limits import BUNDLE_CHUNK_BYTES
from ledger.store.view_asker import ViewAsker
from services.oversight.asking import (
    ask_response,
    findings_response,
    limit_of,
    question_message,
    read_parameters,
)
from services.pb.candour.v1 import common_pb2, oversight_pb2_grpc
from services.pb.candour.v1 import oversight_pb2 as pb
from services.runtime.checkpoints import covering, older_of
from services.runtime.names import ledger_of
from services.runtime.pages import read_token, write_token
from services.runtime.reading import Reading

Context = grpc.aio.ServicerContext[Any, Any]
SERVICE: Final = pb.DESCRIPTOR.services_by_name["OversightService"].full_name


class OversightServicer(oversight_pb2_grpc.OversightServiceServicer):
    """Answers from the views of the hosted ledgers."""

    def __init__(self, ledgers: Mapping[str, Reading]) -> None:
        self._ledgers = ledgers

    async def ListQuestions(  # noqa: N802
        self, _request: pb.ListQuestionsRequest, _context: Context
    ) -> pb.ListQuestionsResponse:
        return pb.ListQuestionsResponse(questions=map(question_message, QUESTIONS))

    async def Ask(  # noqa: N802
        self, request: pb.AskRequest, _context: Context
    ) -> pb.AskResponse:
        reading = ledger_of(request.parent, self._ledgers)
        answer, token = await _answered(
            reading,
            request.parent,
            request.question,
            request.parameters,
            request.as_of,
            min_tree_size=request.min_tree_size,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        response = ask_response(answer)
        response.next_page_token = token
        return response

    async def ListFindings(  # noqa: N802
        self, request: pb.ListFindingsRequest, _context: Context
    ) -> pb.ListFindingsResponse:
        reading = ledger_of(request.parent, self._ledgers)
        narrowed = pb.Parameters(
            agency=request.agency, code=request.code, severity=request.severity, pack=request.pack
        )
        answer, token = await _answered(
            reading,
            request.parent,
            FINDINGS,
            narrowed,
            request.as_of,
            min_tree_size=request.min_tree_size,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        response = findings_response(answer)
        response.next_page_token = token
        return response

    async def ProveAnswer(  # noqa: N802
        self, request: pb.ProveAnswerRequest, _context: Context
    ) -> AsyncIterator[pb.ProveAnswerResponse]:
        reading = ledger_of(request.parent, self._ledgers)
        hosted = reading.hosted
        older, least = await reading.run(older_of, hosted, request.older)
        given = await reading.run(read_parameters, request.parameters, hosted.store)
        limit = limit_of(request.page_size)
        _asked(request.question, 0, given, limit, "")  # refused before anybody waits
        tree_size = await reading.settle(request.as_of, request.min_tree_size)
        bundle = await reading.run(
            build_inquiry_bundle,
            hosted.log,
            reading.views,
            _asked(request.question, tree_size, given, limit, ""),
            await covering(reading, max(tree_size, least, 1)),
            signer=hosted.keys.answers,
            disclose=tuple(request.disclose),
            complete=request.complete,
            older=older,
        )
        for start in range(0, len(bundle), BUNDLE_CHUNK_BYTES):
            yield pb.ProveAnswerResponse(chunk=bundle[start : start + BUNDLE_CHUNK_BYTES])


async def _answered(
    reading: Reading,
    parent: str,
    question: int,
    parameters: pb.Parameters,
    as_of: common_pb2.AsOf,
    *,
    min_tree_size: int,
    page_size: int,
    page_token: str,
) -> tuple[dict[str, Any], str]:
    """One page of an answer, and the token of the next."""
    keys = reading.hosted.keys.identity
    asked: list[JsonValue] = [
        parent,
        question,
        parameters.SerializeToString(deterministic=True).hex(),
        as_of.SerializeToString(deterministic=True).hex(),
    ]
    given = await reading.run(read_parameters, parameters, reading.hosted.store)
    limit, after = limit_of(page_size), ""
    _asked(question, 0, given, limit, after)  # refused before anybody waits
    if page_token:
        tree_size, after = read_token(keys, asked, page_token)
    else:
        tree_size = await reading.settle(as_of, min_tree_size)
    wanted = _asked(question, tree_size, given, limit, after)
    answer = await reading.run(_answer, reading, wanted)
    following = answer.get("next")
    token = write_token(keys, asked, [tree_size, following]) if following else ""
    return answer, token


def _asked(
    question: int, tree_size: int, given: Mapping[str, Any], limit: int, after: str
) -> Asked:
    """Raises Malformed."""
    inquiry, whole = inquiry_of(question), dict(given)
    if limit and "limit" in inquiry.parameters:
        whole["limit"] = limit
    if after:
        whole["after"] = after
    return inquiry.ask(tree_size, whole)


def _answer(reading: Reading, asked: Asked) -> dict[str, Any]:
    return inquiry_of(asked.question).answer(ViewAsker(reading.views, asked.tree_size), asked)


def add_to_server(servicer: OversightServicer, server: grpc.aio.Server) -> None:
    oversight_pb2_grpc.add_OversightServiceServicer_to_server(servicer, server)
