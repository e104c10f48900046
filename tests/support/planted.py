# ruff: noqa: E501 - a form a line reads best
"""Labelled texts for redaction: made-up secrets and personal data in many forms, and texts that only look like it.

Every secret is drawn at random or is an example of a public standard; none opens anything.
"""

import base64
import json
import random
import string
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

__all__ = ["FORMS", "Labelled", "negatives", "positives", "secrets"]

_ALNUM = string.ascii_letters + string.digits
_URLSAFE = _ALNUM + "-_"
_WORDS = [
    "order",
    "parcel",
    "invoice",
    "refund",
    "customer",
    "please",
    "address",
    "account",
    "window",
    "number",
    "delivery",
    "green",
    "status",
    "return",
]


@dataclass(frozen=True)
class Labelled:
    """A text, the secret in it and the detectors that may name it; a negative has neither."""

    text: str
    secret: str = ""
    kind: str = ""


def _some(r: random.Random, alphabet: str, length: int) -> str:
    """Random characters with a digit and a letter among them."""
    made = "".join(r.choice(alphabet) for _ in range(length - 2))
    return made[: length // 2] + r.choice(string.digits) + r.choice(string.ascii_letters) + made[length // 2 :]


def _luhn(digits: str) -> str:
    total = 0
    for position, char in enumerate(reversed(digits)):
        number = int(char) * (2 if position % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return digits + str(-total % 10)


def _card(r: random.Random) -> str:
    start, length = r.choice([("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("34", 15), ("37", 15), ("6011", 16)])
    digits = _luhn(start + "".join(r.choice(string.digits) for _ in range(length - len(start) - 1)))
    groups = [digits[:4], digits[4:10], digits[10:]] if length == 15 else [digits[i : i + 4] for i in range(0, 16, 4)]
    return r.choice(["", " ", "-"]).join(groups)


def _iban(r: random.Random) -> str:
    country, length = r.choice([("DE", 22), ("NL", 18), ("GB", 22), ("FR", 27), ("ES", 24), ("AT", 20)])
    letters = {"NL": "INGB", "GB": "NWBK"}.get(country, "")
    bban = letters + "".join(r.choice(string.digits) for _ in range(length - 4 - len(letters)))
    number = "".join(str(int(char, 36)) for char in bban + country + "00")
    whole = f"{country}{98 - int(number) % 97:02d}{bban}"
    return " ".join(whole[i : i + 4] for i in range(0, length, 4)) if r.random() < 0.5 else whole


def _jwt(r: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': _some(r, _ALNUM, 9)})}.{_some(r, _URLSAFE, 43)}"


def _pem(r: random.Random) -> str:
    kind = r.choice(["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"])
    lines = "\n".join(_some(r, _ALNUM + "+/", 64) for _ in range(6))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"


def _email(r: random.Random) -> str:
    name = r.choice(["jane.doe", "m.müller", "k_ito", "sales+eu", "o.brien", "first.last"])
    return f"{name}{r.randrange(100)}@{r.choice(['mail', 'post.office', 'acme-corp'])}.{r.choice(['com', 'de', 'co.uk', 'io'])}"


def _phone(r: random.Random) -> str:
    us = f"{r.choice(['212', '415', '305', '617'])}"
    rest = (r.randrange(201, 999), r.randrange(10_000))
    us_forms = ["({}) {:03d}-{:04d}", "{}-{:03d}-{:04d}", "+1 {} {:03d} {:04d}", "+1{}{:03d}{:04d}", "{}.{:03d}.{:04d}"]
    german = f"+49 {r.choice(['151', '171', '176'])} {r.randrange(10**7, 10**8)}"
    british = f"+44 20 7{r.randrange(100, 1000)} {r.randrange(1000, 10000)}"
    return r.choice([r.choice(us_forms).format(us, *rest), german, british])


def secrets() -> dict[str, Callable[[random.Random], str]]:
    """A maker of secrets by name; the part before the dot is the detector's."""
    return {
        "aws_key": lambda r: "AKIA" + "".join(r.choice(string.ascii_uppercase + "234567") for _ in range(16)),
        "google_key.api": lambda r: "AIza" + _some(r, _URLSAFE, 35),
        "google_key.oauth": lambda r: "ya29." + _some(r, _URLSAFE, 60),
        "github_token.classic": lambda r: r.choice(["ghp_", "gho_", "ghs_"]) + _some(r, _ALNUM, 36),
        "github_token.fine": lambda r: "github_pat_" + _some(r, _ALNUM, 22) + "_" + _some(r, _ALNUM, 59),
        "gitlab_token": lambda r: "glpat-" + _some(r, _URLSAFE, 20),
        "slack_token": lambda r: f"xoxb-{r.randrange(10**11, 10**12)}-{_some(r, _ALNUM, 24)}",
        "stripe_key": lambda r: r.choice(["sk_live_", "rk_live_", "sk_test_"]) + _some(r, _ALNUM, 24),
        "llm_key.openai": lambda r: "sk-proj-" + _some(r, _URLSAFE, 48),
        "llm_key.old": lambda r: "sk-" + _some(r, _ALNUM, 48),
        "llm_key.anthropic": lambda r: "sk-ant-api03-" + _some(r, _URLSAFE, 90),
        "llm_key.hf": lambda r: "hf_" + _some(r, _ALNUM, 34),
        "llm_key.groq": lambda r: "gsk_" + _some(r, _ALNUM, 52),
        "llm_key.langsmith": lambda r: f"lsv2_pt_{r.getrandbits(128):032x}_{r.getrandbits(40):010x}",
        "llm_key.langfuse": lambda r: f"sk-lf-{uuid.UUID(int=r.getrandbits(128))}",
        "service_token.npm": lambda r: "npm_" + _some(r, _ALNUM, 36),
        "service_token.sendgrid": lambda r: f"SG.{_some(r, _URLSAFE, 22)}.{_some(r, _URLSAFE, 43)}",
        "service_token.digitalocean": lambda r: f"dop_v1_{r.getrandbits(256):064x}",
        "service_token.telegram": lambda r: f"{r.randrange(10**8, 10**9)}:AA{_some(r, _URLSAFE, 33)}",
        "jwt": _jwt,
        "private_key": _pem,
        "email": _email,
        "phone": _phone,
        "card": _card,
        "iban": _iban,
        "us_ssn": lambda r: f"{r.randrange(100, 665)}-{r.randrange(10, 99)}-{r.randrange(1000, 9999)}",
    }


def _in_json(text: str) -> str:
    return json.dumps({"note": "see below", "value": f"it is {text} today", "n": 3})


# How a secret stands in a text: bare, in a sentence, in JSON, in JSON inside a JSON string, in a log line, in code.
FORMS: dict[str, Callable[[str], str]] = {
    "bare": lambda s: s,
    "sentence": lambda s: f"Hello, please use {s}, thanks!",
    "line": lambda s: f"first line\n{s}\nlast line",
    "json": lambda s: _in_json(s),
    "json in json": lambda s: json.dumps({"arguments": _in_json(s)}),
    "quoted": lambda s: f"value = '{s}';",
}


def _assigned(r: random.Random) -> Iterator[Labelled]:
    """Secrets known by their names alone."""
    password = r.choice(["hunter2!", "Tr0ub4dor&3", "s3cret-Pa55", "Xk9#mQ2v", "correct-horse-7"])
    token = _some(r, _ALNUM, 32)
    key = r.choice(["password", "db_password", "PASSWORD", "passwd", "userPassword"])
    name = r.choice(["api_key", "apiKey", "client_secret", "access_token", "X-API-Key", "auth_token", "SECRET_KEY"])
    yield Labelled(f"{key}={password} host=db1", password, "password")
    yield Labelled(f"{key}: {password}", password, "password")
    yield Labelled(json.dumps({"user": "ann", key: password}), password, "password")
    yield Labelled(json.dumps({"a": json.dumps({key: password})}), password, "password")
    yield Labelled(f"{name}: {token}", token, "secret")
    yield Labelled(f'{name} = "{token}"', token, "secret")
    yield Labelled(f"curl -H '{name}: {token}' https://api.example.com", token, "secret")
    yield Labelled(f"https://api.example.com/v1?{name.lower().replace('-', '_')}={token}&page=2", token, "secret")
    yield Labelled(f"my password is {password.rstrip('!')} ok", password.rstrip("!"), "password")
    yield Labelled(f"Authorization: Bearer {token}", token, "authorization")
    yield Labelled(json.dumps({"headers": {"Authorization": f"Bearer {token}"}}), token, "authorization secret")
    yield Labelled(f"Authorization: Basic {base64.b64encode(f'ann:{password}'.encode()).decode()}", "", "authorization")
    yield Labelled(
        f"postgresql://app:{password.replace('#', '')}@db.internal:5432/app", password.replace("#", ""), "url_password"
    )
    yield Labelled(f"Set-Cookie: session={token}; Path=/; HttpOnly", token, "cookie")
    yield Labelled(f"Cookie: theme=dark; sid={token}", token, "cookie")
    yield Labelled(f"aws_secret_access_key = {_some(r, _ALNUM + '/+', 40)}", "", "secret")
    yield Labelled(
        f"AccountName=x;AccountKey={_some(r, _ALNUM + '+/', 86)}==;EndpointSuffix=core", "", "azure_key secret"
    )


def positives(seed: int = 1, each: int = 3) -> list[Labelled]:
    """Secrets of every kind in every form."""
    r = random.Random(seed)
    found = []
    for name, make in secrets().items():
        for form in FORMS.values():
            for _ in range(each):
                secret = make(r)
                # Line breaks of a key are escaped in JSON, so only its first line is looked for.
                found.append(
                    Labelled(form(secret), secret.split("\n")[-2] if "\n" in secret else secret, name.split(".")[0])
                )
    for _ in range(each * 5):
        found += _assigned(r)
    return found


def negatives(seed: int = 2, each: int = 150) -> list[Labelled]:
    """Texts without anything to take out that look as if there were."""
    r = random.Random(seed)

    def hexes(bits: int) -> str:
        return f"{r.getrandbits(bits):0{bits // 4}x}"

    def words(count: int) -> str:
        return " ".join(r.choice(_WORDS) for _ in range(count))

    makers: list[Callable[[], str]] = [
        lambda: f"trace {uuid.UUID(int=r.getrandbits(128))} done",
        lambda: f"commit {hexes(160)} by the release",
        lambda: f"sha256:{hexes(256)}",
        lambda: f"order #W{r.randrange(10**6, 10**7)} with items {r.randrange(10**9, 10**10)}, {r.randrange(10**9, 10**10)}",
        lambda: f"order 1{r.randrange(10**8):08d}-{r.randrange(1000):03d}, invoice 2026-{r.randrange(10**5):05d}",
        lambda: f"{r.randrange(1_500_000_000, 1_900_000_000)} {r.randrange(1_500_000_000_000, 1_900_000_000_000)}",
        lambda: f'{{"start_ns": {r.randrange(15 * 10**17, 19 * 10**17)}, "end_ns": {r.randrange(15 * 10**17, 19 * 10**17)}}}',
        lambda: f"at 2026-0{r.randrange(1, 9)}-1{r.randrange(9)} 1{r.randrange(9)}:30:0{r.randrange(9)}.{r.randrange(10**6):06d}",
        lambda: "data:image/png;base64," + base64.b64encode(r.randbytes(300)).decode(),
        lambda: base64.b64encode(r.randbytes(90)).decode(),
        lambda: f"call_{_some(r, _ALNUM, 24)} chatcmpl-{_some(r, _ALNUM, 29)} toolu_{_some(r, _ALNUM, 24)}",
        lambda: f"total_tokens: {r.randrange(9000)}, max_tokens={r.randrange(4096)}, token_count: {r.randrange(999)}",
        lambda: f"def login(password: str, token: str | None = None) -> bool:  # {words(3)}",
        lambda: "password = os.environ['DB_PASSWORD']; api_key = get_key(name); token=self.token",
        lambda: '{"password": {"type": "string", "description": "The new password"}, "token": {"type": "string"}}',
        lambda: f"Please reset my password: {words(5)}. The secret of {words(3)} is patience.",
        lambda: f"password: required, token: optional, secret: <your secret>, api_key=YOUR_API_KEY, n={r.randrange(99)}",
        lambda: f"The key: {words(2)}. Basic {words(1)} understanding; bearer of {words(2)}; cookie: {words(2)}",
        lambda: f"sk-learn-{words(1)}-pipeline and task-{r.randrange(99)}-{words(1)} in sk_buff",
        lambda: f"git@github.com:acme/repo.git lodash@4.17.{r.randrange(30)} @decorator icon@2x.png",
        lambda: f"version 10.{r.randrange(20)}.{r.randrange(20)}.{r.randrange(20)}, {r.random():.15f}, {r.random() * 1e9:.6f}",
        lambda: f"flight HAT{r.randrange(100, 400)} on 2024-05-{r.randrange(10, 29)}, seat {r.randrange(40)}C, ${r.randrange(9999)}.50",
        lambda: f"tracking 1Z{_some(r, string.digits + string.ascii_uppercase, 16)}, ISBN 978-3-16-{r.randrange(10**5, 10**6)}-0",
        lambda: f"https://example.com:8443/a/{hexes(64)}?page_token={hexes(64)}&next_token={_some(r, _ALNUM, 20)}",
        lambda: f"credit_card_{r.randrange(10**6, 10**7)} gift_card_{r.randrange(10**6, 10**7)} paypal_{r.randrange(10**6, 10**7)}",
        lambda: f"zip {r.randrange(10**4, 10**5)}, room {r.randrange(999)}, 12-{r.randrange(10, 99)}-{r.randrange(100, 999)}, {r.randrange(100)}%",
        lambda: "[" + ", ".join(f"{r.random():.6f}" for _ in range(12)) + "]",
        lambda: json.dumps({"token": r.choice(_WORDS), "logprob": -r.random(), "bytes": [r.randrange(256) for _ in range(6)]}),
    ]  # fmt: skip
    return [Labelled(make()) for make in makers for _ in range(each)]
