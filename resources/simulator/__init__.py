"""A Backlog space on this machine, over real HTTP: for the demo, the tests and anybody who writes a Backlog client.

Add here: what users of the simulator import. Keep out: everything else; docs/simulator.md describes it all.
"""

from resources.simulator.clock import Clock
from resources.simulator.faults import Fault
from resources.simulator.life import Life
from resources.simulator.limits import PLANS, Limits
from resources.simulator.process import SpawnedSimulator, main_simulate, spawn_simulator, switches_from
from resources.simulator.requests import RequestInfo
from resources.simulator.server import Simulator
from resources.simulator.spec import SimulatorError, SpaceSpec, Switches
from resources.simulator.world import World

__all__ = [
    "PLANS",
    "Clock",
    "Fault",
    "Life",
    "Limits",
    "RequestInfo",
    "Simulator",
    "SimulatorError",
    "SpaceSpec",
    "SpawnedSimulator",
    "Switches",
    "World",
    "main_simulate",
    "spawn_simulator",
    "switches_from",
]
