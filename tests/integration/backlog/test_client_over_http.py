"""The client against a simulated space over real HTTP."""

import logging
from datetime import UTC, datetime

import pytest

from resources.backlog.auth import ApiKeyQuery, BearerToken
from resources.backlog.client import BacklogClient
from resources.backlog.client_values import IssueFilter
from resources.backlog.errors import (
    AuthenticationError,
    MalformedResponse,
    NotFound,
    PermissionDenied,
    Unavailable,
)
from resources.backlog.scan import scan_window
from resources.backlog.window import Window
from simulator import PLANS, Fault, Limits, Simulator
from tests.integration.backlog.conftest import Connect


def all_ids(client: BacklogClient) -> list[int]:
    window = Window(tuple(project["id"] for project in client.visible_projects()))
    return sorted(row["id"] for batch in scan_window(client, window) for row in batch)


def test_every_list_that_the_tables_need_is_read(sim: Simulator, connect: Connect) -> None:
    client = connect(sim)
    projects = client.projects(all_=True)
    project = projects[0]["projectKey"]
    assert client.space()["spaceKey"] == "acme"
    assert client.myself()["roleType"] == 1
    assert len(client.users()) == len(sim.space.users)
    assert {row["projectKey"] for row in projects} == {
        one.key for one in sim.space.projects.values()
    }
    assert client.project(project)["id"] == projects[0]["id"]
    assert all(
        rows
        for rows in (
            client.project_users(project),
            client.statuses(project),
            client.issue_types(project),
        )
    )
    assert all(
        rows
        for rows in (
            client.categories(project),
            client.versions(project),
            client.custom_fields(project),
        )
    )
    assert 0 in {row["id"] for row in client.resolutions()}
    assert len(client.priorities()) == 3
    assert isinstance(client.project_teams(project), list)
    assert {team["id"] for page in client.teams() for team in page} == set(sim.space.teams)
    assert set(client.rate_limit()) == {"read", "update", "search", "icon"}
    issue = client.issue_page(IssueFilter(project_id=(projects[0]["id"],)), count=1)[0]
    assert client.issue(issue["id"]) == client.issue(issue["issueKey"]) == issue


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_activities_and_comments_come_once_each_whatever_the_bounds_mean(
    sim: Simulator, connect: Connect, inclusive: bool, order: str
) -> None:
    sim.switch(inclusive_ids=inclusive)
    client = connect(sim)
    found = [activity["id"] for page in client.activities(order=order) for activity in page]
    assert len(found) > 300
    assert found == sorted(set(found), reverse=order == "desc")
    later = [
        activity["id"]
        for page in client.activities(order=order, min_id=sorted(found)[150])
        for activity in page
    ]
    assert sorted(later) == sorted(found)[151:]
    issue = next(iter(sim.space.issues))
    for number in range(201):
        sim.space.comment(issue, f"comment {number}")
    comments = [comment["id"] for page in client.comments(issue, order=order) for comment in page]
    assert len(set(comments)) == len(comments) == len(sim.space.issues[issue].comments)


def test_the_key_works_and_a_wrong_key_or_token_is_an_error(
    sim: Simulator, connect: Connect
) -> None:
    assert connect(sim, ApiKeyQuery(sim.api_key)).myself()["roleType"] == 1
    for wrong in (ApiKeyQuery("wrong-key"), BearerToken("wrong-token")):
        with pytest.raises(AuthenticationError, match="check BACKLOG_API_KEY"):
            connect(sim, wrong).myself()


def test_what_an_ordinary_user_may_not_see_is_an_error_and_not_an_empty_list(
    sim: Simulator, connect: Connect
) -> None:
    user = next(user.id for user in sim.space.users.values() if user.role == 2)
    client = connect(sim, ApiKeyQuery(sim.key_for(user)))
    with pytest.raises(PermissionDenied, match="administrator"):
        client.users()
    with pytest.raises(NotFound):
        client.issue(999_999_999)


def test_the_key_is_in_no_log_at_debug_level(
    sim: Simulator, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = connect(sim)
    sim.faults.add(Fault(status=500), Fault(kind="close"))
    assert all_ids(client) == sorted(sim.space.issues)
    assert {"httpx", "httpcore.http11"} <= {record.name for record in caplog.records}
    assert sim.api_key not in caplog.text


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, reset_in=20),
        Fault(status=500),
        Fault(status=503),
        Fault(kind="html", status=503),
        Fault(kind="close"),
        Fault(kind="cut"),
        Fault(kind="truncate"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.status}",
)
def test_a_load_survives_every_third_request_going_wrong(
    sim: Simulator, connect: Connect, fault: Fault
) -> None:
    client = connect(sim)
    client.visible_projects()
    sim.faults.add(Fault(fault.kind, fault.status, times=None, every=3, reset_in=fault.reset_in))
    assert all_ids(client) == sorted(sim.space.issues)
    assert client.stats.total > 13


def test_a_maintenance_page_with_status_200_is_malformed_and_one_with_503_unavailable(
    sim: Simulator, connect: Connect
) -> None:
    client = connect(sim, max_wait=30)
    sim.faults.add(Fault(kind="html", status=200))
    with pytest.raises(MalformedResponse, match="not JSON"):
        client.projects()
    sim.faults.add(Fault(kind="html", status=503, times=None))
    with pytest.raises(Unavailable, match="gave up after"):
        client.projects()


@pytest.mark.parametrize("plan", ["free", "paid"])
@pytest.mark.parametrize("reserve", [0.0, 0.2, 0.9])
def test_a_limited_plan_refuses_no_request(
    sim: Simulator, connect: Connect, plan: str, reserve: float
) -> None:
    sim.limits = PLANS[plan]
    waits: list[tuple[str, float, datetime]] = []
    client = connect(sim, reserve=reserve, on_wait=lambda *wait: waits.append(wait))
    for _ in range(3):
        assert all_ids(client) == sorted(sim.space.issues)
    assert sim.requests.count(status=429) == client.stats.rate_limited == 0
    assert all(0 < seconds <= 62 for _, seconds, _ in waits)
    assert client.stats.wait_seconds == pytest.approx(sum(seconds for _, seconds, _ in waits))
    searches = sim.requests.count(bucket="search")
    allowed = max(1, sim.limits.search * (1 - reserve) // 1)
    assert len(waits) <= searches / allowed + 1
    assert plan != "free" or waits


def test_a_load_continues_when_another_program_uses_up_the_limit(
    sim: Simulator, connect: Connect
) -> None:
    sim.limits = Limits(read=60, update=15, search=15, icon=15)
    client, other = connect(sim), connect(sim)
    ids = [all_ids(client), all_ids(other), all_ids(client)]
    assert ids == [sorted(sim.space.issues)] * 3
    assert sim.requests.count(status=429) <= 2


def test_limits_that_fall_while_it_runs_are_followed(sim: Simulator, connect: Connect) -> None:
    sim.limits = PLANS["paid"]
    sim.switch(limits_drop_after=60)
    client = connect(sim)
    for _ in range(5):
        assert all_ids(client) == sorted(sim.space.issues)
    assert sim.limits.search == 30
    assert sim.requests.count(status=429) <= 1


def test_the_clock_is_the_servers(sim: Simulator, connect: Connect) -> None:
    moment = datetime(2019, 2, 3, 4, 5, 6, tzinfo=UTC)
    sim.clock.freeze(moment)
    client = connect(sim)
    assert client.server_time is None
    client.space()
    assert client.server_time == moment
