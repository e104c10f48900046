from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from support.seeded import seeded_store, store_url
from support.signing import browser_of, make_accounts

from burnish.adapters.store import Store
from burnish.drivers.web import create_app
from burnish.settings import Settings


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A filled store that the tests only read."""
    with seeded_store(store_url(tmp_path_factory.mktemp("seeded"))) as store:
        yield store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store of the test's own."""
    with Store.open(store_url(tmp_path)) as opened:
        yield opened


def settings_for(folder: Path, **changes: object) -> Settings:
    return Settings(project=folder, _env_file=None, **changes)  # type: ignore[arg-type]


def client_of(store: Store, folder: Path, **changes: object) -> TestClient:
    app = create_app(store, settings_for(folder, **changes))
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starlette]:
    """A site with an account of each role, which tests leave as it is."""
    folder = tmp_path_factory.mktemp("site")
    with Store.open(store_url(folder)) as store:
        make_accounts(store)
        yield create_app(store, settings_for(folder))


@pytest.fixture
def desk(site: Starlette) -> TestClient:
    """A browser at that site, which has not been there before."""
    return browser_of(site)


@pytest.fixture
def pages(seeded: Store, tmp_path: Path) -> TestClient:
    return client_of(seeded, tmp_path)


@pytest.fixture
def client(store: Store, tmp_path: Path) -> TestClient:
    return client_of(store, tmp_path)
