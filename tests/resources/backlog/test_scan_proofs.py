"""Whatever happens between any two requests: a scan gives all that stayed as it was, nothing else,
and a proof that is true.
"""

from datetime import datetime, timedelta

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from resources.backlog.client_values import Record
from resources.backlog.errors import IncompleteScan
from resources.backlog.scan import MAX_PASSES, Scan, scan_changes, scan_window
from resources.backlog.window import COUNTED, ONE_PAGE, Window
from tests.resources.backlog.hostile import START, HostileSpace, read
from tests.resources.backlog.meanwhile import (
    BETWEEN_QUIET,
    LIMITS,
    SPACES,
    Between,
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
