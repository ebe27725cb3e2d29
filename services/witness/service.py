"""What must a witness answer? (C2SP tlog-witness, version 1.1.0)

    body ──parse──► submission ──its log's keys──► checkpoint ──last one──► cosign, or refuse

The log decides nothing here: not which tree is the last, and not what time it is.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

from ledger.errors import Malformed, VerificationFailed
from ledger.merkle import ConsistencyFailed
from ledger.tlog import (
    NOTE_TYPE,
    SIZE_CONTENT_TYPE,
    Checkpoint,
    SignedCheckpoint,
    Submission,
    VerifierKey,
    check_growth,
    claimed_checkpoint,
    open_checkpoint,
)
from ledger.tlog.growth import note_bytes
from services.witness.evidence import keep_equivocation
from services.witness.memory import ClockWentBack, Cosigned, Memory

_log: Final = logging.getLogger("candour.witness")
_TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: an HTTP status, and a text."""

    status: int
    body: bytes
    content_type: str = _TEXT


class Judge(Protocol):
    """Who is asked for more than that a log only grew (services/witness_replay)."""

    def vouch(self, checkpoint: Checkpoint) -> Answer | None:
        """None where it may be cosigned, which adds to what was cosigned last; else why not."""

    def status(self, origin: str) -> dict[str, Any]:
        """What is told of a log in `GET /status`."""


class WitnessService:
    """Cosigns the checkpoints of some logs; safe to call from many threads.

    Args:
        data: Directory of its file, made where missing; no other witness's.
        logs: Keys of type 0x01, each named as its log's origin; one log may have several.
        name: As of `Memory`.
        clock: Seconds since 1970.
        judge: Asked before each cosignature; None where order is all that is vouched for.
    Raises:
        Malformed: A key is of another type, or there is none.
        MemoryRefused: As of `Memory`.
    """

    def __init__(
        self,
        data: Path,
        logs: Iterable[VerifierKey],
        *,
        name: str | None = None,
        clock: Callable[[], float] = time.time,
        judge: Judge | None = None,
    ) -> None:
        self._keys: dict[str, list[VerifierKey]] = {}
        for key in logs:
            if key.key_type != NOTE_TYPE:
                raise Malformed("log", "must be a log's key, of type 0x01")
            self._keys.setdefault(key.name, []).append(key)
        if not self._keys:
            raise Malformed("log", "must be at least one")
        self._origins = {sha256(origin.encode()).hexdigest(): origin for origin in self._keys}
        self._clock, self._judge_of_content = clock, judge
        self._data = data
        self._memory = Memory(data, name)
        self._memory.know(self._keys)

    @property
    def verifier_key(self) -> VerifierKey:
        """The key that others put into their trust policies."""
        return self._memory.cosigner.verifier_key

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()

    def latest(self, origin_hash: str) -> Answer:
        """The last checkpoint we cosigned of the log whose origin has this SHA-256, in hex."""
        origin = self._origins.get(origin_hash)
        try:
            note = None if origin is None else self._memory.last(origin).note
        except sqlite3.Error as error:
            return _memory_failed(error)
        return _refusal(404, "no such checkpoint") if note is None else Answer(200, note)

    def status(self) -> Answer:
        """What we vouch for, and how far; as JSON, for people and their scripts."""
        judge = self._judge_of_content
        try:
            logs = [
                {
                    "origin": origin,
                    "tree_size": (last := self._memory.last(origin)).tree_size,
                    "cosigned_at": last.cosigned_at or None,
                    "replay": None if judge is None else judge.status(origin),
                }
                for origin in sorted(self._keys)
            ]
        except sqlite3.Error as error:
            return _memory_failed(error)
        found = {
            "name": self.verifier_key.name,
            "vouches_for": "order" if judge is None else "order and every root of the usage index",
            "logs": logs,
        }
        return Answer(200, f"{json.dumps(found, indent=1)}\n".encode(), "application/json")

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign the checkpoint in this request, or say why not; steps as C2SP orders them."""
        # 1. The request has the form, and its checkpoint too.
        try:
            submission = Submission.parse(body)
        except Malformed as broken:
            return _refusal(400, str(broken))
        # 2. We know the log.
        keys = self._keys.get(claimed_checkpoint(submission.note).origin)
        if keys is None:
            return _refusal(404, "unknown origin")
        # 3. One of its keys signed, and none badly.
        try:
            signed = open_checkpoint(submission.note, keys)
        except VerificationFailed as failed:
            return _refusal(403, str(failed))
        # 4. The old tree is not the larger one.
        if submission.old_size > signed.checkpoint.tree_size:
            return _refusal(400, "old size: must not exceed the checkpoint's")
        try:
            return self._judge(submission, signed)
        except ClockWentBack as back:
            _log.error("nothing is cosigned for %s: %s", signed.checkpoint.origin, back)
            return _refusal(503, str(back))
        except sqlite3.Error as error:
            return _memory_failed(error)

    def _judge(self, submission: Submission, signed: SignedCheckpoint) -> Answer:
        new = signed.checkpoint
        last = self._memory.last(new.origin)
        if last.note and last.tree_size == new.tree_size and last.root != new.root:
            keep_equivocation(self._data, last.note, signed, self._keys[new.origin])
        # 5. The submitter knows what we cosigned last.
        if submission.old_size != last.tree_size:
            return _conflict(last)
        # 6. The new tree adds to that one, or is that one.
        try:
            check_growth(
                old_size=last.tree_size, old_root=last.root, newer=new, proof=submission.proof
            )
        except ConsistencyFailed as failed:
            return _refusal(422, str(failed))
        # 7. Its content was looked at, where that is what we vouch for.
        if self._judge_of_content is not None:
            refused = self._judge_of_content.vouch(new)
            if refused is not None:
                return refused
        # 8. Nobody was quicker; then it is on disk before the answer is on its way.
        own = replace(signed.note, unverified=())  # there is no room for strangers' lines
        signature = self._memory.swap(last, new, note=note_bytes(own), clock=self._seconds)
        if signature is None:
            return _conflict(self._memory.last(new.origin))
        return Answer(200, f"{signature.line()}\n".encode())

    def _seconds(self) -> int:
        return int(self._clock())


def _conflict(last: Cosigned) -> Answer:
    return Answer(409, f"{last.tree_size}\n".encode(), SIZE_CONTENT_TYPE)


def _memory_failed(error: sqlite3.Error) -> Answer:
    _log.error("memory failed: %s", error)
    return _refusal(503, "memory failed")


def _refusal(status: int, reason: str) -> Answer:
    return Answer(status, f"{reason}\n".encode())
