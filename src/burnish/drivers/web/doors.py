"""Passwords are checked a few at a time: each takes 32 MB and a tenth of a second of a core."""

from threading import BoundedSemaphore

from starlette.requests import Request

from burnish.domain.annotation.people import Login
from burnish.drivers.web.proxies import Proxies
from burnish.drivers.web.wiring import store_of

__all__ = ["try_password"]

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
