"""How is an answer packed so that a stranger can check it?

    question ─► views: which uses ─► log: their entries, the names they use ─► Fold ─► answer
             ─► inclusion proofs under one checkpoint ─► signature ─► one file

The answer in a bundle is always made by the pure fold over the bundle's own entries, never
taken from the database: what the verifier will do is what we did.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterable

from ledger.canonical_json import JsonValue, decode
from ledger.disclosure import Disclosure
from ledger.entry import Entry, decode_entry
from ledger.errors import Malformed, Refused, VerificationFailed
from ledger.events import ToolUseAmended, ToolUseReported
from ledger.events.tool_use import PROTECTED_FIELDS
from ledger.limits import MAX_BUNDLE_BYTES, MAX_BUNDLE_ENTRIES, MAX_JSON_VALUES
from ledger.log import Log
from ledger.projections.answers import answer
from ledger.projections.questions import Question, fields_of, protected_fields_of
from ledger.rules.fold import JudgedFold
from ledger.rules.judging import texts_in
from ledger.store.core import Published, StoredEntry
from ledger.store.view_queries import ViewReader
from ledger.streams import stream_of_name
from ledger.tlog import Checkpoint, Signer, open_checkpoint
from ledger.verify.bundle import BundledEntry, Consistency, check_bounds, write_bundle


class TooManyEntries(Refused):
    """The answer rests on more than a bundle holds; an audit proves more, faster."""

    def __init__(self, most: str = f"{MAX_BUNDLE_ENTRIES} entries") -> None:
        super().__init__(
            f"the answer rests on more than {most}: narrow the question, or audit the ledger"
        )


class OtherHistory(Refused):
    """A checkpoint that this ledger's key signed is of a tree that this ledger does not extend."""

    def __init__(self, tree_size: int) -> None:
        super().__init__(
            f"of its first {tree_size} entries this ledger has another root than the checkpoint:"
            " keep the checkpoint, two histories were signed"
        )
        self.tree_size = tree_size


def build_bundle(
    log: Log,
    views: ViewReader,
    question: Question,
    checkpoint: Published,
    *,
    signer: Signer,
    disclose: Collection[str] = (),
    complete: bool = False,
    older: bytes | None = None,
) -> bytes:
    """The evidence for one question.

    Args:
        log, views: Of the ledger; the views hold at least `question.tree_size` entries.
        question: Its tree size is at most the checkpoint's.
        checkpoint: What the proofs lead to.
        signer: The answers key.
        disclose: Protected fields to show; those the question needs are shown anyway.
        complete: Put every entry of the tree in, which proves that none was left out.
        older: A checkpoint of this ledger, from which growth to `checkpoint` is shown.
    Raises:
        OtherHistory, Malformed: As `consistency_from`.
        TooManyEntries: Beyond MAX_BUNDLE_ENTRIES, or what else a verifier reads.
        Malformed: A field to disclose is not one of a tool use's.
    """
    shown = _fields_shown(question, disclose)
    if complete:
        stored = _all_entries(log, question.tree_size)
    else:
        stored = _entries_for(log, views, question)
    tree = log.tree(checkpoint.tree_size)
    fold, items, officers = JudgedFold(), [], _officers(question, stored)
    for row in stored:
        entry = decode_entry(row.entry)
        disclosures = disclosures_of(entry, row, shown, officers)
        fold.add(row.leaf_index, entry, {item.field: item.value for item in disclosures})
        proof = tree.inclusion_proof(row.leaf_index)
        items.append(BundledEntry(row.leaf_index, row.entry, proof, disclosures))
    bundle = write_bundle(
        origin=log.origin,
        checkpoint=checkpoint.note,
        question=question.to_object(),
        answer=answer(question, fold),
        entries=items,
        signer=signer,
        consistency=None if older is None else consistency_from(log, older, checkpoint),
    )
    try:
        check_bounds(bundle)
    except Malformed:
        most = f"{MAX_BUNDLE_BYTES} bytes or {MAX_JSON_VALUES} values"
        raise TooManyEntries(most) from None
    return bundle


def opened_older(log: Log, note: bytes) -> Checkpoint:
    """The checkpoint in a note that somebody brings, if this ledger's own key signed it.

    Raises:
        Malformed: Another's, or of an empty tree, from which nothing can be shown.
    """
    try:
        found = open_checkpoint(note, [log.signer.verifier_key]).checkpoint
    except (Malformed, VerificationFailed) as error:
        raise Malformed("older", f"is no checkpoint of this ledger: {error}") from None
    if found.origin != log.origin or found.tree_size == 0:
        raise Malformed("older", "must be of this ledger, and of 1 entry or more")
    return found


def consistency_from(log: Log, older: bytes, checkpoint: Published) -> Consistency:
    """The proof that a checkpoint's tree only adds to an older one's.

    Raises:
        Malformed: As `opened_older`, or it is newer than `checkpoint`.
        OtherHistory: It is of another tree.
    """
    old = opened_older(log, older)
    if old.tree_size > checkpoint.tree_size:
        raise Malformed("older", f"is newer than the checkpoint, of {checkpoint.tree_size} entries")
    if log.tree(old.tree_size).root() != old.root:
        raise OtherHistory(old.tree_size)
    return Consistency(older, log.tree(checkpoint.tree_size).consistency_proof(old.tree_size))


def _fields_shown(question: Question, disclose: Collection[str]) -> frozenset[str]:
    needed = protected_fields_of(question)
    if "performer_identity" not in fields_of(question.query):
        needed -= {"performer_identity"}  # shown where it decides: _officers
    return fields_to_show({"performer", *needed}, disclose)


def fields_to_show(needed: Collection[str], disclose: Collection[str]) -> frozenset[str]:
    """The protected fields of a bundle: those needed, and those asked for. Raises Malformed."""
    for field in disclose:
        if field not in PROTECTED_FIELDS:
            raise Malformed("disclose", f"must be of {', '.join(PROTECTED_FIELDS)}")
    return frozenset({*needed, *disclose})


def _officers(question: Question, stored: Iterable[StoredEntry]) -> frozenset[str]:
    return officers_in(stored) if "authority" in fields_of(question.query) else frozenset()


def officers_in(stored: Iterable[StoredEntry]) -> frozenset[str]:
    """Who granted the authorities here: a performer is named where it is one of them, and only then."""
    granted = (row for row in stored if row.stream.startswith("authorization/"))
    found = (_kept(row).get("granting_officer", [None, None])[1] for row in granted)
    return frozenset().union(*map(texts_in, found))


def _all_entries(log: Log, tree_size: int) -> list[StoredEntry]:
    if tree_size > MAX_BUNDLE_ENTRIES:
        raise TooManyEntries
    return log.store.read_entries(0, tree_size, with_disclosures=True)


def _entries_for(log: Log, views: ViewReader, question: Question) -> list[StoredEntry]:
    """Histories of the uses that match, and what the names in them stand for."""
    found, _unread = views.page(question, None, MAX_BUNDLE_ENTRIES + 1)
    if len(found) > MAX_BUNDLE_ENTRIES:
        raise TooManyEntries
    reports = log.store.entries_at([item.first for item in found])
    histories = log.store.entries_of_streams([item.stream for item in reports])
    stored = {row.leaf_index: row for row in histories if row.leaf_index < question.tree_size}
    names = _names_in(stored.values())
    aliases = views.aliases(question.tree_size)
    for name in list(names):
        names.update(aliases.group(name))
    leaves = views.leaves_of_names(sorted(names), question.tree_size)
    for row in log.store.entries_at([leaf for leaf in leaves if leaf not in stored]):
        stored[row.leaf_index] = row
    if "authority" in fields_of(question.query):  # all that a verdict may rest on
        cited = sorted(stream_of_name(name) for name in names if name.startswith("authorizations/"))
        for row in log.store.entries_of_streams(cited):
            if row.leaf_index < question.tree_size:
                stored[row.leaf_index] = row
    if len(stored) > MAX_BUNDLE_ENTRIES:
        raise TooManyEntries
    return [stored[leaf_index] for leaf_index in sorted(stored)]


def _names_in(rows: Iterable[StoredEntry]) -> set[str]:
    names: set[str | None] = set()
    for row in rows:
        entry = decode_entry(row.entry)
        fact = entry.fact()
        if isinstance(fact, ToolUseReported):
            names.update((fact.agency, fact.technology, fact.import_, entry.source))
            names.update(fact.authorizations)
        elif isinstance(fact, ToolUseAmended):
            names.add(fact.to.technology)
        else:
            names.add(getattr(fact, "authorization", None))
    return {name for name in names if name is not None}


def _kept(row: StoredEntry) -> dict[str, list[JsonValue]]:
    """What is disclosed of an entry: field to salt and value."""
    if row.disclosures is None:
        return {}
    kept: dict[str, list[JsonValue]] = decode(row.disclosures, what="disclosures")
    return kept


def disclosures_of(
    entry: Entry, row: StoredEntry, shown: frozenset[str], officers: frozenset[str]
) -> tuple[Disclosure, ...]:
    """What is shown of an entry: these fields, and who acted where it is one of the officers."""
    return tuple(
        Disclosure(field, entry.stream, b64decode(str(salt)), value)
        for field, (salt, value) in sorted(_kept(row).items())
        if field in shown or (field == "performer_identity" and officers & texts_in(value))
    )
