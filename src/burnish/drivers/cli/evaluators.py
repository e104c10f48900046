"""`burnish evaluators`: what judges the agents' traces; try one on a trace; the schema for editors."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session

if TYPE_CHECKING:
    from burnish.adapters.store import Store
    from burnish.domain.evaluators.base import EvaluationContext, Evaluator

__all__ = ["app"]

app = typer.Typer(cls=Group, help="What judges traces.", no_args_is_help=False)


@app.command("list")
def list_evaluators(context: typer.Context, agent: OfAgent = None, as_json: AsJson = False) -> None:
    """Evaluators of config/evaluators, or those of one agent with the versions that its judge model gives them."""
    from burnish.drivers.cli.output import Column, listing

    session = Session.of(context)
    listing(
        as_json,
        lambda: _load(session, agent),
        dump=_dump,
        columns=[
            Column("name"),
            Column("kind"),
            Column("level"),
            Column("calls", right=True),
            Column("version"),
            Column("applies", flexible=True),
        ],
        row=lambda one, _: [one.name, one.kind, one.level, str(one.asks), one.version, _applies(one)],
        key=lambda one: one.name,
        empty="No evaluator in config/evaluators; docs/evaluators.md has an example of each kind.",
    )


@app.command("show")
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The evaluator's name.")],
    agent: OfAgent = None,
    as_json: AsJson = False,
) -> None:
    """One evaluator: what its kind measures, and its whole configuration with rubrics put in."""
    import inspect
    import textwrap

    import yaml

    from burnish.drivers.cli.output import console, heading, print_json, print_text
    from burnish.drivers.visible import visible

    one = _named(_load(Session.of(context), agent), name)
    if as_json:
        print_json(_dump(one))
        return
    heading(f"{one.name} ({one.kind}, version {one.version})")
    print_text(inspect.getdoc(type(one)) or "", indent=2)
    fields = {key: value for key, value in _dump(one).items() if key not in ("kind", "name", "version", "calls")}
    # The terminal wraps it, so that what is copied is still the YAML that it was.
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100_000)
    console().print(textwrap.indent(visible(text), "  "), soft_wrap=True, end="")


@app.command("test")
def try_on_trace(
    context: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="An evaluator's name, or a YAML file.")],
    trace: Annotated[str, typer.Option("--trace", metavar="ID", help="A trace's id or its first characters.")],
    as_json: AsJson = False,
) -> None:
    """Run an evaluator on one trace and print what it says; nothing is stored, filters and chains do not count."""
    from burnish.drivers.cli.output import print_json, print_text

    session = Session.of(context)
    with session.store() as store:
        agent = store.traces.get(trace).agent
        file = Path(spec)
        known = (
            _from_file(session, agent, file) if file.suffix in (".yaml", ".yml") else _load(session, agent, known=True)
        )
        chosen = known if file.suffix in (".yaml", ".yml") else [_named(known, spec)]
        results = [asyncio.run(_try(session, store, one, trace)) for one in chosen]
    if as_json:
        print_json([row for rows in results for row in rows])
    else:
        for row in (row for rows in results for row in rows):
            said = row.get("error") or f"{'' if row['score'] is None else row['score']} {row['value'] or ''}".strip()
            print_text(f"{row['key']}: {said}" + (f" - {row['comment']}" if row.get("comment") else ""))
    if any("error" in row for rows in results for row in rows):
        raise typer.Exit(1)


@app.command("schema")
def schema(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it instead of writing it.")] = False,
) -> None:
    """Write config/evaluators/schema.json: what editors complete and check evaluator files by."""
    from burnish.domain.evaluators.specs import schema_text
    from burnish.drivers.cli.output import advise

    if as_json:
        typer.echo(schema_text(), nl=False)
        return
    path = Session.of(context).settings.project / "config" / "evaluators" / "schema.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(schema_text(), encoding="utf-8")
    advise(f"wrote {path}; files name it in their first line: # yaml-language-server: $schema=schema.json")


def _load(session: Session, agent: str | None, *, known: bool = False) -> "list[Evaluator]":
    """The project's evaluators; with an agent, that one's (`known`: all), bound to its judge model."""
    from burnish.domain.evaluators.specs import load_evaluators
    from burnish.errors import NotFoundError
    from burnish.loop.agent_evaluators import agent_evaluators
    from burnish.project import load_agent

    folder = session.settings.project / "config" / "evaluators"
    if agent is None:
        return load_evaluators(folder, None)
    try:
        config = load_agent(session.settings.project, agent)
    except NotFoundError:
        if known:
            return load_evaluators(folder, None)
        raise
    return agent_evaluators(config, session.settings, known=known)


def _from_file(session: Session, agent: str, file: Path) -> "list[Evaluator]":
    from burnish.domain.evaluators.specs import evaluators_of_file
    from burnish.errors import InputError, NotFoundError
    from burnish.loop.agent_evaluators import judge_models
    from burnish.project import load_agent

    if not file.is_file():
        raise InputError(f"{file} does not exist; name a file, or an evaluator of config/evaluators")
    found = evaluators_of_file(file, session.settings.project)
    try:
        model = judge_models(load_agent(session.settings.project, agent), session.settings)
    except NotFoundError:
        return found
    return [one.bound(model) for one in found]


def _named(found: "list[Evaluator]", name: str) -> "Evaluator":
    from burnish.domain.nearest import nearest
    from burnish.errors import NotFoundError

    by_name = {one.name: one for one in found}
    if name not in by_name:
        raise NotFoundError(f"no evaluator is called '{name}'; {nearest(name, by_name)}")
    return by_name[name]


async def _try(session: Session, store: "Store", one: "Evaluator", trace_id: str) -> list[dict[str, Any]]:
    from burnish.domain.evaluators.run import EvaluatorResult, evaluate_pairs
    from burnish.loop.context import open_workshop

    subject = _context(store, one, trace_id)
    results: list[EvaluatorResult] = []
    if one.asks or getattr(one, "isolated", True) is False:
        agent = subject.trace.agent
        async with open_workshop(agent, f"{agent}/test", session.settings) as workshop:
            pairs = [(one, subject.model_copy(update={"judge": workshop.judge}))]
            await evaluate_pairs(pairs, on_result=results.append)
    else:
        await evaluate_pairs([(one, subject)], on_result=results.append)
    (result,) = results
    if result.failure is not None:
        said = f"{result.failure.error}: {result.failure.message}"
        return [{"key": one.name, "version": result.failure.version, "error": said}]
    names = ("key", "version", "score", "value", "comment")
    return [{name: getattr(item, name) for name in names} for item in result.feedback]


def _context(store: "Store", one: "Evaluator", trace_id: str) -> "EvaluationContext":
    from burnish.domain.evaluators.base import EvaluationContext
    from burnish.domain.evaluators.sessions import LONGEST, join_session
    from burnish.loop.desk import Desk
    from burnish.loop.enrich import example_of

    trace = store.traces.get(trace_id)
    if one.level == "session" and trace.session_id is not None:
        found = next(s for s in store.traces.sessions(trace.agent) if s.session_id == trace.session_id)
        traces = tuple(store.traces.load(found.trace_ids[-LONGEST:]))
        return EvaluationContext(trace=join_session(traces), session=traces)
    desk = Desk(store, [trace.trace_id], [trace.trace_id])
    return EvaluationContext(
        trace=trace, example=example_of(trace, desk.corrections), feedback=tuple(desk.given[trace.trace_id])
    )


def _dump(one: "Evaluator") -> dict[str, Any]:
    fields = one.model_dump(mode="json", by_alias=True)
    return {"name": fields.pop("name"), "kind": one.kind, "version": one.version, "calls": one.asks, **fields}


def _applies(one: "Evaluator") -> str:
    if one.compares_arms:
        return "arms of experiments"
    rule = one.applies.model_dump(mode="json", exclude_defaults=True)
    when = rule.pop("when", None)
    parts = [f"{key} {value}" for key, value in {**rule.pop("metadata", {}), **rule}.items()]
    if when is not None:
        limits = " ".join(f"{key} {value}" for key, value in when.items() if key not in ("evaluator", "key"))
        parts.append(f"after {when.get('key', when['evaluator'])} {limits}".strip())
    return ", ".join(parts) or "all"
