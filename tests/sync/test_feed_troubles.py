"""`raw/activities` when rows are bad, feeds are refused or empty, and what is told of issues that were read before the feed was."""

from collections.abc import Callable
from typing import Any

import pytest

from simulator import Fault
from simulator.requests import RequestInfo
from tests.deployment import Deployment, Run, counts, failures, metadata

FEED = "/space/activities"


def load(deployment: Deployment, mode: str = "incremental") -> Run:
    run = deployment.run_activities(mode)
    assert run.success, failures(run)
    return run


def ids(deployment: Deployment) -> set[int]:
    return {row["id"] for row in deployment.rows("activities")}


def told(deployment: Deployment) -> set[int]:
    return {one.id for one in deployment.sim.space.activities}


def refetch_requests(deployment: Deployment) -> dict[int, tuple[Any, bool]]:
    rows = deployment.query(
        "SELECT issue_id, refetch_comments_from, refetch_issue FROM ops.issue_sync_state "
        "WHERE refetch_issue OR refetch_comments_from IS NOT NULL"
    )
    return {row["issue_id"]: (row["refetch_comments_from"], row["refetch_issue"]) for row in rows}


def spoil(deployment: Deployment, bad: set[int]) -> Callable[[], None]:
    """Let the feed tell a time that nobody can read for some activities; return how to end that."""

    def rewritten(request: RequestInfo, body: Any) -> Any:
        if request.route.endswith("/activities"):
            return [row | {"created": "yesterday"} if row["id"] in bad else row for row in body]
        return body

    deployment.sim.rewrite_response(rewritten)
    return bad.clear


def quarantined(deployment: Deployment) -> list[tuple[int, bool]]:
    rows = deployment.query("SELECT * FROM ops.rejected_records WHERE table_name = 'activities' ORDER BY id")
    return [(int(row["record_key"]), row["resolved_at"] is None) for row in rows]


@pytest.mark.parametrize("mode", ["incremental", "targeted", "refresh"])
def test_a_bad_activity_goes_into_quarantine_and_tells_what_it_has_to_tell_when_it_can_be_read(
    loaded: Deployment, mode: str
) -> None:
    issue = next(iter(loaded.sim.space.issues.values()))
    said = loaded.sim.space.comment(issue, "told by a bad activity")
    bad = loaded.sim.space.activities[-1].id
    heal = spoil(loaded, {bad})
    load(loaded)
    # Farther back than any overlap reaches, and behind a page of others.
    loaded.sim.clock.advance(5 * 86_400)
    for number in range(120):
        loaded.sim.space.create_issue("OPS", summary=str(number))
    load(loaded, mode)
    assert ids(loaded) == told(loaded) - {bad}
    assert quarantined(loaded) == [(bad, True)]
    assert issue.id not in refetch_requests(loaded)
    heal()
    load(loaded, mode)
    assert ids(loaded) == told(loaded)
    assert quarantined(loaded) == [(bad, False)]
    assert refetch_requests(loaded)[issue.id] == (said.id, False)


def test_a_bad_activity_that_is_trimmed_is_settled(loaded: Deployment) -> None:
    loaded.sim.space.comment(next(iter(loaded.sim.space.issues.values())), "told by a bad activity")
    bad = loaded.sim.space.activities[-1].id
    spoil(loaded, {bad})
    load(loaded)
    loaded.sim.switch(activity_retention_days=1)
    loaded.sim.clock.advance(3 * 86_400)
    load(loaded)
    assert quarantined(loaded) == [(bad, False)]


def test_many_bad_activities_cost_a_load_a_few_requests_and_the_nightly_pass_tries_all(loaded: Deployment) -> None:
    issue = next(iter(loaded.sim.space.issues.values()))
    for number in range(450):
        loaded.sim.space.comment(issue, str(number))
    bad = {one.id for one in loaded.sim.space.activities[-450:]}
    heal = spoil(loaded, set(bad))
    load(loaded)
    loaded.sim.space.create_issue("OPS")
    load(loaded)
    loaded.sim.clock.advance(5 * 86_400)
    load(loaded)
    heal()
    loaded.sim.requests.clear()
    assert counts(metadata(load(loaded), "activities"))["inserted"] in range(290, 301)
    assert loaded.sim.requests.count(route=FEED) <= 4
    load(loaded, "refresh")
    assert ids(loaded) == told(loaded)
    assert not any(waiting for _, waiting in quarantined(loaded))


def test_a_project_whose_feed_is_refused_keeps_nothing_from_loading(loaded: Deployment) -> None:
    space = loaded.sim.space
    new = space.add_project("NEW", "新規")
    made = space.create_issue("NEW")
    space.activities = [one for one in space.activities if one.project_id != new.id]
    loaded.sim.faults.add(Fault(status=403, path="/projects/NEW/activities", times=1))
    loaded.discover()
    run = loaded.run_issues(mode="incremental")
    assert run.success, failures(run)
    assert made.id in loaded.stored_issues()
    assert any("403" in line for line in loaded.log(run, "WARNING"))
    assert {one.id for one in new.activities} - ids(loaded)
    load(loaded)
    assert {one.id for one in new.activities} <= ids(loaded)


def test_the_feed_of_a_project_that_was_never_loaded_tells_nothing_to_read(loaded: Deployment) -> None:
    space = loaded.sim.space
    user = next(user.id for user in space.users.values() if user.role == 2 and not space.is_member(space.project("APP"), user.id))
    deployment = loaded.as_user(user)
    load(deployment)
    loaded.change("DELETE FROM ops.sync_state WHERE scope = 'issues'; DELETE FROM ops.issue_sync_state")
    space.add_member("APP", user)
    load(deployment)
    assert {one.id for one in space.project("APP").activities} <= ids(deployment)
    assert refetch_requests(deployment) == {}


def test_the_first_comment_of_a_space_without_activities_is_told(loaded: Deployment) -> None:
    space = loaded.sim.space
    loaded.change("DELETE FROM raw.activities; DELETE FROM ops.sync_state WHERE scope = 'activities'")
    space.activities.clear()
    said = metadata(load(loaded), "activities")
    assert (said["load/feed_complete"], said["dagster/row_count"]) == (True, 0)
    issue = next(iter(space.issues.values()))
    comment = space.comment(issue, "first")
    load(loaded)
    assert ids(loaded) == told(loaded)
    assert refetch_requests(loaded) == {issue.id: (comment.id, False)}


def test_a_feed_that_is_granted_later_tells_the_comments_that_nothing_else_has_told(loaded: Deployment) -> None:
    space = loaded.sim.space
    loaded.change("DELETE FROM raw.activities; DELETE FROM ops.sync_state WHERE scope = 'activities'")
    loaded.sim.faults.add(Fault(status=403, path=FEED, times=1))
    old, new = list(space.issues.values())[:2]
    first = space.comment(old, "behind more than a page")
    assert loaded.run_issues(mode="incremental").success
    for number in range(110):
        space.create_issue("WEB", summary=str(number))
    second = space.comment(new, "on the newest page")
    load(loaded)
    found = refetch_requests(loaded)
    assert (found[old.id], found[new.id]) == ((first.id, False), (second.id, False))
    assert not any(row for _, row in found.values()), "issues are read for the time of their change"
    # And one whose comment was deleted long ago: nobody can tell it from one that was not read.
    assert len(found) == 3
