"""Does a witness answer as C2SP says, and never vouch for what it has not checked?"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.errors import Malformed
from ledger.merkle import EMPTY_ROOT
from ledger.tlog import (
    SIZE_CONTENT_TYPE,
    Checkpoint,
    Equivocation,
    Signature,
    Signer,
    Submission,
    Witness,
    add_signatures,
    cosignatures,
    open_checkpoint,
    parse_note,
    sign,
    verify_cosignature,
)
from services.witness.evidence import FOLDER
from services.witness.service import Answer, WitnessService
from tests.services.witness.harness import NOW, body
from tests.tlog.logs import WITNESSES, MemoryLog
from tests.tlog.strategies import LOG, ORIGIN, STRANGER

SIZE = 40
HONEST = MemoryLog(SIZE)
FORK = MemoryLog(SIZE, forked_at=5)
OTHER = MemoryLog(SIZE, signer=STRANGER)
KEY = LOG.verifier_key


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def witness(tmp_path: Path, clock: Clock) -> Iterator[WitnessService]:
    service = WitnessService(tmp_path, [KEY], name="w.example", clock=clock)
    yield service
    service.close()


def cosigned_at(witness: WitnessService, checkpoint: Checkpoint, answer: Answer) -> int:
    """When the witness says it cosigned this checkpoint; fails unless it answered so."""
    assert answer.status == 200, answer
    note = sign(checkpoint.marshal(), [LOG])
    text, [_, line] = parse_note(note + answer.body)
    assert text == checkpoint.marshal()
    return verify_cosignature(checkpoint, line, witness.verifier_key)


def test_honest_log_is_cosigned_from_any_size_to_any_larger(witness: WitnessService) -> None:
    """Step by step, the same tree again included, each answer a cosignature of that checkpoint."""
    old = 0
    for size in (0, 0, 1, 1, 2, 3, 8, 9, 31, 32, 40, 40):
        answer = witness.add_checkpoint(body(HONEST, size, old=old))
        assert cosigned_at(witness, HONEST.checkpoint(size), answer) == NOW
        old = size


def test_unknown_origin_is_404(witness: WitnessService) -> None:
    """Whoever signed it; a log's name is its origin."""
    assert witness.add_checkpoint(body(OTHER, 3)).status == 404


def test_signature_decides_before_sizes_do(witness: WitnessService) -> None:
    """403 without a trusted signature and with a bad one, though others stand beside it."""
    text = HONEST.checkpoint(9).marshal()
    unsigned = sign(text, [STRANGER])
    bad = Signature(ORIGIN, KEY.key_id, bytes(64))
    for note in (
        unsigned,
        sign(text, [Signer(ORIGIN, bytes([9] * 32))]),
        add_signatures(unsigned, [bad]),
        add_signatures(unsigned, [WITNESSES[0].cosign(HONEST.checkpoint(9), cosigned_at=1)]),
    ):
        for old in (0, 5, 20):
            assert witness.add_checkpoint(Submission(old, (), note).marshal()).status == 403


def test_other_signatures_do_not_disturb(witness: WitnessService) -> None:
    """Those of unknown keys are ignored; what we keep has the log's and ours alone."""
    strangers = [Signature(f"s{n}.example", bytes(4), bytes(64)) for n in range(30)]
    note = add_signatures(sign(HONEST.checkpoint(9).marshal(), [STRANGER, LOG]), strangers)

    assert witness.add_checkpoint(Submission(0, (), note).marshal()).status == 200
    kept = witness.latest(sha256(ORIGIN.encode()).hexdigest())
    assert [line.key_name for line in parse_note(kept.body)[1]] == [ORIGIN, "w.example"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 0\n",
        HONEST.note(3),
        body(HONEST, 3)[:-1],
        body(HONEST, 3).replace(b"old 0", b"old 00"),
        body(HONEST, 3).replace(b"old 0", b"old -1"),
        b"old 0\n\n" + sign("not a checkpoint\n", [LOG]),
        b"old 0\n\n" + sign(f"{ORIGIN}\n03\n{'A' * 43}=\n", [LOG]),
        b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + HONEST.note(3),
    ],
)
def test_malformed_request_is_400(witness: WitnessService, data: bytes) -> None:
    """The form of body, note and checkpoint."""
    assert witness.add_checkpoint(data).status == 400


def test_old_size_above_the_checkpoints_is_400(witness: WitnessService) -> None:
    """Whatever was cosigned before."""
    for size in (0, 9):
        assert witness.add_checkpoint(body(HONEST, 8, old=9)).status == 400
        assert witness.add_checkpoint(body(HONEST, size)).status == 200


@pytest.mark.parametrize("old", [0, 3, 8, 10, 20])
def test_other_old_size_is_409_and_tells_the_right_one(witness: WitnessService, old: int) -> None:
    """So that the log can try again from there; the proof is not looked at."""
    witness.add_checkpoint(body(HONEST, 9))

    expected = Answer(409, b"9\n", SIZE_CONTENT_TYPE)
    assert expected == witness.add_checkpoint(body(HONEST, 20, old=old))
    assert expected == witness.add_checkpoint(body(HONEST, 20, old=old, proof=[bytes(32)]))
    assert witness.add_checkpoint(body(HONEST, 20, old=9)).status == 200


def test_from_nothing_every_other_size_is_409(witness: WitnessService) -> None:
    """What was never cosigned has size 0."""
    assert Answer(409, b"0\n", SIZE_CONTENT_TYPE) == witness.add_checkpoint(body(HONEST, 9, old=3))


def test_what_does_not_add_is_422(witness: WitnessService) -> None:
    """Forks, wrong and missing proofs, proofs where there is nothing to prove; memory stays."""
    empty = Checkpoint(ORIGIN, 0, bytes(32))
    assert witness.add_checkpoint(body(HONEST, 9, proof=[bytes(32)])).status == 422
    assert witness.add_checkpoint(b"old 0\n\n" + sign(empty.marshal(), [LOG])).status == 422
    assert witness.add_checkpoint(body(HONEST, 9)).status == 200
    for data in (
        body(FORK, 20, old=9),
        body(HONEST, 20, old=9, proof=[]),
        body(HONEST, 20, old=9, proof=HONEST.proof(8, 20)),
        body(HONEST, 20, old=9, proof=[*HONEST.proof(9, 20), bytes(32)]),
        body(FORK, 9, old=9),
        body(HONEST, 9, old=9, proof=[bytes(32)]),
    ):
        assert witness.add_checkpoint(data).status == 422
    assert witness.add_checkpoint(body(HONEST, 20, old=9)).status == 200


def test_extension_lines_are_cosigned_as_they_stand(witness: WitnessService) -> None:
    """They are part of what was seen, and say nothing about the tree."""
    checkpoint = Checkpoint(ORIGIN, 9, HONEST.root(9), ("an extension",))
    answer = witness.add_checkpoint(b"old 0\n\n" + sign(checkpoint.marshal(), [LOG]))

    assert cosigned_at(witness, checkpoint, answer) == NOW
    assert witness.add_checkpoint(body(HONEST, 9, old=9)).status == 200


def test_latest_is_the_note_with_our_cosignature(witness: WitnessService) -> None:
    """404 before the first, and for a hash that is no known origin's."""
    of_log = sha256(ORIGIN.encode()).hexdigest()
    assert witness.latest(of_log).status == 404
    for size in (0, 3, 9):
        old = max(size - 6, 0) if size != 3 else 0
        assert witness.add_checkpoint(body(HONEST, size, old=old)).status == 200
        answer = witness.latest(of_log)
        signed = open_checkpoint(answer.body, [KEY])
        assert HONEST.checkpoint(size) == signed.checkpoint
        ours = [Witness("us", witness.verifier_key)]
        assert cosignatures(signed.checkpoint, signed.note.unverified, ours) == {"us": NOW}
    assert witness.latest(sha256(b"example.com/other").hexdigest()).status == 404


def test_logs_are_kept_apart(tmp_path: Path) -> None:
    """Each has its own size and keys; one may have an old and a new key."""
    renewed = Signer(ORIGIN, bytes([9] * 32))
    keys = [KEY, renewed.verifier_key, STRANGER.verifier_key]
    witness = WitnessService(tmp_path, keys, clock=lambda: NOW)
    by_new_key = MemoryLog(SIZE, signer=renewed)

    assert witness.add_checkpoint(body(HONEST, 9)).status == 200
    assert witness.add_checkpoint(body(OTHER, 20)).status == 200
    assert witness.add_checkpoint(body(by_new_key, 20, old=9)).status == 200
    assert witness.add_checkpoint(body(OTHER, 20, old=9)).body == b"20\n"
    witness.close()


def test_memory_outlives_the_process(tmp_path: Path) -> None:
    """Opened again, also after a while without this log, it goes on where it was."""
    first = WitnessService(tmp_path, [KEY], clock=lambda: NOW)
    first.add_checkpoint(body(HONEST, 9))
    first.close()
    WitnessService(tmp_path, [STRANGER.verifier_key], clock=lambda: NOW).close()
    again = WitnessService(tmp_path, [KEY], clock=lambda: NOW)

    assert first.verifier_key == again.verifier_key
    assert again.add_checkpoint(body(FORK, 20)).body == b"9\n"
    assert again.add_checkpoint(body(FORK, 20, old=9)).status == 422
    assert again.add_checkpoint(body(HONEST, 20, old=9)).status == 200
    again.close()


def test_time_does_not_go_back(witness: WitnessService, clock: Clock) -> None:
    """503 while the clock shows less than the last cosignature; afterwards all is well."""
    assert witness.add_checkpoint(body(HONEST, 9)).status == 200
    clock.now = NOW - 1
    assert witness.add_checkpoint(body(HONEST, 20, old=9)).status == 503
    assert witness.add_checkpoint(body(FORK, 20, old=9)).status == 422
    clock.now = NOW + 0.9
    answer = witness.add_checkpoint(body(HONEST, 20, old=9))
    assert cosigned_at(witness, HONEST.checkpoint(20), answer) == NOW


def test_failing_disk_is_503_and_shows_no_cosignature(witness: WitnessService) -> None:
    """What could not be remembered is not vouched for."""
    witness.close()
    answer = witness.add_checkpoint(body(HONEST, 9))

    assert (answer.status, answer.body) == (503, b"memory failed\n")
    assert answer == witness.latest(sha256(ORIGIN.encode()).hexdigest())


@pytest.mark.parametrize(("old", "status"), [(9, 422), (3, 409)])
def test_two_roots_of_one_size_are_kept_as_evidence(
    witness: WitnessService, tmp_path: Path, old: int, status: int
) -> None:
    """Whatever old size came with them, once each, for anyone with the log's key to check."""
    witness.add_checkpoint(body(HONEST, 9))
    for _ in range(2):
        assert witness.add_checkpoint(body(FORK, 9, old=old, proof=[])).status == status
    [file] = (tmp_path / FOLDER).iterdir()
    found = Equivocation.parse(file.read_bytes(), [KEY])

    assert HONEST.checkpoint(9) == found.older.checkpoint
    assert FORK.checkpoint(9) == found.newer.checkpoint


def test_evidence_does_not_fill_the_disk(witness: WitnessService, tmp_path: Path) -> None:
    """A log that lies a thousand times is convicted a hundred times."""
    witness.add_checkpoint(body(HONEST, 9))
    for n in range(120):
        text = Checkpoint(ORIGIN, 9, n.to_bytes(32, "big")).marshal()
        assert witness.add_checkpoint(b"old 9\n\n" + sign(text, [LOG])).status == 422

    assert len(list((tmp_path / FOLDER).iterdir())) == 100


def test_evidence_needs_keys_of_today(tmp_path: Path) -> None:
    """Where the key that signed the kept checkpoint is gone, we answer and keep nothing."""
    first = WitnessService(tmp_path, [KEY], clock=lambda: NOW)
    first.add_checkpoint(body(HONEST, 9))
    first.close()
    renewed = Signer(ORIGIN, bytes([9] * 32))
    again = WitnessService(tmp_path, [renewed.verifier_key], clock=lambda: NOW)
    fork = MemoryLog(9, forked_at=5, signer=renewed)

    assert again.add_checkpoint(body(fork, 9, old=9)).status == 422
    assert not (tmp_path / FOLDER).exists()
    again.close()


def test_witness_needs_logs_keys(tmp_path: Path) -> None:
    """One at least, and no witness's."""
    for keys in ([], [WITNESSES[0].verifier_key]):
        with pytest.raises(Malformed):
            WitnessService(tmp_path, keys)


def test_empty_tree_has_its_root() -> None:
    """The witness's memory of nothing is the empty tree."""
    assert HONEST.root(0) == EMPTY_ROOT
