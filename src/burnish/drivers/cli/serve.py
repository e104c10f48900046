"""`burnish serve`: the pages and the OTLP endpoint."""

from typing import Annotated

import typer

from burnish.drivers.cli.session import Session

__all__ = ["serve"]


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Default: BURNISH_SERVER_PORT, else 4300.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="A further host name the pages answer to; repeatable."),
    ] = None,
) -> None:
    """Show the pages and receive traces (POST /v1/traces) until stopped."""
    from burnish.adapters.store import Store
    from burnish.drivers.cli.output import advise
    from burnish.drivers.web.server import run_server
    from burnish.loop.context import endpoint_tokens
    from burnish.project import agent_names, load_agent

    settings = Session.of(context).settings
    agents = {name: load_agent(settings.project, name) for name in agent_names(settings.project)}
    tokens = endpoint_tokens(settings, agents)
    wanted = settings.server_port if port is None else port
    with Store.open(settings.store_url) as store:
        run_server(
            store,
            settings,
            agents,
            host=host,
            port=wanted,
            allowed_hosts=tuple(allow_host or ()),
            tokens=tokens,
            say=advise,
        )
