"""Is the collector's configuration whole? By its own rules always, by a real collector in `test-all`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import DEPLOY, Done, missing, run
from tests.golang import GoMissing, find_go

BUILD_S = 600  # the first time compiles some hundred packages on two cores
CONFIG = DEPLOY / "otel" / "collector.yaml"


def test_pipelines_name_what_is_defined() -> None:
    """Each part of a pipeline is defined, each that is defined is used, and memory is bounded first."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    pipelines = config["service"]["pipelines"]
    assert {"traces", "logs", "metrics"} == pipelines.keys()
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in pipelines.values() for name in pipeline[kind]}
        assert used == config[kind].keys()
    for pipeline in pipelines.values():
        assert pipeline["processors"][0] == "memory_limiter"


def test_collector_listens_on_loopback_alone() -> None:
    """It shares the ledger's network: an address for everybody would be a way in without the proxy."""
    config: dict[str, Any] = yaml.safe_load(CONFIG.read_text("utf-8"))
    for protocol in config["receivers"]["otlp"]["protocols"].values():
        assert protocol["endpoint"].startswith("127.0.0.1:")


@pytest.mark.thorough
@pytest.mark.timeout(900)
def test_a_real_collector_takes_it(tmp_path: Path) -> None:
    """OpenTelemetry's own code reads the configuration, and refuses it with one key misspelt."""
    try:
        go = find_go()
    except GoMissing as nowhere:
        missing("go", str(nowhere))
    binary, bad = tmp_path / "otelcol", tmp_path / "bad.yaml"
    source = Path(__file__).parent / "otelcol"
    build = (go, "build", "-buildvcs=false", "-mod=readonly", "-o", binary, ".")
    built = run(*build, cwd=source, within_s=BUILD_S, GOWORK="off", GOTOOLCHAIN="local")
    assert built.code == 0, built.said
    bad.write_text(CONFIG.read_text("utf-8").replace("limit_mib", "limit_megs"))
    backend = "http://127.0.0.1:4318"

    assert Done(0, "") == run(binary, "validate", "--config", CONFIG, OTLP_BACKEND=backend)
    assert run(binary, "validate", "--config", bad, OTLP_BACKEND=backend).code != 0
