"""Does compose.yaml hold together? What its schema cannot see: names, walls, ways in."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import yaml

from tests.deploy.tools import DEPLOY, ROOT

COMPOSE = DEPLOY / "compose"
TEXT = (COMPOSE / "compose.yaml").read_text("utf-8")
FILE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = FILE["services"]


def test_ledger_is_reached_through_its_proxy_alone() -> None:
    """Only the proxy's ports are published of the ledger's network, and on this machine alone."""
    proxy = (DEPLOY / "proxy" / "nginx.conf").read_text("utf-8")
    served = {int(port) for port in re.findall(r"listen (\d+)", proxy)}
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert SERVICES["proxy"]["network_mode"] == "service:candour"
    assert SERVICES["collector"]["network_mode"] == "service:candour"
    assert all(port.startswith("127.0.0.1:") for port in published)
    own = {int(port.rpartition(":")[2]) for port in SERVICES["candour"]["ports"]}
    assert own <= served - {8081}
    assert not {"CANDOUR_GRPC", "CANDOUR_HTTP"} & SERVICES["candour"]["environment"].keys()


def test_every_service_has_walls_and_bounds() -> None:
    """No capability but what is named, no new privileges, a limit of memory, an exact image."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "mem_limit" in service, name
        assert service.get("read_only") is True or name == "postgres", name
        image, _, tag = service["image"].rpartition(":")
        assert re.match(r"v?\d+\.\d+", tag), name
        assert image != "candour" or tag == version


def test_every_name_is_declared() -> None:
    """Networks, volumes and dependencies are ones of the file, and mounted files lie here."""
    for name, service in SERVICES.items():
        assert set(service.get("networks", [])) <= FILE["networks"].keys(), name
        assert set(service.get("depends_on", {})) <= SERVICES.keys(), name
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert source == "./tls" or (COMPOSE / source).exists(), f"{name}: {source}"
            else:
                assert source in FILE["volumes"], f"{name}: {source}"


def test_every_variable_is_in_the_example() -> None:
    """What .env must say, env.example shows; nothing in it is a value to be forgotten there."""
    example = (COMPOSE / "env.example").read_text("utf-8")
    shown = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", example, re.M))

    assert set(re.findall(r"\$\{([A-Z_]+)", TEXT)) == shown.keys()
    assert {value for name, value in shown.items() if "PASSWORD" in name} == {""}
