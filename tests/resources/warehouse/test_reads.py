"""What is still to be read: nothing that was wanted is lost, nothing that was read is read again."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from resources.warehouse.reads import (
    QUARANTINE,
    CommentRead,
    Want,
    WantedIssue,
    count_deep,
    deep_share,
    finish_comments,
    is_waiting,
    pending_comments,
    reach_comments,
    settle_issues,
    want,
    wanted_comments,
    wanted_issues,
    window_comments,
)

FIRST, SECOND, THIRD = 90_001, 90_002, 90_003
MOVED = "2026-08-03T01:00:00Z"
AT = datetime(2026, 8, 2, 1, tzinfo=UTC)


class Reads:
    """The functions under test, each in a transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def call(self, function: Callable[..., Any], *arguments: Any, space: str = "acme", **options: Any) -> Any:
        with self.engine.begin() as conn:
            return function(conn, space, *arguments, **options)

    def want(self, issue_id: int, comments_from: int | None = None, *, issue: bool = False, by: str = "activity 1") -> None:
        self.call(want, [Want(issue_id, 300, by, comments_from, issue)])

    def pending(self, *projects: int) -> list[CommentRead]:
        found: list[CommentRead] = self.call(pending_comments, projects or (300, 301))
        return found

    def starts(self, *projects: int) -> dict[int, int]:
        return {read.issue_id: read.from_id for read in self.pending(*projects)}

    def wanted(self, *, comments_too: bool = False) -> list[WantedIssue]:
        found: list[WantedIssue] = self.call(wanted_issues, comments_too=comments_too)
        return found

    def finish(self, reads: Sequence[CommentRead], last_comment_id: int = 640_010) -> None:
        for read in reads:
            self.call(finish_comments, read, last_comment_id)

    def change(self, sql: str) -> None:
        with self.engine.begin() as conn:
            conn.execute(text(sql))

    def entry(self, issue_id: int) -> Any:
        with self.engine.begin() as conn:
            return conn.execute(text("SELECT * FROM ops.issue_reads WHERE issue_id = :id"), {"id": issue_id}).mappings().one()


@pytest.fixture
def reads(warehouse: Engine, load: Any, issue: Any) -> Reads:
    """Three issues that were never read, the third in another project."""
    load("issues", issue(1), issue(2), issue(3, projectId=301))
    return Reads(warehouse)


@pytest.fixture
def read(reads: Reads) -> Reads:
    """Return the same, with the comments of all issues read up to 640010."""
    reads.finish(reads.pending())
    assert reads.pending() == []
    return reads


# -- pending ----------------------------------------------------------------------------------------------------


def test_an_issue_that_was_never_read_is_read_whole_with_its_version(reads: Reads) -> None:
    assert reads.pending(300) == [CommentRead(FIRST, 300, AT, 0, 0, 0), CommentRead(SECOND, 300, AT, 0, 0, 0)]


def test_an_issue_whose_change_is_newer_or_older_than_the_read_one_goes_on_after_the_last_comment(
    read: Reads, load: Any, issue: Any
) -> None:
    load("issues", issue(1, updated=MOVED))
    read.change(f"UPDATE raw.issues SET updated_at = '2026-07-31T00:00:00Z' WHERE id = {SECOND}")
    assert read.starts() == {FIRST: 640_010, SECOND: 640_010}
    read.finish(read.pending())
    assert read.pending() == []
    assert read.entry(FIRST)["updated_at"] == AT + timedelta(days=1)


def test_only_issues_of_the_given_projects_and_space_are_pending(reads: Reads, load: Any, issue: Any) -> None:
    load("issues", issue(1, id=95_001), space_key="other")
    assert set(reads.starts(301)) == {THIRD}
    assert set(reads.starts(300, 301)) == {FIRST, SECOND, THIRD}
    assert reads.call(pending_comments, []) == []
    assert [found.issue_id for found in reads.call(pending_comments, [300], space="other")] == [95_001]


def test_a_deleted_issue_is_not_pending_whatever_is_wanted_of_it(reads: Reads) -> None:
    reads.change(f"UPDATE raw.issues SET deleted_at = now() WHERE id IN ({FIRST}, {SECOND})")
    reads.want(FIRST, 0)
    assert set(reads.starts()) == {THIRD}
    assert [found.issue_id for found in reads.call(wanted_comments, [300, 301])] == []
    assert reads.call(window_comments, 300, None, None) == []
    assert [found.issue_id for found in reads.call(deep_share, [300, 301], 10)] == [THIRD]
    assert reads.call(count_deep, [300, 301], AT) == (1, 1)


def test_a_want_reaches_back_to_its_comment_and_never_skips_one(read: Reads) -> None:
    read.want(FIRST, 640_005)
    read.want(SECOND, 640_999)
    read.want(THIRD, 0)
    assert read.starts() == {FIRST: 640_004, SECOND: 640_010, THIRD: 0}


def test_a_want_for_the_issue_alone_leaves_its_comments_alone(read: Reads) -> None:
    read.want(FIRST, issue=True)
    assert read.pending() == []
    assert read.wanted() == [WantedIssue(FIRST, 300, 1, "activity 1")]


def test_an_issue_without_any_time_is_read_once(reads: Reads, load: Any, issue: Any) -> None:
    load("issues", issue(1, id=96_000, projectId=302, updated=None, created=None))
    assert set(reads.starts(302)) == {96_000}
    reads.finish(reads.pending(302))
    assert reads.pending(302) == []


# -- what arrives meanwhile --------------------------------------------------------------------------------------


def test_a_want_that_arrives_during_a_read_is_not_settled_by_it(read: Reads) -> None:
    read.want(FIRST, 640_009)
    [due] = read.pending()
    read.want(FIRST, 640_003, by="activity 2")
    read.finish([due], 640_011)
    assert read.starts() == {FIRST: 640_002}
    read.finish(read.pending(), 640_011)
    assert read.pending() == []
    assert read.entry(FIRST)["last_comment_id"] == 640_011


def test_a_first_want_that_arrives_during_the_first_read_is_not_settled_by_it(reads: Reads) -> None:
    due = reads.pending(300)
    reads.want(FIRST, 640_003)
    reads.finish(due)
    assert reads.starts(300) == {FIRST: 640_002}


def test_a_change_that_is_stored_during_a_read_makes_the_issue_pending_again(read: Reads, load: Any, issue: Any) -> None:
    read.want(FIRST, 640_009)
    due = read.pending()
    load("issues", issue(1, updated=MOVED))
    read.finish(due, 640_011)
    assert read.starts() == {FIRST: 640_011}


def test_a_want_that_waits_for_an_uncommitted_finish_survives_it(read: Reads) -> None:
    read.want(FIRST, 640_009)
    [due] = read.pending()
    with read.engine.begin() as conn:
        finish_comments(conn, "acme", due, 640_010)
        other = threading.Thread(target=read.want, args=(FIRST, 640_001))
        other.start()
        other.join(0.3)
        assert other.is_alive()
    other.join(30)
    assert read.starts() == {FIRST: 640_000}


def test_an_issue_is_wanted_until_it_was_read_after_the_last_want(read: Reads) -> None:
    read.want(FIRST, issue=True)
    seen = read.wanted()
    read.want(FIRST, issue=True, by="activity 2")
    read.call(settle_issues, seen)
    assert read.wanted() == [WantedIssue(FIRST, 300, 2, "activity 2")]
    read.call(settle_issues, read.wanted())
    assert read.wanted() == []


def test_a_comment_that_is_wanted_stays_wanted_when_the_issue_is_settled_and_the_other_way_round(read: Reads) -> None:
    read.want(FIRST, 640_005, issue=True)
    read.want(SECOND, 640_005, issue=True)
    read.call(settle_issues, [one for one in read.wanted() if one.issue_id == FIRST])
    read.finish([one for one in read.pending() if one.issue_id == SECOND])
    assert read.starts() == {FIRST: 640_004}
    assert [one.issue_id for one in read.wanted()] == [SECOND]


# -- wants -------------------------------------------------------------------------------------------------------


def test_of_several_wants_of_an_issue_in_one_call_or_in_many_the_farthest_reaching_counts(read: Reads) -> None:
    several = [Want(FIRST, 300, "a", 640_007), Want(FIRST, 0, "b", None, issue=True), Want(FIRST, 300, "c", 640_006)]
    read.call(want, several)
    assert dict(read.entry(FIRST)) | {"updated_at": None, "deep_read_at": None} == {
        "space_key": "acme", "issue_id": FIRST, "project_id": 300, "updated_at": None, "last_comment_id": 640_010,
        "wanted_from": 640_006, "wanted_issue": True, "wanted_by": "c", "wants": 1, "deep_read_at": None,
    }  # fmt: skip
    for one in (Want(FIRST, 300, "d", None), Want(FIRST, 0, "e", 640_008)):
        read.call(want, [one])
    found = read.entry(FIRST)
    assert (found["wanted_from"], found["wanted_issue"], found["wanted_by"]) == (640_006, True, "e")
    assert (found["wants"], found["project_id"]) == (3, 300)
    read.call(want, [])


def test_two_that_want_the_same_issues_in_different_order_do_not_deadlock(read: Reads) -> None:
    ids = list(range(90_001, 90_400))
    failed: list[Exception] = []

    def many(order: list[int]) -> None:
        try:
            for _ in range(20):
                read.call(want, [Want(one, 300, "x", 1) for one in order])
        except Exception as error:
            failed.append(error)

    both = [threading.Thread(target=many, args=(order,)) for order in (ids, ids[::-1])]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert failed == []
    assert read.entry(90_300)["wants"] == 40


def test_what_an_activity_tells_of_an_issue_that_has_no_row_is_wanted_until_it_is_known_to_be_gone(read: Reads) -> None:
    read.want(95_000, 640_020, issue=True)
    assert [(one.issue_id, one.project_id) for one in read.wanted()] == [(95_000, 300)]
    read.call(settle_issues, read.wanted())
    assert read.wanted(comments_too=True) == []


def test_an_issue_that_appears_after_nothing_more_was_wanted_of_it_is_read_whole(read: Reads, load: Any, issue: Any) -> None:
    read.want(95_000, 640_020, issue=True)
    read.call(settle_issues, read.wanted())
    load("issues", issue(5, id=95_000))
    assert read.starts() == {95_000: 0}


def test_issues_of_which_only_comments_are_wanted_are_named_when_asked_for(read: Reads) -> None:
    read.want(THIRD, 640_005)
    assert read.wanted() == []
    assert read.wanted(comments_too=True) == [WantedIssue(THIRD, 301, 1, "activity 1")]
    read.call(settle_issues, read.wanted(comments_too=True))
    assert read.starts() == {THIRD: 640_004}


def test_the_wanted_comments_are_the_pending_ones_that_something_has_told_of(reads: Reads, load: Any, issue: Any) -> None:
    reads.want(FIRST, issue=True)
    assert [found.issue_id for found in reads.call(wanted_comments, [300, 301])] == [FIRST]
    reads.finish(reads.pending())
    assert reads.call(wanted_comments, [300, 301]) == []
    load("issues", issue(1, updated=MOVED), issue(2, updated=MOVED))
    assert reads.call(wanted_comments, [300, 301]) == [CommentRead(FIRST, 300, AT + timedelta(days=1), 640_010, 640_010, 1)]
    reads.want(THIRD, 640_001)
    assert [found.issue_id for found in reads.call(wanted_comments, [300, 301])] == [FIRST, THIRD]
    assert [found.issue_id for found in reads.call(wanted_comments, [301])] == [THIRD]


def test_something_waits_until_it_is_settled_unless_it_is_in_quarantine_or_its_issue_is_gone(read: Reads) -> None:
    assert not read.call(is_waiting)
    read.want(FIRST, 640_005, by=QUARANTINE)
    assert not read.call(is_waiting)
    assert read.starts() == {FIRST: 640_004}
    read.want(SECOND, issue=True)
    read.want(THIRD, 640_001)
    read.want(95_000, issue=True)
    assert not read.call(is_waiting, space="other")
    for settled in (SECOND, THIRD, 95_000):
        assert read.call(is_waiting)
        read.call(settle_issues, [one for one in read.wanted() if one.issue_id == settled])
        read.finish([one for one in read.pending() if one.issue_id == settled])
    assert not read.call(is_waiting)
    read.want(THIRD, 640_001)
    read.change(f"UPDATE raw.issues SET deleted_at = now() WHERE id = {THIRD}")
    assert not read.call(is_waiting)


def test_what_waits_is_not_hidden_by_a_record_in_quarantine(read: Reads) -> None:
    read.want(FIRST, 640_009, by="activity 2")
    read.want(FIRST, 640_003, by=QUARANTINE)
    assert read.call(is_waiting)
    read.finish(read.pending())
    read.want(FIRST, 640_003, by=QUARANTINE)
    assert not read.call(is_waiting)
    read.want(FIRST, by="activity 3", issue=True)
    assert read.call(is_waiting)


# -- reads that are broken off ------------------------------------------------------------------------------------


def test_a_first_read_that_is_broken_off_goes_on_where_it_stopped_and_is_still_due(reads: Reads) -> None:
    [first, second] = reads.pending(300)
    reads.call(reach_comments, first, 640_100)
    assert reads.starts(300) == {FIRST: 640_100, SECOND: 0}
    reads.want(SECOND, 640_001)
    reads.call(reach_comments, second, 640_100)
    assert reads.starts(300) == {FIRST: 640_100, SECOND: 640_000}


def test_a_whole_read_of_known_comments_that_is_broken_off_begins_again(read: Reads) -> None:
    [whole, _] = read.call(window_comments, 300, None, None)
    read.call(reach_comments, whole, 640_900)
    assert read.entry(FIRST)["last_comment_id"] == 640_010


def test_a_read_that_is_broken_off_settles_nothing(read: Reads) -> None:
    read.want(FIRST, 640_005)
    [due] = read.pending()
    read.call(reach_comments, due, 640_100)
    assert read.pending() == [CommentRead(FIRST, 300, AT, 640_100, 640_004, 1)]


def test_an_issue_that_moved_to_another_project_takes_its_comments_along(read: Reads, load: Any, issue: Any) -> None:
    comment = {"id": 640_001, "issueId": FIRST, "projectId": 300, "content": "", "created": MOVED, "updated": MOVED}
    load("comments", comment, comment | {"id": 640_002, "issueId": SECOND})
    load("issues", issue(1, projectId=301, updated=MOVED), issue(2, updated=MOVED))
    assert read.starts() == {FIRST: 0, SECOND: 640_010}


# -- whole reads -------------------------------------------------------------------------------------------------


def test_a_window_is_read_whole_from_its_start_up_to_before_its_end(read: Reads, load: Any, issue: Any) -> None:
    load("issues", issue(2, updated=MOVED))
    day = timedelta(days=1)
    assert read.call(window_comments, 300, AT, AT + day) == [CommentRead(FIRST, 300, AT, 640_010, 0, 0)]
    assert [found.issue_id for found in read.call(window_comments, 300, None, AT)] == []
    assert [found.issue_id for found in read.call(window_comments, 300, AT + day, None)] == [SECOND]
    assert [found.issue_id for found in read.call(window_comments, 301, None, None)] == [THIRD]


def test_a_whole_read_settles_every_want_before_it_and_records_what_it_found(read: Reads) -> None:
    read.want(FIRST, 640_005)
    read.finish(read.call(window_comments, 300, None, None), 640_002)
    assert read.pending() == []
    assert read.entry(FIRST)["last_comment_id"] == 640_002


def test_a_read_that_goes_on_never_forgets_what_was_read(read: Reads) -> None:
    read.want(FIRST, 640_020)
    read.finish(read.pending(), 0)
    assert read.entry(FIRST)["last_comment_id"] == 640_010


def test_the_deep_pass_takes_the_longest_unread_first_and_comes_round(read: Reads, load: Any, issue: Any) -> None:
    read.change(f"UPDATE ops.issue_reads SET deep_read_at = '2026-01-01Z'::timestamptz + (issue_id - {FIRST}) * interval '1 day'")
    load("issues", issue(4))
    seen = []
    for _ in range(3):
        share = read.call(deep_share, [300, 301], 2)
        seen.append([found.issue_id for found in share])
        assert {found.from_id for found in share} == {0}
        read.finish(share)
    assert seen == [[90_004, FIRST], [SECOND, THIRD], [90_004, FIRST]]
    assert [found.issue_id for found in read.call(deep_share, [301], 10)] == [THIRD]


def test_only_a_whole_read_counts_for_the_deep_pass(read: Reads, load: Any, issue: Any) -> None:
    before = datetime(2026, 2, 1, tzinfo=UTC)
    read.change("UPDATE ops.issue_reads SET deep_read_at = '2026-01-01Z'")
    load("issues", issue(1, updated=MOVED), issue(4))
    assert read.call(count_deep, [300, 301], before) == (4, 4)
    read.finish([due for due in read.pending() if due.issue_id == FIRST])
    assert read.call(count_deep, [300, 301], before) == (4, 4)
    read.finish(read.call(deep_share, [300, 301], 2))
    assert read.call(count_deep, [300, 301], before) == (4, 2)
    assert read.call(count_deep, [301], before) == (1, 1)
