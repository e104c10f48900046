"""What a task shows in the Prefect UI: progress while it runs, tables and text when it is done."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin

from prefect.artifacts import acreate_markdown_artifact, acreate_progress_artifact, acreate_table_artifact
from prefect.logging import get_run_logger

from burnish.loop.progress import Ticker, viewer

__all__ = ["address", "markdown", "progress", "table"]


@asynccontextmanager
async def progress(key: str, description: str) -> AsyncIterator[Ticker]:
    """A progress artifact that a background thread brings up to date while the block calls the ticker."""
    from prefect.artifacts import update_progress_artifact

    artifact = await acreate_progress_artifact(progress=0.0, key=_key(key), description=description)
    logger = get_run_logger()
    watching = viewer.get()
    started = time.monotonic()

    def show(done: int, total: int, note: str) -> None:
        if watching is not None:
            watching(done, total, description)
        update_progress_artifact(artifact_id=artifact, progress=100.0 * done / total if total else 100.0)
        logger.info("%s: %d of %d after %.0f s %s", description, done, total, time.monotonic() - started, note)

    with Ticker(show) as ticker:
        yield ticker


async def markdown(key: str, text: str, description: str | None = None) -> None:
    """A markdown artifact; `key` gets the agent's name in front by the caller."""
    await acreate_markdown_artifact(markdown=text, key=_key(key), description=description)


async def table(key: str, rows: list[dict[str, Any]], description: str | None = None) -> None:
    """A table artifact; an empty table says so."""
    await acreate_table_artifact(table=rows or [{"": "nothing yet"}], key=_key(key), description=description)


def address(url: str, port: int) -> str:
    """A link that leads out of Prefect's UI: a page of burnish's own, as `/pull-requests/1`, is on `burnish serve`."""
    return urljoin(f"http://127.0.0.1:{port}", url)


def _key(text: str) -> str:
    """Prefect takes small letters, digits and dashes only; agents' names may hold dots and underscores."""
    return re.sub(r"[^a-z0-9-]", "-", text)
