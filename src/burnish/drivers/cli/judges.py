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
    _list(as_json, agent, lambda: _judges(session, agent))


@app.command("show")
def show(
    context: typer.Context,
    agent: AgentName,
    judge: Annotated[str | None, typer.Argument(metavar="[JUDGE]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Each judge on a page: figures with intervals, drift by week, bias, and earlier measurements."""
    from burnish.drivers.cli.judge_page import print_judge
    from burnish.drivers.cli.output import print_json

    session = Session.of(context)
    found = _chosen(_judges(session, agent), judge)
    history = {one.judge: _history(session, agent, one.judge) for one in found}
    if as_json:
        rows = [_dump(one) | {"history": [_brief(item) for item in history[one.judge]]} for one in found]
        print_json(rows if judge is None else rows[0])
        return
    for one in found:
        print_judge(one, history[one.judge])


@app.command("measure")
def measure(
    context: typer.Context,
    agent: AgentName,
    judge: Annotated[str | None, typer.Argument(metavar="[JUDGE]", help="Only this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the judges now and keep what is found, as every night does; no model is asked."""
    from burnish.loop.alignment import keys_measured, measure_judges

    session = Session.of(context)
    config, evaluators = _configured(session, agent)
    known = [key for _, key in keys_measured(config, evaluators)]
    wanted = None if judge is None else [_named(judge, known)]

    def measured() -> list[JudgeNow]:
        with session.store() as store:
            found = measure_judges(store, config, evaluators, wanted)
        return [JudgeNow(one.judge, one.version, one.state, one.reason, one) for one in found]

    _list(as_json, agent, measured)


def _list(as_json: bool, agent: str, fetch: Callable[[], list[JudgeNow]]) -> None:
    from burnish.drivers.cli.judge_page import list_columns, list_row
    from burnish.drivers.cli.output import listing

    listing(
        as_json,
        fetch,
        dump=_dump,
        columns=list_columns(),
        row=lambda one, _: list_row(one),
        key=lambda one: one.judge,
        empty=f"No judge scores the traces of {agent}; docs/evaluators.md has an example of one.",
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
