"""`raw/activities`: forward by id, backward to the beginning, nothing missed that comes late, and
what it tells to read.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator import Fault, RequestInfo
from simulator.model import Issue
from tests.syncs import (
    FEED,
    Syncs,
    activities_at_source,
    load,
    load_feed,
    refetch_requests,
)


def asked(syncs: Syncs) -> int:
    return syncs.sim.requests.count(route=FEED)


def say(syncs: Syncs, count: int) -> Issue:
    """Write so many comments on the first issue, and return it."""
    issue = next(iter(syncs.sim.space.issues.values()))
    for number in range(count):
        syncs.sim.space.comment(issue, str(number))
    return issue


def all_read(syncs: Syncs) -> bool:
    return syncs.ids("activities") == activities_at_source(syncs)


@pytest.mark.parametrize("inclusive", [True, False])
def test_the_first_load_reads_back_to_the_beginning_and_a_later_one_only_what_is_new(
    syncs: Syncs, inclusive: bool
) -> None:
    syncs.sim.switch(inclusive_ids=inclusive)
    done = load_feed(syncs)
    assert all_read(syncs)
    assert done.tables["activities"].inserted == len(activities_at_source(syncs)) > 200
    assert done.notes["load/feed_complete"] is True
    assert asked(syncs) <= len(activities_at_source(syncs)) // 99 + 2
    before = asked(syncs)
    say(syncs, 3)
    assert load_feed(syncs).tables["activities"].inserted == 3
    assert all_read(syncs)
    assert asked(syncs) - before == 1


def test_rows_that_become_visible_late_are_read_by_the_next_load(synced: Syncs) -> None:
    synced.sim.switch(late_activity_seconds=300)
    say(synced, 20)
    load_feed(synced)
    hidden = activities_at_source(synced) - synced.ids("activities")
    assert hidden
    synced.sim.clock.advance(301)
    say(synced, 20)
    load_feed(synced)
    assert hidden <= synced.ids("activities")


def test_the_nightly_pass_finds_rows_that_came_later_than_the_overlap(synced: Syncs) -> None:
    synced.sim.switch(late_activity_seconds=7200)
    issue = say(synced, 20)
    load_feed(synced)
    for _ in range(2):
        synced.sim.clock.advance(3601)
        synced.sim.space.edit_issue(issue, summary=str(synced.sim.clock.now()))
        load_feed(synced)
    synced.sim.switch(late_activity_seconds=0)
    assert not all_read(synced)
    load_feed(synced, "refresh")
    assert all_read(synced)


def test_a_broken_off_first_load_goes_on_where_it_was(syncs: Syncs) -> None:
    pages = -(-len(activities_at_source(syncs)) // 99)
    syncs.sim.faults.add(Fault(status=400, path=FEED, every=3))
    assert not syncs.activities().success
    before = asked(syncs)
    assert set() < syncs.ids("activities") < activities_at_source(syncs)
    load_feed(syncs)
    assert all_read(syncs)
    assert asked(syncs) - before <= pages - 2 + 2


@pytest.mark.parametrize("inclusive", [True, False])
def test_a_broken_off_later_load_reads_no_page_again_that_was_old_enough(
    synced: Syncs, inclusive: bool
) -> None:
    synced.sim.switch(inclusive_ids=inclusive)
    synced.sim.clock.freeze()
    say(synced, 250)
    synced.sim.clock.advance(1_000)
    stored = synced.ids("activities")
    synced.sim.faults.add(Fault(status=400, path=FEED, every=2))
    assert not synced.activities().success
    done = synced.ids("activities") - stored
    assert len(done) >= 95
    synced.sim.faults.clear()
    served: list[int] = []

    def note(request: RequestInfo, body: Any) -> Any:
        served.extend(row["id"] for row in body if request.route == FEED)
        return body

    synced.sim.rewrite_response(note)
    load_feed(synced)
    assert all_read(synced)
    assert len(done & set(served)) <= 2


def test_trimmed_rows_stay_and_are_no_gap_while_loads_are_regular(synced: Syncs) -> None:
    synced.sim.switch(activity_retention_days=30)
    synced.sim.clock.freeze(
        datetime.fromtimestamp(synced.sim.space.activities[-1].created, UTC) + timedelta(hours=1)
    )
    stored = synced.ids("activities")
    for _ in range(40):
        synced.sim.clock.advance(86_400)
        notes = load_feed(synced).notes
    assert synced.ids("activities") == stored
    say(synced, 1)  # after a quiet month
    synced.sim.clock.advance(60)
    for noted in (notes, load_feed(synced).notes):
        assert "load/retention_gap" not in noted
    assert all_read(synced)


def test_a_gap_is_reported_and_every_issue_is_asked_for_its_comments(synced: Syncs) -> None:
    load_feed(synced)
    synced.sim.switch(activity_retention_days=2)
    say(synced, 1)  # reported only by a row that is trimmed before anybody reads it
    synced.sim.clock.advance(30 * 86_400)
    say(synced, 1)
    run = load_feed(synced)
    [gap] = run.notes["load/retention_gap"]
    assert gap["since"] < gap["until"]
    assert any("kept none" in line for line in run.log("WARNING"))
    unread = [from_id for from_id, _ in refetch_requests(synced).values() if from_id is not None]
    assert len(unread) == len(synced.rows("issues"))
    assert "load/retention_gap" in load_feed(synced).notes, "a gap is not forgotten"


def test_a_project_that_is_joined_later_is_read_by_its_own_feed(synced: Syncs) -> None:
    space = synced.sim.space
    user = next(user.id for user in space.users.values() if user.role == 2)

    def joined() -> set[int]:
        return {one.id for one in space.projects.values() if space.is_member(one, user)}

    for project in sorted(joined())[1:]:
        space.remove_member(project, user)
    syncs = synced.as_user(user)
    syncs.change(
        "DELETE FROM raw.activities; DELETE FROM ops.sync_state WHERE scope = 'activities'"
    )
    new = next(project for project in space.projects if project not in joined())
    for joins in (False, True):
        if joins:
            space.add_member(new, user)
        load_feed(syncs)
        assert syncs.ids("activities") == {
            one.id for one in space.activities if one.project_id in joined()
        }


def test_a_team_without_our_user_that_joins_a_project_reads_nothing_again(synced: Syncs) -> None:
    space = synced.sim.space
    others = [user for user in space.users if user != space.administrator.id]
    team = space.add_team("others", others[:3])
    assert synced.listing("teams").success
    load(synced)
    routes = []
    for joins in (False, True):
        if joins:
            space.add_project_team("OPS", team.id)
        synced.sim.requests.clear()
        load(synced)
        routes.append(synced.sim.requests.by_route())
    assert routes[1] == routes[0] | {"/users/myself": 1}
    assert all_read(synced)


@pytest.mark.parametrize(
    "teams", ["with the user", "unknown", "not said", "deleted", "two, one with the user"]
)
def test_a_project_joined_by_a_team_that_may_hold_our_user_is_read_whole(
    synced: Syncs, teams: str
) -> None:
    space = synced.sim.space
    owner, other = (
        space.administrator.id,
        next(user for user in space.users if user != space.administrator.id),
    )
    ours, theirs = space.add_team("ours", [owner]), space.add_team("theirs", [other])
    if teams != "unknown":
        assert synced.listing("teams").success
    if teams == "deleted":
        synced.change(f"UPDATE raw.teams SET deleted_at = now() WHERE id = {theirs.id}")
    joined = {"with the user": [ours.id], "two, one with the user": [theirs.id, ours.id]}.get(
        teams, [theirs.id]
    )
    space.add_project_team("OPS", theirs.id)
    parties: Any = {"not said": None}.get(teams, [{"id": team, "name": "team"} for team in joined])

    def tell(request: RequestInfo, body: Any) -> Any:
        return (
            [row | {"content": {"parties": parties}} if row["type"] == 25 else row for row in body]
            if request.route == FEED
            else body
        )

    synced.sim.rewrite_response(tell)
    load_feed(synced)
    unread = synced.query(
        "SELECT project_id FROM ops.sync_state WHERE scope = 'issues' AND watermark IS NULL"
    )
    assert [row["project_id"] for row in unread] == [space.project("OPS").id]


def test_what_an_activity_reports_is_requested_in_the_same_transaction(synced: Syncs) -> None:
    space = synced.sim.space
    one, two, three, *_ = space.issues.values()
    said = space.comment(one, "hello")
    space.link_file(two)
    space.delete_issue(three)
    load_feed(synced)
    found = refetch_requests(synced)
    assert found.keys() == {one.id, two.id, three.id}
    assert found[one.id] == (said.id, False)
    assert found[two.id][1] is found[three.id][1] is True


def test_a_comment_that_is_known_already_is_not_wanted_again(synced: Syncs) -> None:
    issue = say(synced, 1)
    said = issue.comments[-1]
    synced.change(
        f"UPDATE ops.issue_sync_state SET last_comment_id = {said.id} WHERE issue_id = {issue.id}"
    )
    load_feed(synced)
    assert refetch_requests(synced) == {}
    synced.sim.space.notify(said, [next(iter(synced.sim.space.users))])
    load_feed(synced)
    assert refetch_requests(synced) == {issue.id: (said.id, False)}


def test_a_first_load_whose_older_feed_breaks_off_has_all_issues_and_goes_on(syncs: Syncs) -> None:
    syncs.sim.faults.add(Fault(status=400, path=FEED, every=3))
    broken_off = syncs.run(mode="incremental")
    assert not broken_off.success
    issues = len(syncs.sim.space.issues)
    assert broken_off.counts("issues") == {"read": issues, "inserted": issues}
    syncs.sim.faults.clear()
    assert load(syncs).notes["load/feed_complete"] is True
    assert all_read(syncs)
