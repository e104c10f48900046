"""Pages that are sent while they are read, and what a server does before the first of them."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from support.large_store import large_trace
from support.seeded import AGENT
from web.conftest import settings_for

from burnish.adapters.store import Store
from burnish.domain.base import utc_now
from burnish.domain.retention import PruneRule
from burnish.drivers.web import create_app
from burnish.drivers.web.app import PAGES
from burnish.drivers.web.rehearsal import rehearse

LARGE = "large-<b>trace"
NEXT = dt.timedelta(days=1)


def asked(app: Starlette, path: str, at_first: Any = lambda: None) -> tuple[int, list[str]]:
    """The status and the parts of an answer as they are sent; `at_first` is called when the first one is."""
    status, parts = 0, []

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)
        if message["type"] == "http.response.body" and message["body"]:
            parts.append(message["body"].decode())
            if len(parts) == 1:
                await asyncio.to_thread(at_first)

    async def receive() -> Any:
        await asyncio.sleep(60)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [(b"host", b"localhost")]}
    asyncio.run(app(scope, receive, send))
    return status, parts


def test_a_large_trace_shows_its_head_before_its_spans_are_read(store: Store, tmp_path: Path) -> None:
    """The head is on its way before a span is read; what fails after that is told on the page, escaped."""
    store.traces.add([large_trace(LARGE, AGENT, 300)])
    app = create_app(store, settings_for(tmp_path))
    status, parts = asked(app, f"/traces/{LARGE}")
    assert 200 == status
    assert len(parts) > 2
    assert "<h1>a long run" in parts[0]
    assert "<dl" not in parts[0]
    assert "100 steps more" in parts[-1]
    assert "</html>" in parts[-1]

    def gone() -> None:
        store.retention.prune(PruneRule(before=utc_now() + 10_000 * NEXT))

    status, parts = asked(app, f"/traces/{LARGE}", gone)
    assert (200, 2) == (status, len(parts))
    assert "cannot be shown" in parts[1]
    assert "large-&lt;b&gt;trace" in parts[1]
    assert 404 == asked(app, f"/traces/{LARGE}")[0]


def test_a_rehearsal_shows_every_list_and_leaves_no_trace(store: Store, tmp_path: Path) -> None:
    """Every page without a name in its address is rendered once, one that fails stops nothing, nothing is written."""
    app = create_app(store, settings_for(tmp_path))
    shown: list[str] = []

    def fails(_request: Any) -> Any:
        raise OSError("the disk is away")

    def listening(path: str, page: Any) -> Any:
        def listed(request: Any) -> Any:
            answer = page(request)
            shown.append(f"{path} {answer.status_code}")
            return answer

        return listed

    before = store.stamp()
    table = [(path, access, listening(path, page), methods) for path, access, page, methods in PAGES]
    rehearse(app, [(PAGES[0][0], PAGES[0][1], fails, ("GET",)), *table])
    lists = [path for path, _, _, methods in PAGES if "{" not in path and "GET" in methods]
    assert sorted(f"{path} 200" for path in lists) == sorted(shown)
    assert before == store.stamp()
