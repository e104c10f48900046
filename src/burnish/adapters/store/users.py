"""Accounts: who may review, with what password, and how often somebody guessed wrong."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from burnish.adapters.store import review_tables
from burnish.adapters.store.engine import Database, upsert
from burnish.adapters.store.rows import micros, moment, scrub
from burnish.domain.annotation.people import Login, Role, User, folded, is_name
from burnish.domain.base import utc_now
from burnish.errors import InputError, NotFoundError

__all__ = ["UserStore"]

_users = review_tables.users
_wrong = review_tables.login_failures

# scrypt (RFC 7914) from the standard library; 32 MB and three passes, of the settings that OWASP's password storage
# cheat sheet names as equally strong the one that a small server can hold several times over.
COST, BLOCK, LANES = 2**15, 8, 3
SHORTEST_PASSWORD = 10
FREE_TRIES = 5
LONGEST_WAIT_S = 900
FORGET_AFTER_S = 86_400
# One password tried on many names stays under what a name is allowed. Twenty people of one office who have not come in
# within a quarter of an hour are rare, and one person's slips are one name, or a few.
NAMES_AN_ADDRESS = 20
ADDRESS_WINDOW_S = 900
MOST_FAILURES = 10_000  # rows: who guesses names by the million fills no disk


class UserStore:
    """People with an account.

    `cost` is scrypt's; a password keeps the one it was made with. Tests take a small one.
    """

    def __init__(self, database: Database, cost: int = COST) -> None:
        self._database = database
        self._cost = cost

    def add(
        self,
        name: str,
        role: Role,
        password: str | None = None,
        queues: tuple[str, ...] | None = None,
        *,
        first: bool = False,
    ) -> User:
        """Make an account, without a password for people who are known by other means. `queues` None: all of them.

        Raises InputError for a name that is taken, looks like one that is, or cannot be one, for a password that is too
        short, and with `first` where anybody has an account.
        """
        name = scrub(name)
        if not is_name(name):
            raise InputError(
                f"'{name}' cannot be a name: give 1 to 200 printable characters without blanks around them"
            )
        row = {
            "name": name,
            "role": role.value,
            "queues": None if queues is None else json.dumps(queues),
            "password": None if password is None else _hashed(password, self._cost),
            "stamp": secrets.token_hex(16),
            "created_at": micros(utc_now()),
        }
        with self._database.write("users") as connection:
            if _find(connection, name) is not None:
                raise InputError(
                    f"there is a user '{name}' already; `burnish users password {name}` changes the password"
                )
            if (like := _alike(connection, name)) is not None:
                raise InputError(f"'{name}' looks like the user '{like}'; choose a name that nobody takes for theirs")
            if first and connection.execute(sa.select(_users.c.name).limit(1)).first() is not None:
                raise InputError("somebody has an account by now; an admin makes further ones")
            upsert(connection, _users, [row])
        return _user(row)

    def get(self, name: str) -> User:
        """One account. Raises NotFoundError."""
        with self._database.read() as connection:
            return _user(_expect(connection, name))

    def find(self, name: str) -> User | None:
        """One account, or None."""
        with self._database.read() as connection:
            row = _find(connection, name)
        return None if row is None else _user(row)

    def list(self) -> list[User]:
        """All accounts by name."""
        with self._database.read() as connection:
            return [_user(row) for row in connection.execute(sa.select(_users).order_by(_users.c.name)).mappings()]

    def exist(self) -> bool:
        """Whether anybody has an account."""
        with self._database.read() as connection:
            return connection.execute(sa.select(_users.c.name).limit(1)).first() is not None

    def end_sessions(self, name: str) -> User:
        """End every session of an account. Raises NotFoundError."""
        return self._change(name)

    def remove(self, name: str, *, last_admin: bool = False) -> None:
        """Remove an account; what the person said stays.

        Raises NotFoundError; InputError for the only admin, unless `last_admin` says that this is meant.
        """
        with self._database.write("users") as connection:
            row = _expect(connection, name)
            if row["role"] == Role.ADMIN and not last_admin:
                _leave_an_admin(connection, name)
            connection.execute(sa.delete(_users).where(_users.c.name == name))
            connection.execute(sa.delete(_wrong).where(_wrong.c.name == name))

    def set_password(self, name: str, password: str) -> User:
        """Change a password; sessions end, and the count of wrong tries too. Raises NotFoundError, InputError."""
        return self._change(name, password=_hashed(password, self._cost))

    def set_access(self, name: str, role: Role, queues: tuple[str, ...] | None) -> User:
        """Change role and queues; sessions end.

        Raises NotFoundError; InputError where the only admin would be none.
        """
        return self._change(name, role=role.value, queues=None if queues is None else json.dumps(queues))

    def authenticate(self, name: str, password: str, origin: str = "") -> Login:
        """Check a password; takes as long for a name that nobody has.

        After five wrong ones in a row for a name from an `origin` (an address), nothing is checked for a second, then
        two, four, up to 15 minutes; `wait_s` says how long still. Wrong ones are forgotten after a day. Nor is anything
        checked for a name from an address that gave wrong passwords for twenty others within 15 minutes, until the
        oldest of them is older; who signs in is not counted any more.
        """
        name, origin = scrub(name)[:200], scrub(origin)[:200]
        now = micros(utc_now())
        # The try is counted before the password is looked at, so that many at once cannot outrun the count.
        with self._database.write("users") as connection:
            row = _find(connection, name)
            count, last = _failures(connection, name, origin, now)
            wait = _wait_s(count) - (now - last) / 1_000_000
            if wait > 0:
                return Login(failures=count, wait_s=wait)
            wait = _address_wait_s(connection, name, origin, now)
            if wait > 0:
                return Login(failures=count, wait_s=wait, names=NAMES_AN_ADDRESS)
            old = now - FORGET_AFTER_S * 1_000_000
            connection.execute(sa.delete(_wrong).where(_wrong.c.last_at < old))
            upsert(connection, _wrong, [{"name": name, "origin": origin, "count": count + 1, "last_at": now}])
            _bound(connection)
        stored = None if row is None else row["password"]
        right = _matches(password, stored if stored is not None else _nobody(self._cost)) and stored is not None
        if row is None or not right:
            return Login(failures=count + 1)
        with self._database.write("users") as connection:
            connection.execute(sa.delete(_wrong).where(_wrong.c.name == name, _wrong.c.origin == origin))
        return Login(user=_user(row))

    def _change(self, name: str, **values: Any) -> User:
        with self._database.write("users") as connection:
            row = _expect(connection, name)
            if row["role"] == Role.ADMIN and values.get("role", Role.ADMIN) != Role.ADMIN:
                _leave_an_admin(connection, name)
            changed = {**values, "stamp": secrets.token_hex(16)}
            connection.execute(sa.update(_users).where(_users.c.name == name).values(**changed))
            if "password" in values:
                connection.execute(sa.delete(_wrong).where(_wrong.c.name == name))
            return _user(_expect(connection, name))


def _hashed(password: str, cost: int) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise InputError(f"a password needs {SHORTEST_PASSWORD} characters or more")
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, cost, BLOCK, LANES)
    return "$".join(("scrypt", str(cost), str(BLOCK), str(LANES), _text(salt), _text(digest)))


def _matches(password: str, stored: str) -> bool:
    _, cost, block, lanes, salt, digest = stored.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(found, base64.b64decode(digest))


def _nobody(cost: int) -> str:
    """A hash that no password has, so that an unknown name costs the same time."""
    return "$".join(("scrypt", str(cost), str(BLOCK), str(LANES), _text(bytes(16)), _text(bytes(32))))


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    room = 128 * block * (cost + lanes) + 2**20
    secret = password.encode("utf-8", "surrogatepass")
    return hashlib.scrypt(secret, salt=salt, n=cost, r=block, p=lanes, maxmem=room, dklen=32)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _wait_s(failures: int) -> float:
    over = failures - FREE_TRIES
    return 0.0 if over < 0 else min(float(2 ** min(over, 20)), LONGEST_WAIT_S)


def _address_wait_s(connection: Connection, name: str, origin: str, now: int) -> float:
    """How long still until an address has wrong passwords for fewer other names behind it."""
    window = ADDRESS_WINDOW_S * 1_000_000
    query = (
        sa.select(_wrong.c.last_at)
        .where(_wrong.c.origin == origin, _wrong.c.last_at > now - window, _wrong.c.name != name)
        .order_by(_wrong.c.last_at.desc())
        .offset(NAMES_AN_ADDRESS - 1)
        .limit(1)
    )
    last = connection.execute(query).scalar()
    return 0.0 if last is None else (last + window - now) / 1_000_000


def _failures(connection: Connection, name: str, origin: str, now: int) -> tuple[int, int]:
    query = sa.select(_wrong.c.count, _wrong.c.last_at).where(_wrong.c.name == name, _wrong.c.origin == origin)
    row = connection.execute(query).first()
    if row is None or now - row[1] > FORGET_AFTER_S * 1_000_000:
        return 0, 0
    return int(row[0]), int(row[1])


def _find(connection: Connection, name: str) -> Any | None:
    return connection.execute(sa.select(_users).where(_users.c.name == name)).mappings().first()


def _alike(connection: Connection, name: str) -> str | None:
    wanted = folded(name)
    return next((one for one in connection.execute(sa.select(_users.c.name)).scalars() if folded(one) == wanted), None)


def _bound(connection: Connection) -> None:
    """Forget the oldest wrong tries beyond `MOST_FAILURES`."""
    if connection.execute(sa.select(sa.func.count()).select_from(_wrong)).scalar_one() > MOST_FAILURES:
        newest = sa.select(_wrong.c.last_at).order_by(_wrong.c.last_at.desc()).offset(MOST_FAILURES - 1).limit(1)
        connection.execute(sa.delete(_wrong).where(_wrong.c.last_at < newest.scalar_subquery()))


def _expect(connection: Connection, name: str) -> Any:
    row = _find(connection, name)
    if row is None:
        names = connection.execute(sa.select(_users.c.name).order_by(_users.c.name).limit(10)).scalars().all()
        raise NotFoundError(f"no user '{name}'; there are: {', '.join(names) or 'none yet'}")
    return row


def _leave_an_admin(connection: Connection, name: str) -> None:
    others = sa.select(_users.c.name).where(_users.c.role == Role.ADMIN.value, _users.c.name != name).limit(1)
    if connection.execute(others).first() is None:
        raise InputError(f"{name} is the only admin; make somebody else one first")


def _user(row: Any) -> User:
    return User(
        name=row["name"],
        role=Role(row["role"]),
        queues=None if row["queues"] is None else tuple(json.loads(row["queues"])),
        has_password=row["password"] is not None,
        stamp=row["stamp"],
        created_at=moment(row["created_at"]),
    )
