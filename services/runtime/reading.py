"""Which state of the ledger does a read speak of, and are the views there yet?

    AsOf, min_tree_size ──settle──► tree size ≤ what the views hold ──► one short read

Reads run in a bounded pool of threads; the event loop never waits for a database. A caller
reads its own write by passing its receipt's leaf_index + 1 as min_tree_size.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Engine

from ledger.errors import Malformed
from ledger.filters import And, Compare, Expr, Not, Or, Value, parse
from ledger.filters import format as format_filter
from ledger.limits import MAX_WAIT_S
from ledger.projections.questions import SUMMARY_KEYS, Question
from ledger.store.usage_reader import UsageReader
from ledger.store.usage_roots import UsageRoots
from ledger.store.view_queries import ViewReader
from ledger.times import us_of_text
from services.pb.candour.v1 import common_pb2, query_pb2
from services.runtime.index_commits import IndexCommits
from services.runtime.refusals import TreeSizeBeyondHead, ViewsBehind
from services.runtime.serving import Serving
from services.runtime.value_messages import read_time

_POLL_S = 0.01  # while somebody waits for the views


class Reading:
    """Reads of one ledger's views and log.

    Args:
        serving: The ledger; reads run in its threads.
        engine: Over its views; disposed of by whoever opened it.
    """

    def __init__(self, serving: Serving, engine: Engine) -> None:
        self.serving, self.hosted = serving, serving.hosted
        self.views = ViewReader(engine, self.hosted.store)
        self.run = serving.run
        self.usage = UsageReader(engine)
        self.index = IndexCommits(serving, UsageRoots(engine), self.run)

    async def settle(self, as_of: common_pb2.AsOf, min_tree_size: int) -> int:
        """The tree size an answer speaks of; the views hold that many entries.

        Raises:
            TreeSizeBeyondHead: As-of, or the demanded size, is beyond the head.
            ViewsBehind: The views did not get there within MAX_WAIT_S.
            Malformed: A negative size, or a time outside the years 1..9999.
        """
        if min_tree_size < 0:
            raise Malformed("min_tree_size", "must be 0 or more")
        point = as_of.WhichOneof("point")
        if point is None:
            return await self._views_at(min_tree_size)
        if point == "time":
            wanted = await self.run(self._published_before, as_of.time)
        else:
            wanted = as_of.tree_size
            if wanted < 0:
                raise Malformed("as_of.tree_size", "must be 0 or more")
        await self._views_at(max(wanted, min_tree_size))
        return wanted

    def _published_before(self, time: Timestamp) -> int:
        before_us = us_of_text(read_time(time, "as_of.time"))
        found = self.hosted.store.published(before_us=before_us)
        return 0 if found is None else found.tree_size

    async def _views_at(self, least: int) -> int:
        held = await self.run(self.views.position)
        if held >= least:
            return held
        head = (await self.run(self.hosted.store.head)).tree_size
        if least > head:
            raise TreeSizeBeyondHead(least, head)
        deadline = asyncio.get_running_loop().time() + MAX_WAIT_S
        while held < least:
            if asyncio.get_running_loop().time() > deadline:
                raise ViewsBehind(least, held)
            await asyncio.sleep(_POLL_S)
            held = await self.run(self.views.position)
        return held

    def question(self, filter_text: str, tree_size: int, by: str | None = None) -> Question:
        """The question asked, whatever a performer was called in it. Blocking.

        Raises:
            FilterMalformed: As Question.ask.
        """
        expression = self._with_pseudonyms(parse(filter_text))
        return Question.ask(format_filter(expression), tree_size, by)

    def _with_pseudonyms(self, expression: Expr) -> Expr:
        """Put this ledger's pseudonyms in place of what sources call a performer."""
        match expression:
            case And(parts):
                return And(tuple(self._with_pseudonyms(part) for part in parts))
            case Or(parts):
                return Or(tuple(self._with_pseudonyms(part) for part in parts))
            case Not(part):
                return Not(self._with_pseudonyms(part))
            case Compare("performer", op, value) if not value.text.startswith("p-"):
                if not value.quoted and value.text in ("*", "none"):
                    return expression
                found = self.hosted.store.find_performers(value.text)
                if not found:
                    return expression
                same: Literal["!=", "="] = "!=" if op == "!=" else "="
                tests: tuple[Expr, ...] = tuple(
                    Compare("performer", same, Value(pseudonym)) for pseudonym in found
                )
                if len(tests) == 1:
                    return tests[0]
                return And(tests) if op == "!=" else Or(tests)
            case _:
                return expression


def summary_key(number: int) -> str | None:
    """The grouping of an enum number; None where it is not set. Raises Malformed."""
    if number == query_pb2.SUMMARY_KEY_UNSPECIFIED:
        return None
    try:
        name = query_pb2.SummaryKey.Name(query_pb2.SummaryKey.ValueType(number))
    except ValueError:
        raise Malformed("by", f"{number} is not a choice known to this release") from None
    key = name.removeprefix("SUMMARY_KEY_").lower()
    assert key in SUMMARY_KEYS
    return key
