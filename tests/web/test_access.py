"""Who gets in, who does not, and whose requests are believed."""

import re
from pathlib import Path

import pytest
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from web.conftest import client_of

from burnish.adapters.store import Store
from burnish.domain.annotation.people import Role
from burnish.drivers.web.app import PAGES

PASSWORD = "correct horse battery"
MACHINES = {"/v1/traces", "/v1/logs", "/v1/metrics", "/healthz"}


def token(client: TestClient, path: str = "/login") -> str:
    found = re.search(r'"X-CSRF-Token": "([\w-]+)"', client.get(path).text)
    assert found is not None
    return found[1]


def sign_in(client: TestClient, name: str, password: str = PASSWORD, target: str = "/") -> int:
    sent = {"csrf": token(client), "name": name, "password": password, "next": target}
    return client.post("/login", data=sent, follow_redirects=False).status_code


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> TestClient:
    """A site with an account of each role."""
    store.users = type(store.users)(store.users._database, cost=2)
    for role in Role:
        store.users.add(f"{role.value}-1", role, PASSWORD)
    return client_of(store, tmp_path)


def test_every_path_has_an_access(desk: TestClient) -> None:
    """No route is served that the table does not name, and each is held to its access."""
    told = {(path, method): access for path, access, _, methods in PAGES for method in methods}
    for route in desk.app.routes:  # type: ignore[attr-defined]
        if isinstance(route, Mount):
            assert "/static" == route.path
            continue
        assert isinstance(route, Route)
        if route.path in MACHINES:
            continue
        for method in (route.methods or set()) - {"HEAD"}:
            assert told[route.path, method] is route.endpoint.access, route.path


def test_without_accounts_pages_are_open_and_words_need_a_name(client: TestClient) -> None:
    """On one person's machine nothing is locked; what is said needs somebody who says it."""
    assert 200 == client.get("/").status_code
    assert 303 == sign_in(client, "ann")
    assert 200 == client.get("/").status_code
