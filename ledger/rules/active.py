"""By which packs is an agency judged, after these entries? Activations, folded.

    RulePackActivated, RulePackDeactivated ──active_packs──► ActivePack: pack, whose uses, since which entry

The base pack always holds, in the version that this format fixed, unless another was activated:
what an old tree size answers must not depend on the release that answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.canonical_json import JsonValue
from ledger.events import RulePackActivated, RulePackDeactivated
from ledger.projections.registers import Registers, Told
from ledger.rules.packs import Pack, pack_of

BASE: Final = "base"
BASE_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class ActivePack:
    """A pack, and whose uses it judges.

    Members:
        agencies: These; None: everybody's but those of `others`.
        others: Agencies that another version of the pack judges.
        leaves: The activation, if there was one.
    """

    pack: Pack
    agencies: tuple[str, ...] | None = None
    others: tuple[str, ...] = ()
    leaves: tuple[int, ...] = ()

    def judges(self, agency: str) -> bool:
        """Does it judge the uses of this agency?"""
        if self.agencies is not None:
            return agency in self.agencies
        return agency not in self.others


def active_packs(registers: Registers, agency: str | None = None) -> list[ActivePack]:
    """The packs that hold, base first, the others in the order they were first activated.

    Args:
        agency: Only those that judge its uses; None: all there are.
    Raises:
        PackUnknown: One was activated that this release does not have, or with other bytes.
    """
    base: list[ActivePack] = []
    found: list[ActivePack] = []
    for name in registers.names("rule_pack"):
        held = _held(registers.history(name))
        (base if name == f"rulePacks/{BASE}" else found).extend(held)
    if all(item.agencies is not None for item in base):
        others = tuple(sorted({one for item in base for one in item.agencies or ()}))
        base.insert(0, ActivePack(pack_of(BASE, BASE_VERSION), others=others))
    return [item for item in (*base, *found) if agency is None or item.judges(agency)]


def packs_of(registers: Registers, agency: str | None = None) -> list[dict[str, JsonValue]]:
    """The packs that hold, to the byte, as a bundle names them. Raises PackUnknown."""
    found = {
        active.pack.name + "/" + active.pack.version: active.pack
        for active in active_packs(registers, agency)
    }
    return [
        {"name": pack.name, "version": pack.version, "sha256": pack.sha256}
        for pack in found.values()
    ]


def _held(history: Sequence[Told]) -> list[ActivePack]:
    """One stream: who is judged by which activation, after all of it."""
    everybody: Told | None = None
    single: dict[str, Told] = {}
    for told in history:
        fact = told.fact
        if isinstance(fact, RulePackDeactivated):
            everybody, single = None, {}
        elif isinstance(fact, RulePackActivated):
            if fact.agencies:
                single.update(dict.fromkeys(fact.agencies, told))
            else:
                everybody, single = told, {}
    found = []
    if everybody is not None:
        found.append(_active(everybody, None, tuple(sorted(single))))
    for told in sorted({id(t): t for t in single.values()}.values(), key=lambda t: t.leaf_index):
        agencies = tuple(sorted(one for one, by in single.items() if by is told))
        found.append(_active(told, agencies, ()))
    return found


def _active(told: Told, agencies: tuple[str, ...] | None, others: tuple[str, ...]) -> ActivePack:
    fact = told.fact
    assert isinstance(fact, RulePackActivated)
    pack = pack_of(fact.pack, fact.version, fact.pack_sha256)
    return ActivePack(pack, agencies, others, (told.leaf_index,))
