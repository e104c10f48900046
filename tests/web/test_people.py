"""The page of accounts and one's own: what admins may do to others, and nobody to themselves."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from support.signing import PASSWORD, browser_of, make_accounts, send, sign_in
from web.conftest import client_of, settings_for

from burnish.adapters.store import Store
from burnish.domain.annotation.people import Role
from burnish.drivers.web import create_app
from burnish.errors import InputError

NEW = "another horse battery"


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> TestClient:
    """A site with an account a role, whose browser is the admin's."""
    make_accounts(store)
    client = client_of(store, tmp_path)
    sign_in(client, "admin")
    return client


def test_an_admin_makes_an_account(desk: TestClient, store: Store) -> None:
    """Name, role, queues and password are as the form says, and the account opens."""
    sent = {"name": " zoë ", "role": "expert", "scope": "some", "queue": ["refunds", "desk"], "password": PASSWORD}
    assert 303 == send(desk, "/users", **sent).status_code
    user = store.users.get("zoë")
    assert (Role.EXPERT, ("desk", "refunds")) == (user.role, user.queues)
    assert "zoë is saved" in desk.get("/users?done=zo%C3%AB").text
    other = browser_of(desk.app)
    assert 303 == sign_in(other, "zoë").status_code


def test_a_wrong_account_is_said_to_be_wrong(desk: TestClient, store: Store) -> None:
    """A name that is taken or none, a short password and an unknown role are refused on the form."""
    before = store.users.list()
    right = {"name": "ann", "role": "reviewer", "scope": "all", "password": PASSWORD}
    for wrong in ({"name": ""}, {"name": "admin"}, {"name": "a\u202eb"}, {"name": "x" * 201}, {"password": "short"},
                  {"role": "owner"}, {"role": ""}):  # fmt: skip
        answer = send(desk, "/users", **{**right, **wrong})
        assert 422 == answer.status_code, wrong
        assert 'role="alert"' in answer.text
    assert before == store.users.list()


def test_an_admin_changes_others(desk: TestClient, store: Store) -> None:
    """Role, queues and password of others change, and accounts go."""
    send(desk, "/users/access", name="reviewer", role="expert", scope="all")
    assert Role.EXPERT is store.users.get("reviewer").role
    send(desk, "/users/password", name="reviewer", password=NEW)
    assert store.users.authenticate("reviewer", NEW).user is not None
    send(desk, "/users/remove", name="reviewer")
    assert store.users.find("reviewer") is None
    assert 422 == send(desk, "/users/remove", name="reviewer").status_code


@pytest.mark.parametrize("scope", [{}, {"scope": ""}, {"scope": "everything"}, {"queue": ["refunds"]}])
def test_queues_that_are_not_said_are_not_all_queues(desk: TestClient, store: Store, scope: dict[str, object]) -> None:
    """A form without the field, or with another word in it, changes and makes nothing and says what is missing."""
    store.users.set_access("reviewer", Role.REVIEWER, ("refunds",))
    before = store.users.list()
    for path, fields in (("/users/access", {"name": "reviewer"}), ("/users", {"name": "ann", "password": PASSWORD})):
        answer = send(desk, path, role="expert", **fields, **scope)
        assert 400 == answer.status_code, path
        assert "does not say which queues" in answer.text
    assert before == store.users.list()


def test_no_admin_locks_themselves_out(desk: TestClient, store: Store) -> None:
    """One's own role, password and account are not changed here: an admin is always left."""
    assert 422 == send(desk, "/users/access", name="admin", role="reviewer", scope="all").status_code
    assert 422 == send(desk, "/users/password", name="admin", password=NEW).status_code
    assert 422 == send(desk, "/users/remove", name="admin").status_code
    assert Role.ADMIN is store.users.get("admin").role
    assert store.users.authenticate("admin", PASSWORD).user is not None


def test_two_admins_cannot_remove_each_other(desk: TestClient, store: Store) -> None:
    """The store keeps the last admin, whoever asks, unless the command line says that it is meant."""
    with pytest.raises(InputError, match="only admin"):
        store.users.remove("admin")
    with pytest.raises(InputError, match="only admin"):
        store.users.set_access("admin", Role.EXPERT, None)
    store.users.add("second", Role.ADMIN, PASSWORD)
    store.users.remove("admin")
    assert 303 == desk.get("/users", follow_redirects=False).status_code
    store.users.remove("second", last_admin=True)


def test_the_first_account_is_an_admins(store: Store, tmp_path: Path) -> None:
    """Where there is none, whoever makes the first is admin and signed in; a role in the form changes nothing.

    Only at this machine: who reaches an open site over the network must not be able to close it to its owner.
    """
    far = client_of(store, tmp_path)
    client = TestClient(far.app, base_url="http://localhost", client=("127.0.0.1", 50_000))
    for one, headers in ((far, {}), (client, {"x-forwarded-for": "10.0.0.1"})):
        sign_in(one, "eve")
        assert 403 == send(one, "/users", headers, name="eve", password=PASSWORD).status_code
    named = TestClient(create_app(store, settings_for(tmp_path), allowed_hosts=["desk.example"]),
                       base_url="http://desk.example", client=("127.0.0.1", 50_000))  # fmt: skip
    trusted = TestClient(create_app(store, settings_for(tmp_path, trusted_proxies="127.0.0.1")),
                         base_url="http://localhost", client=("127.0.0.1", 50_000))  # fmt: skip
    for one, headers in ((named, {}), (client, {"x-forwarded-proto": "https"}), (trusted, {})):
        sign_in(one, "eve")
        assert 403 == send(one, "/users", headers, name="eve", password=PASSWORD).status_code
    assert store.users.list() == []
    sign_in(client, "ann")
    assert "The first account" in client.get("/users").text
    assert 422 == send(client, "/users", name="ann", password="").status_code
    assert 303 == send(client, "/users", name="ann", password=PASSWORD, role="reviewer", scope="some").status_code
    user = store.users.get("ann")
    assert (Role.ADMIN, None) == (user.role, user.queues)
    assert 200 == client.get("/users", follow_redirects=False).status_code
    other = browser_of(client.app)
    assert 303 == other.get("/traces", follow_redirects=False).status_code


def test_a_password_is_changed_by_who_knows_it(desk: TestClient, store: Store) -> None:
    """The present one is asked for, the new one twice; this browser stays signed in, others do not."""
    other = browser_of(desk.app)
    sign_in(other, "admin")
    wrong = [{"old": "wrong horse battery"}, {"again": "different horse"}, {"new": "short", "again": "short"}]
    for one in wrong:
        fields = {"old": PASSWORD, "new": NEW, "again": NEW, **one}
        assert 422 == send(desk, "/account/password", **fields).status_code
    assert store.users.authenticate("admin", PASSWORD).user is not None
    assert 200 == send(desk, "/account/password", old=PASSWORD, new=NEW, again=NEW).status_code
    assert 200 == desk.get("/account", follow_redirects=False).status_code
    assert 303 == other.get("/account", follow_redirects=False).status_code
    assert store.users.authenticate("admin", NEW).user is not None


def test_names_on_the_page_are_only_text(desk: TestClient, store: Store) -> None:
    """An account's name and a word in the address do nothing on the page."""
    store.users.add("<b onclick=x>'\"", Role.REVIEWER, None, ("<i>",))
    text = desk.get("/users?done=%3Cscript%3E").text
    assert "<b onclick" not in text
    assert "<i>" not in text
    assert "<script>" not in text
