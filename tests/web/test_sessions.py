"""Sessions: when they begin, what they hold, and everything that ends them."""

import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from itsdangerous import URLSafeTimedSerializer
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.testclient import TestClient
from support.seeded import store_url
from support.signing import PASSWORD, browser_of, make_accounts, send, sign_in, token
from web.conftest import settings_for

from burnish.adapters.store import Store
from burnish.domain.annotation.people import Role
from burnish.drivers.web import create_app, doors
from burnish.drivers.web.session import Session, SessionCookie, session_key
from burnish.errors import ConfigError

KEY = "k" * 32


def inside(client: TestClient) -> bool:
    return 200 == client.get("/account", follow_redirects=False).status_code


def with_cookies(client: TestClient, cookies: dict[str, str]) -> TestClient:
    """Another browser, to which a cookie was carried over."""
    other = browser_of(client.app)
    other.cookies.update(cookies)
    return other


def held(cookie: SessionCookie, session: Session) -> str:
    response = Response()
    cookie.write(response, session, secure=False)
    return response.headers["set-cookie"].partition(";")[0].partition("=")[2]


def test_the_cookie_is_for_this_site_alone(desk: TestClient) -> None:
    """No script reads it, no other site sends it, and over https no other host sets it."""
    kept = sign_in(desk, "admin").headers["set-cookie"].lower()
    assert "httponly" in kept
    assert "samesite=lax" in kept
    assert "secure" not in kept
    safe = TestClient(desk.app, base_url="https://localhost")
    kept = sign_in(safe, "admin").headers["set-cookie"]
    assert kept.startswith("__Host-burnish_")
    assert "Secure" in kept
    assert "Domain" not in kept


def test_signing_in_makes_a_new_session(desk: TestClient) -> None:
    """A session planted before the password was given, and its token, are worth nothing afterwards."""
    planted = token(desk)
    before = dict(desk.cookies)
    sign_in(desk, "admin")
    assert planted != token(desk)
    thief = with_cookies(desk, before)
    assert not inside(thief)


def test_signing_out_ends_copies_too(desk: TestClient) -> None:
    """A cookie that was copied is over once its owner signs out."""
    sign_in(desk, "admin")
    thief = with_cookies(desk, dict(desk.cookies))
    assert inside(thief)
    send(desk, "/logout")
    assert not inside(desk)
    assert not inside(thief)


@pytest.mark.parametrize("change", ["password", "role", "removed"])
def test_a_change_of_the_account_ends_its_sessions(desk: TestClient, site: Starlette, change: str) -> None:
    """A new password, a new role and removal end what was open; an account made anew under the name opens nothing."""
    users = site.state.store.users
    users.add(change, Role.REVIEWER, PASSWORD)
    sign_in(desk, change)
    assert inside(desk)
    if change == "password":
        users.set_password(change, "another horse battery")
    elif change == "role":
        users.set_access(change, Role.EXPERT, None)
    else:
        users.remove(change)
        users.add(change, Role.ADMIN, PASSWORD)
    assert not inside(desk)


def test_a_forged_cookie_is_nobody(desk: TestClient) -> None:
    """Neither another key, nor a changed name, nor rubbish is believed."""
    sign_in(desk, "reviewer")
    name, value = next(iter(dict(desk.cookies).items()))
    payload, rest = value.split(".", 1)
    admin = URLSafeTimedSerializer("x" * 32, salt="burnish.session").dumps({"name": "admin"})
    for forged in ("", "x", payload, f"{payload[:-2]}AA.{rest}", value + "x", admin, admin.split(".")[0] + "." + rest):
        assert not inside(with_cookies(desk, {name: forged}))


def test_sessions_end_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the idle time, and two weeks after they began however busy, a session is over."""
    cookie = SessionCookie(KEY, 3_600)
    value = held(cookie, Session(name="ann"))
    old = held(cookie, Session(name="ann", began=int(time.time()) - 15 * 86_400))
    found = cookie.read(value)
    assert found is not None
    assert "ann" == found.name
    assert cookie.read(old) is None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3_500)
    assert cookie.read(value) is not None
    assert cookie.stale(found)
    monkeypatch.setattr(time, "time", lambda: now + 3_700)
    assert cookie.read(value) is None


def test_cookies_of_another_project_are_left_alone() -> None:
    """Two projects on one machine, whose browsers send both cookies to both, do not disturb each other."""
    assert SessionCookie(KEY, 1).name(False) != SessionCookie("j" * 32, 1).name(False)


def test_processes_share_one_key(tmp_path: Path) -> None:
    """Many that start at once over one home end up with the same key, readable by its owner alone."""
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: session_key(settings_for(tmp_path)), range(64)))
    assert 1 == len(keys)
    files = [path for path in (tmp_path / ".burnish").iterdir() if "key" in path.name]
    assert ["session.key"] == [path.name for path in files]
    assert 0o600 == stat.S_IMODE(files[0].stat().st_mode)
    assert {KEY} == {session_key(settings_for(tmp_path, session_key=KEY))}


@pytest.mark.parametrize("wrong", ["open", "empty", "short"])
def test_a_weak_key_is_refused(tmp_path: Path, wrong: str) -> None:
    """A key that others may read, or that can be guessed, stops the start with what to do."""
    session_key(settings_for(tmp_path))
    path = tmp_path / ".burnish" / "session.key"
    if wrong == "open":
        path.chmod(0o644)
    elif wrong == "empty":
        path.write_text("")
    changes = {"session_key": "secret"} if wrong == "short" else {}
    with pytest.raises(ConfigError, match=r"chmod 600|delete it|openssl rand"):
        session_key(settings_for(tmp_path, **changes))


def test_guessing_is_slowed_down_and_says_for_how_long(desk: TestClient) -> None:
    """After five wrong tries the form says how long to wait, for a name that nobody has just the same."""
    said = {}
    for name in ("expert", "nobody"):
        answers = [sign_in(desk, name, f"wrong password {number}") for number in range(7)]
        assert [403] * 5 == [answer.status_code for answer in answers[:5]]
        assert 429 == answers[6].status_code
        assert 1 <= int(answers[6].headers["retry-after"]) <= 4
        said[name] = [answer.text.replace(name, "NAME") for answer in answers[:5]]
    assert said["expert"] == said["nobody"]


def test_a_password_tried_on_many_names_is_stopped_by_address(tmp_path: Path) -> None:
    """The form says why and for how long; other addresses, known from a proxy of ours alone, are not held by it."""
    with Store.open(store_url(tmp_path)) as store:
        make_accounts(store)
        app = create_app(store, settings_for(tmp_path, trusted_proxies="10.0.0.2"))
        client = TestClient(app, base_url="http://localhost", client=("10.0.0.2", 50_000))
        client.headers["X-Forwarded-For"] = "9.9.9.9, 5.6.7.8"
        tries = [sign_in(client, f"name{number}", "Spring 2026!") for number in range(21)]
        assert [403] * 20 + [429] == [answer.status_code for answer in tries]
        assert 850 < int(tries[20].headers["retry-after"]) <= 900
        assert "Wrong passwords for 20 names came from your address" in tries[20].text
        client.headers["X-Forwarded-For"] = "1.1.1.1, 5.6.7.8"
        assert 429 == sign_in(client, "admin").status_code
        client.headers["X-Forwarded-For"] = "9.9.9.9"
        assert 303 == sign_in(client, "admin").status_code
        client.headers["X-Forwarded-For"] = "9.9.9.9, 5.6.7.8"
        assert 200 == client.get("/traces").status_code  # who is signed in goes on


def test_a_rush_of_passwords_does_not_take_the_machine(desk: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many are checked at once, each takes 32 MB; who comes beyond that is told to wait, and pages go on."""
    monkeypatch.setattr(doors, "PATIENCE_S", 0.05)
    with ExitStack() as held:
        for _ in range(doors.MOST_AT_ONCE):
            held.enter_context(doors.AT_ONCE)
        answer = sign_in(desk, "admin")
        assert (429, "1") == (answer.status_code, answer.headers["retry-after"])
        assert 200 == desk.get("/login").status_code
    assert 303 == sign_in(desk, "admin").status_code


def test_who_waits_for_a_password_keeps_few_threads(desk: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many send passwords, only so many wait for their turn; others are told at once to come back."""
    monkeypatch.setattr(doors, "PATIENCE_S", 30.0)
    with ExitStack() as held:
        for _ in range(doors.MOST_AT_ONCE + doors.MOST_WAITING):
            held.enter_context(doors.WAITING)
        began = time.monotonic()
        assert 429 == sign_in(desk, "admin").status_code
        assert time.monotonic() - began < 20
    assert 303 == sign_in(desk, "admin").status_code


def test_a_hostile_name_is_only_text(desk: TestClient) -> None:
    """What was typed comes back into the form escaped."""
    answer = sign_in(desk, '"><script>alert(1)</script>\u202e', "x", '"><script>alert(2)</script>')
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text
