"""Simulated worlds for the gate: what a rule costs in false pull requests, missed gains and runs."""

from burnish.domain.simulation.policies import GatePolicy, Policy, peers
from burnish.domain.simulation.streams import Tally, simulate
from burnish.domain.simulation.world import World

__all__ = ["GatePolicy", "Policy", "Tally", "World", "peers", "simulate"]
