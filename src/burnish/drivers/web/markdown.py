"""Markdown of pull requests and reports as HTML that can do nothing but be read."""

from functools import cache
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markupsafe import Markup

from burnish.drivers.visible import visible

__all__ = ["markdown"]

SCHEMES = ("http", "https", "mailto")


def markdown(text: str) -> Markup:
    """`text` as HTML: raw HTML is shown as text, links lead to the web or into these pages only, images become links.

    Source of the dialect: CommonMark with tables and strikethrough, as GitHub shows pull requests.
    """
    return Markup(_parser().render(visible(text)))  # noqa: S704 - the parser escapes HTML; see tests/web


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
    # An image would be fetched from wherever a trace says, or be refused by the page's policy: its text is kept.
    parser.disable("image")
    parser.validateLink = _harmless  # type: ignore[method-assign, assignment]
    return parser


def _harmless(link: str) -> bool:
    try:
        parts = urlsplit(link.strip())
    except ValueError:
        return False
    if parts.scheme:
        return parts.scheme.lower() in SCHEMES
    return link.startswith(("/", "#")) and not link.startswith("//")
