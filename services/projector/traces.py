"""How long do the projector's batches take? A span of each that folded something.

    batch ──folded──► span (ledger, entries, tree size), where a collector is named; else nothing

Without a collector nothing of OpenTelemetry's SDK is loaded: a projector stays small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.runtime.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Traces:
    """The spans of one projector.

    Members:
        telemetry: None for no spans.
    """

    telemetry: Telemetry | None = None

    def folded(self, name: str, ledger: str, before: int, done: int, started_ns: int) -> None:
        """Entries `before` to `done` were folded just now; nothing is said where there are none."""
        if self.telemetry is None or done <= before:
            return
        told: dict[str, str | int] = {"candour.ledger": ledger, "candour.tree_size": done}
        told["candour.entries"] = done - before
        self.telemetry.tracing.happened(name, told, started_ns=started_ns)

    def close(self) -> None:
        """Send what is left."""
        if self.telemetry is not None:
            self.telemetry.close()


def traces() -> Traces:
    """As the environment asks for them."""
    from services.runtime.collectors import names_collector

    if not names_collector("TRACES"):
        return Traces()
    from services.runtime.telemetry import open_telemetry

    return Traces(open_telemetry("candour-projector", metrics=False))
