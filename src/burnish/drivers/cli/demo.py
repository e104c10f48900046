"""`burnish demo`: the whole loop on the example agent, with real traces, a real model and a real repository.

Every step looks for what an earlier, interrupted demo left and goes on from there.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from burnish.domain.listing import TraceQuery
from burnish.errors import BurnishError, ConfigError
from burnish.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

    from burnish.loop.context import Endpoint

__all__ = ["AGENT", "run_demo", "start_over"]

AGENT = "support-desk"
FAST_MODEL = "smollm2-135m"


def run_demo(settings: Settings, *, fast: bool, fresh: bool, limit: int | None) -> int:
    """Run the demo in `<home>/demo` and return the exit code: 0 when the loop ran to its end, PR or not."""
    from rich.console import Console

    from burnish.drivers.cli.demo_page import show_night
    from burnish.loop.context import open_store

    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter") is None:
        raise ConfigError("the demo's agent sends its traces by OpenTelemetry: pip install 'burnish[local,examples]'")
    console = Console(highlight=False)
    started = time.monotonic()
    folder = settings.home_dir / ("demo-fast" if fast else "demo")
    if fresh:
        start_over(folder, settings.prefect_port)
    limit = limit or (60 if fast else 150)
    _introduce(console, folder, fast)
    workspace = _workspace(folder, settings, fast)
    _prefect_in_background(workspace)
    _build_agent_repository(workspace, console)
    endpoint = _model(workspace, console)
    with _serving(workspace, console) as url:
        _traffic(workspace, console, endpoint, url, limit)
    _reviews(workspace, console)
    report = _night(workspace, console)
    with open_store(workspace) as store:
        show_night(store, report)
    _where_to_look(workspace, console, time.monotonic() - started)
    return 0


def start_over(folder: Path, prefect_port: int) -> None:
    """Remove what an earlier demo left; first its Prefect server ends, which would write on to a removed database."""
    from burnish.drivers.local_server import LocalServer

    LocalServer(folder / ".burnish", prefect_port).stop()
    if folder.exists():
        shutil.rmtree(folder)


def _introduce(console: "Console", folder: Path, fast: bool) -> None:
    console.rule("[bold]burnish demo")
    console.print(
        "A support desk sends customers' messages to queues with names of the company's own. Its prompt does not say "
        "what the names mean. Its traces are collected, reviewers' corrections are read in, and one night of burnish "
        "looks for a prompt that is measurably better.\n"
    )
    if fast:
        console.print(
            "[yellow]FAST: a technical tour with a 135M model. It follows instructions badly, so no gain is to be "
            "expected and no pull request either.[/yellow]\n"
        )
    console.print(f"Everything is kept in [bold]{folder}[/bold]; run again, it goes on where it stood.\n")


def _workspace(folder: Path, settings: Settings, fast: bool) -> Settings:
    from burnish.drivers.cli.init import project_files, write_project

    write_project(folder, force=False)
    example = project_files() / "examples" / "support_desk" / "burnish"
    agent_file = folder / "config" / "agents" / f"{AGENT}.toml"
    agent_file.parent.mkdir(parents=True, exist_ok=True)
    text = (example / "agent.toml").read_text(encoding="utf-8")
    if _embedded(settings):
        # One call at a time keeps the cores busy; two at once take longer together than one after the other.
        text = text.replace("concurrency = 4", "concurrency = 1")
    if fast:
        text = text.replace("dev_limit = 25", "dev_limit = 10").replace("held_out_limit = 60", "held_out_limit = 20")
        text = text.replace("minimum_pairs = 30", "minimum_pairs = 10")
    agent_file.write_text(text, encoding="utf-8")
    shutil.copyfile(example / "evaluators.yaml", folder / "config" / "evaluators" / "support_desk.yaml")
    embedded = FAST_MODEL if fast else settings.embedded_model
    # Flows and their tasks read the environment anew; they shall see the demo's project, not the caller's.
    os.environ["BURNISH_PROJECT"] = str(folder)
    os.environ["BURNISH_HOME"] = str(folder / ".burnish")
    os.environ["BURNISH_EMBEDDED_MODEL"] = embedded
    os.environ.pop("BURNISH_DATABASE_URL", None)
    return Settings()


def _embedded(settings: Settings) -> bool:
    """Whether no endpoint is set, so that the embedded model answers."""
    return settings.model_base_url is None and settings.model_api_key is None


def _build_agent_repository(settings: Settings, console: "Console") -> None:
    """The example as a repository of its own, with a bare remote: what a team has already."""
    from burnish.adapters.publishing.starting import create_repository
    from burnish.drivers.cli.init import project_files

    remote = settings.project / "support-desk.git"
    checkout = settings.project / "support-desk"
    if not remote.exists():
        create_repository(project_files() / "examples" / "support_desk", checkout, remote, "The support desk")
    console.print(f"[green]✓[/green] The agent's repository: {remote}")


def _model(settings: Settings, console: "Console") -> "Endpoint":
    import asyncio

    from burnish.drivers.cli.model import fetch_with_progress
    from burnish.loop.context import open_workshop

    if _embedded(settings):
        fetch_with_progress(console, settings, settings.embedded_model)

    async def resolve() -> "Endpoint":
        async with open_workshop(AGENT, "", settings) as workshop:
            return workshop.endpoint("target")

    endpoint = asyncio.run(resolve())
    where = "embedded in this process" if endpoint.local else endpoint.base_url
    console.print(f"[green]✓[/green] The model: {endpoint.model}, {where}")
    return endpoint


@contextmanager
def _serving(settings: Settings, console: "Console") -> Iterator[str]:
    """`burnish serve` in the background while the traffic runs: the agent sends its spans there."""
    import httpx

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = settings.home_dir / "serve.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
            [sys.executable, "-m", "burnish", "serve", "--port", str(port)], stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx.get(url, timeout=2.0, trust_env=False).status_code < 500:
                    break
            except httpx.HTTPError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                raise BurnishError(f"`burnish serve` did not come up; its log is {log}")
            time.sleep(0.2)
        console.print(f"[green]✓[/green] Traces are received on {url}/v1/traces")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _prefect_in_background(settings: Settings) -> None:
    """A new Prefect server needs twenty seconds of one core, of which the start of the rest leaves ten free."""
    import threading

    from burnish.drivers.local_server import LocalServer

    if "PREFECT_API_URL" not in os.environ:
        server = LocalServer(settings.home_dir, settings.prefect_port)
        threading.Thread(target=_quietly, args=(server.ensure,), daemon=True).start()


def _quietly(start: Any) -> None:
    try:
        start()
    except BurnishError:
        return  # the run starts it again in the foreground and tells why it fails


def _traffic(settings: Settings, console: "Console", endpoint: "Endpoint", url: str, limit: int) -> None:
    """The agent at work, as in production: its own process, its own instrumentation."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from burnish.loop.context import open_store

    checkout = settings.project / "support-desk"
    environment = {
        **os.environ,
        "OPENAI_BASE_URL": endpoint.base_url or "https://api.openai.com/v1",
        "OPENAI_API_KEY": endpoint.api_key,
        "OPENAI_MODEL": endpoint.model,
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_SERVICE_NAME": AGENT,
    }
    with open_store(settings) as store:
        query = TraceQuery(agent=AGENT)
        seen = {row.session_id for row in store.traces.list(query)}
        skip = settings.home_dir / "traffic-done.txt"
        skip.write_text("\n".join(sorted(s for s in seen if s)), encoding="utf-8")
        if len(seen) >= limit:
            console.print(f"[green]✓[/green] {len(seen)} traces are there already")
            return
        command = [
            sys.executable, "-m", "support_desk.traffic", "--utterances", "data/traffic.jsonl",
            "--limit", str(limit), "--skip", str(skip), "--concurrency", "1" if endpoint.local else "4",
        ]  # fmt: skip
        log = settings.home_dir / "traffic.log"
        columns = (TextColumn("Traces coming in"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with log.open("ab") as output, Progress(*columns, console=console) as progress:
            task = progress.add_task("traces", total=limit, completed=len(seen))
            process = subprocess.Popen(  # noqa: S603 - our own interpreter, fixed arguments
                command, cwd=checkout, env=environment, stdout=output, stderr=output
            )
            while process.poll() is None:
                time.sleep(1.0)
                progress.update(task, completed=store.traces.count(query))
            progress.update(task, completed=store.traces.count(query))
        if process.returncode != 0:
            raise BurnishError(f"the agent's traffic failed; its log is {log}")


def _reviews(settings: Settings, console: "Console") -> None:
    from burnish.loop.annotate import import_reviews, read_reviews
    from burnish.loop.context import open_store

    reviews = settings.project / "support-desk" / "data" / "reviews.jsonl"
    with open_store(settings) as store:
        summary = import_reviews(store, AGENT, read_reviews(reviews))
    console.print(f"[green]✓[/green] Reviewers' corrections read in: {summary.written + summary.known} traces\n")


def _night(settings: Settings, console: "Console") -> dict[str, Any]:
    """One night: the same flow that the schedule starts."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from burnish.drivers.cli.run import prepare, run_flow
    from burnish.loop.options import NightlyOptions

    ui = prepare(settings, console.print)
    console.rule("[bold]One night of burnish")
    console.print(f"Watch it in Prefect's UI as well: {ui}\n")
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bars: dict[str, Any] = {}

        def show(done: int, total: int, what: str) -> None:
            if what not in bars:
                bars[what] = progress.add_task(what, total=total or None)
            progress.update(bars[what], completed=done, total=total or None)

        results = run_flow("nightly", show, options=NightlyOptions(agents=[AGENT]))
    return dict(results[AGENT])


def _where_to_look(settings: Settings, console: "Console", seconds: float) -> None:
    project = settings.project
    console.rule(f"[bold]Done in {seconds / 60:.1f} minutes")
    console.print(f"Pages:    burnish --project {project} serve", soft_wrap=True)
    console.print(f"Traces:   burnish --project {project} traces list", soft_wrap=True)
    console.print(f"Proposal: burnish --project {project} proposals list", soft_wrap=True)
