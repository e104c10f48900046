"""Simulated worlds for the gate: what a rule costs in false pull requests, missed gains and runs."""

from burnish.domain.simulation.figure import Point, figure
from burnish.domain.simulation.policies import GatePolicy, Policy, peers
from burnish.domain.simulation.streams import Tally, simulate
from burnish.domain.simulation.world import World
from burnish.domain.simulation.worlds import WORLDS, world_named

__all__ = ["WORLDS", "GatePolicy", "Point", "Policy", "Tally", "World", "figure", "peers", "simulate", "world_named"]
