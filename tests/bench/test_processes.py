"""Is what a process costs what the system says?"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from bench.processes import children, cpu_s, peak_mb, rss_mb, tree


def test_processor_time_of_those_that_ended_is_in_the_tree() -> None:
    """A child that worked and ended counts for its parent's tree, and not for the parent alone."""
    alone, whole = cpu_s(os.getpid()), cpu_s(os.getpid(), whole_tree=True)
    subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)

    assert cpu_s(os.getpid(), whole_tree=True) - whole >= 0.05
    assert cpu_s(os.getpid()) - alone < cpu_s(os.getpid(), whole_tree=True) - whole


def test_living_child_is_found_with_its_memory() -> None:
    """A child stands in the tree while it lives, with memory now and at its most."""
    command = "import sys; x = b'x' * 50_000_000; print('there', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()

        assert child.pid in children(os.getpid())
        assert child.pid in tree(os.getpid())
        assert 40 < rss_mb(child.pid) <= peak_mb(child.pid)
        child.communicate(b"")
    deadline = time.monotonic() + 30
    while child.pid in children(os.getpid()):
        assert time.monotonic() < deadline
