"""Is every shipped rule pack whole, tested by its own examples, and every broken one refused?"""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed, Unverifiable
from ledger.limits import MAX_PACK_BYTES
from ledger.rules.examples import run_examples
from ledger.rules.packs import Pack, PackUnknown, newest, pack_of, read_pack, shipped
from ledger.rules.predicates import PREDICATES
from tests.strategies import effort

ROOT = Path(__file__).resolve().parents[2]
PACKS = shipped()
DIGESTS = ROOT / "ledger" / "rules" / "packs" / "SHA256SUMS"
# What its own examples cannot tell: statements are judged elsewhere.
ELSEWHERE = {"statement_contradicted"}
SMALL = """
[pack]
name = "own"
version = "1"
title = "Our own"
grace_hours = 48

[[rule]]
code = "late"
title = "Late"
severity = "low"
predicate = "late_report"
parameters.hours = 1
applies_to = "capture = live"

[[example]]
title = "an hour and a second"
told = [
  { use = "u", occurred = "2020-02-01T00:00:00Z", recorded = "2020-02-01T01:00:01Z" },
  { use = "v", occurred = "2020-02-01T00:00:01Z", recorded = "2020-02-01T01:00:01Z" },
]
expect = { u = ["late"] }
"""


def names(pack: Pack) -> str:
    return f"{pack.name}@{pack.version}"


@pytest.mark.parametrize("pack", PACKS, ids=names)
def test_examples_of_a_shipped_pack_hold(pack: Pack) -> None:
    """What a pack says it finds is found, for certain or possibly, and nothing else."""
    for outcome in run_examples(pack):
        assert outcome.expected == outcome.found, outcome.title


@pytest.mark.parametrize("pack", PACKS, ids=names)
def test_every_rule_of_a_shipped_pack_is_found_by_an_example(pack: Pack) -> None:
    """No rule is shipped that was never seen to find anything."""
    found = {
        code.rstrip("?")
        for outcome in run_examples(pack)
        for codes in outcome.found.values()
        for code in codes
    }

    assert {rule.code for rule in pack.rules} - ELSEWHERE == found


def test_predicates_are_all_in_use() -> None:
    """The closed list holds nothing that no shipped pack asks for, but what own packs may."""
    used = {rule.predicate.name for pack in PACKS for rule in pack.rules}

    assert {"automated"} == set(PREDICATES) - used


def test_packs_are_called_as_their_files() -> None:
    """`<name>-<version>.toml`, so that a version is never written over by another."""
    here = {item.name for item in (files("ledger.rules") / "packs").iterdir()}

    assert {f"{pack.name}-{pack.version}.toml" for pack in PACKS} | {DIGESTS.name} == here


def test_version_of_a_pack_never_changes() -> None:
    """Its bytes are those that SHA256SUMS holds, whose lines are only ever added to.

    Old answers rest on them: who changes a rule, or a word of it, writes the next version beside
    it (`base-2.toml`) and adds a line. `sha256sum -c SHA256SUMS` in that folder says the same.
    """
    listed = [line.split("  ") for line in DIGESTS.read_text("utf-8").splitlines()]

    assert sorted(listed) == sorted(
        [pack.sha256, f"{pack.name}-{pack.version}.toml"] for pack in PACKS
    )


def test_pack_is_found_by_name_version_and_digest() -> None:
    """By its short or its resource name; another version or other bytes are not judged here."""
    base = pack_of("base", "1")

    assert base == pack_of("rulePacks/base", "1", base.sha256) == newest("base")
    for wanted in (("base", "0", None), ("nobody", "1", None), ("base", "1", "00" * 32)):
        with pytest.raises(PackUnknown) as caught:
            pack_of(*wanted)
        assert isinstance(caught.value, Unverifiable)
    with pytest.raises(PackUnknown, match="which has base"):
        newest("nobody")


def test_own_pack_is_read_and_runs() -> None:
    """A pack that somebody writes: parameters typed, grace in microseconds, examples run."""
    pack = read_pack(SMALL.encode())

    assert (48 * 3_600_000_000, 64) == (pack.grace_us, len(pack.sha256))
    assert {"hours": 1} == dict(pack.rules[0].parameters)
    assert [True] == [outcome.holds for outcome in run_examples(pack)]


def test_pack_of_the_guide_is_read_and_runs() -> None:
    """What docs/guides/rules.md shows as a model is one."""
    text = (ROOT / "docs" / "guides" / "rules.md").read_text("utf-8")
    pack = read_pack(text.split("```toml\n")[1].split("```")[0].encode())

    assert [True] == [outcome.holds for outcome in run_examples(pack)]


BROKEN = [
    ("pack", b"[pack\n"),
    ("pack", b"\xff"),
    ("pack", b"#" * (MAX_PACK_BYTES + 1)),
    ("pack", b""),
    ("other", SMALL.encode() + b"[other]\n"),
    ("rule", SMALL.split("[[rule]]")[0].encode()),
    ("pack.name", SMALL.replace('"own"', '"Our own"').encode()),
    ("pack.title", SMALL.replace('title = "Our own"', "").encode()),
    ("pack.grace_hours", SMALL.replace("= 48", "= 1000000").encode()),
    ("pack.grace_hours", SMALL.replace("= 48", '= "48"').encode()),
    ("pack.grace", SMALL.replace("grace_hours", "grace").encode()),
    ("rule[0].code", SMALL.replace('code = "late"', 'code = "Late!"').encode()),
    ("rule[0].severity", SMALL.replace('"low"', '"dreadful"').encode()),
    ("rule[0].predicate", SMALL.replace("late_report", "import_os").encode()),
    ("rule[0].parameters.hours", SMALL.replace("parameters.hours = 1", "").encode()),
    ("rule[0].parameters.hours", SMALL.replace("hours = 1", "hours = -1").encode()),
    ("rule[0].parameters.days", SMALL.replace("hours = 1", "days = 1").encode()),
    ("rule[0].applies_to", SMALL.replace("capture = live", "nothing = live").encode()),
    ("rule[0].applies_to", SMALL.replace("late_report", "source_silent").replace("parameters.hours = 1", "").encode()),
    ("rule", (SMALL + SMALL[SMALL.index("[[rule]]"):]).encode()),
]  # fmt: skip


@pytest.mark.parametrize(("field", "data"), BROKEN)
def test_broken_pack_is_refused_with_its_field(field: str, data: bytes) -> None:
    """Not TOML, unknown, missing, ill-typed, out of bounds: each is named, none is guessed at."""
    with pytest.raises(Malformed) as caught:
        read_pack(data)

    assert field == caught.value.field


BROKEN_EXAMPLES: list[tuple[str, str, str]] = [
    ("expect = {", "expects = {", "example[0].expects"),
    ('["late"]', '["other"]', "example[0]"),
    ('["late"]', '"late"', "example[0].expect.u"),
    ('use = "u", occurred', "occurred", "example[0].told[0]"),
    ('use = "u", occ', 'use = "u", nobody_knows = 1, occ', "example[0]"),
    ('use = "u", occ', 'use = "u", times = 1000, occ', "example[0].told"),
    ('use = "u", occ', 'use = "u", shown = 1, occ', "example[0].told[0].shown"),
    ('use = "v"', 'use = "u"', "example[0].entries"),
    ("2020-02-01T01:00:01Z", "yesterday", "example[0].told[0].recorded"),
    ('{ use = "u"', '{ topic = "nothing.v1", use = "u"', "example[0]"),
    ('{ use = "u"', '{ topic = "source.registered.v1", name = "S"', "example[0]"),
]


@pytest.mark.parametrize(("old", "new", "field"), BROKEN_EXAMPLES)
def test_broken_example_is_refused_with_its_place(old: str, new: str, field: str) -> None:
    """An example that says nothing that can be run is not passed by."""
    assert old in SMALL
    with pytest.raises(Malformed) as caught:
        list(run_examples(read_pack(SMALL.replace(old, new, 1).encode())))

    assert caught.value.field.startswith(field)


def test_example_that_does_not_hold_says_both() -> None:
    """What was expected and what was found, by subject."""
    pack = read_pack(SMALL.replace("hours = 1", "hours = 2").encode())
    (outcome,) = run_examples(pack)

    assert (False, {"u": ["late"]}, {}) == (outcome.holds, outcome.expected, outcome.found)


_values: st.SearchStrategy[Any] = st.sampled_from(
    ("1", '"x"', "[]", "{}", "[{}]", "true", "1979-05-27", "-1", '["x"]', "nan", '{ a = "b" }')
)


@effort(2)
@given(st.data())
def test_any_change_of_a_pack_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever value stands anywhere, nothing but our own errors comes of it."""
    lines = SMALL.splitlines()
    place = data.draw(st.sampled_from([n for n, line in enumerate(lines) if " = " in line]))
    key = lines[place].split(" = ")[0]
    inner = data.draw(st.sampled_from(lines[place].split(" = ")))
    lines[place] = data.draw(
        st.sampled_from((f"{key} = {data.draw(_values)}", lines[place].replace(inner, "x", 1)))
    )
    with suppress(Malformed):
        list(run_examples(read_pack("\n".join(lines).encode())))
