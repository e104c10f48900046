"""The accounts, for admins; on a site without any, the way to the first one."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from burnish.domain.annotation.people import Role, User
from burnish.domain.annotation.specs import load_queues
from burnish.drivers.web.access import refuse, set_session
from burnish.drivers.web.forgery import form_of
from burnish.drivers.web.proxies import Proxies
from burnish.drivers.web.render import message, page
from burnish.drivers.web.session import Session
from burnish.drivers.web.visitors import person_of, visitor_of
from burnish.drivers.web.wiring import store_of
from burnish.errors import ConfigError, InputError, NotFoundError

__all__ = ["add", "change_access", "remove", "set_password", "show"]

ALL_QUEUES, SOME_QUEUES = "all", "some"  # what the field `scope` says


def show(request: Request) -> Response:
    """Who has an account, with what they may do."""
    return _page(request)


def add(request: Request) -> Response:
    """Make an account. The first one is an admin's, and signs in who made it: somebody at this machine."""
    form = form_of(request)
    users = store_of(request).users
    first = not visitor_of(request).accounts
    proxies: Proxies = request.app.state.proxies
    if first and not proxies.here(request):
        return refuse(
            request,
            "The first account is made on the machine that burnish runs on, here or with "
            "`burnish users add NAME --role admin`.",
        )
    password = str(form.get("password", "")) or None
    if first and password is None:
        return _page(request, "The first account needs a password: without one nobody could sign in.")
    if not first and not _says_queues(request):
        return _unsaid(request)
    try:
        role = Role.ADMIN if first else _role(request)
        user = users.add(
            str(form.get("name", "")).strip(), role, password, None if first else _queues(request), first=first
        )
    except InputError as error:
        return _page(request, str(error))
    if first:
        set_session(request, Session(name=user.name, stamp=user.stamp))
    return _done(user.name)


def change_access(request: Request) -> Response:
    """Give somebody another role or other queues."""
    name = _somebody_else(request)
    if name is None:
        return _page(request, "Another admin changes your role; you could lock yourself out.")
    if not _says_queues(request):
        return _unsaid(request)
    try:
        store_of(request).users.set_access(name, _role(request), _queues(request))
    except (InputError, NotFoundError) as error:
        return _page(request, str(error))
    return _done(name)


def set_password(request: Request) -> Response:
    """Give somebody another password."""
    name = _somebody_else(request)
    if name is None:
        return _page(request, "Your own password is changed under Account, where the present one is asked for.")
    try:
        store_of(request).users.set_password(name, str(form_of(request).get("password", "")))
    except (InputError, NotFoundError) as error:
        return _page(request, str(error))
    return _done(name)


def remove(request: Request) -> Response:
    """Remove an account; what the person said stays."""
    name = _somebody_else(request)
    if name is None:
        return _page(request, "Another admin removes your account.")
    try:
        store_of(request).users.remove(name)
    except (InputError, NotFoundError) as error:
        return _page(request, str(error))
    return RedirectResponse("/users", 303)


def _somebody_else(request: Request) -> str | None:
    """The account a form is about; None where it is the sender's own, so that an admin is always left."""
    name = str(form_of(request).get("name", ""))
    return None if name == person_of(request).name else name


def _role(request: Request) -> Role:
    try:
        return Role(str(form_of(request).get("role", "")))
    except ValueError as error:
        raise InputError(f"the role is one of {', '.join(role.value for role in Role)}") from error


def _says_queues(request: Request) -> bool:
    """Whether the form says which queues: one that does not must not mean all of them."""
    return form_of(request).get("scope") in (ALL_QUEUES, SOME_QUEUES)


def _unsaid(request: Request) -> Response:
    text = (
        f"The form does not say which queues: send scope={ALL_QUEUES} for all of them, or scope={SOME_QUEUES} with a "
        "field queue for each."
    )
    return message(request, "Nothing was changed", text, 400)


def _queues(request: Request) -> tuple[str, ...] | None:
    form = form_of(request)
    if form.get("scope") == ALL_QUEUES:
        return None
    return tuple(sorted({str(name) for name in form.getlist("queue")}))


def _done(name: str) -> Response:
    return RedirectResponse(f"/users?done={quote(name, safe='')}", 303)


def _page(request: Request, problem: str | None = None) -> Response:
    users = store_of(request).users.list()
    done = request.query_params.get("done")
    return page(
        request,
        "users.html",
        status=200 if problem is None else 422,
        users=users,
        roles=list(Role),
        queues=_known_queues(request, users),
        problem=problem,
        done=done if any(user.name == done for user in users) else None,
        typed=str(form_of(request).get("name", "")),
    )


def _known_queues(request: Request, users: list[User]) -> list[str]:
    """The project's queues, and those that accounts name."""
    named = {queue for user in users for queue in user.queues or ()}
    try:
        return sorted(named | {queue.name for queue in load_queues(request.app.state.settings.project)})
    except ConfigError:
        return sorted(named)
