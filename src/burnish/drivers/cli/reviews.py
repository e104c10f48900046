"""`burnish reviews`: what people say of traces, read in."""

from pathlib import Path
from typing import Annotated

import typer

from burnish.drivers.cli.session import AsJson, Session

__all__ = ["app"]

app = typer.Typer(help="What people say of traces.", no_args_is_help=True)


@app.command("import")
def import_file(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="JSON lines, one a review.")
    ],
    agent: Annotated[str, typer.Option("--agent", metavar="NAME", help="The agent whose traces are reviewed.")],
    as_json: AsJson = False,
) -> None:
    """Read reviews from a file: trace_id or session_id, reviewer, and expected, score or comment."""
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json
    from burnish.loop.annotate import import_reviews, read_reviews

    reviews = list(read_reviews(file))
    session = Session.of(context)
    with session.store() as store:
        summary = import_reviews(store, agent, reviews, session.screens(agent))
    if as_json:
        print_json(summary.model_dump(mode="json"))
    else:
        advise(
            f"{summary.written} reviews written, {summary.known} stored already, {len(summary.unmatched)} whose trace "
            "is not in the store."
        )
    if reviews and not summary.written + summary.known:
        raise typer.Exit(EXIT_NOTHING)


@app.command("wanted")
def wanted(
    context: typer.Context,
    experiment_id: Annotated[str, typer.Argument(metavar="EXPERIMENT", help="The id or its first characters.")],
    arm: Annotated[
        str | None, typer.Option("--arm", metavar="ARM", help="Against the baseline. Default: the only other arm.")
    ] = None,
    pairs: Annotated[int, typer.Option("--pairs", min=1, help="Examples, each with two traces.")] = 30,
) -> None:
    """Draw traces of both arms of an experiment for people to label, as lines for `reviews import`."""
    import json

    from burnish.drivers.cli.output import EXIT_NOTHING, advise
    from burnish.errors import InputError
    from burnish.loop.measure import BASELINE
    from burnish.loop.standing import labels_wanted

    with Session.of(context).store() as store:
        experiment = store.experiments.get(experiment_id)
        others = [name for name in experiment.arms if name != BASELINE]
        chosen = [name for name in others if arm is None or name.startswith(arm)]
        if len(chosen) != 1:
            raise InputError(
                f"name one arm with --arm; this experiment has: {', '.join(others) or 'the baseline alone'}"
            )
        runs = [store.experiments.runs(experiment.id, name) for name in (BASELINE, chosen[0])]
    ids = labels_wanted(runs[0], runs[1], pairs, experiment.id)
    for trace_id in ids:
        line = {"trace_id": trace_id, "key": experiment.metric, "reviewer": "", "score": None, "comment": None}
        typer.echo(json.dumps(line))
    if not ids:
        advise("No example of this experiment has a trace in both arms.")
        raise typer.Exit(EXIT_NOTHING)
    advise(
        "Fill in reviewer and score (1 good, 0 bad), then `burnish reviews import FILE --agent "
        + experiment.agent
        + "`."
    )
