"""Passwords are checked a few at a time: each takes 32 MB and a tenth of a second of a core."""

import math
from collections.abc import Callable
from threading import BoundedSemaphore

from starlette.requests import Request
from starlette.responses import Response

from burnish.domain.annotation.people import Login
from burnish.drivers.web.proxies import Proxies
from burnish.drivers.web.wiring import store_of

__all__ = ["told_to_wait", "try_password"]

MOST_AT_ONCE = 3
AT_ONCE = BoundedSemaphore(MOST_AT_ONCE)
PATIENCE_S = 2.0
# Who waits keeps a thread that other pages need.
MOST_WAITING = 6
WAITING = BoundedSemaphore(MOST_AT_ONCE + MOST_WAITING)


def try_password(request: Request, name: str, password: str) -> Login:
    """Check a password from where the request comes; `wait_s` above 0 where too many are being checked already."""
    if not WAITING.acquire(blocking=False):
        return Login(wait_s=PATIENCE_S)
    try:
        if not AT_ONCE.acquire(timeout=PATIENCE_S):
            return Login(wait_s=PATIENCE_S)
        try:
            proxies: Proxies = request.app.state.proxies
            return store_of(request).users.authenticate(name, password, proxies.origin(request))
        finally:
            AT_ONCE.release()
    finally:
        WAITING.release()


def told_to_wait(login: Login, answer: Callable[[str], Response]) -> Response | None:
    """The answer to a try that was not checked, with why and how long to wait; None where it was."""
    if login.user is not None or login.wait_s <= 0:
        return None
    wait = math.ceil(login.wait_s)
    why = "Too many tries."
    if login.names:
        why = f"Wrong passwords for {login.names} names came from your address, so it has to wait."
    response = answer(f"{why} Wait {_span(wait)}, then try again.")
    response.headers["Retry-After"] = str(wait)
    return response


def _span(seconds: int) -> str:
    if seconds < 90:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{math.ceil(seconds / 60)} minutes"
