"""The rolling refresh: how many issues it reads, that all have their turn in a month, and what only
it can find.
"""

from datetime import datetime

import pytest

from simulator import Fault
from simulator.masters import SINGLE
from simulator.model import Issue
from sync.comment_selection import REFRESH_DAYS, night_size
from tests.syncs import COMMENTS, Syncs, asked_for_comments, load

ISSUES = 60
SHARE = 3  # of 60 issues, so that 29 nights are enough


def asked(syncs: Syncs) -> set[int]:
    return {issue for issue, _ in asked_for_comments(syncs)}


def read_at(syncs: Syncs) -> dict[int, datetime]:
    return {
        row["issue_id"]: row["refreshed_at"]
        for row in syncs.query("SELECT * FROM ops.issue_sync_state")
    }


def first(syncs: Syncs, *issues: Issue) -> None:
    """Let these issues have their turn tonight."""
    ids = ", ".join(str(issue.id) for issue in issues)
    syncs.change(
        f"UPDATE ops.issue_sync_state SET refreshed_at = '2020-01-01' WHERE issue_id IN ({ids})"
    )


def test_a_night_reads_its_share_by_a_request_for_each_issue(synced: Syncs) -> None:
    assert len(synced.space.issues) == ISSUES
    asked(synced)
    run = load(synced, "refresh")
    by_route = synced.sim.requests.by_route()
    assert by_route[COMMENTS] == SHARE
    assert by_route["/issues"] <= 3  # one for each project
    assert run.notes["rolling_refresh"].startswith("3 of 60 issues tonight; 0 ")
    assert sum(one.counts.read for one in run.partitions().values()) == SHARE
    history = synced.query(f"SELECT mode FROM ops.sync_history WHERE run_id = '{run.run_id}'")
    assert {row["mode"] for row in history} == {"refresh"}


def test_all_have_their_turn_in_a_month_also_where_a_project_refuses_its_comments(
    synced: Syncs,
) -> None:
    refusing = list(synced.space.project("WEB").issues.values())
    first(synced, *refusing)
    for issue in refusing:
        synced.sim.faults.add(Fault(status=403, path=f"/issues/{issue.id}/comments", times=None))
    before = read_at(synced)
    # The nights of a month are those of one evening here: all that counts is whose turn was
    # longest ago.
    assert ISSUES // SHARE < REFRESH_DAYS
    for _ in range(ISSUES // SHARE):
        synced.run(mode="refresh")
    assert all(read_at(synced)[issue] > moment for issue, moment in before.items())
    asked(synced)
    synced.sim.faults.clear()
    first(synced, *refusing[:SHARE])
    load(synced, "refresh")
    assert asked(synced) == {issue.id for issue in refusing[:SHARE]}


@pytest.mark.parametrize(
    ("issues", "rate", "reserve", "size", "share"),
    [
        (0, 600, 0.2, 0, 0),
        (1, 600, 0.2, 1, 1),
        (29, 600, 0.2, 1, 1),
        (30, 600, 0.2, 2, 2),
        (1_000_000, 600, 0.2, 34_483, 34_483),  # a paid plan reads 57,600 in two hours
        (1_000_000, 60, 0.2, 5_760, 34_483),  # a free one so many
        (1_000_000, 60, 1.0, 1, 34_483),
    ],
)
def test_a_night_is_large_enough_for_the_month_and_no_larger_than_the_request_budget(
    issues: int, rate: int, reserve: float, size: int, share: int
) -> None:
    assert night_size(issues, rate, reserve) == (size, share)
    assert size < share or size * (REFRESH_DAYS - 1) >= issues


def test_it_finds_stars_linked_files_emptied_fields_and_edited_comments(synced: Syncs) -> None:
    starred, linked, spoken, quiet = [
        issue
        for issue in synced.space.issues.values()
        if len(issue.comments) > 2 and not issue.stars
    ][:4]
    synced.space.star(starred)
    linked.shared_files += (
        synced.space.project(linked.project_id).files[0],
    )  # as when the activity was trimmed unread
    synced.space.delete_comment(spoken.comments[0])
    synced.space.edit_comment(spoken.comments[0], "rewritten")
    field = synced.space.add_field(
        str(quiet.project_id), SINGLE, "Colour", items=("Red", "Blue")
    ).id
    synced.space.edit_issue(quiet, custom={field: ((1,), None)})
    assert synced.run(mode="incremental").success
    synced.space.delete_item(str(quiet.project_id), field, 1)
    assert synced.run(mode="incremental").success
    assert not synced.row("issues", starred.id)["payload"]["stars"], "nothing tells of it"
    first(synced, starred, linked, spoken, quiet)
    load(synced, "refresh")
    assert len(synced.row("issues", starred.id)["payload"]["stars"]) == len(starred.stars)
    assert len(synced.row("issues", linked.id)["payload"]["sharedFiles"]) == len(
        linked.shared_files
    )
    assert [
        one["value"]
        for one in synced.row("issues", quiet.id)["payload"]["customFields"]
        if one["id"] == field
    ] == [None]
    assert {row["id"] for row in synced.rows("comments") if row["issue_id"] == spoken.id} == {
        one.id for one in spoken.comments
    }
    assert synced.row("comments", spoken.comments[0].id)["content"] == "rewritten"


def test_it_marks_issues_that_nothing_has_reported(synced: Syncs) -> None:
    gone = next(iter(synced.space.issues.values()))
    first(synced, gone)
    synced.space.delete_issue(gone)
    synced.space.activities.pop()
    load(synced, "refresh")
    assert synced.deletions("issues") == {
        (gone.id, "deleted", "rolling refresh; confirmed by GET /issues?id[]")
    }


def test_a_night_in_which_nothing_is_different_writes_nothing(synced: Syncs) -> None:
    before = [synced.rows(table) for table in ("issues", "comments")]
    run = load(synced, "refresh")
    assert [synced.rows(table) for table in ("issues", "comments")] == before
    assert run.counts("comments").keys() <= {"read", "unchanged"}
