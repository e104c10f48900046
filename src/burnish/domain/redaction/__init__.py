"""Redaction: what must not be stored or shown to a model is taken out of traces and feedback before either happens."""

from burnish.domain.redaction.detectors import MARK, PERSONAL, SECRETS, mark
from burnish.domain.redaction.redactor import RedactedTrace, Redactor, Taken
from burnish.domain.redaction.rules import LimitRule, RedactionRule, RetentionRule

__all__ = [
    "MARK",
    "PERSONAL",
    "SECRETS",
    "LimitRule",
    "RedactedTrace",
    "RedactionRule",
    "Redactor",
    "RetentionRule",
    "Taken",
    "mark",
]
