"""Whatever a log and the witness's machine do, is there one history that it vouched for?

A log signs what it likes: its own tree, or one of two forks, old or new, with proofs of any of
them. The model is one line: what was cosigned last, and of which history it can be.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.tlog import Checkpoint, parse_note, verify_cosignature
from services.witness.service import WitnessService
from tests.services.witness.harness import NOW, body
from tests.tlog.logs import MemoryLog
from tests.tlog.strategies import LOG, STRANGER

SIZE = 24
FORKED_AT = {"honest": None, "early fork": 3, "late fork": 14}
TREES = {
    signer.verifier_key.name: {
        name: MemoryLog(SIZE, forked_at=at, signer=signer) for name, at in FORKED_AT.items()
    }
    for signer in (LOG, STRANGER)
}
KEYS = [LOG.verifier_key, STRANGER.verifier_key]

origins = st.sampled_from(sorted(TREES))
histories = st.sampled_from(sorted(FORKED_AT))
sizes = st.integers(0, SIZE)


class Watched(RuleBasedStateMachine):
    """One witness of two logs, its clock and its restarts."""

    @initialize()
    def start(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="witness-"))
        self.now = NOW
        self.last = dict.fromkeys(TREES, 0)
        self.roots = {origin: trees["honest"].root(0) for origin, trees in TREES.items()}
        self.cosigned: dict[str, list[tuple[int, Checkpoint]]] = {origin: [] for origin in TREES}
        self.replies: list[bytes] = []
        self.open()

    def open(self) -> None:
        self.witness = WitnessService(self.data, KEYS, clock=lambda: self.now)

    def teardown(self) -> None:
        self.witness.close()
        shutil.rmtree(self.data)

    @rule(
        origin=origins,
        history=histories,
        size=sizes,
        old=st.none() | sizes,
        proof_history=st.none() | histories,
    )
    def submit(
        self, origin: str, history: str, size: int, old: int | None, proof_history: str | None
    ) -> None:
        """A checkpoint of any history, from the right size or another, with any history's proof."""
        tree = TREES[origin][history]
        old_size = self.last[origin] if old is None else old
        proof = None
        if proof_history is not None and old_size <= size:
            proof = TREES[origin][proof_history].proof(old_size, size)
        data = body(tree, size, old=old_size, proof=proof)
        self.replies.append(data)
        self.judge(origin, tree.checkpoint(size), old_size, data)

    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """An earlier request once more, to the byte."""
        if self.replies:
            request = data.draw(st.sampled_from(self.replies))
            checkpoint = Checkpoint.parse(parse_note(request.partition(b"\n\n")[2])[0])
            old_size = int(request.split()[1])
            self.judge(checkpoint.origin, checkpoint, old_size, request)

    @rule()
    def restart(self) -> None:
        """The process ends and starts again on its file."""
        self.witness.close()
        self.open()

    @rule()
    def second_process(self) -> None:
        """Another one takes over on the same file while the first one is still open."""
        first = self.witness
        self.open()
        first.close()

    @rule(seconds=st.integers(0, 5))
    def tick(self, seconds: int) -> None:
        self.now += seconds

    def judge(self, origin: str, new: Checkpoint, old_size: int, request: bytes) -> None:
        """The model: what the answer must be, and what is remembered then."""
        answer = self.witness.add_checkpoint(request)
        last, root = self.last[origin], self.roots[origin]
        if old_size > new.tree_size:
            assert answer.status == 400
        elif old_size != last:
            assert (answer.status, answer.body) == (409, b"%d\n" % last)
        elif self.adds(origin, new, request):
            assert answer.status == 200
            note = TREES[origin]["honest"].note(0)  # any note will do to read a line below it
            line = parse_note(note + answer.body)[1][-1]
            at = verify_cosignature(new, line, self.witness.verifier_key)
            assert at == self.now
            self.cosigned[origin].append((at, new))
            self.last[origin], self.roots[origin] = new.tree_size, new.root
        else:
            assert answer.status == 422
            assert (last, root) == (self.last[origin], self.roots[origin])

    def adds(self, origin: str, new: Checkpoint, request: bytes) -> bool:
        """Whether this request's proof is right, as the trees themselves have it."""
        last = self.last[origin]
        for tree in TREES[origin].values():
            if (tree.root(last), tree.root(new.tree_size)) == (self.roots[origin], new.root):
                return request == body(tree, new.tree_size, old=last)
        return False

    @invariant()
    def one_history(self) -> None:
        """All that was ever cosigned of a log is one growing tree, at times that never fall."""
        for origin, cosigned in getattr(self, "cosigned", {}).items():
            if not cosigned:
                continue
            times = [at for at, _ in cosigned]
            sizes = [checkpoint.tree_size for _, checkpoint in cosigned]
            assert times == sorted(times)
            assert sizes == sorted(sizes)
            roots = {checkpoint.tree_size: checkpoint.root for _, checkpoint in cosigned}
            assert all(roots[c.tree_size] == c.root for _, c in cosigned)
            assert any(
                all(tree.root(size) == root for size, root in roots.items())
                for tree in TREES[origin].values()
            )


# A step may write to disk several times.
Watched.TestCase.settings = settings(
    max_examples=settings().max_examples // 2, stateful_step_count=25
)
TestWatched = Watched.TestCase
