from pathlib import Path

import pytest
from starlette.testclient import TestClient
from web.conftest import client_of, settings_for

from burnish.adapters.store import Store
from burnish.drivers.web import create_app
from burnish.drivers.web.guard import host_allowed


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost:4300", True), ("LOCALHOST", True), ("burnish.localhost:80", True), ("127.0.0.1:4300", True),
        ("[::1]:4300", True), ("192.168.1.7", True), ("desk.example", True), ("desk.example.:443", True),
        ("evil.example", False), ("127.0.0.1.evil.example", False), ("localhost.evil.example", False), ("", False),
        ("[::1]evil.example", False), ("[::1", False), ("localhost:80@evil.example", False), ("localhost/", False),
    ],
)  # fmt: skip
def test_only_our_own_names_are_answered(host: str, expected: bool) -> None:
    """Addresses, localhost and configured names pass; a name of somebody else's does not."""
    assert expected == host_allowed(host, frozenset({"desk.example"}))


def test_a_foreign_name_gets_nothing(seeded: Store, tmp_path: Path) -> None:
    """A rebound name is refused on every path, the ingest endpoint included."""
    client = client_of(seeded, tmp_path)
    foreign = {"host": "evil.example"}
    assert 421 == client.get("/traces", headers=foreign).status_code
    assert 421 == client.post("/v1/traces", headers=foreign, json={}).status_code


def test_a_token_opens_ingest_under_any_name(store: Store, tmp_path: Path) -> None:
    """Exporters may reach the endpoint under a name of the network once a token guards it; the pages stay closed."""
    client = client_of(store, tmp_path, ingest_token="s3cret")
    headers = {"host": "burnish.internal", "authorization": "Bearer s3cret"}
    assert 200 == client.post("/v1/traces", headers=headers, json={}).status_code
    assert 421 == client.get("/traces", headers=headers).status_code


def test_a_configured_name_is_answered(seeded: Store, tmp_path: Path) -> None:
    """--allow-host adds a name."""
    app = create_app(seeded, settings_for(tmp_path), allowed_hosts=["desk.example"])
    assert 200 == TestClient(app, base_url="http://desk.example").get("/").status_code


@pytest.mark.parametrize("path", ["/", "/traces", "/traces/unknown", "/static/burnish.css", "/nowhere"])
def test_every_answer_carries_the_policy(pages: TestClient, path: str) -> None:
    """Pages, errors and files forbid scripts that are not files of ours, framing and guessing of types."""
    headers = pages.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert "'none'" == policy["default-src"]
    assert "'self'" == policy["script-src"]
    assert "'self'" == policy["connect-src"]
    assert "'self'" == policy["style-src"]
    assert "'none'" == policy["frame-ancestors"]
    assert "nosniff" == headers["x-content-type-options"]


def test_no_other_site_is_let_in(pages: TestClient) -> None:
    """No answer carries a CORS header, so a page elsewhere can neither read nor send JSON."""
    answer = pages.get("/traces", headers={"origin": "https://evil.example"})
    assert [] == [name for name in answer.headers if name.startswith("access-control-")]


def test_a_defect_shows_no_inside(store: Store, tmp_path: Path) -> None:
    """An unexpected exception is a plain 500 page without its text."""
    client = client_of(store, tmp_path)
    client.app.state.agents = None  # type: ignore[attr-defined]
    answer = client.get("/")
    assert 500 == answer.status_code
    assert "NoneType" not in answer.text
