"""Whatever happens between any two requests, and whoever dies, a first load and the loads of
changes after it miss nothing.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import event, given
from hypothesis import strategies as st

from resources.backlog.client_values import Record
from resources.backlog.errors import IncompleteScan
from resources.backlog.position import Position, Resume
from resources.backlog.scan import Scan, scan_changes, scan_window
from resources.backlog.window import Window
from tests.resources.backlog.hostile import HostileSpace
from tests.resources.backlog.meanwhile import (
    CHANGES,
    LIMITS,
    SPACES,
    Between,
    Change,
    a_space,
    changing,
)


@dataclass
class Replica:
    """What is stored of project 1, and what is remembered: a checkpoint while it is read for the
    first time, a watermark after.
    """

    space: HostileSpace
    rows: dict[int, Record] = field(default_factory=dict)
    resume: Resume | None = None
    watermark: datetime | None = None

    def load(self, dies_after: int | None = None) -> None:
        """Load as `sync/issues.py` does, or die when so many batches are stored."""
        self._left = dies_after
        if self.watermark is not None:
            self._changes(self.watermark)
            return
        resume = self.resume
        scan = scan_window(self.space.client(), Window((1,)), resume=resume)
        for batch in scan:
            self.store(batch)
            self._keep(scan)
        self.resume = None
        if scan.proof.resumed and resume is not None:
            self.watermark = resume.started_at
            self._changes(resume.started_at)
        else:
            self.watermark = scan.started_at

    def _changes(self, since: datetime) -> None:
        if self.resume is not None:
            rest = scan_changes(self.space.client(), (1,), since, resume=self.resume)
            for batch in rest:
                self.store(batch)
                self._keep(rest)
            since = rest.next_watermark
        scan = scan_changes(self.space.client(), (1,), since)
        for batch in scan:
            self.store(batch)
            self._keep(scan)
        self.watermark, self.resume = scan.next_watermark, None

    def _keep(self, scan: Scan) -> None:
        found = scan.checkpoint
        self.resume = Resume(kept(found.position), found.started_at) if found else self.resume
        self._live()

    def store(self, batch: list[Record]) -> None:
        assert len(batch) <= 100
        for row in batch:
            known = self.rows.get(row["id"])
            if known is None or row["updated"] >= known["updated"]:
                self.rows[row["id"]] = row

    def _live(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                raise Died

    def versions(self) -> dict[int, str]:
        """Return id -> time of the last change, without what is gone from the project: that is
        found by counting.
        """
        here = {row.id for row in self.space.issues.values() if row.project == 1}
        return {row_id: row["updated"] for row_id, row in self.rows.items() if row_id in here}


class Died(Exception):  # noqa: N818 - it is no error
    """The process was killed."""


def kept(position: Position) -> Position:
    """Return a position as it comes back from where it was kept."""
    return Position.from_dict(json.loads(json.dumps(position.as_dict())))


@contextmanager
def not_always_proven() -> Iterator[None]:
    """Let a load fail that finds no quiet moment: it says so, and the next one goes on where it
    was.
    """
    try:
        yield
    except IncompleteScan:
        event("not proven")


def truth(space: HostileSpace) -> dict[int, str]:
    return {row.id: row.json()["updated"] for row in space.issues.values() if row.project == 1}


@LIMITS
@given(**SPACES)
def test_a_replica_ends_equal_to_the_source(
    seed: int, zone: int, inclusive: bool, tied: int, between: Between
) -> None:
    space = a_space(seed, zone, inclusive, tied)
    replica = Replica(space)
    space.meanwhile = changing(between)
    for _ in range(3):
        with not_always_proven():
            replica.load()
    space.meanwhile = None
    replica.load()
    assert replica.versions() == truth(space)


@LIMITS
@given(
    **SPACES,
    deaths=st.lists(st.integers(1, 8), min_size=1, max_size=8),
    dead=st.lists(st.sampled_from(CHANGES), max_size=6),
)
def test_a_replica_whose_loads_die_between_any_two_pages_ends_equal_too(
    seed: int,
    zone: int,
    inclusive: bool,
    tied: int,
    between: Between,
    deaths: list[int],
    dead: list[Change],
) -> None:
    space = a_space(seed, zone, inclusive, tied)
    replica = Replica(space)
    space.meanwhile = changing(between)
    for pages in deaths:
        try:
            with not_always_proven():
                replica.load(dies_after=pages)
        except Died:
            for change in dead if len(space.issues) > 200 else []:
                change(space)
    space.meanwhile = None
    replica.load()
    assert replica.versions() == truth(space)
