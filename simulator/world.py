"""The simulated space: its state and everything that people can do in it."""

from simulator.mutate_issues import IssueMutators
from simulator.mutate_masters import MasterMutators
from simulator.mutate_space import SpaceMutators


class World(IssueMutators, MasterMutators, SpaceMutators):
    """A Backlog space in memory. All methods that change it are safe to call from any thread."""
