"""`burnish demo`, `run`, `deploy` and `worker`: the commands that set the loop going."""

import datetime as dt
from typing import Annotated, Any, Literal

import typer

from burnish.drivers.cli.session import AsJson, Session

__all__ = ["demo", "deploy", "run", "worker"]


def demo(
    context: typer.Context,
    fast: Annotated[
        bool, typer.Option("--fast", help="A quick technical tour with a tiny model; no gain expected.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an earlier demo and begin anew.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=10, help="So many traces. Default: 150, with --fast 60.")
    ] = None,
) -> None:
    """Run the whole loop on an example agent, with real traces and a real model."""
    from burnish.drivers.cli.demo import run_demo

    raise typer.Exit(run_demo(Session.of(context).settings, fast=fast, fresh=fresh, limit=limit))


def run(
    context: typer.Context,
    flow: Annotated[
        Literal["nightly", "pull_and_enrich", "improve_agent", "align_judges"],
        typer.Argument(metavar="FLOW", help="nightly, pull_and_enrich, improve_agent or align_judges."),
    ] = "nightly",
    agent: Annotated[
        list[str] | None,
        typer.Option("--agent", metavar="NAME", help="This agent; repeatable. Default: all."),
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="NAME", help="For align_judges: this judge. Default: all.")
    ] = None,
    night: Annotated[
        str | None,
        typer.Option(
            "--night",
            metavar="DATE",
            help="Book it under this date (UTC). Default: an unfinished night of the last 24 hours, else today.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Score at most so many traces.")] = None,
    publish: Annotated[bool, typer.Option(help="Open a pull request where the evidence holds.")] = True,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show Prefect's log of errors with tracebacks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a flow now, in this process. Started again on the same date, it goes on where it stood."""
    from burnish.drivers.cli.output import advise, print_json
    from burnish.drivers.cli.progress import watched
    from burnish.drivers.cli.run import prepare, run_flow
    from burnish.loop.context import project_agents

    day = _date(night)
    if judge is not None and flow != "align_judges":
        raise typer.BadParameter("only align_judges takes a judge", param_hint="--judge")
    settings = Session.of(context).settings
    known = project_agents(settings)
    wanted = agent or known
    for name in wanted:
        if name not in known:
            raise typer.BadParameter(f"'{name}' is none of {', '.join(known)}", param_hint="--agent")
    ui, verbose = prepare(settings, advise, flow), verbose or settings.debug
    advise(f"Prefect's pages: {ui}")
    with watched() as show:
        if flow in ("nightly", "align_judges"):
            more: dict[str, Any] = {"limit": limit} if flow == "nightly" else {"judge": judge}
            options = _options(flow, agents=agent or [], night=day, publish=publish, **more)
            results = run_flow(flow, show, verbose=verbose, options=options)
        else:
            mine = {"limit": limit} if flow == "pull_and_enrich" else {"publish": publish}
            options = _options(flow, night=day, **mine)
            results = {name: run_flow(flow, show, verbose=verbose, agent=name, options=options) for name in wanted}
    if as_json:
        print_json(results)
    else:
        _print_results(results)


def deploy(context: typer.Context) -> None:
    """Register the project's flows with Prefect, for its schedule and its buttons."""
    from burnish.drivers.cli.output import advise
    from burnish.drivers.cli.run import deploy as deploy_flows

    advise(f"Deployed: {deploy_flows(Session.of(context).settings, advise)}/deployments")


def worker(context: typer.Context) -> None:
    """Deploy, then wait for scheduled runs and do them, until stopped."""
    from burnish.drivers.cli.output import advise
    from burnish.drivers.cli.run import worker as work

    raise typer.Exit(work(Session.of(context).settings, advise))


def _date(text: str | None) -> dt.date | None:
    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is not a date such as 2026-01-31", param_hint="--night") from error


def _options(flow: str, **fields: Any) -> Any:
    from burnish.loop.options import AlignOptions, ImproveOptions, NightlyOptions, PullOptions

    models: dict[str, Any] = {
        "nightly": NightlyOptions,
        "pull_and_enrich": PullOptions,
        "improve_agent": ImproveOptions,
        "align_judges": AlignOptions,
    }
    return models[flow](**fields)


def _print_results(results: dict[str, Any]) -> None:
    from rich.markdown import Markdown

    from burnish.drivers.cli.output import console, heading, print_text
    from burnish.drivers.figures import readable
    from burnish.drivers.visible import visible

    for name, result in results.items():
        report = result.get("report") if isinstance(result, dict) else None
        if isinstance(report, str):
            console().print(Markdown(visible(report), hyperlinks=False))
        else:
            heading(name)
            print_text(readable(result))
