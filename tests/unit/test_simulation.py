"""Simulated worlds are what they say, and the gate keeps its promises in them."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from burnish.domain.gate import GateRule
from burnish.domain.simulation import WORLDS, GatePolicy, Point, Tally, World, figure, peers, simulate
from burnish.domain.simulation.variants import DevCounts, PastBaseline, SecondOpinion
from burnish.domain.simulation.world import Agent

POLICIES = {**peers(), "gate": lambda: GatePolicy(GateRule())}


@pytest.mark.parametrize(
    ("effect", "one_run", "three_runs"), [(0.0, 0.224, 0.090), (0.10, 0.257, 0.133), (0.15, 0.266, 0.146)]
)
def test_differences_vary_as_in_the_planning_table(effect: float, one_run: float, three_runs: float) -> None:
    """Mean and variance of the differences, with one and with three runs a side, within a tenth."""
    world = World(effect=effect, real_every=1 if effect else 0, examples=20_000, candidates=1)
    night = Agent(world, np.random.default_rng(1)).night(0)
    change = night.held_out[0] - night.baseline
    assert abs(change.mean() - effect) < 0.01
    assert change[0].var() == pytest.approx(one_run, rel=0.1)
    assert change.mean(axis=0).var() == pytest.approx(three_runs, rel=0.1)
    assert np.abs(night.baseline[0] - night.baseline[1]).mean() == pytest.approx(0.2, abs=0.015)


def tallies(name: str, streams: int, seed: int = 4) -> dict[str, Tally]:
    return {tally.policy: tally for tally in simulate(WORLDS[name][1], POLICIES, streams, seed)}


def test_where_nothing_improves_means_open_many_and_the_gate_next_to_none() -> None:
    """Ten agents of a hundred nights: the rules of others keep opening, the gate at most two in a thousand nights."""
    found = tallies("nothing", 10)
    assert found["mean improves, same split as the search"].false_rate > 0.7
    assert 0.35 < found["mean improves, held-out split"].false_rate < 0.55
    assert 0.015 < found["exact McNemar, 5 %, 1 run"].false_rate < 0.05
    assert found["gate"].false_rate <= 0.002
    assert found["gate"].runs <= 400


def test_real_gains_are_found() -> None:
    """Of gains of 15 points nine in ten become pull requests, and few of the pull requests are false."""
    gate = tallies("gain15", 5)["gate"]
    assert gate.power is not None
    assert gate.power >= 0.9
    assert (gate.false_share or 0) < 0.15
    assert gate.raw is not None
    assert gate.shrunk is not None
    assert abs(gate.shrunk - 0.15) < abs(gate.raw - 0.15) + 0.02


def test_what_goes_missing_in_one_arm_opens_nothing() -> None:
    """A mean over what arrived opens pull requests for a candidate that merely times out; the gate does not."""
    found = tallies("lost", 3)
    assert found["mean improves, held-out split"].false_rate > 0.5
    assert 0 == found["gate"].opened


def test_drift_between_nights_does_not_matter_where_the_baseline_runs_again() -> None:
    """Only a rule that trusts the baseline of earlier nights is fooled by it."""
    world = World(drift=0.1, nights=60)
    policies = {
        "gate": lambda: GatePolicy(GateRule()),
        "past": lambda: PastBaseline(GateRule(across_nights="fixed", dev_risk=0.0)),
    }
    gate, past = simulate(world, policies, 3, 2)
    assert gate.opened <= 1
    assert past.opened > 5


@pytest.mark.parametrize("variant", [SecondOpinion, PastBaseline, DevCounts])
def test_the_variants_keep_the_level_where_their_conditions_hold(variant: type[GatePolicy]) -> None:
    """At a fixed 5 %, on a world without drift and leaks."""
    rule = GateRule(across_nights="fixed", level=0.05, futility=0.0)
    (found,) = simulate(World(nights=100), {"v": lambda: variant(rule)}, 4, 6)
    assert found.false_rate <= 0.05 + 3 * (0.05 / found.null_nights) ** 0.5


def test_the_same_seed_gives_the_same_nights() -> None:
    """Figures can be printed again."""
    small = World(nights=10, effect=0.15, real_every=5)
    assert simulate(small, POLICIES, 2, 7) == simulate(small, POLICIES, 2, 7)


def test_the_figure_is_an_svg_with_every_rule() -> None:
    """Names are escaped and every point lies inside."""
    drawing = figure([Point("a < b", 0.4, 0.9, 200), Point("gate", 0.0, 0.5, 100, ours=True)], "A & B")
    root = ElementTree.fromstring(drawing)
    circles = root.findall("{http://www.w3.org/2000/svg}circle")
    assert 2 == len(circles)
    assert all(0 < float(c.get("cx", "0")) < 760 and 0 < float(c.get("cy", "0")) < 420 for c in circles)
    assert "a < b, 200 runs" in [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
