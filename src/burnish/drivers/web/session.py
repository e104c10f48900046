"""The session of a browser: a signed cookie that holds who is there, and ends by itself."""

import hashlib
import hmac
import os
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer
from starlette.responses import Response

from burnish.errors import ConfigError
from burnish.settings import Settings

__all__ = ["Session", "SessionCookie", "session_key"]

KEY_FILE = "session.key"
SHORTEST_KEY = 32
LONGEST_S = 14 * 86_400
REFRESH_AFTER_S = 300


@dataclass(frozen=True, slots=True)
class Session:
    """One browser's session. Without a `name` nobody has signed in: it only ties forms to the browser.

    `stamp` is the account's at sign-in (User.stamp), empty where there are no accounts. `seen` is when the cookie was
    last signed, 0 for a session that has not been written yet.
    """

    name: str = ""
    stamp: str = ""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    began: int = field(default_factory=lambda: int(time.time()))
    seen: int = 0


class SessionCookie:
    """Writes sessions into a cookie and reads them back; what was changed, forged or has expired reads as None."""

    def __init__(self, key: str, idle_s: int) -> None:
        self._key = key.encode()
        self._idle_s = idle_s
        self._signer = URLSafeTimedSerializer(
            key, salt="burnish.session", signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"}
        )
        # Cookies know no ports: two projects on one machine must not end each other's sessions.
        self._name = f"burnish_{hashlib.sha256(b'name' + self._key).hexdigest()[:8]}"

    def name(self, secure: bool) -> str:
        """The cookie's name; over https one that no other host of the domain can set."""
        return f"__Host-{self._name}" if secure else self._name

    def read(self, text: str | None) -> Session | None:
        """The session in a cookie's value."""
        if not text:
            return None
        try:
            found, signed_at = self._signer.loads(text, max_age=self._idle_s, return_timestamp=True)
            session = Session(**found, seen=int(signed_at.timestamp()))
        except (BadData, TypeError):
            return None
        return session if time.time() - session.began < LONGEST_S else None

    def stale(self, session: Session) -> bool:
        """Whether the cookie should be written again, so that somebody at work is not signed out."""
        return time.time() - session.seen > min(REFRESH_AFTER_S, self._idle_s // 10)

    def write(self, response: Response, session: Session, secure: bool) -> None:
        """Put the session on a response."""
        held = {"name": session.name, "stamp": session.stamp, "id": session.id, "began": session.began}
        response.set_cookie(
            self.name(secure),
            self._signer.dumps(held),
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )

    def token(self, session: Session) -> str:
        """What forms of this session carry, so that no other site can send them."""
        digest = hmac.new(self._key, b"burnish.csrf:" + session.id.encode(), hashlib.sha256).digest()
        return urlsafe_b64encode(digest).decode().rstrip("=")


def session_key(settings: Settings) -> str:
    """The key that signs sessions: BURNISH_SESSION_KEY, else that of a file in the home, made when first needed.

    Restarts and several processes over one home share it. Raises ConfigError for a key that is too short, or a file
    that others may read.
    """
    if settings.session_key is not None:
        key = settings.session_key.get_secret_value()
        if len(key) < SHORTEST_KEY:
            raise ConfigError(
                f"BURNISH_SESSION_KEY has {len(key)} characters; give {SHORTEST_KEY} or more: openssl rand -hex 32"
            )
        return key
    path = settings.home_dir / KEY_FILE
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path} signs sessions and others may read it: chmod 600 it, or delete it for a new one")
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read or made: {error}; or set BURNISH_SESSION_KEY") from error
    if len(key) < SHORTEST_KEY:
        raise ConfigError(f"{path} holds no key: delete it, a new one is made")
    return key


def _make(path: Path) -> None:
    """Write a whole file under another name first: whoever comes second finds a key, never half of one."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
