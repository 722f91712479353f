"""Whatever happens between any two requests, whoever dies, a first load and the loads of changes after it miss nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.backlog.models import Record
from resources.backlog.scan import Resume, scan_changes, scan_window
from resources.backlog.window import Window
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
    space.delete(min(space.issues))


def delete_three(space: HostileSpace) -> None:
    for _ in range(3):
        space.delete(space.any())


def delete_many(space: HostileSpace) -> None:
    for issue_id in sorted(space.issues)[:90]:
        space.delete(issue_id)


def edit_in_bulk(space: HostileSpace) -> None:
    for issue_id in space.random.sample(sorted(space.issues), 120):
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
Between = list[list[Change]]
BETWEEN = st.lists(st.lists(st.sampled_from(CHANGES), max_size=4), min_size=1, max_size=12)
LIMITS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Replica:
    """What is stored of project 1, and what is remembered: a checkpoint while it is read for the first time, a watermark after."""

    space: HostileSpace
    rows: dict[int, Record] = field(default_factory=dict)
    resume: Resume | None = None
    watermark: datetime | None = None
    again: int = 0  # rows of one load that the load before, which died, had stored as they were
    _before: dict[int, str] = field(default_factory=dict)

    def load(self, dies_after: int | None = None) -> None:
        """Load as `assets/raw/issue_windows.py` does, or die when so many batches are stored."""
        self._left = dies_after
        self._before = {row_id: row["updated"] for row_id, row in self.rows.items()}
        self.again = 0
        if self.watermark is not None:
            self._changes(self.watermark)
            return
        resume = self.resume
        scan = scan_window(self.space.client(), Window((1,)), resume=resume)
        for batch in scan:
            began = resume.started_at if resume else scan.started_at
            self.store(batch)
            self.resume = Resume(scan.position, began) if scan.position else self.resume
            self._live()
        if scan.proof.resumed and resume is not None:
            self._changes(resume.started_at)
        else:
            self.watermark = scan.started_at
        self.resume = None

    def _changes(self, since: datetime) -> None:
        scan = scan_changes(self.space.client(), (1,), since)
        for batch in scan:
            self.store(batch)
            if scan.reached is not None and self.resume is None:
                assert self.watermark is not None
                self.watermark = max(scan.reached, self.watermark)
            elif scan.reached is not None and self.resume is not None:
                self.resume = Resume(self.resume.position, max(scan.reached, since))
            self._live()
        self.watermark = scan.next_watermark

    def store(self, batch: list[Record]) -> None:
        assert 0 < len(batch) <= 100
        for row in batch:
            known = self.rows.get(row["id"])
            if known is None or row["updated"] >= known["updated"]:
                self.rows[row["id"]] = row
            self.again += self._before.get(row["id"]) == row["updated"]

    def _live(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                raise Died

    def versions(self) -> dict[int, str]:
        """Return id -> time of the last change, without what is gone from the project: that is found by counting."""
        here = {row.id for row in self.space.issues.values() if row.project == 1}
        return {row_id: row["updated"] for row_id, row in self.rows.items() if row_id in here}


class Died(Exception):  # noqa: N818 - it is no error
    """The process was killed."""


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


def truth(space: HostileSpace) -> dict[int, str]:
    return {row.id: row.json()["updated"] for row in space.issues.values() if row.project == 1}


SPACES = {
    "seed": st.integers(0, 1000),
    "zone": st.integers(-12, 14),
    "inclusive": st.booleans(),
    "tied": st.sampled_from([0, 40, 150]),
    "between": BETWEEN,
}


@LIMITS
@given(**SPACES)
def test_a_replica_ends_equal_to_the_source(seed: int, zone: int, inclusive: bool, tied: int, between: Between) -> None:
    space = a_space(seed, zone, inclusive, tied)
    replica = Replica(space)
    space.meanwhile = changing(between)
    for _ in range(3):
        replica.load()
    space.meanwhile = None
    replica.load()
    assert replica.versions() == truth(space)


@LIMITS
@given(**SPACES, deaths=st.lists(st.integers(1, 8), min_size=1, max_size=8), dead=st.lists(st.sampled_from(CHANGES), max_size=6))
def test_a_replica_whose_loads_die_between_any_two_pages_ends_equal_too(
    seed: int, zone: int, inclusive: bool, tied: int, between: Between, deaths: list[int], dead: list[Change]
) -> None:
    space = a_space(seed, zone, inclusive, tied)
    replica = Replica(space)
    space.meanwhile = changing(between)
    for pages in deaths:
        try:
            replica.load(dies_after=pages)
        except Died:
            for change in dead if len(space.issues) > 200 else []:
                change(space)
    space.meanwhile = None
    replica.load()
    assert replica.versions() == truth(space)
