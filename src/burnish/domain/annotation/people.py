"""Who reviews: roles, what each may be asked, and which queues they see."""

import unicodedata
from enum import StrEnum
from typing import Literal

from pydantic import Field

from burnish.domain.base import UtcDatetime, Value

__all__ = ["Login", "Person", "Profile", "Role", "User", "folded", "is_name"]

Profile = Literal["reviewer", "expert"]


def is_name(text: str) -> bool:
    """Whether somebody may be called so: 1 to 200 printable characters without blanks around them."""
    return 0 < len(text) <= 200 and text == text.strip() and text.isprintable()


def folded(name: str) -> str:
    """The name without what readers miss: case, and characters that stand for others (Unicode's NFKC)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


class Role(StrEnum):
    """REVIEWER labels, EXPERT also gets what reviewers hand on and decides disputes, ADMIN sees everything."""

    REVIEWER = "reviewer"
    EXPERT = "expert"
    ADMIN = "admin"


class Person(Value):
    """Somebody who labels. `queues` names those they may see; None is all of them."""

    name: str = Field(min_length=1, max_length=200)
    role: Role = Role.REVIEWER
    queues: tuple[str, ...] | None = None

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """What they may be asked, the rarest first: an expert's time goes to what only experts may do."""
        return ("reviewer",) if self.role is Role.REVIEWER else ("expert", "reviewer")

    def may_see(self, queue: str) -> bool:
        """Whether they may work in a queue."""
        return self.role is Role.ADMIN or self.queues is None or queue in self.queues


class User(Value):
    """An account. `stamp` changes with password, role and queues: a session that holds an older one is over."""

    name: str
    role: Role
    queues: tuple[str, ...] | None = None
    has_password: bool = False
    stamp: str = ""
    created_at: UtcDatetime

    @property
    def person(self) -> Person:
        """The same as somebody who labels."""
        return Person(name=self.name, role=self.role, queues=self.queues)


class Login(Value):
    """An answer to a name and a password. `wait_s` above 0: too many wrong tries, nothing was checked.

    `names` is then how many other names wrong passwords came for from the same address, where it waits for that.
    """

    user: User | None = None
    failures: int = 0
    wait_s: float = 0.0
    names: int = 0
