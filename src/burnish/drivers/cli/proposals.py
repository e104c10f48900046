"""`burnish proposals`: the diffs that were drafted, and what became of them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.drivers.cli.session import AsJson, Group, OfAgent, Session

if TYPE_CHECKING:
    from burnish.domain.proposals import Proposal

__all__ = ["app"]

app = typer.Typer(cls=Group, help="Drafted diffs with their measurements and verdicts.")

EMPTY = "No proposals. They are drafted by `burnish run improve_agent --agent NAME` once failures are clustered."


@app.command("list")
def list_proposals(
    context: typer.Context,
    agent: OfAgent = None,
    night: Annotated[str | None, typer.Option("--night", metavar="AGENT/DATE", help="Of this night.")] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="Only those that stand so, for example accepted.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List proposals, newest first."""
    from burnish.domain.proposals import ProposalStatus
    from burnish.drivers.cli.output import Column, listing
    from burnish.drivers.figures import moment
    from burnish.loop.aligning.week import with_judges

    known = [member.value for member in ProposalStatus]
    if status is not None and status not in known:
        raise typer.BadParameter(f"'{status}' is none of {', '.join(known)}", param_hint="--status")

    def fetch() -> "list[Proposal]":
        with Session.of(context).store() as store:
            return store.proposals.list(
                agent=with_judges(agent), night=night, status=ProposalStatus(status) if status is not None else None
            )

    listing(
        as_json,
        fetch,
        dump=lambda proposal: proposal.model_dump(mode="json"),
        key=lambda proposal: proposal.id,
        columns=[
            Column("proposal"),
            Column("drafted (UTC)"),
            Column("agent"),
            Column("status"),
            Column("title", flexible=True),
            Column("reason", flexible=True),
        ],
        row=lambda proposal, short: [
            short[proposal.id],
            moment(proposal.created_at),
            proposal.agent,
            _status(proposal.status.value),
            proposal.title,
            proposal.status_reason,
        ],
        empty=EMPTY,
    )


@app.command("show")
def show_proposal(
    context: typer.Context,
    proposal_id: Annotated[str, typer.Argument(metavar="ID", help="The id or its first 6 characters or more.")],
    as_json: AsJson = False,
) -> None:
    """Show one proposal: its diff, its evidence, the gate's verdict."""
    from burnish.drivers.cli.output import console, heading, print_json, print_text
    from burnish.drivers.cli.verdict_page import print_diff, print_verdict
    from burnish.drivers.figures import moment
    from burnish.drivers.verdicts import verdict_json

    with Session.of(context).store() as store:
        proposal = store.proposals.get(proposal_id)
        verdict = store.proposals.verdict(proposal.id)
    if as_json:
        print_json(
            {
                **proposal.model_dump(mode="json"),
                "verdict": None if verdict is None else verdict_json(verdict),
            }
        )
        return
    print_text(proposal.title, style="bold")
    console().print(f"{proposal.id} · {proposal.night} · {moment(proposal.created_at)} UTC", style="dim")
    console().print(_status(proposal.status.value))
    if proposal.status_reason:
        print_text(proposal.status_reason)
    heading("why")
    print_text(proposal.rationale)
    heading(f"diff against {proposal.base_commit[:12]}")
    print_diff(proposal.edits)
    if verdict is None:
        heading("verdict")
        print_text("The gate has not been asked yet.", style="dim")
    else:
        print_verdict(verdict)
    if proposal.evidence_trace_ids:
        heading(f"evidence: {len(proposal.evidence_trace_ids)} traces")
        print_text(" ".join(one[:12] for one in proposal.evidence_trace_ids[:20]), style="dim")


def _status(status: str) -> Any:
    from rich.text import Text

    styles = {"accepted": "green", "published": "green", "refused": "red", "invalid": "red", "inconclusive": "yellow"}
    return Text(status, style=styles.get(status, ""))
