"""A proxy that says who people are: believed from its own address alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.seeded import store_url
from support.signing import make_accounts, send, sign_in, token
from web.conftest import settings_for

from burnish.adapters.store import Store
from burnish.domain.annotation.people import Role
from burnish.drivers.web import create_app
from burnish.errors import ConfigError

PROXY = "10.0.0.2"
SAID = "X-Forwarded-User"
TRUST = {"trusted_proxies": "10.0.0.0/29, ::1", "proxy_user_header": SAID}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Accounts of each role, and of what tests add."""
    with Store.open(store_url(tmp_path_factory.mktemp("proxied"))) as opened:
        make_accounts(opened)
        yield opened


def browser(store: Store, folder: Path, peer: str = PROXY, **changes: object) -> TestClient:
    app = create_app(store, settings_for(folder, **{**TRUST, **changes}))
    return TestClient(app, base_url="http://localhost", client=(peer, 50_000))


def name_of(client: TestClient, *said: str) -> str | None:
    headers = [(SAID.encode(), one.encode()) for one in said]
    answer = client.get("/account", headers=headers, follow_redirects=False)  # type: ignore[arg-type]
    if answer.status_code != 200:
        return None
    return str(answer.text.split("<dt>Name</dt><dd>")[1].split("<")[0])


def test_the_proxy_is_believed(store: Store, tmp_path: Path) -> None:
    """Who the proxy names is signed in with the role of their account; names beyond ASCII too."""
    store.users.add("zoë", Role.EXPERT)
    client = browser(store, tmp_path)
    assert "expert" == name_of(client, "expert")
    assert "zoë" == name_of(client, "zoë")
    assert 200 == client.get("/traces", headers={SAID: "expert"}).status_code
    assert 403 == client.get("/users", headers={SAID: "expert"}).status_code


@pytest.mark.parametrize("peer", ["10.0.0.9", "192.168.0.1", "::2", "testclient", "127.0.0.1", ""])
def test_nobody_else_is(store: Store, tmp_path: Path, peer: str) -> None:
    """The header from any other address says nothing, nor does X-Forwarded-For make an address the proxy's."""
    client = browser(store, tmp_path, peer)
    assert name_of(client, "admin") is None
    client.headers["X-Forwarded-For"] = PROXY
    assert name_of(client, "admin") is None


@pytest.mark.parametrize("said", [("admin", "reviewer"), ("",), ("  ",), ()])
def test_an_unclear_word_is_none(store: Store, tmp_path: Path, said: tuple[str, ...]) -> None:
    """Two headers, of which the browser may have sent one, and an empty one sign nobody in."""
    assert name_of(browser(store, tmp_path), *said) is None


def test_where_a_proxy_vouches_nothing_is_open_before_the_first_account(tmp_path: Path) -> None:
    """Without an account and without the header, pages are closed: this is nobody's own machine."""
    with Store.open(store_url(tmp_path)) as empty:
        client = browser(empty, tmp_path, "192.168.0.1")
        assert 303 == client.get("/traces", follow_redirects=False).status_code
        assert 403 == sign_in(client, "admin").status_code


def test_strangers_are_refused_or_made_reviewers(store: Store, tmp_path: Path) -> None:
    """As the setting says; a name that cannot be one is refused in either case."""
    assert name_of(browser(store, tmp_path), "eve") is None
    refused = browser(store, tmp_path).get("/account", headers={SAID: "eve"})
    assert (403, None) == (refused.status_code, store.users.find("eve"))
    assert "an admin adds an account" in refused.text
    client = browser(store, tmp_path, proxy_unknown_people="create")
    assert "eve" == name_of(client, "eve")
    assert Role.REVIEWER is store.users.get("eve").role
    assert 403 == client.get("/account", headers={SAID: "x" * 300}).status_code


def test_a_token_is_of_the_person_the_proxy_names(store: Store, tmp_path: Path) -> None:
    """Forms still need it, and one browser's next person cannot use the last one's."""
    client = browser(store, tmp_path)
    client.headers[SAID] = "admin"
    before = token(client, "/users")
    assert 403 == client.post("/users", data={"name": "ann", "role": "reviewer"}).status_code
    assert 303 == send(client, "/users", name="ann", role="reviewer", scope="all").status_code
    client.headers[SAID] = "ann"
    assert before != token(client, "/account")
    del client.headers[SAID]
    assert 303 == client.get("/account", follow_redirects=False).status_code


def test_the_proxy_says_https_and_addresses(store: Store, tmp_path: Path) -> None:
    """Behind the proxy cookies are Secure, and wrong tries count by the address before it, whatever browsers claim."""
    client = browser(store, tmp_path)
    client.headers["X-Forwarded-Proto"] = "https"
    assert client.get("/login").headers["set-cookie"].startswith("__Host-")
    far = browser(store, tmp_path, "192.168.0.1")
    far.headers["X-Forwarded-Proto"] = "https"
    assert not far.get("/login").headers["set-cookie"].startswith("__Host-")

    plain = browser(store, tmp_path, proxy_user_header=None)

    def tries(address: str) -> list[int]:
        plain.headers["X-Forwarded-For"] = address
        return [sign_in(plain, "admin", f"wrong {number}").status_code for number in range(7)]

    assert 429 == tries("1.1.1.1, 5.6.7.8")[-1]
    assert 429 == tries("9.9.9.9, 5.6.7.8, 10.0.0.3")[0]
    assert 429 == tries("5.6.7.8:50123")[0]
    assert 403 == tries("9.9.9.9")[0]
    assert 429 == tries("2001:db8::1")[-1]
    assert 429 == tries("[2001:db8::ffff:2]:443")[0]
    assert 403 == tries("2001:db8:0:1::1")[0]


def test_what_a_browser_added_about_https_is_not_the_proxys_word(store: Store, tmp_path: Path) -> None:
    """Of several lines the last is the proxy's."""
    client = browser(store, tmp_path)
    said = [(b"x-forwarded-proto", b"https"), (b"x-forwarded-proto", b"http")]
    answer = client.get("/login", headers=said)  # type: ignore[arg-type]
    assert not answer.headers["set-cookie"].startswith("__Host-")


def test_a_name_with_a_blank_of_its_own_is_another_name(store: Store, tmp_path: Path) -> None:
    """A header's own blanks are taken off, other characters are the name's: nobody becomes admin by adding one."""
    client = browser(store, tmp_path)
    assert "admin" == name_of(client, " admin\t")
    for blank in ("\xa0", "\u2003", "\u3000"):
        assert name_of(client, f"admin{blank}") is None
        assert name_of(client, f"{blank}admin") is None
    assert name_of(browser(store, tmp_path, proxy_unknown_people="create"), "Admin") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"trusted_proxies": ""}, {"trusted_proxies": " , "}, {"trusted_proxies": "0.0.0.0/0"},
        {"trusted_proxies": "::/0"},
        {"trusted_proxies": "proxy.internal"}, {"trusted_proxies": "10.0.0.1/8"},
    ],
)  # fmt: skip
def test_a_header_anybody_could_send_stops_the_start(store: Store, tmp_path: Path, changes: dict[str, str]) -> None:
    """The header needs named addresses of proxies; what is none, or is all of them, is refused."""
    with pytest.raises(ConfigError, match="BURNISH_TRUSTED_PROXIES"):
        browser(store, tmp_path, **changes)
