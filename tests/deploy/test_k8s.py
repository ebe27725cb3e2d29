"""What does Kubernetes get of the overlays, and would a restricted namespace let it run?

overlay ──kustomize──► manifests ──kubernetes-validate, strict──► fit the schema
                             └──► the rules of the restricted standard, and some of our own
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import DEPLOY, ROOT, kustomize, need, run

OVERLAYS = ("dev", "prod")
# The oldest and the newest release that the manifests are for.
RELEASES = ("1.31", "1.37")
Manifest = dict[str, Any]


@pytest.fixture(scope="module", params=OVERLAYS)
def rendered(request: pytest.FixtureRequest) -> str:
    """All manifests of one overlay."""
    done = run(*kustomize(), DEPLOY / "k8s" / "overlays" / request.param)
    assert done.code == 0, done.said
    return done.said


@pytest.fixture(scope="module")
def manifests(rendered: str) -> list[Manifest]:
    return list(yaml.safe_load_all(rendered))


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [one for one in manifests if one["kind"] in kinds]


def workload(manifests: list[Manifest]) -> Manifest:
    """The one thing that runs."""
    [found] = of_kind(manifests, "Deployment", "StatefulSet")
    return found


def containers(pod: Manifest) -> Iterator[Manifest]:
    yield from pod.get("initContainers", [])
    yield from pod["containers"]


def pod_of(manifests: list[Manifest]) -> Manifest:
    pod: Manifest = workload(manifests)["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("release", RELEASES)
def test_manifests_fit_the_schema(rendered: str, release: str, tmp_path: Path) -> None:
    """Each manifest is one that this release knows, without a key it does not."""
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(rendered)
    bad.write_text(rendered.replace("readOnlyRootFilesystem", "readonlyRootFilesystem"))
    check = (need("kubernetes-validate"), "--strict", "-k", release)

    assert run(*check, good).code == 0
    assert release != RELEASES[0] or run(*check, bad).code != 0


def test_pod_is_one_of_a_restricted_namespace(manifests: list[Manifest]) -> None:
    """No root, no privilege, no capability, no writable root file system, no way to the API."""
    [namespace] = of_kind(manifests, "Namespace")
    pod = pod_of(manifests)

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in containers(pod):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, container["name"]
        assert context["readOnlyRootFilesystem"] is True, container["name"]
        assert context["capabilities"] == {"drop": ["ALL"]}, container["name"]
    kinds = {next(kind for kind in volume if kind != "name") for volume in pod["volumes"]}
    assert kinds <= {"configMap", "emptyDir", "projected", "secret"}


def test_each_container_says_what_it_needs(manifests: list[Manifest]) -> None:
    """Requests, a limit of memory, and an image by an exact tag; ours is this release's."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    for container in containers(pod_of(manifests)):
        assert {"cpu", "memory", "ephemeral-storage"} == container["resources"]["requests"].keys()
        assert {"memory", "ephemeral-storage"} == container["resources"]["limits"].keys()
        name, _, tag = container["image"].rpartition(":")
        assert tag[0].isdigit(), container["image"]
        assert name != "candour" or tag == version


def test_probes_ask_what_can_be_answered(manifests: list[Manifest]) -> None:
    """Alive is asked in the pod, ready through the proxy; a ledger that waits is not restarted."""
    [candour] = pod_of(manifests)["containers"]

    assert candour["livenessProbe"]["exec"]["command"][-1] == "livez"
    assert candour["startupProbe"]["exec"]["command"][-1] == "livez"
    assert candour["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "probes"}


def test_every_volume_and_name_is_there(manifests: list[Manifest]) -> None:
    """Mounts name volumes, volumes name generated ConfigMaps, and ports name ports."""
    pod, spec = pod_of(manifests), workload(manifests)["spec"]
    claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
    volumes = {volume["name"] for volume in pod["volumes"]} | claims
    mounted = {mount["name"] for one in containers(pod) for mount in one.get("volumeMounts", [])}
    maps = {one["metadata"]["name"] for one in of_kind(manifests, "ConfigMap")}
    named = {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
    named |= {
        source["configMap"]["name"]
        for volume in pod["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
        if "configMap" in source
    }
    named |= {source["configMapRef"]["name"] for source in pod["containers"][0]["envFrom"]}

    assert volumes == mounted
    assert named == maps
    ports = {port["name"] for one in containers(pod) for port in one.get("ports", [])}
    for service in of_kind(manifests, "Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_services_and_walls_are_about_the_pod(manifests: list[Manifest]) -> None:
    """Selectors select our pods, and the name server's rule still means the name server."""
    labels = workload(manifests)["spec"]["template"]["metadata"]["labels"]
    selectors = [one["spec"]["selector"] for one in of_kind(manifests, "Service")]
    policies = of_kind(manifests, "NetworkPolicy")
    selectors += [one["spec"]["podSelector"]["matchLabels"] for one in policies]
    selectors += [
        one["spec"]["selector"]["matchLabels"] for one in of_kind(manifests, "PodDisruptionBudget")
    ]
    assert len(selectors) >= 3
    for selector in selectors:
        assert selector.items() <= labels.items()
    peers = [
        peer
        for policy in policies
        for rule in policy["spec"].get("egress", [])
        for peer in rule.get("to", [])
        if "podSelector" in peer
    ]
    assert [{"k8s-app": "kube-dns"}] == [peer["podSelector"]["matchLabels"] for peer in peers]


def test_only_the_proxy_is_reached_from_elsewhere(manifests: list[Manifest]) -> None:
    """No container but the proxy has a port, and no setting moves the ledger off loopback."""
    pod = pod_of(manifests)
    assert {"proxy"} == {one["name"] for one in containers(pod) if one.get("ports")}
    settings = {
        name
        for one in of_kind(manifests, "ConfigMap")
        if one["metadata"]["name"].startswith("candour-settings")
        for name in one["data"]
    }
    settings |= {variable["name"] for variable in pod["containers"][0]["env"]}

    assert not {"CANDOUR_GRPC", "CANDOUR_HTTP"} & settings


def test_no_secret_stands_in_the_manifests(manifests: list[Manifest]) -> None:
    """Secrets are named, never written: there is no Secret among what is rendered."""
    assert [] == of_kind(manifests, "Secret")


def test_production_outlives_a_node() -> None:
    """Three front-ends at least, on nodes of their own, one at most gone on purpose."""
    done = run(*kustomize(), DEPLOY / "k8s" / "overlays" / "prod")
    manifests = list(yaml.safe_load_all(done.said))
    pod = pod_of(manifests)
    [scaler] = of_kind(manifests, "HorizontalPodAutoscaler")
    [budget] = of_kind(manifests, "PodDisruptionBudget")
    spread = {
        one["topologyKey"]: one["whenUnsatisfiable"] for one in pod["topologySpreadConstraints"]
    }

    assert scaler["spec"]["minReplicas"] >= 3
    assert "replicas" not in workload(manifests)["spec"], "the autoscaler's to say"
    assert budget["spec"]["maxUnavailable"] == 1
    assert spread["kubernetes.io/hostname"] == "DoNotSchedule"
