"""One Prefect server for the session; everything below Prefect is tested without it."""

import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.model_server import ModelServer, serve_in_thread
from support.night_project import NightProject, answer

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs on the server is slow, and Prefect warns of itself."""
    for item in items:
        if FOLDER in item.path.parents:
            # Connections of ours are watched where Prefect is not in the way: tests/unit and tests/integration.
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"))
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed transport:ResourceWarning"))
            item.add_marker(pytest.mark.slow)


def collect() -> None:
    """Prefect's API clients leave their connections to the garbage collector: it comes here, not in another test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module", autouse=True)
def collected() -> Iterator[None]:
    """Nothing of a file's is left for the files that come after it."""
    yield
    collect()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[None]:
    """Prefect's test server. Results go to a folder of this session: else the next session would find them."""
    home = tmp_path_factory.mktemp("prefect")
    kept = {
        "PREFECT_HOME": str(home),
        "PREFECT_LOCAL_STORAGE_PATH": str(home / "storage"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in kept.items():
            patch.setenv(name, value)
        from prefect.settings import PREFECT_API_URL, PREFECT_HOME, PREFECT_LOCAL_STORAGE_PATH, temporary_settings
        from prefect.testing.utilities import prefect_test_harness

        settings = {PREFECT_HOME: home, PREFECT_LOCAL_STORAGE_PATH: home / "storage"}
        with temporary_settings(settings), prefect_test_harness(server_startup_timeout=120):
            # Clients of Prefect's threads live on: wherever in the session one is collected, it is nobody's mistake.
            port = urlsplit(PREFECT_API_URL.value() or "").port
            peer = rf"unclosed <socket.*raddr=\('127\.0\.0\.1', {port}\)"
            pytestconfig.addinivalue_line("filterwarnings", f"ignore:{peer}:ResourceWarning")
            yield
    collect()


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """The stand-in for a model, on loopback."""
    with serve_in_thread(ModelServer(answer)) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch) -> NightProject:
    """A project with one agent, as the environment's."""
    made = NightProject.create(tmp_path / "project", model.base_url)
    enter(made, monkeypatch)
    return made


@pytest.fixture
def two_agents(tmp_path: Path, model: ModelServer, monkeypatch: pytest.MonkeyPatch) -> NightProject:
    """A project with two agents; the second's name holds what Prefect's artifact keys may not."""
    made = NightProject.create(tmp_path / "project", model.base_url, ["desk", "desk_two.v2"])
    enter(made, monkeypatch)
    return made


def enter(project: NightProject, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BURNISH_")]:
        monkeypatch.delenv(name)
    for name, value in project.environment.items():
        monkeypatch.setenv(name, value)
