"""A site with accounts, and browsers of the test client that sign in to it."""

import re
from typing import Any

from starlette.testclient import TestClient

from burnish.adapters.store import Store
from burnish.adapters.store.users import UserStore
from burnish.domain.annotation.people import Role

__all__ = ["PASSWORD", "browser_of", "make_accounts", "send", "sign_in", "token"]

PASSWORD = "correct horse battery"


def make_accounts(store: Store) -> None:
    """One account a role, named as the role; hashes that cost next to nothing."""
    store.users = UserStore(store.users._database, cost=2)
    for role in Role:
        store.users.add(role.value, role, PASSWORD)


def browser_of(app: Any) -> TestClient:
    """A browser that has not been here before."""
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def token(client: TestClient, path: str = "/login") -> str:
    """The session's token, as the page's body carries it for htmx."""
    found = re.search(r'"X-CSRF-Token": "([\w-]*)"', client.get(path).text)
    assert found is not None
    return found[1]


def send(client: TestClient, path: str, /, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    """Send a form as a page of this browser's session does."""
    return client.post(path, data={"csrf": token(client), **fields}, headers=headers, follow_redirects=False)


def sign_in(client: TestClient, name: str, password: str = PASSWORD, target: str = "/", **headers: str) -> Any:
    """Sign in through the form."""
    return send(client, "/login", headers, name=name, password=password, next=target)
