"""Is a checkpoint read exactly as it was written, and only from the log it speaks for?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_TREE_SIZE
from ledger.merkle import EMPTY_ROOT
from ledger.tlog import (
    Checkpoint,
    CheckpointUntrusted,
    NoteUntrusted,
    claimed_checkpoint,
    open_checkpoint,
    open_note,
    sign,
    sign_checkpoint,
)
from tests.tlog.strategies import ANSWERS, LOG, ORIGIN, STRANGER, lines

EXAMPLE = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""
CHECKPOINT = Checkpoint(ORIGIN, 42, bytes(range(32)))

some_lines = lines.filter(bool)
checkpoints = st.builds(
    Checkpoint,
    some_lines,
    st.integers(0, MAX_TREE_SIZE),
    st.binary(min_size=32, max_size=32),
    st.lists(some_lines, max_size=3).map(tuple),
)


def test_example_of_c2sp() -> None:
    """The specification's example is read and written back."""
    checkpoint = Checkpoint.parse(EXAMPLE)

    assert (checkpoint.origin, checkpoint.tree_size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root.hex().startswith("0ac5186a91863e8e")
    assert checkpoint.marshal() == EXAMPLE


@given(checkpoints)
def test_text_round_trips(checkpoint: Checkpoint) -> None:
    """Any origin, size and root, with extension lines and without."""
    assert checkpoint == Checkpoint.parse(checkpoint.marshal())


@given(checkpoints, st.data())
def test_checkpoint_has_one_text(checkpoint: Checkpoint, data: st.DataObject) -> None:
    """A changed text is refused, or is what another checkpoint is written as."""
    text = checkpoint.marshal()
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.text("0=A\n ", max_size=2)) + text[at + 1 :]

    try:
        other = Checkpoint.parse(changed)
    except Malformed:
        return
    assert changed == other.marshal()
    assert (other == checkpoint) == (changed == text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n\n",
        EXAMPLE[:-1],
        f"{EXAMPLE}\n",
        f"\n{EXAMPLE}",
        EXAMPLE.replace("20852163", "020852163"),
        EXAMPLE.replace("20852163", "-1"),
        EXAMPLE.replace("20852163", str(MAX_TREE_SIZE + 1)),
        EXAMPLE.replace("q2I=", "q2J="),
        EXAMPLE.replace("q2I=", ""),
        EXAMPLE.replace("\n", "\r\n"),
        "a\n1\n",
    ],
)
def test_other_texts_are_no_checkpoint(text: str) -> None:
    """Missing or empty lines, other numbers, other base64 of the same bytes, other line ends."""
    with pytest.raises(Malformed):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    ("origin", "tree_size", "root", "extensions"),
    [
        ("", 1, bytes(32), ()),
        ("a\nb", 1, bytes(32), ()),
        ("\udc80", 1, bytes(32), ()),
        ("a", -1, bytes(32), ()),
        ("a", 1, bytes(31), ()),
        ("a", 1, bytes(32), ("",)),
        ("a", 1, bytes(32), ("x\ny",)),
    ],
)
def test_what_could_not_be_read_cannot_be_made(
    origin: str, tree_size: int, root: bytes, extensions: tuple[str, ...]
) -> None:
    """A field that would break the text is refused before there is one."""
    with pytest.raises(Malformed):
        Checkpoint(origin, tree_size, root, extensions)


def test_signed_checkpoint_opens_with_its_logs_key() -> None:
    """And with no other; an empty tree has a checkpoint too."""
    for checkpoint in (CHECKPOINT, Checkpoint(ORIGIN, 0, EMPTY_ROOT)):
        data = sign_checkpoint(checkpoint, LOG)
        opened = open_checkpoint(data, [LOG.verifier_key, STRANGER.verifier_key])

        assert checkpoint == opened.checkpoint
        assert open_note(data, [LOG.verifier_key]) == opened.note
        with pytest.raises(NoteUntrusted):
            open_checkpoint(data, [STRANGER.verifier_key])


def test_a_key_speaks_for_its_own_log_only() -> None:
    """The answers key, though trusted, neither signs nor proves the log's checkpoint."""
    with pytest.raises(Malformed, match="signer"):
        sign_checkpoint(CHECKPOINT, ANSWERS)
    with pytest.raises(CheckpointUntrusted) as failed:
        open_checkpoint(
            sign(CHECKPOINT.marshal(), [ANSWERS]), [LOG.verifier_key, ANSWERS.verifier_key]
        )
    assert failed.value.origin == ORIGIN


def test_signed_text_that_is_no_checkpoint_is_refused() -> None:
    """A log's signature over something else makes no tree head."""
    with pytest.raises(Malformed, match="checkpoint"):
        open_checkpoint(sign("hello\n", [LOG]), [LOG.verifier_key])


def test_claim_is_read_whoever_signed_it() -> None:
    """To find out whose keys must judge it; a note about something else claims nothing."""
    assert CHECKPOINT == claimed_checkpoint(sign(CHECKPOINT.marshal(), [STRANGER]))
    with pytest.raises(Malformed, match="checkpoint"):
        claimed_checkpoint(sign("hello\n", [LOG]))
