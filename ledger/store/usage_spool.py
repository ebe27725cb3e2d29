"""How is a large part of the usage index made at once? Sorted outside memory, then in order.

    additions ──sort──► a run on disk ┐
    additions ──sort──► a run on disk ├─merge──► keys in rising order, by slices ──► trie
                                  …   ┘

In order, each node is touched by one slice or two, however many entries there are: batches in
the order of the log touch the upper nodes again and again, and the lower ones at random.

    run: for each key in rising order   key 69 | number of hashes u32 | hashes, 32 each
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import merge
from struct import Struct
from types import TracebackType
from typing import IO, Final, TypeAlias

from ledger.limits import USAGE_BULK_KEYS
from ledger.merkle import HASH_BYTES
from ledger.usage_index.keys import KEY_BYTES

_HEAD: Final = Struct(f">{KEY_BYTES}sI")
_BUFFER_BYTES: Final = 65_536
# Told a stage, how much is done, and of how much.
Progress: TypeAlias = Callable[[str, int, int], None]


class Spool:
    """Leaf hashes by key, on disk until they are all there. Leave the block to delete them.

    Args:
        progress: Told how far it is.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._runs: list[IO[bytes]] = []
        self._hashes = 0  # in all runs
        self.say: Progress = progress or (lambda _stage, _done, _total: None)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for run in self._runs:
            run.close()

    def add(self, registers: Mapping[bytes, Sequence[bytes]]) -> None:
        """Leaf hashes that come after all that were added before. Raises OSError: no space."""
        run = tempfile.TemporaryFile(buffering=_BUFFER_BYTES)  # noqa: SIM115  closed with the spool
        self._runs.append(run)
        for key in sorted(registers):
            hashes = registers[key]
            run.write(_HEAD.pack(key, len(hashes)))
            run.write(b"".join(hashes))
            self._hashes += len(hashes)

    def slices(self) -> Iterator[dict[bytes, list[bytes]]]:
        """All of it, in rising order of keys; USAGE_BULK_KEYS of them at once, or fewer.

        A key with many hashes may go on in the next slice.
        """
        found: dict[bytes, list[bytes]] = {}
        hashes = done = 0
        for key, _number, data in merge(*map(_read, range(len(self._runs)), self._runs)):
            if hashes >= USAGE_BULK_KEYS:
                yield found
                done += hashes
                self.say("placements indexed", done, self._hashes)
                found, hashes = {}, 0
            of_key = found.setdefault(key, [])
            of_key += [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
            hashes += len(data) // HASH_BYTES
        if found:
            yield found


def _read(number: int, run: IO[bytes]) -> Iterator[tuple[bytes, int, bytes]]:
    run.seek(0)
    while head := run.read(_HEAD.size):
        key, count = _HEAD.unpack(head)
        yield key, number, run.read(count * HASH_BYTES)
