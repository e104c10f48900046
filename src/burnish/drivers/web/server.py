"""Serves the application with uvicorn until stopped."""

import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from burnish.drivers.web.app import PAGES, create_app
from burnish.drivers.web.counts import count_all
from burnish.drivers.web.rehearsal import rehearse
from burnish.errors import ConfigError
from burnish.project import AgentConfig
from burnish.settings import Settings

if TYPE_CHECKING:
    from burnish.adapters.store import Store

__all__ = ["calm_collector", "run_server", "who_gets_in"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")
WAITING = 2_048  # connections that the system holds until they are taken
# A page passes Python's lock on some fifty times, and a count in the background gives it back only after this long: at
# the usual 5 ms the page waits a quarter of a second in all.
SWITCH_S = 0.000_5


def calm_collector() -> None:
    """Look for cyclic garbage a tenth as often, and never in what is imported: spans are many, and trees."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def run_server(
    store: "Store",
    settings: Settings,
    agents: Mapping[str, AgentConfig],
    *,
    host: str,
    port: int,
    allowed_hosts: Sequence[str],
    tokens: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    """Answer on `host` and `port` (0: any free one) until SIGINT or SIGTERM.

    What is done only once is done before anybody can ask: once the address is said, the first page takes no longer than
    the next.
    `tokens` are those that agents send their traces with. Raises ConfigError where the address cannot be had, or two
    tokens are the same.
    """
    import socket

    import uvicorn

    app = create_app(store, settings, agents, allowed_hosts=(host, *allowed_hosts), tokens=tokens)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"cannot listen on {host}:{port}: {error.strerror}; stop what holds it, or choose another --port"
            ) from error
        app.state.kept.serve()
        sys.setswitchinterval(SWITCH_S)
        rehearse(app, PAGES)
        calm_collector()
        count_all(app.state)
        listener.listen(WAITING)
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{listener.getsockname()[1]}"
        say(f"Pages: {url}\nTraces: POST {url}/v1/traces and /v1/logs (OTLP). Ctrl-C stops.")
        if (file := store.open_to_others()) is not None:
            say(f"Other users of this machine can read {file} with its traces and hashes of passwords: chmod 600 it.")
        if host not in LOOPBACK:
            say(who_gets_in(store, settings))
            if settings.ingest_token is None and not tokens:
                say("And can write traces: set BURNISH_INGEST_TOKEN, or api_key_env in an agent's [source].")
        # Headers of proxies are read by proxies.py, from those the settings name; uvicorn would believe this machine.
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, lifespan="off", proxy_headers=False
        )
        try:
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            app.state.kept.close()


def who_gets_in(store: "Store", settings: Settings) -> str:
    """What serving beyond this machine means for those who reach it."""
    if not store.users.exist() and settings.proxy_user_header is None:
        return (
            "Whoever reaches this address can read every trace and label under any name: make accounts with "
            "`burnish users add NAME --role admin`, or have a proxy say who people are (docs/web.md)."
        )
    if settings.trusted_proxies:
        return "Who is signed in may read; keep everybody but the proxy away from this address."
    return (
        "People sign in. Over plain http their passwords can be read on the way: put a proxy with https in front and "
        "name its address in BURNISH_TRUSTED_PROXIES."
    )
