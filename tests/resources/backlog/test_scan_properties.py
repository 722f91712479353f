"""Whatever happens between any two requests: a scan gives all that stayed as it was, nothing else,
and a proof that is true; and whoever dies, a first load and the loads of changes after it miss
nothing.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from resources.backlog.client_values import Record
from resources.backlog.errors import IncompleteScan
from resources.backlog.position import Position, Resume
from resources.backlog.scan import MAX_PASSES, Scan, scan_changes, scan_window
from resources.backlog.window import COUNTED, ONE_PAGE, Window
from tests.resources.backlog.hostile import START, HostileSpace, read
from tests.resources.backlog.meanwhile import (
    BETWEEN_QUIET,
    CHANGES,
    LIMITS,
    SPACES,
    Between,
    Change,
    a_space,
    changing,
)

DAYS = st.none() | st.integers(0, 30)
ANY_SPACE = {**SPACES, "between": BETWEEN_QUIET, "alike": st.sampled_from([0, 0, 120])}


def versions(space: HostileSpace) -> dict[int, tuple[str, datetime]]:
    """Return id -> version, as sent and as an instant, of what is in the project."""
    return {
        row.id: (row.json()["updated"], row.updated)
        for row in space.issues.values()
        if row.project == 1
    }


class Watched:
    """A hostile space that is changed before each answer; knows what was there at the first one and
    has stayed.
    """

    def __init__(
        self, seed: int, zone: int, inclusive: bool, tied: int, alike: int, between: Between
    ) -> None:
        self.space = a_space(seed, zone, inclusive, tied)
        for _ in range(alike):
            self.space.create(at=START - timedelta(days=4), summary="equal in every order")
        self._change = changing(between)
        self._stayed: dict[int, tuple[str, datetime]] | None = None
        self.space.meanwhile = self._meanwhile

    def _meanwhile(self, space: HostileSpace) -> None:
        self._change(space)
        now = versions(space)
        self._stayed = now if self._stayed is None else dict(self._stayed.items() & now.items())

    def stayed(self, window: Window) -> dict[int, str]:
        """Return id -> `updated` of what was in the window all the time, and never changed."""
        assert self._stayed is not None
        return {
            row_id: text for row_id, (text, moment) in self._stayed.items() if window.holds(moment)
        }


def check(scan: Scan, rows: list[Record], watched: Watched, stayed: dict[int, str]) -> None:
    """Compare what was read, and what is said of it, with what was there and what was asked."""
    space, proof = watched.space, scan.proof
    found = {row["id"]: row["updated"] for row in rows}
    assert stayed.items() <= found.items()
    assert stayed.keys() <= scan.seen_ids
    assert all(scan.window.holds(datetime.fromisoformat(row["updated"])) for row in rows)
    assert len({(row["id"], row["updated"]) for row in rows}) == len(rows)
    assert proof.pages == space.paths().count("/issues")
    assert 1 <= proof.passes <= MAX_PASSES + 1  # of changes, one by rising `updated` comes before
    event(f"{proof.how}, passes: {proof.passes}")
    if proof.how == ONE_PAGE:
        assert (proof.count, proof.rows) == (None, len(scan.seen_ids))
    elif proof.how == COUNTED:
        assert proof.rows == proof.count
        assert proof.count in space.counts[-2:]
    else:
        assert proof.rows >= len(scan.seen_ids)
        assert proof.count is None or proof.rows >= proof.count == space.counts[-1]


@LIMITS
@given(**ANY_SPACE, first=DAYS, last=DAYS)
def test_a_window_gives_all_that_stayed_in_it_and_a_true_proof_or_none(
    seed: int,
    zone: int,
    inclusive: bool,
    tied: int,
    alike: int,
    between: Between,
    first: int | None,
    last: int | None,
) -> None:
    watched = Watched(seed, zone, inclusive, tied, alike, between)
    since, until = (
        START - timedelta(days=days) if days is not None else None for days in (first, last)
    )
    scan = scan_window(watched.space.client(), Window((1,), since, until))
    try:
        rows = read(scan)
    except IncompleteScan:
        event("not proven")
        with pytest.raises(RuntimeError, match="not read to its end"):
            _ = scan.proof
        return
    check(scan, rows, watched, watched.stayed(scan.window))


@LIMITS
@given(**ANY_SPACE, back=st.sampled_from([0, 3_600, 5 * 86_400, 14 * 86_400, 29 * 86_400]))
def test_changes_give_all_that_stayed_since_the_watermark_and_a_true_proof_or_none(
    seed: int, zone: int, inclusive: bool, tied: int, alike: int, between: Between, back: int
) -> None:
    watched = Watched(seed, zone, inclusive, tied, alike, between)
    watermark = START - timedelta(seconds=back)
    scan = scan_changes(watched.space.client(), (1,), watermark)
    rows: list[Record] = []
    reached = watermark
    try:
        for batch in scan:
            rows += batch
            reached = (
                max(reached, min(scan.checkpoint.position.moment, scan.started_at))
                if scan.checkpoint
                else reached
            )
            stayed = watched.stayed(Window((1,), scan.window.since, reached))
            assert stayed.items() <= {row["id"]: row["updated"] for row in rows}.items()
    except IncompleteScan:
        event("not proven")
        return
    check(scan, rows, watched, watched.stayed(scan.window))


# -- replicas --------------------------------------------------------------------------------------


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
