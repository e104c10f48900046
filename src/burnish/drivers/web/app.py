"""The application: routes, pages and what guards them."""

from collections.abc import Callable, Mapping, Sequence
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
    clusters,
    datasets,
    experiments,
    home,
    ingest,
    nights,
    proposals,
    pulls,
    render,
    traces,
)
from burnish.drivers.web.guard import GuardHosts, SecureHeaders
from burnish.drivers.web.intake import Intake
from burnish.drivers.web.keys import Keyring
from burnish.errors import BurnishError, InputError, NotFoundError, StoreError
from burnish.loop.screen import Screens
from burnish.project import AgentConfig
from burnish.settings import Settings

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["create_app"]

STATIC = Path(__file__).parent / "static"
Endpoint = Callable[[Request], Response]


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
    one of their own, by name. The store stays the caller's to close. Raises ConfigError where two tokens are the same.
    """
    general = settings.ingest_token
    keyring = Keyring(None if general is None else general.get_secret_value(), tokens or {})
    routes = [
        Route("/", home.show),
        Route("/traces", traces.show_list),
        Route("/traces/{trace_id:path}", traces.show),
        Route("/clusters", clusters.show_list),
        Route("/clusters/{cluster_id:path}", clusters.show),
        Route("/datasets", datasets.show_list),
        Route("/datasets/{agent}/{name:path}", datasets.show),
        Route("/experiments", experiments.show_list),
        Route("/experiments/{experiment_id:path}", experiments.show),
        Route("/proposals", proposals.show_list),
        Route("/proposals/{proposal_id:path}", proposals.show),
        Route("/pull-requests", pulls.show_list),
        Route("/pull-requests/{reference:path}", pulls.show),
        Route("/nights", nights.show_list),
        Route("/nights/{agent}/{date}", nights.show),
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
    app.state.agents = dict(agents or {})
    app.state.keyring = keyring
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
    response = render.message(request, "The store does not answer", str(error), 503)
    response.headers["Retry-After"] = "5"
    return response


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/v1/"):
        return PlainTextResponse(f"{error.detail}\n", error.status_code, dict(error.headers or {}))
    return render.message(request, error.detail, "", error.status_code)


def _defect(request: Request, error: Exception) -> Response:
    text = str(error) if isinstance(error, BurnishError) else "The server's log says more."
    return render.message(request, "Something went wrong here", text, 500)
