"""Accounts in the store."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from burnish.adapters.store import Store, review_tables, users
from burnish.adapters.store.users import UserStore
from burnish.domain.annotation.people import Role
from burnish.errors import InputError, NotFoundError

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(store: Store) -> UserStore:
    """Passwords at a hundredth of the cost."""
    return UserStore(store.users._database, cost=2**8)


def test_a_password_opens_its_account_alone(accounts: UserStore) -> None:
    """Right name and right password; neither a wrong one nor an account without a password."""
    made = accounts.add("ann", Role.EXPERT, PASSWORD, ("desk",))
    accounts.add("bob", Role.REVIEWER)
    assert made == accounts.authenticate("ann", PASSWORD).user
    for name, password in (("ann", "wrong"), ("ann", ""), ("bob", ""), ("bob", PASSWORD), ("nobody", PASSWORD)):
        assert accounts.authenticate(name, password).user is None
    assert (("desk",), True, False) == (made.queues, made.person.may_see("desk"), made.person.may_see("other"))


def test_the_database_holds_no_password(accounts: UserStore) -> None:
    """Only a salted hash with its costs, another one each time."""
    for name in ("ann", "bob"):
        accounts.add(name, Role.REVIEWER, PASSWORD)
    with accounts._database.read() as connection:
        hashes = list(connection.execute(sa.select(review_tables.users.c.password)).scalars())
    assert 2 == len(set(hashes))
    assert all(one.startswith("scrypt$256$8$3$") and PASSWORD not in one for one in hashes)


def test_guessing_is_slowed_down_by_name_and_origin(accounts: UserStore) -> None:
    """After five wrong ones nothing is checked for a while, not even the right one; from elsewhere it is."""
    accounts.add("ann", Role.REVIEWER, PASSWORD)
    answers = [accounts.authenticate("ann", "guess", "10.0.0.1") for _ in range(7)]
    assert [1, 2, 3, 4, 5, 5, 5] == [one.failures for one in answers]
    assert [0, 0, 0, 0, 0, 1, 1] == [round(one.wait_s + 0.4) for one in answers]
    blocked = accounts.authenticate("ann", PASSWORD, "10.0.0.1")
    assert (None, True) == (blocked.user, blocked.wait_s > 0)
    assert accounts.authenticate("ann", PASSWORD, "10.0.0.2").user is not None
    accounts.set_password("ann", PASSWORD)
    assert accounts.authenticate("ann", PASSWORD, "10.0.0.1").user is not None


def test_one_password_on_many_names_is_stopped(accounts: UserStore) -> None:
    """Wrong ones for twenty names from one address, and it waits until the first is a quarter of an hour old."""
    accounts.add("ann", Role.REVIEWER, PASSWORD)
    answers = [accounts.authenticate(f"name {n}", "guess", "10.0.0.1") for n in range(25)]
    assert [0] * 20 + [20] * 5 == [one.names for one in answers]
    assert {True} == {850 < one.wait_s <= 900 for one in answers[20:]}
    assert 20 == accounts.authenticate("ann", PASSWORD, "10.0.0.1").names
    assert accounts.authenticate("ann", PASSWORD, "10.0.0.2").user is not None
    assert 0 == accounts.authenticate("name 3", "guess", "10.0.0.1").names  # counted before, and held by its own limit
    failures = review_tables.login_failures
    with accounts._database.write("users") as connection:
        older = failures.c.last_at - users.ADDRESS_WINDOW_S * 1_000_000
        connection.execute(sa.update(failures).where(failures.c.name == "name 0").values(last_at=older))
    assert accounts.authenticate("ann", PASSWORD, "10.0.0.1").user is not None


def test_an_office_is_not_locked_out_by_slips(accounts: UserStore) -> None:
    """One person's many tries are one name; who gets in after some wrong ones is not counted any more."""
    for n in range(30):
        accounts.add(f"person {n}", Role.REVIEWER, PASSWORD)
    for _ in range(12):
        accounts.authenticate("person 0", "Correct Horse", "10.0.0.1")
    for n in range(1, 30):
        assert accounts.authenticate(f"person {n}", "Correct Horse", "10.0.0.1").names == 0
        assert accounts.authenticate(f"person {n}", PASSWORD, "10.0.0.1").user is not None


def test_an_unknown_name_is_slowed_down_alike(accounts: UserStore) -> None:
    """Nobody learns from the answers whether a name exists."""
    accounts.add("ann", Role.REVIEWER, PASSWORD)
    known = [accounts.authenticate("ann", "guess") for _ in range(6)]
    unknown = [accounts.authenticate("zoe", "guess") for _ in range(6)]
    assert [(one.user, one.failures, one.wait_s > 0) for one in known] == [
        (one.user, one.failures, one.wait_s > 0) for one in unknown
    ]


def test_many_guesses_at_once_are_counted(accounts: UserStore) -> None:
    """Twenty at the same moment are not twenty free tries."""
    accounts.add("ann", Role.REVIEWER, PASSWORD)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: accounts.authenticate("ann", "guess"), range(20)))
    assert 5 >= sum(one.wait_s == 0 for one in answers)


def test_an_unknown_name_takes_as_long(store: Store) -> None:
    """A hash is computed in any case, at the real cost."""
    accounts = store.users
    accounts.add("ann", Role.REVIEWER, PASSWORD)
    times = {}
    for name in ("ann", "zoe"):
        began = time.process_time()
        accounts.authenticate(name, "guess")
        times[name] = time.process_time() - began
    assert 0.4 < times["zoe"] / times["ann"] < 2.5


def test_a_change_ends_sessions(accounts: UserStore) -> None:
    """The stamp that a session carries is another after a new password, role or access."""
    stamps = [accounts.add("ann", Role.REVIEWER, PASSWORD).stamp]
    stamps.append(accounts.set_password("ann", PASSWORD + "!").stamp)
    stamps.append(accounts.set_access("ann", Role.ADMIN, None).stamp)
    assert 3 == len(set(stamps))
    assert accounts.authenticate("ann", PASSWORD + "!").user == accounts.get("ann")


def test_wrong_accounts_are_refused(accounts: UserStore) -> None:
    """A name twice, names that cannot be shown, short passwords, and names that nobody has."""
    accounts.add("ann", Role.REVIEWER, PASSWORD)
    for name, password, message in (
        ("ann", PASSWORD, "there is a user 'ann' already"),
        (" ann", PASSWORD, "cannot be a name"),
        ("a\nb", PASSWORD, "cannot be a name"),
        ("bob", "short", "needs 10 characters"),
    ):
        with pytest.raises(InputError, match=message):
            accounts.add(name, Role.REVIEWER, password)
    accounts.remove("ann")
    with pytest.raises(NotFoundError, match="no user 'ann'; there are: none yet"):
        accounts.remove("ann")
    assert accounts.authenticate("ann", PASSWORD).user is None


def test_a_name_that_looks_like_another_is_refused(accounts: UserStore) -> None:
    """In case, in how Unicode writes it, in ligatures: nobody signs labels as somebody nearly called so."""
    for name in ("Zo\u00eb", "file"):
        accounts.add(name, Role.ADMIN)
    for name in ("zo\u00eb", "Zoe\u0308", "\ufb01le", "FILE", "\uff46ile"):
        with pytest.raises(InputError, match="looks like the user"):
            accounts.add(name, Role.REVIEWER)
    accounts.add("Zoe", Role.REVIEWER)


def test_of_two_first_accounts_one_is_made(accounts: UserStore) -> None:
    """Who comes second is no admin, however close behind."""

    def claim(number: int) -> bool:
        try:
            return bool(accounts.add(f"user {number}", Role.ADMIN, PASSWORD, first=True))
        except InputError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert 1 == sum(pool.map(claim, range(8)))
    assert 1 == len(accounts.list())


def test_guessing_names_fills_no_disk(accounts: UserStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest of many wrong tries are forgotten, the newest stay counted."""
    monkeypatch.setattr(users, "MOST_FAILURES", 10)
    for number in range(15):
        accounts.authenticate(f"nobody {number}", "guess")
    with accounts._database.read() as connection:
        assert 10 == len(connection.execute(sa.select(review_tables.login_failures)).all())
    assert 2 == accounts.authenticate("nobody 14", "guess").failures
    assert 1 == accounts.authenticate("nobody 0", "guess").failures
