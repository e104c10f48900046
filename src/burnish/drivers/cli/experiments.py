"""`burnish experiments`: versions of an agent side by side."""

from typing import TYPE_CHECKING, Annotated

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session

if TYPE_CHECKING:
    from burnish.domain.experiments import Experiment

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Versions of an agent measured side by side.")

EMPTY = "No experiments. They are run by `burnish run improve_agent --agent NAME` once there are proposals."


@app.command("list")
def list_experiments(
    context: typer.Context,
    agent: OfAgent = None,
    night: Annotated[str | None, typer.Option("--night", metavar="AGENT/DATE", help="Of this night.")] = None,
    as_json: AsJson = False,
) -> None:
    """List experiments, newest first."""
    from burnish.drivers.cli.output import Column, listing
    from burnish.drivers.figures import moment

    def fetch() -> "list[Experiment]":
        with Session.of(context).store() as store:
            return store.experiments.list(agent=agent, night=night)

    listing(
        as_json,
        fetch,
        dump=lambda experiment: experiment.model_dump(mode="json"),
        key=lambda experiment: experiment.id,
        columns=[
            Column("experiment"),
            Column("started (UTC)"),
            Column("agent"),
            Column("split"),
            Column("metric"),
            Column("arms", flexible=True),
        ],
        row=lambda experiment, short: [
            short[experiment.id],
            moment(experiment.created_at),
            experiment.agent,
            str(experiment.split),
            experiment.metric,
            ", ".join(arm[:12] for arm in experiment.arms),
        ],
        empty=EMPTY,
    )


@app.command("show")
def show_experiment(
    context: typer.Context,
    experiment_id: Annotated[str, typer.Argument(metavar="ID", help="The id or its first 6 characters or more.")],
    as_json: AsJson = False,
) -> None:
    """Show one experiment: a row an arm with its interval, and what was fixed and broken."""
    from dataclasses import asdict

    from burnish.drivers.arms import summarise_arms
    from burnish.drivers.breakdown import breakdown, breakdown_json
    from burnish.drivers.cli.experiment_page import print_experiment
    from burnish.drivers.cli.output import print_json
    from burnish.drivers.verdicts import comparison_json, comparison_of, numbered
    from burnish.loop.against_baseline import order_text

    with Session.of(context).store() as store:
        experiment = store.experiments.get(experiment_id)
        runs = numbered(experiment, store.experiments.runs(experiment.id))
        arms = summarise_arms(experiment, runs)
        comparison = comparison_of(store, experiment)
        parts = breakdown(store, experiment, runs)
    if as_json:
        print_json(
            {
                **experiment.model_dump(mode="json"),
                "results": [asdict(arm) for arm in arms],
                "comparison": None if comparison is None else comparison_json(comparison),
                "breakdown": breakdown_json(parts),
            }
        )
    else:
        told = [(arm, order_text([r for r in runs if r.key.arm == arm], experiment.metric)) for arm in experiment.arms]
        orders = [f"{arm[:12]}: {text}" for arm, text in told if text]
        print_experiment(experiment, arms, comparison, parts, orders)
