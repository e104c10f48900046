"""`burnish pull` and `burnish push`: traces in from where they are kept, feedback back to there."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.drivers.cli.session import AsJson, NoStoreError, Session
from burnish.errors import ConfigError

if TYPE_CHECKING:
    from burnish.loop.pull import PullProgress, PullReport, PullStore
    from burnish.loop.write_back import WriteBackReport

__all__ = ["pull", "push"]

LIMIT = 10_000
Agent = Annotated[str | None, typer.Argument(metavar="[AGENT]", help="Default: every agent of the project.")]


def pull(
    context: typer.Context,
    agent: Agent = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come, and write nothing.")] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="24h, 7d, 2026-01-31 or an ISO time. Default: where it stood."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="A dry run looks at so many spans of a source.")
    ] = LIMIT,
    as_json: AsJson = False,
) -> None:
    """Bring new traces, and what people said of them, from the agents' sources into the store."""
    from burnish.drivers.cli.since import moment_of
    from burnish.loop.pull import PullReport, pull_agent
    from burnish.project import load_agent

    session = Session.of(context)
    start = moment_of(since)
    reports: dict[str, PullReport] = {}
    for name in _agents(session, agent):
        config = load_agent(session.settings.project, name)
        with _pulled_into(session, dry_run) as store, _watched(name) as show:
            try:
                reports[name] = pull_agent(
                    session.settings, config, store, show, since=start, limit=limit if dry_run else None
                )
            except ConfigError as error:
                if agent is not None:
                    raise
                reports[name] = PullReport(source=config.source.kind, stopped=str(error))  # the others have theirs
    if as_json:
        _print_json(reports)
    else:
        _print_pulls(reports, dry_run)
    if any(report.stopped and not report.limited for report in reports.values()):
        raise typer.Exit(1)


def push(
    context: typer.Context,
    agent: Agent = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be written, and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write scores, labels and cluster names back to the sources of agents that have it switched on."""
    from burnish.drivers.cli.progress import watched
    from burnish.loop.write_back import WriteBackReport, write_back_agent
    from burnish.project import load_agent

    session = Session.of(context)
    reports: dict[str, WriteBackReport] = {}
    for name in _agents(session, agent):
        config = load_agent(session.settings.project, name)
        with session.store() as store, watched() as show:
            try:
                reports[name] = write_back_agent(session.settings, config, store, dry=dry_run, progress=show)
            except ConfigError as error:
                if agent is not None:
                    raise
                reports[name] = WriteBackReport(source=config.source.kind, stopped=str(error))
    if as_json:
        _print_json(reports)
    else:
        _print_pushes(reports, dry_run)
    if any(report.stopped or report.failed for report in reports.values()):
        raise typer.Exit(1)


def _agents(session: Session, agent: str | None) -> list[str]:
    from burnish.loop.context import project_agents

    return [agent] if agent is not None else project_agents(session.settings)


@contextmanager
def _pulled_into(session: Session, dry_run: bool) -> "Iterator[PullStore]":
    """The store, made where there is none; in a dry run its stand-in, which makes nothing."""
    from burnish.loop.context import open_store
    from burnish.loop.rehearsal import Rehearsal

    if not dry_run:
        with open_store(session.settings) as store:
            yield store
        return
    with ExitStack() as stack:
        try:
            there = stack.enter_context(session.store())
        except NoStoreError:
            there = None
        yield Rehearsal(there)


@contextmanager
def _watched(agent: str) -> "Iterator[Callable[[PullProgress], None] | None]":
    """A bar for the window with counts and rate beside it, on stderr, where a person is watching."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from burnish.drivers.visible import visible

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(visible(agent), total=None)

        def show(told: "PullProgress") -> None:
            done, whole = told.minutes
            progress.update(bar, description=visible(f"{agent}: {told}"), completed=done, total=whole or None)

        yield show


def _print_json(reports: "dict[str, PullReport] | dict[str, WriteBackReport]") -> None:
    from burnish.drivers.cli.output import print_json

    print_json([{"agent": name, **report.model_dump(mode="json")} for name, report in reports.items()])


def _print_pulls(reports: "dict[str, PullReport]", dry_run: bool) -> None:
    from burnish.drivers.cli.output import Column, advise, table
    from burnish.drivers.figures import count, duration, moment
    from burnish.drivers.visible import visible

    # Two lines a heading: with as many columns the table fits 80 characters.
    names = ("new\ntraces", "grown", "new\nspans", "known\nspans", "new\nfeedback", "problems", "took")
    columns = [Column("agent", flexible=True), Column("source"), *(Column(name, right=True) for name in names)]
    table(
        columns,
        [
            (
                name,
                report.source,
                count(report.summary.new_traces),
                count(report.summary.grown_traces),
                count(report.summary.new_spans),
                count(report.summary.known_spans),
                count(report.new_feedback),
                count(report.problem_count),
                duration(report.seconds),
            )
            for name, report in reports.items()
        ],
    )
    for name, report in reports.items():
        if report.start is not None and report.read_to is not None and report.read_to > report.start:
            advise(visible(f"{name}: read what started from {moment(report.start)} to {moment(report.read_to)} UTC"))
        elif report.source == "endpoint":
            advise(visible(f"{name}: nothing to pull: its traces come to `burnish serve` (kind = 'endpoint')"))
        for problem in report.problems[:5]:
            advise(visible(f"{name}: {problem}"))
        if report.problem_count > 5:
            advise(visible(f"{name}: and {report.problem_count - 5:,} more problems; --json shows the first thousand"))
        if report.stopped:
            rest = "" if report.read_to is None else f" What started at or after {moment(report.read_to)} is not read."
            advise(visible(f"{name}: stopped: {report.stopped}.{rest}"))
    if dry_run:
        advise("Nothing was written; `burnish pull` without --dry-run does.")


def _print_pushes(reports: "dict[str, WriteBackReport]", dry_run: bool) -> None:
    from burnish.drivers.cli.output import Column, advise, table
    from burnish.drivers.figures import count
    from burnish.drivers.visible import visible

    columns = [Column("agent"), Column("source"), Column("feedback", flexible=True)]
    columns += [Column("to write" if dry_run else "written", right=True)]
    rows = [
        (name, report.source, key, count(written))
        for name, report in reports.items()
        for key, written in report.keys.items()
    ]
    if rows:
        table(columns, rows)
    for name, report in reports.items():
        if report.reason:
            advise(visible(f"{name}: nothing is written back: {report.reason}"))
            continue
        if not report.written and not report.known and not report.failed and not report.stopped:
            advise(
                visible(f"{name}: nothing to write back: no scores or labels on recent traces from '{report.source}'")
            )
            continue
        if not report.written and not report.failed and not report.stopped:
            advise(visible(f"{name}: nothing new to write back: all {report.known:,} stand there already"))
            continue
        refused = f", {report.failed:,} were refused" if report.failed else ""
        advise(visible(f"{name}: {report.known:,} stood there already{refused}"))
        for problem in report.problems:
            advise(visible(f"{name}: {problem}"))
        if report.stopped:
            advise(visible(f"{name}: stopped: {report.stopped}; the rest goes next time"))
