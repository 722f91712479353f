"""How comments are asked for, against the simulator alone: what is put together, what is gone, and
what a refusal leads to.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from resources.backlog.auth import ApiKeyQuery
from resources.backlog.client import BacklogClient
from resources.backlog.errors import BacklogError, NotFound
from resources.warehouse.state.issue_sync_state import CommentRead
from simulator import Fault, Simulator
from sync.comment_reads import (
    GIVE_UP_AFTER,
    PARTS,
    ROWS,
    Batch,
    DueRead,
    Failing,
    Refused,
    read_comments,
)
from tests.syncs import TINY


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Return a simulated space of one project."""
    with Simulator(TINY) as sim:
        yield sim


def issues_with(sim: Simulator, *counts: int) -> list[int]:
    """Make issues of so many comments; return their ids."""
    ids = []
    for count in counts:
        issue = sim.space.create_issue(next(iter(sim.space.projects.values())).key)
        for number in range(count):
            sim.space.comment(issue, str(number))
        ids.append(issue.id)
    return ids


def due(issue: int, last: int = 0, from_id: int = 0, known: Sequence[int] = ()) -> DueRead:
    return DueRead(CommentRead(issue, 1, datetime.now(UTC), last, from_id, 0, 0), known)


def read(
    sim: Simulator, reads: Sequence[DueRead], before: Failing | None = None
) -> tuple[list[Batch], list[Refused], Failing | BacklogError]:
    """Return what is read, what is refused, and how it ends."""
    batches, refused = list[Batch](), list[Refused]()
    with BacklogClient(
        sim.url, ApiKeyQuery(sim.api_key), sleep=lambda _seconds: None, max_wait=0
    ) as client:
        reading = read_comments(client, reads, before or Failing())
        while True:
            try:
                found = next(reading)
            except StopIteration as stop:
                return batches, refused, stop.value
            except BacklogError as error:
                return batches, refused, error
            if isinstance(found, Refused):
                refused.append(found)
            else:
                batches.append(found)


def test_small_issues_come_together_and_no_batch_has_more_rows_than_may_be_lost(
    sim: Simulator,
) -> None:
    ids = issues_with(sim, *[0] * (PARTS + 5), *[ROWS // 2] * 5, 0, ROWS + 1, 2)
    batches, refused, end = read(sim, [due(issue) for issue in ids])
    assert [one.read.issue_id for batch in batches for one in batch.parts] == ids
    assert len(batches[0].parts) == PARTS
    assert all(batch.rows <= ROWS or len(batch.parts) == 1 for batch in batches)
    assert (refused, end) == ([], Failing())


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("count", [0, 1, 98, 99, 100, 101, 199, 250])
def test_only_the_end_of_a_read_says_what_is_gone(
    sim: Simulator, count: int, inclusive: bool
) -> None:
    sim.switch(inclusive_ids=inclusive)
    [issue] = issues_with(sim, count)
    stored = [row.id for row in sim.space.issues[issue].comments]
    sim.requests.clear()
    batches, _, _ = read(sim, [due(issue, known=[*stored, 7])])
    # A full page of the API says nothing of what comes after it.
    assert sim.requests.count() <= count // 99 + 1
    *parts, last = [part for batch in batches for part in batch.parts]
    assert [row["id"] for part in (*parts, last) for row in part.page] == stored
    assert {part.gone for part in parts} <= {None}
    assert last.gone == frozenset({7})
    assert last.last == max(stored, default=0)


def test_a_read_goes_on_behind_the_last_known_comment(sim: Simulator) -> None:
    [issue] = issues_with(sim, 5)
    *_, known, new = [row.id for row in sim.space.issues[issue].comments]
    [batch], _, _ = read(sim, [due(issue, last=known, from_id=known)])
    [part] = batch.parts
    assert part.page.ids == {new}
    assert (part.last, part.gone) == (new, frozenset())


def test_a_refused_issue_keeps_no_other_from_its_own_until_three_in_a_row(sim: Simulator) -> None:
    ids = issues_with(sim, *[1] * 8)
    bad = [ids[0], *ids[2:5]]
    sim.faults.add(
        Fault(status=403, path=f"/issues/({'|'.join(map(str, bad))})/comments", times=None)
    )
    batches, refused, end = read(sim, [due(issue) for issue in ids])
    assert [part.read.issue_id for batch in batches for part in batch.parts] == [ids[1]]
    assert [one.read.issue_id for one in refused] == bad
    assert isinstance(end, Failing)
    assert (end.in_a_row, end.away) == (GIVE_UP_AFTER, False)
    assert [one.issue_id for one in end.left] == [*bad, *ids[5:]]
    assert read(sim, [due(ids[6])], end)[0] == [], "nor does the next read of the project"


def test_an_issue_that_is_not_there_is_no_failure(sim: Simulator) -> None:
    [issue] = issues_with(sim, 1)
    batches, [refused], end = read(sim, [due(99), due(issue)])
    assert isinstance(refused.error, NotFound)
    assert len(batches) == 1
    assert end == Failing()


@pytest.mark.parametrize("away_before", [False, True])
def test_a_source_that_answers_none_of_two_ends_the_read_after_what_was_read(
    sim: Simulator, away_before: bool
) -> None:
    first, *others = issues_with(sim, 1, 1, 1, 1)
    away = others if not away_before else [first]
    sim.faults.add(
        Fault(status=503, path=f"/issues/({'|'.join(map(str, away))})/comments", times=None)
    )
    batches, refused, end = read(sim, [due(first), *map(due, others)], Failing(away=away_before))
    assert isinstance(end, BacklogError)
    assert "503" in str(end)
    assert len(batches) == len(refused) == (0 if away_before else 1)


def test_a_refused_key_ends_the_read_after_what_was_read(sim: Simulator) -> None:
    first, second, third = issues_with(sim, 1, 1, 1)
    sim.faults.add(Fault(status=401, path=f"/issues/{second}/comments", times=None))
    [batch], refused, end = read(sim, [due(first), due(second), due(third)])
    assert [part.read.issue_id for part in batch.parts] == [first]
    assert refused == []
    assert isinstance(end, BacklogError)
