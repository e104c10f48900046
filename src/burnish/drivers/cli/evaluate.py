"""`burnish evaluate`: judge a range of traces now, after saying what that would take."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.drivers.cli.session import AsJson, Session

if TYPE_CHECKING:
    from burnish.domain.chat import Allowance
    from burnish.domain.evaluators.base import Evaluator
    from burnish.domain.listing import TraceQuery
    from burnish.loop.backfill import EvaluatorEstimate
    from burnish.loop.enrich import EnrichSummary

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
    from burnish.domain.base import utc_now
    from burnish.domain.listing import TraceQuery
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json
    from burnish.drivers.cli.since import moment_of

    session = Session.of(context)
    query = TraceQuery(agent=agent, since=moment_of(since), until=moment_of(until), limit=limit)
    night = f"{agent}/{utc_now().date().isoformat()} backfill"
    evaluators, found, short = asyncio.run(_estimate(session, agent, query, names, night))
    if not as_json:
        _show(found)
    if short:
        advise(short)
    if only_estimate or not any(row.items for row in found):
        if as_json:
            print_json({"estimate": [row.model_dump(mode="json") for row in found], "evaluators": {}})
        if not any(row.items for row in found):
            advise("Nothing is left to judge in this range.")
            raise typer.Exit(EXIT_NOTHING)
        return
    if any(row.calls for row in found) and not yes:
        typer.confirm("Make these calls?", abort=True, err=True)
    done = asyncio.run(_run(session, agent, query, evaluators, night))
    counts = {name: row.model_dump(mode="json") for name, row in done.evaluators.items()}
    if as_json:
        print_json(
            {"estimate": [row.model_dump(mode="json") for row in found], "evaluators": counts, "stopped": done.stopped}
        )
    else:
        for name, row in done.evaluators.items():
            mean = "" if row.mean is None else f", mean {row.mean:.3f}"
            held = f", {row.held_back} held back by its budget" if row.held_back else ""
            advise(f"{name}: {row.scored} scored, {row.failed} failed{held}{mean}")
    if done.stopped is not None:
        advise(f"Stopped before everything was judged: {done.stopped}. The same command goes on from here.")
        raise typer.Exit(1)


async def _estimate(
    session: Session, agent: str, query: "TraceQuery", names: str | None, night: str
) -> "tuple[list[Evaluator], list[EvaluatorEstimate], str]":
    """The evaluators, what each would take, and a sentence where the budget does not cover it."""
    from burnish.domain.evaluators.specs import load_evaluators
    from burnish.loop.agent_evaluators import agent_evaluators, judge_models
    from burnish.loop.backfill import Prices, estimate, with_what_they_wait_for
    from burnish.project import load_agent

    settings = session.settings
    config = load_agent(settings.project, agent)
    folder = settings.project / "config" / "evaluators"
    model = judge_models(config, settings)
    if names is None:
        evaluators = agent_evaluators(config, settings)
    else:
        known = agent_evaluators(config, settings, known=True)
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
        found = estimate(store, store.calls, evaluators, query, prices, night)
        return evaluators, found, _short(found, config.budget, store.calls.spent(night))


def _short(found: "list[EvaluatorEstimate]", budget: "Allowance", spent: tuple[int, float]) -> str:
    calls, dollars = sum(row.calls for row in found), sum(row.usd or 0.0 for row in found)
    parts = []
    if budget.calls is not None and calls > (left := max(0, budget.calls - spent[0])):
        parts.append(f"{left:,} of {budget.calls:,} calls")
    if budget.usd is not None and dollars > (rest := max(0.0, budget.usd - spent[1])):
        parts.append(f"${rest:.2f} of ${budget.usd:.2f}")
    if not parts:
        return ""
    return (
        f"[budget] has {' and '.join(parts)} left for today's backfills, which may not be enough: it would stop there, "
        "with what was judged kept."
    )


async def _run(
    session: Session, agent: str, query: "TraceQuery", evaluators: "list[Evaluator]", night: str
) -> "EnrichSummary":
    from burnish.drivers.cli.output import advise
    from burnish.drivers.cli.progress import watched
    from burnish.loop.backfill import backfill
    from burnish.loop.context import open_workshop
    from burnish.loop.lease import give_way

    with watched() as show:
        async with open_workshop(agent, night, session.settings) as workshop:

            async def wait() -> None:
                await give_way(
                    workshop.store,
                    agent,
                    lambda other: advise(f"Night {other} is being worked on and judges too: waiting for it."),
                )

            judge = workshop.judge if any(evaluator.asks for evaluator in evaluators) else None
            return await backfill(
                workshop.store, evaluators, query, judge, night=night, progress=show, before_batch=wait
            )


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
