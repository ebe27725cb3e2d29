"""Does this answer follow from entries of that ledger? Checked offline, in numbered steps.

    1 read     2 trust      3 signature    4 format       5 checkpoint
    6 witness  7 inclusion  8 disclosures  9 answer      10 completeness
                                           9 to 14, of a proven count: usage_steps.py
                                           9 to 11, of a numbered question: inquiry_steps.py;
                                           12, where a proven count is inside
    and last   consistency (older.py), timestamps (timestamps.py)

Nothing is fetched, nothing is believed: the entries are hashed up to the signed root, and
the answer is made anew from them and compared. Every loop is bounded by ledger/limits.py.
A step that cannot be judged here ends in "unusable", never in "verified".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.canonical_json import JsonValue, encode
from ledger.entry import Entry, decode_entry
from ledger.errors import Malformed, Unverifiable, VerificationFailed
from ledger.merkle import leaf_hash, verify_inclusion
from ledger.projections.answers import answer
from ledger.projections.questions import Question, protected_fields_of
from ledger.rules.fold import JudgedFold
from ledger.tlog import (
    Checkpoint,
    TrustPolicy,
    VerifierKey,
    answers_key,
    log_key,
    open_checkpoint,
)
from ledger.verify.bundle import (
    FORMAT,
    INQUIRY_FORMAT,
    USAGE_FORMAT,
    Bundle,
    bundle_of_object,
    check_signed,
    read_object,
)
from ledger.verify.index_count import MAY_LEAVE_OUT, NAME, check_moment, hold_to_count
from ledger.verify.inquiry_steps import (
    USES_LEFT_OUT,
    InquiryQuestion,
    InquirySteps,
    check_asks_the_same,
)
from ledger.verify.older import NOT_COMPARED, check_consistency
from ledger.verify.report import UNUSABLE, VERIFIED, NotCheckedHere, Report
from ledger.verify.steps import AnswerDiffers, Steps, TreeTooSmall, run_steps
from ledger.verify.timestamps import (
    NAME_THE_AUTHORITIES,
    WHO_STAMPED,
    Authorities,
    check_timestamps,
)
from ledger.verify.usage_answer import UsageQuestion
from ledger.verify.usage_steps import UsageSteps, check_freshness
from ledger.verify.witnesses import check_witnesses

ALWAYS_UNCHECKED: Final = (
    "whether every use was reported at all: a proof is about the ledger, not the world",
    "whether the trust file is the right one: get it by another way than the bundle",
)


class CountRefused(VerificationFailed):
    """The proven count inside an answer does not hold by itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"of the proven count: {reason}")
        self.reason = reason


class HistoryBroken(VerificationFailed):
    """An entry about a use is here, and one before it is not."""

    def __init__(self, leaf_index: int, version: int) -> None:
        super().__init__(
            f"entry {leaf_index} is version {version} of a use, and an earlier one is missing"
        )
        self.leaf_index, self.version = leaf_index, version


def verify_bundle(
    data: bytes,
    policy: TrustPolicy,
    *,
    min_tree_size: int | None = None,
    older: bytes | None = None,
    authorities: Authorities | None = None,
) -> Report:
    """Check a bundle file against a trust policy.

    Args:
        data: The file, MAX_BUNDLE_BYTES at most.
        policy: Whom the reader trusts.
        min_tree_size: The least tree size the reader accepts (a receipt's leaf_index + 1);
            None where any will do, which is not enough for a proven count.
        older: A checkpoint that the reader holds, a signed note: the tree must extend it.
        authorities: Whose time stamps the reader believes; None leaves them unchecked.
    Returns:
        A report; its verdict says verified, refused or unusable. Never raises for
        what the bundle holds.
    """
    run = _Run(data, policy, min_tree_size, older, authorities)
    return run_steps(run.report, run.steps(), lambda: f"the answer follows from {run.origin}")


class _Run:
    """The state that steps hand on."""

    def __init__(
        self,
        data: bytes,
        policy: TrustPolicy,
        min_tree_size: int | None,
        older: bytes | None,
        authorities: Authorities | None,
    ) -> None:
        self.data, self.policy, self.min_tree_size = data, policy, min_tree_size
        self.older, self.authorities = older, authorities
        self.report = Report(not_checked=list(ALWAYS_UNCHECKED))
        self.origin = ""
        self.found: Mapping[str, JsonValue] = {}
        self.log_key: VerifierKey | None = None
        self.answers_key: VerifierKey | None = None
        self.bundle: Bundle | None = None
        self.checkpoint: Checkpoint | None = None
        self.question: Question | UsageQuestion | InquiryQuestion | None = None
        self.entries: list[Entry] = []
        self.kept_back = 0  # entries that do not show what the question asks about

    def steps(self) -> Steps:
        """One after another: what follows the format depends on it."""
        yield "read", self.read
        yield "trust", self.trust
        yield "signature", self.signature
        yield "format", self.format
        yield "checkpoint", self.check_checkpoint
        yield "witnesses", self.witnesses
        yield "inclusion", self.inclusion
        yield "disclosures", self.disclosures
        if isinstance(self.question, UsageQuestion):
            assert self.bundle is not None
            usage = UsageSteps(self.bundle, self.question, self.entries, self.report)
            yield from usage.steps()
        elif isinstance(self.question, InquiryQuestion):
            assert self.bundle is not None
            inquiry = InquirySteps(self.bundle, self.question, self.entries, self.report)
            yield from inquiry.steps()
            if self.bundle.proven_count is not None:
                yield NAME, self.hold_to_count
        else:
            yield "answer", self.answer
            yield "completeness", self.completeness
        yield "consistency", self.consistency
        yield "timestamps", self.timestamps

    def read(self) -> str:
        self.found = read_object(self.data)
        origin = self.found.get("origin")
        if not isinstance(origin, str):
            raise Malformed("bundle.origin", "must be a text")
        self.origin = self.report.origin = origin
        return f"{len(self.data)} bytes"

    def trust(self) -> str:
        self.log_key = log_key(self.policy, self.origin)
        self.answers_key = answers_key(self.policy, self.origin)
        return f"the trust file holds the keys of {self.origin}"

    def signature(self) -> str:
        assert self.answers_key is not None
        check_signed(self.found, self.answers_key)
        return "the answers key signed this bundle, to the byte"

    def format(self) -> str:
        known = self.found.get("format")
        if known not in (FORMAT, USAGE_FORMAT, INQUIRY_FORMAT):
            raise Unverifiable(f"bundle format {known!r} is not known here")
        self.bundle = bundle_of_object(self.found)
        if known == USAGE_FORMAT:
            self.question = UsageQuestion.from_object(self.bundle.question)
        elif known == INQUIRY_FORMAT:
            self.question = InquiryQuestion.from_object(self.bundle.question)
        else:
            self.question = Question.from_object(self.bundle.question)
        self.report.question, self.report.answer = self.bundle.question, self.bundle.answer
        self.report.tree_size = self.question.tree_size
        if isinstance(self.question, UsageQuestion):
            check_freshness(self.question, self.min_tree_size)
        elif self.min_tree_size is not None and self.question.tree_size < self.min_tree_size:
            raise TreeTooSmall(self.question.tree_size, self.min_tree_size)
        return f"{known}, {len(self.bundle.entries)} entries"

    def check_checkpoint(self) -> str:
        assert self.bundle is not None
        assert self.log_key is not None
        assert self.question is not None
        self.checkpoint = open_checkpoint(self.bundle.checkpoint, [self.log_key]).checkpoint
        if self.checkpoint.origin != self.origin:
            raise Malformed("checkpoint", "is of another ledger")
        if self.checkpoint.tree_size < self.question.tree_size:
            raise TreeTooSmall(self.checkpoint.tree_size, self.question.tree_size)
        self.report.not_checked.append(
            f"whether the ledger has grown beyond {self.checkpoint.tree_size} entries since"
        )
        return f"the log key signed the root of {self.checkpoint.tree_size} entries"

    def witnesses(self) -> str:
        assert self.bundle is not None
        found, unchecked = check_witnesses(self.bundle.checkpoint, self.policy, self.origin)
        self.report.not_checked.append(unchecked)
        return found

    def inclusion(self) -> str:
        assert self.bundle is not None
        assert self.checkpoint is not None
        assert self.question is not None
        counted = isinstance(self.question, UsageQuestion)  # its root is committed later
        most = self.checkpoint.tree_size if counted else self.question.tree_size
        last = -1
        versions: dict[str, int] = {}
        for item in self.bundle.entries:
            if item.leaf_index <= last:
                raise Malformed("bundle.entries", "must stand in rising leaf order")
            last = item.leaf_index
            if last >= most:
                raise Malformed("bundle.entries", f"entry {last} is beyond the question's tree")
            verify_inclusion(
                leaf_hash(item.entry),
                leaf_index=last,
                tree_size=self.checkpoint.tree_size,
                proof=item.proof,
                root=self.checkpoint.root,
            )
            entry = decode_entry(item.entry)
            if entry.origin != self.origin:
                raise Malformed(f"entry {last}", "names another ledger as its origin")
            versions[entry.stream] = versions.get(entry.stream, 0) + 1
            if entry.stream.startswith("tool_use/") and entry.version != versions[entry.stream]:
                raise HistoryBroken(last, entry.version)
            self.entries.append(entry)
        return f"{len(self.entries)} entries stand under that root"

    def disclosures(self) -> str:
        assert self.bundle is not None
        assert self.question is not None
        needed = _needed(self.question)
        count = 0
        for item, entry in zip(self.bundle.entries, self.entries, strict=True):
            fields = set()
            for shown in item.disclosures:
                committed = entry.commitment_to(shown.field)
                if committed is None or shown.stream != entry.stream or shown.field in fields:
                    raise Malformed(
                        f"entry {item.leaf_index}", "shows what it has not committed to"
                    )
                shown.check(committed)
                fields.add(shown.field)
            count += len(fields)
            self.kept_back += bool(needed & set(entry.protected) - fields)
        if self.kept_back:
            self.report.not_checked.append(
                f"{self.kept_back} entries keep back {' or '.join(sorted(needed))}: erased or"
                " withheld, they were judged as if there was none"
            )
        return f"{count} protected values are the ones committed to"

    def answer(self) -> str:
        assert self.bundle is not None
        assert isinstance(self.question, Question)
        fold = JudgedFold()
        for item, entry in zip(self.bundle.entries, self.entries, strict=True):
            fold.add(item.leaf_index, entry, {s.field: s.value for s in item.disclosures})
        made: dict[str, Any] = answer(self.question, fold)
        told = self.bundle.answer
        for member in sorted(set(made) | set(told)):
            if (member in made) != (member in told) or encode(made[member]) != encode(told[member]):
                raise AnswerDiffers(member)
        return f"made anew from the entries: {made['count']} uses, {made['possible']} possible"

    def completeness(self) -> str:
        assert self.bundle is not None
        assert self.question is not None
        leaves = [item.leaf_index for item in self.bundle.entries]
        if leaves != list(range(self.question.tree_size)):
            left_out = "entries that also match, or take back what is here, may have been left out"
        elif self.kept_back:
            left_out = f"what {self.kept_back} entries keep back may also match"
        else:
            return f"all {len(leaves)} entries of the tree are here: nothing was left out"
        self.report.not_checked.append(f"completeness not proven: {left_out}")
        return "completeness not proven"

    def hold_to_count(self) -> str:
        """The answer to question 1 holds as many uses as a proven count says, which is inside."""
        assert self.bundle is not None
        assert self.bundle.proven_count is not None
        assert isinstance(self.question, InquiryQuestion)
        if self.bundle.proven_count.get("format") != USAGE_FORMAT:
            raise Malformed("bundle.proven_count", f"must be of format {USAGE_FORMAT}")
        inside = encode(self.bundle.proven_count) + b"\n"
        size = self.question.tree_size
        count = verify_bundle(inside, self.policy, min_tree_size=size)
        if count.verdict == UNUSABLE:
            raise Unverifiable(f"of the proven count: {count.reason}")
        if count.verdict != VERIFIED:
            raise CountRefused(count.reason)
        asked = UsageQuestion.from_object(count.question or {})
        check_moment(asked, origins=(self.origin, count.origin), tree_size=size)
        check_asks_the_same(self.question, asked)
        found = hold_to_count(self.entries, asked, count.answer or {})
        told = self.report.not_checked
        # Its own step `consistency` compared it with nothing; this bundle's says what was compared.
        more = [item for item in count.not_checked if item not in (*told, NOT_COMPARED)]
        told[:] = [item for item in told if item != USES_LEFT_OUT] + [MAY_LEAVE_OUT, *more]
        return found

    def consistency(self) -> str:
        assert self.bundle is not None
        assert self.checkpoint is not None
        assert self.log_key is not None
        found, unchecked = check_consistency(
            self.bundle.consistency, self.checkpoint, self.log_key, self.older
        )
        if unchecked is not None:
            self.report.not_checked.append(unchecked)
        return found

    def timestamps(self) -> str:
        assert self.bundle is not None
        tokens = self.bundle.timestamps
        if not tokens and self.authorities is None:
            return "none"
        if not tokens:
            raise Unverifiable("the bundle has no time stamp: `candour timestamp` adds one")
        if self.authorities is None:
            self.report.not_checked.append(NAME_THE_AUTHORITIES)
            return NotCheckedHere(f"{len(tokens)}, and no authority to believe is named (--tsa-ca)")
        stamps = check_timestamps(tokens, self.bundle.signed, self.authorities)
        self.report.stamps = stamps
        self.report.not_checked.append(WHO_STAMPED)
        return "; ".join(f"existed at {stamp}" for stamp in stamps)


def _needed(question: Question | UsageQuestion | InquiryQuestion) -> frozenset[str]:
    """Protected fields that the answer rests on; of a numbered question, inquiry_steps.py asks."""
    return protected_fields_of(question) if isinstance(question, Question) else frozenset()
