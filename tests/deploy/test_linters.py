"""What do the judges that others wrote say of deploy/? Nothing, each of them; no engine is needed.

Each is also shown something broken, so that its silence means something.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT, Done, need, run

ALERTS = DEPLOY / "alerts"
SCRIPTS = [ROOT / ".ci" / "run", ROOT / "proto" / "check.sh"]
SCRIPTS += sorted(path for path in DEPLOY.rglob("*.sh"))


def test_yaml_is_plain() -> None:
    """Every YAML file below deploy/ is one that no reader takes for another."""
    assert Done(0, "") == run(need("yamllint"), "--strict", "-c", DEPLOY / ".yamllint", DEPLOY)


def test_scripts_are_sound() -> None:
    """shellcheck finds nothing in any script of the repository."""
    assert Done(0, "") == run(need("shellcheck"), "--severity=style", *SCRIPTS)


def test_dockerfile_is_sound(tmp_path: Path) -> None:
    """hadolint finds nothing, and does find a command that should not be there."""
    dockerfile = DEPLOY / "images" / "Dockerfile"
    loose = tmp_path / "Dockerfile"
    loose.write_text(dockerfile.read_text("utf-8") + "RUN sudo true\n")

    assert Done(0, "") == run(need("hadolint"), dockerfile)
    assert run(need("hadolint"), loose).code != 0


def test_compose_file_fits_its_schema(tmp_path: Path) -> None:
    """compose.yaml is what the Compose specification allows; a misspelt key is not."""
    compose = DEPLOY / "compose" / "compose.yaml"
    broken = tmp_path / "compose.yaml"
    broken.write_text(compose.read_text("utf-8").replace("read_only:", "readonly:"))
    check = (need("check-jsonschema"), "--builtin-schema", "vendor.compose-spec")

    assert 0 == run(*check, compose).code
    assert run(*check, broken).code != 0


def test_prometheus_takes_rules_and_configuration(tmp_path: Path) -> None:
    """promtool reads the rules and the configuration that loads them."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "candour.yml").write_text((ALERTS / "candour.yml").read_text("utf-8"))
    text = (DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8")
    here = tmp_path / "prometheus.yml"
    here.write_text(text.replace("/etc/prometheus/rules", str(rules)))
    done = run(need("promtool"), "check", "config", here)

    assert done.code == 0, done.said
    assert "1 rule files found" in done.said


@pytest.mark.parametrize("name", [path.name for path in sorted(ALERTS.glob("*_test.yml"))])
def test_alerts_fire_when_they_should(name: str) -> None:
    """Each alert fires on what it is for, and not on what looks like it (promtool's unit tests)."""
    done = run(need("promtool"), "test", "rules", ALERTS / name)

    assert done.code == 0, done.said


def test_alert_that_is_asked_too_much_is_found_out(tmp_path: Path) -> None:
    """The unit tests fail where a threshold is another: they do look."""
    rules = (ALERTS / "candour.yml").read_text("utf-8")
    tests = yaml.safe_load((ALERTS / "candour_test.yml").read_text("utf-8"))
    tests["tests"] = tests["tests"][-1:]  # of the states; the others take seconds
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests))
    check = (need("promtool"), "test", "rules", tmp_path / "tests.yml")
    (tmp_path / "candour.yml").write_text(rules)
    assert run(*check).code == 0
    (tmp_path / "candour.yml").write_text(
        rules.replace("(candour_ledger_halted) == 1", "(candour_ledger_halted) == 2")
    )
    assert run(*check).code != 0
