"""Every list shown once to nobody, so that the first visitor does not wait for what is done only once.

That is half a second of templates to compile, and then modules to import, queries to write out, the first connection.
"""

from collections.abc import Iterable
from contextlib import suppress

from starlette.applications import Starlette
from starlette.requests import Request

from burnish.domain.annotation.people import Person, Role
from burnish.drivers.web.access import Page
from burnish.drivers.web.render import compile_templates
from burnish.drivers.web.session import Session
from burnish.drivers.web.visitors import Access, Visitor

__all__ = ["rehearse"]


def rehearse(app: Starlette, pages: Iterable[tuple[str, Access, Page, tuple[str, ...]]]) -> None:
    """Compile all templates, and render those of the pages that ask for nothing but their path.

    What fails here fails again for whoever opens the page, who is told why.
    """
    compile_templates()
    for path, _, page, methods in pages:
        if "GET" in methods and "{" not in path:
            with suppress(Exception):
                page(_request(app, path))


def _request(app: Starlette, path: str) -> Request:
    request = Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "server": ("localhost", 80),
            "path": path,
            "path_params": {},
            "query_string": b"",
            "headers": [(b"host", b"localhost")],
            "app": app,
        }
    )
    request.state.session = Session()
    request.state.visitor = Visitor(Person(name="rehearsal", role=Role.ADMIN), accounts=True, csrf="")
    return request
