"""`burnish prune`: old traces go, or a user's, a session's, single ones."""

from typing import TYPE_CHECKING, Annotated

import typer

from burnish.drivers.cli.session import AsJson, Session
from burnish.errors import InputError

if TYPE_CHECKING:
    from burnish.domain.retention import Pruned

__all__ = ["prune"]


def prune(
    context: typer.Context,
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="AGE", help="Traces that began before: 90d, 2026-01-31.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="ID", help="Traces of this user of the agent.")] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="Traces of this session.")] = None,
    trace: Annotated[
        list[str] | None,
        typer.Option("--trace", metavar="ID", help="This trace, by its whole id; several times: each."),
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent's.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also traces that an example or an open proposal cites.")
    ] = False,
    experiments: Annotated[
        bool, typer.Option("--experiments", help="Also what offline runs of that age said; scores stay.")
    ] = False,
    vacuum: Annotated[
        bool, typer.Option("--vacuum", help="Copy the SQLite file to its smallest; nobody may write meanwhile.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, touch nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete old traces, or a user's, with what was said of them. Examples stay. Safe to stop and to start again."""
    from burnish.domain.retention import PruneRule
    from burnish.drivers.cli.output import EXIT_NOTHING, advise, print_json
    from burnish.drivers.cli.progress import watched
    from burnish.drivers.cli.since import moment_of

    before, named = moment_of(older_than), {"user_id": user, "session_id": session, "trace_ids": tuple(trace or ())}
    if "" in (user, session, *(trace or ())):
        raise InputError("--user, --session or --trace is empty, perhaps a variable that is not set; give its id")
    if before is None and not any(named.values()):
        raise InputError("say what goes: --older-than, --user, --session or --trace")
    rule = PruneRule.model_validate(
        {"before": before, "agent": agent, "cited": everything, "experiments": experiments, **named}
    )
    with Session.of(context).store() as store:
        would = store.retention.count(rule)
        size = store.retention.size()
        if not as_json:
            advise(
                _told(would, "Named:" if before is None else f"Began before {before:%Y-%m-%d %H:%M} UTC:")
                + f" The database takes {_bytes(size[0])}."
            )
        nothing = not (would.traces or would.clusters or would.replies or (experiments and not rule.named) or vacuum)
        if dry_run or nothing:
            if as_json:
                print_json({"dry_run": dry_run, "would": would.model_dump(), "bytes": size[0], "free_bytes": size[1]})
            if nothing and not dry_run:
                raise typer.Exit(EXIT_NOTHING)
            return
        if not yes:
            typer.confirm("Delete for good?", abort=True, err=True)
        with watched() as show:
            gone = store.retention.prune(
                rule, None if show is None else lambda so_far: show(so_far.traces, would.traces, "traces")
            )
        store.retention.shrink(whole=vacuum)
        after = store.retention.size()
    if as_json:
        print_json({"dry_run": False, "gone": gone.model_dump(), "bytes": after[0], "free_bytes": after[1]})
        return
    free = f", {_bytes(after[1])} of it free for new traces; --vacuum gives that back" if after[1] > 2**20 else ""
    advise(_told(gone, "Gone:") + f" The database takes {_bytes(after[0])}{free}.")


def _told(counts: "Pruned", start: str) -> str:
    said = [
        (counts.traces, "traces"),
        (counts.spans, "spans"),
        (counts.feedback, "scores and remarks"),
        (counts.clusters, "nights' clusters"),
        (counts.replies, "stored model answers"),
        (counts.outputs, "outputs of offline runs"),
    ]
    parts = ", ".join(f"{count:,} {noun}" for count, noun in said if count) or "nothing"
    kept = f" {counts.kept:,} traces stay: an example or an open proposal cites them (--all)." if counts.kept else ""
    return f"{start} {parts}.{kept}"


def _bytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"
