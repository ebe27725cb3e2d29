"""What is on a disk after a power cut? Whatever was synced, and any part of the rest.

    calls (strace.py) ──► Disk ──cut(how, chance)──► files, as the next start finds them

The model is as bad as POSIX allows, and worse than most file systems are: a write that was not
synced may be there, or not, or some of its sectors, whatever became of those before and after
it; a name is there once its folder was synced, and until then perhaps. Names come in order, as
with every journal. What was synced stays. Shared memory (`-shm`) is of one boot.

Source: Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014 (ALICE).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath
from random import Random
from typing import Final

from tests.faults.strace import Call

_SECTOR: Final = 512


class Cut(Enum):
    """How much of what was not synced is there."""

    NOTHING = "nothing unsynced"
    SOME = "some of what was unsynced"
    ALL = "everything"


@dataclass(slots=True, eq=False)
class _File:
    durable: bytes = b""
    now: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)
    folder: bool = False


def _change(content: bytearray, call: Call) -> None:
    if call.name == "truncate":
        assert call.number is not None
        del content[call.number :]
        content += bytes(call.number - len(content))
        return
    at = call.number
    assert at is not None
    content += bytes(max(0, at - len(content)))
    content[at : at + len(call.data)] = call.data


class Disk:
    """The files of one folder, while calls are made.

    Args:
        root: The folder, which is there for certain.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._names: dict[str, _File] = {}  # as processes see them
        self._durable: dict[str, _File] = {}
        self._pending: list[tuple[str, _File | None]] = []

    def do(self, call: Call) -> None:
        """One call, made by a process."""
        name = call.path.removesuffix(" (deleted)")
        match call.name:
            case "create" if name not in self._names:
                self._name(name, _File())
            case "mkdir":
                self._name(name, _File(folder=True))
            case "unlink":
                self._name(name, None)
            case "link":
                self._name(call.to, self._names[name])
            case "rename":
                file = self._names[name]
                self._name(call.to, file)
                self._name(name, None)
            case "write" | "truncate" if name in self._names:
                self._write(self._names[name], call)
            case "sync":
                self._sync(name)

    def _write(self, file: _File, call: Call) -> None:
        if call.number is None:
            call = Call(call.name, call.path, call.data, len(file.now))
        _change(file.now, call)
        file.pending.append(call)

    def _name(self, path: str, file: _File | None) -> None:
        if file is None:
            self._names.pop(path)
        else:
            self._names[path] = file
        self._pending.append((path, file))

    def _sync(self, path: str) -> None:
        file = self._names.get(path)
        if path == self._root or (file is not None and file.folder):
            self._settle([item for item in self._pending if _parent(item[0]) == path])
            self._pending = [item for item in self._pending if _parent(item[0]) != path]
        elif file is not None:
            file.durable, file.pending = bytes(file.now), []

    def _settle(self, names: list[tuple[str, _File | None]]) -> None:
        _rename(self._durable, names)

    def content(self, name: str) -> bytes:
        """What a process reads in a file of the root; blank where it is not there."""
        file = self._names.get(f"{self._root}/{name}")
        return b"" if file is None else bytes(file.now)

    def cut(self, how: Cut, chance: Random, into: Path) -> None:
        """Write the files that the next start finds, if the power goes now, into an empty folder."""
        names = dict(self._durable)
        many = {Cut.NOTHING: 0, Cut.ALL: len(self._pending)}.get(
            how, chance.randint(0, len(self._pending))
        )
        _rename(names, self._pending[:many])
        for path, file in sorted(names.items()):
            there = into / Path(path).relative_to(self._root)
            if path.endswith("-shm") or not there.parent.is_dir():
                continue  # in a folder whose own name is lost
            if file.folder:
                there.mkdir(mode=0o700)
            else:
                there.write_bytes(_content(file, how, chance))
                there.chmod(0o600)


def _parent(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _rename(names: dict[str, _File], changes: list[tuple[str, _File | None]]) -> None:
    for path, file in changes:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


def _content(file: _File, how: Cut, chance: Random) -> bytes:
    if how is Cut.ALL:
        return bytes(file.now)
    content = bytearray(file.durable)
    if how is Cut.SOME:
        likely = chance.choice((0.1, 0.5, 0.9))
        for call in file.pending:
            for part in _parts(call, chance):
                if chance.random() < likely:
                    _change(content, part)
    return bytes(content)


def _parts(call: Call, chance: Random) -> list[Call]:
    """A write whole, or in its sectors, which come one by one."""
    if call.name == "truncate" or chance.random() < 0.5:
        return [call]
    parts, at, data = [], call.number or 0, call.data
    while data:
        size = _SECTOR - at % _SECTOR
        parts.append(Call(call.name, call.path, data[:size], at))
        at, data = at + size, data[size:]
    return parts
