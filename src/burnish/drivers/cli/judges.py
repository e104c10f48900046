"""`burnish judges`: how the agent's judges stand with people, and what sways them."""

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from burnish.drivers.cli.session import AsJson, Group, NoStoreError, Session

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.domain.agreement import AlignmentState
    from burnish.domain.alignment.measurement import Alignment
    from burnish.domain.evaluators.base import Evaluator
    from burnish.project import AgentConfig

__all__ = ["JudgeNow", "app"]

app = typer.Typer(cls=Group, help="How judges stand with people.", no_args_is_help=False)
HISTORY = 20

AgentName = Annotated[str, typer.Argument(metavar="AGENT", help="The agent's name.")]
OnlyAgent = Annotated[
    str | None, typer.Argument(metavar="[AGENT]", help="The agent's name; not needed where there is one.")
]


class JudgeNow(NamedTuple):
    """A judge's present version with the newest measurement of the judge, and its state as of now."""

    judge: str
    version: str
    state: "AlignmentState"
    reason: str
    newest: "Alignment | None"


@app.command("list")
def list_judges(context: typer.Context, name: OnlyAgent = None, as_json: AsJson = False) -> None:
    """An agent's judges: state, agreement with people on what they were not fitted to, and the people's own."""
    session = Session.of(context)
    agent = name or _only(session)
    _list(as_json, agent, lambda: _judges(session, agent), _of_arms(session, agent))


@app.command("show")
def show(
    context: typer.Context,
    agent: AgentName,
    judge: Annotated[str | None, typer.Argument(metavar="[JUDGE]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Each judge on a page: figures with intervals, drift by week, bias, and earlier measurements."""
    from burnish.drivers.cli.judge_page import print_judge
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json

    session = Session.of(context)
    arms = _of_arms(session, agent, judge)
    if arms and judge is not None:
        _show_of_arms(session, agent, judge, arms, as_json)
        return
    found = _chosen(_judges(session, agent), judge)
    history = {one.judge: _history(session, agent, one.judge) for one in found}
    if as_json:
        rows = [_dump(one) | {"history": [_brief(item) for item in history[one.judge]]} for one in found]
        print_json(rows if judge is None else rows[0])
        return
    for one in found:
        print_judge(one, history[one.judge])
    if arms or not found:
        advise(arms or f"No judge scores the traces of {agent}; docs/evaluators.md has examples.")
    if not found:
        raise typer.Exit(EXIT_NOTHING)


@app.command("measure")
def measure(
    context: typer.Context,
    agent: AgentName,
    judge: Annotated[str | None, typer.Argument(metavar="[JUDGE]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the judges now and keep what is found, as every night does; no model is asked."""
    from burnish.errors import InputError
    from burnish.loop.alignment import keys_measured, measure_judges

    session = Session.of(context)
    config, evaluators = _configured(session, agent)
    known = [key for _, key in keys_measured(config, evaluators)]
    arms = _of_arms(session, agent, judge)
    if arms and judge is not None:
        raise InputError(arms)
    wanted = None if judge is None else [_named(judge, known)]

    def measured() -> list[JudgeNow]:
        with session.store() as store:
            found = measure_judges(store, config, evaluators, wanted)
        return [JudgeNow(one.judge, one.version, one.state, one.reason, one) for one in found]

    _list(as_json, agent, measured, arms if judge is None else _of_arms(session, agent))


def _list(as_json: bool, agent: str, fetch: Callable[[], list[JudgeNow]], arms: str) -> None:
    from burnish.drivers.cli.judge_page import list_columns, list_row
    from burnish.drivers.cli.output import listing

    listing(
        as_json,
        fetch,
        dump=_dump,
        columns=list_columns(),
        row=lambda one, _: list_row(one),
        key=lambda one: one.judge,
        empty=arms or f"No judge scores the traces of {agent}; docs/evaluators.md has examples.",
        more=lambda: arms,
    )


def _only(session: Session) -> str:
    from burnish.errors import InputError
    from burnish.project import agent_names

    names = agent_names(session.settings.project)
    if len(names) != 1:
        raise InputError(f"name the agent: {', '.join(names) or 'config/agents has none'}")
    return names[0]


def _configured(session: Session, agent: str) -> "tuple[AgentConfig, list[Evaluator]]":
    from burnish.loop.agent_evaluators import agent_evaluators
    from burnish.project import load_agent

    config = load_agent(session.settings.project, agent)
    return config, agent_evaluators(config, session.settings)


def _of_arms(session: Session, agent: str, judge: str | None = None) -> str:
    """What to know of the agent's judges that compare the arms of experiments, or of the one asked for; else ""."""
    names = [one.name for one in _configured(session, agent)[1] if one.compares_arms and judge in (None, one.name)]
    if not names:
        return ""
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return (
        f"{listed} {'compare' if len(names) > 1 else 'compares'} the arms of an experiment and no trace alone, so "
        f"labels on traces say nothing of it: people's labels on both arms do (`burnish reviews wanted EXPERIMENT`, of "
        f"`burnish experiments list --agent {agent}`)."
    )


def _show_of_arms(session: Session, agent: str, judge: str, said: str, as_json: bool) -> None:
    """A judge of arms: what there is to know is how far the place of an answer sways it."""
    from burnish.drivers.cli.output import heading, print_json, print_text
    from burnish.loop.alignment import place_bias

    one = next(one for one in _configured(session, agent)[1] if one.name == judge)
    try:
        with session.store() as store:
            bias = place_bias(store, agent, one, judge)
            pairs = sum(store.feedback.orders(agent, judge, one.version).values())
    except NoStoreError:
        bias, pairs = None, 0
    if as_json:
        position = None if bias is None else bias.model_dump(mode="json")
        print_json({"judge": judge, "version": one.version, "compares": "arms", "pairs": pairs, "position": position})
        return
    heading(f"{judge} (version {one.version})")
    print_text(said, indent=2)
    heading("what sways it")
    few = f"It was asked in both orders about {pairs} pairs; from 20 on this says what their place does."
    print_text(f"\N{BULLET} {few if bias is None else bias.reading}", indent=2)


def _judges(session: Session, agent: str) -> list[JudgeNow]:
    from burnish.loop.alignment import keys_measured

    config, evaluators = _configured(session, agent)
    keys = keys_measured(config, evaluators)
    try:
        with session.store() as store:
            return [_now(config, judge, key, store) for judge, key in keys]
    except NoStoreError:
        return [_now(config, judge, key, None) for judge, key in keys]


def _now(config: "AgentConfig", judge: "Evaluator", key: str, store: "Store | None") -> JudgeNow:
    from burnish.domain.alignment.measurement import as_of

    newest = None
    if store is not None:
        newest = store.alignments.latest(config.name, key, judge.version) or store.alignments.latest(config.name, key)
    model = getattr(judge, "model", None)
    now = dt.datetime.now(dt.UTC)
    return JudgeNow(key, judge.version, *as_of(newest, key, judge.version, config.gate.judges, now, model), newest)


def _history(session: Session, agent: str, judge: str) -> "list[Alignment]":
    try:
        with session.store() as store:
            return store.alignments.list(agent, judge, HISTORY)
    except NoStoreError:
        return []


def _chosen(found: list[JudgeNow], judge: str | None) -> list[JudgeNow]:
    if judge is None:
        return found
    name = _named(judge, [one.judge for one in found])
    return [one for one in found if one.judge == name]


def _named(judge: str, known: list[str]) -> str:
    from burnish.domain.nearest import nearest
    from burnish.errors import NotFoundError

    if judge in known:
        return judge
    raise NotFoundError(f"no judge is called '{judge}'; {nearest(judge, known)}")


def _dump(one: JudgeNow) -> dict[str, Any]:
    newest = None if one.newest is None else one.newest.model_dump(mode="json")
    return {
        "judge": one.judge,
        "version": one.version,
        "state": one.state.value,
        "reason": one.reason,
        "measurement": newest,
    }


def _brief(item: "Alignment") -> dict[str, Any]:
    fields = {"version", "model", "measured_at", "state", "held_out"}
    return item.model_dump(mode="json", include=fields)
