"""Who is there, and what they may open. How a page's author uses it:

- Every route stands in the table of app.py with its `Access`; access.py's `guarded` holds to it.
- `person_of(request)` is who is signed in, a `Person` with name, role and queues. `require_queue(request, name)` is the
  same, and refuses whom the queue is closed to.
- Templates get `person` (None: nobody has said who they are), `csrf` and `nav` from `page()`. A form that changes
  something writes `<input type="hidden" name="csrf" value="{{ csrf }}">`; htmx sends the token by itself.
- `form_of(request)` (forgery.py) holds the fields of a form, read and checked before the page's function is called.
"""

from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import urlsplit

from starlette.requests import Request

from burnish.domain.annotation.people import Person, Role
from burnish.errors import InputError, NotFoundError

__all__ = [
    "Access",
    "Visitor",
    "is_fragment",
    "local_path",
    "may_open",
    "path_within",
    "person_of",
    "require_queue",
    "visitor_of",
]


class Access(IntEnum):
    """What a page asks for. Each includes those above it, by the role of who is there.

    MACHINE: tools, with tokens of their own or none; no session. ANYONE: also who has not signed in. REVIEWER, READER
    (experts and admins: reviewers must not see what others said) and ADMIN: roles.
    """

    MACHINE = 0
    ANYONE = 1
    REVIEWER = 2
    READER = 3
    ADMIN = 4


HELD = {Role.REVIEWER: Access.REVIEWER, Role.EXPERT: Access.READER, Role.ADMIN: Access.ADMIN}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sent a request. `accounts`: whether people need one here. `proxied`: a proxy vouches for them."""

    person: Person | None
    accounts: bool
    csrf: str
    proxied: bool = False


def visitor_of(request: Request) -> Visitor:
    """Who sent the request; on answers that no page gave (a wrong address), nobody."""
    found: Visitor | None = getattr(request.state, "visitor", None)
    return found or Visitor(person=None, accounts=True, csrf="")


def person_of(request: Request) -> Person:
    """Who is signed in; without accounts, whoever they said they are, with the role admin.

    Every page for reviewers and every request that changes something has somebody. Raises InputError on a page that
    may be read without a name, where nobody gave one.
    """
    person = visitor_of(request).person
    if person is None:
        raise InputError("nobody has said who they are; sign in first")
    return person


def require_queue(request: Request, queue: str) -> Person:
    """Who is signed in, if they may work in the queue. Raises NotFoundError if not: it does not exist for them."""
    person = person_of(request)
    if not person.may_see(queue):
        raise NotFoundError(f"no queue '{queue}' for {person.name}; an admin gives access to queues")
    return person


def may_open(visitor: Visitor, access: Access) -> bool:
    """Whether somebody may open pages of this access."""
    if access <= Access.ANYONE:
        return True
    if visitor.person is None:
        # One person's own machine: nothing is locked, and what they say or change needs a name.
        return not visitor.accounts and access is Access.READER
    return HELD[visitor.person.role] >= access


def is_fragment(request: Request) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("hx-request") == "true" and request.headers.get("hx-boosted") != "true"


def local_path(text: str | None, default: str = "/") -> str:
    """A path of this site to go to; the default for anything that could lead elsewhere."""
    if not text or not text.startswith("/") or text.startswith("//") or len(text) > 2_000:
        return default
    if "\\" in text or not text.isascii() or not text.isprintable() or " " in text:
        return default
    return text


def path_within(url: str | None) -> str:
    """The path of a page's whole address, as browsers tell it in headers, to go to on this site; "/" for rubbish."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return "/"
    return local_path(parts.path + (f"?{parts.query}" if parts.query else ""))
