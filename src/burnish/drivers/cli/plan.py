"""`burnish plan`: what a night of an agent can show, before any money is spent."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from burnish.drivers.cli.session import AsJson, NoStoreError, Session

if TYPE_CHECKING:
    from burnish.domain.plan import Plan

__all__ = ["plan"]

WIDTH, HEIGHT = 60, 10
HIGHEST = 0.4  # of the plot: larger gains are seen with a handful of examples
Curve = list[tuple[int, float | None]]


def plan(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The agent's name.")],
    level: Annotated[
        float | None, typer.Option("--level", min=1e-6, max=0.499, help="One-sided. Default: the gate's.")
    ] = None,
    power: Annotated[float, typer.Option("--power", min=0.5, max=0.999, help="Of seeing the gain.")] = 0.8,
    repetitions: Annotated[
        int | None, typer.Option("--repetitions", min=1, help="Runs of each example. Default: the agent's.")
    ] = None,
    flips: Annotated[
        float | None,
        typer.Option(
            "--flips", min=0, max=0.5, help="Share of answers that differ from run to run. Default: measured."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show which gain this agent's dataset can show, what more it needs, and what a night takes of the budget."""
    from burnish.drivers.cli.output import print_json

    found = _plan(Session.of(context), agent, level=level, power=power, repetitions=repetitions, flips=flips)
    most = max(200, 2 * found.examples, *(need.planned for need in found.needs if need.gain >= 0.1))
    curves = {runs: _curve(found, runs, most) for runs in sorted({1, 3, found.repetitions})}
    if as_json:
        rows = [
            {"runs": runs, "examples": count, "gain": gain} for runs, made in curves.items() for count, gain in made
        ]
        print_json({**found.model_dump(mode="json"), "sentences": list(found.sentences), "curve": rows[::4]})
    else:
        _show(found, curves, most)


def _plan(session: Session, agent: str, **wanted: Any) -> "Plan":
    from burnish.loop.agent_evaluators import agent_evaluators
    from burnish.loop.plan import plan_agent
    from burnish.project import load_agent

    config = load_agent(session.settings.project, agent)
    evaluators = agent_evaluators(config, session.settings)
    try:
        with session.store() as store:
            return plan_agent(config, evaluators, store, **wanted)
    except NoStoreError:
        return plan_agent(config, evaluators, None, **wanted)


def _curve(found: "Plan", runs: int, most: int) -> Curve:
    from burnish.domain.planning import detectable

    steps = 2 * WIDTH
    counts = sorted({max(1, most * step // steps) for step in range(1, steps + 1)})
    return [(count, detectable(count, found.flips.share, runs, found.level, found.power)) for count in counts]


def _show(found: "Plan", curves: dict[int, Curve], most: int) -> None:
    from burnish.domain.plan import points
    from burnish.drivers.cli.output import Column, heading, print_text, table
    from burnish.loop.plan import plan_rows

    first, *rest = found.sentences
    print_text(first, style="bold")
    for sentence in rest:
        print_text(f"\N{BULLET} {sentence}", indent=2)
    heading(f"examples a gain needs (level {found.level:.2g}, power {found.power:.0%}, {found.held_out} held out now)")
    rows = plan_rows(found)
    table([Column(name, right=name != "gain") for name in rows[0]], [list(row.values()) for row in rows])
    shown = " and ".join(f"{runs} run{'s' if runs > 1 else ''}" for runs in curves)
    heading(f"smallest gain seen, by held-out examples, with {shown} (more runs lie lower)")
    for line in _plot(curves, most, found.examples):
        print_text(line)
    if found.gain is not None:
        print_text(f"today: {found.examples} examples, {points(found.gain)}", style="dim")


def _plot(curves: dict[int, Curve], most: int, today: int) -> list[str]:
    from burnish.drivers.cli.braille import dots

    marked = [(count / most, gain / HIGHEST) for made in curves.values() for count, gain in made if gain is not None]
    upright = [(today / most, step / (4 * HEIGHT)) for step in range(0, 4 * HEIGHT, 2)] if today else []
    lines = dots([*marked, *upright], WIDTH, HEIGHT)
    labels = {0: f"+{HIGHEST * 100:.0f}", HEIGHT // 2: f"+{HIGHEST * 50:.0f}", HEIGHT - 1: "0"}
    body = [f"{labels.get(number, ''):>4} {line}" for number, line in enumerate(lines)]
    return [*body, f"     0{most:>{WIDTH - 1}}"]
