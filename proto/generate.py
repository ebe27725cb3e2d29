"""What do services import? Python made from proto/candour, in services/pb, never edited.

    proto/**/*.proto ──protoc, mypy-protobuf──► candour.v1.* ──rehome──► services.pb.candour.v1.*

protoc names modules after .proto paths; ours live below `services.pb`, so the imports between
them are rewritten. google.api and google.rpc come from googleapis-common-protos, as installed.

    python proto/generate.py            write services/pb
    python proto/generate.py --check    say which files differ, and change nothing
"""

from __future__ import annotations

import re
import shutil
import sys
import sysconfig
import tempfile
from importlib import resources
from pathlib import Path
from typing import Final

from grpc_tools import protoc  # type: ignore[import-untyped]  # ships no types

PROTO: Final = Path(__file__).resolve().parent
PB: Final = PROTO.parent / "services" / "pb"
HOME: Final = "services.pb"

# The one form all three generators write: `from candour.v1 import x_pb2 as …`.
_OURS: Final = re.compile(r"^(\s*from )(candour[. ])", re.MULTILINE)
_NOTE: Final = '"""Generated from proto/ by `make proto`; edits are lost."""\n'


def rehome(source: str) -> str:
    """Point the imports of our own generated modules at `services.pb`; strings stay as they are."""
    return _OURS.sub(rf"\g<1>{HOME}.\g<2>", source)


def generate(into: Path) -> list[Path]:
    """Write the whole of services/pb into an empty folder; return what was written, sorted.

    Raises:
        SystemExit: protoc refused the contracts (its own words are on stderr), or there are none.
    """
    contracts = sorted(str(path.relative_to(PROTO)) for path in PROTO.glob("candour/**/*.proto"))
    if not contracts:
        raise SystemExit(f"no .proto file below {PROTO / 'candour'}")
    site = sysconfig.get_path("purelib")
    scripts = Path(sysconfig.get_path("scripts"))
    code = protoc.main(
        [
            "protoc",
            f"-I{PROTO}",
            f"-I{site}",  # google/api, google/rpc
            f"-I{resources.files('grpc_tools') / '_proto'}",  # google/protobuf
            f"--plugin=protoc-gen-mypy={scripts / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={scripts / 'protoc-gen-mypy_grpc'}",
            f"--python_out={into}",
            f"--grpc_python_out={into}",
            f"--mypy_out=quiet:{into}",
            f"--mypy_grpc_out=quiet:{into}",
            *contracts,
        ]
    )
    if code != 0:
        raise SystemExit(f"protoc refused the contracts (exit {code})")
    for module in [*into.rglob("*.py"), *into.rglob("*.pyi")]:
        module.write_text(rehome(module.read_text("utf-8")), "utf-8")
    for package in {into, *(path for path in into.rglob("*") if path.is_dir())}:
        (package / "__init__.py").write_text(_NOTE, "utf-8")
    return files_of(into)


def files_of(folder: Path) -> list[Path]:
    """Every source file below `folder`, relative and sorted; byte code does not count."""
    return sorted(
        path.relative_to(folder) for path in folder.rglob("*.py*") if path.suffix in {".py", ".pyi"}
    )


def differences(fresh: Path, kept: Path) -> list[str]:
    """One line for each file that is missing, left over or of other content in `kept`."""
    new, old = set(files_of(fresh)), set(files_of(kept))
    return sorted(
        [f"{path}: missing" for path in new - old]
        + [f"{path}: no contract makes it any more" for path in old - new]
        + [
            f"{path}: differs"
            for path in new & old
            if (fresh / path).read_bytes() != (kept / path).read_bytes()
        ]
    )


def main(arguments: list[str]) -> int:
    """Run as a command; 0 where services/pb agrees with the contracts."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"usage: {sys.argv[0]} [--check]\n")
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch)
        written = generate(fresh)
        if arguments:
            stale = [f"services/pb/{line}\n" for line in differences(fresh, PB)]
            sys.stderr.writelines(stale)
            if stale:
                sys.stderr.write("services/pb is not what proto/ says: run `make proto`\n")
            return 1 if stale else 0
        shutil.rmtree(PB, ignore_errors=True)
        shutil.copytree(fresh, PB)
        sys.stdout.write(f"services/pb: {len(written)} files\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
