"""Names of fields whose value is a secret, and the values that are none whatever the field is called."""

import re

from burnish.domain.redaction.detectors import MARK

__all__ = ["IDENTIFIER", "PLAIN", "key_kind", "secret_of"]

# Kinds of key: nothing special, an identifier (numbers in it are no card or phone), or the detector it stands for.
PLAIN, IDENTIFIER = "", "id"

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PASSWORD = re.compile(r"(?:^|_)(?:password|passwd|passphrase|passcode|pwd|passwort|contrasena|mot_de_passe)$")
_COOKIE = re.compile(r"(?:^|_)(?:set_)?cookies?$")
_SECRET = re.compile(
    r"(?:^|_)(?:(?:client|app|api|webhook|signing|consumer|shared|oauth)_?secret|secret|secret_?key"
    r"|secret_access_key|api_?key|apikey|access_key|private_key|account_key|subscription_key|encryption_key|master_key"
    r"|(?:access|refresh|id|auth|bearer|session|security|csrf|xsrf|api|bot|user|service|personal_access)_?token"
    r"|authorization|connection_string|cvv2?|cvc2?|card_security_code)$"
)
_TOKEN = re.compile(r"(?:^|_)(?:token|credential|signature|sig)$")
_NOT_TOKEN = re.compile(r"(?:page|next|continuation|cursor|sync|pagination|prev|previous|start)_?token$")
_ID = re.compile(
    r"(?:^|_)(?:u?u?id|ids|hash|digest|sha\d*|etag|checksum|fingerprint|timestamp|nano|time|created|version)$"
)

_PLACEHOLDER = re.compile(
    r"(?i)(?:[*x.\-_•#]+|<[^>]{0,80}>|\$?\{\{?[^}]{0,80}\}?\}|\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|%\(?\w*\)?s"
    r"|none|null|nil|undefined|true|false|yes|no|n/a|string|str|text|number|integer|boolean|bool|object|array|optional"
    r"|required|empty|missing|invalid|hidden|redacted|masked|secret|password|passwort|token|unset|changed?|expired"
    r"|your[\w \-]*|enter[\w \-]*|example[\w \-]*|placeholder|\.\.\.|…|incorrect|correct|wrong|valid|reset|forgotten"
    r"|\[[\w \-]{0,40}\]|[a-z ]*(?:redacted|removed|filtered)[a-z ]*|bearer|basic)"
)


def key_kind(key: str) -> str:
    """What the name of a field says of its value: PLAIN, IDENTIFIER, or "password", "cookie", "secret", "token"."""
    if len(key) > 200:
        return PLAIN
    last = MARK.sub(" ", key).rsplit(".", 1)[-1]  # what a mark is called says nothing of the value
    name = re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", last).lower()).strip("_")
    if _PASSWORD.search(name):
        return "password"
    if _COOKIE.search(name):
        return "cookie"
    if _SECRET.search(name):
        return "secret"
    if _TOKEN.search(name) and not _NOT_TOKEN.search(name):
        return "token"
    return IDENTIFIER if _ID.search(name) else PLAIN


def placeholder(value: str) -> bool:
    """Whether a value stands for a secret without being one, or has been taken out already."""
    stripped = value.strip()
    return not stripped or MARK.fullmatch(stripped) is not None or _PLACEHOLDER.fullmatch(stripped) is not None


def secret_of(kind: str, value: str) -> str | None:
    """The detector that takes `value` of a field of this kind out, or None where it stays."""
    if kind in (PLAIN, IDENTIFIER) or placeholder(value):
        return None
    if kind == "token":  # also a word of a text, as models' log probabilities have it
        long = len(value) >= 16 and not any(char.isspace() for char in value)
        return "secret" if long and any(char.isdigit() for char in value) else None
    if kind == "cookie":
        return "cookie" if "=" in value or (len(value) >= 16 and " " not in value) else None
    if kind == "secret" and len(value) > 40 and value.count(" ") > 4:
        return None  # a sentence about a secret
    return kind
