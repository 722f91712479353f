"""`raw/activities`: forward by id, backward to the beginning, nothing missed that comes late, and what it tells to read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator import Fault, RequestInfo
from tests.deployment import Deploy, Deployment, Run, failures, metadata

FEED = "/space/activities"


def ids(deployment: Deployment) -> set[int]:
    return {row["id"] for row in deployment.rows("activities")}


def told(deployment: Deployment) -> set[int]:
    return {one.id for one in deployment.sim.space.activities}


def asked(deployment: Deployment) -> int:
    return deployment.sim.requests.count(route=FEED)


def refetch_requests(deployment: Deployment) -> dict[int, tuple[Any, bool]]:
    rows = deployment.query(
        "SELECT issue_id, refetch_comments_from, refetch_issue FROM ops.issue_sync_state "
        "WHERE refetch_issue OR refetch_comments_from IS NOT NULL"
    )
    return {row["issue_id"]: (row["refetch_comments_from"], row["refetch_issue"]) for row in rows}


def load(deployment: Deployment, mode: str = "incremental") -> Run:
    run = deployment.run_activities(mode)
    assert run.success, failures(run)
    return run


@pytest.mark.parametrize("inclusive", [True, False])
def test_the_first_load_reads_back_to_the_beginning(deployment: Deployment, inclusive: bool) -> None:
    deployment.sim.switch(inclusive_ids=inclusive)
    said = metadata(load(deployment), "activities")
    assert ids(deployment) == told(deployment)
    assert said["load/rows_inserted"] == said["dagster/row_count"] == len(told(deployment)) > 200
    assert said["load/feed_complete"] is True
    assert asked(deployment) <= len(told(deployment)) // 99 + 2


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_later_load_reads_only_what_is_new_in_one_request(loaded: Deployment, inclusive: bool) -> None:
    loaded.sim.switch(inclusive_ids=inclusive)
    before = asked(loaded)
    issue = next(iter(loaded.sim.space.issues.values()))
    for text in "abc":
        loaded.sim.space.comment(issue, text)
    said = metadata(load(loaded), "activities")
    assert said["load/rows_inserted"] == 3
    assert ids(loaded) == told(loaded)
    assert asked(loaded) - before == 1


def test_more_news_than_one_page_holds_are_read_page_by_page(loaded: Deployment) -> None:
    issue = next(iter(loaded.sim.space.issues.values()))
    for number in range(250):
        loaded.sim.space.comment(issue, str(number))
    assert metadata(load(loaded), "activities")["load/rows_inserted"] == 250
    assert ids(loaded) == told(loaded)


def test_rows_that_become_visible_late_are_read_by_the_next_load(loaded: Deployment) -> None:
    loaded.sim.switch(late_activity_seconds=300)
    issue = next(iter(loaded.sim.space.issues.values()))
    for number in range(20):
        loaded.sim.space.comment(issue, str(number))
    load(loaded)
    hidden = told(loaded) - ids(loaded)
    assert hidden
    loaded.sim.clock.advance(301)
    for number in range(20):
        loaded.sim.space.comment(issue, str(number))
    load(loaded)
    assert hidden <= ids(loaded)


def test_the_nightly_pass_finds_rows_that_came_later_than_the_overlap(loaded: Deployment) -> None:
    loaded.sim.switch(late_activity_seconds=7200)
    issue = next(iter(loaded.sim.space.issues.values()))
    for number in range(20):
        loaded.sim.space.comment(issue, str(number))
    load(loaded)
    for _ in range(2):
        loaded.sim.clock.advance(3601)
        loaded.sim.space.edit_issue(issue, summary=str(loaded.sim.clock.now()))
        load(loaded)
    loaded.sim.switch(late_activity_seconds=0)
    assert told(loaded) - ids(loaded)
    load(loaded, "refresh")
    assert ids(loaded) == told(loaded)


def test_a_broken_off_first_load_goes_on_where_it_was(deployment: Deployment) -> None:
    pages = -(-len(told(deployment)) // 99)
    deployment.sim.faults.add(Fault(status=400, path=FEED, every=3))
    assert not deployment.run_activities().success
    stored, before = ids(deployment), asked(deployment)
    assert 0 < len(stored) < len(told(deployment))
    load(deployment)
    assert ids(deployment) == told(deployment)
    assert asked(deployment) - before <= pages - 2 + 2


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_broken_off_later_load_reads_no_page_again_that_was_old_enough(loaded: Deployment, inclusive: bool) -> None:
    loaded.sim.switch(inclusive_ids=inclusive)
    issue = next(iter(loaded.sim.space.issues.values()))
    loaded.sim.clock.freeze()
    for number in range(250):
        loaded.sim.space.comment(issue, str(number))
    loaded.sim.clock.advance(1_000)
    stored = ids(loaded)
    loaded.sim.faults.add(Fault(status=400, path=FEED, every=2))
    assert not loaded.run_activities().success
    done = ids(loaded) - stored
    assert len(done) >= 95
    loaded.sim.faults.clear()
    served: list[int] = []

    def note(request: RequestInfo, body: Any) -> Any:
        if request.route == FEED:
            served.extend(row["id"] for row in body)
        return body

    loaded.sim.rewrite_response(note)
    load(loaded)
    assert ids(loaded) == told(loaded)
    assert len(done & set(served)) <= 2


def test_trimmed_rows_stay_and_are_no_gap_while_loads_are_regular(loaded: Deployment) -> None:
    loaded.sim.switch(activity_retention_days=30)
    loaded.sim.clock.freeze(datetime.fromtimestamp(loaded.sim.space.activities[-1].created, UTC) + timedelta(hours=1))
    stored = ids(loaded)
    for _ in range(40):
        loaded.sim.clock.advance(86_400)
        said = metadata(load(loaded), "activities")
    assert ids(loaded) == stored
    assert "load/retention_gap" not in said
    loaded.sim.space.comment(next(iter(loaded.sim.space.issues.values())), "after a quiet month")
    loaded.sim.clock.advance(60)
    assert "load/retention_gap" not in metadata(load(loaded), "activities")
    assert ids(loaded) == told(loaded)


def test_a_gap_is_reported_and_every_issue_is_asked_for_its_comments(loaded: Deployment) -> None:
    space = loaded.sim.space
    load(loaded)
    loaded.sim.switch(activity_retention_days=2)
    issue = next(iter(space.issues.values()))
    space.comment(issue, "told only by a row that is trimmed before anybody reads it")
    loaded.sim.clock.advance(30 * 86_400)
    space.comment(issue, "seen")
    run = load(loaded)
    [gap] = metadata(run, "activities")["load/retention_gap"]
    assert gap["since"] < gap["until"]
    assert any("kept none" in line for line in loaded.log(run, "WARNING"))
    unread = loaded.query("SELECT count(*) AS n FROM ops.issue_sync_state WHERE refetch_comments_from IS NOT NULL")[0]["n"]
    assert unread == len(loaded.rows("issues"))
    assert "load/retention_gap" in metadata(load(loaded), "activities"), "a gap is not forgotten"


def test_a_project_that_is_joined_later_is_read_by_its_own_feed(loaded: Deployment) -> None:
    space = loaded.sim.space
    user = next(user.id for user in space.users.values() if user.role == 2)
    theirs = [project for project in space.projects.values() if space.is_member(project, user)]
    for project in theirs[1:]:
        space.remove_member(project.id, user)
    deployment = loaded.as_user(user)
    deployment.change("DELETE FROM raw.activities; DELETE FROM ops.sync_state WHERE scope = 'activities'")
    load(deployment)
    joined = {project.id for project in space.projects.values() if space.is_member(project, user)}
    assert ids(deployment) == {one.id for one in space.activities if one.project_id in joined}
    new = next(project for project in space.projects.values() if project.id not in joined)
    space.add_member(new.id, user)
    load(deployment)
    assert ids(deployment) == {one.id for one in space.activities if one.project_id in {*joined, new.id}}


def test_a_team_without_the_user_of_the_key_that_joins_a_project_lets_nothing_be_read_again(loaded: Deployment) -> None:
    space = loaded.sim.space
    others = [user for user in space.users if user != space.administrator.id]
    team = space.add_team("others", others[:3])
    assert loaded.run("projects", only=["teams"]).success
    assert loaded.run_issues(mode="incremental").success
    loaded.sim.requests.clear()
    assert loaded.run_issues(mode="incremental").success
    quiet = loaded.sim.requests.by_route()
    loaded.sim.requests.clear()
    space.add_project_team("OPS", team.id)
    assert loaded.run_issues(mode="incremental").success
    assert loaded.sim.requests.by_route() == quiet | {"/users/myself": 1}
    assert ids(loaded) == told(loaded)


@pytest.mark.parametrize("teams", ["with the user", "unknown", "not said", "deleted", "two, one with the user"])
def test_a_project_that_a_team_joins_which_may_hold_the_user_of_the_key_is_read_whole(loaded: Deployment, teams: str) -> None:
    space = loaded.sim.space
    owner, other = space.administrator.id, next(user for user in space.users if user != space.administrator.id)
    ours, theirs = space.add_team("ours", [owner]), space.add_team("theirs", [other])
    if teams != "unknown":
        assert loaded.run("projects", only=["teams"]).success
    if teams == "deleted":
        loaded.change(f"UPDATE raw.teams SET deleted_at = now() WHERE id = {theirs.id}")
    joined = {"with the user": [ours.id], "two, one with the user": [theirs.id, ours.id]}.get(teams, [theirs.id])
    space.add_project_team("OPS", theirs.id)
    parties: Any = {"not said": None}.get(teams, [{"id": team, "name": "team"} for team in joined])

    def tell(request: RequestInfo, body: Any) -> Any:
        return (
            [row | {"content": {"parties": parties}} if row["type"] == 25 else row for row in body]
            if request.route == FEED
            else body
        )

    loaded.sim.rewrite_response(tell)
    load(loaded)
    unread = loaded.query("SELECT project_id FROM ops.sync_state WHERE scope = 'issues' AND watermark IS NULL")
    assert [row["project_id"] for row in unread] == [space.project("OPS").id]


def test_what_an_activity_tells_is_wanted_in_the_same_transaction(loaded: Deployment) -> None:
    space = loaded.sim.space
    one, two, three, *_ = space.issues.values()
    said = space.comment(one, "hello")
    space.link_file(two)
    space.delete_issue(three)
    load(loaded)
    found = refetch_requests(loaded)
    assert found[one.id] == (said.id, False)
    assert found[two.id][1] is True
    assert found[three.id][1] is True
    assert set(found) == {one.id, two.id, three.id}


def test_a_comment_that_is_known_already_is_not_wanted_again(loaded: Deployment) -> None:
    issue = next(iter(loaded.sim.space.issues.values()))
    said = loaded.sim.space.comment(issue, "hello")
    loaded.change(f"UPDATE ops.issue_sync_state SET last_comment_id = {said.id} WHERE issue_id = {issue.id}")
    load(loaded)
    assert refetch_requests(loaded) == {}
    loaded.sim.space.notify(said, [next(iter(loaded.sim.space.users))])
    load(loaded)
    assert refetch_requests(loaded) == {issue.id: (said.id, False)}


def test_a_feed_that_is_refused_does_not_keep_the_other_tables_from_loading(deployment: Deployment) -> None:
    deployment.sim.faults.add(Fault(status=403, path=FEED, times=1))
    run = load(deployment)
    assert "403" in str(metadata(run, "activities")["refused"]) or metadata(run, "activities")["refused"]
    assert any("nightly pass" in line for line in deployment.log(run, "WARNING"))


def test_an_empty_space_has_an_empty_feed(deploy: Deploy) -> None:
    deployment = deploy()
    deployment.sim.space.activities.clear()
    for project in deployment.sim.space.projects.values():
        project.activities.clear()
    deployment.discover()
    load(deployment)
    assert ids(deployment) == set()
    issue = next(iter(deployment.sim.space.issues.values()))
    deployment.sim.space.comment(issue, "first")
    load(deployment)
    assert ids(deployment) == told(deployment) != set()
