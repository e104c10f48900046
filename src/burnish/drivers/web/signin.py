"""Signing in and out, and what a browser keeps for a visitor: with accounts a password, without them just a name."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from burnish.domain.annotation.people import is_name
from burnish.drivers.web.access import set_session
from burnish.drivers.web.doors import told_to_wait, try_password
from burnish.drivers.web.forgery import form_of
from burnish.drivers.web.nav import THEME_COOKIE
from burnish.drivers.web.render import page
from burnish.drivers.web.session import Session
from burnish.drivers.web.visitors import local_path, path_within, visitor_of
from burnish.drivers.web.wiring import store_of

__all__ = ["set_theme", "show", "sign_in", "sign_out"]

YEAR_S = 365 * 86_400


def show(request: Request) -> Response:
    """The form that asks who is there."""
    return _form(request, local_path(request.query_params.get("next")))


def sign_in(request: Request) -> Response:
    """Check a name and a password; where nobody has an account, take the name."""
    form = form_of(request)
    target = local_path(str(form.get("next", "")))
    name = str(form.get("name", "")).strip()
    visitor = visitor_of(request)
    if visitor.proxied:
        return RedirectResponse(target, 303)
    if not visitor.accounts:
        if not is_name(name):
            return _form(request, target, "Give a name of 1 to 200 printable characters.", name, 422)
        set_session(request, Session(name=name))
        return RedirectResponse(target, 303)
    login = try_password(request, name, str(form.get("password", "")))
    if (wait := told_to_wait(login, lambda why: _form(request, target, why, name, 429))) is not None:
        return wait
    if login.user is None:
        return _form(request, target, "This name and this password do not belong together.", name, 403)
    # A session of its own from here on: an id that somebody planted before the password was given is worth nothing.
    set_session(request, Session(name=login.user.name, stamp=login.user.stamp))
    return RedirectResponse(target, 303)


def sign_out(request: Request) -> Response:
    """End every session of the account, on all devices: a cookie that was copied ends too."""
    visitor = visitor_of(request)
    if visitor.person is not None and visitor.accounts and not visitor.proxied:
        store_of(request).users.end_sessions(visitor.person.name)
    set_session(request, Session())
    return RedirectResponse("/login", 303)


def set_theme(request: Request) -> Response:
    """Keep light, dark or auto in the browser, and go back to the page that asked."""
    chosen = form_of(request).get("theme")
    answer = RedirectResponse(path_within(request.headers.get("referer")), 303)
    if chosen in ("light", "dark"):
        answer.set_cookie(THEME_COOKIE, str(chosen), max_age=YEAR_S, path="/", samesite="lax")
    else:
        answer.delete_cookie(THEME_COOKIE, path="/", samesite="lax")
    return answer


def _form(request: Request, target: str, problem: str | None = None, name: str = "", status: int = 200) -> Response:
    return page(request, "login.html", status=status, target=target, problem=problem, name=name)
