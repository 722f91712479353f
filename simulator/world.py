"""The simulated space: its state and all actions of people."""

from simulator.mutate_issues import IssueMutators
from simulator.mutate_masters import MasterMutators
from simulator.mutate_space import SpaceMutators


class World(IssueMutators, MasterMutators, SpaceMutators):
    """A Backlog space in memory. All methods that change it may be called from any thread."""
