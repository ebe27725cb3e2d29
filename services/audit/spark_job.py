"""The audit of a ledger's Parquet as a job of any Spark cluster.

    zip -r candour.zip ledger services
    spark-submit --master spark://… --py-files candour.zip services/audit/spark_job.py \\
        --parquet /mnt/ledger --trust trust.txt [--older checkpoint] > report.json

Executors need what `pip install 'candour-ledger[server]'` brings (pyarrow, msgspec, cryptography),
and the directory under the same path. Prints the report as JSON; exit status 0 good, 1 a
difference was found, 2 it could not run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ledger.errors import CandourError
from ledger.tlog import parse_trust_policy
from services.audit.parquet_audit import ParquetAudit
from services.audit.spark_engine import Spark


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit as the command line says; returns the exit status."""
    parser = argparse.ArgumentParser(prog="spark_job.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--parquet", type=Path, required=True, help="as every machine sees it")
    parser.add_argument("--trust", type=Path, required=True, help="the ledger's trust file")
    parser.add_argument("--older", type=Path, help="a checkpoint that you kept")
    options = parser.parse_args(arguments)
    try:
        trust = parse_trust_policy(options.trust.read_bytes())
        older = options.older.read_bytes() if options.older else None
        report = ParquetAudit(options.parquet, trust, lambda: Spark(None), older).run()
    except (CandourError, OSError) as error:
        sys.stderr.write(f"The audit could not run: {error}\n")
        return 2
    sys.stdout.write(json.dumps(report.to_object(), ensure_ascii=False, indent=1) + "\n")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
