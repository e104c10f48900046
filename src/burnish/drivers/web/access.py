"""Holds every page to the access that app.py's table gives it: who is there, their role, and their own request."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from burnish.domain.annotation.people import Person, Role, User
from burnish.drivers.web.forgery import (
    LARGEST_FORM,
    SAFE_METHODS,
    STRANGERS_FORM,
    carries_token,
    own_site,
    read_form,
)
from burnish.drivers.web.proxies import Proxies
from burnish.drivers.web.render import message
from burnish.drivers.web.session import Session, SessionCookie
from burnish.drivers.web.visitors import Access, Visitor, local_path, may_open, path_within
from burnish.drivers.web.wiring import store_of
from burnish.errors import InputError

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["Page", "guarded", "meet", "refuse", "set_session"]

Page = Callable[[Request], Response]

WANTED = {Access.REVIEWER: "reviewers", Access.READER: "experts and admins", Access.ADMIN: "admins"}


def guarded(page: Page, access: Access) -> Callable[[Request], Awaitable[Response]]:
    """The page, for those alone who may open it and whose requests are their own."""

    async def endpoint(request: Request) -> Response:
        if request.method not in SAFE_METHODS:
            await read_form(request, LARGEST_FORM if _came_before(request) else STRANGERS_FORM)
        return await run_in_threadpool(_answer, page, access, request)

    endpoint.access = access  # type: ignore[attr-defined]
    return endpoint


def set_session(request: Request, session: Session) -> None:
    """Give the browser another session with this answer; its id must be new where who is signed in changes."""
    request.state.session = session


def refuse(request: Request, text: str) -> Response:
    """The page for what somebody may not do."""
    return message(request, "Not for you", text, 403)


def meet(request: Request) -> Session | None:
    """Find out who is there, once a request; the session is that of the cookie, None where it holds none."""
    held = _held(request)
    if getattr(request.state, "visitor", None) is None:
        request.state.session, request.state.visitor = _recognise(request, held or Session())
    return held


def _held(request: Request) -> Session | None:
    cookie: SessionCookie = request.app.state.session_cookie
    return cookie.read(request.cookies.get(cookie.name(request.app.state.proxies.secure(request))))


def _came_before(request: Request) -> bool:
    """Whether the session in the cookie has somebody's name: a stranger's large form is not worth its memory."""
    held = _held(request)
    return held is not None and held.name != ""


def _answer(page: Page, access: Access, request: Request) -> Response:
    held = meet(request)
    response = _refusal(request, access, request.state.visitor) or page(request)
    after: Session = request.state.session
    cookie: SessionCookie = request.app.state.session_cookie
    if after is not held or cookie.stale(after):
        cookie.write(response, after, request.app.state.proxies.secure(request))
    return response


def _recognise(request: Request, session: Session) -> tuple[Session, Visitor]:
    """Whose session it is now: one that another person or an older password left is replaced by an empty one."""
    store = store_of(request)
    proxies: Proxies = request.app.state.proxies
    cookie: SessionCookie = request.app.state.session_cookie
    said = proxies.user(request)
    if said is not None:
        user = _known(store, said, proxies.create_unknown)
        if session.name != said:
            session = Session(name=said)
        return session, Visitor(user.person if user else None, True, cookie.token(session), proxied=True)
    user = store.users.find(session.name) if session.name else None
    accounts = user is not None or proxies.user_header is not None or store.users.exist()
    person: Person | None = None
    if user is not None and session.stamp and user.stamp == session.stamp:
        person = user.person
    elif session.name and not accounts:
        person = Person(name=session.name, role=Role.ADMIN)
    elif session.name:
        session = Session()
    return session, Visitor(person, accounts, cookie.token(session))


def _known(store: "Store", name: str, create: bool) -> User | None:
    user = store.users.find(name)
    if user is None and create:
        try:
            return store.users.add(name, Role.REVIEWER)
        except InputError:
            # Somebody else's request made it meanwhile, or the name cannot be one.
            return store.users.find(name)
    return user


def _refusal(request: Request, access: Access, visitor: Visitor) -> Response | None:
    changes = request.method not in SAFE_METHODS
    if changes and not (own_site(request, request.app.state.site_names) and carries_token(request, visitor.csrf)):
        return message(
            request,
            "This page is out of date",
            "The session it belonged to is over, or another site sent this. Open the page anew and try again.",
            403,
        )
    if access <= Access.ANYONE:
        return None
    if visitor.person is None and visitor.proxied:
        return refuse(request, "The proxy knows you, burnish does not: an admin adds an account under your name.")
    if visitor.person is None and (changes or not may_open(visitor, access)):
        return _to_sign_in(request)
    if not may_open(visitor, access):
        return _wrong_role(request, access, visitor)
    return None


def _to_sign_in(request: Request) -> Response:
    if request.headers.get("hx-request") == "true":
        target = path_within(request.headers.get("hx-current-url"))
        return Response(status_code=401, headers={"HX-Redirect": f"/login?next={quote(target, safe='')}"})
    target = "/"
    if request.method in SAFE_METHODS:
        raw = request.scope.get("raw_path") or request.url.path.encode()
        target = local_path(raw.decode("latin-1") + (f"?{request.url.query}" if request.url.query else ""))
    return RedirectResponse(f"/login?next={quote(target, safe='')}", 303)


def _wrong_role(request: Request, access: Access, visitor: Visitor) -> Response:
    person = visitor.person
    assert person is not None
    paths: frozenset[str] = request.app.state.paths
    if request.url.path == "/" and "/review" in paths:
        return RedirectResponse("/review", 303)
    return refuse(
        request,
        f"This page is for {WANTED[access]}. You are signed in as {person.name}, with the role {person.role.value}; "
        "an admin changes roles.",
    )
