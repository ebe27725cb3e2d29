"""How is a proven count packed so that a stranger can check it? Zero included.

    question ─► kept root ─► proofs of the usage index
             ─► entries: the root's commitment, what names stand for, sources heard
                (a proof for each name of the technology)
             ─► inclusion proofs under one checkpoint ─► signature ─► one file

The answer is made by the code that the verifier runs, from what is in the file.
"""

from __future__ import annotations

from typing import Any

from ledger.entry import Entry, decode_entry
from ledger.errors import Malformed
from ledger.evidence import TooManyEntries, consistency_from
from ledger.limits import MAX_BUNDLE_ENTRIES, MAX_COUNTED_NAMES
from ledger.log import Log
from ledger.store.core import Published, StoredEntry
from ledger.store.usage_reader import UsageReader
from ledger.store.usage_roots import KeptRoot
from ledger.store.view_queries import ViewReader
from ledger.tlog import Signer
from ledger.usage_index import Detail, verify_count, verify_groups
from ledger.verify.bundle import USAGE_FORMAT, BundledEntry, write_bundle
from ledger.verify.usage_answer import UsageQuestion, names_of, usage_answer


def build_usage_bundle(
    log: Log,
    views: ViewReader,
    usage: UsageReader,
    question: UsageQuestion,
    root: KeptRoot,
    checkpoint: Published,
    *,
    signer: Signer,
    older: bytes | None = None,
) -> bytes:
    """The evidence for a count.

    Args:
        log, views, usage: Of the ledger.
        question: Of the root's tree size.
        root: Committed.
        checkpoint: Covers the entry that commits to the root.
        signer: The answers key.
        older: A checkpoint of this ledger, from which growth to `checkpoint` is shown.
    Raises:
        TooManyEntries: More names than a bundle holds.
        OtherHistory, Malformed: As `consistency_from`.
        ProofTooLarge: The agency used more technologies than a proof lists.
    """
    assert root.leaf_index is not None, "only what is committed is served"
    names = _names(views, question)
    under = {name: usage.prove(root, question.counted(name)) for name in names}
    counts = {
        name: verify_count(proof, question.counted(name), root.commitment)[0]
        for name, proof in under.items()
    }
    proofs: dict[str, Any] = {"count": under.pop(question.technology)}
    if under:
        proofs["aliases"] = under
    groups, technologies = None, names
    if question.kind == "absence":
        listed = question.listed()
        proofs["technologies"] = usage.prove(root, listed, Detail.GROUPS)
        groups = verify_groups(proofs["technologies"], listed, root.commitment)
        technologies = [*names, *usage.technologies(groups)]
    heard = usage.sources(question.agency, question.days, question.tree_size)
    leaves = {leaf_index for one in heard for leaf_index in one.leaves}
    stored = _entries(log, views, question, technologies, leaves)
    told = [(row.leaf_index, decode_entry(row.entry)) for row in stored]
    stored += log.store.entries_at([root.leaf_index])
    tree = log.tree(checkpoint.tree_size)
    return write_bundle(
        origin=log.origin,
        checkpoint=checkpoint.note,
        question=question.to_object(),
        answer=usage_answer(question, counts, groups, told, technologies),
        entries=[
            BundledEntry(row.leaf_index, row.entry, tree.inclusion_proof(row.leaf_index), ())
            for row in stored
        ],
        signer=signer,
        format=USAGE_FORMAT,
        proofs=proofs,
        consistency=None if older is None else consistency_from(log, older, checkpoint),
    )


def _names(views: ViewReader, question: UsageQuestion) -> list[str]:
    """The technology's names, as the ledger knew at the question's tree size."""
    group = views.aliases(question.tree_size).group(question.technology)
    try:
        return names_of(question.technology, group)
    except Malformed:
        raise TooManyEntries(f"{MAX_COUNTED_NAMES} names of one technology") from None


def _entries(
    log: Log,
    views: ViewReader,
    question: UsageQuestion,
    technologies: list[str],
    leaves: set[int],
) -> list[StoredEntry]:
    """Registrations and aliases of all names here, and the reports at `leaves`; in leaf order."""
    shown = log.store.entries_at(sorted(leaves))
    names = {question.agency, *technologies, *_sources(shown)}
    aliases = views.aliases(question.tree_size)
    for technology in technologies:
        names.update(aliases.group(technology))
    of_names = views.leaves_of_names(sorted(names), question.tree_size)
    more = log.store.entries_at([leaf for leaf in of_names if leaf not in leaves])
    found = sorted([*shown, *more], key=lambda row: row.leaf_index)
    if len(found) >= MAX_BUNDLE_ENTRIES:
        raise TooManyEntries
    return found


def _sources(shown: list[StoredEntry]) -> set[str]:
    entries: list[Entry] = [decode_entry(row.entry) for row in shown]
    return {entry.source for entry in entries if entry.source is not None}
