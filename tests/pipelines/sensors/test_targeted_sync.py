"""The sensor of the activity feed: what a tick costs, what it requests, and what the requested run
reads.
"""

import time
from datetime import timedelta

import dagster as dg
import pytest

from assets.partitions import month_keys
from pipelines.jobs import issues_config
from pipelines.sensors.failing_ticks import LookFailedError
from pipelines.sensors.targeted_sync import AGAIN_AFTER, ISSUES_TAG, activity_feed, webhook_inbox
from resources.backlog.backlog_resource import BacklogResource
from resources.backlog.errors import Unavailable
from resources.dagster_tags import RANGE_END_TAG, RANGE_START_TAG
from simulator import Fault
from tests.deployment import Deployment
from tests.pipelines.ticking import Daemon, active, event, outcomes, post, run, some

FEED = "/space/activities"

REQUEST = (
    "UPDATE ops.issue_sync_state SET refetch_issue = true, refetch_requests = "
    "refetch_requests + 1 WHERE issue_id = {}"
)


def test_an_idle_tick_costs_one_request_and_none_of_the_inbox(near: Deployment) -> None:
    feed, hooks = Daemon(near, activity_feed), Daemon(near, webhook_inbox)
    assert feed.tick() == (None, "nothing new")
    assert hooks.tick() == (None, "the inbox is empty")
    near.sim.requests.clear()
    for _ in range(3):
        assert feed.tick() == (None, "nothing new")
        assert hooks.tick() == (None, "the inbox is empty")
    assert near.sim.requests.by_route() == {FEED: 3}


def test_news_ask_for_one_run_that_reads_just_those_issues_in_few_requests(
    near: Deployment,
) -> None:
    space, feed = near.sim.space, Daemon(near, activity_feed)
    feed.tick()
    one, two = (next(iter(space.project(key).issues.values())) for key in ("WEB", "APP"))
    three = next(
        issue for issue in space.project("OPS").issues.values() if space.children.get(issue.id)
    )
    children = set(space.children[three.id])
    keys = [space.issue_key(issue) for issue in (one, two, three)]
    space.edit_issue(one, summary="changed")
    said = space.comment(two, "said")
    space.delete_issue(three)
    near.sim.requests.clear()
    request, _ = feed.tick()
    assert near.sim.requests.by_route() == {FEED: 1}
    assert request is not None
    assert request.run_config == issues_config("targeted", space.activities[-3].id)
    assert (
        request.tags.items()
        >= {
            ISSUES_TAG: ", ".join(keys),
            RANGE_START_TAG: f"OPS|{month_keys()[-1]}",
            RANGE_END_TAG: f"APP|{month_keys()[-1]}",
        }.items()
    )
    near.sim.requests.clear()
    run(near, request)
    assert near.row("issues", one.id)["summary"] == "changed"
    assert near.row("comments", said.id)["content"] == "said"
    assert near.row("issues", three.id)["deleted_at"] is not None
    # Besides the comments: what any run asks first, a page of issues, whether the project of the
    # absent one is accessible, and a page of its children.
    assert near.sim.requests.by_route() == {
        "/issues/{issue}/comments": 2, "/space": 1, "/projects": 2, FEED: 1, "/issues": 2
    }  # fmt: skip
    assert {near.row("issues", child)["parent_issue_id"] for child in children} == {None}
    assert feed.tick() == (None, "nothing new")


def test_news_of_other_things_ask_for_no_run_and_none_for_a_key_of_no_project(
    near: Deployment,
) -> None:
    feed, [issue] = Daemon(near, activity_feed), some(near)
    near.sim.space.add_version("OPS", "Q4")
    assert feed.tick() == (None, "1 new activities, none of issues")
    near.instance.add_dynamic_partitions("backlog_projects", ["TYPO"])
    near.sim.space.edit_issue(issue, summary="changed")
    request, _ = feed.tick()
    assert request is not None
    assert request.tags[RANGE_END_TAG] == f"APP|{month_keys()[-1]}"


def test_the_same_news_ask_once_and_again_after_a_while_when_the_run_has_failed(
    near: Deployment,
) -> None:
    feed, [issue] = Daemon(near, activity_feed), some(near)
    near.sim.space.comment(issue, "one")
    asked = (None, "a run was requested for this already")
    assert feed.tick()[0]
    assert feed.tick() == asked
    feed.age(AGAIN_AFTER - timedelta(seconds=5))
    assert feed.tick() == asked
    feed.age(timedelta(seconds=10))
    assert feed.tick()[0]
    assert feed.tick() == asked
    feed.age(-timedelta(hours=1))
    assert feed.tick()[0], "the clock was ahead"
    assert feed.tick() == asked
    near.sim.space.comment(issue, "two")
    assert feed.tick()[0], "newer news do not wait"


@pytest.mark.parametrize("sensor", [activity_feed, webhook_inbox], ids=lambda sensor: sensor.name)
def test_a_tick_during_such_a_run_requests_nothing_and_consumes_nothing(
    near: Deployment, sensor: dg.SensorDefinition
) -> None:
    daemon, [issue] = Daemon(near, sensor), some(near)
    near.sim.space.comment(issue, "one")
    post(near, event(issue))
    working = active(near, "targeted_sync")
    assert daemon.tick() == (None, f"run {working} of the same kind has not ended")
    assert near.sim.requests.by_route() == {}
    assert outcomes(near) == [None]
    near.instance.report_run_failed(near.instance.get_run_by_id(working))  # type: ignore[arg-type]
    assert daemon.tick()[0]


def test_scheduled_loads_keep_no_news_waiting_but_keep_what_they_work_at(near: Deployment) -> None:
    feed, [one, two] = Daemon(near, activity_feed), some(near, 2)
    active(near, "users")
    active(near, "projects")
    busy = active(near, "issues")
    near.change(REQUEST.format(one.id))
    assert feed.tick() == (None, f"issues wait for run {busy}, which has not ended")
    near.sim.space.comment(two, "news")
    assert feed.tick()[0]


def test_what_an_earlier_run_has_left_is_asked_for_again(near: Deployment) -> None:
    feed, [issue] = Daemon(near, activity_feed), some(near)
    near.sim.space.star(issue)
    near.change(REQUEST.format(issue.id))
    request, _ = feed.tick()
    assert request is not None
    assert ISSUES_TAG not in request.tags
    run(near, request)
    assert near.row("issues", issue.id)["payload"]["stars"]
    assert feed.tick() == (None, "nothing new")


def test_the_tag_names_only_the_first_of_many_activities(near: Deployment) -> None:
    feed = Daemon(near, activity_feed)
    for issue in some(near, 25):
        near.sim.space.comment(issue, "busy")
    request, _ = feed.tick()
    assert request is not None
    shown = request.tags[ISSUES_TAG]
    assert shown.endswith(" and 22 more"), "one line in the list of runs"
    assert len(shown.split(", ")) == 3


def test_the_tag_names_an_issue_by_id_where_the_key_of_its_project_cannot_be_stored(
    near: Deployment,
) -> None:
    feed, [issue] = Daemon(near, activity_feed), some(near)
    near.sim.space.comment(issue, "told")
    near.sim.rewrite_response(
        lambda request, body: (
            [row | {"project": row["project"] | {"projectKey": "W\0B"}} for row in body]
            if request.route == FEED
            else body
        )
    )
    request, _ = feed.tick()
    assert request is not None
    assert request.tags[ISSUES_TAG] == str(issue.id)


def test_an_odd_activity_is_no_news_before_it_is_in_quarantine_and_after(near: Deployment) -> None:
    feed, [issue] = Daemon(near, activity_feed), some(near)
    feed.tick()
    near.sim.space.comment(issue, "reported by a bad activity")
    bad = near.sim.space.activities[-1].id
    near.sim.rewrite_response(
        lambda request, body: (
            [row | {"created": "?"} if row["id"] == bad else row for row in body]
            if request.route == FEED
            else body
        )
    )
    assert feed.tick() == (None, "nothing new")
    assert near.run_activities().success
    assert near.query(
        "SELECT record_key FROM ops.rejected_records WHERE record_key = "
        f"'{bad}' AND resolved_at IS NULL"
    )
    assert feed.tick() == (None, "nothing new")


@pytest.mark.parametrize("status", [500, 403])
def test_a_tick_that_cannot_read_fails_and_the_next_has_the_same_cursor(
    near: Deployment, status: int
) -> None:
    feed = Daemon(near, activity_feed)
    feed.tick()
    before = feed.cursor
    near.sim.faults.add(Fault(status=status, path=FEED, times=None))
    with pytest.raises(LookFailedError, match=f"GET /space/activities: {status}"):
        feed.tick()
    near.sim.faults.clear()
    assert feed.tick() == (None, "nothing new")
    assert feed.cursor == before


@pytest.mark.full
def test_an_unavailable_source_holds_a_tick_for_less_than_a_minute(near: Deployment) -> None:
    near.sim.faults.add(Fault(status=503, times=None))
    backlog = BacklogResource(url=near.sim.url, api_key=near.api_key)
    backlog.use_short_timeouts()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        next(backlog.client.activities())
    backlog.close()
    assert time.monotonic() - began < 30


def test_before_the_first_load_nothing_is_asked_for(near: Deployment) -> None:
    near.change("DELETE FROM ops.sync_state WHERE scope = 'activities'")
    assert Daemon(near, activity_feed).tick() == (
        None,
        "the feed was not loaded yet: the first load does that",
    )
    for key in near.partitions:
        near.instance.delete_dynamic_partition("backlog_projects", key)
    for sensor in (activity_feed, webhook_inbox):
        assert Daemon(near, sensor).tick() == (
            None,
            "no project is known yet: the sensor project_discovery adds them",
        )
