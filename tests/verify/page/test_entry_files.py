"""Does the page judge one entry, and a list held to a proven count, as the command does?"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from ledger.entry import decode_entry
from ledger.verify.entry_files import proofs_of
from tests.attacks.test_left_out import DAYS, FILTER, TECHNOLOGY, Asked
from tests.browser import Opened
from tests.ledgers import SqlitePlace
from tests.tlog.logs import WITNESSES
from tests.verify.evidence import TRUST, SmallLedger, opened, signed
from tests.verify.page.bundles import Case
from tests.verify.page.conftest import Judge
from tests.verify.page.test_bundles import SEED, all_agree

Pairs = list[tuple[int, bytes, bytes]]


@pytest.fixture(scope="module")
def pairs(small: SmallLedger) -> Pairs:
    return list(proofs_of(small.complete))


def test_every_entry_is_verified(small: SmallLedger, pairs: Pairs, judge: Judge) -> None:
    """All six steps are the browser's own, so the verdict is the command's."""
    cases = [Case(what=f"entry {n}", bundle=proof, entry=entry) for n, proof, entry in pairs]
    cases.append(Case(what="as large", bundle=pairs[0][1], entry=pairs[0][2], least=small.size))

    assert {"verified"} == set(all_agree(judge, cases))


def bent_proofs(pairs: Pairs) -> Iterator[tuple[str, bytes, bytes]]:
    """Bits flipped all over both files, and forms that are almost right."""
    chance = Random(SEED)
    for number in range(150):
        _, *files = chance.choice(pairs)
        which = number % 2
        at, bit = chance.randrange(len(files[which])), 1 << chance.randrange(8)
        files[which] = files[which][:at] + bytes([files[which][at] ^ bit]) + files[which][at + 1 :]
        yield f"bit {bit} of byte {at} of file {which}", files[0], files[1]
    _, proof, entry = pairs[3]
    header, _, rest = proof.partition(b"\n")
    for what, head, old, new in (
        ("a header of another version", header.replace(b"@v1", b"@v2"), b"", b""),
        ("an empty extra", header + b"\nextra ", b"", b""),
        ("an extra of no base64", header + b"\nextra ?", b"", b""),
        ("a leading zero", header, b"index 3", b"index 03"),
        ("another index", header, b"index 3", b"index 4"),
        ("no index", header, b"index 3\n", b""),
        ("an index beyond all trees", header, b"index 3", b"index 9223372036854775808"),
        ("no blank line", header, b"\n\n", b"\n"),
        ("windows lines", header, b"\n", b"\r\n"),
        ("a letter that is not ASCII", header, b"index", "\u0456ndex".encode()),
    ):
        yield what, head + b"\n" + rest.replace(old, new, 1), entry
    yield "another entry", proof, pairs[4][2]
    yield "nothing", proof[: len(header) + 1], entry
    yield "no UTF-8", proof, entry + b"\xff"


def test_what_is_bent_is_refused(pairs: Pairs, judge: Judge) -> None:
    """Proof or entry, at the step where the command refuses it."""
    bent = list(bent_proofs(pairs))
    cases = [Case(what=what, bundle=proof, entry=entry) for what, proof, entry in bent]

    assert {"refused"} == set(all_agree(judge, cases))


def test_extra_lines_prove_nothing_and_harm_nothing(pairs: Pairs, judge: Judge) -> None:
    """Nobody signed them."""
    _, proof, entry = pairs[0]
    extra = proof.replace(b"\n", b"\nextra AAAA\n", 1)

    assert ["verified"] == all_agree(judge, [Case(what="extra", bundle=extra, entry=entry)])


def test_demands_on_the_checkpoint_are_kept(small: SmallLedger, pairs: Pairs, judge: Judge) -> None:
    """A least tree size, a quorum, a trust file of another ledger, or none at all."""
    _, proof, entry = pairs[0]
    line = f"witness w {WITNESSES[0].verifier_key.format()}\nquorum w"
    cases = [
        Case(what="too old", bundle=proof, entry=entry, least=small.size + 1),
        Case(
            what="quorum",
            bundle=proof,
            entry=entry,
            trust=TRUST.replace("quorum none", line).encode(),
        ),
        Case(what="nobody", bundle=proof, entry=entry, trust=b"quorum none\n"),
        Case(what="no trust file", bundle=proof, entry=entry, trust=b"quorum"),
    ]

    assert ["refused", "refused", "refused", "unusable"] == all_agree(judge, cases)


# --- a list held to a proven count -------------------------------------------------------
@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    place = SqlitePlace(tmp_path_factory.mktemp("counted"))
    yield Asked(place)
    place.close()


def test_list_is_held_to_its_count(asked: Asked, judge: Judge) -> None:
    """A whole one holds; one that asks for something else, or is of another moment, is not judged."""
    least = asked.root.tree_size
    narrower = FILTER.replace(DAYS[1], "2026-02-27")
    lists = {
        "whole": asked.list(),
        "in another order": asked.list(" AND ".join(reversed(FILTER.split(" AND ")))),
        "narrower": asked.list(narrower),
        "more": asked.list(f'{FILTER} AND outcome = "lead"'),
        "alternatives": asked.list(FILTER.replace(" AND ", " OR ")),
        "unquoted": asked.list(FILTER.replace(f'"{TECHNOLOGY}"', TECHNOLOGY)),
        "everything": asked.list(""),
        "earlier": asked.list(tree_size=least - 1) if least > 1 else asked.list(),
    }
    cases = [
        Case(
            what=what, bundle=listed, count=asked.count, least=None if what == "earlier" else least
        )
        for what, listed in lists.items()
    ]
    cases.append(Case(what="two counts", bundle=asked.count, count=asked.count, least=least))
    cases.append(Case(what="two lists", bundle=lists["whole"], count=lists["whole"], least=least))
    cases.append(Case(what="freshness", bundle=lists["whole"], count=asked.count, least=None))
    broken = asked.count.replace(b'"count":5', b'"count":4')
    cases.append(Case(what="broken count", bundle=lists["whole"], count=broken, least=least))
    verdicts = dict(zip((case.what for case in cases), all_agree(judge, cases), strict=True))

    assert {"whole", "in another order"} == {
        what for what, verdict in verdicts.items() if verdict == "verified in part"
    }
    assert {"broken count"} == {what for what, verdict in verdicts.items() if verdict == "refused"}


def test_list_without_an_entry_is_refused(asked: Asked, judge: Judge) -> None:
    """Signed anew without one of its uses: the count tells, though no answer is made anew here."""
    least = asked.root.tree_size
    honest = opened(asked.list())
    streams = [decode_entry(item["entry"].encode()).stream for item in honest["entries"]]
    uses = sorted({stream for stream in streams if stream.startswith("tool_use/")})
    cases = []
    for use in uses:
        found = copy.deepcopy(honest)
        kept = zip(honest["entries"], streams, strict=True)
        found["entries"] = [item for item, stream in kept if stream != use]
        cases.append(Case(what=use, bundle=signed(found), count=asked.count, least=least))
    verdicts = all_agree(judge, cases)

    assert 5 == verdicts.count("refused"), "one for each use that counts"


# --- by hand ------------------------------------------------------------------------------
def test_person_checks_an_entry_and_a_list(
    opened_page: Opened, small: SmallLedger, pairs: Pairs, asked: Asked, tmp_path: Path
) -> None:
    """By the form: which files go together is said before anything is checked."""
    page = opened_page.page
    for name, data in (
        ("proof", pairs[0][1]),
        ("entry", pairs[0][2]),
        ("list", asked.list()),
        ("count", asked.count),
        ("trust", TRUST.encode()),
        ("bundle", small.listed),
    ):
        (tmp_path / name).write_bytes(data)

    def check(**files: str) -> tuple[str, str]:
        for field in ("bundle", "entry-file", "count-file", "older-file"):
            chosen = files.get(field.replace("-", "_"))
            page.set_input_files(f"#{field}", [] if chosen is None else str(tmp_path / chosen))
        page.set_input_files("#trust-file", str(tmp_path / "trust"))
        page.fill("#least", str(asked.root.tree_size if "count_file" in files else 0))
        page.click("#check")
        page.wait_for_selector("#check:not([disabled])")
        shown = "" if page.is_hidden("#result") else page.inner_text("#verdict")
        return page.inner_text("#progress"), shown

    assert "choose the entry, too" in check(bundle="proof")[0]
    assert "are for bundles" in check(bundle="proof", entry_file="entry", count_file="count")[0]
    assert "a bundle holds its entries" in check(bundle="bundle", entry_file="entry")[0]
    assert ("", "Verified") == check(bundle="proof", entry_file="entry")
    said, verdict = check(bundle="list", count_file="count")
    assert ("", True) == (said, verdict.startswith("Verified in part"))
    assert "the list holds all 5 uses" in page.inner_text("#steps")
    assert "Proven count" in page.inner_text("#files")
    page.set_input_files("#count-file", [])
