"""How does Spark audit a ledger's Parquet? A file a task, on as many machines as there are.

    files ──a task each──► hash, fold, compare on the executor ──► SliceAudit (a kilobyte) ─► driver
    columns stream, version ──Spark SQL, one shuffle──► the first that is out of order

No entry comes to the driver, only what its slice hashes to. The directory must lie under the
same path on every machine (NFS, a mounted bucket). Nothing is fetched from anywhere: started
here, Spark binds to loopback and says errors only; `spark-submit` brings a session of its own.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from ledger.audit.shapes import EntryReader
from ledger.audit.slices import Slice, SliceAudit
from ledger.audit.stream_order import StreamOrder
from ledger.errors import Refused
from ledger.limits import AUDIT_ENGINE_MEMORY_MB, MAX_AUDIT_LATER
from ledger.merkle import Frontier
from services.audit.duckdb_engine import digest_of
from services.audit.parquet_files import file_of
from services.audit.parquet_rows import ROWS_AT_ONCE, Rows, judge_leaves, unreadable

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MISNUMBERED: Final = """
SELECT leaf_index, place FROM (
  SELECT leaf_index, version, row_number() OVER stream AS place,
         lag(leaf_index, 1, -1L) OVER stream AS earlier
  FROM {columns} WHERE stream IS NOT NULL
  WINDOW stream AS (PARTITION BY stream ORDER BY version, leaf_index))
WHERE version <> place OR earlier > leaf_index ORDER BY leaf_index LIMIT 1
"""
CHANGED: Final = """
SELECT stream FROM {columns} WHERE stream IS NOT NULL
GROUP BY stream HAVING count(*) > 1 LIMIT {most}
"""
_LOG4J: Final = """
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = console
logger.repl.name = org.apache.spark.repl.Main
logger.repl.level = error
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
"""
_SHUFFLES: Final = 16  # parts of a sort: this machine has some cores, not a hundred
_LEAST_AT_ONCE: Final = 16  # files of one job
_AHEAD: Final = 4  # files a core of the cluster, in one job
_PACKAGES: Final = Path(__file__).resolve().parents[2]  # where ledger/ and services/ lie
_reader = lru_cache(maxsize=4)(EntryReader)


class SparkMissing(Refused):
    """The extra [spark] is not installed, or there is no Java."""


class Spark:
    """An engine of ParquetAudit.

    Args:
        master: `local[2]`, `local-cluster[2,1,1024]`, `spark://…`; None takes the session that
            spark-submit has set up, and leaves it as it is.
    Raises:
        SparkMissing: It cannot be started here.
    """

    def __init__(self, master: str | None) -> None:
        self._folder = TemporaryDirectory(prefix="candour-spark-")
        try:
            with _calm():
                self._session = _session(master, Path(self._folder.name))
        except BaseException:
            self._folder.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.stop()
        self._folder.cleanup()

    def audit(
        self, folder: Path, parts: Sequence[Slice], origin: str, done: Callable[[SliceAudit], None]
    ) -> None:
        if not parts:
            return
        where = str(folder.resolve())

        def audit_part(part: Slice) -> SliceAudit:
            return audit_file(where, part, origin)

        context = self._session.sparkContext
        at_once = max(_LEAST_AT_ONCE, context.defaultParallelism * _AHEAD)
        for start in range(0, len(parts), at_once):  # so that somebody sees how far it is
            some = parts[start : start + at_once]
            for audit in context.parallelize(some, len(some)).map(audit_part).collect():
                done(audit)

    def streams(self, paths: Sequence[Path]) -> StreamOrder:
        if not paths:
            return StreamOrder()
        files = [path.resolve().as_uri() for path in paths]
        with _calm():
            columns = self._session.read.parquet(*files).select("leaf_index", "stream", "version")
            wrong = self._session.sql(MISNUMBERED, columns=columns).collect()
            changed = self._session.sql(
                CHANGED, columns=columns, most=MAX_AUDIT_LATER + 1
            ).collect()
        first = (wrong[0][0], wrong[0][1]) if wrong else None
        return StreamOrder(first, set(map(digest_of, changed)))


def audit_file(folder: str, part: Slice, origin: str) -> SliceAudit:
    """Audit one file, on whatever machine this runs."""
    path = Path(folder, file_of(part))
    try:
        return _audit_file(path, part, origin)
    except (pa.ArrowException, OSError):
        return unreadable(part, "cannot be read")


def _audit_file(path: Path, part: Slice, origin: str) -> SliceAudit:
    rows = Rows(part, _reader(origin))
    frontier = Frontier()
    different: list[int] = []
    with pq.ParquetFile(path) as file:
        in_order = _is_in_order(file)
        batches = file.iter_batches(ROWS_AT_ONCE) if in_order else _sorted(file)
        for batch in batches:
            rows.add(batch)
            hashes = [sha256(b"\0" + entry).digest() for entry in batch.column("entry").to_pylist()]
            stored = batch.column("leaf_hash").to_pylist()
            if hashes != stored:
                indexes = batch.column("leaf_index").to_pylist()
                triples = zip(indexes, hashes, stored, strict=True)
                different += [index for index, made, said in triples if made != said]
            frontier = frontier.extended(hashes)
    found = rows.end()
    judge_leaves(found, different, found.counts.get("entries", 0))
    if found.whole:
        found.subtrees = list(frontier.subtrees)
    return found


def _is_in_order(file: pq.ParquetFile) -> bool:
    last = -1
    for batch in file.iter_batches(ROWS_AT_ONCE, columns=["leaf_index"]):
        indexes = batch.column(0).to_pylist()
        if sorted(indexes) != indexes or (indexes and indexes[0] < last):
            return False
        last = indexes[-1] if indexes else last
    return True


def _sorted(file: pq.ParquetFile) -> list[pa.RecordBatch]:
    """The rows of a file that somebody has stirred: one slice, in memory."""
    return list(file.read().sort_by("leaf_index").to_batches(ROWS_AT_ONCE))


def _session(master: str | None, folder: Path) -> SparkSession:
    try:
        import pyspark
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise SparkMissing(
            "the extra [spark] is not installed; `make spark`, or pip install"
            " 'candour-ledger[server,spark]'"
        ) from None
    builder = SparkSession.builder.appName("candour audit")
    if master is None:
        return builder.getOrCreate()
    home = str(Path(pyspark.__file__).parent)
    os.environ.update(SPARK_HOME=home, SPARK_LOCAL_IP="127.0.0.1", PYSPARK_PYTHON=sys.executable)
    os.environ.setdefault("SPARK_LOCAL_DIRS", str(folder))
    log4j = folder / "log4j2.properties"
    log4j.write_text(_LOG4J)
    options = f"-Dlog4j2.configurationFile={log4j} -Duser.timezone=UTC"
    settings = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": options,
        "spark.driver.memory": f"{AUDIT_ENGINE_MEMORY_MB}m",
        "spark.executor.extraJavaOptions": options,
        "spark.executor.memory": f"{AUDIT_ENGINE_MEMORY_MB}m",
        "spark.executorEnv.PYTHONPATH": str(_PACKAGES),
        "spark.sql.shuffle.partitions": str(_SHUFFLES),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }
    if master.startswith("local-cluster["):  # its last number is all the memory of a worker
        settings["spark.executor.memory"] = f"{master.rstrip(']').rsplit(',', 1)[1].strip()}m"
    for name, value in settings.items():
        builder = builder.config(name, value)
    said = folder / "stderr"
    try:
        with _stderr_into(said):
            return builder.master(master).getOrCreate()
    except (PySparkException, OSError, RuntimeError) as error:
        last = said.read_text("utf-8", "replace").strip().splitlines()[-1:] or [str(error)]
        raise SparkMissing(
            f"Spark does not start; is there a Java 17 or newer? ({last[0]})"
        ) from None


@contextmanager
def _stderr_into(path: Path) -> Iterator[None]:
    """Whatever Java is started here writes there: its warnings are no business of an audit's."""
    ours = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(ours, 2)
        os.close(ours)


@contextmanager
def _calm() -> Iterator[None]:
    """pyspark warns of versions of pandas, which we do not use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
