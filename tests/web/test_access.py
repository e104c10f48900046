"""Who gets in, who does not, and whose requests are believed."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import Message
from support.signing import PASSWORD, browser_of, make_accounts, send, sign_in, token
from web.conftest import settings_for

from burnish.adapters.store import Store
from burnish.domain.annotation.people import Person, Role
from burnish.drivers.web import create_app, forgery
from burnish.drivers.web.app import PAGES
from burnish.drivers.web.visitors import Visitor, local_path, may_open

MACHINES = {"/v1/traces", "/v1/logs", "/v1/metrics", "/healthz"}


def filled(path: str) -> str:
    """A path of the table with something in its gaps."""
    return re.sub(r"\{\w+(:path)?\}", "2026-01-01", path)


def test_every_route_has_an_access(desk: TestClient) -> None:
    """Nothing is served that the table does not name, and each page is held to its line there."""
    told = {(path, method): access for path, access, _, methods in PAGES for method in methods}
    served = set()
    for route in desk.app.routes:  # type: ignore[attr-defined]
        if isinstance(route, Mount):
            assert "/static" == route.path
        elif route.path not in MACHINES:
            assert isinstance(route, Route)
            for method in (route.methods or set()) - {"HEAD"}:
                assert told[route.path, method] is route.endpoint.access, route.path
                served.add((route.path, method))
    assert set(told) == served


@pytest.mark.parametrize("role", [None, *Role])
def test_pages_open_by_role(desk: TestClient, role: Role | None) -> None:
    """Each page of the table, asked for and sent to, opens to its roles; others are told so, or asked to sign in."""
    if role is not None:
        sign_in(desk, role.value)
    person = None if role is None else Person(name=role.value, role=role)
    csrf = token(desk)
    for path, access, _, methods in PAGES:
        if path in ("/logout", "/login"):
            continue
        for method in methods:
            answer = desk.request(method, filled(path), headers={"x-csrf-token": csrf}, follow_redirects=False)
            if may_open(Visitor(person, True, ""), access):
                assert answer.status_code != 403, path
                assert not answer.headers.get("location", "").startswith("/login"), path
            elif role is None:
                assert answer.headers["location"].startswith("/login?next="), path
            elif (path, method) != ("/", "GET") or answer.status_code != 303:
                assert 403 == answer.status_code, path
                assert f"with the role {role.value}" in answer.text


def test_who_is_not_signed_in_comes_back_to_where_they_wanted(desk: TestClient) -> None:
    """The way through the form ends on the page asked for, its query included."""
    asked = "/traces?agent=a%20b&text=x%26y"
    away = desk.get(asked, follow_redirects=False)
    assert (303, f"/login?next={quote(asked, safe='')}") == (away.status_code, away.headers["location"])
    assert asked == sign_in(desk, "admin", target=asked).headers["location"]


def test_htmx_is_sent_to_the_form_as_a_whole(desk: TestClient) -> None:
    """A part of a page asked for without a session moves the whole page, and comes back to that page."""
    headers = {"hx-request": "true", "hx-current-url": "http://localhost/traces?agent=a"}
    answer = desk.get("/traces/1", headers=headers, follow_redirects=False)
    assert 401 == answer.status_code
    assert f"/login?next={quote('/traces?agent=a', safe='')}" == answer.headers["hx-redirect"]
    sign_in(desk, "reviewer")
    told = desk.get("/traces", headers=headers)
    assert 403 == told.status_code
    assert "<html" not in told.text
    assert 'role="alert"' in told.text


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example",
        "/\n/evil.example", " /x", "javascript:alert(1)", "evil", "", None, "/" + "a" * 3_000, "/é", "/a b",
        "http:/evil.example", "///evil.example", "/%0d%0aset-cookie:x=y\r\n",
    ],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(text: str | None) -> None:
    """What is no plain path of this site leads to the first page."""
    assert "/" == local_path(text)


def test_paths_of_ours_are_kept() -> None:
    """Any path of this site may be come back to."""
    assert "/traces/a%2Fb?all=1" == local_path("/traces/a%2Fb?all=1")


def test_without_accounts_pages_are_open_and_words_need_a_name(client: TestClient) -> None:
    """On one person's own machine nothing is locked; what is said or changed needs somebody who says it."""
    assert 200 == client.get("/traces").status_code
    assert "/login?next=%2Faccount" == client.get("/account", follow_redirects=False).headers["location"]
    assert send(client, "/users", name="ann", password=PASSWORD).headers["location"].startswith("/login")
    for wrong in ("", "   ", "x" * 201, "a\x00b", "a\u202eb"):
        assert 422 == sign_in(client, wrong).status_code
    assert "/account" == sign_in(client, "  ann ", target="/account").headers["location"]
    assert "ann" in client.get("/account").text
    send(client, "/logout")
    assert 303 == client.get("/account", follow_redirects=False).status_code


def test_accounts_that_appear_count_at_once(client: TestClient, store: Store) -> None:
    """The first account closes the pages that were open, and ends the session of a name that was only said."""
    sign_in(client, "admin")
    assert 200 == client.get("/traces").status_code
    make_accounts(store)
    assert "/login?next=%2Ftraces" == client.get("/traces", follow_redirects=False).headers["location"]
    sign_in(client, "admin")
    assert 200 == client.get("/traces").status_code


def test_a_request_without_the_token_changes_nothing(desk: TestClient, site: Starlette) -> None:
    """Neither no token, nor another session's, nor one in the address makes an account."""
    users = site.state.store.users
    sign_in(desk, "admin")
    mine = token(desk)
    other = browser_of(desk.app)
    fields = {"name": "eve", "password": PASSWORD, "role": "admin", "scope": "all"}
    for given in ("", "x", token(other), mine[:-1]):
        assert 403 == desk.post("/users", data={**fields, "csrf": given}).status_code
    assert 403 == desk.post(f"/users?csrf={mine}", data=fields).status_code
    assert users.find("eve") is None
    assert 303 == desk.post("/users", data=fields, headers={"x-csrf-token": mine}, follow_redirects=False).status_code
    users.remove("eve")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"}, {"origin": "http://localhost:8080"}, {"origin": "null"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
        {"origin": "http://localhost", "sec-fetch-site": "cross-site"}, {"origin": "http://[evil"},
    ],
)  # fmt: skip
def test_another_site_is_refused_even_with_the_token(desk: TestClient, headers: dict[str, str]) -> None:
    """What a browser says of a request's origin must fit."""
    sign_in(desk, "admin")
    assert 403 == send(desk, "/account/password", headers).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost", "sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"},
        {"origin": "null", "sec-fetch-site": "same-origin"},
    ],
)  # fmt: skip
def test_our_own_pages_are_heard(desk: TestClient, headers: dict[str, str]) -> None:
    """A browser on our own pages is let through."""
    assert 303 == sign_in(desk, "admin", **headers).status_code


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", "{}", 415), ("multipart/form-data; boundary=x", "--x--", 415),
        ("text/plain", "csrf=x", 415),
        ("application/x-www-form-urlencoded", "a=" + "b" * (4 * 2**20), 413),
        ("application/x-www-form-urlencoded", "&".join(["a=b"] * 2_000), 400),
        ("application/x-www-form-urlencoded", "a=%ff%fe", 400), ("application/x-www-form-urlencoded", "a=é", 400),
    ],
)  # fmt: skip
def test_bodies_that_are_no_form_are_refused(desk: TestClient, kind: str, body: str, status: int) -> None:
    """A form is small, text, and of the one kind that our pages send."""
    answer = desk.post("/login", content=body.encode(), headers={"content-type": kind})
    assert status == answer.status_code


def test_a_cross_site_get_signs_nobody_out(desk: TestClient) -> None:
    """Nothing changes on a GET."""
    sign_in(desk, "admin")
    assert 405 == desk.get("/logout").status_code
    assert 200 == desk.get("/").status_code


@pytest.mark.parametrize("url", ["http://[evil", "http://]", "\\\\evil", "javascript:alert(1)"])
def test_rubbish_in_a_browsers_headers_leads_to_the_first_page(desk: TestClient, url: str) -> None:
    """What a browser says of the page it is on may be anything, and is no defect of ours."""
    told = desk.get("/traces", headers={"hx-request": "true", "hx-current-url": url}, follow_redirects=False)
    assert (401, "/login?next=%2F") == (told.status_code, told.headers["hx-redirect"])
    themed = send(desk, "/theme", {"referer": url}, theme="dark")
    assert (303, "/") == (themed.status_code, themed.headers["location"])


def test_a_strangers_form_is_small(desk: TestClient) -> None:
    """Megabytes are taken from who has signed in; from others what a name and a password need."""
    large = {"note": "x" * 100_000}
    assert 413 == send(desk, "/login", **large).status_code
    sign_in(desk, "admin")
    assert 303 == send(desk, "/theme", **large).status_code


def test_a_form_that_does_not_come_is_given_up(desk: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends a byte now and then keeps no place for ever."""
    monkeypatch.setattr(forgery, "READ_S", 0.05)
    answers: list[Message] = []

    async def receive() -> Message:
        await anyio.sleep(0.02)
        return {"type": "http.request", "body": b"a", "more_body": True}

    async def send_back(message: Message) -> None:
        answers.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": "/login", "raw_path": b"/login", "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", b"localhost")], "client": ("10.0.0.1", 1), "server": ("localhost", 80),
    }  # fmt: skip
    anyio.run(desk.app, scope, receive, send_back)
    assert 408 == answers[0]["status"]


def test_what_fails_is_told_to_who_may_read(store: Store, tmp_path: Path) -> None:
    """A stranger learns nothing of files and servers from an error; somebody signed in does."""
    make_accounts(store)
    client = browser_of(create_app(store, settings_for(tmp_path)))
    sign_in(client, "admin")
    with store.users._database.write("users") as connection:
        connection.exec_driver_sql("DROP TABLE clusters")
    told = client.get("/clusters")
    assert 503 == told.status_code
    assert "no such table" in told.text
    with store.users._database.write("users") as connection:
        connection.exec_driver_sql("DROP TABLE users")
    refused = client.get("/login")
    assert 503 == refused.status_code
    assert "no such table" not in refused.text
    assert str(tmp_path) not in refused.text
