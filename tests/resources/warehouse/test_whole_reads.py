"""Reads of all comments of an issue, and reads that are broken off."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resources.warehouse.state.issue_sync_state import (
    CommentRead,
    count_refreshed,
    reach_comments,
    refresh_share,
    window_comments,
)
from tests.resources.warehouse.reading import AT, FIRST, MOVED, SECOND, THIRD, Reads

# -- reads that are broken off ---------------------------------------------------------------------


def test_an_interrupted_first_read_continues_where_it_stopped_and_is_still_due(
    reads: Reads,
) -> None:
    [first, second] = reads.pending(300)
    reads.call(reach_comments, first, 640_100)
    assert reads.starts(300) == {FIRST: 640_100, SECOND: 0}
    reads.request_refetch(SECOND, 640_001)
    reads.call(reach_comments, second, 640_100)
    assert reads.starts(300) == {FIRST: 640_100, SECOND: 640_000}


def test_a_whole_read_of_known_comments_that_is_broken_off_begins_again(read: Reads) -> None:
    [whole, _] = read.call(window_comments, 300, None, None)
    read.call(reach_comments, whole, 640_900)
    assert read.entry(FIRST)["last_comment_id"] == 640_010
    read.call(reach_comments, replace(whole, last_comment_id=1), 640_900)
    assert read.entry(FIRST)["last_comment_id"] == 640_010


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [([], (640_100, 640_100, 1, 0)), ([640_003], (640_100, 640_002, 2, 0))],
    ids=["it continues where it stopped", "it is read from where a request reaches"],
)
def test_a_requested_read_that_is_broken_off_is_still_due(
    read: Reads, meanwhile: list[int], left: tuple[int, int, int, int]
) -> None:
    read.request_refetch(FIRST, 640_005)
    [due] = read.pending()
    for comment in meanwhile:
        read.request_refetch(FIRST, comment)
    read.call(reach_comments, due, 640_100)
    assert read.pending() == [CommentRead(FIRST, 300, AT, *left)]


def test_an_issue_that_moved_to_another_project_takes_its_comments_along(
    read: Reads, load: Any, issue: Any
) -> None:
    comment = {
        "id": 640_001,
        "issueId": FIRST,
        "projectId": 300,
        "content": "",
        "created": MOVED,
        "updated": MOVED,
    }
    load("comments", comment, comment | {"id": 640_002, "issueId": SECOND})
    load("issues", issue(1, projectId=301, updated=MOVED), issue(2, updated=MOVED))
    assert read.starts() == {FIRST: 0, SECOND: 640_010}


# -- whole reads -----------------------------------------------------------------------------------


def test_a_window_is_read_whole_from_its_start_up_to_before_its_end(
    read: Reads, load: Any, issue: Any
) -> None:
    load("issues", issue(2, updated=MOVED))
    day = timedelta(days=1)
    assert read.call(window_comments, 300, AT, AT + day) == [
        CommentRead(FIRST, 300, AT, 640_010, 0, 0, 0)
    ]
    assert [found.issue_id for found in read.call(window_comments, 300, None, AT)] == []
    assert [found.issue_id for found in read.call(window_comments, 300, AT + day, None)] == [SECOND]
    assert [found.issue_id for found in read.call(window_comments, 301, None, None)] == [THIRD]


def test_a_whole_read_acknowledges_every_request_before_it(read: Reads) -> None:
    read.request_refetch(FIRST, 640_005)
    read.finish(read.call(window_comments, 300, None, None), 640_002)
    assert read.pending() == []
    assert read.entry(FIRST)["last_comment_id"] == 640_002


def test_a_continued_read_never_forgets_what_was_read(read: Reads) -> None:
    read.request_refetch(FIRST, 640_020)
    read.finish(read.pending(), 0)
    assert read.entry(FIRST)["last_comment_id"] == 640_010


def test_the_rolling_refresh_takes_the_longest_unread_first_and_comes_round(
    read: Reads, load: Any, issue: Any
) -> None:
    read.change(
        "UPDATE ops.issue_sync_state SET refreshed_at = '2026-01-01Z'::timestamptz + (issue_id "
        f"- {FIRST}) * interval '1 day'"
    )
    load("issues", issue(4))
    seen = []
    for _ in range(3):
        share = read.call(refresh_share, [300, 301], 2)
        seen.append([found.issue_id for found in share])
        assert {found.from_id for found in share} == {0}
        read.finish(share)
    assert seen == [[90_004, FIRST], [SECOND, THIRD], [90_004, FIRST]]
    assert [found.issue_id for found in read.call(refresh_share, [301], 10)] == [THIRD]


def test_only_a_whole_read_counts_for_the_rolling_refresh(
    read: Reads, load: Any, issue: Any
) -> None:
    before = datetime(2026, 2, 1, tzinfo=UTC)
    read.change("UPDATE ops.issue_sync_state SET refreshed_at = '2026-01-01Z'")
    load("issues", issue(1, updated=MOVED), issue(4))
    assert read.call(count_refreshed, [300, 301], before) == (4, 4)
    read.finish([due for due in read.pending() if due.issue_id == FIRST])
    assert read.call(count_refreshed, [300, 301], before) == (4, 4)
    read.finish(read.call(refresh_share, [300, 301], 2))
    assert read.call(count_refreshed, [300, 301], before) == (4, 2)
    assert read.call(count_refreshed, [301], before) == (1, 1)
