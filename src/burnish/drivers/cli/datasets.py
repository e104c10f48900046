"""`burnish datasets`: what proposals are measured on, how it changed, and how used its held-out examples are."""

from typing import TYPE_CHECKING, Annotated

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session

if TYPE_CHECKING:
    from burnish.domain.datasets import Dataset
    from burnish.domain.wear import Wear

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Examples in three splits, their versions and their wear.")

EMPTY = "No datasets. `burnish run improve_agent --agent NAME` makes them from corrected and scored traces."
Agent = Annotated[str, typer.Argument(metavar="AGENT", help="The agent whose dataset it is.")]


@app.command("list")
def list_datasets(context: typer.Context, agent: OfAgent = None, as_json: AsJson = False) -> None:
    """List datasets with their examples by split."""
    from burnish.drivers.cli.output import Column, listing

    def fetch() -> "list[Dataset]":
        with Session.of(context).store() as store:
            return store.datasets.list(agent)

    listing(
        as_json,
        fetch,
        dump=lambda dataset: dataset.model_dump(mode="json"),
        key=lambda dataset: dataset.id,
        columns=[
            Column("agent"),
            Column("dataset"),
            Column("version", right=True),
            Column("train", right=True),
            Column("dev", right=True),
            Column("held-out", right=True),
            Column("fingerprint"),
        ],
        row=lambda dataset, _: [
            dataset.agent,
            dataset.name,
            str(dataset.version),
            *(str(count) for count in dataset.counts.values()),
            dataset.fingerprint,
        ],
        empty=EMPTY,
    )


@app.command("show")
def show_dataset(context: typer.Context, agent: Agent, as_json: AsJson = False) -> None:
    """Show an agent's dataset: its versions, and how used its held-out examples are, in counts."""
    from burnish.domain.datasets import DATASET
    from burnish.drivers.cli.dataset_page import print_dataset
    from burnish.drivers.cli.output import print_json

    session = Session.of(context)
    with session.store() as store:
        dataset = store.datasets.get(agent, DATASET)
        versions = store.datasets.versions(agent, DATASET)
        wear = store.datasets.wear(agent, DATASET, session.split_rule(agent))
    if as_json:
        kept = [version.model_dump(mode="json") for version in versions]
        print_json({**dataset.model_dump(mode="json"), "versions": kept, "wear": _wear_json(wear)})
    else:
        print_dataset(dataset, versions, wear)


@app.command("diff")
def diff_dataset(
    context: typer.Context,
    agent: Agent,
    since: Annotated[int, typer.Argument(metavar="FROM", help="A version; 0 is the empty dataset.")],
    until: Annotated[int | None, typer.Argument(metavar="[TO]", help="A later version. Default: the newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two versions: ids in train and dev, counts in held-out."""
    from burnish.domain.datasets import DATASET
    from burnish.drivers.cli.dataset_page import print_diff
    from burnish.drivers.cli.output import print_json

    with Session.of(context).store() as store:
        diff = store.datasets.diff(agent, DATASET, since, until)
    if as_json:
        print_json(diff.model_dump(mode="json"))
    else:
        print_diff(diff)


@app.command("retire")
def retire_examples(
    context: typer.Context,
    agent: Agent,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Whole ids of examples.")] = None,
    worn: Annotated[bool, typer.Option("--worn", help="Every worn held-out example.")] = False,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")] = "",
) -> None:
    """Take examples out of use for good. Curation does not bring them back."""
    from burnish.domain.datasets import DATASET
    from burnish.drivers.cli.output import console
    from burnish.errors import InputError

    if bool(ids) == worn:
        raise InputError("name the ids of the examples to retire, or give --worn for the worn held-out ones")
    session = Session.of(context)
    with session.store() as store:
        if worn:
            count = store.datasets.retire_worn(agent, DATASET, session.split_rule(agent))
        else:
            count = store.datasets.retire(agent, DATASET, ids or [], reason)
    console().print(f"{count} example(s) retired.")


def _wear_json(wear: "Wear") -> dict[str, object]:
    return {**wear.model_dump(mode="json"), "share": wear.share}
