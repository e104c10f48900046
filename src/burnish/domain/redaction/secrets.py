"""Detectors of secrets. Order counts: what spans a whole header goes before what may stand inside it."""

import re

from burnish.domain.redaction.detectors import Detector, Near
from burnish.domain.redaction.keys import placeholder

__all__ = ["SECRET_DETECTORS"]

_START = r"(?<![A-Za-z0-9_])"

# With line breaks, or with their escapes inside JSON. Where the end was cut off, the base64 that follows goes.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:(?!-----)[\s\S]){0,20000}+-----END [A-Z0-9 ]{1,60}-----"
    r"|(?:(?:\s|\\+[nr]){0,8}[A-Za-z0-9+/=]{16,}+)*+)"
)
_COOKIE = re.compile(
    r"(?i)(?:set-)?cookie[\"'\\]{0,4}\s{0,4}[:=]\s{0,4}[\"'\\\[]{0,4}"
    r"([\w.\-]{1,80}=[^\s\"'\\;,]{1,4096}(?:;\s{0,2}[^\"'\\\r\n;,]{0,4096})*)"
)
_URL_PASSWORD = re.compile(r"(?i)[a-z][a-z0-9+.\-]{1,20}://[^\s/:@\"'<>\\]{0,100}:([^\s/\"'<>\\?#]{1,200})@")
_AUTHORIZATION = re.compile(
    r"(?i)authorization[\"'\\]{0,4}\s{0,4}[:=]\s{0,4}[\"'\\\[]{0,4}(?:(?:bearer|basic|token|digest|apikey|key)\s{1,4})?"
    r"([A-Za-z0-9._~+/\-]{12,4096}=*)"
)
_BEARER = re.compile(
    r"(?i)(?<![a-z0-9])(?:bearer|basic)\s{1,4}(?=[A-Za-z._~+/\-]{0,200}\d)([A-Za-z0-9._~+/\-]{16,4096}=*)"
)
_JWT = re.compile(_START + r"ey[JK][A-Za-z0-9_\-]{8,}+\.[A-Za-z0-9_\-]{8,}+(?:\.[A-Za-z0-9_\-]*+){1,3}")
_PROVIDERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("aws_key", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])", ("akia", "asia", "abia", "acca")),
    ("google_key", r"(?:AIza[\w\-]{35}|ya29\.[\w\-.]{20,}|GOCSPX-[\w\-]{20,})", ("aiza", "ya29.", "gocspx-")),
    (
        "github_token",
        r"(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255})",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    ),
    ("gitlab_token", r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|oas|agent|imt)-[\w\-.]{20,}", ("gl",)),
    (
        "slack_token",
        r"(?:xox[abeoprs]-[A-Za-z0-9\-]{15,}|xapp-\d-[A-Za-z0-9\-]{13,}|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,})",
        ("xox", "xapp-", "hooks.slack"),
    ),
    (
        "stripe_key",
        r"(?:(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})",
        ("k_live_", "k_test_", "whsec_"),
    ),
    (
        "llm_key",
        r"(?:sk-(?:ant-|proj-|svcacct-|admin-|or-v1-|lf-)?(?=[A-Za-z_\-]{0,100}\d)[\w\-]{20,}|hf_[A-Za-z0-9]{30,}"
        r"|gsk_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{30,}|pplx-[A-Za-z0-9]{30,}|r8_[A-Za-z0-9]{30,}"
        r"|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|tgp_v1_[\w\-]{30,}|nvapi-[\w\-]{40,})",
        ("sk-", "hf_", "gsk_", "xai-", "pplx-", "r8_", "lsv2_", "tgp_v1_", "nvapi-"),
    ),
    (
        "service_token",
        r"(?:npm_[A-Za-z0-9]{36}|pypi-AgE[\w\-]{50,}|SG\.[\w\-]{16,}\.[\w\-]{30,}|SK[0-9a-f]{32}(?![0-9A-Za-z])"
        r"|key-[0-9a-f]{32}(?![0-9A-Za-z])|\d{8,10}:AA[\w\-]{33}|do[opr]_v1_[0-9a-f]{64}|dapi[0-9a-f]{32}"
        r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|lin_api_[A-Za-z0-9]{30,}|ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}"
        r"|hv[sb]\.[\w\-]{24,}|ATATT3[\w\-=]{60,}|sq0(?:csp|atp)-[\w\-]{22,}|AGE-SECRET-KEY-1[A-Z0-9]{50,}"
        r"|dp\.(?:pt|st|ct)\.[A-Za-z0-9]{40,}|sntrys_[\w\-+=/]{40,}|glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}|NRAK-[A-Z0-9]{27})",
        (
            *("npm_", "pypi-", "sg.", "sk", "key-", ":aa", "_v1_", "dapi", "shp", "lin_api_", "ntn_", "secret_"),
            *("hvs.", "hvb.", "atatt3", "sq0", "age-secret", "dp.", "sntrys_", "glsa_", "nrak-"),
        ),
    ),
)  # fmt: skip
_AZURE = re.compile(
    r"(?i)(?:(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,}={0,2})"
    r"|[?&;](?:sig|x-amz-signature|x-amz-security-token|x-goog-signature)=([A-Za-z0-9%+/=_\-]{20,}))"
)

_NAMES_OF_PASSWORDS = r"password|passwd|passphrase|passcode|pwd|passwort"
_NAMES_OF_SECRETS = (
    r"(?:client|app|api|webhook|signing|consumer|shared|oauth)[_\-]?secret|secret[_\-]?(?:access[_\-]?)?key|secret"
    r"|api[_\-]?key|access[_\-]?key|private[_\-]?key|account[_\-]?key|subscription[_\-]?key"
    r"|(?:access|refresh|id|auth|bearer|session|security|csrf|api|bot)[_\-]?token"
    r"|(?<!page)(?<!page[_\-])(?<!next)(?<!next[_\-])(?<!continuation)(?<!continuation[_\-])token"
)
# After the name: closing quote, separator, then the value in quotes (bare or escaped) or up to the next blank.
_VALUE = (
    r"[\"'`\\]{0,4}\s{0,3}(:=|=>|[:=])\s{0,3}"
    r"(?:[rbf]?\"((?:[^\"\\\r\n]|\\.){1,4096})\"|[rbf]?'((?:[^'\\\r\n]|\\.){1,4096})'"
    r"|\\{1,7}[\"']([^\"'\\\r\n]{1,4096})|([^\s\"'\\,;&<>(){}\[\]]{1,4096}))(\(?)"
)
_VALUES = (3, 4, 5, 6)
_PASSWORD = re.compile(rf"(?i)({_NAMES_OF_PASSWORDS}){_VALUE}")
_SECRET = re.compile(rf"(?i)({_NAMES_OF_SECRETS}){_VALUE}")
_SAID = re.compile(
    r"(?i)(?:password|passwort|passcode|passphrase|pwd)\s{1,3}(?:is|ist|was|should be)\s{0,2}:?\s{1,3}[\"'`]?"
    r"(?=[^\s\"'`]{0,100}\d)"
    r"([^\s\"'`\\]{4,100}[^\s\"'`\\.,;!?)])"
)
_NAME_LIKE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|(?:self|this|os|process|config|settings|env|args|opts)\b.*")
_AZURE_WORDS = ("accesskey=", "accountkey=", "sig=", "x-amz-s", "x-goog-s")
_PASSWORDS = ("pass", "pwd")
_PASSWORD_WORDS = ("passw", "passphrase", "passcode", "pwd")


def _assigned(match: re.Match[str]) -> bool:
    """Whether what stands after `name:` or `name =` is a value, and not a word, a type, a call or a blank to fill."""
    key, separator = match[1].lower(), match[2]
    quoted = match[3] or match[4] or match[5]
    value = quoted or match[6]
    if placeholder(value) or value.lower() == key:
        return False
    digits = any(char.isdigit() for char in value)
    if key == "token":
        return len(value) >= 16 and digits and not any(char.isspace() for char in value)
    if quoted:
        long_text = value.count(" ") > 4 and not key.startswith(_PASSWORDS)
        return len(value) >= (3 if key.startswith(_PASSWORDS) else 6) and not long_text
    if match[7] or _NAME_LIKE.fullmatch(value) or len(value) < 4:
        return False
    odd = any(not char.isalnum() and char not in "_-./:" for char in value.rstrip(".!?:"))
    mixed = any(char.isupper() for char in value[1:]) and any(char.islower() for char in value)
    if separator == "=":
        return len(value) >= 6 or digits or odd
    return digits or odd or (mixed and len(value) >= 12)


def _provider(name: str, pattern: str, anchors: tuple[str, ...]) -> Detector:
    return Detector(name, re.compile(_START + pattern), Near.LONG_WORD, anchors)


SECRET_DETECTORS: tuple[Detector, ...] = (
    Detector("private_key", _PRIVATE_KEY, Near.ANYTHING, ("-begin ",)),
    Detector("cookie", _COOKIE, Near.ASSIGNMENT, ("cookie",), groups=(1,)),
    Detector("url_password", _URL_PASSWORD, Near.ASSIGNMENT, ("://",), groups=(1,)),
    *(_provider(*one) for one in _PROVIDERS),
    Detector("jwt", _JWT, Near.LONG_WORD, ("eyj", "eyk")),
    Detector("authorization", _AUTHORIZATION, Near.ASSIGNMENT, ("authorization",), groups=(1,)),
    Detector("authorization", _BEARER, Near.DIGITS, ("bearer", "basic"), groups=(1,)),
    Detector("azure_key", _AZURE, Near.LONG_WORD, _AZURE_WORDS, groups=(1, 2)),
    Detector("password", _PASSWORD, Near.ASSIGNMENT, _PASSWORD_WORDS, _assigned, groups=_VALUES),
    Detector("password", _SAID, Near.DIGITS, _PASSWORD_WORDS, groups=(1,)),
    Detector("secret", _SECRET, Near.ASSIGNMENT, ("secret", "token", "key"), _assigned, groups=_VALUES),
)
