"""What is still to be read: nothing that was requested is lost, nothing that was read is read
again.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from resources.warehouse.raw.tombstones import mark_project_deleted
from resources.warehouse.state.issue_sync_state import (
    CommentRead,
    count_histories,
    count_refreshed,
    finish_comments,
    pending_comments,
    reach_comments,
    refresh_share,
    requested_comments,
    window_comments,
)
from resources.warehouse.state.refetch_requests import (
    QUARANTINE,
    RefetchRequest,
    RequestedIssue,
    acknowledge_issues,
    is_waiting,
    request_refetch,
    requested_issues,
)
from tests.resources.warehouse.reading import AT, FIRST, MOVED, SECOND, THIRD, Reads

# -- pending ---------------------------------------------------------------------------------------


def test_an_issue_that_has_changed_continues_after_the_last_comment(
    read: Reads, load: Any, issue: Any
) -> None:
    load("issues", issue(1, updated=MOVED))
    read.change(f"UPDATE raw.issues SET updated_at = '2026-07-31T00:00:00Z' WHERE id = {SECOND}")
    assert read.starts() == {FIRST: 640_010, SECOND: 640_010}
    read.finish(read.pending())
    assert read.pending() == []
    assert read.entry(FIRST)["updated_at"] == AT + timedelta(days=1)


def test_issues_of_the_given_projects_and_space_that_were_never_read_are_read_whole(
    reads: Reads, load: Any, issue: Any
) -> None:
    load("issues", issue(1, id=95_001), space_key="other")
    assert reads.pending(300) == [
        CommentRead(FIRST, 300, AT, 0, 0, 0, 0),
        CommentRead(SECOND, 300, AT, 0, 0, 0, 0),
    ]
    assert reads.starts(301) == {THIRD: 0}
    assert reads.starts(300, 301) == {FIRST: 0, SECOND: 0, THIRD: 0}
    assert reads.call(pending_comments, []) == []
    [other] = reads.call(pending_comments, [300], space="other")
    assert other.issue_id == 95_001


def test_a_deleted_issue_is_not_pending_whatever_is_requested_of_it(reads: Reads) -> None:
    reads.change(f"UPDATE raw.issues SET deleted_at = now() WHERE id IN ({FIRST}, {SECOND})")
    reads.request_refetch(FIRST, 0)
    assert set(reads.starts()) == {THIRD}
    assert [found.issue_id for found in reads.call(requested_comments, [300, 301])] == []
    assert reads.call(window_comments, 300, None, None) == []
    assert [found.issue_id for found in reads.call(refresh_share, [300, 301], 10)] == [THIRD]
    assert reads.call(count_refreshed, [300, 301], AT) == (1, 1)


def test_the_history_of_an_issue_is_there_when_its_comments_were_read_to_their_end(
    reads: Reads,
) -> None:
    assert reads.call(count_histories) == {300: (2, 0, 2), 301: (1, 0, 1)}
    first, second, _ = reads.pending()
    reads.call(reach_comments, first, 640_010)
    assert reads.call(count_histories) == {300: (2, 0, 2), 301: (1, 0, 1)}
    reads.finish([first, second])
    assert reads.call(count_histories) == {300: (2, 2, 0), 301: (1, 0, 1)}
    reads.change(f"UPDATE raw.issues SET status_id = 4 WHERE id = {THIRD}")
    assert reads.call(count_histories) == {300: (2, 2, 0), 301: (1, 0, 0)}
    reads.change(f"UPDATE raw.issues SET deleted_at = now() WHERE id = {THIRD}")
    assert reads.call(count_histories) == {300: (2, 2, 0)}
    assert reads.call(count_histories, space="other") == {}


def test_a_refetch_request_reaches_back_to_its_comment_and_never_skips_one(read: Reads) -> None:
    read.request_refetch(FIRST, 640_005)
    read.request_refetch(SECOND, 640_999)
    read.request_refetch(THIRD, 0)
    assert read.starts() == {FIRST: 640_004, SECOND: 640_010, THIRD: 0}


def test_an_issue_without_any_time_is_read_once(reads: Reads, load: Any, issue: Any) -> None:
    load("issues", issue(1, id=96_000, projectId=302, updated=None, created=None))
    assert set(reads.starts(302)) == {96_000}
    reads.finish(reads.pending(302))
    assert reads.pending(302) == []


# -- what arrives meanwhile ------------------------------------------------------------------------


def test_a_request_that_arrives_during_a_read_is_not_acknowledged_by_it(read: Reads) -> None:
    read.request_refetch(FIRST, 640_009)
    [due] = read.pending()
    read.request_refetch(FIRST, 640_003, by="activity 2")
    read.finish([due], 640_011)
    assert read.starts() == {FIRST: 640_002}
    read.finish(read.pending(), 640_011)
    assert read.pending() == []
    assert read.entry(FIRST)["last_comment_id"] == 640_011


def test_a_first_request_during_the_first_read_is_not_acknowledged_by_it(reads: Reads) -> None:
    due = reads.pending(300)
    reads.request_refetch(FIRST, 640_003)
    reads.finish(due)
    assert reads.starts(300) == {FIRST: 640_002}


def test_a_change_that_is_stored_during_a_read_makes_the_issue_pending_again(
    read: Reads, load: Any, issue: Any
) -> None:
    read.request_refetch(FIRST, 640_009)
    due = read.pending()
    load("issues", issue(1, updated=MOVED))
    read.finish(due, 640_011)
    assert read.starts() == {FIRST: 640_011}


def test_a_refetch_request_that_waits_for_an_uncommitted_finish_survives_it(read: Reads) -> None:
    read.request_refetch(FIRST, 640_009)
    [due] = read.pending()
    with read.engine.begin() as conn:
        finish_comments(conn, "acme", [(due, 640_010)])
        other = threading.Thread(target=read.request_refetch, args=(FIRST, 640_001))
        other.start()
        other.join(0.3)
        assert other.is_alive()
    other.join(30)
    assert read.starts() == {FIRST: 640_000}


def test_an_issue_is_requested_until_it_was_read_after_the_last_request(read: Reads) -> None:
    read.request_refetch(FIRST, issue=True)
    seen = read.requested()
    read.request_refetch(FIRST, issue=True, by="activity 2")
    read.call(acknowledge_issues, seen)
    assert read.requested() == [RequestedIssue(FIRST, 300, 2, "activity 2")]
    read.call(acknowledge_issues, read.requested())
    assert read.requested() == []


def test_a_requested_comment_and_its_issue_are_acknowledged_apart(read: Reads) -> None:
    read.request_refetch(FIRST, 640_005, issue=True)
    read.request_refetch(SECOND, 640_005, issue=True)
    read.call(acknowledge_issues, [one for one in read.requested() if one.issue_id == FIRST])
    read.finish([one for one in read.pending() if one.issue_id == SECOND])
    assert read.starts() == {FIRST: 640_004}
    assert [one.issue_id for one in read.requested()] == [SECOND]


# -- refetch requests ------------------------------------------------------------------------------


def test_requests_for_one_issue_are_merged_into_the_widest_one(read: Reads) -> None:
    several = [
        RefetchRequest(FIRST, 300, "a", 640_007),
        RefetchRequest(FIRST, 0, "b", None, issue=True),
        RefetchRequest(FIRST, 300, "c", 640_006),
    ]
    read.call(request_refetch, several)
    assert dict(read.entry(FIRST)) | {"updated_at": None, "refreshed_at": None} == {
        "space_key": "acme", "issue_id": FIRST, "project_id": 300, "updated_at": None,
        "last_comment_id": 640_010,
        "refetch_comments_from": 640_006, "refetch_issue": True, "requested_by": "c",
        "refetch_requests": 1, "refreshed_at": None,
    }  # fmt: skip
    for one in (RefetchRequest(FIRST, 300, "d", None), RefetchRequest(FIRST, 0, "e", 640_008)):
        read.call(request_refetch, [one])
    found = read.entry(FIRST)
    assert (found["refetch_comments_from"], found["refetch_issue"], found["requested_by"]) == (
        640_006,
        True,
        "e",
    )
    assert (found["refetch_requests"], found["project_id"]) == (3, 300)
    read.call(request_refetch, [])


def test_two_that_request_the_same_issues_in_different_order_do_not_deadlock(read: Reads) -> None:
    ids = list(range(90_001, 90_400))

    def many(order: list[int]) -> None:
        for _ in range(20):
            read.call(request_refetch, [RefetchRequest(one, 300, "x", 1) for one in order])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(many, (ids, ids[::-1])))
    assert read.entry(90_300)["refetch_requests"] == 40


def test_an_issue_that_appears_after_its_requests_were_acknowledged_is_read_whole(
    read: Reads, load: Any, issue: Any
) -> None:
    read.request_refetch(95_000, 640_020, issue=True)
    assert [(one.issue_id, one.project_id) for one in read.requested()] == [(95_000, 300)]
    read.call(acknowledge_issues, read.requested())
    assert read.requested(comments_too=True) == []
    load("issues", issue(5, id=95_000))
    assert read.starts() == {95_000: 0}


def test_an_issue_and_its_comments_are_requested_apart(read: Reads) -> None:
    read.request_refetch(FIRST, issue=True)
    assert read.pending() == []
    read.request_refetch(THIRD, 640_005)
    first = RequestedIssue(FIRST, 300, 1, "activity 1")
    assert read.requested() == [first]
    both = read.requested(comments_too=True)
    assert both == [first, RequestedIssue(THIRD, 301, 1, "activity 1")]
    read.call(acknowledge_issues, both)
    assert read.starts() == {THIRD: 640_004}


def test_requested_comments_are_the_pending_ones_that_something_has_reported(
    reads: Reads, load: Any, issue: Any
) -> None:
    def requested(*projects: int) -> list[int]:
        return [found.issue_id for found in reads.call(requested_comments, projects)]

    reads.request_refetch(FIRST, issue=True)
    assert requested(300, 301) == [FIRST]
    reads.finish(reads.pending())
    assert requested(300, 301) == []
    load("issues", issue(1, updated=MOVED), issue(2, updated=MOVED))
    assert reads.call(requested_comments, [300, 301]) == [
        CommentRead(FIRST, 300, AT + timedelta(days=1), 640_010, 640_010, 1, 0)
    ]
    reads.request_refetch(THIRD, 640_001)
    assert [requested(300, 301), requested(301)] == [[FIRST, THIRD], [THIRD]]


def test_a_request_waits_until_acknowledged_unless_quarantined_or_its_issue_is_gone(
    read: Reads,
) -> None:
    assert not read.call(is_waiting)
    read.request_refetch(FIRST, 640_005, by=QUARANTINE)
    assert not read.call(is_waiting)
    assert read.starts() == {FIRST: 640_004}
    read.request_refetch(SECOND, issue=True)
    read.request_refetch(THIRD, 640_001)
    read.request_refetch(95_000, issue=True)
    assert not read.call(is_waiting, space="other")
    for acknowledged in (SECOND, THIRD, 95_000):
        assert read.call(is_waiting)
        read.call(
            acknowledge_issues, [one for one in read.requested() if one.issue_id == acknowledged]
        )
        read.finish([one for one in read.pending() if one.issue_id == acknowledged])
    assert not read.call(is_waiting)
    read.request_refetch(THIRD, 640_001)
    read.change(f"UPDATE raw.issues SET deleted_at = now() WHERE id = {THIRD}")
    assert not read.call(is_waiting)


def test_what_was_moved_out_of_a_project_before_it_was_deleted_waits_where_it_is_now(
    read: Reads, load: Any
) -> None:
    load("projects", {"id": 300, "projectKey": "OPS", "name": "Operations"})
    read.call(request_refetch, [RefetchRequest(FIRST, 301, "activity 1", issue=True)])
    with read.engine.begin() as conn:
        mark_project_deleted(conn, [300], space_key="acme", evidence="gone", run_id="run-1")
    assert read.call(is_waiting)
    [found] = read.call(requested_issues, [301], comments_too=False)
    assert (found.issue_id, found.project_id) == (FIRST, 301)
    read.call(acknowledge_issues, [found])
    assert not read.call(is_waiting)
    read.change(f"UPDATE raw.issues SET deleted_at = NULL, project_id = 301 WHERE id = {FIRST}")
    assert read.starts(301)[FIRST] == 0


def test_what_waits_is_not_hidden_by_a_record_in_quarantine(read: Reads) -> None:
    read.request_refetch(FIRST, 640_009, by="activity 2")
    read.request_refetch(FIRST, 640_003, by=QUARANTINE)
    assert read.call(is_waiting)
    read.finish(read.pending())
    read.request_refetch(FIRST, 640_003, by=QUARANTINE)
    assert not read.call(is_waiting)
    read.request_refetch(FIRST, by="activity 3", issue=True)
    assert read.call(is_waiting)


def test_what_is_requested_in_another_space_is_not_read(reads: Reads) -> None:
    elsewhere = [RefetchRequest(SECOND, 300, "elsewhere", issue=True)]
    reads.call(request_refetch, elsewhere, space="other")
    assert reads.requested() == []
    [found] = reads.call(requested_issues, (), comments_too=False, space="other")
    assert found.issue_id == SECOND
