"""What an agent's file says about redaction, sizes and how long traces are kept."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from burnish.domain.base import Value
from burnish.domain.patterns import compiled
from burnish.domain.redaction.detectors import MARK, NAMES, mark

__all__ = ["DEFAULT_PERSONAL", "LimitRule", "PersonalDetector", "RedactionRule", "RetentionRule"]

PersonalDetector = Literal["email", "phone", "card", "iban", "us_ssn", "ip"]
# An address of the network is left in: versions look like one, and agents that run servers are asked about little else.
DEFAULT_PERSONAL: tuple[PersonalDetector, ...] = ("email", "phone", "card", "iban", "us_ssn")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_REGION = re.compile(r"[A-Z]{2}")


def _patterns(given: dict[str, str]) -> dict[str, str]:
    for name, pattern in given.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{name}' must be lower-case letters, digits and _, at most 32: it becomes the marker")
        if name in NAMES:
            raise ValueError(f"'{name}' is the name of a built-in detector; choose another")
        try:
            found = compiled(pattern)
        except ValueError as error:
            raise ValueError(f"'{name}' is {error}") from error
        if found.search("") is not None:
            raise ValueError(f"'{name}' matches nothing at all, so it would match everywhere; make a part required")
        if MARK.sub("", mark(name)) or found.fullmatch(mark(name)):
            raise ValueError(f"'{name}' matches its own marker {mark(name)}; make it narrower")
    return given


def _regions(given: tuple[str, ...]) -> tuple[str, ...]:
    for region in given:
        if not _REGION.fullmatch(region):
            raise ValueError(f"'{region}' is not a country by its two capital letters, such as 'US' or 'DE'")
    return given


class RedactionRule(Value):
    """`[redaction]`: what is taken out of every text before it is stored or shown to a model.

    `secrets` are keys, tokens, passwords, cookies and private keys. `personal` names detectors of personal data.
    `patterns` are regular expressions of one's own by name; one that takes longer than a tenth of a second on a text
    takes the whole text out. `phone_regions` are the countries whose national numbers are recognised beside
    international ones. `user_ids = "drop"` stores none. `keep_content = false` stores structure, times, tokens, costs
    and names alone.
    """

    secrets: bool = True
    personal: tuple[PersonalDetector, ...] = DEFAULT_PERSONAL
    patterns: Annotated[dict[str, str], AfterValidator(_patterns)] = {}
    phone_regions: Annotated[tuple[str, ...], AfterValidator(_regions)] = ("US",)
    user_ids: Literal["keep", "drop"] = "keep"
    keep_content: bool = True


class LimitRule(Value):
    """`[limits]`: sizes in characters. What is beyond is left out, said in its place and counted.

    `text` is for one string, `span` for all text of a span, `trace` for all text and `spans` for the spans that come
    in together of one trace.
    """

    text: int = Field(default=262_144, ge=200)
    span: int = Field(default=1_048_576, ge=1_000)
    trace: int = Field(default=16_777_216, ge=10_000)
    spans: int = Field(default=10_000, ge=1)


class RetentionRule(Value):
    """`[retention]`: traces that began more than `days` ago go at the end of a night; without `days` none do.

    Traces that an example or an open proposal cites stay, unless `cited = true`. `experiments`: what offline runs of
    that age said goes as well; their scores stay.
    """

    days: float | None = Field(default=None, gt=0)
    cited: bool = False
    experiments: bool = True
