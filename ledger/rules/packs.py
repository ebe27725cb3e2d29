"""Which rule packs does this release have? All that ever shipped, each in every version.

    name, version, sha256 ──pack_of──► Pack

A version that was shipped stays in the package (packs/<name>-<version>.toml), so that an old answer
can be made again. Its SHA-256 stands in RulePackActivated.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from ledger.errors import Unverifiable
from ledger.rules.pack_files import Pack, Rule, read_pack

__all__ = ["Pack", "PackUnknown", "Rule", "newest", "pack_of", "read_pack", "shipped"]


class PackUnknown(Unverifiable):
    """A rule pack is not here, or not in that version, or not with those bytes."""

    def __init__(self, name: str, version: str, why: str) -> None:
        super().__init__(f"rule pack {name} version {version}: {why}")
        self.name, self.version = name, version


@cache
def shipped() -> tuple[Pack, ...]:
    """Every pack of this release, in every version, by name and version."""
    here = files(__package__) / "packs"
    read = [read_pack(item.read_bytes()) for item in here.iterdir() if item.name.endswith(".toml")]
    return tuple(sorted(read, key=lambda pack: (pack.name, _by_number(pack.version))))


def pack_of(name: str, version: str, digest: str | None = None) -> Pack:
    """The shipped pack of this name (`ca-ns`, or `rulePacks/ca-ns`), version and SHA-256.

    Raises:
        PackUnknown: It is not in this release: nothing that rests on it can be judged here.
    """
    own = name.removeprefix("rulePacks/")
    found = next((pack for pack in shipped() if (pack.name, pack.version) == (own, version)), None)
    if found is None:
        raise PackUnknown(own, version, "is not in this release; a newer one may have it")
    if digest is not None and digest != found.sha256:
        raise PackUnknown(own, version, "has other rules here (its SHA-256 differs)")
    return found


def newest(name: str) -> Pack:
    """The newest shipped version of a pack. Raises PackUnknown."""
    found = [pack for pack in shipped() if pack.name == name.removeprefix("rulePacks/")]
    if not found:
        names = ", ".join(dict.fromkeys(pack.name for pack in shipped()))
        raise PackUnknown(name, "any", f"is not in this release, which has {names}")
    return found[-1]


def _by_number(version: str) -> tuple[tuple[int, str], ...]:
    """2 before 10."""
    return tuple(
        (int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"[.-]", version)
    )
