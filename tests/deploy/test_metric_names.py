"""Is there one table of metrics, and is each one that anybody names one of it?"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

from services.runtime.metric_names import (
    METRICS,
    OUR_REASONS,
    Kind,
    Metric,
    prometheus_label,
    prometheus_names,
)
from tests.deploy.tools import DEPLOY, ROOT, need, run

SERIES = {name: metric for metric in METRICS for name in prometheus_names(metric)}
LABELS = {prometheus_label(label) for metric in METRICS for label in metric.labels}
LABELS |= {"job", "instance", "le", "name"}
# Of Prometheus itself, whether a scrape worked, and which alerts fire; of node_exporter, how units are.
OF_PROMETHEUS = {
    "node_systemd_unit_state": {"name", "state"},
    "up": {"job", "instance"},
    "ALERTS": {"alertname", "alertstate", "severity"},
}
_SERIES = re.compile(
    r"\b(?:(?:candour|rpc|http_server|process)_\w+|\w+:\w+:\w+|up|ALERTS|node_systemd_unit_state)\b"
)
_MATCHERS = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^}]*)\}")
_GROUPED = re.compile(r"\b(?:by|on|group_left|group_right)\s*\(([^)]*)\)")
_MATCHER = re.compile(r"([a-z_]+)\s*(?:=~|!~|!=|=)")
PLACEHOLDER = "https://candour.example/runbooks"
ALERTS = (DEPLOY / "alerts" / "candour.yml").read_text("utf-8")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS)["groups"] for rule in group["rules"]]


RECORDED = {rule["record"] for rule in rules() if "record" in rule}


def dashboard_expressions() -> Iterator[tuple[str, str]]:
    """(where, PromQL) of all panels, variables and annotations."""
    for path in sorted((DEPLOY / "dashboards").glob("*.json")):
        shown = json.loads(path.read_text("utf-8"))
        for panel in shown["panels"]:
            for target in panel["targets"]:
                yield f"{path.name}, {panel['title']}", target["expr"]
        for variable in shown["templating"]["list"]:
            if variable["type"] == "query":
                yield f"{path.name}, variable {variable['name']}", variable["query"]["query"]
        for annotation in shown["annotations"]["list"]:
            yield f"{path.name}, {annotation['name']}", annotation["expr"]


def expressions() -> list[tuple[str, str]]:
    named = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]
    return [*named, *dashboard_expressions()]


def test_the_exporter_spells_each_name_so() -> None:
    """What we compute for Prometheus is what OpenTelemetry's exporter writes, series by series."""
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry, disable_target_info=True)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("test")
    for metric in METRICS:
        record(meter, metric)
    lines = generate_latest(registry).decode().splitlines()
    provider.shutdown()
    written = {re.split(r"[{ ]", line)[0] for line in lines if line and line[0] != "#"}

    assert set(SERIES) == written
    for metric in METRICS:
        own = [line for line in lines if line.startswith(f"{prometheus_names(metric)[0]}{{")]
        labels = {found for line in own for found in re.findall(r'([a-z_]+)="', line)}
        known = {prometheus_label(label) for label in metric.labels}
        assert known == {label for label in labels if not label.startswith("otel_")} - {"le"}


def record(meter: Meter, metric: Metric) -> None:
    """Once, by the instrument of its kind."""
    labels = dict.fromkeys(metric.labels, "x")
    if metric.kind is Kind.COUNTER:
        counter = meter.create_counter(metric.name, metric.unit, metric.description)
        counter.add(1, labels)
    elif metric.kind is Kind.HISTOGRAM:
        buckets = list(metric.buckets)
        histogram = meter.create_histogram(
            metric.name,
            metric.unit,
            metric.description,
            explicit_bucket_boundaries_advisory=buckets,
        )
        histogram.record(1, labels)
    else:
        gauge = meter.create_gauge(metric.name, metric.unit, metric.description)
        gauge.set(1, labels)


def test_table_is_whole() -> None:
    """Names are there once, each says what it is, and a histogram says its buckets, in order."""
    assert len(METRICS) == len({metric.name for metric in METRICS})
    assert len(SERIES) == sum(len(prometheus_names(metric)) for metric in METRICS)
    for metric in METRICS:
        assert metric.description.endswith(".")
        assert (metric.kind is Kind.HISTOGRAM) == bool(metric.buckets)
        assert list(metric.buckets) == sorted(set(metric.buckets))


@pytest.mark.parametrize(("where", "expression"), expressions())
def test_every_series_that_is_asked_for_exists(where: str, expression: str) -> None:
    """An alert or panel asks only for series of the table, by labels that these have."""
    unquoted = re.sub(r'"[^"]*"', '""', expression)
    grouped = " ".join(_GROUPED.findall(unquoted))
    bare = _GROUPED.sub("", unquoted)
    asked = set(_SERIES.findall(re.sub(r"\{[^}]*\}", "", bare)))

    assert asked, where
    assert asked <= SERIES.keys() | RECORDED | OF_PROMETHEUS.keys(), where
    assert set(re.findall(r"\w+", grouped)) <= LABELS, where
    for name, matchers in _MATCHERS.findall(bare):
        labels = OF_PROMETHEUS.get(name, {"ledger", "witness"})
        if name in SERIES:
            labels = {prometheus_label(label) for label in SERIES[name].labels} | {"job", "le"}
        assert set(_MATCHER.findall(matchers)) <= labels, f"{where}: {name}"


def test_every_metric_is_looked_at() -> None:
    """Each metric of the table stands in an alert or on a dashboard: none is kept for nobody."""
    text = " ".join(expression for _, expression in expressions())
    unseen = {
        metric.name
        for metric in METRICS
        if not any(name in text for name in prometheus_names(metric))
    }

    assert unseen == set()


def test_documents_name_metrics_that_exist() -> None:
    """Guides, runbooks and what else is written below deploy/ name only metrics of the table."""
    names = {metric.name for metric in METRICS}
    spelt = re.compile(r"\bcandour_[a-z_]+_(?:total|seconds|bucket)\b")
    dotted = re.compile(r"`((?:candour|rpc|http|process)\.[a-z_]+\.[a-z_.]+)`")
    for path in (*(ROOT / "docs" / "guides").glob("*.md"), *DEPLOY.rglob("*.md")):
        text = path.read_text("utf-8")
        assert set(spelt.findall(text)) <= SERIES.keys(), path.name
        assert set(dotted.findall(text)) <= names, path.name


def test_alerts_know_which_failures_are_ours() -> None:
    """The reasons that burn the budget are those of OUR_REASONS, and callers can be told each."""
    wanted = "|".join(sorted(OUR_REASONS))
    asked = set(re.findall(r'reason=~"([^"]*)"', ALERTS))
    explained = (ROOT / "services" / "runtime" / "explaining.py").read_text("utf-8")

    assert {wanted} == asked
    assert {reason for reason in OUR_REASONS if f'"{reason}"' not in explained} == set()


def test_every_alert_has_a_runbook_that_names_it() -> None:
    """An alert leads to a page that exists, is about it, and has its four parts."""
    parts = ["What it means", "Look at", "Do", "It is over when"]
    for rule in rules():
        if "alert" in rule:
            name = rule["annotations"]["runbook_url"].rpartition("/")[2]
            assert f"`{rule['alert']}`" in (DEPLOY / "runbooks" / name).read_text("utf-8")
            assert rule["labels"]["severity"] in {"page", "ticket"}
    for path in (DEPLOY / "runbooks").glob("*.md"):
        assert parts == re.findall(r"^## (.+)$", path.read_text("utf-8"), re.M), path.name


def test_the_guide_s_command_puts_runbooks_where_they_are(tmp_path: Path) -> None:
    """After it no rule names the placeholder, each names a runbook there is, and the rules still load."""
    guide = (DEPLOY / "README.md").read_text("utf-8")
    (command,) = re.findall(r"^(sed .*) > /etc/prometheus/rules/candour.yml$", guide, re.M)
    done = run(*shlex.split(command))
    rules_file = tmp_path / "candour.yml"
    rules_file.write_text(done.said)

    assert 0 == run(need("promtool"), "check", "rules", rules_file).code
    assert PLACEHOLDER not in done.said
    urls = re.findall(r"runbook_url: (\S+)", done.said)
    assert {"https://wiki.sampleton.example/candour"} == {url.rpartition("/")[0] for url in urls}
    assert len(urls) == ALERTS.count(f"runbook_url: {PLACEHOLDER}/") == ALERTS.count("- alert:")
    there = {path.name for path in (DEPLOY / "runbooks").glob("*.md")}
    assert {url.rpartition("/")[2] for url in urls} <= there


def test_every_alert_fires_in_a_test() -> None:
    """Each alert fires in a unit test: one that never does may be spelt wrong for years."""
    fired = {
        case["alertname"]
        for path in (DEPLOY / "alerts").glob("*_test.yml")
        for test in yaml.safe_load(path.read_text("utf-8"))["tests"]
        for case in test.get("alert_rule_test", [])
        if case["exp_alerts"]
    }

    assert {rule["alert"] for rule in rules() if "alert" in rule} == fired
