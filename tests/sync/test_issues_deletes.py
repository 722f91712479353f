"""`raw/issues`, incremental: deleted issues are found by one count, and by the activity feed where
it differs.
"""

import re

import pytest

from simulator import Fault, RequestInfo
from tests.sync.conftest import IN_BOTH_ORDERS
from tests.sync.trouble import ESTIMATE_OF_NO_NUMBER, asked_by_id, once, spoil
from tests.syncs import CALENDAR, Syncs, load
from tests.syncs import FEED as ACTIVITIES

pytestmark = IN_BOTH_ORDERS

NOW = CALENDAR.months()[-1]
FEED = "activity feed; confirmed by GET /issues?id[]"
REREAD = "partition re-read; confirmed by GET /issues?id[]"


def test_a_scheduled_load_finds_a_deleted_issue_by_the_feed(synced: Syncs) -> None:
    gone = next(
        issue
        for issue in sorted(synced.space.project("OPS").issues)
        if synced.space.children.get(issue)
    )
    children = len(synced.space.children[gone])
    synced.space.delete_issue(gone)
    synced.space.create_issue("OPS")  # so that the number is the same
    run = synced.run(mode="incremental", first=NOW)
    assert synced.stored_issues() == synced.source_issues()
    [(found, reason, evidence)] = synced.deletions("issues")
    assert (found, reason) == (gone, "deleted")
    assert re.fullmatch(r"activity feed: activity \d+; confirmed by GET /issues\?id\[\]", evidence)
    assert run.counts() == {
        "deleted": 1,
        "inserted": 1,
        "read": children + 1,
        "updated": children,
    }


def test_without_the_table_of_activities_the_feed_is_asked_when_the_numbers_differ(
    synced: Syncs,
) -> None:
    gone = min(synced.space.project("OPS").issues)
    synced.space.delete_issue(gone)
    assert synced.issues(mode="incremental", first=NOW).success
    assert synced.deletions("issues") == {(gone, "deleted", FEED)}


def test_two_differences_that_cancel_out_are_repaired_after_the_nightly_count(
    synced: Syncs,
) -> None:
    too_many, lost = (min(synced.space.project(key).issues) for key in ("OPS", "WEB"))
    synced.space.delete_issue(too_many)
    for feed in (synced.sim.space, synced.space.project("OPS")):
        feed.activities.clear()
    synced.change(f"DELETE FROM raw.issues WHERE id = {lost}")
    assert synced.run(mode="incremental", first=NOW).success
    assert synced.stored_issues() != synced.source_issues(), "one request for all cannot tell"
    counted = synced.compare("count")
    assert {one.key for one in counted.projects if one.status == "different"} == {"OPS", "WEB"}
    assert synced.run(mode="incremental", first=NOW).success
    assert synced.stored_issues() == synced.source_issues()
    assert synced.deletions("issues") == {(too_many, "deleted", REREAD)}
    synced.sim.requests.clear()
    assert synced.run(mode="incremental", first=NOW).success
    assert synced.sim.requests.by_route()["/issues/count"] == 3, (
        "one for all, and one for each until they are counted again"
    )
    assert synced.compare("count").status == "equal"
    synced.sim.requests.clear()
    assert synced.run(mode="incremental", first=NOW).success
    assert synced.sim.requests.by_route()["/issues/count"] == 1


@pytest.mark.parametrize("in_feed", [True, False])
def test_an_issue_that_moves_to_a_project_made_while_the_load_runs_is_no_deletion(
    synced: Syncs, in_feed: bool
) -> None:
    moving = min(synced.space.project("OPS").issues)
    if in_feed:
        synced.space.link_file(moving)  # moves no `updated`: the issue is asked for by id

    def due(request: RequestInfo) -> bool:
        by_id = any(name == "id[]" for name, _ in request.params)
        return by_id if in_feed else request.route == "/issues/count"

    def move() -> None:
        synced.space.add_project("NEW", "新規")
        synced.space.move_issue(moving, "NEW")

    once(synced, due, move)
    load(synced)
    assert synced.query("SELECT 1 FROM ops.deletions") == []
    assert synced.stored_issues() == synced.source_issues()
    assert synced.row("issues", moving)["issue_key"] == "NEW-1"
    assert synced.run(mode="incremental").success
    assert synced.query("SELECT 1 FROM ops.deletions") == []
    stored = {row["id"]: (row["content"], row["project_id"]) for row in synced.rows("comments")}
    assert stored == {
        row.id: (row.content, issue.project_id)
        for issue in synced.space.issues.values()
        for row in issue.comments
    }


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "does not say which issue"])
def test_a_deletion_that_no_feed_reports_is_found_by_reading_its_project_again(
    synced: Syncs, refused: bool
) -> None:
    gone = min(synced.space.project("WEB").issues)
    synced.space.delete_issue(gone)
    if refused:
        synced.sim.faults.add(Fault(status=403, path=ACTIVITIES, times=None))
    else:
        spoil(synced, {one.id: {"content": None} for one in synced.space.activities}, ACTIVITIES)
    load(synced, first=NOW)
    assert synced.stored_issues() == synced.source_issues()
    assert synced.deletions("issues") == {(gone, "deleted", REREAD)}


def test_what_the_feed_calls_deleted_but_the_source_still_has_stays(synced: Syncs) -> None:
    kept, gone = sorted(synced.space.project("OPS").issues)[:2]
    synced.space.delete_issue(gone)
    synced.sim.rewrite_response(
        lambda request, body: (
            [{**activity, "content": {**activity["content"], "id": kept}} for activity in body]
            if request.route == ACTIVITIES
            else body
        )
    )
    assert synced.run(mode="incremental", first=NOW).success
    assert synced.stored_issues() == synced.source_issues()
    assert [row["id"] for row in synced.rows("issues", deleted=True)] == [gone]


def test_a_quarantined_issue_is_no_difference(synced: Syncs) -> None:
    created = synced.space.create_issue("OPS").id
    spoil(synced, {created: ESTIMATE_OF_NO_NUMBER})
    synced.run(mode="incremental", first=NOW)
    synced.sim.requests.clear()
    synced.run(mode="incremental", first=NOW)
    assert synced.sim.requests.count(route="/issues/count") == 1
    assert not synced.rows("issues", deleted=True)


def test_an_archived_project_loses_only_issues_whose_deletion_the_feed_tells(synced: Syncs) -> None:
    left, *others = sorted(synced.space.project("WEB").issues)
    for issue in others:
        synced.space.delete_issue(issue)
    synced.space.archive_project("WEB")
    synced.sim.switch(archived_issues_listed=False)
    assert synced.run(mode="incremental", first=NOW).success
    assert {row["id"] for row in synced.rows("issues", deleted=True)} == set(others)
    assert synced.row("issues", left)["deleted_at"] is None


def test_a_deletion_that_is_known_is_not_confirmed_again(synced: Syncs) -> None:
    gone, lost = sorted(synced.space.project("OPS").issues)[:2]
    synced.space.delete_issue(gone)
    assert synced.run(mode="incremental", first=NOW).success
    synced.change(f"DELETE FROM raw.issues WHERE id = {lost}")  # so that the numbers differ
    synced.sim.requests.clear()
    synced.run(mode="incremental", first=NOW)
    assert all(gone not in ids for ids in asked_by_id(synced))
    assert not synced.query(f"SELECT 1 FROM raw.issues WHERE id = {gone} AND deleted_at IS NULL")
