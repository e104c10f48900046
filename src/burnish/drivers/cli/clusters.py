"""`burnish clusters`: what fails alike."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session

if TYPE_CHECKING:
    from burnish.domain.proposals import Cluster

__all__ = ["app"]

app = typer.Typer(cls=Group, help="What fails alike, by name.")

EMPTY = "No failure clusters. They are made by `burnish run improve_agent --agent NAME` once traces have scores."


@app.command("list")
def list_clusters(
    context: typer.Context,
    agent: OfAgent = None,
    night: Annotated[str | None, typer.Option("--night", metavar="AGENT/DATE", help="Of this night.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the failure clusters of each agent's newest night, largest first."""
    from burnish.drivers.cli.output import Column, listing

    def fetch() -> "list[Cluster]":
        with Session.of(context).store() as store:
            return store.clusters.list(agent=agent, night=night)

    listing(
        as_json,
        fetch,
        dump=_dump,
        key=lambda cluster: cluster.id,
        columns=[
            Column("cluster"),
            Column("agent"),
            Column("night"),
            Column("traces", right=True),
            Column("name", flexible=True),
            Column("about", flexible=True),
        ],
        row=lambda cluster, short: [
            short[cluster.id],
            cluster.agent,
            cluster.night.rpartition("/")[2],
            str(cluster.size),
            cluster.name,
            cluster.description or ", ".join(cluster.keywords),
        ],
        empty=EMPTY,
    )


@app.command("show")
def show_cluster(
    context: typer.Context,
    cluster_id: Annotated[str, typer.Argument(metavar="ID", help="The id or its first 6 characters or more.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="So many traces at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show one failure cluster with its traces."""
    from burnish.drivers.cli.output import Column, console, heading, print_json, print_text, table
    from burnish.drivers.figures import moment, readable

    with Session.of(context).store() as store:
        cluster = store.clusters.get(cluster_id)
        if as_json:
            print_json(_dump(cluster))
            return
        traces = list(store.traces.load(cluster.trace_ids[:limit]))
    print_text(cluster.name, style="bold")
    console().print(f"{cluster.id} · {cluster.night} · {cluster.size} traces", style="dim")
    print_text(cluster.description)
    if cluster.keywords:
        print_text(f"Words: {', '.join(cluster.keywords)}", style="dim")
    heading(f"traces ({min(limit, len(cluster.trace_ids))} of {cluster.size})")
    table(
        [Column("trace"), Column("started (UTC)"), Column("input", flexible=True), Column("output", flexible=True)],
        [
            (trace.trace_id[:12], moment(trace.started_at), readable(trace.input), readable(trace.output))
            for trace in traces
        ],
    )


def _dump(cluster: "Cluster") -> dict[str, Any]:
    return cluster.model_dump(mode="json", exclude={"centroid"})
