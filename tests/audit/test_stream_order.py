"""Are versions judged alike, however the records are shared out and sorted?"""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.audit.slices import STREAM_BYTES, stream_record
from ledger.audit.stream_order import StreamOrder, order_of_streams

logs = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.integers(1, 4)), max_size=24
)


def reference(log: list[tuple[bytes, int]]) -> tuple[int, int] | None:
    """As the database says it: by stream, by version, then by place."""
    wrong = []
    for stream in {stream for stream, _ in log}:
        rows = sorted((version, at) for at, (name, version) in enumerate(log) if name == stream)
        for place, (version, at) in enumerate(rows, 1):
            earlier = rows[place - 2][1] if place > 1 else -1
            if version != place or earlier > at:
                wrong.append((at, place))
    return min(wrong, default=None)


def looked_at(folder: Path, log: list[tuple[bytes, int]], cut: int, at_once: int) -> StreamOrder:
    records = [stream_record(stream, version, at) for at, (stream, version) in enumerate(log)]
    files = []
    for name, some in (("0", records[:cut]), ("1", records[cut:])):
        files.append(folder / name)
        files[-1].write_bytes(b"".join(sorted(some)))
    return order_of_streams(files, at_once=at_once)


@given(logs, st.integers(0, 24), st.integers(1, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_first_wrong_version_is_found(
    tmp_path: Path, log: list[tuple[bytes, int]], cut: int, at_once: int
) -> None:
    """The one that the database's own statement finds, whatever is in memory at once."""
    found = looked_at(tmp_path, log, cut, at_once)

    assert reference(log) == found.first_wrong
    several = {stream for stream, _ in log if sum(stream == name for name, _ in log) > 1}
    digests = {stream_record(stream, 1, 0)[:STREAM_BYTES] for stream in several}
    assert digests == found.changed


def test_versions_in_order_pass(tmp_path: Path) -> None:
    """Streams that interleave are each in order."""
    log = [(b"a", 1), (b"b", 1), (b"a", 2), (b"c", 1), (b"b", 2), (b"a", 3)]

    assert looked_at(tmp_path, log, 3, 2).first_wrong is None
