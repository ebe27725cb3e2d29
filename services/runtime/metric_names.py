"""What does a process measure of itself? One table: names, units, labels, what they say.

    METRICS ──► instruments (telemetry)          deploy/alerts, deploy/dashboards, guides
        └──prometheus_names──► what /metrics and a collector write ──► held against them by tests

Data and no library: whoever reads a dashboard can read this. Names and units are
OpenTelemetry's, its own semantic conventions where these have one; times are in seconds.

Source: OpenTelemetry semantic conventions (rpc, process); its Prometheus compatibility
specification for the other spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kind(Enum):
    """How a metric moves."""

    COUNTER = "counter"  # only up, from 0 at each start
    GAUGE = "gauge"  # up and down: the newest is the one that counts
    HISTOGRAM = "histogram"  # how many of which size


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Members:
        name: OpenTelemetry's spelling.
        kind: How it moves.
        unit: UCUM; in braces where it only says what is counted.
        labels: What it is told apart by; each has few values, none of them protected.
        description: What it says, and when it is what.
        buckets: Of a histogram, upper bounds in its unit.
    """

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    description: str
    buckets: tuple[float, ...] = ()


_DURATIONS_S: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    *(1.0, 2.5, 5.0, 10.0, 30.0),
)
_BATCHES: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0)
_LEDGER: Final = ("ledger",)

METRICS: Final[tuple[Metric, ...]] = (
    Metric(
        "rpc.server.call.duration",
        Kind.HISTOGRAM,
        "s",
        ("rpc.service", "rpc.method", "rpc.grpc.status_code"),
        "From a call's first byte to its status. Service and method as in proto/, the status as"
        " its number: 0 is OK. A stream is one call, however long.",
        _DURATIONS_S,
    ),
    Metric(
        "http.server.request.duration",
        Kind.HISTOGRAM,
        "s",
        ("http.request.method", "http.route", "http.response.status_code"),
        "From a request's headers to the last byte of its answer, by the path's pattern; blank for"
        " a path that is none. `/livez`, `/readyz` and `/metrics` are nobody's requests.",
        _DURATIONS_S,
    ),
    Metric(
        "candour.commit.batch_size",
        Kind.HISTOGRAM,
        "{entry}",
        _LEDGER,
        "Entries in one transaction.",
        _BATCHES,
    ),
    Metric(
        "candour.commit.duration",
        Kind.HISTOGRAM,
        "s",
        _LEDGER,
        "Of one transaction, the wait for the lock on the head included, to durable.",
        _DURATIONS_S,
    ),
    Metric(
        "candour.commit.queue_depth",
        Kind.GAUGE,
        "{entry}",
        _LEDGER,
        "Entries that wait to be committed; beyond 40,000 callers get OVERLOADED.",
    ),
    Metric(
        "candour.reports.accepted",
        Kind.COUNTER,
        "{report}",
        _LEDGER,
        "Reports of a use that got a receipt and an entry, by whichever way in they came.",
    ),
    Metric(
        "candour.reports.duplicates",
        Kind.COUNTER,
        "{report}",
        _LEDGER,
        "Reports that got the receipt of an earlier one: the ledger had them already.",
    ),
    Metric(
        "candour.reports.rejected",
        Kind.COUNTER,
        "{report}",
        ("ledger", "reason"),
        "Reports without a receipt. The reason is ErrorInfo's, as MALFORMED or STORE_UNAVAILABLE."
        " A call that was refused whole counts what had been read of it, and one if nobody looked"
        " inside.",
    ),
    Metric(
        "candour.tree.size",
        Kind.GAUGE,
        "{entry}",
        _LEDGER,
        "Entries of the committed tree.",
    ),
    Metric(
        "candour.checkpoint.tree_size",
        Kind.GAUGE,
        "{entry}",
        _LEDGER,
        "Entries under the newest published checkpoint.",
    ),
    Metric(
        "candour.checkpoint.age",
        Kind.GAUGE,
        "s",
        _LEDGER,
        "Since the newest checkpoint was published. A ledger at rest publishes none: it is late"
        " only while the tree is larger than the checkpoint says.",
    ),
    Metric(
        "candour.cosignature.tree_size",
        Kind.GAUGE,
        "{entry}",
        ("ledger", "witness"),
        "Entries under the newest cosignature of a witness; 0 where there is none yet.",
    ),
    Metric(
        "candour.cosignature.age",
        Kind.GAUGE,
        "s",
        ("ledger", "witness"),
        "Since a witness of the policy cosigned last, or since the start where it never has.",
    ),
    Metric(
        "candour.ledger.halted",
        Kind.GAUGE,
        "{ledger}",
        ("ledger", "reason"),
        "1 while a ledger appends and signs nothing, with ErrorInfo's reason, UNCONFIRMED"
        " or HISTORY_LOST; no series, or 0, while it does.",
    ),
    Metric(
        "candour.projection.lag_entries",
        Kind.GAUGE,
        "{entry}",
        _LEDGER,
        "Committed entries that the views do not hold yet.",
    ),
    Metric(
        "candour.projection.lag",
        Kind.GAUGE,
        "s",
        _LEDGER,
        "Since the oldest entry was committed that the views do not hold; 0 where they hold all.",
    ),
    Metric(
        "candour.index.commitments",
        Kind.COUNTER,
        "{commitment}",
        _LEDGER,
        "Roots of the usage index that went into the log.",
    ),
    Metric(
        "candour.verification.failures",
        Kind.COUNTER,
        "{failure}",
        ("ledger", "claim"),
        "What of our own did not fit when it was checked: `tile`, `head`, `signature`,"
        " `commitment`, `consistency` or `listing`. One is a reason to stop writing.",
    ),
    Metric(
        "candour.clock.offset",
        Kind.GAUGE,
        "s",
        ("reference",),
        "This machine's clock less another's, negative where ours is behind: `database`"
        " (PostgreSQL's server), `witness` (the middle one of all that cosigned last), `kernel` (the"
        " time server it follows, where it is synchronised), `log` (the newest time in the ledger, 0"
        " unless ours is before it), `start` (the clock that nobody sets: how far ours was moved since"
        " the process started).",
    ),
    Metric(
        "candour.audit.completed",
        Kind.GAUGE,
        "s",
        _LEDGER,
        "When the newest `candour audit` ended, in Unix time; an audit says it, not a server.",
    ),
    Metric(
        "candour.audit.findings",
        Kind.GAUGE,
        "{finding}",
        ("ledger", "claim"),
        "Differences that it found, by what did not fit: claims as above, or `entry`, `recorded_at`,"
        " `view`, `index`.",
    ),
    Metric(
        "candour.bridge.messages",
        Kind.COUNTER,
        "{message}",
        ("stream", "outcome"),
        "Messages that a bridge from NATS is done with: `recorded`, `duplicate` (the ledger had it),"
        " `dead` (refused for good, kept with its reason), `returned` (to the stream, to come again).",
    ),
    Metric(
        "candour.bridge.pending",
        Kind.GAUGE,
        "{message}",
        ("stream",),
        "Messages of the stream that are not done, as of the last pull.",
    ),
    Metric(
        "candour.bridge.lag",
        Kind.GAUGE,
        "s",
        ("stream",),
        "Since the oldest message that the bridge holds was published; 0 where the stream was empty.",
    ),
    Metric(
        "process.cpu.time",
        Kind.COUNTER,
        "s",
        ("cpu.mode",),
        "Of the server and its projectors; mode is `user` or `system`.",
    ),
    Metric("process.memory.usage", Kind.GAUGE, "By", (), "Resident, of server and projectors."),
    Metric("process.thread.count", Kind.GAUGE, "{thread}", (), "Of the server."),
    Metric(
        "process.unix.file_descriptor.count",
        Kind.GAUGE,
        "{file_descriptor}",
        (),
        "Open in the server.",
    ),
    Metric("process.uptime", Kind.GAUGE, "s", (), "Since the server started."),
)

BY_NAME: Final = {metric.name: metric for metric in METRICS}

# Of candour.verification.failures.
CLAIMS: Final = ("tile", "head", "signature", "commitment", "consistency", "listing")

# Of candour.audit.findings: what an audit calls it, and the claim; all else is a view's table.
AUDITED: Final = {
    "entries": "entry",
    "tile_hashes": "tile",
    "head": "head",
    "disclosures": "commitment",
    "checkpoints": "signature",
    "recorded_at": "recorded_at",
    "usage_index": "index",
    "listing": "listing",
}

# Refusals that are ours, not the caller's: the share of reports that met one is what the
# availability of the ledger is measured by.
OUR_REASONS: Final = frozenset(
    {"DAMAGED", "DRAINING", "HISTORY_LOST", "INTERNAL", "LEDGER_BUSY"}
    | {"LEDGER_MOVED", "OVERLOADED", "STORE_UNAVAILABLE", "UNCONFIRMED"}
)

_UNITS: Final = {"s": "seconds", "By": "bytes"}
_BRACES: Final = re.compile(r"\{[^}]*\}")
_OTHER: Final = re.compile(r"[^a-zA-Z0-9]+")


def prometheus_names(metric: Metric) -> tuple[str, ...]:
    """The series that Prometheus stores of a metric, as both exporters write them.

    Everything but letters and digits becomes `_`, then the unit and, for a counter, `total` is
    appended where it is not there already. A histogram is three series.
    """
    name = prometheus_label(metric.name)
    unit = _BRACES.sub("", metric.unit)
    if unit:
        suffix = f"_{_UNITS[unit]}"
        name = name if name.endswith(suffix) else name + suffix
    if metric.kind is Kind.COUNTER:
        return (name if name.endswith("_total") else f"{name}_total",)
    if metric.kind is Kind.HISTOGRAM:
        return (f"{name}_bucket", f"{name}_sum", f"{name}_count")
    return (name,)


def prometheus_label(label: str) -> str:
    """A label as Prometheus writes it: `rpc.grpc.status_code` -> `rpc_grpc_status_code`."""
    return _OTHER.sub("_", label)
