"""The tree of commands."""

from pathlib import Path
from typing import Annotated

import typer

from burnish.drivers.cli import (
    clusters,
    datasets,
    evaluate,
    evaluators,
    experiments,
    gate,
    init,
    judges,
    model,
    nights,
    plan,
    proposals,
    prune,
    pull,
    pulls,
    queues,
    redact,
    reviews,
    serve,
    simulate,
    start,
    traces,
    users,
)
from burnish.drivers.cli.session import Session

__all__ = ["app"]

app = typer.Typer(
    name="burnish",
    help="Turn an agent's traces into measured, reviewed improvements.",
    epilog="Exit codes: 0 ok, 1 an error to act on, 2 wrong usage, 3 nothing found, 130 stopped by Ctrl-C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from burnish import __version__

        typer.echo(f"burnish {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    project: Annotated[
        Path | None,
        typer.Option(
            "--project",
            metavar="DIR",
            help="The project's folder. Default: BURNISH_PROJECT, else the current one.",
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    context.obj = Session(project)


app.command("init", rich_help_panel="Start")(init.init)
app.command("demo", rich_help_panel="Start")(start.demo)
app.command("run", rich_help_panel="Start")(start.run)
app.command("pull", rich_help_panel="Start")(pull.pull)
app.command("push", rich_help_panel="Start")(pull.push)
app.command("serve", rich_help_panel="Start")(serve.serve)
app.command("gate", cls=gate.GateCommand, rich_help_panel="Start")(gate.gate)
app.command("deploy", rich_help_panel="Start")(start.deploy)
app.command("worker", rich_help_panel="Start")(start.worker)
app.command("simulate", rich_help_panel="Start")(simulate.simulate)
app.command("plan", rich_help_panel="Read")(plan.plan)
app.command("evaluate", rich_help_panel="Start")(evaluate.evaluate)
app.add_typer(evaluators.app, name="evaluators", rich_help_panel="Read")
app.add_typer(model.app, name="model", rich_help_panel="Start")
app.add_typer(traces.app, name="traces", rich_help_panel="Read")
app.add_typer(clusters.app, name="clusters", rich_help_panel="Read")
app.add_typer(datasets.app, name="datasets", rich_help_panel="Read")
app.add_typer(proposals.app, name="proposals", rich_help_panel="Read")
app.add_typer(experiments.app, name="experiments", rich_help_panel="Read")
app.add_typer(pulls.app, name="pulls", rich_help_panel="Read")
app.add_typer(nights.app, name="nights", rich_help_panel="Read")
app.add_typer(reviews.app, name="reviews", rich_help_panel="Write")
app.add_typer(redact.app, name="redact", rich_help_panel="Read")
app.command("prune", rich_help_panel="Write")(prune.prune)
app.add_typer(judges.app, name="judges", rich_help_panel="Read")
app.add_typer(queues.app, name="queues", rich_help_panel="Write")
app.add_typer(users.app, name="users", rich_help_panel="Write")
