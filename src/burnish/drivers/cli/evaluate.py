"""`burnish evaluate`: judge a range of traces now, after saying what that would take."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.drivers.cli.session import AsJson, Session

if TYPE_CHECKING:
    from burnish.domain.evaluators.base import Evaluator
    from burnish.domain.listing import TraceQuery
    from burnish.loop.backfill import EvaluatorEstimate

__all__ = ["evaluate"]


def evaluate(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The agent's name.")],
    names: Annotated[
        str | None,
        typer.Option("--evaluators", metavar="NAME,NAME", help="These, and what they wait for. Default: the agent's."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Started since: 24h, 7d, 2026-01-31, an ISO time.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Started before.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="The newest so many traces.")] = None,
    only_estimate: Annotated[bool, typer.Option("--estimate", help="Say what it would take, and leave.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before model calls are made.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge traces of a range that these evaluators have not judged yet: a backfill. Costs are shown first."""
    from burnish.domain.listing import TraceQuery
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json
    from burnish.drivers.cli.since import moment_of

    session = Session.of(context)
    query = TraceQuery(agent=agent, since=moment_of(since), until=moment_of(until), limit=limit)
    evaluators, found = asyncio.run(_estimate(session, agent, query, names))
    if not as_json:
        _show(found)
    if only_estimate or not any(row.items for row in found):
        if as_json:
            print_json({"estimate": [row.model_dump(mode="json") for row in found], "evaluators": {}})
        if not any(row.items for row in found):
            advise("Nothing is left to judge in this range.")
            raise typer.Exit(EXIT_NOTHING)
        return
    if any(row.calls for row in found) and not yes:
        typer.confirm("Make these calls?", abort=True, err=True)
    done = asyncio.run(_run(session, agent, query, evaluators))
    if as_json:
        print_json({"estimate": [row.model_dump(mode="json") for row in found], "evaluators": done})
        return
    for name, counts in done.items():
        mean = "" if counts["mean"] is None else f", mean {counts['mean']:.3f}"
        held = f", {counts['held_back']} held back by its budget" if counts["held_back"] else ""
        advise(f"{name}: {counts['scored']} scored, {counts['failed']} failed{held}{mean}")


async def _estimate(
    session: Session, agent: str, query: "TraceQuery", names: str | None
) -> "tuple[list[Evaluator], list[EvaluatorEstimate]]":
    from burnish.domain.evaluators.specs import load_evaluators
    from burnish.loop.backfill import Prices, estimate, with_what_they_wait_for
    from burnish.loop.context import judge_models
    from burnish.project import load_agent

    settings = session.settings
    config = load_agent(settings.project, agent)
    folder = settings.project / "config" / "evaluators"
    model = judge_models(config, settings)
    if names is None:
        evaluators = load_evaluators(folder, config.evaluators or None, judge_model=model)
    else:
        known = load_evaluators(folder, None, judge_model=model)
        wanted = [name.strip() for name in names.split(",") if name.strip()]
        chosen = load_evaluators(folder, wanted, judge_model=model, chained=False)
        evaluators = with_what_they_wait_for(chosen, known)
    priced = config.models.get("judge") or config.models.get("target")
    named = {
        label: Prices(input=config.models[alias].input_price, output=config.models[alias].output_price)
        for alias, label in model.named.items()
    }
    prices = Prices(named=named)
    if priced is not None:
        prices = Prices(input=priced.input_price, output=priced.output_price, named=named)
    with session.store() as store:
        return evaluators, estimate(store, store.calls, evaluators, query, prices)


async def _run(
    session: Session, agent: str, query: "TraceQuery", evaluators: "list[Evaluator]"
) -> dict[str, dict[str, Any]]:
    from burnish.domain.base import utc_now
    from burnish.drivers.cli.progress import watched
    from burnish.loop.backfill import backfill
    from burnish.loop.context import open_workshop

    night = f"{agent}/{utc_now().date().isoformat()} backfill"
    with watched() as show:
        async with open_workshop(agent, night, session.settings) as workshop:
            judge = workshop.judge if any(evaluator.asks for evaluator in evaluators) else None
            counts = await backfill(workshop.store, evaluators, query, judge, night=night, progress=show)
    return {name: row.model_dump(mode="json") for name, row in counts.items()}


def _show(found: "list[EvaluatorEstimate]") -> None:
    from burnish.drivers.cli.output import Column, advise, table

    columns = [
        Column("evaluator", flexible=True),
        Column("to judge", right=True),
        Column("calls", right=True),
        Column("tokens in", right=True),
        Column("tokens out", right=True),
        Column("$", right=True),
        Column("by", flexible=True),
    ]
    table(columns, [_row(row) for row in found])
    paid = [row for row in found if row.calls]
    if paid:
        total = sum(row.usd or 0.0 for row in paid)
        unknown = [row.evaluator for row in paid if row.usd is None]
        known = f"About ${total:.2f}" if len(unknown) < len(paid) else "The price is not known"
        missing = f"; without {', '.join(unknown)}, whose price is not known" if unknown and known[0] == "A" else ""
        advise(f"{known} and {sum(row.calls for row in paid):,} calls at most{missing}.")


def _row(row: "EvaluatorEstimate") -> list[str]:
    return [
        row.evaluator,
        f"{row.items:,} {row.level}s",
        f"{row.calls:,}",
        "?" if row.input_tokens is None else f"{row.input_tokens:,}",
        "?" if row.output_tokens is None else f"{row.output_tokens:,}",
        "?" if row.usd is None else f"{row.usd:.2f}",
        row.basis,
    ]
