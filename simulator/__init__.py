"""A simulated Backlog space on this machine, over real HTTP: for the demo, the tests and developers
of Backlog clients.
"""

from simulator.clock import Clock
from simulator.faults import Fault
from simulator.life import Life
from simulator.limits import PLANS, Limits
from simulator.process import SpawnedSimulator, main_simulate, spawn_simulator, switches_from
from simulator.requests import RequestInfo
from simulator.server import Simulator
from simulator.spec import SimulatorError, SpaceSpec, Switches
from simulator.world import World

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
