"""A visitor's own account: what it may do, and its password."""

from starlette.requests import Request
from starlette.responses import Response

from burnish.drivers.web.access import set_session
from burnish.drivers.web.doors import told_to_wait, try_password
from burnish.drivers.web.forgery import form_of
from burnish.drivers.web.render import page
from burnish.drivers.web.session import Session
from burnish.drivers.web.visitors import person_of, visitor_of
from burnish.drivers.web.wiring import store_of
from burnish.errors import InputError

__all__ = ["change_password", "show"]


def show(request: Request) -> Response:
    """Who one is here."""
    return _page(request)


def change_password(request: Request) -> Response:
    """Set a new password, for who knows the old one; every other session of the account ends."""
    form = form_of(request)
    name = person_of(request).name
    visitor = visitor_of(request)
    if visitor.proxied or not visitor.accounts:
        return _page(request, problem="There is no password here to change.", status=400)
    login = try_password(request, name, str(form.get("old", "")))
    if (wait := told_to_wait(login, lambda why: _page(request, problem=why, status=429))) is not None:
        return wait
    if login.user is None:
        return _page(request, problem="The present password is another one.", status=422)
    if form.get("new") != form.get("again"):
        return _page(request, problem="The two new passwords differ.", status=422)
    try:
        user = store_of(request).users.set_password(name, str(form.get("new", "")))
    except InputError as error:
        return _page(request, problem=str(error), status=422)
    set_session(request, Session(name=user.name, stamp=user.stamp))
    return _page(request, done=True)


def _page(request: Request, problem: str | None = None, done: bool = False, status: int = 200) -> Response:
    return page(request, "account.html", status=status, problem=problem, done=done)
