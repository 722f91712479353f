"""What may happen to a hostile space between any two requests, and how hypothesis chooses it; the
last issue always stays.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.resources.backlog.hostile import START, HostileSpace

Change = Callable[[HostileSpace], None]
ELSEWHERE = 2  # a project that is not read at first


def tick(space: HostileSpace) -> None:
    space.now += timedelta(seconds=1)


def wait(space: HostileSpace) -> None:
    space.now += timedelta(minutes=7)


def create(space: HostileSpace) -> None:
    space.create()


def edit(space: HostileSpace) -> None:
    space.edit(space.any())


def delete_the_oldest(space: HostileSpace) -> None:
    if len(space.issues) > 1:
        space.delete(min(space.issues))


def delete_three(space: HostileSpace) -> None:
    for _ in range(min(3, len(space.issues) - 1)):
        space.delete(space.any())


def delete_many(space: HostileSpace) -> None:
    for issue_id in sorted(space.issues)[:-1][:90]:
        space.delete(issue_id)


def edit_in_bulk(space: HostileSpace) -> None:
    for issue_id in space.random.sample(sorted(space.issues), min(120, len(space.issues))):
        space.edit(issue_id)


def edit_500_in_one_second(space: HostileSpace) -> None:
    for issue_id in sorted(space.issues)[:500]:
        space.edit(issue_id)


def import_in_bulk(space: HostileSpace) -> None:
    if len(space.issues) < 600:
        for _ in range(60):
            space.create()


def move_away(space: HostileSpace) -> None:
    space.move(space.any(), ELSEWHERE)


def move_old_ones_here(space: HostileSpace) -> None:
    for issue_id in [row.id for row in space.issues.values() if row.project == ELSEWHERE][:2]:
        space.move(issue_id, 1)


def move_quietly(space: HostileSpace) -> None:
    """Move the oldest of the others here and one away, neither of them with a trace in
    `updated`.
    """
    for issue_id in [row.id for row in space.issues.values() if row.project == ELSEWHERE][:1]:
        space.move(issue_id, 1, quietly=True)
    space.move(space.any(), ELSEWHERE, quietly=True)


def switch_the_zone(space: HostileSpace) -> None:
    space.zone, space.inclusive = space.random.randint(-12, 14), space.random.random() < 0.5


CHANGES: list[Change] = [
    tick,
    wait,
    create,
    edit,
    delete_the_oldest,
    delete_three,
    delete_many,
    edit_in_bulk,
    edit_500_in_one_second,
    import_in_bulk,
    move_away,
    move_old_ones_here,
    switch_the_zone,
]
#: What moves no `updated`: whether a space has this nobody knows, and only counting finds it.
QUIET: list[Change] = [*CHANGES, move_quietly]
Between = list[list[Change]]
BETWEEN, BETWEEN_QUIET = (
    st.lists(st.lists(st.sampled_from(changes), max_size=4), min_size=1, max_size=12)
    for changes in (CHANGES, QUIET)
)
LIMITS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def a_space(seed: int, zone: int, inclusive: bool, tied: int) -> HostileSpace:
    space = HostileSpace(seed=seed, zone=zone, inclusive=inclusive)
    space.history(350, every=timedelta(hours=2))
    for _ in range(tied):
        space.create(at=START - timedelta(days=9))
    space.history(20, every=timedelta(days=1), project=ELSEWHERE)
    return space


def changing(between: Between) -> Change:
    steps = cycle(between)

    def meanwhile(space: HostileSpace) -> None:
        if len(space.issues) > 200:
            for change in next(steps):
                change(space)

    return meanwhile


SPACES = {
    "seed": st.integers(0, 1000),
    "zone": st.integers(-12, 14),
    "inclusive": st.booleans(),
    "tied": st.sampled_from([0, 40, 150]),
    "between": BETWEEN,
}
