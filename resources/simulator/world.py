"""The simulated space: its state and everything that people can do in it.

Add here: nothing; actions live in `mutate_issues.py`, `mutate_masters.py` and `mutate_space.py`, look-ups in `state.py`.
"""

from resources.simulator.mutate_issues import IssueMutators
from resources.simulator.mutate_masters import MasterMutators
from resources.simulator.mutate_space import SpaceMutators


class World(IssueMutators, MasterMutators, SpaceMutators):
    """A Backlog space in memory. All methods that change it are safe to call from any thread."""
