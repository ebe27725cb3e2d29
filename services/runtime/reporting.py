"""How do commands become receipts? The one way of every report, whatever brought it.

    commands ──check──► ──learn (the first time only)──► ──prepare──► entries
        entries ──committer──► receipts, or why not, each in its place

Slices of USES_A_SLICE with a pause in between: a large batch starves nobody. A batch is not
atomic; what was committed before the store went away is found again on resubmission.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from ledger.errors import CandourError
from ledger.limits import MAX_BATCH_USES, USES_A_SLICE
from ledger.log import Checked, Receipt
from ledger.store.core import NewEntry
from services.runtime.committer import Committed
from services.runtime.raw_uses import decode_use
from services.runtime.serving import Serving

Result: TypeAlias = Receipt | CandourError
Preparing: TypeAlias = Callable[
    [Serving, Iterable[Any], str], Awaitable[list[NewEntry | CandourError]]
]


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a batch: a result a use, in order, and the last commit, if there was one."""

    results: list[Result]
    committed: Committed | None


async def prepare(
    serving: Serving, commands: Iterable[Checked], reporter: str
) -> list[NewEntry | CandourError]:
    """Each command's entry, or why it has none. Hand over a slice at a time.

    Raises:
        StoreUnavailable: A name had to be looked up and could not.
    """
    log = serving.hosted.log
    checked: list[Checked] = []
    try:
        checked = log.check(commands)
        missing = log.missing(checked)
        if missing:
            await serving.learning.learn(missing)
        prepared = log.prepare(checked, reporter)
    except Exception as error:
        serving.metrics.turned_away(error, max(len(checked), 1))
        raise
    refused = [item for item in prepared if isinstance(item, CandourError)]
    if refused:
        serving.metrics.refused(refused)
    return prepared


async def prepare_encoded(
    serving: Serving, uses: Iterable[bytes], reporter: str
) -> list[NewEntry | CandourError]:
    """As `prepare`, for uses as they lie on the wire: the native path takes those that it can.

    Raises:
        StoreUnavailable: A name had to be looked up and could not.
    """
    native, log, found = serving.native, serving.hosted.log, list(uses)
    if native is None:
        return await prepare(serving, map(decode_use, found), reporter)
    read = native.read(found)
    try:
        missing = log.unmet(native.named(read))
        if missing:
            await serving.learning.learn(missing)
        prepared = native.prepare(read, reporter)
    except Exception as error:
        serving.metrics.turned_away(error, len(found))
        raise
    left = [place for place, entry in enumerate(prepared) if entry is None]
    by_python = [decode_use(found[place]) for place in left]
    rest = iter(await prepare(serving, by_python, reporter) if left else ())
    return [entry or next(rest) for entry in prepared]


async def report_all(
    serving: Serving,
    commands: Iterable[Any],
    reporter: str,
    *,
    prepare: Preparing = prepare,
    part: int = MAX_BATCH_USES,
    before_commit: Callable[[], None] = lambda: None,
) -> Reported:
    """Record a batch; answers once all of it is durable.

    Args:
        commands: Read as they are needed; the caller bounds them.
        prepare: `prepare` for commands, `prepare_encoded` for uses in bytes.
        part: Entries of one request to the committer: while one is committed the next is
            prepared. A batch that fits one is taken whole, or not at all.
        before_commit: Raises where the caller waits no longer.
    Raises:
        StoreUnavailable, Overloaded, Draining: Some may be recorded; submit all again.
    """
    refused: dict[int, CandourError] = {}
    gathered: list[NewEntry] = []
    commits: list[asyncio.Future[Committed]] = []
    count, rest = 0, iter(commands)
    while some := list(islice(rest, USES_A_SLICE)):
        for item in await prepare(serving, some, reporter):
            if isinstance(item, CandourError):
                refused[count] = item
            else:
                gathered.append(item)
            count += 1
        if len(gathered) >= part:
            commits.append(_enqueue(serving, gathered, before_commit))
            gathered = []
        await asyncio.sleep(0)
    if gathered:
        commits.append(_enqueue(serving, gathered, before_commit))
    committed: Committed | None = None
    receipts: list[Result] = []
    for commit in commits:
        committed = await asyncio.shield(commit)
        receipts += committed.results
    each = iter(receipts)
    return Reported([refused.get(n) or next(each) for n in range(count)], committed)


def _enqueue(
    serving: Serving, entries: list[NewEntry], before_commit: Callable[[], None]
) -> asyncio.Future[Committed]:
    try:
        before_commit()
    except CandourError as error:
        serving.metrics.failed(entries, error)
        raise
    return serving.committer.enqueue(entries)
