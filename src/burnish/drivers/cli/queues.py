"""`burnish queues`: what people are asked to look at, for a reviewer in a terminal or a program that labels."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session

if TYPE_CHECKING:
    from burnish.domain.annotation.items import Handed

__all__ = ["app"]

app = typer.Typer(cls=Group, help="What people are asked to look at.")

EMPTY = "No queues. They stand in config/queues.yaml: docs/reviewing.md says how."
Name = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's name in config/queues.yaml.")]
Item = Annotated[str, typer.Argument(metavar="ITEM", help="The id of an item, or its first 6 characters or more.")]
Who = Annotated[str, typer.Option("--as", metavar="NAME", help="Who reviews; an account's name where there are any.")]
Expert = Annotated[bool, typer.Option("--expert", help="As an expert, where there are no accounts.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why.")]


@app.command("list")
def list_queues(context: typer.Context, agent: OfAgent = None, as_json: AsJson = False) -> None:
    """List the queues with how far they are."""
    from burnish.domain.annotation.specs import load_queues
    from burnish.drivers.cli.output import Column, listing
    from burnish.drivers.cli.queue_page import progress_row

    session = Session.of(context)
    queues = load_queues(session.settings.project, agent)

    def fetch() -> list[Any]:
        with session.store() as store:
            return [(queue, store.queues.progress(queue.name)) for queue in queues]

    listing(
        as_json,
        fetch,
        dump=lambda pair: {**pair[0].model_dump(mode="json"), "progress": pair[1].model_dump(mode="json")},
        key=lambda pair: pair[0].name,
        columns=[
            Column("queue"),
            Column("profile"),
            *(Column(title, right=True) for title in ("open", "disputed", "settled", "in hand", "labels", "today")),
            Column("median", right=True),
            Column("agents", flexible=True),
        ],
        row=lambda pair, _: progress_row(*pair),
        empty=EMPTY,
    )


@app.command("show")
def show_queue(
    context: typer.Context,
    name: Name,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="KEY", help="Estimate how often this judge is right.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="So many items at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show a queue: its reviewers' load, how far they agree, and its items in the order they are offered."""
    from burnish.domain.annotation.specs import load_queue
    from burnish.drivers.cli.output import print_json
    from burnish.drivers.cli.queue_page import print_queue
    from burnish.loop.reviewing import judge_share, queue_agreement

    session = Session.of(context)
    queue = load_queue(session.settings.project, name)
    with session.store() as store:
        progress = store.queues.progress(name)
        items = store.queues.list(name, limit=limit)
        agreement = queue_agreement(store, queue)
        right = judge_share(store, queue, judge) if judge is not None else None
    if as_json:
        print_json(
            {
                **queue.model_dump(mode="json"),
                "progress": progress.model_dump(mode="json"),
                "agreement": agreement.model_dump(mode="json"),
                "judge_right": right._asdict() if right is not None else None,
                "items": [item.model_dump(mode="json") for item in items],
            }
        )
    else:
        print_queue(queue, progress, agreement, items, judge, right)


@app.command("schema")
def print_schema() -> None:
    """Print the JSON schema of config/queues.yaml, for editors."""
    from burnish.domain.annotation.specs import json_schema
    from burnish.drivers.cli.output import print_json

    print_json(json_schema())


@app.command("fill")
def fill_queues(context: typer.Context, agent: OfAgent = None, as_json: AsJson = False) -> None:
    """Hold the traces of the last days against the queues' rules, as every night does. Twice adds nothing."""
    from burnish.domain.annotation.specs import load_queues
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json
    from burnish.loop.route import route
    from burnish.project import agent_names

    session = Session.of(context)
    project = session.settings.project
    agents = [agent] if agent is not None else agent_names(project)
    found = {}
    with session.store() as store:
        for one in agents:
            summary = route(store, load_queues(project, one), one, len(agent_names(project)))
            found[one] = summary.model_dump(mode="json")["queues"]
    if as_json:
        print_json(found)
    for one, queues in [] if as_json else found.items():
        for name, row in queues.items():
            advise(f"{name}: {row['added']} of {row['matched']} traces of {one} added, {row['left']} over today's cap.")
    if not any(found.values()):
        advise(EMPTY)
        raise typer.Exit(EXIT_NOTHING)


@app.command("next")
def next_item(context: typer.Context, name: Name, who: Who, expert: Expert = False, as_json: AsJson = False) -> None:
    """Take the next item, or show the one in hand again: the trace, the rubric and what is asked."""
    from burnish.domain.annotation.specs import load_queue
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json
    from burnish.drivers.cli.queue_page import desk_json, print_desk
    from burnish.loop.reviewing import desk, person_called

    session = Session.of(context)
    queue = load_queue(session.settings.project, name)
    with session.store() as store:
        assignment = store.queues.take(queue, person_called(store, who, expert=expert))
        found = desk(store, queue, assignment) if assignment is not None else None
    if found is None:
        advise(f"Nothing left for {who} in {name}.")
        raise typer.Exit(EXIT_NOTHING)
    if as_json:
        print_json(desk_json(queue, found))
    else:
        print_desk(queue, found)


@app.command("label")
def label_item(
    context: typer.Context,
    name: Name,
    item_id: Item,
    who: Who,
    score: Annotated[float | None, typer.Option("--score", help="0 (bad) to 1 (good), on the queue's scale.")] = None,
    value: Annotated[str | None, typer.Option("--label", metavar="WORD", help="One of the queue's labels.")] = None,
    correction: Annotated[
        str | None, typer.Option("--correction", metavar="TEXT", help="What the output should have been.")
    ] = None,
    correction_json: Annotated[
        str | None, typer.Option("--correction-json", metavar="JSON", help="The same as JSON.")
    ] = None,
    criteria: Annotated[
        list[str] | None, typer.Option("--criterion", metavar="TEXT", help="What a good output must meet; repeatable.")
    ] = None,
    comment: Annotated[str | None, typer.Option("--comment", metavar="TEXT", help="What is worth saying.")] = None,
    span: Annotated[str | None, typer.Option("--span", metavar="ID", help="The span where it went wrong.")] = None,
    span_comment: Annotated[
        str | None, typer.Option("--span-comment", metavar="TEXT", help="What went wrong there.")
    ] = None,
    expert: Expert = False,
    as_json: AsJson = False,
) -> None:
    """Label an item in hand. It becomes feedback at once."""
    import json

    from burnish.domain.annotation.labels import Label
    from burnish.errors import InputError
    from burnish.loop.reviewing import give_label

    if correction_json is not None:
        if correction is not None:
            raise InputError("give --correction or --correction-json, not both")
        try:
            correction = json.loads(correction_json)
        except ValueError as error:
            raise InputError(f"--correction-json is not JSON: {error}") from error
    if score is not None and not 0 <= score <= 1:
        raise InputError(f"--score {score:g} is not between 0 and 1")
    said = Label(
        score=score,
        value=value,
        correction=correction,
        criteria=tuple(criteria or ()),
        comment=comment,
        span_id=span,
        span_comment=span_comment,
    )
    _hand(
        context,
        as_json,
        name,
        who,
        expert,
        lambda store, queue, person, screens: give_label(store, queue, item_id, person, said, screens),
        item_id,
    )


@app.command("skip")
def skip_item(
    context: typer.Context, name: Name, item_id: Item, who: Who, note: Note = "", expert: Expert = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Leave an item to others; it is not offered to the same person again."""
    _pass_on(context, as_json, name, who, expert, item_id, note, escalate=False)


@app.command("escalate")
def escalate_item(
    context: typer.Context, name: Name, item_id: Item, who: Who, note: Note = "", expert: Expert = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Hand an item on to the experts."""
    _pass_on(context, as_json, name, who, expert, item_id, note, escalate=True)


@app.command("undo")
def undo_label(context: typer.Context, name: Name, who: Who, expert: Expert = False, as_json: AsJson = False) -> None:
    """Take back the last label of a person in a queue; the item is in their hands again."""
    _hand(context, as_json, name, who, expert, lambda store, queue, person, _: store.queues.undo(queue, person))


def _pass_on(
    context: typer.Context, as_json: bool, name: str, who: str, expert: bool, item_id: str, note: str, *, escalate: bool
) -> None:
    from burnish.loop.reviewing import pass_on

    _hand(
        context,
        as_json,
        name,
        who,
        expert,
        lambda store, queue, person, screens: pass_on(store, queue, item_id, person, note, screens, escalate=escalate),
        item_id,
    )


def _hand(
    context: typer.Context, as_json: bool, name: str, who: str, expert: bool, act: Any, item_id: str | None = None
) -> None:
    """Do something with an item and tell what became of it; leave with 1 where it was refused."""
    from burnish.domain.annotation.specs import load_queue
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json
    from burnish.errors import InputError
    from burnish.loop.reviewing import person_called

    session = Session.of(context)
    queue = load_queue(session.settings.project, name)
    with session.store() as store:
        agent = None if item_id is None else store.queues.get(item_id).agent
        done: Handed | None = act(store, queue, person_called(store, who, expert=expert), session.screens(agent))
    if done is None:
        advise(f"{who} has labelled nothing in {name}.")
        raise typer.Exit(EXIT_NOTHING)
    if as_json:
        print_json(done.model_dump(mode="json"))
    if not done.accepted:
        raise InputError(done.reason)
    if not as_json:
        item = done.item
        advise(f"{item.id}: {item.state.value}, {item.given} of {item.wanted} labels, with the {item.profile}s.")
