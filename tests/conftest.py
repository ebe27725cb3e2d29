"""What does every test have at hand? A fresh PostgreSQL database, judges written in Go, and how
hard Hypothesis looks.

    find_binaries ──► one cluster a pytest worker ──► one database a test (postgres_url)
                 └──► one cluster a test (postgres_cluster), to be stopped and killed

What cannot run for want of PostgreSQL is skipped and counted out loud, or fails where
CANDOUR_REQUIRE_POSTGRES=1; likewise Go, Chromium, Spark and openssl, and CANDOUR_REQUIRE_GO,
CANDOUR_REQUIRE_CHROMIUM, CANDOUR_REQUIRE_SPARK, CANDOUR_REQUIRE_OPENSSL, CANDOUR_REQUIRE_NATS. One cluster a worker,
not one shared: nobody must agree on who starts it, who uses it last or who ends it, and initdb
costs a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest
from hypothesis import HealthCheck, settings

from services.audit.spark_engine import Spark, SparkMissing
from tests import browser, golang, nats_server, pgbouncer
from tests.authority import Authority, OpensslMissing
from tests.browser import ChromiumMissing
from tests.faults.chaos import CHAOS
from tests.faults.tally import show
from tests.golang import GoMissing, Judges, build_judges
from tests.ha import programs
from tests.ledgers import Place, PostgresPlace, SqlitePlace
from tests.nats_server import NatsMissing, NatsServer
from tests.pgbouncer import Pgbouncer
from tests.postgres import (
    REQUIRE_VARIABLE,
    URL_VARIABLE,
    PostgresCluster,
    PostgresMissing,
    create_database,
    drop_database,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_CALM: Final = settings(
    deadline=None,  # two shared cores: an example's time says nothing
    suppress_health_check=[HealthCheck.too_slow],
    # CI tries the same examples each time, so that a failure there is the change's own;
    # everybody else, and test-all, go on looking.
    derandomize=bool(os.environ.get("CI")),
    print_blob=True,
)
settings.register_profile("candour", _CALM, max_examples=100)
settings.register_profile("thorough", _CALM, max_examples=1_000, derandomize=False)
settings.load_profile("candour")

# No test's server commits a root of the usage index by itself, however long it is up.
os.environ["CANDOUR_INDEX_EVERY"] = "0"

_MISSING: Final = "needs PostgreSQL"
_FIXTURES: Final = {"postgres_server", "postgres_url", "postgres_cluster"}
_GO_MISSING: Final = "needs Go"
_SPARK_MISSING: Final = "needs Spark"
_CHROMIUM_MISSING: Final = "needs Chromium"
_OPENSSL_MISSING: Final = "needs openssl"
_NATS_MISSING: Final = "needs NATS"
_DEPLOY_MISSING: Final = "needs a tool for deploy/"
_DEPLOY: Final = Path(__file__).parent / "deploy"
_STORES: Final = ("sqlite", pytest.param("postgres", marks=pytest.mark.postgres))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs PostgreSQL; leave out what takes minutes unless it was asked for."""
    for item in items:
        if _FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("postgres")
        if "judges" in getattr(item, "fixturenames", ()):
            item.add_marker("go")
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("chromium")
        if "authority" in getattr(item, "fixturenames", ()):
            item.add_marker("openssl")
        if "nats" in getattr(item, "fixturenames", ()):
            item.add_marker("nats")
        if "pooler" in getattr(item, "fixturenames", ()):
            item.add_marker("pgbouncer")
        if "spark" in getattr(item, "fixturenames", ()):
            item.add_marker("spark")
        if item.path.is_relative_to(_DEPLOY):
            item.add_marker("deploy")
    if config.getoption("--hypothesis-profile") != "thorough":
        late = [item for item in items if item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
    if not CHAOS:
        late = [item for item in items if item.get_closest_marker("chaos")]
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if not item.get_closest_marker("chaos")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests did not run for want of PostgreSQL, Go and others, whatever else is printed."""
    show(terminalreporter)
    least_go = ".".join(map(str, golang.LEAST_GO))
    for marker, name, said, advice in (
        ("postgres", "PostgreSQL", _MISSING, f"install postgresql or set {URL_VARIABLE}"),
        ("go", "Go", _GO_MISSING, f"put go {least_go} or newer on PATH, with a way to its modules"),
        (
            "chromium",
            "Chromium",
            _CHROMIUM_MISSING,
            f"install chromium or set {browser.PATH_VARIABLE}",
        ),
        ("openssl", "openssl", _OPENSSL_MISSING, "install openssl"),
        ("nats", "NATS", _NATS_MISSING, "install nats-server"),
        ("pgbouncer", "PgBouncer", pgbouncer.MISSING, "install pgbouncer"),
        ("patroni", "Patroni", programs.MISSING, programs.ADVICE),
        ("spark", "Spark", _SPARK_MISSING, "run `make spark`, and install Java 17 or newer"),
        (
            "deploy",
            "a tool for deploy/",
            _DEPLOY_MISSING,
            "make manifests-check says which tools to install",
        ),
        (
            "aics",
            "aics-witness",
            "needs aics-witness",
            "put python3.12 or newer on PATH, with a way to PyPI",
        ),
    ):
        skipped = terminalreporter.stats.get("skipped", [])
        count = sum(
            marker in report.keywords and said in str(report.longrepr) for report in skipped
        )
        if count:
            terminalreporter.section(name, yellow=True)
            terminalreporter.line(
                f"{count} test{'s need' if count > 1 else ' needs'} {name} and did not run: {advice}",
                yellow=True,
            )


def _give_up(
    missing: PostgresMissing
    | GoMissing
    | ChromiumMissing
    | SparkMissing
    | OpensslMissing
    | NatsMissing,
    said: str = _MISSING,
    variable: str = REQUIRE_VARIABLE,
) -> NoReturn:
    if os.environ.get(variable) == "1":
        pytest.fail(f"{said} ({variable}=1): {missing}", pytrace=False)
    pytest.skip(f"{said}: {missing}")


@pytest.fixture(scope="session")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    """Programs that others wrote in Go, built; the first session on a machine takes a while."""
    try:
        return build_judges(tmp_path_factory.mktemp("judges"))
    except GoMissing as missing:
        _give_up(missing, _GO_MISSING, golang.REQUIRE_VARIABLE)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A time-stamp authority, whom tests believe."""
    try:
        return Authority(tmp_path_factory.mktemp("authorities") / "a")
    except OpensslMissing as missing:
        _give_up(missing, _OPENSSL_MISSING, "CANDOUR_REQUIRE_OPENSSL")


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A NATS server of this file's own, with a JetStream; a test that kills it starts it again."""
    try:
        server = NatsServer(tmp_path_factory.mktemp("nats"))
    except NatsMissing as missing:
        _give_up(missing, _NATS_MISSING, nats_server.REQUIRE_VARIABLE)
    with server:
        yield server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless browser of this file's own."""
    try:
        with browser.browser() as started:
            yield started
    except ChromiumMissing as missing:
        _give_up(missing, _CHROMIUM_MISSING, browser.REQUIRE_VARIABLE)


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    """A cluster of two machines on this one, with its session; takes some seconds to start."""
    try:
        started = Spark("local-cluster[2,1,1024]")
    except SparkMissing as missing:
        _give_up(missing, _SPARK_MISSING, "CANDOUR_REQUIRE_SPARK")
    with started:
        yield started


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server where databases and roles may be made; shared, so never stop it."""
    if url := os.environ.get(URL_VARIABLE):
        yield url
        return
    try:
        cluster = PostgresCluster()
    except PostgresMissing as missing:
        _give_up(missing)
    with cluster:
        yield cluster.url()


@pytest.fixture(scope="module")
def pooler(postgres_server: str) -> Iterator[Pgbouncer]:
    """A PgBouncer before that server, of this file's own."""
    with Pgbouncer(postgres_server) as started:
        yield started


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """URL of an empty database of this test's own, dropped after. Roles outlive it: drop yours."""
    url = create_database(postgres_server)
    yield url
    drop_database(postgres_server, url)


@pytest.fixture
def postgres_cluster() -> Iterator[PostgresCluster]:
    """A running server of this test's own, to be stopped and killed; costs a second or two."""
    try:
        cluster = PostgresCluster()
    except PostgresMissing as missing:
        _give_up(missing)
    with cluster:
        yield cluster


@pytest.fixture(scope="module", params=_STORES)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Where ledgers live, on each database; wipe it to begin anew, in every example if need be."""
    place: Place
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        url = create_database(server)
        place = PostgresPlace(url)
    else:
        folder: Path = tmp_path_factory.mktemp("place")
        place = SqlitePlace(folder)
    yield place
    place.close()
    if request.param == "postgres":
        drop_database(server, url)
