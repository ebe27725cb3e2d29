"""Does this database still hold what witnesses saw us sign? Asked before anything is signed again.

    start ──► GET <witness>/<SHA-256 of origin>/checkpoint, all at once ──► our own signature
        over a tree that the store holds, or over nothing yet ──► one that has answered
        over one that it does not hold ──► HistoryLost
    those who are silent could no longer make the quorum by themselves ──► confirmed

Whatever was published had the quorum's cosignatures; so among those who have answered then is one
who saw the last of it.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import Final

from ledger.errors import CandourError
from ledger.limits import COSIGN_ROUND_S
from ledger.tlog import Checkpoint, TrustPolicy, Witness
from services.publisher.lost_history import check_held, cosigned_last
from services.runtime.hosting import Hosted
from services.runtime.refusals import Unconfirmed

# What a witness says: the checkpoint it cosigned last, nothing, or why it cannot be told.
_Said = Checkpoint | None | CandourError | OSError
_STARTED: Final = "not asked yet"


class Confirmation:
    """What keeps a ledger silent until its witnesses have spoken; one start of one ledger, or one
    change of its database server.

    Args:
        hosted: With a policy. Its log is halted until `confirm` returns.
    """

    def __init__(self, hosted: Hosted, policy: TrustPolicy) -> None:
        self._hosted, self._policy = hosted, policy
        self._silent = {witness.name: _STARTED for witness in policy.witnesses}
        self._halt()

    def confirm(self) -> None:
        """Ask who has not answered; return where enough have, and the log is free. Blocking.

        Raises:
            Unconfirmed: Too few have; ask again.
            HistoryLost: One holds our signature over a tree that the store does not hold.
            StoreUnavailable: It could not be looked up.
        """
        waiting = [one for one in self._policy.witnesses if one.name in self._silent]
        said: queue.SimpleQueue[tuple[Witness, _Said]] = queue.SimpleQueue()
        for witness in waiting:
            threading.Thread(
                target=lambda one=witness: said.put((one, _ask(self._hosted, one))),
                name=f"confirm-{witness.name}",
                daemon=True,  # one that hangs is not waited for
            ).start()
        deadline = time.monotonic() + COSIGN_ROUND_S
        for _ in waiting:
            try:
                witness, answer = said.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                break
            if isinstance(answer, CandourError | OSError):
                self._silent[witness.name] = str(answer) or type(answer).__name__
                continue
            if answer is not None:
                check_held(self._hosted, answer)
            self._silent.pop(witness.name, None)
            if self._enough():  # who is asked in vain must not keep those waiting who report
                break
        if not self._enough():
            raise self._halt()
        if isinstance(self._hosted.log.halted, Unconfirmed):
            self._hosted.log.halted = None

    def _enough(self) -> bool:
        if self._policy.quorum is None:  # nobody must have seen anything: one who did will do
            return len(self._silent) < len(self._policy.witnesses)
        return not self._policy.quorum_met(self._silent)

    def _halt(self) -> Unconfirmed:
        found = Unconfirmed(self._silent)
        if self._hosted.log.halted is None or isinstance(self._hosted.log.halted, Unconfirmed):
            self._hosted.log.halted = found
        return found


def _ask(hosted: Hosted, witness: Witness) -> _Said:
    try:
        return cosigned_last(hosted, witness.url or "")
    except (CandourError, OSError) as error:
        return error
