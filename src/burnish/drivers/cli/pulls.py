"""`burnish pulls`: the pull requests that were opened."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session

if TYPE_CHECKING:
    from burnish.domain.proposals import PullRequest

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Pull requests that burnish opened.")

EMPTY = "No pull requests. One is opened when a proposal passes the gate; `burnish proposals` shows what was tried."


@app.command("list")
def list_pulls(
    context: typer.Context,
    agent: OfAgent = None,
    state: Annotated[
        Literal["open", "merged", "closed"] | None, typer.Option("--state", help="Only those that stand so.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List pull requests, newest first."""
    from burnish.domain.proposals import PullRequestState
    from burnish.drivers.cli.output import Column, listing
    from burnish.drivers.figures import moment
    from burnish.loop.aligning.week import with_judges

    def fetch() -> "list[PullRequest]":
        with Session.of(context).store() as store:
            return store.pull_requests.list(agent=with_judges(agent), state=PullRequestState(state) if state else None)

    listing(
        as_json,
        fetch,
        dump=lambda pull: pull.model_dump(mode="json"),
        key=lambda pull: pull.id,
        columns=[
            Column("number", right=True),
            Column("id"),
            Column("opened (UTC)"),
            Column("agent"),
            Column("state"),
            Column("title", flexible=True),
            Column("url", flexible=True),
        ],
        row=lambda pull, short: [
            "" if pull.number is None else f"#{pull.number}",
            short[pull.id],
            moment(pull.created_at),
            pull.agent,
            _state(pull.state.value),
            pull.title,
            pull.url,
        ],
        empty=EMPTY,
    )


@app.command("show")
def show_pull(
    context: typer.Context,
    pull_id: Annotated[str, typer.Argument(metavar="NUMBER|ID", help="Its number, its id or the id's beginning.")],
    as_json: AsJson = False,
) -> None:
    """Show one pull request with its body."""
    from rich.markdown import Markdown

    from burnish.drivers.cli.output import console, print_json, print_text
    from burnish.drivers.figures import moment
    from burnish.drivers.visible import visible

    with Session.of(context).store() as store:
        pull = store.pull_requests.get(pull_id)
    if as_json:
        print_json(pull.model_dump(mode="json"))
        return
    out = console()
    number = "" if pull.number is None else f"#{pull.number} "
    print_text(f"{number}{pull.title}", style="bold")
    out.print(_state(pull.state.value))
    print_text(
        f"{pull.branch} → {pull.base} · {pull.commit[:12]} · {pull.forge} · {moment(pull.created_at)} UTC", style="dim"
    )
    if pull.url:
        print_text(pull.url, style="dim")
    out.print()
    # hyperlinks=False writes a link's address out, so that it cannot say one thing and lead to another.
    out.print(Markdown(visible(pull.body), hyperlinks=False))


def _state(state: str) -> Any:
    from rich.text import Text

    return Text(state, style={"open": "green", "merged": "magenta", "closed": "red"}[state])
