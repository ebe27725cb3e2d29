"""How is an observer's file compared with a ledger? Read, streamed, matched; nothing is told here.

file ──take──► sightings ┐
                         ├──match──► Findings ──► telling.py, reports
StreamUsesForMatching ──► uses ┘
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.events.values import Interval
from ledger.ingest import Layout, layout_of
from ledger.limits import MATCH_STREAM_S
from ledger.observers.fields import TECHNOLOGY
from ledger.observers.findings import Findings
from ledger.observers.keys import Digests
from ledger.observers.matching import Matching, match
from ledger.observers.sightings import Release, Scope, id_columns, observed_fields
from ledger.observers.verdicts import Judge
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.times import MAX_US, MIN_US, text_of_us
from services.cli.client import Client
from services.cli.names import Names
from services.cli.observed_file import Question, Watch, read_file
from services.cli.observed_uses import ObservedUses
from services.pb.candour.v1 import common_pb2
from services.pb.candour.v1 import observers_pb2 as pb
from services.runtime.value_messages import write_interval

ASKING: Final = "asking the ledger"
MATCHING: Final = "matching"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A file and the ledger, compared at a tree size."""

    question: Question
    layout: Layout
    digests: Digests
    tree_size: int
    file_sha256: str
    release: Release
    uses: ObservedUses
    period_us: tuple[int, int] | None
    matching: Matching
    judge: Judge
    findings: Findings

    @property
    def period(self) -> Interval | None:
        """What was compared; open where nothing bounds it."""
        if self.period_us is None:
            return None
        ends = [text_of_us(us) if MIN_US <= us <= MAX_US else None for us in self.period_us]
        return Interval(earliest=ends[0], latest=ends[1])


def compare(client: Client, names: Names, question: Question, watch: Watch) -> Compared:
    """Compare them.

    Raises:
        NoLayout, Malformed: The file or the question.
        CommandFailed: The ledger does not answer.
        OSError: The file cannot be read.
    """
    with question.file.open("rb") as lines:
        layout = layout_of(lines, layout=question.layout)
    begun = client.call(
        client.observers.BeginMatching,
        pb.BeginMatchingRequest(
            parent=client.parent,
            observer=question.observer,
            technology=question.technology or "",
            min_tree_size=client.head_size(),
        ),
    )
    digests = Digests(begun.key)
    fields = tuple(name for name in observed_fields(layout) if name not in question.ignored)
    release, sha256 = read_file(question, layout, fields, digests, names, watch)
    technology = None
    if begun.technology:
        technology = digests.of_text(TECHNOLOGY, begun.technology)
        release.side.fill(TECHNOLOGY, technology)
    period_us = _period(question, release)
    uses = ObservedUses(fields, _scope(question, period_us), technology)
    if period_us is not None:
        columns = (*id_columns(layout), *question.id_columns)
        request = pb.StreamUsesForMatchingRequest(
            parent=client.parent,
            observer=question.observer,
            agency=question.agency,
            period=_asked(period_us, question.window_us),
            fields=fields,
            id_columns=columns,
            tree_size=begun.tree_size,
        )
        for chunk in client.stream(
            client.observers.StreamUsesForMatching, request, timeout_s=MATCH_STREAM_S
        ):
            uses.take(chunk)
            watch(ASKING, len(uses.side), None)
    uses.finish()
    watch(MATCHING, 0, None)
    matching = match(uses.side, release.side, window_us=question.window_us)
    judge = Judge(uses.side, release.side, window_us=question.window_us)
    return Compared(
        question=question,
        layout=layout,
        digests=digests,
        tree_size=begun.tree_size,
        file_sha256=sha256,
        release=release,
        uses=uses,
        period_us=period_us,
        matching=matching,
        judge=judge,
        findings=Findings(matching, judge),
    )


def _period(question: Question, release: Release) -> tuple[int, int] | None:
    """What is compared: what was asked for, and where that is open what the file covers."""
    covered = release.period_us()
    since, until = question.since_us, question.until_us
    if covered is None and (since is None or until is None):
        # A file without times: its sightings may be of any use, if it has any.
        if not len(release.side) and since is None and until is None:
            return None
        covered = (OPEN_EARLIEST, OPEN_LATEST)
    first, last = covered if covered is not None else (OPEN_EARLIEST, OPEN_LATEST)
    return first if since is None else since, last if until is None else until


def _scope(question: Question, period_us: tuple[int, int] | None) -> Scope:
    since_us, until_us = period_us or (question.since_us, question.until_us)
    return Scope(agency=question.agency, since_us=since_us, until_us=until_us)


def _asked(period_us: tuple[int, int], window_us: int) -> common_pb2.Interval | None:
    """The period and a window around it: just outside may lie what just inside is matched with."""
    first, last = period_us[0] - window_us, period_us[1] + window_us
    return write_interval(
        Interval(
            earliest=text_of_us(first) if first >= MIN_US else None,
            latest=text_of_us(last) if last <= MAX_US else None,
        )
    )
