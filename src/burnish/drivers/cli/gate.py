"""`burnish gate`: the permanent suite of a checkout against a base, for CI and before a commit.

Its exit codes are the verdict, so errors get one of their own: a broken configuration is no regression, and a mistyped
option is not "inconclusive".
"""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from burnish.drivers.cli.session import AsJson, Session

if TYPE_CHECKING:
    from burnish.domain.suite import SuiteVerdict

__all__ = ["EXITS", "EXIT_NOT_RUN", "GateCommand", "gate"]

EXITS = {"pass": 0, "regression": 1, "inconclusive": 2}
EXIT_NOTHING = 3
EXIT_NOT_RUN = 4


class GateCommand(typer.core.TyperCommand):
    """Leaves with EXIT_NOT_RUN where others leave with 2, wrong usage."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, or a usage error with our code."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if getattr(error, "exit_code", None) == 2:  # of click's usage errors, and of nothing else here
                error.exit_code = EXIT_NOT_RUN  # type: ignore[attr-defined]
            raise


def gate(
    context: typer.Context,
    base: Annotated[str, typer.Option("--base", metavar="REF", help="Branch, tag or commit to be held against.")],
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="The agent; not needed where there is one.")
    ] = None,
    repo: Annotated[
        Path | None, typer.Option("--repo", metavar="PATH", help="The agent's checkout. Default: the current folder's.")
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")] = None,
    as_json: AsJson = False,
    json_file: Annotated[Path | None, typer.Option("--json-file", metavar="FILE", help="Write JSON.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write a comment for a pull request.")
    ] = None,
    repetitions: Annotated[
        int | None, typer.Option("--repetitions", metavar="N", min=1, help="Runs of each case on each side.")
    ] = None,
    margin: Annotated[
        float | None, typer.Option("--margin", metavar="X", help="How much worse a metric may be. Default: 0.05.")
    ] = None,
) -> None:
    """Run the suite in evals/ on the checkout and on the base: has this change made the agent worse?

    Exit codes: 0 pass, 1 regression, 2 inconclusive or unmeasured, 3 no cases or no such agent, 4 it could not be run.
    """
    if margin is not None and not margin > 0:
        raise _usage("'--margin' must be above 0: no number of cases excludes every loss")
    outputs = [path for path in (junit, json_file, markdown) if path is not None]
    try:
        verdict = _verdict(Session.of(context), base, agent, repo or Path.cwd(), outputs, repetitions, margin)
        _write(verdict, junit, json_file, markdown)
        _show(verdict, as_json)
    except Exception as error:
        _leave(error)
    raise typer.Exit(EXITS[verdict.outcome.value])


def _verdict(
    session: Session,
    base: str,
    agent: str | None,
    repo: Path,
    outputs: list[Path],
    repetitions: int | None,
    margin: float | None,
) -> "SuiteVerdict":
    from burnish.drivers.cli.progress import watched
    from burnish.errors import ConfigError
    from burnish.loop.context import project_agents
    from burnish.loop.progress import Ticker
    from burnish.loop.suite import gate_checkout

    settings = session.settings
    if agent is None:
        agents = project_agents(settings)
        if len(agents) != 1:
            raise ConfigError(f"name one of the agents with --agent: {', '.join(agents)}")
        agent = agents[0]
    with watched() as show:
        ticker = Ticker(lambda done, total, note: show(done, total, "Running the suite") if show else None)
        with ticker:
            return asyncio.run(
                gate_checkout(
                    settings,
                    agent,
                    repo,
                    base,
                    repetitions=repetitions,
                    margin=margin,
                    leave_out=outputs,
                    progress=ticker,
                )
            )


def _write(verdict: "SuiteVerdict", junit: Path | None, json_file: Path | None, markdown: Path | None) -> None:
    import json

    from burnish.drivers.gate_comment import gate_comment
    from burnish.drivers.junit import junit as junit_of
    from burnish.errors import InputError

    texts = {
        junit: junit_of(verdict),
        json_file: json.dumps(_data(verdict), indent=2) + "\n",
        markdown: gate_comment(verdict),
    }
    for path, text in texts.items():
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            except OSError as error:
                raise InputError(f"cannot write {path}: {error.strerror}") from error


def _show(verdict: "SuiteVerdict", as_json: bool) -> None:
    """Print it. A reader who leaves early (`| head`) does not change the verdict."""
    from burnish.drivers.cli.gate_page import print_suite
    from burnish.drivers.cli.output import print_json
    from burnish.drivers.cli.pipes import silence
    from burnish.errors import InputError

    try:
        if as_json:
            print_json(_data(verdict))
        else:
            print_suite(verdict)
        sys.stdout.flush()
    except BrokenPipeError:
        silence()
    except OSError as error:
        silence()
        raise InputError(f"cannot write the output: {error.strerror}") from error


def _data(verdict: "SuiteVerdict") -> dict[str, Any]:
    return {**verdict.model_dump(mode="json"), "exit_code": EXITS[verdict.outcome.value]}


def _usage(text: str) -> typer.BadParameter:
    error = typer.BadParameter(text)
    error.exit_code = EXIT_NOT_RUN
    return error


def _leave(error: Exception) -> NoReturn:
    """Say what kept the gate from running, and leave with a code that is no verdict, for defects of ours too."""
    from burnish.errors import BurnishError, NotFoundError

    if isinstance(error, BurnishError):
        from burnish.drivers.visible import visible

        sys.stderr.write(f"burnish: {visible(str(error))}\n")
        raise typer.Exit(EXIT_NOTHING if isinstance(error, NotFoundError) else EXIT_NOT_RUN) from error
    import traceback

    traceback.print_exception(error)
    raise typer.Exit(EXIT_NOT_RUN) from error
