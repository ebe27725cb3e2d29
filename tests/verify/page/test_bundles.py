"""Does the page judge every bundle as the command does, step by step, good ones and bad?"""

from __future__ import annotations

import copy
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from ledger.canonical_json import encode
from ledger.projections.questions import SUMMARY_KEYS
from ledger.tlog import Checkpoint, Signer, add_signatures, sign_checkpoint
from tests import strategies as told
from tests.browser import Opened
from tests.ledgers import ORIGIN, SIGNER
from tests.tlog.logs import WITNESSES
from tests.verify.evidence import (
    ANSWERS,
    FILTERS,
    STRANGER,
    TRUST,
    Object,
    SmallLedger,
    bent,
    opened,
    remade,
    report,
    signed,
)
from tests.verify.page.bundles import Case, assert_agree
from tests.verify.page.conftest import Judge
from tests.verify.test_mutations import CHANGES, checkpoints, places, without
from tests.verify.test_witnesses import LINES, cosigned

SEED: Final = 20200221
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2**53 - 1, "", "x", "agencies/a", "é\U0001f50e\u202e", "\x00"),
    *([], [0], {}, {"a": 1}, {"__proto__": 1}, ["A" * 43 + "="], "A" * 43 + "=", "2026-02-30"),
)


def all_agree(judge: Judge, cases: Sequence[Case]) -> list[str]:
    """Every case, in the page and by the command; returns the page's verdicts."""
    pages = judge(cases)
    for case, page in zip(cases, pages, strict=True):
        assert_agree(case, page)
    return [page["verdict"] for page in pages]


def flipped(bundle: bytes, number: int) -> Iterator[bytes]:
    """The bundle with one bit changed, at places spread over it."""
    chance = Random(SEED)
    for part in range(number):
        at = (part * len(bundle) + chance.randrange(len(bundle))) // number % len(bundle)
        yield bundle[:at] + bytes([bundle[at] ^ 1 << chance.randrange(8)]) + bundle[at + 1 :]


def lies(bundle: bytes, number: int) -> Iterator[tuple[str, bytes]]:
    """What the answers key may sign beside the truth: a value replaced, removed, or put in."""
    chance = Random(SEED)
    paths = [path for path in places(opened(bundle)) if path != ("signed",)]
    for _ in range(number):
        found = opened(bundle)
        path, value = chance.choice(paths), copy.deepcopy(chance.choice(VALUES))
        holder: Any = found
        for key in path[:-1]:
            holder = holder[key]
        change = chance.choice(("replace", "remove", "add"))
        if change == "replace":
            holder[path[-1]] = value
        elif change == "remove":
            del holder[path[-1]]
        elif isinstance(holder, dict):
            holder[chance.choice(("by", "more", "timestamps", "consistency"))] = value
        else:
            holder.insert(path[-1], value)
        yield f"{change} {path}: {value!r}", signed({"origin": ORIGIN, **found})


def test_honest_answers(small: SmallLedger, judge: Judge) -> None:
    """Lists and summaries, complete and not, of any size: all hold, and the answer is said not to
    be made anew."""
    cases = [
        Case(what=f"{text!r} by {by}", bundle=small.bundle(text, by))
        for text in FILTERS
        for by in (None, *SUMMARY_KEYS)
    ]
    cases += [
        Case(what="disclosed", bundle=small.listed, least=small.size),
        Case(what="complete", bundle=small.complete, least=None),
        Case(what="earlier", bundle=small.bundle(tree_size=small.size - 3)),
        Case(what="performers kept back", bundle=kept_back(small)),
    ]

    assert {"verified in part"} == set(all_agree(judge, cases))


def kept_back(small: SmallLedger) -> bytes:
    """A complete answer about a field that no entry shows."""
    found = opened(small.bundle('case_number = "24-1"', complete=True))
    for item in found["entries"]:
        item["disclosures"] = []
    return remade(found)


def test_older_than_demanded_is_refused(small: SmallLedger, judge: Judge) -> None:
    """A least tree size is kept."""
    case = Case(what="old", bundle=small.listed, least=small.size + 1)

    assert ["refused"] == all_agree(judge, [case])


def test_any_flipped_bit_is_refused(small: SmallLedger, judge: Judge) -> None:
    """At places all over the file."""
    cases = [Case(what="flipped", bundle=bundle) for bundle in flipped(small.listed, 400)]

    assert {"refused"} == set(all_agree(judge, cases))


def test_every_flipped_byte_of_the_end_is_refused(small: SmallLedger, judge: Judge) -> None:
    """Of the last 700, every second one, where origin, question and signature stand."""
    start = len(small.listed) - 700
    cases = [
        Case(
            what=f"byte {at}",
            bundle=small.listed[:at] + bytes([small.listed[at] ^ 1]) + small.listed[at + 1 :],
        )
        for at in range(start, len(small.listed), 2)
    ]

    assert {"refused"} == set(all_agree(judge, cases))


def test_cuts_and_insertions_are_refused(small: SmallLedger, judge: Judge) -> None:
    """Bytes that go missing or come in, anywhere."""
    chance, cases = Random(SEED), []
    for _ in range(150):
        at = chance.randrange(len(small.listed))
        put = chance.randbytes(chance.randrange(3))
        changed = small.listed[:at] + put + small.listed[at + (not put) + chance.randrange(3) :]
        cases.append(Case(what=f"cut at {at}", bundle=changed))

    assert {"refused"} == set(all_agree(judge, cases))


def test_changes_with_a_purpose(small: SmallLedger, judge: Judge) -> None:
    """Each change of tests/verify/test_mutations.py, under the old signature and signed anew."""
    cases = [
        Case(what=change.__name__, bundle=bundle)
        for change in CHANGES
        for bundle in bent(small.listed, change)
    ]
    cases += [
        Case(what=f"without {topic}", bundle=remade(without(opened(small.complete), topic)))
        for topic in ("agency.registered", "technology.aliased", "tool_use.same_as")
    ]
    holed = without(opened(small.bundle("authorization = authorizations/l")), "linked_to_use")
    cases.append(Case(what="a hole in a history", bundle=remade(holed)))

    assert {"refused", "verified in part"} == set(all_agree(judge, cases))


@pytest.mark.parametrize("kind", ["listed", "complete"])
def test_signed_lies(small: SmallLedger, judge: Judge, kind: str) -> None:
    """Whatever the answers key signs, page and command say the same of it."""
    honest: bytes = getattr(small, kind)
    all_agree(judge, [Case(what=what, bundle=bundle) for what, bundle in lies(honest, 250)])


def test_filters_are_read_alike(small: SmallLedger, judge: Judge) -> None:
    """Canonical, spelt otherwise, and no filter at all: the question's form is judged the same."""
    texts = (
        *("agency=agencies/a", "agency = agencies/a ", "(agency = agencies/a)", "NOT agency:*"),
        *(
            "agency:*",
            'agency = "*"',
            r'reason = "\*"',
            r'agency = "\*\n\"\\"',
            "agency = *",
            "x = 1",
        ),
        *("occurred >= 2026-02-01", "occurred = 2026-02-01", "occurred > 2026-02-30", "occurred:*"),
        *(
            "occurred < 2026-02-01T10:00:00.5+01:00",
            "occurred < 2026-02-01T24:00:00Z",
            "leaf_index > -5",
        ),
        *(
            "leaf_index = 12345678901234567",
            "leaf_index = 9007199254740992",
            "leaf_index = a",
            "unit > x",
        ),
        *("agency = a AND unit = b", "agency = a unit = b", "agency = a OR unit = b AND unit = c"),
        *(
            "(agency = a OR unit = b) AND unit = c",
            "NOT (NOT agency = a)",
            "NOT NOT agency = a",
            "-agency = a",
        ),
        *(
            "NOT agency = a",
            "agency = AND",
            'agency = "AND"',
            "AND = a",
            "agency",
            '"a"',
            "agency = (a OR b)",
        ),
        *(
            "agency = none",
            "agency != none",
            'agency = "none"',
            "agency = é",
            "agency = a\u0301",
            "agency = \U0001f50e",
        ),
        *(
            'agency = "\U0001f50e"',
            "agency = 'a'",
            'agency = "a',
            "f(agency) = a",
            "agency = a(b)",
            "agency.x = a",
        ),
        *(
            "(" * 21 + "agency = a" + ")" * 21,
            " AND ".join(["agency = a"] * 101),
            "agency = " + "a" * 4_000,
        ),
        *(
            " AND ".join(["agency = a"] * 100),
            'agency = "\t"',
            r'agency = "\t"',
            "agency = a\tAND unit = b",
            "agency ~ a",
        ),
    )
    cases = []
    for text in texts:
        found = opened(small.listed)
        found["question"]["filter"] = text
        cases.append(Case(what=text[:60], bundle=signed(found)))
    for by in (*SUMMARY_KEYS, "agencies", "", "unit", None, 1):
        found = opened(small.listed)
        found["question"]["by"] = by
        cases.append(Case(what=f"by {by}", bundle=signed(found)))

    assert {"refused", "verified in part"} == set(all_agree(judge, cases))


def test_other_spellings_are_refused(small: SmallLedger, judge: Judge) -> None:
    """The signer's own spelling, to the byte: names twice, fractions, escapes, spaces, surrogates."""
    honest = small.listed
    start = b'{"answer":{"count":'
    assert honest.startswith(start)
    number, rest = honest[len(start) :].split(b",", 1)

    def counted(text: bytes) -> bytes:
        return start + text + b"," + rest

    texts = {
        "a fraction": counted(number + b".0"),
        "an exponent": counted(number + b"e0"),
        "minus zero": counted(b"-0"),
        "a leading zero": counted(b"0" + number),
        "twenty digits": counted(b"1" * 20),
        "beyond 2**53": counted(b"9007199254740992"),
        "NaN": counted(b"NaN"),
        "Infinity": counted(b"-Infinity"),
        "a name twice": honest.replace(b'"question":', b'"origin":"x","question":', 1),
        "the first twice": b'{"answer":{},' + honest[1:],
        "space": honest.replace(b",", b", ", 1),
        "space at the end": honest[:-1] + b" \n",
        "no line feed": honest[:-1],
        "two line feeds": honest + b"\n",
        "carriage return": honest[:-1] + b"\r\n",
        "byte order mark": b"\xef\xbb\xbf" + honest,
        "no UTF-8": honest.replace("Ü".encode(), b"\xdc", 1),
        "an overlong letter": honest.replace(b"agency", b"\xc1\xa1gency", 1),
        "an escaped letter": honest.replace(b"agency", rb"\u0061gency", 1),
        "an escaped slash": honest.replace(b"agencies/", rb"agencies\/", 1),
        "a lone surrogate": honest.replace(b"agencies/a", rb"agencies/\ud800", 1),
        "a pair of escapes": honest.replace(b"agencies/a", rb"agencies/\ud83d\ude00", 1),
        "a surrogate in bytes": honest.replace(b"agencies/a", b"agencies/\xed\xa0\x80", 1),
        "a control character": honest.replace(b"agencies/a", b"agencies/\x01", 1),
        "members in another order": b'{"format"' + honest.removeprefix(b'{"answer"'),
        "text after the end": honest + b"{}\n",
        "a list": b'[{"answer":1}]\n',
        "a comma too many": honest[:-2] + b",}\n",
        "a comment": b'/**/{"answer":' + honest[10:],
    }
    cases = [Case(what=what, bundle=bundle) for what, bundle in texts.items()]

    assert {"refused"} == set(all_agree(judge, cases))


def test_letters_of_all_kinds_stay_what_they_are(tmp_path: Path, judge: Judge) -> None:
    """Names sort by code point, not as JavaScript would, and every control has its one escape."""
    ledger = SmallLedger(tmp_path)
    ledger.ledger.register_agencies()
    ledger.ledger.tell([told.Report((report(1),))])
    ledger.fold()
    found = opened(ledger.bundle())
    ledger.place.close()
    names = [
        "\uffff",
        "\U00010000",
        "\ud7ff",
        "\ue000",
        "a",
        "B",
        "\x7f",
        "\u2028",
        "\\",
        '"',
        "/",
        "\x1f\b\f\n\r\t",
    ]
    found["answer"]["names"] = {name: name for name in names}
    case = Case(what="letters", bundle=signed(found))
    [page] = judge([case])

    assert_agree(case, page)
    assert "verified in part" == page["verdict"], "what the answers key signed is what is shown"
    assert found["answer"] == page["answer"]


def test_hostile_files_are_refused_soon(opened_page: Opened) -> None:
    """They look like bundles, and would take hours or all memory to read."""
    size = 5 * 2**20
    names = ",".join(f'"{n:x}":0' for n in range(200_000))
    hostile: dict[str, tuple[str, str, int, str]] = {
        "brackets": ("", "[", size, ""),
        "objects": ("", '{"a":', size // 5, ""),
        "lists": ("[", "[],", size // 3, "[]]}\n"),
        "digits": ("", "1", size, "}\n"),
        "fraction": ("1.", "1", size, "}\n"),
        "numbers": ("[", "0,", size // 2, "0]}\n"),
        "backslashes": ("[", '"\\\\",', size // 5, '""]}\n'),
        "a string without end": ('"', '\\"', size // 2, ""),
        "escapes": ('"', "\\u0000", size // 6, '"}\n'),
        "spaces": ("", " ", size, "1}\n"),
        "names": ("{", names, 1, "}}\n"),
        "zero bytes": ("", "\0", size, ""),
    }
    for what, parts in hostile.items():
        page = opened_page.page.evaluate(
            """async ([[head, unit, times, tail], trust]) =>
              candour.verifyBundle(new TextEncoder().encode(`{"answer":${head}${unit.repeat(times)}${tail}`), trust)""",
            [list(parts), TRUST],
        )
        head, unit, times, tail = parts
        text = f'{{"answer":{head}{unit * times}{tail}'
        assert_agree(Case(what=what, bundle=text.encode()), page)
        assert ("refused", "read") == (page["verdict"], page["steps"][-1]["name"]), what


def test_what_was_never_a_bundle_is_unusable(small: SmallLedger, judge: Judge) -> None:
    """So is a newer format signed by the right key, and an entry of a later release."""
    nothing = judge(
        [Case(what="nothing", bundle=text) for text in (b"", b"{}", b"\x89PNG", b"[" * 99)]
    )
    assert {("unusable", None)} == {(page["verdict"], page["answer"]) for page in nothing}

    newer = {**opened(small.listed), "format": "candour-evidence/2"}
    cases = [
        Case(what="newer", bundle=signed(newer)),
        Case(what="newer, by nobody", bundle=encode(newer) + b"\n"),
        Case(what="no format", bundle=signed({**opened(small.listed), "format": ["x"]})),
    ]
    assert ["unusable", "refused", "unusable"] == all_agree(judge, cases)


def test_trust_files_are_read_alike(small: SmallLedger, judge: Judge) -> None:
    """Malformed, cut, doubled, of other keys: nobody is trusted by mistake."""
    log, answers = SIGNER.verifier_key.format(), ANSWERS.verifier_key.format()
    texts: tuple[str | bytes, ...] = (
        *(
            TRUST,
            "",
            "\n",
            "log me\nquorum none\n",
            TRUST[:-1],
            "\0\n",
            TRUST * 2,
            TRUST.replace("none", "w"),
        ),
        *(
            f"log {log}\nquorum none\n",
            f"log {answers}\nquorum none\n",
            "quorum none\n",
            TRUST + "quorum none\n",
        ),
        TRUST.replace(log, log[:-1] + ("A" if log[-1] != "A" else "B")),
        *(
            TRUST.replace("log ", "log\t"),
            TRUST.replace("\n", "\r\n"),
            TRUST.replace("log ", "Log "),
        ),
        f"# a comment\n\n  log {log} https://example.com \n log {answers}\nquorum none\n",
        f"log {log} a b\nlog {answers}\nquorum none\n",
        f"log {STRANGER.verifier_key.format()}\nlog {log}\nquorum none\n",
        f"log {STRANGER.verifier_key.format()}\nlog {log}\nlog {answers}\nquorum none\n",
        *(
            LINES + TRUST,
            LINES * 2 + TRUST,
            TRUST.replace("quorum none", LINES + "group g 0 w0\nquorum g"),
        ),
        *(
            TRUST.replace("quorum none", LINES + f"group {name} {rule} {members}\nquorum {name}")
            for name, rule, members in (
                ("g", "all", "w0 w1"),
                ("g", "any", "w9"),
                ("g", "3", "w0 w1"),
                ("w0", "any", "w0 w1"),
                ("none", "any", "w0"),
                ("g", "01", "w0"),
                ("g", "constructor", "w0"),
                ("toString", "any", "w0"),
                ("g", "any", "w0 w0"),
            )
        ),
        TRUST.encode().replace(b"quorum none", LINES.encode() + b"group \xff any w0\nquorum \xff"),
        b"# \xff\xfe\n" + TRUST.encode(),
        "#" * 1_000_001 + "\n" + TRUST,
        "\n" * 10_001 + TRUST,
    )
    cases = [
        Case(
            what=repr(text[:300]),
            bundle=small.listed,
            trust=text.encode() if isinstance(text, str) else text,
        )
        for text in texts
    ]

    assert {"refused", "unusable", "verified in part"} == set(all_agree(judge, cases))


def test_other_keys_and_checkpoints(small: SmallLedger, tmp_path: Path, judge: Judge) -> None:
    """Of strangers, of other trees, of another origin: refused where the command refuses."""
    honest = opened(small.listed)
    second = copy.deepcopy(honest)
    second["signed"] += opened(signed(honest, STRANGER))["signed"].split("\n\n")[1]
    head = small.store.head()
    own = sign_checkpoint(Checkpoint(ANSWERS.verifier_key.name, head.tree_size, head.root), ANSWERS)
    notes = {**checkpoints(small, tmp_path), "by the answers key": own}
    more = sign_checkpoint(Checkpoint(ORIGIN, head.tree_size, head.root, ("x y",)), SIGNER)
    cases = [
        Case(what="a stranger", bundle=signed(honest, STRANGER)),
        Case(what="the log key", bundle=signed(honest, SIGNER)),
        Case(what="two signatures", bundle=encode(second) + b"\n"),
        Case(what="extension lines", bundle=signed({**honest, "checkpoint": more.decode()})),
        *(
            Case(what=what, bundle=signed({**honest, "checkpoint": note.decode()}))
            for what, note in notes.items()
        ),
    ]

    assert "verified in part" == all_agree(judge, cases)[3]


def test_witnesses(small: SmallLedger, judge: Judge) -> None:
    """Quorums met and unmet, groups of groups, forged lines, times that no calendar has."""
    honest = small.bundle()
    cases = []
    for quorum, by in (
        ("quorum w0", [0]),
        ("quorum w0", [1, 2, 3]),
        ("group two 2 w0 w1 w2\nquorum two", [0, 2]),
        ("group two 2 w0 w1 w2\nquorum two", [0, 3]),
        ("group two 2 w0 w1 w2\nquorum two", []),
        ("group g any w0 w1\ngroup all all g w3\nquorum all", [1, 3]),
        ("group g any w0 w1\ngroup all all g w3\nquorum all", [0, 1]),
        ("quorum none", [0, 1]),
        ("quorum none", []),
    ):
        trust = TRUST.replace("quorum none\n", LINES + quorum + "\n").encode()
        for at in (0, 1_700_000_000, 2**62):
            bundle = cosigned(honest, [WITNESSES[n] for n in by], at=at)
            cases.append(Case(what=f"{quorum} by {by} at {at}", bundle=bundle, trust=trust))
    one = WITNESSES[0].cosign(Checkpoint(ORIGIN, 1, bytes(32)), cosigned_at=5)
    found = opened(honest)
    found["checkpoint"] = add_signatures(found["checkpoint"].encode(), [one]).decode()
    for quorum in ("quorum w0", "quorum none"):
        trust = TRUST.replace("quorum none\n", LINES + quorum + "\n").encode()
        cases.append(Case(what=f"forged, {quorum}", bundle=signed(found), trust=trust))

    assert {"refused", "verified in part"} == set(all_agree(judge, cases))


def test_older_checkpoints(small: SmallLedger, tmp_path: Path, judge: Judge) -> None:
    """Growth that is shown, not shown, forged, or compared with a checkpoint of the reader's own."""
    log, size = small.ledger.log, small.size
    honest = opened(small.listed)

    def note(of: int, signer: Signer = SIGNER, root: bytes | None = None) -> bytes:
        made = Checkpoint(ORIGIN, of, log.tree(of).root() if root is None else root)
        return sign_checkpoint(made, signer)

    def growing(of: int, older: bytes, change: Any = lambda proof: proof) -> bytes:
        proof = (
            [b64encode(item).decode() for item in log.tree(size).consistency_proof(of)]
            if of
            else []
        )
        return signed(
            {**honest, "consistency": {"checkpoint": older.decode(), "proof": change(proof)}}
        )

    sizes = [1, 2, 3, 4, 7, 8, 15, 16, size - 1, size]
    cases = [Case(what=f"from {of}", bundle=growing(of, note(of))) for of in sizes]
    cases += [Case(what=f"own {of}", bundle=growing(of, note(of)), older=note(of)) for of in sizes]
    stranger = Signer(ORIGIN, bytes([1]) * 32)
    elsewhere = sign_checkpoint(
        Checkpoint("example.com/log", 3, bytes(32)), Signer("example.com/log", bytes(32))
    )
    for what, own in {
        "another": note(4),
        "of this tree": note(size),
        "fork": note(5, root=bytes(32)),
        "empty": note(0),
        "fork of this tree": note(size, root=bytes(32)),
        "newer": note(size + 1, root=bytes(32)),
        "a stranger's": note(5, stranger),
        "elsewhere": elsewhere,
        "nothing": b"",
        "no text": b"\xff\n\n",
    }.items():
        cases.append(Case(what=f"own: {what}", bundle=growing(5, note(5)), older=own))
        cases.append(Case(what=f"own: {what}, no proof", bundle=small.listed, older=own))
    for what, bundle in {
        "shortened": growing(5, note(5), lambda proof: proof[:-1]),
        "lengthened": growing(5, note(5), lambda proof: [*proof, proof[0]]),
        "swapped": growing(5, note(5), lambda proof: proof[::-1]),
        "of another size": growing(5, note(6)),
        "too many": growing(5, note(5), lambda proof: proof * 30),
        "another root": growing(5, note(5, root=bytes(32))),
        "empty": growing(0, note(0)),
        "no base64": growing(5, note(5), lambda _: ["x"]),
        "a stranger's": growing(5, note(5, stranger)),
        "elsewhere": growing(5, elsewhere),
        "larger": growing(size, note(size + 9, root=bytes(32))),
    }.items():
        cases.append(Case(what=what, bundle=bundle))

    assert {"refused", "unusable", "verified in part"} == set(all_agree(judge, cases))


def test_time_stamps_are_not_checked_here(small: SmallLedger, judge: Judge) -> None:
    """They are named so, and what is no list of them is refused."""
    honest = opened(small.listed)
    token = b64encode(b"a token").decode()
    lists: list[Any] = [[token], [token, "AAAA"], [], [token, token], ["AAAA"] * 5, ["x"], [1]]
    lists += ["", {}, [b64encode(bytes(65_537)).decode()]]
    cases = [
        Case(what=str(tokens)[:40], bundle=encode({**honest, "timestamps": tokens}) + b"\n")
        for tokens in lists
    ]
    pages = judge(cases)
    for case, page in zip(cases, pages, strict=True):
        assert_agree(case, page)

    assert ["verified in part"] * 2 + ["refused"] * 8 == [page["verdict"] for page in pages]
    assert any("the time stamps" in item for item in pages[0]["not_checked"])


def test_verdict_names_what_was_not_made(small: SmallLedger, judge: Judge) -> None:
    """A list is never "verified" by the page; its reason says which step was left out."""
    [page] = judge([Case(what="listed", bundle=small.listed)])

    assert "verified in part" == page["verdict"]
    assert page["reason"].endswith("not checked here: step 9, answer")
    assert any("candour-verify makes it anew" in item for item in page["not_checked"])
    assert any("whether this page is the genuine one" in item for item in page["not_checked"])


def test_entry_of_a_later_release_is_not_hidden(small: SmallLedger, judge: Judge) -> None:
    """A later envelope is not judged; the page says so as the command does."""
    found: Object = opened(small.complete)
    found["entries"][0]["entry"] = found["entries"][0]["entry"].replace('"v":1,', '"v":2,')

    assert ["refused"] == all_agree(judge, [Case(what="envelope", bundle=signed(found))])
