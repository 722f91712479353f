"""How examples of the state machine are played: so many, and for a number always the same."""

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.exactness.databases import Databases
from tests.integration.exactness.machine import Figures, machine

#: Steps of one example, besides its start and its end.
STEPS = 10
#: The first example of a turn is the smallest there is, in which next to nothing happens.
FEWEST = 3


def play_until(databases: Databases, *, examples: int, mutations: int, number: int) -> None:
    """Play so many examples, and more of them until so many changes were made; raises as `play`.

    How much happens in an example differs from run to run: how far a thread gets before it dies is
    a matter of the machine.
    """
    played = made = 0
    while played < examples or made < mutations:
        figures = play(
            databases, examples=max(examples - played, FEWEST), number=number + 1_000 * played
        )
        played, made = played + figures.examples, made + figures.mutations


def play(databases: Databases, *, examples: int, number: int, steps: int = STEPS) -> Figures:
    """Play examples and return what was done; raises what the first example raises that does not
    end equal.

    The same `number` gives the same examples. One that fails is printed as the program that it is;
    it is not made smaller, which would take longer than to read it.
    """
    figures = Figures()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    factory = seed(number)(machine(databases, figures))
    try:
        run_state_machine_as_test(factory, settings=chosen)
    except Exception as error:
        # When the example does not go the same way a second time, Hypothesis tells of that only.
        error.add_note("\n".join(["unequal were:", *dict.fromkeys(figures.unequal)][:21]))
        raise
    return figures
