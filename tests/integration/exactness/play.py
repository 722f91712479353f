"""How examples of the state machine are played: so many, within so much time, and always the same where a build must be repeatable.

Add here: another way to play. Keep out: what an example is (`machine.py`).
"""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.exactness.databases import Databases
from tests.integration.exactness.machine import Figures, machine

#: Steps of one example, besides its start and its end.
STEPS = 10


def play(databases: Databases, *, examples: int, seed: int | None = None, steps: int = STEPS) -> Figures:
    """Play examples and return what was done; raises what the first example raises that does not end equal.

    Without a seed the examples are the same on every machine and at every run. An example that fails is printed as the program that
    it is; it is not made smaller, which would take longer than to read it.
    """
    figures = Figures()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=seed is None,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    factory = machine(databases, figures)
    if seed is not None:
        factory._hypothesis_internal_use_seed = seed  # type: ignore[attr-defined]  # what hypothesis.seed sets on a test
    run_state_machine_as_test(factory, settings=chosen)  # type: ignore[no-untyped-call]  # hypothesis leaves it untyped
    return figures
