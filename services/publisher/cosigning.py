"""How are many witnesses asked at once, and none of them waited for too long?

    note ──ask──► a thread a witness ──submit──► cosignature, or why not ──┐
    note + lines, once the quorum has signed ◄──collect────────────────────┘

A witness that hangs holds up its own thread. Whatever it says later is remembered, and not used:
a cosignature is over one checkpoint.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, TypeAlias, TypeGuard

from opentelemetry.context import Context, get_current

from ledger.errors import CandourError, Refused
from ledger.limits import COSIGN_GRACE_S, COSIGN_ROUND_S
from ledger.merkle import TileTree
from ledger.tlog import TrustPolicy, Witness, add_signatures
from services.publisher.witness_client import Cosignature, WitnessAhead, WitnessRefused, submit
from services.runtime.publication import Seen
from services.runtime.tracing import OFF, Attributes, Tracing

_log: Final = logging.getLogger("candour.publisher")


class Unwitnessed(Refused):
    """Too few witnesses have cosigned a checkpoint, so it is not published yet.

    Args:
        quorum: Of the policy.
        failures: Why each witness that has not cosigned has not; None: no answer in time.
    """

    def __init__(self, quorum: str, failures: Mapping[str, CandourError | None]) -> None:
        said = "; ".join(f"{name}: {_reason(error)}" for name, error in failures.items())
        super().__init__(f"quorum {quorum} is not met: {said}")
        self.quorum, self.failures = quorum, dict(failures)

    @property
    def overtaken(self) -> bool:
        """True where a larger tree of ours is cosigned: try again with the newest head."""
        return any(isinstance(error, WitnessAhead) for error in self.failures.values())


@dataclass(frozen=True, slots=True)
class _Asked:
    note: bytes
    tree_size: int
    round: Context  # of the span of this round, for whoever works in another thread


_Said: TypeAlias = Cosignature | CandourError


class _Asker(threading.Thread):
    """Asks one witness, one thing at a time. A daemon: nobody waits for it at the end."""

    def __init__(
        self,
        witness: Witness,
        tree: Callable[[int], TileTree],
        out: _Answers,
        tracing: Tracing,
    ) -> None:
        super().__init__(name=f"witness-{witness.name}", daemon=True)
        self.witness, self._tracing = witness, tracing
        self.busy = False  # read and written by the collector alone
        self.answered_at = 0.0  # seconds since 1970; read while it is not busy
        self._tree, self._out = tree, out
        self._in: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._cosigned_size = 0
        self.start()

    def ask(self, asked: _Asked) -> None:
        self.busy = True
        self._in.put(asked)

    def end(self) -> None:
        self._in.put(None)

    def run(self) -> None:
        while (asked := self._in.get()) is not None:
            said = self._submit(asked)
            self.answered_at = time.time()
            self._out.put((self, asked, said))

    def _submit(self, asked: _Asked) -> _Said:
        tree = self._tree(asked.tree_size)
        told: Attributes = {
            "candour.witness": self.witness.name,
            "candour.tree_size": asked.tree_size,
        }
        try:
            with self._tracing.span("candour.cosign", told, parent=asked.round):
                found = submit(
                    self.witness.url or "",
                    self.witness.key,
                    note=asked.note,
                    old_size=self._cosigned_size,
                    prove=tree.consistency_proof,
                )
        except CandourError as error:
            return error
        except Exception as error:  # noqa: BLE001  a thread that ends is a witness never asked again
            return Refused(f"an error of ours: {type(error).__qualname__}")
        self._cosigned_size = asked.tree_size
        return found


Doubt: TypeAlias = Callable[[Witness, WitnessAhead | WitnessRefused], None]
_Answers: TypeAlias = queue.SimpleQueue[tuple[_Asker, _Asked, _Said]]


class Collector:
    """Collects the cosignatures that a policy asks for; call it from one thread at a time.

    Args:
        policy: Every witness has a URL.
        tree: The tree of a size, for consistency proofs.
        doubt: Called where a witness says that it knows another history; returns if it does not.
        tracing: Of the process.
    """

    def __init__(
        self,
        policy: TrustPolicy,
        tree: Callable[[int], TileTree],
        doubt: Doubt,
        tracing: Tracing = OFF,
    ) -> None:
        self._policy, self._doubt = policy, doubt
        self._answers: _Answers = queue.SimpleQueue()
        self._askers = [
            _Asker(witness, tree, self._answers, tracing) for witness in policy.witnesses
        ]
        # Replaced whole, so that other threads may read it.
        self.seen: Mapping[str, Seen] = {witness.name: Seen() for witness in policy.witnesses}

    def close(self) -> None:
        for asker in self._askers:
            asker.end()

    def collect(self, note: bytes, tree_size: int) -> bytes:
        """The note with cosignatures; with a quorum, only where that has signed.

        Raises:
            Unwitnessed: Too few signed within COSIGN_ROUND_S.
            CandourError: What `doubt` raises, even where the quorum has signed.
        """
        asked = _Asked(note, tree_size, get_current())
        signatures, failures = self._round(asked)
        self._remember(signatures, failures, tree_size)
        for asker in self._askers:
            failure = failures.get(asker.witness.name)
            if isinstance(failure, WitnessAhead) or _sees_fork(failure):
                self._doubt(asker.witness, failure)
        if self._policy.quorum is not None and not self._policy.quorum_met(signatures):
            raise Unwitnessed(self._policy.quorum, failures)
        return add_signatures(note, [found.signature for found in signatures.values()])

    def _round(
        self, asked: _Asked
    ) -> tuple[dict[str, Cosignature], dict[str, CandourError | None]]:
        """Who cosigned; who did not, and why: None where no answer came in time."""
        for asker in self._askers:
            if not asker.busy:
                asker.ask(asked)
        signatures: dict[str, Cosignature] = {}
        failures: dict[str, CandourError | None] = {a.witness.name: None for a in self._askers}
        deadline = time.monotonic() + COSIGN_ROUND_S
        if self._policy.quorum is None:  # nobody must sign, so nobody is waited for long
            deadline = time.monotonic() + COSIGN_GRACE_S
        waiting = len(self._askers)
        while waiting:
            try:
                left_s = max(deadline - time.monotonic(), 0)
                asker, about, said = self._answers.get(timeout=left_s)
            except queue.Empty:
                break
            asker.busy = False
            if about is not asked:  # late, of an earlier round
                asker.ask(asked)
                continue
            waiting -= 1
            if isinstance(said, CandourError):
                failures[asker.witness.name] = said
                continue
            del failures[asker.witness.name]
            signatures[asker.witness.name] = said
            if self._policy.quorum is not None and self._policy.quorum_met(signatures):
                deadline = min(deadline, time.monotonic() + COSIGN_GRACE_S)
        return signatures, failures

    def _remember(
        self,
        signatures: Mapping[str, Cosignature],
        failures: Mapping[str, CandourError | None],
        tree_size: int,
    ) -> None:
        seen = dict(self.seen)
        answered = {asker.witness.name: asker.answered_at for asker in self._askers}
        for name, found in signatures.items():
            seen[name] = Seen(tree_size, found.cosigned_at, answered_at=answered[name])
        for name, error in failures.items():
            before, failure = seen[name], _reason(error)
            if not before.failure:
                _log.warning("witness %s has not cosigned %d: %s", name, tree_size, failure)
            seen[name] = replace(before, failure=failure)
        self.seen = MappingProxyType(seen)


def _sees_fork(failure: CandourError | None) -> TypeGuard[WitnessRefused]:
    """True where a witness compared our tree with one that it cosigned, and they differ."""
    return isinstance(failure, WitnessRefused) and failure.status in (409, 422)


def _reason(error: CandourError | None) -> str:
    if error is None:
        return "no answer in time"
    return str(getattr(error, "reason", error))
