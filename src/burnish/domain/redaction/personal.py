"""Detectors of personal data: a shape first, then the check that the number itself carries."""

import ipaddress
import re
from collections.abc import Callable, Sequence

from burnish.domain.redaction.detectors import Detector, Near

__all__ = ["NUMERIC", "personal_detectors"]

# No card, phone number, IBAN or social security number without such a run.
NUMERIC = re.compile(r"[0-9][0-9 .()/\-]{6,}[0-9]")

# Also with `@` escaped as in a URL. The ends of file names are no top-level domains.
_EMAIL = re.compile(
    r"(?<![\w.%+\-])([\w.%+'\-]{1,64})(?:@|%40)((?:[\w](?:[\w\-]{0,61}[\w])?\.){1,8}([^\W\d_]{2,24}))(?![\w@])"
)
_FILE_ENDS = {
    *("png", "jpg", "jpeg", "gif", "svg", "webp", "ico", "css", "js", "ts", "tsx", "jsx", "py", "json", "html", "md"),
    *("txt", "so", "dll", "whl"),
}
_CARD = re.compile(r"(?<![\w.\-/#+])(?:[0-9][ \-]?){12,18}[0-9](?![\w\-]|\.\d)")
_CARD_GROUPS = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1)}
_CARD_STARTS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}|62\d{14}"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]{4}){2,7}(?:[ \-]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_US_SSN = re.compile(r"(?<![\w\-.])[0-9]{3}-[0-9]{2}-[0-9]{4}(?![\w\-]|\.\d)")
_INTERNATIONAL = re.compile(r"(?<![\w.\-/#+=])(?:\+|00(?=[1-9]))[(]?[1-9](?:[ .()/\-]{0,2}[0-9]){6,14}(?![\w]|[.\-]\d)")
_NATIONAL = re.compile(
    r"(?<![\w.\-/#+=])(?:\([0-9]{2,5}\)[ .\-/]?|[0-9]{2,5}[ .\-/])(?:[ .()/\-]{0,2}[0-9]){5,11}(?![\w]|[.\-/:]\d)"
)
_DATE = re.compile(r"[12][0-9]{3}[.\-/ ][01]?[0-9][.\-/ ][0-3]?[0-9].*|[0-3]?[0-9][.\-/][01]?[0-9][.\-/][12][0-9]{3}.*")
_IP = re.compile(
    r"(?<![\w.\-])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![\w\-]|\.\d)"
    r"|(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"
)


def _email(match: re.Match[str]) -> bool:
    return match[3].lower() not in _FILE_ENDS and match[1] != "git"


def _card(match: re.Match[str]) -> bool:
    from stdnum import luhn

    groups = re.split(r"[ \-]", match[0])
    digits = "".join(groups)
    if len(groups) > 1 and tuple(map(len, groups)) not in _CARD_GROUPS:
        return False
    return _CARD_STARTS.fullmatch(digits) is not None and bool(luhn.is_valid(digits))


def _iban(match: re.Match[str]) -> bool:
    from stdnum import iban

    return bool(iban.is_valid(match[0], check_country=False))


def _us_ssn(match: re.Match[str]) -> bool:
    from stdnum.us import ssn

    return bool(ssn.is_valid(match[0]))


def _ip(match: re.Match[str]) -> bool:
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified) and (address.version == 4 or len(match[0]) > 6)


def _phone(region: str | None, match: re.Match[str]) -> bool:
    """Valid in its country's plan, and written as people write numbers: a bare run of digits is an order number."""
    import phonenumbers

    text = match[0]
    if _DATE.fullmatch(text.strip("() ")) or text.count("(") != text.count(")"):
        return False
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        return bool(phonenumbers.is_valid_number(phonenumbers.parse(text, region)))
    except phonenumbers.NumberParseException:
        return False


def personal_detectors(names: Sequence[str], regions: Sequence[str]) -> tuple[Detector, ...]:
    """The detectors of these names, cards before phones: a card can look like a number of some country."""
    every = (
        Detector("email", _EMAIL, Near.ANYTHING, ("@", "%40"), _email),
        Detector("card", _CARD, Near.NUMBER, holds=_card),
        Detector("iban", _IBAN, Near.NUMBER, holds=_iban),
        Detector("us_ssn", _US_SSN, Near.NUMBER, holds=_us_ssn),
        Detector("ip", _IP, Near.DIGITS, holds=_ip),
        Detector("phone", _INTERNATIONAL, Near.NUMBER, holds=lambda match: _phone(None, match)),
        *(Detector("phone", _NATIONAL, Near.NUMBER, holds=_national(region)) for region in regions),
    )
    return tuple(one for one in every if one.name in names)


def _national(region: str) -> Callable[[re.Match[str]], bool]:
    return lambda match: _phone(region, match)
