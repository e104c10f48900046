"""Templates to responses. Every string that a template prints is made visible and escaped, whoever wrote it."""

import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from burnish.domain.gate import agreement_rows
from burnish.drivers import figures
from burnish.drivers.visible import one_line, shorten, visible
from burnish.drivers.web.markdown import markdown
from burnish.drivers.web.nav import entries, theme_of
from burnish.drivers.web.visitors import is_fragment, visitor_of
from burnish.errors import BurnishError

__all__ = ["address", "compile_templates", "message", "page"]

TEMPLATES = Path(__file__).parent / "templates"
TEXT_LIMIT = 4_000
TEXT_LIMIT_ALL = 2_000_000
PARTS = 500  # pieces of a template that a long page sends at once
UNFINISHED = Markup('<p class="error" role="alert">The rest of this page cannot be shown: {}</p>')
SO_FAR = Markup("\f")  # white space to a browser; nothing else prints one, see `visible`


def page(request: Request, template: str, /, status: int = 200, *, long: bool = False, **context: Any) -> Response:
    """Render a template of this package; `all=1` in the address shows texts whole.

    A `long` page is sent while it is rendered, so that its beginning need not wait for its end: what stands before
    `{{ so_far }}` goes out before anything behind it is worked out. What fails then is told on the page.
    """
    whole = request.query_params.get("all") == "1"
    visitor = visitor_of(request)
    everything = {
        **context,
        "path": request.url.path,
        "person": visitor.person,
        "accounts": visitor.accounts,
        "proxied": visitor.proxied,
        "csrf": visitor.csrf,
        "nav": entries(request.app.state.paths, visitor),
        "own": entries(request.app.state.paths, visitor, own=True),
        "theme": theme_of(request),
        "text_limit": TEXT_LIMIT_ALL if whole else TEXT_LIMIT,
        "show_all": address(request, all="1"),
        "showing_all": whole,
        "so_far": SO_FAR,
    }
    chosen = _environment().get_template(template)
    if not long:
        return HTMLResponse(chosen.render(everything), status)
    return StreamingResponse(_sent(request, chosen.generate(everything)), status, media_type="text/html; charset=utf-8")


def compile_templates() -> None:
    """Compile all templates, which the first visitor would wait for otherwise."""
    environment = _environment()
    for name in environment.list_templates():
        environment.get_template(name)


def _sent(request: Request, pieces: Iterator[str]) -> Iterator[str]:
    """The pieces of a template as they are sent. Its status is on the way by then, so no other page can say why not."""
    held: list[str] = []
    try:
        for piece in pieces:
            held.append(piece)
            if piece == SO_FAR or len(held) == PARTS:
                yield "".join(held)
                held = []
    except BurnishError as error:
        logging.getLogger("burnish.web").error("%s %s: %s", request.method, request.url.path, error)
        held = [UNFINISHED.format(visible(str(error)))]
    yield "".join(held)


def message(request: Request, title: str, text: str, status: int) -> Response:
    """A page that says one thing; where htmx asked, the same as a part that burnish.js shows as a notice."""
    template = "notice.html" if is_fragment(request) else "message.html"
    return page(request, template, status=status, title=title, text=text)


def address(request: Request, **changes: str | None) -> str:
    """This page's address, relative to itself, with some of its query changed; None takes a part out.

    Only the query: an id in the path may hold what no re-encoding gives back unchanged.
    """
    query = {key: value for key, value in request.query_params.items() if value}
    query |= {key: value for key, value in changes.items() if value is not None}
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
    return "?" + urlencode(query)


def _printed(value: Any) -> Any:
    """What `{{ … }}` prints: Markup is ours and stays; everything else is text, shown with nothing hidden in it."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else visible(str(value))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "agreement_rows": agreement_rows,
        "count": figures.count,
        "duration": figures.duration,
        "markdown": markdown,
        "moment": figures.moment,
        "money": figures.money,
        "one_line": one_line,
        "percent": figures.percent,
        "readable": figures.readable,
        "score": figures.score,
        "segment": lambda text: quote(str(text), safe=""),
        "short": lambda text: str(text)[:8],
        "shorten": shorten,
        "signed": figures.signed,
    }
    return environment
