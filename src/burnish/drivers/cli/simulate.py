"""`burnish simulate`: what the gate and other rules do in worlds where the truth is known."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.drivers.cli.session import Session

if TYPE_CHECKING:
    from burnish.domain.gate import GateRule
    from burnish.domain.simulation import Policy, Tally, World

__all__ = ["GATE", "run_worlds", "simulate"]

GATE = "burnish's gate"
DEFAULT_WORLDS = ("nothing", "gain10", "gain15")


def simulate(
    context: typer.Context,
    world: Annotated[
        list[str] | None,
        typer.Option("--world", metavar="NAME", help="nothing, gain5, gain10, gain15, drift, judge, leak, lost."),
    ] = None,
    streams: Annotated[int, typer.Option("--streams", min=1, help="Agents, each with its own nights.")] = 20,
    nights: Annotated[int, typer.Option("--nights", min=1, help="Nights of each.")] = 100,
    examples: Annotated[int, typer.Option("--examples", min=2, help="In the held-out split.")] = 100,
    candidates: Annotated[int, typer.Option("--candidates", min=1, help="A night.")] = 4,
    repetitions: Annotated[int, typer.Option("--repetitions", min=1, help="Runs an example and side.")] = 3,
    flips: Annotated[
        float, typer.Option("--flips", min=0.01, max=0.39, help="Share of answers that differ from run to run.")
    ] = 0.2,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same nights.")] = 1,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="Take the [gate] settings of this agent's file.")
    ] = None,
    gate_only: Annotated[bool, typer.Option("--gate-only", help="Leave out what others do.")] = False,
    figure: Annotated[
        Path | None, typer.Option("--figure", metavar="FILE", help="Draw false pull requests against power, as SVG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try the gate in simulated worlds, by the code that decides real nights, beside the rules of others."""
    from burnish.domain.gate import GateRule
    from burnish.domain.simulation import WORLDS, World
    from burnish.drivers.cli.output import heading, print_json
    from burnish.errors import InputError

    names = tuple(world or DEFAULT_WORLDS)
    unknown = [name for name in names if name not in WORLDS]
    if unknown:
        raise InputError(f"no world '{unknown[0]}'; there are: {', '.join(WORLDS)}")
    if figure is not None and not {"nothing", "gain10"} <= set(names):
        raise InputError("--figure draws the worlds nothing and gain10; name both with --world")
    rule = GateRule()
    if agent is not None:
        from burnish.project import load_agent

        rule = load_agent(Session.of(context).settings.project, agent).gate
    changes = {
        "nights": nights, "examples": examples, "candidates": candidates, "flips": flips,
        "repetitions": repetitions, "dev_repetitions": repetitions,
    }  # fmt: skip
    worlds = {name: World.model_validate({**WORLDS[name][1].model_dump(), **changes}) for name in names}
    found = run_worlds(worlds, rule, streams, seed, gate_only)
    if figure is not None:
        figure.write_text(drawn(found), encoding="utf-8")
    if as_json:
        print_json(
            {
                "seed": seed,
                "gate": rule.model_dump(mode="json"),
                "worlds": {
                    name: {"world": worlds[name].model_dump(mode="json"), "policies": [_document(t) for t in tallies]}
                    for name, tallies in found.items()
                },
            }
        )
        return
    for name, tallies in found.items():
        heading(f"{name}: {WORLDS[name][0]} ({streams} x {nights} nights, {examples} examples, seed {seed})")
        _print(tallies)


def run_worlds(
    worlds: "Mapping[str, World]", rule: "GateRule", streams: int, seed: int, gate_only: bool = False
) -> "dict[str, list[Tally]]":
    """Every policy over every world, with a bar where a person is watching."""
    from burnish.domain.simulation import GatePolicy, peers
    from burnish.domain.simulation import simulate as simulated
    from burnish.drivers.cli.progress import watched

    policies: dict[str, Callable[[], Policy]] = {} if gate_only else dict(peers())
    policies[GATE] = lambda: GatePolicy(rule)
    found = {}
    with watched() as show:
        for name, world in worlds.items():

            def tell(done: int, total: int, name: str = name) -> None:
                if show is not None:
                    show(done, total, name)

            found[name] = simulated(world, policies, streams, seed, tell)
    return found


def drawn(found: "Mapping[str, list[Tally]]") -> str:
    """The figure, from the worlds `nothing` and `gain10`."""
    from burnish.domain.simulation import Point, figure

    power = {tally.policy: tally.power or 0.0 for tally in found["gain10"]}
    points = [Point(t.policy, t.false_rate, power[t.policy], t.runs, t.policy == GATE) for t in found["nothing"]]
    return figure(points, "What a rule opens, and what it finds")


def _print(tallies: "list[Tally]") -> None:
    from burnish.drivers.cli.output import Column, table

    def share(value: float | None, digits: int = 0) -> str:
        return "" if value is None else f"{value:.{digits}%}"

    table(
        [
            Column("rule", flexible=True),
            Column("false PRs a night", right=True),
            Column("agents with one", right=True),
            Column("real gains found", right=True),
            Column("of its PRs false", right=True),
            Column("held-out runs a night", right=True),
            Column("lift reported", right=True),
            Column("shrunk", right=True),
        ],
        [
            (
                tally.policy,
                share(tally.false_rate, 2),
                share(tally.spoiled / tally.streams),
                share(tally.power),
                share(tally.false_share),
                f"{tally.runs:.0f}",
                f"{tally.raw:+.3f}" if tally.raw else "",
                f"{tally.shrunk:+.3f}" if tally.shrunk else "",
            )
            for tally in tallies
        ],
    )


def _document(tally: "Tally") -> dict[str, object]:
    return {
        **tally.model_dump(mode="json"),
        "false_rate": tally.false_rate,
        "power": tally.power,
        "false_share": tally.false_share,
        "runs": tally.runs,
    }
