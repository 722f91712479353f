"""Whatever happens between any two requests, a first load and the loads of changes after it miss nothing."""

from collections.abc import Callable
from datetime import timedelta
from itertools import cycle

from hypothesis import given, settings
from hypothesis import strategies as st

from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import Window
from tests.resources.backlog.hostile import START, HostileSpace

Change = Callable[[HostileSpace], None]


def tick(space: HostileSpace) -> None:
    space.now += timedelta(seconds=1)


def create(space: HostileSpace) -> None:
    space.create()


def edit(space: HostileSpace) -> None:
    space.edit(space.any())


def delete_the_oldest(space: HostileSpace) -> None:
    space.delete(min(space.issues))


def delete_three(space: HostileSpace) -> None:
    for _ in range(3):
        space.delete(space.any())


def edit_in_bulk(space: HostileSpace) -> None:
    for issue_id in space.random.sample(sorted(space.issues), 120):
        space.edit(issue_id)


def import_in_bulk(space: HostileSpace) -> None:
    if len(space.issues) < 600:
        for _ in range(60):
            space.create()


CHANGES: list[Change] = [tick, create, edit, delete_the_oldest, delete_three, edit_in_bulk, import_in_bulk]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    zone=st.integers(-12, 14),
    inclusive=st.booleans(),
    tied=st.sampled_from([0, 40, 150]),
    between=st.lists(st.lists(st.sampled_from(CHANGES), max_size=4), min_size=1, max_size=12),
)
def test_a_replica_ends_equal_to_the_source(seed: int, zone: int, inclusive: bool, tied: int, between: list[list[Change]]) -> None:
    space = HostileSpace(seed=seed, zone=zone, inclusive=inclusive)
    space.history(350, every=timedelta(hours=2))
    for _ in range(tied):
        space.create(at=START - timedelta(days=9))
    steps = cycle(between)

    def meanwhile(space: HostileSpace) -> None:
        if len(space.issues) > 200:
            for change in next(steps):
                change(space)

    stored: dict[int, str] = {}

    def load(scan: Scan) -> Scan:
        for batch in scan:
            stored.update({row["id"]: max(row["updated"], stored.get(row["id"], "")) for row in batch})
        return scan

    space.meanwhile = meanwhile
    client = space.client()
    scan = load(scan_window(client, Window((1,))))
    for _ in range(2):
        scan = load(scan_changes(client, (1,), scan.started_at))
    space.meanwhile = None
    load(scan_changes(client, (1,), scan.started_at))
    gone = {issue_id for issue_id, _ in space.deleted}
    assert {issue_id: at for issue_id, at in stored.items() if issue_id not in gone} == {
        row.id: row.json()["updated"] for row in space.issues.values()
    }
