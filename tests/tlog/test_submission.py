"""Is an add-checkpoint body read exactly as it was written?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_SUBMISSION_BYTES, MAX_TREE_SIZE
from ledger.tlog import Submission, sign
from tests.tlog.logs import MemoryLog
from tests.tlog.strategies import LOG

HONEST = MemoryLog(9)
NOTE = HONEST.note(9)
hashes = st.lists(st.binary(min_size=32, max_size=32), max_size=63).map(tuple)
submissions = st.builds(Submission, st.integers(0, MAX_TREE_SIZE), hashes, st.just(NOTE))


@given(submissions)
def test_body_round_trips(submission: Submission) -> None:
    """Any size, and as many hashes as the specification allows."""
    assert submission == Submission.parse(submission.marshal())


@given(submissions, st.data())
def test_submission_has_one_body(submission: Submission, data: st.DataObject) -> None:
    """A changed body is refused, or is what another submission is written as."""
    body = submission.marshal()
    at = data.draw(st.integers(0, len(body)))
    changed = body[:at] + data.draw(st.binary(max_size=2)) + body[at + 1 :]

    try:
        other = Submission.parse(changed)
    except Malformed:
        return
    assert changed == other.marshal()
    assert (other == submission) == (changed == body)


def test_body_is_c2sps() -> None:
    """Old size, a hash a line, a blank line, the checkpoint."""
    body = Submission(7, (bytes(32),), NOTE).marshal()

    assert body == b"old 7\n" + b"A" * 43 + b"=\n\n" + NOTE
    assert Submission(0, (), NOTE).marshal() == b"old 0\n\n" + NOTE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        NOTE,
        b"old 7\n" + NOTE,
        b"\n\n" + NOTE,
        b"OLD 7\n\n" + NOTE,
        b"old  7\n\n" + NOTE,
        b"old 07\n\n" + NOTE,
        b"old -7\n\n" + NOTE,
        b"old 7 \n\n" + NOTE,
        b"old %d\n\n" % (MAX_TREE_SIZE + 1) + NOTE,
        b"old 7\r\n\r\n" + NOTE,
        b"old 7\nAAAA\n\n" + NOTE,
        b"old 7\nnot base64\n\n" + NOTE,
        b"old 7\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + NOTE,
        "old 7\né\n\n".encode() + NOTE,
        b"old 7\n\n" + NOTE[:-1],
        b"old 7\n\n" + NOTE + b"\n",
        b"old 7\n\nno checkpoint",
        b"old 7\n\n" + b"x" * MAX_SUBMISSION_BYTES,
    ],
)
def test_other_bodies_are_refused(body: bytes) -> None:
    """Other first lines, hashes, line ends, too many of them, or no note at the end."""
    with pytest.raises(Malformed):
        Submission.parse(body)


def test_what_could_not_be_read_is_not_written() -> None:
    """Fields and whole are bounded on both sides."""

    def of(size: int) -> bytes:
        text = HONEST.checkpoint(9).marshal() + "x" * size + "\n"
        return sign(text, [LOG])

    large = of(MAX_SUBMISSION_BYTES - 300)
    assert len(large) < MAX_SUBMISSION_BYTES

    for old_size, proof, note in [
        (-1, (), NOTE),
        (MAX_TREE_SIZE + 1, (), NOTE),
        (1, (bytes(31),), NOTE),
        (1, (bytes(32),) * 64, NOTE),
        (1, (), b"no note"),
        (1, (), sign("no checkpoint\n", [LOG])),
        (1, (), of(MAX_SUBMISSION_BYTES)),
    ]:
        with pytest.raises(Malformed):
            Submission(old_size, proof, note)
    with pytest.raises(Malformed):
        Submission(1, (bytes(32),) * 63, large).marshal()
