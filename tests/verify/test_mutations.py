"""Law 6: one changed byte of a bundle makes it fail, and so does every lie, whoever signed it."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from ledger.canonical_json import encode
from ledger.disclosure import Disclosure, protect
from ledger.entry import Entry, encode_entry
from ledger.errors import CandourError
from ledger.projections.questions import SUMMARY_KEYS, Question
from ledger.tlog import Checkpoint, Signer, TrustPolicy, sign_checkpoint
from ledger.verify.bundle import stamped
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from tests import strategies as told
from tests.authority import Authority
from tests.ledgers import ORIGIN, SIGNER
from tests.verify.evidence import (
    ANSWERS,
    FILTERS,
    POLICY,
    STRANGER,
    Object,
    SmallLedger,
    bent,
    checked,
    forged,
    opened,
    remade,
    signed,
)


# --- any change at all ------------------------------------------------------------------
@given(st.data())
def test_any_flipped_bit_is_refused(small: SmallLedger, data: st.DataObject) -> None:
    """At any place, in any bit."""
    at = data.draw(st.integers(0, len(small.listed) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = small.listed[:at] + bytes([small.listed[at] ^ 1 << bit]) + small.listed[at + 1 :]

    assert "verified" == checked(small.listed).verdict
    assert "refused" == checked(flipped).verdict


def test_every_flipped_byte_is_refused(tmp_path: Path) -> None:
    """One after another, of a small bundle from its first byte to its last."""
    tiny = SmallLedger(tmp_path)
    tiny.ledger.register_agencies()
    tiny.fold()
    bundle = tiny.bundle(complete=True)
    assert "verified" == checked(bundle).verdict

    for at in range(len(bundle)):
        flipped = bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :]
        assert "refused" == checked(flipped).verdict, at
    tiny.place.close()


@given(st.data())
def test_any_cut_or_insertion_is_refused(small: SmallLedger, data: st.DataObject) -> None:
    """Bytes that go missing or come in, anywhere."""
    at = data.draw(st.integers(0, len(small.listed)))
    cut = data.draw(st.integers(0, 5))
    put = data.draw(st.binary(min_size=0 if cut and at < len(small.listed) else 1, max_size=5))
    changed = small.listed[:at] + put + small.listed[at + cut :]

    assert changed == small.listed or "refused" == checked(changed).verdict


class Carrying:
    """A bundle with all that one may carry, checked by a reader who asks for all of it."""

    def __init__(self, small: SmallLedger, authority: Authority) -> None:
        self.own, self.trusted = small.checkpoint(7), authority.trusted
        found = opened(small.bundle("agency = agencies/a", disclose=["reason"], older=7))
        self.bundle = stamped(found, authority.stamp(found["signed"].encode()))

    def checked(self, bundle: bytes) -> Report:
        return verify_bundle(bundle, POLICY, older=self.own, authorities=self.trusted)


@pytest.fixture(scope="module")
def carrying(small: SmallLedger, authority: Authority) -> Carrying:
    return Carrying(small, authority)


@given(st.data())
def test_any_flipped_bit_of_all_it_carries_is_refused(
    carrying: Carrying, data: st.DataObject
) -> None:
    """Growth and time stamps included, whether under the signature or not."""
    bundle = carrying.bundle
    begins = [bundle.index(b'"consistency"'), bundle.index(b'"timestamps"'), 0]
    at = data.draw(st.integers(data.draw(st.sampled_from(begins)), len(bundle) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bundle[:at] + bytes([bundle[at] ^ 1 << bit]) + bundle[at + 1 :]

    assert "verified" == carrying.checked(bundle).verdict
    assert "refused" == carrying.checked(flipped).verdict


def test_every_flipped_byte_of_a_stamp_is_refused(carrying: Carrying) -> None:
    """One after another, from the name of the member to the end of the file."""
    bundle = carrying.bundle
    for at in range(bundle.index(b'"timestamps"'), len(bundle)):
        flipped = bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :]
        assert "refused" == carrying.checked(flipped).verdict, at


@given(st.data())
def test_no_signed_lie_about_what_it_carries_verifies(
    carrying: Carrying, data: st.DataObject
) -> None:
    """Whoever holds the answers key changes the older checkpoint, its proof or the stamps: the
    reader who asked for both is not told "verified"."""
    found = opened(carrying.bundle)
    paths = [path for path in places(found) if path[0] in ("consistency", "timestamps")]
    path = data.draw(st.sampled_from(paths))
    holder: Any = found
    for key in path[:-1]:
        holder = holder[key]
    change = data.draw(st.sampled_from(("replace", "remove", "add")))
    if change == "replace":
        holder[path[-1]] = data.draw(told.json_values)
    elif change == "remove":
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder[data.draw(told.texts)] = data.draw(told.json_values)
    else:
        holder.insert(path[-1], data.draw(told.json_values))
    for changed in (encode(found) + b"\n", signed(found)):
        assert changed == carrying.bundle or "verified" != carrying.checked(changed).verdict


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from places(inner, (*path, key))


@given(st.data())
def test_no_signed_lie_verifies(small: SmallLedger, data: st.DataObject) -> None:
    """Whoever holds the answers key may sign anything. With every entry there, only what the
    entries say verifies; and nothing makes the verifier stumble."""
    found = opened(small.complete)
    path = data.draw(st.sampled_from([path for path in places(found) if path != ("signed",)]))
    holder: Any = found
    for key in path[:-1]:
        holder = holder[key]
    change = data.draw(st.sampled_from(("replace", "remove", "add")))
    if change == "replace":
        holder[path[-1]] = data.draw(told.json_values)
    elif change == "remove":
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder[data.draw(told.texts)] = data.draw(told.json_values)
    else:
        holder.insert(path[-1], data.draw(told.json_values))
    report = checked(signed({"origin": ORIGIN, **found}))

    if report.verdict == "verified":
        assert opened(small.complete)["question"] == found["question"]
        assert opened(small.complete)["answer"] == found["answer"]
    elif report.verdict == "unusable":
        assert "not known" in report.reason


_VALUES = st.dictionaries(
    st.sampled_from(("performer", "case_number", "reason")), told.json_values, max_size=3
)


@given(
    st.lists(st.tuples(told.entries, _VALUES), max_size=4),
    st.sampled_from(FILTERS),
    st.sampled_from((None, *SUMMARY_KEYS)),
    st.data(),
)
def test_no_entry_makes_it_stumble(
    told_entries: list[tuple[Entry, Object]], text: str, by: str | None, data: st.DataObject
) -> None:
    """A ledger may hold anything, and its answers key say anything of it: there is a verdict."""
    entries = []
    for item, values in told_entries:
        committed, kept = protect(values, item.stream, bytes)
        entry = replace(item, origin=ORIGIN, version=1, protected=committed)
        written = encode_entry(entry)
        if data.draw(st.booleans()):
            scalar = data.draw(st.sampled_from([*re.finditer(rb':(?:"[^"\\]*"|\d+)', written)]))
            other = data.draw(st.sampled_from((b":1", b":null", b":[]", b':{"a":"b"}', b':"x"')))
            written = written[: scalar.start()] + other + written[scalar.end() :]
        shown = [Disclosure(field, entry.stream, bytes(32), kept[field][1]) for field in kept]
        entries.append((written, shown))
    found = forged(entries, Question.ask(text, len(entries), by).to_object())
    with suppress(CandourError):
        found = opened(remade(found))

    report = checked(signed(found))
    event(f"{report.verdict} at {report.steps[-1].name}")
    assert report.verdict in ("verified", "refused", "unusable")


# --- changes with a purpose ---------------------------------------------------------------
def entry_dropped(found: Object) -> None:
    del found["entries"][-1]


def entry_twice(found: Object) -> None:
    found["entries"].insert(1, found["entries"][0])


def entries_reordered(found: Object) -> None:
    found["entries"][0:2] = reversed(found["entries"][0:2])


def entry_changed(found: Object) -> None:
    item = found["entries"][-1]
    item["entry"] = item["entry"].replace('"reporter":"', '"reporter":"not ')


def entry_elsewhere(found: Object) -> None:
    found["entries"][-1]["leaf_index"] += 1


def proofs_swapped(found: Object) -> None:
    one, other = found["entries"][0], found["entries"][1]
    one["proof"], other["proof"] = other["proof"], one["proof"]


def proof_shortened(found: Object) -> None:
    found["entries"][0]["proof"].pop()


def proof_lengthened(found: Object) -> None:
    found["entries"][0]["proof"].append("A" * 43 + "=")


def count_raised(found: Object) -> None:
    found["answer"]["count"] += 1


def use_left_out(found: Object) -> None:
    found["answer"]["uses"].pop()


def use_made_certain(found: Object) -> None:
    found["answer"]["uses"][0]["definite"] ^= True


def null_member_added(found: Object) -> None:
    found["answer"]["excuse"] = None


def name_changed(found: Object) -> None:
    found["answer"]["names"]["agencies/a"] = "somebody else"


def true_for_one(found: Object) -> None:
    found["answer"]["possible"] = bool(found["answer"]["possible"])


def question_changed(found: Object) -> None:
    found["question"]["filter"] = "agency = agencies/b"


def question_spelt_otherwise(found: Object) -> None:
    found["question"]["filter"] = "agency  = agencies/a"


def question_of_a_larger_tree(found: Object) -> None:
    found["question"]["tree_size"] += 1


def question_of_a_smaller_tree(found: Object) -> None:
    found["question"]["tree_size"] = found["entries"][-1]["leaf_index"]


def disclosure_changed(found: Object) -> None:
    shown_in(found)[0]["value"] = "traffic stop"


def disclosure_salted_otherwise(found: Object) -> None:
    shown_in(found)[0]["salt"] = "A" * 43 + "="


def disclosure_under_another_field(found: Object) -> None:
    shown_in(found)[0]["field"] = "reason"


def disclosure_of_another_use(found: Object) -> None:
    one, other = [item for item in found["entries"] if item["disclosures"]][:2]
    one["disclosures"] = other["disclosures"]


def disclosure_twice(found: Object) -> None:
    shown_in(found).append(shown_in(found)[0])


def performer_kept_back(found: Object) -> None:
    for item in found["entries"]:
        item["disclosures"] = [x for x in item["disclosures"] if x["field"] != "performer"]


def shown_in(found: Object) -> list[Any]:
    shown: list[Any] = next(
        item["disclosures"] for item in found["entries"] if len(item["disclosures"]) > 1
    )
    return shown


def other_origin(found: Object) -> None:
    found["origin"] = "candour.local/ffffffffffffffff/main"


CHANGES = [
    entry_dropped,
    entry_twice,
    entries_reordered,
    entry_changed,
    entry_elsewhere,
    proofs_swapped,
    proof_shortened,
    proof_lengthened,
    count_raised,
    use_left_out,
    use_made_certain,
    null_member_added,
    name_changed,
    true_for_one,
    question_changed,
    question_spelt_otherwise,
    question_of_a_larger_tree,
    question_of_a_smaller_tree,
    disclosure_changed,
    disclosure_salted_otherwise,
    disclosure_under_another_field,
    disclosure_of_another_use,
    disclosure_twice,
    performer_kept_back,
    other_origin,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_change_is_refused(small: SmallLedger, change: Any) -> None:
    """With the old signature, and with a new one by the answers key itself."""
    under_the_old, signed_anew = bent(small.listed, change)

    assert "refused" == checked(under_the_old).verdict
    assert "signature" == checked(under_the_old).steps[-1].name or change is other_origin
    assert "refused" == checked(signed_anew).verdict


def test_another_key_is_refused(small: SmallLedger) -> None:
    """An honest bundle, signed by somebody else under the same name."""
    assert "refused" == checked(signed(opened(small.listed), STRANGER)).verdict


def test_second_signature_is_refused(small: SmallLedger) -> None:
    """One signature, so that there is one text for a bundle."""
    found = opened(small.listed)
    found["signed"] += opened(signed(found, STRANGER))["signed"].split("\n\n")[1]

    assert "refused" == checked(encode(found) + b"\n").verdict


def checkpoints(small: SmallLedger, path: Path) -> dict[str, bytes]:
    other = SmallLedger(path, seed=1)
    other.live()
    head, root = small.store.head(), other.store.head().root
    tree = small.ledger.log.tree(head.tree_size - 1)
    forger = Signer(ORIGIN, bytes([1]) * 32)
    other.place.close()
    return {
        "of another ledger's tree": sign_checkpoint(
            Checkpoint(ORIGIN, head.tree_size, root), SIGNER
        ),
        "of an earlier tree": sign_checkpoint(
            Checkpoint(ORIGIN, head.tree_size - 1, tree.root()), SIGNER
        ),
        "by another key": sign_checkpoint(Checkpoint(ORIGIN, head.tree_size, head.root), forger),
        "of another origin": sign_checkpoint(
            Checkpoint("example.com/log", head.tree_size, head.root),
            Signer("example.com/log", bytes(32)),
        ),
        "of nothing": b"",
    }


def test_another_checkpoint_is_refused(small: SmallLedger, tmp_path: Path) -> None:
    """Of another ledger, tree, key or origin: the proofs do not lead there."""
    for what, note in checkpoints(small, tmp_path).items():
        found = {**opened(small.listed), "checkpoint": note.decode()}

        assert "refused" == checked(signed(found)).verdict, what


def test_answers_key_signs_no_checkpoint(small: SmallLedger) -> None:
    """A key is good for its own name: one stolen key does not make a ledger."""
    head = small.store.head()
    name = ANSWERS.verifier_key.name
    note = sign_checkpoint(Checkpoint(name, head.tree_size, head.root), ANSWERS)

    assert (
        "refused" == checked(signed({**opened(small.listed), "checkpoint": note.decode()})).verdict
    )


# --- what was left out --------------------------------------------------------------------
def without(found: Object, topic: str) -> Object:
    """The object without the first entry of a topic."""
    kept = copy.deepcopy(found)
    at = next(i for i, item in enumerate(kept["entries"]) if topic in item["entry"])
    del kept["entries"][at]
    return kept


@pytest.mark.parametrize(
    "topic", ["agency.registered", "technology.aliased", "tool_use.same_as", "import.withdrawn"]
)
def test_entry_left_out_is_never_complete(small: SmallLedger, topic: str) -> None:
    """A service that leaves an entry out and answers from the rest is believed as far as that:
    completeness is not proven, and the answer of the whole does not follow."""
    less = without(opened(small.complete), topic)
    report = checked(remade(less))

    assert "verified" == report.verdict
    assert any("completeness not proven" in item for item in report.not_checked)
    assert not any("nothing was left out" in step.detail for step in report.steps)
    if opened(remade(less))["answer"] != less["answer"]:
        assert "refused" == checked(signed(less)).verdict


def test_history_has_no_hole(small: SmallLedger) -> None:
    """Of a use that was changed twice, the first change cannot be left out alone."""
    found = opened(small.bundle("authorization = authorizations/l"))
    less = without(found, "authorization.linked_to_use")
    report = checked(remade(less))

    assert 2 == sum("authorization.linked_to_use" in item["entry"] for item in found["entries"])
    assert "refused" == report.verdict
    assert "an earlier one is missing" in report.reason


def test_nothing_is_believed_of_a_stranger(small: SmallLedger) -> None:
    """A trust file that names other keys, or none, verifies nothing."""
    nobody = TrustPolicy((), (), (), None)

    assert "refused" == verify_bundle(small.listed, nobody).verdict
