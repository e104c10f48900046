"""The application: routes, pages and what guards them."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from burnish.drivers.web import (
    account,
    agreement,
    clusters,
    datasets,
    evaluators,
    experiments,
    home,
    ingest,
    nights,
    people,
    proposals,
    pulls,
    render,
    review,
    review_actions,
    signin,
    traces,
)
from burnish.drivers.web.access import Page, guarded, meet
from burnish.drivers.web.guard import GuardHosts, SecureHeaders, host_allowed
from burnish.drivers.web.intake import Intake
from burnish.drivers.web.kept import Kept
from burnish.drivers.web.keys import Keyring
from burnish.drivers.web.proxies import Proxies
from burnish.drivers.web.session import SessionCookie, session_key
from burnish.drivers.web.visitors import Access, may_open, visitor_of
from burnish.errors import BurnishError, InputError, NotFoundError, StoreError
from burnish.loop.screen import Screens
from burnish.project import AgentConfig
from burnish.settings import Settings

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["create_app"]

STATIC = Path(__file__).parent / "static"
LOGGED = "The server's log says more."
READ = ("GET",)
CHANGE = ("POST",)

# Every page with who may open it. A path that is not here is not served, and a line without an access is a type error.
PAGES: tuple[tuple[str, Access, Page, tuple[str, ...]], ...] = (
    ("/login", Access.ANYONE, signin.show, READ),
    ("/login", Access.ANYONE, signin.sign_in, CHANGE),
    ("/logout", Access.ANYONE, signin.sign_out, CHANGE),
    ("/theme", Access.ANYONE, signin.set_theme, CHANGE),
    ("/account", Access.REVIEWER, account.show, READ),
    ("/account/password", Access.REVIEWER, account.change_password, CHANGE),
    ("/users", Access.ADMIN, people.show, READ),
    ("/users", Access.ADMIN, people.add, CHANGE),
    ("/users/access", Access.ADMIN, people.change_access, CHANGE),
    ("/users/password", Access.ADMIN, people.set_password, CHANGE),
    ("/users/remove", Access.ADMIN, people.remove, CHANGE),
    ("/", Access.READER, home.show, READ),
    ("/review", Access.REVIEWER, review.show_list, READ),
    ("/review/{queue}", Access.REVIEWER, review.show_next, READ),
    ("/review/{queue}/agreement", Access.REVIEWER, review.show_agreement, READ),
    ("/review/{queue}/ahead", Access.REVIEWER, review.show_ahead, READ),
    ("/review/{queue}/undo", Access.REVIEWER, review_actions.undo, CHANGE),
    ("/review/{queue}/{item}", Access.REVIEWER, review.show_item, READ),
    ("/review/{queue}/{item}/label", Access.REVIEWER, review_actions.label, CHANGE),
    ("/review/{queue}/{item}/skip", Access.REVIEWER, review_actions.skip, CHANGE),
    ("/review/{queue}/{item}/escalate", Access.REVIEWER, review_actions.escalate, CHANGE),
    ("/review/{queue}/{item}/hold", Access.REVIEWER, review_actions.hold, CHANGE),
    ("/review/{queue}/{item}/release", Access.REVIEWER, review_actions.release, CHANGE),
    ("/traces", Access.READER, traces.show_list, READ),
    ("/traces/{trace_id:path}", Access.READER, traces.show, READ),
    ("/clusters", Access.READER, clusters.show_list, READ),
    ("/clusters/{cluster_id:path}", Access.READER, clusters.show, READ),
    ("/datasets", Access.READER, datasets.show_list, READ),
    ("/datasets/{agent}/{name:path}", Access.READER, datasets.show, READ),
    ("/evaluators", Access.READER, evaluators.show_list, READ),
    ("/evaluators/{agent}/{name:path}", Access.READER, evaluators.show, READ),
    ("/agreement", Access.READER, agreement.show_list, READ),
    ("/agreement/{agent}/{judge:path}", Access.READER, agreement.show, READ),
    ("/experiments", Access.READER, experiments.show_list, READ),
    ("/experiments/{experiment_id:path}", Access.READER, experiments.show, READ),
    ("/proposals", Access.READER, proposals.show_list, READ),
    ("/proposals/{proposal_id:path}", Access.READER, proposals.show, READ),
    ("/pull-requests", Access.READER, pulls.show_list, READ),
    ("/pull-requests/{reference:path}", Access.READER, pulls.show, READ),
    ("/nights", Access.READER, nights.show_list, READ),
    ("/nights/{agent}/{date}", Access.READER, nights.show, READ),
)


def create_app(
    store: "Store",
    settings: Settings,
    agents: Mapping[str, AgentConfig] | None = None,
    *,
    allowed_hosts: Sequence[str] = (),
    tokens: Mapping[str, str] | None = None,
) -> Starlette:
    """The pages and POST /v1/traces and /v1/logs over one store.

    `agents` are the project's agents by name: their metrics decide what "failing" means on the pages, and with only
    one of them traces that name no agent are its own. The pages answer to IP addresses, localhost and `allowed_hosts`:
    a foreign name that leads here is another site's attempt to read them. `tokens` are those of the agents that have
    one of their own, by name. The store stays the caller's to close. Raises ConfigError where two tokens are
    the same, the key of sessions cannot be had, or a proxy's word would be taken from anybody.
    """
    general = settings.ingest_token
    keyring = Keyring(None if general is None else general.get_secret_value(), tokens or {})
    routes = [
        *(Route(path, guarded(page, access), methods=list(methods)) for path, access, page, methods in PAGES),
        # Machines: the endpoint asks for tokens of its own.
        Route("/v1/traces", ingest.receive_traces, methods=["POST"]),
        Route("/v1/logs", ingest.receive_logs, methods=["POST"]),
        Route("/v1/metrics", ingest.refuse_metrics, methods=["POST"]),
        Route("/healthz", _health),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(SecureHeaders),
            Middleware(
                GuardHosts,
                allowed=tuple(allowed_hosts),
                open_paths=("/v1/traces", "/v1/logs") if keyring else (),
            ),
        ],
        exception_handlers={
            NotFoundError: _not_found,
            InputError: _bad_input,
            StoreError: _store_busy,
            HTTPException: _http_error,
            Exception: _defect,
        },
    )
    app.state.store = store
    app.state.settings = settings
    app.state.kept = Kept(store.stamp)
    app.state.agents = dict(agents or {})
    app.state.keyring = keyring
    app.state.paths = frozenset(path for path, *_ in PAGES)
    app.state.proxies = Proxies.of(settings)
    app.state.session_cookie = SessionCookie(session_key(settings), int(settings.session_idle_hours * 3_600))
    names = (name.lower().rstrip(".") for name in allowed_hosts)
    app.state.site_names = frozenset(name for name in names if not host_allowed(name, frozenset()))
    app.state.intake = Intake(settings.ingest_waiting_requests, settings.ingest_waiting_bytes)
    # Threads of their own: exports wait for each other, never pages for exports.
    app.state.ingest_limiter = CapacityLimiter(settings.ingest_workers)
    app.state.screens = Screens(app.state.agents.values())
    return app


async def _health(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


def _not_found(request: Request, error: Exception) -> Response:
    return render.message(request, "Not found", str(error), 404)


def _bad_input(request: Request, error: Exception) -> Response:
    return render.message(request, "That cannot be shown", str(error), 400)


def _store_busy(request: Request, error: Exception) -> Response:
    logging.getLogger("burnish.web").error("%s %s: %s", request.method, request.url.path, error)
    response = render.message(request, "The store does not answer", _for_readers(request, error), 503)
    response.headers["Retry-After"] = "5"
    return response


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/v1/"):
        return PlainTextResponse(f"{error.detail}\n", error.status_code, dict(error.headers or {}))
    meet(request)
    return render.message(request, error.detail, "", error.status_code)


def _defect(request: Request, error: Exception) -> Response:
    text = _for_readers(request, error) if isinstance(error, BurnishError) else LOGGED
    return render.message(request, "Something went wrong here", text, 500)


def _for_readers(request: Request, error: Exception) -> str:
    """What went wrong, with the paths and addresses it names, for those alone who may read the pages."""
    return str(error) if may_open(visitor_of(request), Access.READER) else LOGGED
