"""The inbox of webhooks and its sensor: what an event requests, what counts only once, and what
makes no sense.
"""

from typing import Any

import pytest

from pipelines.sensors.failing_ticks import LookFailedError
from pipelines.sensors.targeted_sync import AGAIN_AFTER, activity_feed, webhook_inbox
from simulator import Fault
from tests.deployment import Deployment
from tests.pipelines.ticking import Daemon, active, event, outcomes, post, run, some
from tests.syncs import refetch_requests

COMMENTS = "/issues/{issue}/comments"


@pytest.mark.parametrize("kind", [2, "2"])
def test_an_event_asks_for_a_run_that_reads_its_issue(near: Deployment, kind: Any) -> None:
    hooks, [issue] = Daemon(near, webhook_inbox), some(near)
    hooks.tick()
    near.sim.space.edit_issue(issue, summary="notified by a webhook")
    said = {"comment": {"id": str(issue.comments[-1].id)}}
    post(near, event(issue, kind, near.sim.space.activities[-1].id, **said))
    near.sim.requests.clear()
    request, _ = hooks.tick()
    assert near.sim.requests.by_route() == {}
    assert outcomes(near) == ["1 issue to read"]
    run(near, request)
    assert near.row("issues", issue.id)["summary"] == "notified by a webhook"
    assert near.row("comments", issue.comments[-1].id)["issue_id"] == issue.id
    assert near.sim.requests.count(route=COMMENTS) == 1
    assert hooks.tick() == (None, "the inbox is empty")
    assert Daemon(near, activity_feed).tick() == (None, "nothing new"), (
        "the run has read the feed too"
    )


def test_what_the_feed_has_reported_already_is_not_read_again(near: Deployment) -> None:
    hooks, feed, [issue] = Daemon(near, webhook_inbox), Daemon(near, activity_feed), some(near)
    near.sim.space.edit_issue(issue, summary="notified by both")
    run(near, feed.tick()[0])
    post(near, event(issue, number=near.sim.space.activities[-1].id))
    assert hooks.tick() == (None, "1 events, none of issues")
    assert outcomes(near) == ["reported by the activity feed already"]
    assert refetch_requests(near) == {}


def test_an_unknown_issue_in_an_unnamed_project_is_looked_for_and_then_dropped(
    near: Deployment,
) -> None:
    hooks, [issue] = Daemon(near, webhook_inbox), some(near)
    near.sim.space.edit_issue(issue, summary="of no project")
    unnamed = {**event(issue, number=9_100_000_003), "project": None}
    unknown = {"id": 9_100_000_004, "type": 1, "content": {"id": 4_000_000_000, "key_id": 9}}
    post(near, unnamed, unknown)
    run(near, hooks.tick()[0])
    assert near.row("issues", issue.id)["summary"] == "of no project"
    assert refetch_requests(near) == {}


SENSELESS = {
    "no JSON at all": "unreadable: no JSON object",
    "[1, 2]": "unreadable: no JSON object",
    "NaN": "unreadable: no JSON object",
    '{"id": 9100000010, "content": ' + "[" * 900 + "]" * 900 + "}": "unreadable: no JSON object",
    '{"id": 9100000011}': "unreadable: no activity type",
    '{"id": 9100000012, "type": 2, "content": {}}': "unreadable: type 2, but it names no issue",
    (
        '{"id": 9100000013, "type": 2, "content": {"id": "x", "key_id": 1}}'
    ): "unreadable: type 2, but it names no issue",
    '{"id": 9100000014, "type": 5, "content": {"id": 7}}': "ignored: type 5 concerns no issue",
    '{"id": 9100000015, "type": 99, "content": {"id": 7}}': "ignored: unknown type 99",
    '{"id": "\\u0000", "type": {}, "content": "\\ud800"}': "unreadable: no activity type",
}


def test_a_senseless_event_is_acknowledged_as_such_and_holds_up_nothing(near: Deployment) -> None:
    hooks, [issue] = Daemon(near, webhook_inbox), some(near)
    post(near, *SENSELESS)
    assert hooks.tick() == (None, "10 events, none of issues")
    assert outcomes(near) == list(SENSELESS.values())
    assert refetch_requests(near) == {}
    post(near, *["junk"] * 600, event(issue))
    assert hooks.tick()[0]
    junk = ["unreadable: no JSON object"] * 600
    assert outcomes(near)[len(SENSELESS) :] == [*junk, "1 issue to read"]


def test_what_was_drained_and_not_read_is_requested_again_unless_its_project_is_lost(
    near: Deployment,
) -> None:
    hooks, [issue] = Daemon(near, webhook_inbox), some(near)
    post(near, event(issue))
    assert hooks.tick()[0], "and its run fails"
    assert hooks.tick() == (None, "a run was requested for this already")
    hooks.age(AGAIN_AFTER)
    run(near, hooks.tick()[0])
    assert refetch_requests(near) == {}
    assert hooks.tick() == (None, "the inbox is empty")
    near.change(
        f"UPDATE raw.projects SET deleted_reason = 'no access' WHERE id = {issue.project_id}"
    )
    post(near, event(issue, number=9_100_000_002))
    hooks.tick()
    hooks.age(AGAIN_AFTER)
    assert hooks.tick() == (None, "the inbox is empty")
    assert list(refetch_requests(near)) == [issue.id]


def test_whatever_an_event_calls_its_id_it_holds_up_nothing(near: Deployment) -> None:
    hooks, [issue] = Daemon(near, webhook_inbox), some(near)
    odd: list[Any] = ["\0", "\ud800", {"id": 1}, None]
    post(near, *(event(issue, number=number) for number in odd))
    run(near, hooks.tick()[0])
    assert hooks.tick() == (None, "the inbox is empty")
    assert outcomes(near) == ["1 issue to read"] * len(odd)


def test_the_feed_drains_the_inbox_too_and_no_event_waits_for_the_run_of_another(
    near: Deployment,
) -> None:
    hooks, feed, issues = Daemon(near, webhook_inbox), Daemon(near, activity_feed), some(near, 3)
    post(near, event(issues.pop()))
    assert hooks.tick()[0], "and the daemon dies before it starts the run"
    run(near, feed.tick()[0])
    assert refetch_requests(near) == {}
    assert feed.tick() == (None, "nothing new")
    for number, issue in enumerate(issues):
        post(near, event(issue, number=9_100_000_020 + number))
        assert feed.tick()[0]
    assert outcomes(near) == ["1 issue to read"] * 3
    assert feed.tick() == (None, "a run was requested for this already")


def test_what_a_webhook_names_waits_for_no_feed_and_for_no_scheduled_run(near: Deployment) -> None:
    feed, [issue] = Daemon(near, activity_feed), some(near)
    feed.tick()
    near.sim.faults.add(Fault(status=503, path="/space/activities", times=None))
    post(near, event(issue))
    assert feed.tick()[0]
    with pytest.raises(LookFailedError):
        feed.tick()
    near.sim.faults.clear()
    active(near, "issues")
    post(near, event(issue, number=9_100_000_030))
    assert feed.tick()[0]
